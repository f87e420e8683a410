"""The dispatcher's desk: take in what happened, see who is responsible, follow what is open, close it."""

import json
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from boundaries.datum import DATUMS
from boundaries.locating import PlaceError
from boundaries.models import Outline, Subdistrict
from gridmap.actions.incidents import IncidentError, StaleIncident, close_incident, report_incident
from gridmap.models import Incident, IncidentState, Match
from gridmap.permissions import Permission, audience_of, visible_incidents, windows
from gridmap.responsibility import locate, town_zone
from gridmap.views.context import map_data
from gridmap.views.visitor import user_of

PAGE = 50
MOST_ON_MAP = 500


class TownTimeField(forms.DateTimeField):
    """A time as people at the desk read it off the wall: without an offset it is the town's clock."""

    def to_python(self, value: Any) -> datetime | None:
        """The instant; one query where a time is given."""
        if value in self.empty_values:
            return None
        with timezone.override(town_zone()):
            return super().to_python(value)


class CaseForm(forms.Form):
    """What the caller says, and where."""

    text = forms.CharField()
    address = forms.CharField(required=False)
    lon = forms.FloatField(error_messages={"required": _("Click on the map or choose an address.")})
    lat = forms.FloatField()
    datum = forms.ChoiceField(choices=[(datum, datum) for datum in DATUMS], required=False)
    happened_at = TownTimeField(required=False, input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%z"])


def may_use_desk(request: HttpRequest) -> None:
    """Raise PermissionDenied for those who may neither see nor report incidents."""
    user = user_of(request)
    if not (user.has_perm(Permission.VIEW_INCIDENT) or user.has_perm(Permission.REPORT_INCIDENT)):
        raise PermissionDenied


def listed(request: HttpRequest) -> QuerySet[Incident]:
    """Incidents that the user may see, by the filter in the address."""
    rows = visible_incidents(user_of(request), timezone.now())
    state = request.GET.get("state", IncidentState.OPEN)
    if state in IncidentState.values:
        rows = rows.filter(state=state)
    if text := request.GET.get("q", "").strip():
        found = Q(text__icontains=text) | Q(address__icontains=text)
        if text.lstrip("#").isdecimal() and len(text) < 18:
            found |= Q(pk=int(text.lstrip("#")))
        rows = rows.filter(found)
    return rows


def with_grids(incidents: list[Incident]) -> list[Incident]:
    """Give each incident `outline`: its grid's code and name today. One query for all."""
    wanted = {incident.grid_id for incident in incidents if incident.grid_id}
    outlines = Outline.objects.in_force(timezone.now()).filter(grid__in=wanted).defer("polygon")
    by_grid = {outline.grid_id: outline for outline in outlines}
    for incident in incidents:
        incident.outline = by_grid.get(incident.grid_id or 0)  # type: ignore[attr-defined]  # for the templates
    return incidents


def list_context(request: HttpRequest) -> dict[str, Any]:
    """The list of the panel: one page of incidents."""
    rows = listed(request).select_related("specialist", "community").order_by("-reported_at", "-id")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    state = request.GET.get("state", IncidentState.OPEN)
    return {"page": page, "incidents": with_grids(list(page)), "state": state, "q": request.GET.get("q", "")}


@login_required
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """The desk: map, new case, list."""
    may_use_desk(request)
    chosen = request.GET.get("incident", "")
    context = list_context(request) | {
        "may_report": user_of(request).has_perm(Permission.REPORT_INCIDENT),
        "chosen": int(chosen) if chosen.isdecimal() and len(chosen) < 18 else None,
        "datums": DATUMS,
        "map_data": map_data(Subdistrict.objects.order_by("code").first()),
    }
    return render(request, "desk/desk.html", context)


@login_required
@require_GET
def incident_list(request: HttpRequest) -> HttpResponse:
    """The list alone, as it stands now."""
    may_use_desk(request)
    return render(request, "desk/list.html", list_context(request))


@login_required
@require_GET
def incident_map(request: HttpRequest) -> HttpResponse:
    """The places of the listed incidents as GeoJSON; at most 500, the newest."""
    may_use_desk(request)
    rows = (
        listed(request)
        .order_by("-reported_at")[:MOST_ON_MAP]
        .values_list("id", "point", "state", "match", "text")
    )
    features = [
        {
            "type": "Feature",
            "id": pk,
            "geometry": {"type": "Point", "coordinates": [point.x, point.y]},
            "properties": {"state": state, "match": match, "label": f"#{pk} {text[:60]}"},
        }
        for pk, point, state, match, text in rows
    ]
    return JsonResponse({"type": "FeatureCollection", "features": features})


@login_required
@require_GET
def answer(request: HttpRequest) -> HttpResponse:
    """The card of who is responsible at a place, while the text is still being written."""
    may_use_desk(request)
    form = CaseForm({"text": "-", **request.GET.dict()})
    try:
        if not form.is_valid():
            raise PlaceError("missing", str(next(iter(form.errors.values()))[0]))
        data = form.cleaned_data
        found = locate(data["lon"], data["lat"], at=data["happened_at"], datum=data["datum"] or "wgs84")
    except PlaceError as error:
        return render(request, "desk/answer.html", {"fault": str(error)})
    told = found.as_json(audience_of(user_of(request)))
    return render(request, "desk/answer.html", {"answer": told, "outside": Match.OUTSIDE})


@login_required
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Store a case; the answer is its card, and the list and the map hear of it."""
    user = user_of(request)
    if not user.has_perm(Permission.REPORT_INCIDENT):
        raise PermissionDenied
    form = CaseForm(request.POST)
    if not form.is_valid():
        return render(request, "desk/faults.html", {"faults": form.errors})
    data = form.cleaned_data
    home = Subdistrict.objects.filter(pk__in=windows(user, timezone.now())).order_by("code").first()
    try:
        incident = report_incident(
            **{key: data[key] for key in ("text", "lon", "lat", "address")},
            datum=data["datum"] or "wgs84",
            happened_at=data["happened_at"],
            subdistrict=home,
            by=user,
        )
    except IncidentError as error:
        return render(request, "desk/faults.html", {"faults": {error.field: [str(error)]}})
    except PlaceError as error:
        return render(request, "desk/faults.html", {"faults": {"lon": [str(error)]}})
    # Whoever took it in sees what was stored, also where its ground is not his or hers.
    shown = card_context(request, incident.pk, Incident.objects.filter(pk=incident.pk))
    return changed(render(request, "desk/saved.html", shown), incident)


@login_required
@require_GET
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """One incident with all that is known about it; 404 where the user may not see it."""
    return render(request, "desk/card.html", card_context(request, pk))


@login_required
@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a case with its outcome; somebody else's change since is told, never overwritten."""
    user = user_of(request)
    incident = get_object_or_404(visible_incidents(user, timezone.now()), pk=pk)
    if not user.has_perm(Permission.CLOSE_INCIDENT, incident):
        raise PermissionDenied
    # An own case in a grid that was handed over meanwhile is out of sight once it is closed; its card is still the answer.
    shown = Incident.objects.filter(pk=incident.pk)
    version = request.POST.get("version", "")
    outcome = request.POST.get("outcome", "")
    try:
        close_incident(
            incident=incident, outcome=outcome, version=int(version) if version.isdecimal() else 0, by=user
        )
    except (IncidentError, StaleIncident) as error:
        context = card_context(request, pk, shown) | {"fault": str(error), "outcome": outcome}
        return render(request, "desk/card.html", context)
    return changed(render(request, "desk/card.html", card_context(request, pk, shown)), incident)


def card_context(request: HttpRequest, pk: int, rows: QuerySet[Incident] | None = None) -> dict[str, Any]:
    """What the card of an incident shows; 404 unless it is among `rows`, by default those the user may see."""
    user = user_of(request)
    rows = visible_incidents(user, timezone.now()) if rows is None else rows
    incident = get_object_or_404(
        rows.select_related("specialist", "community", "reported_by", "closed_by"), pk=pk
    )
    with_grids([incident])
    is_open = incident.state == IncidentState.OPEN
    return {"incident": incident, "may_close": is_open and user.has_perm(Permission.CLOSE_INCIDENT, incident)}


def changed(response: HttpResponse, incident: Incident) -> HttpResponse:
    """Tell list and map that incidents changed."""
    response["HX-Trigger"] = json.dumps({"incidents-changed": {"id": incident.pk}})
    return response
