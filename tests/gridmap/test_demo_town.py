"""The demo town in the database: every planted story is found there. The town is loaded once for all these tests."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth import authenticate
from django.db import connection, transaction
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from boundaries.models import (
    Building,
    Compound,
    Edition,
    Grid,
    Land,
    Outline,
    Placement,
    Publication,
    Subdistrict,
)
from fixtures.town.stream import TABLES
from gridmap import responsibility
from gridmap.actions import demo
from gridmap.models import (
    Absence,
    Assignment,
    Household,
    Incident,
    Match,
    Part,
    Resident,
    Role,
    RoleGrant,
    ServiceCentre,
    Specialist,
    User,
)
from tests.town import TODAY, generated, load_town

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def town_in_place(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[demo.Loaded]:
    """The small town with its logins, in a transaction that is undone at the end, written as the tables' owner."""
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE NONE")
        yield load_town(logins=True)
        transaction.set_rollback(True)


@pytest.fixture
def loaded(town_in_place: demo.Loaded, db: None) -> demo.Loaded:
    """The town as it was loaded: what a test does to it is undone after it."""
    return town_in_place


@pytest.fixture
def now(loaded: demo.Loaded) -> datetime:
    """Noon of the town's day."""
    return datetime.combine(TODAY, time(12), Subdistrict.objects.get().zone)


def answer_at(incident: Incident, at: datetime) -> responsibility.Answer:
    """Who is responsible at the incident's place."""
    return responsibility.locate(incident.point.x, incident.point.y, at=at)


def test_every_table_holds_the_rows_of_the_stream(loaded: demo.Loaded) -> None:
    assert set(loaded.rows) == set(TABLES)
    town = generated()
    assert Building.objects.count() == len(town.built.buildings)
    assert Household.objects.count() == len(town.people.size)
    assert Resident.objects.count() == 15_926 == sum(Household.objects.values_list("head_count", flat=True))
    assert Subdistrict.objects.get().is_synthetic
    assert set(Edition.objects.values_list("layer", flat=True)) >= {"grids", "ground", "buildings"}


def test_keys_go_on_after_the_load(loaded: demo.Loaded) -> None:
    grid = Grid.objects.create(subdistrict=Subdistrict.objects.get())
    assert grid.pk > loaded.rows["boundaries_grid"], "the town's, and those of the drafts"


def test_every_building_lies_in_the_grid_it_is_placed_in(now: datetime) -> None:
    outlines = Outline.objects.in_force(now)
    placed = Placement.objects.filter(period__contains=now)
    assert placed.count() == Building.objects.count()
    for outline in outlines:
        mine = Building.objects.filter(placements__grid=outline.grid_id, placements__period__contains=now)
        assert not mine.exclude(point__coveredby=outline.polygon).exists()


def test_quarantine_in_yiyun_town(loaded: demo.Loaded) -> None:
    households = Household.objects.filter(tags__contains=["quarantine"])
    assert households.count() == 20
    assert set(households.values_list("building__compound__name", flat=True)) == {"依云镇"}
    assert set(households.values_list("building__community__code", flat=True)) == {"510115001044"}


def test_three_households_of_elders_alone_in_nanjie(now: datetime) -> None:
    households = Household.objects.filter(
        tags__contains=["elder_alone"], building__community__code="510115001004"
    )
    assert households.count() == 3
    for household in households:
        (resident,) = household.residents.all()
        assert household.head_count == 1
        assert resident.birth_year is not None
        assert resident.birth_year <= TODAY.year - 76


def test_key_contacts_in_their_compounds(loaded: demo.Loaded) -> None:
    for name in ("康成家园", "成钞厂家属区"):
        compound = Compound.objects.get(name=name)
        assert compound.community.code == "510115001002"
        assert Resident.objects.filter(
            tags__contains=["key_contact"], household__building__compound=compound
        ).exists()


def test_verification_visit_in_tuanjie_lane(loaded: demo.Loaded) -> None:
    household = Household.objects.get(tags__contains=["verify"])
    building = household.building
    assert building.community is not None
    assert building.community.code == "510115001004"
    street = building.street.name if building.street else ""
    address = building.compound.address if building.compound else ""
    assert "团结巷" in (street + address)


def test_metro_works_cut_off_the_xijie_centre(loaded: demo.Loaded) -> None:
    centre = ServiceCentre.objects.get(communities__code="510115001006")
    site = Land.objects.get(name="地铁站施工围挡")
    assert site.kind == "site"
    assert centre.point.distance(site.area) * 100_000 < 2  # metres, near enough
    building = Building.objects.get(name=centre.name)
    assert building.use == "public"
    assert building.footprint.contains(centre.point)
    assert not site.area.intersects(building.footprint)


def test_incident_on_a_border(now: datetime) -> None:
    incident = Incident.objects.get(match=Match.EDGE)
    answer = answer_at(incident, now)
    assert answer.match == "edge"
    assert answer.answer is not None
    assert answer.answer.grid_id == incident.grid_id
    holding = Outline.objects.in_force(now).filter(polygon__intersects=incident.point)
    assert holding.count() == 2


def test_incident_outside_every_grid(now: datetime) -> None:
    incident = Incident.objects.get(match=Match.OUTSIDE)
    assert incident.grid is None
    assert incident.specialist is None
    assert answer_at(incident, now).match == "outside"


def test_incident_where_the_grid_changed_hands(now: datetime) -> None:
    redraw = Publication.objects.exclude(period__endswith=None).get().period.upper
    assert redraw is not None
    assert timedelta(0) < now - redraw < timedelta(days=62)
    assert (redraw.astimezone(now.tzinfo).year, redraw.astimezone(now.tzinfo).month) == (2026, 10)
    incident = Incident.objects.get(happened_at__lt=redraw)
    before, after = answer_at(incident, incident.happened_at), answer_at(incident, now)
    assert before.match == after.match == "inside"
    assert before.answer is not None
    assert after.answer is not None
    assert before.answer.grid_id == incident.grid_id
    assert after.answer.grid_id != incident.grid_id
    lead = Assignment.objects.get(
        grid=incident.grid_id, part=Part.LEAD, period__contains=incident.happened_at
    )
    assert lead.specialist_id == incident.specialist_id


def test_every_other_incident_agrees_with_locating(loaded: demo.Loaded) -> None:
    usual = Incident.objects.filter(match=Match.INSIDE)
    assert usual.count() >= 5
    for incident in usual:
        answer = answer_at(incident, incident.happened_at)
        assert answer.match == "inside"
        assert answer.answer is not None
        assert answer.answer.grid_id == incident.grid_id


def test_leads_on_leave_with_and_without_a_stand_in(now: datetime) -> None:
    away = Absence.objects.filter(period__contains=now)
    assert away.count() == 2
    found = set()
    for absence in away:
        leads = Assignment.objects.filter(
            specialist=absence.specialist_id, part=Part.LEAD, period__contains=now
        )
        for lead in leads.filter(grid__outlines__kind="all").distinct():
            outline = Outline.objects.in_force(now).get(grid=lead.grid_id)
            spot = outline.polygon.point_on_surface
            found.add(responsibility.locate(spot.x, spot.y, at=now).answers)
    assert found == {"stand_in", "duty_telephone"}


def test_responsibility_in_the_past_differs(now: datetime) -> None:
    def leads(at: datetime) -> set[tuple[int, int]]:
        rows = Assignment.objects.filter(part=Part.LEAD, period__contains=at)
        return set(rows.values_list("grid_id", "specialist_id"))

    assert leads(now) != leads(now.replace(year=2020))


def test_a_login_for_every_role(loaded: demo.Loaded, now: datetime) -> None:
    assert {login.username for login in loaded.logins} == {name for name, _role in demo.LOGINS}
    assert set(RoleGrant.objects.values_list("role", flat=True)) == set(Role.values)
    assert User.objects.filter(is_demo=True).count() == len(demo.LOGINS)
    for login in loaded.logins:
        with override_settings(TOWN="demo"):
            assert authenticate(username=login.username, password=login.password) is not None
        with override_settings(TOWN="empty"):
            assert authenticate(username=login.username, password=login.password) is None
    for name in ("specialist", "neighbour"):
        held = Assignment.objects.filter(
            specialist__user__username=name, part=Part.LEAD, period__contains=now
        )
        assert held.exists()
    visited = Household.objects.get(tags__contains=["verify"])
    grid = Placement.objects.get(building=visited.building_id, period__contains=now).grid_id
    assert (
        Specialist.objects.get(user__username="specialist")
        .assignments.filter(grid=grid, part=Part.LEAD)
        .exists()
    )


def test_passwords_differ_between_installations(loaded: demo.Loaded) -> None:
    assert len({login.password for login in loaded.logins}) == len(loaded.logins)
