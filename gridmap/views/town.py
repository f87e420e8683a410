"""The town map: the page, its grids, their loads, and the card of what was clicked."""

import gzip
import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from ninja.errors import Throttled

from boundaries import features
from boundaries.locating import PlaceError
from boundaries.models import Subdistrict
from gridmap.api.throttling import is_signed_in, require_rate
from gridmap.permissions import Permission, audience_of, grants
from gridmap.responsibility import Answer, Responsible, locate
from gridmap.views.context import map_data
from gridmap.views.visible_loads import visible_loads
from gridmap.views.visitor import require, user_of
from gridmap.views.words import map_words
from gridmap.workload import target


def _chosen_town(request: HttpRequest) -> Subdistrict | None:
    """The town asked for, else the one of the user's own roles, else the first."""
    towns = Subdistrict.objects.order_by("code")
    if code := request.GET.get("town"):
        return towns.filter(code=code).first()
    own = [held.subdistrict_id for held in grants(user_of(request), timezone.now())]
    return towns.filter(pk__in=own).first() or towns.first()


@login_required
@require_safe
def town_map(request: HttpRequest) -> HttpResponse:
    """The page with the whole town."""
    town = _chosen_town(request)
    may_see_load = user_of(request).has_perm(Permission.VIEW_WORKLOAD)
    context = {
        "map_town": town,
        "towns": Subdistrict.objects.order_by("code").only("code", "name", "name_en"),
        "may_see_load": may_see_load,
        "map_data": map_data(town)
        | {"loads": may_see_load, "loads_url": reverse("map-loads"), "card": reverse("map-card")},
        "words": map_words(),
    }
    return render(request, "town/map.html", context)


@require_safe
def grids(request: HttpRequest) -> HttpResponse:
    """GET /map/grids.geojson: borders, names and kinds, the same for everybody; nothing about people."""
    if not is_signed_in(request):
        try:
            # One look at the map asks once or twice; many visitors of one office share an address.
            require_rate(request, kind="grids:", times=5)
        except Throttled as busy:
            text = _("Too many questions from here. Try again in %(seconds)s seconds.")
            return HttpResponse(
                text % {"seconds": busy.wait},
                status=429,
                content_type="text/plain; charset=utf-8",
                headers={"Retry-After": str(busy.wait), "Cache-Control": "no-store"},
            )
    now = timezone.now()
    town = request.GET.get("town", "")
    etag = f'W/"grids-{features.version(now)}-{len(town)}{town if town.isalnum() else ""}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response: HttpResponse = HttpResponseNotModified()
    else:
        body = features.collection(now, town).encode()
        response = HttpResponse(content_type="application/geo+json")
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 4, mtime=0)
            response["Content-Encoding"] = "gzip"
        response.content = body
    response["ETag"] = etag
    response["Cache-Control"] = "public, no-cache"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@login_required
@require_safe
def loads(request: HttpRequest) -> HttpResponse:
    """GET /map/loads.json: {"target", "measure", "loads": {grid id: [buildings, households, people]}}; staff only."""
    user = require(request, Permission.VIEW_WORKLOAD)
    town = _chosen_town(request)
    counted = visible_loads(user, Permission.VIEW_WORKLOAD, timezone.now(), town)
    aim = target(town, counted)
    response = JsonResponse(
        {
            "target": aim.value,
            "measure": aim.measure,
            "is_norm": aim.is_norm,
            "loads": {load.grid_id: [load.buildings, load.households, load.people] for load in counted},
        }
    )
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_safe
def card(request: HttpRequest) -> HttpResponse:
    """GET /map/card?lon=&lat= or ?grid=: who is responsible there, as a fragment for the panel."""
    now = timezone.now()
    try:
        if grid := request.GET.get("grid"):
            place = features.place_in_grid(int(grid), now)
            if place is None:
                raise PlaceError(
                    "unknown", _("This grid is not in force today. It may have been merged away.")
                )
            answer = locate(*place, at=now)
            chosen = _of_grid(answer, int(grid))
        else:
            answer = locate(float(request.GET["lon"]), float(request.GET["lat"]), at=now)
            chosen = answer.answer
    except (PlaceError, KeyError, ValueError) as error:
        message = (
            str(error) if isinstance(error, PlaceError) else _("This is no place: two numbers are needed.")
        )
        return render(request, "town/card_error.html", {"message": message})
    told = audience_of(user_of(request))
    audience = told(chosen.community if chosen else answer.community)
    context = {
        "answer": answer.as_json(told),
        # one click may name a grid across a border of communities: each is shown as its own ground permits
        "chosen": chosen.as_json(audience) if chosen else None,
        "is_staff": audience == "staff",
        "by_grid": bool(grid),
    }
    response = render(request, "town/card.html", context)
    if chosen:
        response["HX-Trigger"] = json.dumps({"gridmap:card": {"grid": chosen.grid_id}})
    return response


def _of_grid(answer: Answer, grid: int) -> Responsible | None:
    """The grid that was asked for, even where a building at that spot belongs to its neighbour."""
    near = [answer.answer, *answer.candidates]
    return next((each for each in near if each is not None and each.grid_id == grid), answer.answer)
