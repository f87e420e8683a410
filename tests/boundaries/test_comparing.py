"""Two states of the grids: ground that changes hands, where buildings belong, how grids are shaped, how far it is."""

import math
from dataclasses import replace
from datetime import timedelta
from itertools import product

import numpy as np
import pyproj
import pytest
import shapely
from django.contrib.gis.geos import Point
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries
from shapely.geometry.base import BaseGeometry

from boundaries import comparing, topology
from boundaries.comparing import NOWHERE, Drawn, State
from boundaries.models import Building, Outline, Placement, Plan
from boundaries.models.constraints import since
from tests import factories
from tests.factories import CELL, FOUNDED, SOUTH, WEST, Town

SRID = 4544
STEP = 0.0005


def drawn(grid: int, ground: BaseGeometry, code: str = "", community: int = 1) -> Drawn:
    return Drawn(
        grid, community, code or f"{grid:03}", f"网格{grid}", f"Grid {grid}", "all", ground, ground.wkb
    )


def rectangle(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """Cells of about 50 m from the south-west corner of the tiny town."""
    corners = (WEST + west * STEP, SOUTH + south * STEP, WEST + east * STEP, SOUTH + north * STEP)
    return shapely.box(*(round(value, 8) for value in corners))


def state(*grids: Drawn) -> State:
    return {each.grid_id: each for each in grids}


# --- ground that changes hands --------------------------------------------------------------------------------


def test_ground_given_from_one_grid_to_its_neighbour() -> None:
    """
    +---+---+---+        +---+---+---+
    |   1   | 2 |   ->   | 1 |   2   |
    +---+---+---+        +---+---+---+
    """
    before = state(drawn(1, rectangle(0, 0, 2, 1)), drawn(2, rectangle(2, 0, 3, 1)))
    after = state(drawn(1, rectangle(0, 0, 1, 1)), drawn(2, rectangle(1, 0, 3, 1)))
    (face,) = comparing.changed_ground(before, after)
    assert (face.before, face.after) == (1, 2)
    assert face.ground.equals(rectangle(1, 0, 2, 1))
    assert comparing.changed_ground(before, before) == []


def test_a_corner_more_on_a_border_changes_no_ground() -> None:
    west, east = rectangle(0, 0, 2, 2), rectangle(2, 0, 4, 2)
    x = WEST + 2 * STEP
    # a corner that had to be moved to the fixed grid: a millimetre beside the straight line
    corner = [(x, SOUTH), (x + 1e-8, SOUTH + STEP), (x, SOUTH + 2 * STEP)]
    left = shapely.Polygon([(WEST, SOUTH), *corner, (WEST, SOUTH + 2 * STEP)])
    right = shapely.Polygon([*corner, (WEST + 4 * STEP, SOUTH + 2 * STEP), (WEST + 4 * STEP, SOUTH)])
    before, after = state(drawn(1, west), drawn(2, east)), state(drawn(1, left), drawn(2, right))
    assert comparing.differing(before, after) == {1, 2}
    assert comparing.changed_ground(before, after) == []


def test_a_strip_of_a_metre_is_ground() -> None:
    wide = 1 / 50
    before = state(drawn(1, rectangle(0, 0, 2, 2)), drawn(2, rectangle(2, 0, 4, 2)))
    after = state(drawn(1, rectangle(0, 0, 2 + wide, 2)), drawn(2, rectangle(2 + wide, 0, 4, 2)))
    (face,) = comparing.changed_ground(before, after)
    assert (face.before, face.after) == (2, 1)


def test_a_grid_carved_out_leaves_a_hole_and_a_merged_one_goes() -> None:
    """
    +-------+       +-------+
    |   1   |       |1 +-+  |
    |       |  ->   |  |3|  |      3 is new, 2 has gone into 1
    +-------+       |  +-+  |
    |   2   |       +       +
    +-------+       +-------+
    """
    hole = rectangle(2, 4, 3, 5)
    before = state(drawn(1, rectangle(0, 3, 6, 6)), drawn(2, rectangle(0, 0, 6, 3)))
    after = state(drawn(1, rectangle(0, 0, 6, 6).difference(hole)), drawn(3, hole))
    faces = {(face.before, face.after): face.ground for face in comparing.changed_ground(before, after)}
    assert faces.keys() == {(1, 3), (2, 1)}
    assert faces[1, 3].equals(hole)
    assert faces[2, 1].equals(rectangle(0, 0, 6, 3))


def test_ground_that_one_state_does_not_cover_comes_from_nowhere() -> None:
    whole = rectangle(0, 0, 2, 2)
    assert [face[:2] for face in comparing.changed_ground({}, state(drawn(1, whole)))] == [(None, 1)]
    assert [face[:2] for face in comparing.changed_ground(state(drawn(1, whole)), {})] == [(1, None)]
    before, after = state(drawn(1, rectangle(0, 0, 1, 2))), state(drawn(1, whole))
    (face,) = comparing.changed_ground(before, after)
    assert face[:2] == (None, 1)
    assert face.ground.equals(rectangle(1, 0, 2, 2))


@st.composite
def labelled(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]]]:
    """Two ways to give the cells of a lattice to at most five grids."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    cells = st.lists(
        st.lists(st.integers(1, 5), min_size=columns, max_size=columns), min_size=rows, max_size=rows
    )
    return draw(cells), draw(cells)


def coverage(cells: list[list[int]]) -> State:
    shapes: dict[int, list[BaseGeometry]] = {}
    for row, column in product(range(len(cells)), range(len(cells[0]))):
        shapes.setdefault(cells[row][column], []).append(rectangle(column, row, column + 1, row + 1))
    return state(*[drawn(grid, shapely.union_all(parts)) for grid, parts in sorted(shapes.items())])


@given(labelled())
@settings(max_examples=150, deadline=None)
def test_faces_are_exactly_the_cells_that_changed(
    cells: tuple[list[list[int]], list[list[int]]],
) -> None:
    """Against the cells themselves, and against the exact search of `topology`."""
    old, new = cells
    before, after = coverage(old), coverage(new)
    expected: dict[tuple[int, int], list[BaseGeometry]] = {}
    for row, column in product(range(len(old)), range(len(old[0]))):
        pair = old[row][column], new[row][column]
        if pair[0] != pair[1]:
            expected.setdefault(pair, []).append(rectangle(column, row, column + 1, row + 1))
    found = {(face.before, face.after): face.ground for face in comparing.changed_ground(before, after)}
    assert found.keys() == expected.keys()
    for pair, parts in expected.items():
        assert found[pair].symmetric_difference(shapely.union_all(parts)).area < 1e-14
    exact = topology.changed_ground(
        {grid: each.ground for grid, each in before.items()},
        {grid: each.ground for grid, each in after.items()},
    )
    assert {(each.before, each.after) for each in exact} == expected.keys()


# --- where buildings belong -----------------------------------------------------------------------------------


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def _ids(town: Town) -> list[int]:
    return [each.pk for each in town.communities]


def test_what_is_in_force_gives_each_building_its_stored_grid(town: Town) -> None:
    now = timezone.now()
    stock = comparing.stock_of(now, _ids(town))
    assert len(stock) == 18
    assert (stock.stored != NOWHERE).all()
    in_force = comparing.drawn_in_force(now, _ids(town))
    assert comparing.settled(in_force, stock).tolist() == stock.stored.tolist()
    assert comparing.drawn_in(town.plan.pk, _ids(town)) == in_force


def test_a_building_on_a_border_belongs_to_the_lower_code(town: Town) -> None:
    building = town.buildings[0][0][1]
    east = WEST + CELL
    Building.objects.filter(pk=building.pk).update(
        point=Point(round(east, 8), building.point.y, srid=4326),
        footprint=factories.box(
            east - 0.0001, building.point.y - 0.0001, east + 0.0001, building.point.y + 0.0001
        ),
    )
    now = timezone.now()
    stock = comparing.stock_of(now, _ids(town))
    in_force = comparing.drawn_in_force(now, _ids(town))
    place = stock.ids.tolist().index(building.pk)
    first, second = town.grids[0][0].pk, town.grids[0][1].pk
    assert comparing.settled(in_force, stock)[place] == first
    swapped = in_force | {
        first: replace(in_force[first], code="9"),
        second: replace(in_force[second], code="0"),
    }
    by_code = dict(sorted(swapped.items(), key=lambda each: each[1].code))
    assert comparing.settled(by_code, stock)[place] == second


def test_a_grid_set_by_hand_wins_while_it_lives_on(town: Town) -> None:
    building, grid = town.buildings[0][0][0], town.grids[0][2]
    Placement.objects.filter(building=building).delete()
    Placement.objects.create(building=building, grid=grid, period=since(FOUNDED), is_override=True)
    now = timezone.now()
    stock = comparing.stock_of(now, _ids(town))
    place = stock.ids.tolist().index(building.pk)
    in_force = comparing.drawn_in_force(now, _ids(town))
    assert comparing.settled(in_force, stock)[place] == grid.pk == stock.stored[place]
    without = {key: each for key, each in in_force.items() if key != grid.pk}
    assert comparing.settled(without, stock)[place] == town.grids[0][0].pk
    elsewhere = in_force | {grid.pk: replace(in_force[grid.pk], community_id=town.communities[1].pk)}
    assert comparing.settled(elsewhere, stock)[place] == town.grids[0][0].pk, "not across communities"


def test_only_the_communities_asked_about_are_settled_anew(town: Town) -> None:
    now = timezone.now()
    stock = comparing.stock_of(now, _ids(town))
    known = np.full(len(stock), 7, np.int64)
    found = comparing.settled(
        comparing.drawn_in_force(now, _ids(town)), stock, known, [town.communities[1].pk]
    )
    middle = stock.community == town.communities[1].pk
    assert (found[~middle] == 7).all()
    assert found[middle].tolist() == stock.stored[middle].tolist()


def test_buildings_are_those_that_stand_that_day_and_lie_there(town: Town) -> None:
    gone, lost = town.buildings[1][0][0], town.buildings[1][1][0]
    yesterday = timezone.now() - timedelta(days=1)
    Building.objects.filter(pk=gone.pk).update(existed=factories.during(None, yesterday))
    Building.objects.filter(pk=lost.pk).update(community=None)
    found = comparing.stock_of(timezone.now(), [town.communities[1].pk])
    assert gone.pk not in found.ids
    assert lost.pk in found.ids, "a building without a community belongs to the one it stands in"
    assert gone.pk in comparing.stock_of(yesterday - timedelta(days=1), [town.communities[1].pk]).ids
    assert len(comparing.stock_of(timezone.now(), [])) == 0


def test_each_question_is_one_query(town: Town, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ids = _ids(town)
    with django_assert_num_queries(3):
        comparing.stock_of(timezone.now(), ids)
        comparing.drawn_in(town.plan.pk, ids)
        comparing.drawn_in_force(timezone.now(), ids)


def test_a_plan_says_nothing_about_other_communities(town: Town) -> None:
    draft = Plan.objects.create(subdistrict=town.subdistrict, name="Draft")
    outline = Outline.objects.get(plan=town.plan, grid=town.grids[0][0])
    Outline.objects.create(
        plan=draft, grid=outline.grid, community=outline.community, code=outline.code, name=outline.name,
        polygon=outline.polygon,
    )  # fmt: skip
    assert comparing.drawn_in(draft.pk, _ids(town)).keys() == {outline.grid_id}
    assert comparing.drawn_in(draft.pk, [town.communities[1].pk]) == {}


# --- shapes ---------------------------------------------------------------------------------------------------


def in_degrees(metric: BaseGeometry) -> BaseGeometry:
    """Metres about a spot in Liucheng, as degrees."""
    there = pyproj.Transformer.from_crs(SRID, 4326, always_xy=True)
    here = shapely.transform(metric, lambda xy: xy + np.array([388_000.0, 3_397_000.0]))
    return shapely.transform(here, there.transform, interleaved=False)


def test_a_square_and_a_circle_measure_as_they_must() -> None:
    square, circle = shapely.box(0, 0, 100, 100), shapely.Point(500, 500).buffer(100, quad_segs=256)
    one, other = comparing.shapes([in_degrees(square), in_degrees(circle)], SRID)
    assert one.area_m2 == pytest.approx(10_000, rel=1e-6)
    assert one.perimeter_m == pytest.approx(400, rel=1e-6)
    assert one.polsby_popper == pytest.approx(math.pi / 4, rel=1e-6)
    assert one.reock == pytest.approx(2 / math.pi, rel=1e-6)
    assert other.polsby_popper == pytest.approx(1, rel=1e-4)
    assert other.reock == pytest.approx(1, rel=1e-4)
    assert comparing.shapes([], SRID) == []


def test_the_rim_of_a_hole_counts_as_perimeter() -> None:
    ring = shapely.box(0, 0, 100, 100).difference(shapely.box(40, 40, 60, 60))
    (found,) = comparing.shapes([in_degrees(ring)], SRID)
    assert found.area_m2 == pytest.approx(9_600, rel=1e-6)
    assert found.perimeter_m == pytest.approx(480, rel=1e-6)


# --- distances ------------------------------------------------------------------------------------------------


def test_nine_of_ten_households_live_within_the_reach() -> None:
    places = np.array([[10.0, 0], [20, 0], [30, 0], [1000, 0]])
    weights = np.array([5.0, 3, 1, 1])
    bases = np.zeros((4, 2))
    found = comparing.reach(places, weights, bases)
    assert found is not None
    assert found.mean_m == pytest.approx((50 + 60 + 30 + 1000) / 10)
    assert found.p90_m == 30
    most = comparing.reach(places, np.array([4.0, 3, 1, 2]), bases)
    assert most is not None
    assert most.p90_m == 1000


def test_what_is_not_known_has_no_reach() -> None:
    places = np.array([[3.0, 4.0], [30, 40]])
    unknown = np.array([[0.0, 0], [np.nan, np.nan]])
    found = comparing.reach(places, np.ones(2), unknown)
    assert found == (5.0, 5.0), "a household without a base is left out"
    assert comparing.reach(places, np.zeros(2), np.zeros((2, 2))) is None
    assert comparing.reach(np.zeros((0, 2)), np.zeros(0), np.zeros((0, 2))) is None
    assert comparing.middle(places, np.array([3.0, 1])).tolist() == [9.75, 13.0]
    assert np.isnan(comparing.middle(places, np.zeros(2))).all()
