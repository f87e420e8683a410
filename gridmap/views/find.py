"""«Find my grid specialist»: the page for residents. No sign-in, no session, works without JavaScript."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from ninja.errors import Throttled

from boundaries.locating import MAX_ACCURACY_M, PlaceError
from boundaries.models import Compound, PlaceKind, Placement, Subdistrict
from boundaries.searching import Hit, search
from gridmap.api.throttling import require_rate
from gridmap.responsibility import locate
from gridmap.views.context import map_data
from gridmap.views.words import find_words

# A whole name or code is taken at its word; anything less is offered for choice.
SURE = 900.0
# A community or a street is no place to send somebody to: ask on.
POINTS = {PlaceKind.COMPOUND, PlaceKind.BUILDING, PlaceKind.GRID}


@dataclass(slots=True)
class Found:
    """What the page shows: an answer, or places to choose from, or what went wrong."""

    answer: dict[str, Any] | None = None
    hits: list[Hit] = field(default_factory=list)
    wide: Hit | None = None
    compound: Compound | None = None
    place: str = ""
    problem: str = ""
    status: int = 200
    wait: int = 0


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """GET /?q= or /?lon=&lat=[&accuracy_m=]: the whole page, or its answer alone where a script asks for it."""
    found = _found(request)
    context: dict[str, Any] = {"found": found, "asked": request.GET.get("q", "")[:100]}
    if request.headers.get("HX-Request"):
        response = render(request, "find/answer.html", context, status=found.status)
    else:
        town = Subdistrict.objects.order_by("code").first()
        if town is None:
            return redirect("first-run")
        context |= {"map_data": map_data(town) | {"find": request.path}, "words": find_words()}
        response = render(request, "find/find.html", context, status=found.status)
    # Whose telephone answers may change within the minute.
    response["Cache-Control"] = "no-store"
    if found.wait:
        response["Retry-After"] = str(found.wait)
    return response


def _found(request: HttpRequest) -> Found:
    query = request.GET
    try:
        if query.get("lon") and query.get("lat"):
            require_rate(request)
            if shared := _shared_compound(query.get("compound", "")):
                return Found(place=shared.title, compound=shared)
            return _at(query["lon"], query["lat"], query.get("accuracy_m", ""), query.get("q", "")[:100])
        if query.get("compound_name") and query.get("number"):
            require_rate(request)
            return _named(f"{query['compound_name'][:60]} {query['number'][:8]}栋")
        if text := query.get("q", "").strip()[:100]:
            require_rate(request)
            return _named(text)
    except Throttled as busy:
        wait = _("Too many questions from here. Try again in %(seconds)s seconds.") % {
            "seconds": busy.wait or 60
        }
        return Found(problem=wait, status=429, wait=int(busy.wait or 60))
    return Found()


def _shared_compound(pk: str) -> Compound | None:
    """The compound, if its buildings belong to more than one grid today: then its name alone names nobody."""
    if not pk.isdecimal():
        return None
    now = timezone.now()
    grids = Placement.objects.filter(
        building__compound=int(pk[:12]), building__existed__contains=now, period__contains=now
    )
    several = len(grids.order_by("grid").values_list("grid", flat=True).distinct()[:2]) > 1
    return Compound.objects.filter(pk=int(pk[:12])).first() if several else None


def _at(lon: str, lat: str, accuracy: str, place: str) -> Found:
    try:
        metres = min(float(accuracy), MAX_ACCURACY_M) if accuracy else None
        answer = locate(float(lon), float(lat), accuracy_m=metres)
    except PlaceError as error:
        return Found(problem=str(error), status=422)
    except ValueError:
        return Found(problem=_("This is no place: longitude and latitude must be numbers."), status=422)
    return Found(answer=answer.as_json("public"), place=place)


def _named(text: str) -> Found:
    hits = search(text, limit=8, kinds=POINTS)
    if not hits:
        wide = search(text, limit=1)
        return Found(place=text, wide=wide[0] if wide else None)
    best = hits[0]
    alone = len(hits) == 1 or hits[1].score < best.score
    if best.score >= SURE and alone:
        if best.kind == PlaceKind.COMPOUND and (shared := _shared_compound(str(best.id))):
            return Found(place=shared.title, compound=shared)
        answer = locate(best.lon, best.lat).as_json("public")
        return Found(answer=answer, hits=hits[1:5], place=best.title)
    return Found(hits=hits, place=text)
