"""Locks: no edit by any path moves a locked grid's ground or buildings. A truth table: every command, every part in it.

Middle row of the tiny town (tests/factories.py): a | b | c.
"""

from typing import Any

import pytest
import shapely
from django.utils import timezone

from boundaries.actions.commands import COMMANDS
from boundaries.actions.draft_errors import Conflict, DraftError
from boundaries.actions.heads import go_to, undo
from boundaries.models import Placement, Plan
from boundaries.models.constraints import since
from gridmap.draft_numbers import draft_buildings
from tests import factories
from tests.boundaries.draft_town import across, area, done, draft_of, faults, line, state
from tests.factories import Town

A, B, C = range(3)


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


@pytest.fixture
def draft(town: Town) -> Plan:
    return draft_of(town)


def commands(town: Town) -> dict[str, tuple[dict[str, Any], set[int]]]:
    """Each command on the middle row, and the grids of which none may be locked for it."""
    a, b, c = (grid.pk for grid in town.grids[1])
    east_of_b = town.buildings[1][1][1].pk
    return {
        "split": ({"grid": b, "line": across(1, 1.5)}, {B}),
        "merge": ({"grids": [a, b], "into": a}, {A, B}),
        "transfer": ({"to": c, "area": area(1, 1.7, 2.1, 0.3, 0.7)}, {B, C}),
        "reshape": ({"a": a, "b": b, "line": line(1, (1.0, 1.0), (1.2, 0.5), (1.0, 0.0))}, {A, B}),
        "move_buildings": ({"buildings": [east_of_b], "to": c}, {B, C}),
        "carve": ({"area": area(1, 1.7, 2.3, 0.3, 0.7), "name": "学校"}, {B, C}),
        "rename": ({"grid": b, "name": "甲"}, set()),
        "recode": ({"grid": b, "code": f"{town.communities[1].code}077"}, set()),
        "set_kind": ({"grid": b, "kind": "dedicated"}, set()),
    }


TABLE = [(name, which) for name in COMMANDS if name not in {"lock", "unlock"} for which in (A, B, C)]


def test_every_command_is_in_the_table(town: Town) -> None:
    assert {*commands(town), "lock", "unlock"} == set(COMMANDS)


@pytest.mark.parametrize(("name", "which"), TABLE)
def test_a_command_and_a_lock(town: Town, draft: Plan, name: str, which: int) -> None:
    parameters, refused = commands(town)[name]
    locked = town.grids[1][which].pk
    done(draft, "lock", grids=[locked])
    before = state(draft)
    buildings = draft_buildings(draft)
    held = set(buildings.loads.id[buildings.grid == locked].tolist())
    if which in refused:
        with pytest.raises(DraftError) as refusal:
            done(draft, name, **parameters)
        assert refusal.value.code == "topology.locked"
        assert state(draft) == before
    else:
        done(draft, name, **parameters)
        assert state(draft) != before
        assert not faults(draft)
    now = shapely.from_wkb(state(draft)[locked][5])
    assert now.hausdorff_distance(shapely.from_wkb(before[locked][5])) < 2e-8
    buildings = draft_buildings(draft)
    assert set(buildings.loads.id[buildings.grid == locked].tolist()) == held


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"lock", "unlock"}])
def test_a_lock_that_came_meanwhile_holds_too(town: Town, draft: Plan, name: str) -> None:
    parameters, refused = commands(town)[name]
    done(draft, "lock", grids=[grid.pk for grid in town.grids[1]])
    before = state(draft)
    if refused:
        with pytest.raises(Conflict):
            done(draft, name, head=0, **parameters)
        assert state(draft) == before
    else:
        done(draft, name, head=0, **parameters)


def test_a_locked_grid_gains_corners_and_stays_where_it_is(town: Town, draft: Plan) -> None:
    a, b, _c = (grid.pk for grid in town.grids[1])
    done(draft, "lock", grids=[a])
    done(draft, "split", grid=b, line=line(1, (0.9, 0.4), (2.1, 0.6)))
    now, then = (shapely.from_wkb(state(draft)[a][index]) for index in (5, 6))
    assert shapely.get_num_coordinates(now) == shapely.get_num_coordinates(then) + 1
    assert now.symmetric_difference(then).area < 1e-14
    assert state(draft)[a][6] == state(town.plan)[a][5]


def test_a_lock_is_part_of_the_history(town: Town, draft: Plan) -> None:
    a = town.grids[1][0].pk
    first = done(draft, "lock", grids=[a])
    second = done(draft, "unlock", grids=[a])
    done(draft, "split", grid=a, line=across(1, 0.5))
    go_to(plan=draft, head=done(draft, "rename", grid=a, name="甲").head, revision=second.head, by=None)
    undo(plan=draft, head=second.head, by=None)
    with pytest.raises(DraftError) as refusal:
        done(draft, "split", grid=a, line=across(1, 0.5))
    assert refusal.value.code == "topology.locked"
    undo(plan=draft, head=first.head, by=None)
    done(draft, "split", grid=a, line=across(1, 0.5))


def test_locks_of_one_draft_are_none_of_anothers_business(town: Town, draft: Plan) -> None:
    other = draft_of(town)
    done(draft, "lock", grids=[town.grids[1][0].pk])
    done(other, "split", grid=town.grids[1][0].pk, line=across(1, 0.5))


def test_no_building_falls_to_a_locked_grid_when_its_own_goes(town: Town, draft: Plan) -> None:
    """A building of c was given to b by hand; merged away, b would leave it to the locked c on which it stands."""
    a, b, c = (grid.pk for grid in town.grids[1])
    building = town.buildings[1][2][0]
    Placement.objects.filter(building=building).delete()
    Placement.objects.create(building=building, grid_id=b, period=since(timezone.now()), is_override=True)
    done(draft, "lock", grids=[c])
    with pytest.raises(DraftError) as refusal:
        done(draft, "merge", grids=[a, b], into=a)
    assert refusal.value.code == "topology.locked"
    done(draft, "merge", grids=[a, b], into=b)


def test_a_building_given_by_hand_is_not_moved_with_ground(town: Town, draft: Plan) -> None:
    _a, b, c = (grid.pk for grid in town.grids[1])
    building = town.buildings[1][1][1]
    Placement.objects.filter(building=building).delete()
    Placement.objects.create(building=building, grid_id=b, period=since(timezone.now()), is_override=True)
    with pytest.raises(DraftError) as refusal:
        done(draft, "move_buildings", buildings=[building.pk], to=c)
    assert refusal.value.code == "by_hand"
    assert refusal.value.place == pytest.approx((building.point.x, building.point.y))
