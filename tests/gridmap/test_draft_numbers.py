"""Numbers of a draft agree with what publication would make of it, and with the browser's own counting."""

from typing import Any

import numpy as np
import pytest
from django.contrib.gis.geos import Point
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from boundaries.actions.cells import Changes, cells_of
from boundaries.models import Building, Community, Outline, Placement, Plan, Subdistrict
from boundaries.models.constraints import since
from gridmap.draft_numbers import Carried, changed_numbers, draft_buildings, numbers_of, target_of
from gridmap.workload import grid_loads
from tests import factories
from tests.boundaries.draft_town import across, area, done, draft_of, spot
from tests.factories import Town
from tests.town import load_town

# The same question put to the database as placements put it (boundaries/actions/placements.py).
_AS_PLACED = """
    SELECT b.id, o.grid_id FROM boundaries_building b
    LEFT JOIN LATERAL (
      SELECT grid_id FROM boundaries_placement
      WHERE building_id = b.id AND is_override AND upper_inf(period) LIMIT 1
    ) h ON true
    JOIN LATERAL (
      SELECT o.grid_id FROM boundaries_outline o
      WHERE o.plan_id = %s AND o.community_id = b.community_id
        AND (o.grid_id = h.grid_id OR ST_Intersects(o.polygon, b.point))
      ORDER BY o.grid_id = h.grid_id IS TRUE DESC, o.code LIMIT 1
    ) o ON true
"""


def as_placed(plan: Plan) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_AS_PLACED, [plan.pk])
        return dict(cursor.fetchall())


def homes(plan: Plan) -> dict[int, int]:
    found = draft_buildings(plan)
    return {
        int(building): int(grid) for building, grid in zip(found.loads.id, found.grid, strict=True) if grid
    }


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town()


def by_hand(building: Building, grid: int) -> None:
    Placement.objects.filter(building=building).delete()
    Placement.objects.create(building=building, grid_id=grid, period=since(timezone.now()), is_override=True)


def test_a_fresh_draft_counts_as_what_is_in_force(town: Town) -> None:
    draft = draft_of(town)
    cells: Changes = {**cells_of(draft.pk)}
    numbers = changed_numbers(draft, cells, {**cells})
    loads = {load.grid_id: load for load in grid_loads(timezone.now())}
    assert {grid: (one.buildings, one.households, one.people) for grid, one in numbers.grids.items()} == {
        grid: (load.buildings, load.households, load.people) for grid, load in loads.items()
    }
    assert numbers.moved == {}
    aim = target_of(draft)
    assert {grid: one.deviation for grid, one in numbers.grids.items()} == {
        grid: aim.deviation(load) for grid, load in loads.items()
    }


def test_an_edit_tells_the_numbers_of_the_changed_grids_and_what_moved(town: Town) -> None:
    draft = draft_of(town)
    a, b, _c = (grid.pk for grid in town.grids[0])
    west = town.buildings[0][1][0].pk
    edited = done(draft, "transfer", to=a, area=area(0, 0.9, 1.5))
    numbers = numbers_of(draft, edited)
    assert numbers.moved == {west: a}
    assert numbers.grids[a] == Carried(3, 6, 12, 6, 12 / 2500 - 1)
    assert numbers.grids[b] == Carried(1, 2, 4, 2, 4 / 2500 - 1)
    assert set(numbers.grids) >= {a, b}
    back = numbers_of(draft, done(draft, "transfer", to=b, area=area(0, 1.0, 1.5)))
    assert back.moved == {west: b}


def test_a_dry_run_counts_alike(town: Town) -> None:
    draft = draft_of(town)
    grid = town.grids[0][0].pk
    dry = numbers_of(draft, done(draft, "split", grid=grid, line=across(0, 0.5), dry_run=True))
    wet = numbers_of(draft, done(draft, "split", grid=grid, line=across(0, 0.5)))
    new = max(wet.grids)
    assert dry.grids[-1] == wet.grids[new]
    assert {b: -1 for b, g in wet.moved.items() if g == new} == dry.moved


def test_a_building_given_by_hand_stays_while_its_grid_lives(town: Town) -> None:
    draft = draft_of(town)
    a, b, c = (grid.pk for grid in town.grids[0])
    building = town.buildings[0][1][0]  # on the ground of b
    by_hand(building, c)
    assert homes(draft)[building.pk] == c
    moved = numbers_of(draft, done(draft, "transfer", to=a, area=area(0, 0.9, 1.5)))
    assert moved.moved == {}
    assert homes(draft) == as_placed(draft)
    gone = numbers_of(draft, done(draft, "merge", grids=[b, c], into=b))
    assert gone.moved[building.pk] == a
    assert gone.grids[a].buildings == 3  # its own two, and this one
    assert homes(draft) == as_placed(draft)


def test_a_building_on_a_border_belongs_to_the_lowest_code(town: Town) -> None:
    """In both ways of counting, with the neighbour changed and unchanged."""
    draft = draft_of(town)
    a, b, c = (grid.pk for grid in town.grids[0])
    lon, lat = spot(0, 1.0, 0.5)
    building = Building.objects.create(
        subdistrict=town.subdistrict,
        community=town.communities[0],
        footprint=factories.box(lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4),
        point=Point(lon, lat, srid=4326),
    )
    assert homes(draft)[building.pk] == a == as_placed(draft)[building.pk]
    split = done(draft, "split", grid=b, line=across(0, 1.5))  # a is not among what changed
    assert building.pk not in numbers_of(draft, split).moved
    done(draft, "recode", grid=a, code=f"{town.communities[0].code}099")
    assert homes(draft)[building.pk] == b == as_placed(draft)[building.pk]
    assert c in cells_of(draft.pk)


def test_a_building_belongs_to_grids_of_its_own_community_only(town: Town) -> None:
    draft = draft_of(town)
    building = town.buildings[0][0][0]
    Building.objects.filter(pk=building.pk).update(community=town.communities[1])
    assert building.pk not in homes(draft)
    assert homes(draft) == as_placed(draft)


@pytest.mark.usefixtures("as_owner")
def test_the_whole_town_after_many_edits(db: None) -> None:
    """The 5 % demo town: after each edit the moves add up to what the database says of the draft."""
    load_town()
    subdistrict = Subdistrict.objects.get()
    town = Town(subdistrict, Plan.objects.order_by("id")[0], list(Community.objects.all()))
    draft = draft_of(town)
    known = homes(draft)
    assert known == as_placed(draft)
    for outline in list(Outline.objects.filter(plan=draft).order_by("code"))[:6]:
        west, south, east, north = outline.polygon.extent
        middle = (west + east) / 2
        line: dict[str, Any] = {
            "type": "LineString",
            "coordinates": [[middle, south - 0.001], [middle, north + 0.001]],
        }
        edited = done(draft, "split", grid=outline.grid_id, line=line)
        numbers = numbers_of(draft, edited)
        known |= {building: grid for building, grid in numbers.moved.items() if grid}
        assert known == as_placed(draft) == homes(draft)
        found = draft_buildings(draft)
        for grid, one in numbers.grids.items():
            mine = found.grid == grid
            assert one.buildings == int(np.count_nonzero(mine))
            assert one.people == int(found.loads.people[mine].sum())
            assert one.workload == int(found.loads.workload[mine].sum())


def test_queries_are_bounded(town: Town) -> None:
    draft = draft_of(town)
    edited = done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5))
    with CaptureQueriesContext(connection) as seen:
        numbers_of(draft, edited)
    assert len(seen) <= 3
    with CaptureQueriesContext(connection) as seen:
        draft_buildings(draft)
    assert len(seen) <= 3


def test_without_a_norm_grids_are_compared_with_the_mean(town: Town) -> None:
    town.subdistrict.norm, town.subdistrict.norm_limit = "", None
    town.subdistrict.save()
    draft = draft_of(town)
    aim = target_of(draft)
    assert (aim.measure, aim.value, aim.is_norm) == ("people", 8.0, False)
    done(draft, "merge", grids=[one.pk for one in town.grids[0]], into=town.grids[0][0].pk)
    assert target_of(draft).value == pytest.approx(72 / 7)
