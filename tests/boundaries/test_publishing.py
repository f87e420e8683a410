"""Putting plans in force, and the grids of buildings that follow from it, on real PostGIS."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from boundaries.actions.placements import place_buildings
from boundaries.actions.plans import PublishError, publish
from boundaries.models import Community, Edition, Outline, Placement, Plan, Publication
from boundaries.searching import search
from tests import factories
from tests.factories import CELL, FOUNDED, SOUTH, WEST, Town


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def redraw(town: Town, *, west: float = 0.0008, name: str = "Redraw") -> Plan:
    """Community 1 with the border between 1,0 and 1,1 moved by `west` degrees, past building 2."""
    plan = Plan.objects.create(subdistrict=town.subdistrict, name=name, base=town.plan)
    south, north = SOUTH + CELL, SOUTH + 2 * CELL
    border = WEST + CELL - west
    shapes = [
        factories.box(WEST, south, border, north),
        factories.box(border, south, WEST + 2 * CELL, north),
        factories.cell(1, 2),
    ]
    for column, shape in enumerate(shapes):
        old = Outline.objects.get(plan=town.plan, grid=town.grids[1][column])
        Outline.objects.create(
            grid=old.grid, plan=plan, community=old.community, code=old.code, name=old.name, polygon=shape
        )
    return plan


def grid_of(town: Town, building: int, at: datetime) -> int | None:
    """The stored grid of building `building` (0 or 1) of cell 1,0."""
    return (
        Placement.objects.filter(building=town.buildings[1][0][building], period__contains=at)
        .values_list("grid_id", flat=True)
        .first()
    )


def test_publishing_now_moves_only_what_changed(town: Town) -> None:
    before = set(Placement.objects.values_list("pk", flat=True))
    now = timezone.now() + timedelta(seconds=1)
    done = publish(plan=redraw(town), communities=[town.communities[1]], at=now, by=None)
    assert done.placements == 1, "building 2 leaves 1,0 and enters 1,1"
    assert grid_of(town, 1, now - timedelta(days=1)) == town.grids[1][0].pk
    assert grid_of(town, 1, now) == town.grids[1][1].pk
    assert grid_of(town, 0, now) == town.grids[1][0].pk
    assert before < set(Placement.objects.values_list("pk", flat=True)), "one row ended, one was added"
    old = Publication.objects.get(plan=town.plan, community=town.communities[1])
    assert old.period.upper == now
    assert Publication.objects.filter(plan=town.plan, period__endswith=None).count() == 2, "others go on"


def test_scheduling_and_squeezing_in(town: Town) -> None:
    """A plan scheduled for later stays when another is put in before it, and so do its buildings' grids."""
    soon, later = timezone.now() + timedelta(days=10), timezone.now() + timedelta(days=20)
    community = [town.communities[1]]
    publish(plan=redraw(town, west=0.0002, name="Later"), communities=community, at=later, by=None)
    publish(plan=redraw(town, name="Soon"), communities=community, at=soon, by=None)
    assert grid_of(town, 1, timezone.now()) == town.grids[1][0].pk
    assert grid_of(town, 1, soon) == town.grids[1][1].pk
    assert grid_of(town, 1, later) == town.grids[1][0].pk
    periods = Publication.objects.filter(community=town.communities[1]).order_by("period")
    assert [(p.period.lower, p.period.upper) for p in periods] == [
        (FOUNDED, soon),
        (soon, later),
        (later, None),
    ]


def test_publication_freezes_the_plan_and_raises_the_edition(town: Town) -> None:
    plan = redraw(town)
    publish(plan=plan, communities=[town.communities[1]], at=timezone.now() + timedelta(days=1), by=None)
    plan.refresh_from_db()
    assert plan.frozen_at is not None
    assert Edition.objects.get(layer="grids").number == 1


def test_override_survives_while_its_grid_lives_on(town: Town) -> None:
    building = town.buildings[1][0][0]
    Placement.objects.filter(building=building).update(grid=town.grids[1][2], is_override=True)
    now = timezone.now() + timedelta(seconds=1)
    publish(plan=redraw(town), communities=[town.communities[1]], at=now, by=None)
    assert grid_of(town, 0, now) == town.grids[1][2].pk


def refused(town: Town, plan: Plan, at: datetime | None = None) -> str:
    counts = Publication.objects.count(), Placement.objects.count()
    with pytest.raises(PublishError) as caught, transaction.atomic():
        publish(
            plan=plan,
            communities=[town.communities[1]],
            at=at or timezone.now() + timedelta(seconds=1),
            by=None,
        )
    assert (Publication.objects.count(), Placement.objects.count()) == counts, "nothing half-written"
    return str(caught.value)


def test_gap_overlap_and_overhang_are_refused(town: Town) -> None:
    plan = redraw(town)
    outline = Outline.objects.get(plan=plan, grid=town.grids[1][2])
    whole = outline.polygon
    outline.polygon = factories.cell(1, 2, inset=0.00001)
    outline.save()
    assert "m² of" in refused(town, plan)
    west, south, east, north = whole.extent
    outline.polygon = factories.box(west - 0.0003, south, east, north)
    outline.save()
    message = refused(town, plan)
    assert "overlap by" in message
    assert "510115001004002" in message
    assert "510115001004003" in message
    outline.polygon = factories.box(west, south, east + 0.0003, north)
    outline.save()
    assert "beyond the outline" in refused(town, plan)
    Outline.objects.filter(plan=plan).delete()
    assert "holds no grid" in refused(town, plan)


def test_grid_inside_another_is_an_overlap(town: Town) -> None:
    plan = redraw(town)
    Outline.objects.create(
        grid=town.grids[0][0],
        plan=plan,
        community=town.communities[1],
        code="510115001004009",
        name="inner",
        polygon=factories.cell(1, 2, inset=0.0005),
    )
    assert "overlap by" in refused(town, plan)


def test_start_in_the_past_is_refused_once_a_plan_is_in_force(town: Town) -> None:
    assert "past" in refused(town, redraw(town), at=timezone.now() - timedelta(days=1))


def test_same_start_twice_is_refused(town: Town) -> None:
    at = timezone.now() + timedelta(days=1)
    publish(plan=redraw(town), communities=[town.communities[1]], at=at, by=None)
    assert "very same time" in refused(town, redraw(town, name="Again"), at=at)


def test_first_plan_may_begin_in_the_past(town: Town) -> None:
    Placement.objects.all().delete()
    Publication.objects.all().delete()
    start = datetime(2019, 9, 1, tzinfo=factories.ZONE)
    done = publish(plan=town.plan, communities=list(Community.objects.all()), at=start, by=None)
    assert done.placements == 18
    assert grid_of(town, 0, start) == town.grids[1][0].pk
    assert grid_of(town, 0, start - timedelta(seconds=1)) is None


def test_placing_again_changes_nothing(town: Town) -> None:
    before = list(Placement.objects.order_by("pk").values_list("pk", "period"))
    assert place_buildings() == 0
    assert list(Placement.objects.order_by("pk").values_list("pk", "period")) == before


def test_building_that_was_built_later_is_placed_from_then_on(town: Town) -> None:
    opened = datetime(2021, 5, 1, tzinfo=factories.ZONE)
    building = town.buildings[1][0][0]
    building.existed = factories.during(opened, None)
    building.save()
    place_buildings(buildings=[building.pk])
    assert grid_of(town, 0, opened - timedelta(days=1)) is None
    assert grid_of(town, 0, opened) == town.grids[1][0].pk


def test_two_publications_at_a_time_are_impossible(town: Town) -> None:
    with pytest.raises(IntegrityError, match="publication_one_at_a_time"):
        Publication.objects.create(
            plan=town.plan, community=town.communities[0], period=factories.during(timezone.now(), None)
        )


def test_two_grids_at_a_time_are_impossible(town: Town) -> None:
    with pytest.raises(IntegrityError, match="placement_one_grid_at_a_time"):
        Placement.objects.create(
            building=town.buildings[0][0][0],
            grid=town.grids[2][2],
            period=factories.during(timezone.now(), None),
        )


def test_search_finds_the_grid_by_its_new_and_its_old_code(town: Town) -> None:
    plan = redraw(town)
    Outline.objects.filter(plan=plan, grid=town.grids[1][0]).update(code="510115001004077")
    at = timezone.now() + timedelta(seconds=1)
    publish(plan=plan, communities=[town.communities[1]], at=at, by=None)
    found = {code: search(code, at=at) for code in ("510115001004077", "510115001004001")}
    assert [hits[0].id for hits in found.values()] == [town.grids[1][0].pk] * 2


def test_search_says_what_became_of_a_grid_that_was_merged_away(town: Town) -> None:
    """Its code still finds it: since when it is closed, and whose ground it is."""
    plan = redraw(town)
    Outline.objects.filter(plan=plan, grid=town.grids[1][2]).delete()
    west, south = WEST + CELL - 0.0008, SOUTH + CELL
    east, north = WEST + 3 * CELL, SOUTH + 2 * CELL
    shape = factories.box(west, south, east, north)
    Outline.objects.filter(plan=plan, grid=town.grids[1][1]).update(polygon=shape)
    at = timezone.now() + timedelta(seconds=1)
    publish(plan=plan, communities=[town.communities[1]], at=at, by=None)
    hit = search("510115001004003", at=at)[0]
    assert hit.id == town.grids[1][2].pk
    assert "closed since" in hit.note
    assert "(510115001004002)" in hit.note
    assert search("510115001004003", at=at - timedelta(days=1))[0].note == ""
