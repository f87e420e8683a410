"""My grids: which households a specialist covers today, and no others."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Length
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from boundaries.models import Building, Outline, Placement, Subdistrict
from boundaries.models.constraints import in_force
from gridmap.actions import audit
from gridmap.models import Absence, Assignment, Household, Part, Resident, User
from gridmap.permissions import Permission, covered_grids, visible_households
from gridmap.views import hand_overs
from gridmap.views.context import map_data
from gridmap.views.visitor import require, user_of

MOST_FOUND = 100
# «3栋 2单元 1203室»: the word behind a number says which number it is.
_UNIT = re.compile(r"([0-9A-Za-z-]+)(栋|幢|座|号楼|号|单元|室|房)")
_FIELD_OF = {"号": "building__house_number", "单元": "entrance", "室": "room", "房": "room"}


@dataclass
class MyGrid:
    """A grid covered today: how it looks, what it holds, and why it is mine."""

    outline: Outline
    part: str
    for_whom: str = ""
    until: datetime | None = None
    households: int = 0
    people: int = 0


def my_grids(user: User, at: datetime) -> list[MyGrid]:
    """The grids that `user` covers at `at`. Four queries, whatever their number."""
    covered = covered_grids(user, at)
    outlines = (
        Outline.objects.in_force(at).filter(grid__in=covered).select_related("community").order_by("code")
    )
    posts = Assignment.objects.in_force(at).filter(grid__in=covered).select_related("specialist")
    own: dict[int, str] = {}
    leads: dict[int, Assignment] = {}
    for post in posts:
        if post.specialist.user_id == user.pk:
            own[post.grid_id] = post.part
        elif post.part == Part.LEAD:
            leads[post.grid_id] = post
    away = Absence.objects.filter(
        in_force(at), specialist__in=[post.specialist_id for post in leads.values()]
    )
    ends = {absence.specialist_id: absence.period.upper for absence in away}
    found = {outline.grid_id: MyGrid(outline, own.get(outline.grid_id, Part.MEMBER)) for outline in outlines}
    for grid_id, grid in found.items():
        if grid.part == Part.STAND_IN and (lead := leads.get(grid_id)):
            grid.for_whom, grid.until = lead.specialist.public_title, ends.get(lead.specialist_id)
    sums = visible_households(user, at).order_by().values("building__placements__grid")
    for grid_id, households, people in sums.annotate(n=Count("pk"), p=Sum("head_count")).values_list(
        "building__placements__grid", "n", "p"
    ):
        if grid_id in found:
            found[grid_id].households, found[grid_id].people = households, people
    return list(found.values())


def my_buildings(user: User, at: datetime) -> "QuerySet[Any]":
    """Buildings of covered grids with `n` households and `p` people in each."""
    placed = Placement.objects.filter(
        building=OuterRef("pk"), period__contains=at, grid__in=covered_grids(user, at)
    )
    living = Q(households__existed__contains=at)
    return (
        Building.objects.standing(at)
        .filter(Exists(placed))
        .select_related("compound", "street")
        .defer("footprint")
        .annotate(
            n=Count("households", filter=living),
            p=Coalesce(Sum("households__head_count", filter=living), Value(0)),
        )
        .order_by(
            "compound__name",
            "street__name",
            Length("number"),
            "number",
            Length("house_number"),
            "house_number",
            "id",
        )
    )


def list_context(request: HttpRequest, at: datetime) -> dict[str, Any]:
    """The list: compounds with their numbers, or what a search finds."""
    user, text = user_of(request), request.GET.get("q", "").strip()
    if text:
        found = search(user, at, text)
        return {"q": text, "found": found[:MOST_FOUND], "more": len(found) > MOST_FOUND}
    groups: dict[tuple[str, int], dict[str, Any]] = {}
    for building in my_buildings(user, at):
        owner = building.compound or building.street
        key = ("compound" if building.compound_id else "street", owner.pk if owner else 0)
        title = owner.title if owner else _("Without an address")
        group = groups.setdefault(key, {"key": key, "title": title, "buildings": [], "n": 0, "p": 0})
        group["buildings"].append(building)
        group["n"] += building.n
        group["p"] += building.p
    return {"q": "", "groups": list(groups.values())}


def search(user: User, at: datetime, text: str) -> list[Household]:
    """Doors that match every word: compound, street, building, entrance, room. Names are not searched."""
    rows = visible_households(user, at).select_related("building__compound", "building__street")
    for number, unit in _UNIT.findall(text):
        rows = rows.filter(**{f"{_FIELD_OF.get(unit, 'building__number')}__iexact": number})
    for word in _UNIT.sub(" ", text).split():
        rows = rows.filter(
            Q(building__compound__name__icontains=word)
            | Q(building__compound__name_en__icontains=word)
            | Q(building__street__name__icontains=word)
            | Q(building__street__name_en__icontains=word)
            | Q(building__name__icontains=word)
            | Q(building__number__iexact=word)
            | Q(building__house_number__iexact=word)
            | Q(room__istartswith=word)
        )
    order = (
        "building__compound__name",
        "building__street__name",
        "building__number",
        "entrance",
        "floor",
        "room",
    )
    return list(rows.order_by(*order, "id")[: MOST_FOUND + 1])


@login_required
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """The page: map of my grids, list of my compounds."""
    at, user = timezone.now(), require(request, Permission.VIEW_HOUSEHOLD)
    grids = my_grids(user, at)
    totals = {
        "households": sum(grid.households for grid in grids),
        "people": sum(grid.people for grid in grids),
    }
    box = _box([grid.outline for grid in grids])
    data = map_data(Subdistrict.objects.order_by("code").first()) | {"features": reverse("mine-map")}
    context = list_context(request, at) | {"grids": grids, "totals": totals, "at": at}
    context["hand_overs"] = hand_overs.of(user, at)
    context["map_data"] = data | ({"box": box} if box else {})
    return render(request, "mine/mine.html", context)


def _box(outlines: list[Outline]) -> list[float]:
    """West, south, east, north of all outlines together."""
    boxes = [outline.polygon.extent for outline in outlines]
    if not boxes:
        return []
    west, south, east, north = zip(*boxes, strict=True)
    return [min(west), min(south), max(east), max(north)]


@login_required
@require_GET
def mine_list(request: HttpRequest) -> HttpResponse:
    """The list alone, for the search box."""
    require(request, Permission.VIEW_HOUSEHOLD)
    return render(request, "mine/list.html", list_context(request, timezone.now()))


@login_required
@require_GET
def mine_map(request: HttpRequest) -> HttpResponse:
    """Outlines of my grids and my buildings as GeoJSON."""
    at, user = timezone.now(), require(request, Permission.VIEW_HOUSEHOLD)
    outlines = Outline.objects.in_force(at).filter(grid__in=covered_grids(user, at))
    features = [
        _feature(one.grid_id, one.polygon.json, layer="grid", label=one.title, code=one.code)
        for one in outlines
    ]
    features += [
        _feature(one.pk, one.footprint.json, layer="building", label=str(one), households=one.n)
        for one in my_buildings(user, at).defer(None)
    ]
    body = '{"type": "FeatureCollection", "features": [' + ",".join(features) + "]}"
    response = HttpResponse(body, content_type="application/geo+json")
    response["Cache-Control"] = "private, no-store"
    return response


def _feature(pk: int, geometry: str, **properties: Any) -> str:
    rest = JsonResponse(properties).content.decode()
    return f'{{"type": "Feature", "id": {pk}, "geometry": {geometry}, "properties": {rest}}}'


@login_required
@require_GET
def building(request: HttpRequest, pk: int) -> HttpResponse:
    """The doors of one building. Tags are personal: that they were shown is recorded."""
    at, user = timezone.now(), require(request, Permission.VIEW_HOUSEHOLD)
    found = get_object_or_404(my_buildings(user, at), pk=pk)
    doors = list(
        visible_households(user, at)
        .filter(building=found)
        .order_by(Length("entrance"), "entrance", "floor", Length("room"), "room")
    )
    if tagged := [door.pk for door in doors if door.tags]:
        audit.read(
            noun="household", object_ids=tagged, fields=["tags"], purpose=_("list of a building"), by=user
        )
    return render(request, "mine/building.html", {"building": found, "doors": doors})


@login_required
@require_GET
def household(request: HttpRequest, pk: int) -> HttpResponse:
    """One door, without names: those are asked for with a purpose."""
    at, user = timezone.now(), require(request, Permission.VIEW_HOUSEHOLD)
    found = get_object_or_404(_doors(user, at), pk=pk)
    audit.read(noun="household", object_ids=[pk], fields=["tags"], purpose=_("card of a household"), by=user)
    return render(request, "mine/household.html", {"household": found, "purpose": _("Visit in my own grid")})


@login_required
@require_POST
@transaction.atomic
def residents(request: HttpRequest, pk: int) -> HttpResponse:
    """The same door with the names of those who live there, once the reading is recorded."""
    at, user = timezone.now(), require(request, Permission.VIEW_HOUSEHOLD)
    found = get_object_or_404(_doors(user, at), pk=pk)
    purpose = request.POST.get("purpose", "")
    context: dict[str, Any] = {"household": found, "purpose": purpose}
    try:
        audit.read(
            noun="household", object_ids=[pk], fields=["name", "birth_year", "tags"], purpose=purpose, by=user
        )
    except audit.NoPurpose as error:
        return render(request, "mine/household.html", context | {"fault": str(error)})
    people = Resident.objects.filter(household=found, period__contains=at).order_by("birth_year", "id")
    return render(request, "mine/household.html", context | {"residents": list(people), "shown": True})


def _doors(user: User, at: datetime) -> QuerySet[Household]:
    return visible_households(user, at).select_related("building__compound", "building__street")
