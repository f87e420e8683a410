"""Register rows that matched no door: listed, and placed by a click on a building."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.gis.geos import Point
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from boundaries.locating import place
from boundaries.models import Building, Subdistrict
from gridmap.actions.imports import ImportRefused, place_register_row
from gridmap.models import RegisterRow, User
from gridmap.permissions import Permission, scope
from gridmap.views.context import map_data
from gridmap.views.visitor import require

PAGE = 100


def waiting(user: User) -> QuerySet[RegisterRow]:
    """Rows without a place in the subdistricts whose registers `user` may import."""
    allowed = scope(user, Permission.IMPORT_HOUSEHOLDS)
    return RegisterRow.objects.filter(allowed.rows(community=None), placed_as=None)


@login_required
@require_GET
def register(request: HttpRequest) -> HttpResponse:
    """The list beside the map. A row holds a door, never a name."""
    user = require(request, Permission.IMPORT_HOUSEHOLDS)
    text = request.GET.get("q", "").strip()
    rows = waiting(user)
    if text:
        rows = rows.filter(
            Q(compound__icontains=text) | Q(building__icontains=text) | Q(reason__icontains=text)
        )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    template = "imports/register_list.html" if request.headers.get("HX-Request") else "imports/register.html"
    return render(
        request,
        template,
        {"page": page, "q": text, "map_data": map_data(Subdistrict.objects.order_by("code").first())},
    )


@login_required
@require_GET
def register_building(request: HttpRequest) -> HttpResponse:
    """Which building lies under a click."""
    user = require(request, Permission.IMPORT_HOUSEHOLDS)
    try:
        asked = place(float(request.GET["lon"]), float(request.GET["lat"]))
    except (KeyError, ValueError):
        # a PlaceError is a ValueError
        return HttpResponse(status=422)
    allowed = scope(user, Permission.IMPORT_HOUSEHOLDS)
    found = (
        Building.objects.standing(timezone.now())
        .filter(allowed.rows(community=None), footprint__intersects=Point(asked.lon, asked.lat, srid=4326))
        .select_related("compound", "street")
        .first()
    )
    return render(request, "imports/register_building.html", {"building": found})


@login_required
@require_POST
def register_place(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a row its building."""
    user = require(request, Permission.IMPORT_HOUSEHOLDS)
    row = get_object_or_404(waiting(user), pk=pk)
    chosen = request.POST.get("building", "")
    building = get_object_or_404(
        Building.objects.standing(timezone.now()), pk=int(chosen) if chosen.isdecimal() else 0
    )
    try:
        place_register_row(row=row, building=building, by=user)
    except ImportRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            _("Row %(row)s is placed in %(building)s.") % {"row": row.row_number, "building": building},
        )
    page = Paginator(waiting(user), PAGE).get_page(request.GET.get("page"))
    return render(request, "imports/register_list.html", {"page": page, "q": "", "with_messages": True})
