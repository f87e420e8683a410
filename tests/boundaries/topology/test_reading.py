"""What is read off coverages: check, ground that changed hands, two versions settled, lines snapped."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from boundaries import topology
from boundaries.topology import Change, Problem, changed_ground, check, settle, snapped
from tests.boundaries.topology.grounds import town
from tests.boundaries.topology.invariants import metres, plain
from tests.boundaries.topology.nine import RIM, M, area, at, box, line, nine, share, sound

# --- Check ------------------------------------------------------------------------------------------------------------


def kinds(problems: list[Problem]) -> list[str]:
    return sorted(problem.kind for problem in problems)


def test_a_sound_coverage_has_no_problems() -> None:
    assert check({}) == []
    assert check(nine()) == check(nine(), RIM) == []
    for ground in town():
        assert check(ground.areas, ground.outline) == []


def test_an_overlap_is_found_with_its_ground() -> None:
    """f reaches a tenth of a square into e."""
    (problem,) = [p for p in check(nine() | {"f": box(1.9, 1, 3, 2)}, RIM) if p.kind == "overlap"]
    assert set(problem.codes) == {"e", "f"}
    assert problem.area_m2 == pytest.approx(0.1 * 191.6 * 221.8, rel=0.01)
    assert box(1.9, 1, 2, 2).contains(shapely.Point(problem.place))


def test_a_gap_is_found_and_without_an_outline_only_a_narrow_one() -> None:
    lake = {key: shape for key, shape in nine().items() if key != "e"}
    assert check(lake) == []
    (gap,) = check(lake, RIM)
    assert (gap.kind, set(gap.codes)) == ("gap", set("abcdfghi"))
    assert gap.area_m2 == pytest.approx(191.6 * 221.8, rel=0.01)
    narrow = nine() | {"e": box(1 + M / 2, 1, 2, 2)}
    assert "gap" in kinds(check(narrow))
    assert check(lake, RIM.difference(box(1, 1, 2, 2))) == []


def test_a_missing_corner_is_found() -> None:
    """e has a corner in its border to f that f has not."""
    more = nine() | {"e": area((1, 1), (2, 1), (2, 1.5), (2, 2), (1, 2))}
    assert kinds(check(more, RIM)) == ["edges", "edges"]


def test_a_rim_that_leaves_the_outline_is_found_from_both_sides() -> None:
    out = nine() | {"f": area((2, 1), (3, 1), (3 + 0.01 * M, 1.5), (3, 2), (2, 2))}  # a centimetre
    (problem,) = check(out, RIM)
    assert (problem.kind, problem.codes) == ("rim", ("f",))
    for metres_out, kind in ((0.003, "rim"), (0.02, "gap")):
        corner = area((0, 0), (3, 0), (3 + metres_out * M, 1.5), (3, 3), (0, 3))
        assert set(kinds(check(nine(), corner))) == {kind}


def test_pieces_thin_parts_and_faulty_shapes_are_found() -> None:
    areas = nine()
    del areas["i"], areas["a"], areas["g"]
    areas["c"] = shapely.MultiPolygon([box(2, 0, 3, 1), box(2, 2, 3, 3)])
    areas["d"] = box(0, 1, M / 2, 2)
    areas["x"] = box(M / 2, 1, 1, 2)
    found = check(areas)
    assert [(p.kind, p.codes) for p in found] == [("pieces", ("c",)), ("thin", ("d",))]
    bow_tie = nine() | {"e": area((1, 1), (2, 2), (2, 1), (1, 2))}
    assert [(p.kind, p.codes) for p in check(bow_tie)] == [("invalid", ("e",))]
    assert kinds(check(nine() | {"e": shapely.Polygon()})) == ["invalid"]


# --- Ground that changed hands ----------------------------------------------------------------------------------------


def pairs(changes: list[Change]) -> dict[tuple[Any, Any], float]:
    return {(change.before, change.after): round(share(change.ground), 4) for change in changes}


def test_ground_that_changed_hands_is_told_by_pairs() -> None:
    before = nine()
    after = topology.transfer(before, box(1.8, 0.8, 2.4, 1.6), "e")
    assert pairs(changed_ground(before, after)) == {("b", "e"): 0.04, ("c", "e"): 0.08, ("f", "e"): 0.24}
    assert changed_ground(before, before) == []
    back = changed_ground(after, before)
    assert pairs(back)["e", "f"] == 0.24
    assert all(
        change.area_m2 == pytest.approx(share(change.ground) * 191.6 * 221.8, rel=0.01) for change in back
    )


def test_new_and_vanished_grids_and_open_ground() -> None:
    before = nine()
    after = topology.split(before, "e", line((1.7, 0.5), (1.7, 2.5)), ["e", "x"])
    after = topology.merge(after, ["x", "f"], "f")
    assert pairs(changed_ground(before, after)) == {("e", "f"): 0.3}
    less = {key: shape for key, shape in before.items() if key != "e"}
    assert pairs(changed_ground(before, less)) == {("e", None): 1.0}
    assert pairs(changed_ground(less, before)) == {(None, "e"): 1.0}
    merged = topology.merge(less, ["d", "a"], "a")
    assert pairs(changed_ground(merged, before)) == {("a", "d"): 1.0, (None, "e"): 1.0}


def test_corners_gained_are_no_change() -> None:
    before = nine()
    split = topology.split(before, "e", line((1.7, 0.5), (1.6, 2.5)), ["e", "x"])
    after = topology.merge(split, ["e", "x"], "e")
    assert after["b"] is not before["b"]
    assert changed_ground(before, after) == []


# --- Two versions -----------------------------------------------------------------------------------------------------


def test_what_only_one_side_changed_is_taken_from_that_side() -> None:
    """They gave the right part of e to f, I divided c: both happens."""
    base = nine()
    theirs = topology.transfer(base, box(1.7, 1, 2, 2), "f")
    mine = topology.split(base, "c", line((2.5, -0.5), (2.5, 1.5)), ["c", "x"])
    done = settle(base, theirs, mine, "theirs")
    assert done.conflicts == []
    assert done.mended == []
    sound(done.coverage)
    assert share(done.coverage["f"]) == pytest.approx(1.3)
    assert share(done.coverage["x"]) == pytest.approx(0.5)
    assert done.coverage["e"].equals(theirs["e"])
    other_way = settle(base, mine, theirs, "mine").coverage
    assert all(shape.equals(done.coverage[key]) for key, shape in other_way.items())


def test_the_same_change_on_both_sides_is_one() -> None:
    base = nine()
    theirs = topology.transfer(base, box(1.7, 1, 2, 2), "f")
    mine = topology.transfer(base, box(1.7, 1, 2, 2), "f")
    done = settle(base, theirs, mine, "mine")
    assert done.conflicts == []
    assert all(done.coverage[key] is shape for key, shape in theirs.items())


CONFLICTS = {"theirs": "f", "mine": "d"}


@pytest.mark.parametrize("side", ["theirs", "mine"])
@pytest.mark.parametrize("form", ["word", "mapping", "callable"])
def test_ground_that_both_gave_away_is_a_conflict(side: Any, form: str) -> None:
    """
    ::

        +---+-----+---+
        | d |mine>|   |     they gave all but the left tenth of e to f,
        |   |<....| f |     I gave all but the right tenth of it to d
        +---+-----+---+
    """
    base = nine()
    theirs = topology.transfer(base, box(1.1, 1, 2, 2), "f")
    mine = topology.transfer(base, box(1, 1, 1.9, 2), "d")
    asked: list[Any] = []

    def ask(*three: Any) -> Any:
        asked.append(three)
        return side

    prefer = {"word": side, "mapping": {("e", "f", "d"): side}, "callable": ask}[form]
    done = settle(base, theirs, mine, prefer)
    (conflict,) = done.conflicts
    assert (conflict.base, conflict.theirs, conflict.mine, conflict.prefer) == ("e", "f", "d", side)
    assert share(conflict.ground) == pytest.approx(0.8, rel=1e-4)
    assert done.coverage[CONFLICTS[side]].contains(shapely.Point(at(1.5, 1.5)))
    assert set(asked) == ({("e", "f", "d")} if form == "callable" else set())
    assert done.lost == ["e"], "both together leave nothing of e"
    assert shapely.coverage_is_valid(list(done.coverage.values()))
    assert share(shapely.union_all(list(done.coverage.values()))) == pytest.approx(9.0)


def test_a_grid_that_both_together_would_tear_keeps_its_largest_piece() -> None:
    """They cut into e from above, I from below: together they would cut it in two."""
    base = nine()
    theirs = topology.transfer(base, box(1.3, 1.4, 1.5, 2.1), "h")
    mine = topology.transfer(base, box(1.3, 0.9, 1.5, 1.6), "b")
    done = settle(base, theirs, mine, "theirs")
    sound(done.coverage)
    assert done.coverage["e"].geom_type == "Polygon"
    (mended,) = done.mended
    assert mended.before == "e"
    assert mended.after == "h", "the longest border among the grids that somebody changed; d was left alone"
    assert share(mended.ground) == pytest.approx(0.3, rel=1e-3)
    assert share(done.conflicts[0].ground) == pytest.approx(0.2 * 0.2, rel=1e-3)


# --- Snapping ---------------------------------------------------------------------------------------------------------


def test_corners_snap_to_corners_first_then_to_lines() -> None:
    """2 m beside a corner and 1 m beside a side; 5 m are in reach, 20 m are not."""
    drawn = line((1 + 2 * M, 1 + M), (1.5, 1 + M), (1.5, 1.5), (2 + 20 * M, 1.5))
    pulled = shapely.get_coordinates(snapped(drawn, [nine()["e"]], 5.0))
    assert tuple(pulled[0]) == at(1, 1)
    assert pulled[1] == pytest.approx(at(1.5, 1))
    assert tuple(pulled[2]) == at(1.5, 1.5)
    assert pulled[3] == pytest.approx(at(2 + 20 * M, 1.5), abs=1e-12)
    assert snapped(drawn, [], 5.0) is drawn
    assert snapped(drawn, [nine()["e"]], 0.0) is drawn


def test_a_line_beside_a_wall_follows_its_corners() -> None:
    """
    ::

        wall   o--o--o--o--o         drawn with two corners, it gets those of the wall in between
        drawn  .___________.
    """
    wall = line(*((0.1 * i, 0.01 * M * (i % 2)) for i in range(11)))
    pulled = snapped(line((0, M), (1, M)), [wall], 3.0)
    assert shapely.get_num_coordinates(pulled) == 11
    assert pulled.equals_exact(wall, 1e-12)
    ring = snapped(box(0.5 * M, 0.5 * M, 1 + M, 1 - M), [nine()["a"]], 3.0)
    assert ring.equals(nine()["a"])


def test_a_pull_that_would_make_the_line_cross_itself_is_left_out() -> None:
    """Both ends of a narrow hairpin lie near one corner: only one of them may take it."""
    hairpin = line((1 - 2 * M, 1 + M), (0.5, 1.3), (0.5, 1.2), (1 - 3 * M, 1 + 0.5 * M))
    assert hairpin.is_simple
    assert snapped(hairpin, [nine()["e"]], 5.0).is_simple


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), reach=st.floats(0.1, 60.0))
def test_snapping_never_makes_a_crossing_nor_pulls_further_than_told(seed: int, reach: float) -> None:
    rng = np.random.default_rng(seed)
    ground = town()[seed % 4]
    west, south, east, north = ground.outline.bounds
    middle = rng.uniform((west, south), (east, north))
    points = middle + np.cumsum(rng.normal(0, 2e-4, (int(rng.integers(2, 9)), 2)), axis=0)
    drawn: shapely.Geometry = shapely.LineString(points)
    if seed % 2 and len(points) > 3:
        drawn = shapely.MultiPoint(points).convex_hull
    pulled = snapped(drawn, list(ground.areas.values()), reach)
    assert pulled.geom_type == drawn.geom_type
    assert pulled.is_valid
    assert pulled.is_simple or not drawn.is_simple
    factors = metres(ground.outline.centroid.y)
    away = shapely.distance(
        shapely.points(shapely.get_coordinates(plain(pulled, factors))),
        plain(drawn, factors).boundary if drawn.geom_type == "Polygon" else plain(drawn, factors),
    )
    assert away.max() <= reach + 1e-6
