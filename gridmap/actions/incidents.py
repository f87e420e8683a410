"""Report and close incidents. Each keeps the grid and the specialist that were responsible at its time."""

from datetime import datetime, timedelta
from typing import Final

from django.contrib.gis.geos import Point
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.models import Community, Subdistrict
from gridmap.actions.audit import record
from gridmap.models import Incident, IncidentState, User
from gridmap.permissions import windows
from gridmap.responsibility import Answer, locate

MAX_TEXT: Final = 4000
# Clocks of two machines differ by minutes; anything beyond is a slip of the keyboard.
CLOCK_SLACK: Final = timedelta(minutes=10)


class IncidentError(ValueError):
    """The incident cannot be stored as it stands. `field` names the input, the message is for a person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class StaleIncident(Exception):
    """Somebody else changed the incident meanwhile; `incident` is as it stands now."""

    def __init__(self, incident: Incident) -> None:
        who = incident.closed_by.get_username() if incident.closed_by else "–"
        if incident.state == IncidentState.CLOSED:
            message = _("%(who)s has closed incident %(number)s meanwhile. Nothing of yours was saved.")
        else:
            message = _("Incident %(number)s was changed meanwhile. Nothing of yours was saved; look again.")
        super().__init__(message % {"who": who, "number": incident.pk})
        self.incident = incident


@transaction.atomic
def report_incident(
    *,
    text: str,
    lon: float,
    lat: float,
    datum: str = "wgs84",
    accuracy_m: float | None = None,
    address: str = "",
    happened_at: datetime | None = None,
    subdistrict: Subdistrict | None = None,
    by: User,
) -> Incident:
    """Store what happened, with the grid and the specialist that were responsible there and then.

    Parameters
    ----------
    text : str
        What happened.
    lon, lat : float
        Degrees in `datum`.
    accuracy_m : float, optional
        Radius of the stated accuracy in metres.
    happened_at : datetime, optional
        Aware; now if not given.
    subdistrict : Subdistrict, optional
        Whose list an incident outside every community goes to; the only one, if there is one.
    by : User
        Takes it in: anywhere in the subdistricts of his or her roles, whichever community they are for.

    Raises
    ------
    IncidentError
        The text is missing or too long, the time lies ahead, nobody can tell whose incident it is, or it is that
        of a subdistrict for which `by` takes nothing in.
    PlaceError
        The coordinate is none, out of range or exchanged.
    """
    now = timezone.now()
    happened_at = happened_at or now
    text, address = text.strip(), address.strip()
    _check(text, address, happened_at, now)
    answer = locate(lon, lat, at=happened_at, datum=datum, accuracy_m=accuracy_m)
    community = _community(answer)
    chosen = answer.answer
    person = chosen.specialist if chosen else None
    home = community.subdistrict if community else _home(subdistrict)
    if home.pk not in windows(by, now):
        raise IncidentError(
            "place",
            _("The place belongs to %(subdistrict)s, where you hold no role. Hand the case to them.")
            % {"subdistrict": home.title},
        )
    incident = Incident.objects.create(
        subdistrict=home,
        text=text,
        address=address,
        point=Point(answer.where.lon, answer.where.lat, srid=4326),
        accuracy_m=accuracy_m,
        datum=datum,
        match=answer.match,
        community=community,
        grid_id=chosen.grid_id if chosen else None,
        specialist_id=person.id if person else None,
        happened_at=happened_at,
        reported_at=now,
        reported_by=by,
    )
    record(
        by=by,
        verb="report",
        noun="incident",
        object_id=incident.pk,
        details={"match": incident.match, "grid": incident.grid_id, "specialist": incident.specialist_id},
    )
    return incident


@transaction.atomic
def close_incident(*, incident: Incident, outcome: str, version: int, by: User) -> Incident:
    """Close an open incident with its outcome.

    Parameters
    ----------
    version : int
        The version that the closing person saw.

    Raises
    ------
    IncidentError
        No outcome is given.
    StaleIncident
        The incident was closed or changed since that version.
    """
    outcome = outcome.strip()
    if not outcome:
        raise IncidentError("outcome", _("Say how it ended, then close the incident."))
    if len(outcome) > MAX_TEXT:
        raise IncidentError("outcome", _too_long(outcome))
    # One statement compares and writes, so that of two who close at once exactly one wins.
    closed = Incident.objects.filter(pk=incident.pk, version=version, state=IncidentState.OPEN).update(
        state=IncidentState.CLOSED,
        outcome=outcome,
        closed_at=timezone.now(),
        closed_by=by,
        version=F("version") + 1,
    )
    current = Incident.objects.select_related("closed_by").get(pk=incident.pk)
    if not closed:
        raise StaleIncident(current)
    record(by=by, verb="close", noun="incident", object_id=incident.pk, details={"version": current.version})
    return current


def _check(text: str, address: str, happened_at: datetime, now: datetime) -> None:
    if not text:
        raise IncidentError("text", _("Write what happened, then save."))
    if len(text) > MAX_TEXT:
        raise IncidentError("text", _too_long(text))
    if len(address) > 200:
        raise IncidentError("address", _("The address is longer than 200 characters. Shorten it."))
    if timezone.is_naive(happened_at):
        raise IncidentError("happened_at", _("The time needs a time zone, e.g. 2020-04-30T14:05:00+08:00."))
    if happened_at > now + CLOCK_SLACK:
        raise IncidentError("happened_at", _("The time lies in the future. Check date and clock."))


def _too_long(text: str) -> str:
    return _("The text has %(length)s characters; at most %(most)s are kept. Shorten it.") % {
        "length": len(text),
        "most": MAX_TEXT,
    }


def _community(answer: Answer) -> Community | None:
    if answer.community is None:
        return None
    return Community.objects.select_related("subdistrict").get(code=answer.community["code"])


def _home(told: Subdistrict | None) -> Subdistrict:
    """Whose list an incident outside every community goes to."""
    if told is not None:
        return told
    known = list(Subdistrict.objects.all()[:2])
    if len(known) == 1:
        return known[0]
    raise IncidentError("place", _("The place lies outside every subdistrict. Say which one it is for."))
