"""Incidents: the list on one's ground, reporting, closing."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from boundaries.models import Subdistrict
from gridmap.actions.incidents import close_incident, report_incident
from gridmap.api.areas import Code, Id
from gridmap.api.auth import SIGNED_IN, account
from gridmap.api.inputs import ERRORS, At, moment
from gridmap.api.problems import ApiError, Problem
from gridmap.api.shapes import CloseIn, Feature, IncidentIn, Page
from gridmap.models import Incident, User
from gridmap.permissions import Permission, visible_incidents

router = Router(tags=["Incidents"], auth=SIGNED_IN)


@router.get("/incidents", response={200: Page} | ERRORS, summary="Incidents on the caller's ground")
def incidents(
    request: HttpRequest,
    state: Literal["open", "closed"] | None = None,
    community: Code = None,
    grid: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Id of the grid.")] = None,
    since: At = None,
    until: At = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(max_length=60, description="`next` of the page before.")] = None,
) -> dict[str, Any]:
    """Newest first, by the time at which they were reported: `since` is included, `until` is not."""
    user = _permitted(request, Permission.VIEW_INCIDENT)
    rows = _visible(user)
    if state:
        rows = rows.filter(state=state)
    if community:
        rows = rows.filter(community__code=community)
    if grid:
        rows = rows.filter(grid=grid)
    if since:
        rows = rows.filter(reported_at__gte=moment(since))
    if until:
        rows = rows.filter(reported_at__lt=moment(until))
    if after:
        reported, key = _cursor(after)
        rows = rows.filter(Q(reported_at__lt=reported) | Q(reported_at=reported, pk__lt=key))
    page = list(rows.order_by("-reported_at", "-id")[: limit + 1])
    last = page[limit - 1] if len(page) > limit else None
    return {
        "features": [_feature(each) for each in page[:limit]],
        "next": f"{last.reported_at.isoformat()}_{last.pk}" if last else None,
    }


@router.get("/incidents/{id}", response={200: Feature} | ERRORS, summary="One incident")
def incident(request: HttpRequest, id: Id) -> dict[str, Any]:  # noqa: A002  # the address says id
    """An incident; 404 for one that the caller may not see."""
    return _feature(_found(account(request), id))


@router.post("/incidents", response={201: Feature} | ERRORS, summary="Report an incident")
def report(request: HttpRequest, body: IncidentIn, response: HttpResponse) -> Status[dict[str, Any]]:
    """Store what happened with the grid and the specialist that were responsible there and then."""
    user = _permitted(request, Permission.REPORT_INCIDENT)
    home = None
    if body.subdistrict:
        home = Subdistrict.objects.filter(code=body.subdistrict).first()
        if home is None:
            raise ApiError(
                422, "subdistrict", _("There is no subdistrict with this code."), field="subdistrict"
            )
    made = report_incident(
        text=body.text,
        lon=body.lon,
        lat=body.lat,
        datum=body.datum,
        accuracy_m=body.accuracy_m,
        address=body.address,
        happened_at=moment(body.happened_at),
        subdistrict=home,
        by=user,
    )
    response["Location"] = f"{request.path}/{made.pk}"
    return Status(201, _feature(_joined(Incident.objects.all()).get(pk=made.pk)))


@router.post(
    "/incidents/{id}/close",
    response={200: Feature, 409: Problem} | ERRORS,
    summary="Close an incident",
)
def close(request: HttpRequest, id: Id, body: CloseIn) -> dict[str, Any]:  # noqa: A002  # the address says id
    """Close with its outcome; 409 where somebody else was first, with the version that is current now."""
    user = account(request)
    found = _found(user, id)
    if not user.has_perm(Permission.CLOSE_INCIDENT, found):
        raise PermissionDenied
    close_incident(incident=found, outcome=body.outcome, version=body.version, by=user)
    return _feature(_joined(Incident.objects.all()).get(pk=found.pk))


def _permitted(request: HttpRequest, permission: Permission) -> User:
    user = account(request)
    if not user.has_perm(permission):
        raise PermissionDenied
    return user


def _joined(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    related = ("subdistrict", "community", "specialist", "reported_by", "closed_by")
    return rows.select_related(*related).defer("subdistrict__outline", "community__outline")


def _visible(user: User) -> QuerySet[Incident]:
    return _joined(visible_incidents(user, timezone.now()))


def _found(user: User, key: int) -> Incident:
    found = _visible(user).filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def _cursor(text: str) -> tuple[datetime, int]:
    stamp, _underscore, key = text.replace(" ", "+").rpartition("_")
    try:
        reported, number = datetime.fromisoformat(stamp), int(key)
    except ValueError:
        raise ApiError(422, "after", _("Send “next” of the page before, as it is."), field="after") from None
    if reported.tzinfo is None or not 2 <= reported.year <= 9998 or not 0 <= number < 2**63:
        raise ApiError(422, "after", _("Send “next” of the page before, as it is."), field="after")
    return reported, number


def _feature(incident: Incident) -> dict[str, Any]:
    person = incident.specialist
    return {
        "id": incident.pk,
        "geometry": {"type": "Point", "coordinates": [incident.point.x, incident.point.y]},
        "properties": {
            "text": incident.text,
            "address": incident.address,
            "state": incident.state,
            "match": incident.match,
            "subdistrict": incident.subdistrict.code,
            "community": incident.community.code if incident.community else None,
            "grid": incident.grid_id,
            "specialist": (
                {
                    "name": person.public_name,
                    "name_en": person.public_name_en,
                    "telephone": person.duty_telephone,
                }
                if person
                else None
            ),
            "accuracy_m": incident.accuracy_m,
            "datum": "wgs84",
            "input_datum": incident.datum,
            "happened_at": incident.happened_at.isoformat(),
            "reported_at": incident.reported_at.isoformat(),
            "reported_by": incident.reported_by.get_username() if incident.reported_by else None,
            "closed_at": incident.closed_at.isoformat() if incident.closed_at else None,
            "closed_by": incident.closed_by.get_username() if incident.closed_by else None,
            "outcome": incident.outcome,
            "version": incident.version,
        },
    }
