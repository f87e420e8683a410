"""Bounds in words, on ground drawn by hand: every answer can be read off the drawing."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from boundaries.describing import Along, Bounds, Ground, Named, bounds, bounds_en, bounds_zh
from tests.boundaries.topology.grounds import awkward

LON, LAT = 103.83, 30.7
EAST, NORTH = 1 / 95_790, 1 / 110_860
HERE, THERE = Named("community", "南街社区", "Nanjie"), Named("community", "光华社区", "Guanghua")


def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
    """Metres east and north as degrees."""
    return [(LON + x * EAST, LAT + y * NORTH) for x, y in points]


def grid(number: int, *points: tuple[float, float], home: Named = HERE) -> Ground:
    return Ground(
        Named("grid", f"{home.name}第{number}网格", f"{home.name_en} Grid {number}"),
        home,
        shapely.Polygon(at(*points)),
    )


def street(name: str, *points: tuple[float, float], width: float = 10.0) -> Along:
    return Along(Named("street", name, f"{name} Street"), shapely.LineString(at(*points)), width / 2)


def box(number: int, west: float, south: float, east: float, north: float, home: Named = HERE) -> Ground:
    return grid(number, (west, south), (east, south), (east, north), (west, north), home=home)


def told(found: Bounds) -> str:
    return bounds_zh(found, HERE.name)


# 200 m by 100 m, streets along three sides:
#
#         甲街
#   +-------------+
#   |      1      | 丁路   2
#   +-------------+
#         丙街
ONE = box(1, 0, 0, 200, 100)
ROUND = (
    street("甲街", (-50, 100), (250, 100)),
    street("丙街", (-50, 0), (250, 0)),
    street("丁路", (200, -50), (200, 150)),
)


def test_streets_then_neighbours_then_the_border() -> None:
    found = bounds({1: ONE, 2: box(2, 200, 0, 400, 100)}, ROUND)
    assert told(found[1]) == "东至丁路，南至丙街，西至街道界，北至甲街"
    assert bounds_en(found[1], "Nanjie") == (
        "East to 丁路 Street; south to 丙街 Street; west to the subdistrict's border; north to 甲街 Street"
    )
    # what only crosses at the corner is not along the side
    assert found[2].west == (ROUND[2].named,)
    assert found[2].east == (Named("border", "", ""),)


def test_neighbours_are_named_by_grid_at_home_and_by_community_elsewhere() -> None:
    grids = {1: ONE, 2: box(2, 200, 0, 400, 100), 3: box(1, 0, 100, 200, 200, home=THERE)}
    around = [Ground(THERE, THERE, shapely.Polygon(at((-100, 0), (0, 0), (0, 100), (-100, 100))))]
    found = bounds(grids, (), around)
    assert told(found[1]) == "东至第2网格，南至街道界，西至光华社区，北至光华社区"
    assert bounds_en(found[1], "Nanjie").startswith(
        "East to Grid 2; south to the subdistrict's border; west to Guanghua community"
    )


def test_names_of_a_side_in_the_order_in_which_one_walks() -> None:
    """Three neighbours north, from west to east; two east, from north to south."""
    north = {10 + n: box(10 + n, 200 / 3 * n, 100, 200 / 3 * (n + 1), 200) for n in range(3)}
    east = {20: box(20, 200, 50, 400, 100), 21: box(21, 200, 0, 400, 50)}
    found = bounds({1: ONE, **north, **east}, ())
    assert [each.name for each in found[1].north] == [
        "南街社区第10网格",
        "南街社区第11网格",
        "南街社区第12网格",
    ]
    assert [each.name for each in found[1].east] == ["南街社区第20网格", "南街社区第21网格"]


def test_what_lies_along_little_of_a_side_is_left_out() -> None:
    found = bounds({1: ONE, 2: box(2, 0, 100, 180, 200), 3: box(3, 180, 100, 200, 200)}, ())
    assert told(found[1]).endswith("北至第2网格")


@pytest.mark.parametrize(("away", "is_named"), [(0.0, True), (9.0, True), (14.0, True), (30.0, False)])
def test_a_street_counts_within_its_width_and_some_metres(away: float, is_named: bool) -> None:
    """Ten metres wide, and ten more to the border: fifteen from its middle."""
    found = bounds({1: ONE}, [street("甲街", (-50, 100 + away), (250, 100 + away))])
    assert (found[1].north[0].name == "甲街") == is_named


def test_a_street_that_only_crosses_is_not_along_the_side() -> None:
    found = bounds({1: ONE}, [street("过街", (100, -100), (100, 200), width=40)])
    assert "过街" not in told(found[1])


def test_a_river_whose_bank_or_middle_is_the_border() -> None:
    river = Named("water", "江安河", "Jiang'an River")
    for west, east in ((-40, 0), (-20, 20), (-5, 25)):
        area = Along(river, shapely.Polygon(at((west, -200), (east, -200), (east, 300), (west, 300))))
        found = bounds({1: ONE}, [area])
        assert found[1].west == (river,), (west, east)
        assert river not in (*found[1].north, *found[1].south, *found[1].east)


def test_a_bay_belongs_to_the_side_to_which_it_opens() -> None:
    """The walls of the bay look east and west, but onto ground south of the grid."""
    #   +-----------------+
    #   |        1        |
    #   |    +-------+    |
    #   |    |   2   |    |
    #   +----+-------+----+
    bay = grid(1, (0, 0), (60, 0), (60, 70), (140, 70), (140, 0), (200, 0), (200, 100), (0, 100))
    found = bounds({1: bay, 2: box(2, 60, 0, 140, 70)}, ())
    assert set(found[1].south) == {Named("border", "", ""), Named("grid", "南街社区第2网格", "Nanjie Grid 2")}
    for side in ("east", "west", "north"):
        assert all(each.kind == "border" for each in found[1].side(side))


def test_an_angle_has_both_sides_of_its_step() -> None:
    """An L: the step's wall looks east, its floor north."""
    #   +----+
    #   | 1  |  2
    #   |    +----+
    #   |         |
    #   +---------+
    angle = grid(1, (0, 0), (200, 0), (200, 80), (90, 80), (90, 200), (0, 200))
    found = bounds({1: angle, 2: box(2, 90, 80, 200, 200)}, ())
    assert "第2网格" in told(found[1]).split("，")[0]
    assert "第2网格" in told(found[1]).split("，")[3]
    assert "第2网格" not in told(found[1]).split("，")[1] + told(found[1]).split("，")[2]


def test_jags_do_not_make_sides() -> None:
    """A border in steps of five metres, running north: none of the steps' floors is a north side."""
    steps = [(200 + 5 * (n % 2), 10.0 * (n // 2 + n % 2)) for n in range(20)]
    jagged = grid(1, (0, 0), *steps, (200, 100), (0, 100))
    found = bounds({1: jagged, 2: box(2, 205, 0, 400, 100)}, [street("甲街", (-50, 100), (250, 100))])
    assert found[1].north == (Named("street", "甲街", "甲街 Street"),)


def test_a_grid_of_three_corners_has_four_bounds() -> None:
    found = bounds({1: grid(1, (0, 0), (200, 0), (0, 200))}, [street("斜街", (0, 200), (200, 0))])
    assert found[1].north[0].name == "斜街"
    assert found[1].east[0].name == "斜街"
    assert found[1].south[0].kind == found[1].west[0].kind == "border"


def test_grids_inside_a_grid_are_said_to_be_left_out() -> None:
    outer = shapely.Polygon(
        at((0, 0), (200, 0), (200, 100), (0, 100)), [at((80, 40), (120, 40), (120, 60), (80, 60))]
    )
    school = Ground(
        Named("grid", "柳城小学专属网格", "Primary School (dedicated)"), HERE, box(2, 80, 40, 120, 60).shape
    )
    found = bounds({1: Ground(ONE.named, HERE, outer), 2: school}, ())
    assert told(found[1]) == "东至街道界，南至街道界，西至街道界，北至街道界（不含柳城小学专属网格）"
    assert told(found[2]) == "东至第1网格，南至第1网格，西至第1网格，北至第1网格"
    assert bounds_en(found[1], "Nanjie").endswith("(without Primary School)")


def test_only_those_asked_for_are_described() -> None:
    found = bounds({1: ONE, 2: box(2, 200, 0, 400, 100)}, (), only=[1])
    assert list(found) == [1]
    assert "第2网格" in told(found[1])
    assert bounds({}, ()) == {}


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_every_side_of_any_ground_has_a_name_and_names_only_what_is_near(seed: int) -> None:
    """Awkward ground: whatever is named as a neighbour does touch the grid, and no side is empty."""
    made = awkward(seed)
    grids = {key: Ground(Named("grid", f"第{key}网格", ""), HERE, shape) for key, shape in made.areas.items()}
    found = bounds(grids, ())
    by_name = {ground.named: ground.shape for ground in grids.values()}
    for key, each in found.items():
        for side in ("east", "south", "west", "north"):
            assert each.side(side), (key, side)
            for named in each.side(side):
                if named.kind == "grid":
                    assert shapely.dwithin(by_name[named], grids[key].shape, 5e-5)
                    assert named != grids[key].named


@given(turn=st.floats(0, 2 * np.pi))
def test_a_square_turned_any_way_keeps_its_four_streets(turn: float) -> None:
    """Each street along one side of the square is named on the side that it faces most, or on the two next to it."""
    corners = np.array([(-80, -80), (80, -80), (80, 80), (-80, 80)], float)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned = corners @ spin
    streets = [street(f"{n}街", tuple(turned[n]), tuple(turned[(n + 1) % 4])) for n in range(4)]
    found = bounds({1: grid(1, *map(tuple, turned))}, streets)[1]
    named = {each.name for side in ("east", "south", "west", "north") for each in found.side(side)}
    assert named == {"0街", "1街", "2街", "3街"}
    outward = {"east": (1, 0), "south": (0, -1), "west": (-1, 0), "north": (0, 1)}
    for side, way in outward.items():
        for each in found.side(side):
            n = int(each.name[0])
            middle = (turned[n] + turned[(n + 1) % 4]) / 2
            assert middle @ np.array(way) > -1.0
