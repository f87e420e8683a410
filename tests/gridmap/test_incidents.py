"""Incidents: stored with whoever was responsible then and there, closed once, all or nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from boundaries.datum import from_wgs84
from boundaries.locating import PlaceError
from boundaries.models import Subdistrict
from gridmap.actions.incidents import IncidentError, StaleIncident, close_incident, report_incident
from gridmap.models import AuditEntry, Incident, IncidentState, Match, Role
from tests import factories
from tests.gridmap.conftest import Cast


def _report(cast: Cast, row: int, column: int, **more: Any) -> Incident:
    place = factories.middle(row, column)
    values: dict[str, Any] = {
        "text": "水管漏水",
        "lon": place.x,
        "lat": place.y,
        "by": cast.user("dispatcher"),
    }
    return report_incident(**{**values, **more})


@pytest.mark.parametrize(
    ("row", "column", "who"),
    [(0, 0, "lead"), (0, 2, "neighbour"), (1, 0, "stand_in"), (1, 1, "busy"), (2, 0, None)],
    ids=["lead", "lead with a member", "lead away", "stand-in waits", "vacant"],
)
def test_it_keeps_its_grid_and_who_answered(cast: Cast, row: int, column: int, who: str | None) -> None:
    incident = _report(cast, row, column)
    assert (incident.match, incident.grid) == (Match.INSIDE, cast.town.grids[row][column])
    assert incident.community == cast.town.communities[row]
    assert incident.specialist == (cast.specialists[who] if who else None)


def test_it_asks_who_was_responsible_when_it_happened(cast: Cast) -> None:
    """`former` led 2,0 until 30 days ago; the grid is vacant since."""
    then = timezone.now() - timedelta(days=40)
    assert _report(cast, 2, 0, happened_at=then).specialist == cast.specialists["former"]
    assert _report(cast, 2, 0).specialist is None


def test_an_absence_that_began_later_does_not_count(cast: Cast) -> None:
    then = timezone.now() - timedelta(days=10)
    assert _report(cast, 1, 0, happened_at=then).specialist == cast.specialists["away"]


def test_outside_every_grid_is_kept_and_flagged(cast: Cast) -> None:
    incident = _report(cast, 0, 0, lon=103.9, lat=30.9, subdistrict=cast.town.subdistrict)
    assert (incident.match, incident.grid, incident.specialist) == (Match.OUTSIDE, None, None)
    assert incident.subdistrict == cast.town.subdistrict


def test_outside_with_two_subdistricts_needs_to_be_told_which(cast: Cast) -> None:
    with pytest.raises(IncidentError, match="outside every subdistrict") as caught:
        _report(cast, 0, 0, lon=103.9, lat=30.9)
    assert caught.value.field == "place"


def test_a_gcj_coordinate_lands_in_the_grid_that_was_meant(cast: Cast) -> None:
    """Taken as WGS 84 the same numbers lie in another grid: the shift there is about 360 m."""
    place = factories.middle(0, 0)
    lon, lat = (float(value) for value in from_wgs84(place.x, place.y, "gcj02"))
    incident = _report(cast, 0, 0, lon=lon, lat=lat, datum="gcj02")
    assert (incident.datum, incident.grid) == ("gcj02", cast.town.grids[0][0])
    assert incident.point.distance(place) < 1e-7
    wrong = _report(cast, 0, 0, lon=lon, lat=lat)
    assert wrong.grid != incident.grid


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"text": "  "}, "text"),
        ({"text": "长" * 4001}, "text"),
        ({"address": "长" * 201}, "address"),
        ({"happened_at": timezone.now() + timedelta(hours=1)}, "happened_at"),
        ({"happened_at": timezone.now().replace(tzinfo=None)}, "happened_at"),
    ],
    ids=["no text", "text too long", "address too long", "future", "no zone"],
)
def test_what_cannot_be_stored_is_refused_by_field(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(IncidentError) as caught:
        _report(cast, 0, 0, **wrong)
    assert caught.value.field == field
    assert not Incident.objects.exists()


def test_swapped_coordinates_are_refused(cast: Cast) -> None:
    with pytest.raises(PlaceError) as caught:
        _report(cast, 0, 0, lon=30.7, lat=103.83)
    assert caught.value.code == "swapped"


def test_reporting_and_closing_leave_their_record(cast: Cast) -> None:
    by = cast.user("dispatcher")
    incident = _report(cast, 0, 0)
    closed = close_incident(incident=incident, outcome=" 已修好 ", version=1, by=by)
    assert (closed.state, closed.outcome, closed.version, closed.closed_by) == (
        IncidentState.CLOSED,
        "已修好",
        2,
        by,
    )
    assert [(entry.verb, entry.by, entry.object_id) for entry in AuditEntry.objects.order_by("id")] == [
        ("report", by, str(incident.pk)),
        ("close", by, str(incident.pk)),
    ]
    assert "漏水" not in str(list(AuditEntry.objects.values()))


def test_of_two_who_close_at_once_one_is_told(cast: Cast) -> None:
    incident = _report(cast, 0, 0)
    close_incident(incident=incident, outcome="已修好", version=1, by=cast.user("dispatcher"))
    with pytest.raises(StaleIncident, match="dispatcher has closed incident"):
        close_incident(incident=incident, outcome="没人在家", version=1, by=cast.user("supervisor"))
    incident.refresh_from_db()
    assert incident.outcome == "已修好"


def test_closing_needs_an_outcome(cast: Cast) -> None:
    incident = _report(cast, 0, 0)
    with pytest.raises(IncidentError) as caught:
        close_incident(incident=incident, outcome=" ", version=1, by=cast.user("dispatcher"))
    assert caught.value.field == "outcome"


def test_nothing_is_saved_without_its_record(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = _report(cast, 0, 0)

    def broken(**_values: Any) -> None:
        raise DatabaseError("the record cannot be written")

    monkeypatch.setattr(AuditEntry.objects, "create", broken)
    with pytest.raises(DatabaseError):
        _report(cast, 0, 1)
    with pytest.raises(DatabaseError):
        close_incident(incident=incident, outcome="已修好", version=1, by=cast.user("dispatcher"))
    assert list(Incident.objects.values_list("pk", "state")) == [(incident.pk, IncidentState.OPEN)]


def test_one_window_accepts_everything_of_its_own_subdistrict_only(cast: Cast) -> None:
    assert _report(cast, 2, 0, by=cast.user("dispatcher_0")).community == cast.town.communities[2]
    neighbour = factories.make_user("next_door")
    factories.grant(neighbour, Role.DISPATCHER, Subdistrict.objects.get(code="510115002"))
    for more in ({}, {"lon": 103.9, "lat": 30.9, "subdistrict": cast.town.subdistrict}):
        with pytest.raises(IncidentError, match="where you hold no role") as caught:
            _report(cast, 0, 0, by=neighbour, **more)
        assert caught.value.field == "place"
    assert Incident.objects.count() == 1
