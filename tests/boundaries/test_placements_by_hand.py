"""A building given to a grid by hand keeps it for as long as that grid lives on, whatever is scheduled and withdrawn.

In community 1 of the tiny town building 0 of the grid 1,0 stands on 1,0 and was given to 1,2 yesterday::

    +-----------+-----------+-----------+
    |  a   x····|···········|···> c     |     away: c is merged into b      word: a has another name
    +-----------+-----------+-----------+
"""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.utils import timezone

from boundaries.actions.draft_errors import DraftError
from boundaries.actions.placements import place_buildings
from boundaries.actions.plans import publish, withdraw
from boundaries.comparing import stock_of
from boundaries.findings import building_grids, outlines_of
from boundaries.models import Building, Placement, Plan, Publication
from boundaries.models.constraints import always
from gridmap.draft_numbers import draft_buildings
from tests import factories
from tests.boundaries.draft_town import across, done, draft_of
from tests.factories import Town, during

NOW = timezone.now().replace(microsecond=0)
FIRST, SECOND, THIRD = (NOW + timedelta(days=days) for days in (10, 20, 30))
Row = tuple[int, int, datetime | None, datetime | None, bool]


@pytest.fixture
def town(db: None) -> Town:
    town = factories.make_town(homes=False)
    give(town, town.buildings[1][0][0], town.grids[1][2].pk)
    return town


def give(town: Town, building: Building, grid: int) -> None:
    """Give a building to a grid by hand since yesterday."""
    yesterday = NOW - timedelta(days=1)
    old = Placement.objects.get(building=building)
    old.period = during(old.period.lower, yesterday)
    old.save()
    Placement.objects.create(
        building=building, grid_id=grid, period=during(yesterday, None), is_override=True,
        publication=old.publication,
    )  # fmt: skip


def rows() -> list[Row]:
    return [
        (one.building_id, one.grid_id, one.period.lower, one.period.upper, one.is_override)
        for one in Placement.objects.order_by("building", "period")
    ]


def grid_at(town: Town, at: datetime) -> int:
    return Placement.objects.get(building=town.buildings[1][0][0], period__contains=at).grid_id


def away(town: Town) -> Plan:
    draft = draft_of(town, 1, name="Away")
    done(draft, "merge", grids=[town.grids[1][1].pk, town.grids[1][2].pk], into=town.grids[1][1].pk)
    return draft


def word(town: Town, name: str = "改名") -> Plan:
    draft = draft_of(town, 1, name=name)
    done(draft, "rename", grid=town.grids[1][0].pk, name=name)
    return draft


def put(town: Town, plan: Plan, at: datetime, **more: Any) -> list[Publication]:
    return publish(plan=plan, communities=[town.communities[1]], at=at, by=None, **more).publications


def test_a_plan_put_before_a_scheduled_one_keeps_what_was_given_by_hand(town: Town) -> None:
    before, (a, _b, c) = rows(), (grid.pk for grid in town.grids[1])
    earlier = word(town)
    later = put(town, away(town), SECOND)
    assert (grid_at(town, SECOND - timedelta(days=1)), grid_at(town, SECOND)) == (c, a)
    named = put(town, earlier, FIRST)
    assert [grid_at(town, at) for at in (NOW, FIRST, SECOND)] == [c, c, a]
    withdraw(publications=later, by=None)
    assert [grid_at(town, at) for at in (NOW, FIRST, SECOND)] == [c, c, c]
    withdraw(publications=named, by=None)
    assert rows() == before


def test_in_whatever_order_plans_are_scheduled_and_withdrawn(town: Town) -> None:
    """The rows depend on what stands, not on how it came to stand; with nothing left they are as they were."""
    before, (a, _b, c) = rows(), (grid.pk for grid in town.grids[1])
    names = ("word", "away", "back")
    for put_in in permutations(names):
        plans = {"word": (word(town), FIRST), "away": (away(town), SECOND), "back": (word(town, "又"), THIRD)}
        made = {name: put(town, *plans[name]) for name in put_in}
        seen = [grid_at(town, at) for at in (NOW, FIRST, SECOND, THIRD)]
        assert seen == [c, c, a, a], put_in
        assert place_buildings() == 0, put_in
        for name in put_in:
            withdraw(publications=made[name], by=None)
        assert rows() == before, put_in


def test_a_building_that_was_let_go_stays_let_go(town: Town) -> None:
    """Also when a plan before it takes the grid away, and is withdrawn again."""
    before, (a, _b, c) = rows(), (grid.pk for grid in town.grids[1])
    drafts = word(town, "一"), word(town, "三"), away(town)
    letting = put(town, word(town, "二"), SECOND, released=[town.buildings[1][0][0].pk, 0])
    put_before, put_after = put(town, drafts[0], FIRST), put(town, drafts[1], THIRD)
    assert [grid_at(town, at) for at in (FIRST, SECOND, THIRD)] == [c, a, a]
    ending = put(town, drafts[2], FIRST + timedelta(days=1))
    assert [grid_at(town, at) for at in (FIRST, FIRST + timedelta(days=1), SECOND)] == [c, a, a]
    withdraw(publications=ending, by=None)
    assert [grid_at(town, at) for at in (FIRST, SECOND, THIRD)] == [c, a, a]
    assert place_buildings() == 0
    withdraw(publications=letting, by=None)
    assert [grid_at(town, at) for at in (FIRST, SECOND, THIRD)] == [c, c, c]
    withdraw(publications=put_after, by=None)
    withdraw(publications=put_before, by=None)
    assert rows() == before


def test_publishing_and_withdrawing_leaves_no_trace(town: Town) -> None:
    """Buildings that would have changed grid have one row as before, not two that adjoin."""
    before = rows()
    draft = draft_of(town, 1)
    done(draft, "split", grid=town.grids[1][1].pk, line=across(1, 1.5))
    done(draft, "merge", grids=[grid.pk for grid in town.grids[1][:2]], into=town.grids[1][0].pk)
    scheduled = put(town, draft, FIRST)
    assert rows() != before
    withdraw(publications=scheduled, by=None)
    assert rows() == before


def test_checks_comparison_and_editor_see_it_while_its_end_is_scheduled(town: Town) -> None:
    building, (a, _b, c) = town.buildings[1][0][0], (grid.pk for grid in town.grids[1])
    draft = word(town)
    put(town, away(town), SECOND)
    placed = building_grids(outlines_of(draft, [town.communities[1]]), FIRST)
    place = placed.building.tolist().index(building.pk)
    assert (placed.by_hand[place], placed.grid[place]) == (c, a)
    stock = stock_of(FIRST, [town.communities[1].pk])
    assert stock.by_hand[stock.ids.tolist().index(building.pk)] == c
    found = draft_buildings(draft)
    assert found.by_hand[found.loads.id.tolist().index(building.pk)] == c
    with pytest.raises(DraftError) as refusal:
        done(draft, "move_buildings", buildings=[building.pk], to=town.grids[1][1].pk)
    assert refusal.value.code == "by_hand"
    done(draft, "lock", grids=[a])
    with pytest.raises(DraftError) as refusal:
        done(draft, "merge", grids=[grid.pk for grid in town.grids[1][1:]], into=town.grids[1][1].pk)
    assert refusal.value.code == "topology.locked", "it would fall to the locked a on which it stands"


def test_a_building_given_to_a_far_grid_is_not_moved_with_ground(town: Town) -> None:
    """Its grid lies beyond the neighbours of those that the edit concerns."""
    draft, building = draft_of(town, 1), town.buildings[1][0][0]
    cut = done(draft, "split", grid=town.grids[1][2].pk, line=across(1, 2.5))
    ends = sorted((cell.shape.bounds[0], grid) for grid, cell in cut.after.items() if cell is not None)
    Placement.objects.filter(building=building, is_override=True).update(grid=ends[-1][1])
    with pytest.raises(DraftError) as refusal:
        done(draft, "move_buildings", buildings=[building.pk], to=town.grids[1][1].pk)
    assert refusal.value.code == "by_hand"
    assert refusal.value.place == pytest.approx((building.point.x, building.point.y))


def test_where_its_grid_is_gone_from_the_draft_a_building_is_moved_with_ground(town: Town) -> None:
    draft, building = away(town), town.buildings[1][0][1]
    give(town, building, town.grids[1][2].pk)
    edited = done(draft, "move_buildings", buildings=[building.pk], to=town.grids[1][1].pk)
    assert town.grids[1][1].pk in edited.after


@pytest.mark.parametrize("elsewhere", ["another subdistrict", "another community"])
def test_an_error_does_not_say_where_buildings_of_others_stand(town: Town, elsewhere: str) -> None:
    draft, building = draft_of(town, 1), town.buildings[0][0][0]
    if elsewhere == "another subdistrict":
        other = factories.make_subdistrict("510115002", "柳林街道", "Liulin")
        building = Building.objects.create(
            subdistrict=other, number="1", existed=always(), point=Point(104.0, 30.9, srid=4326),
            footprint=factories.box(103.9999, 30.8999, 104.0001, 30.9001),
        )  # fmt: skip
    with pytest.raises(DraftError) as refusal:
        done(draft, "move_buildings", buildings=[building.pk], to=town.grids[1][1].pk)
    assert refusal.value.code == "topology.unknown_building"
    assert refusal.value.place is None
