"""Split, merge, transfer and carve by example, and each refusal, on the nine squares of nine.py."""

from typing import Any

import numpy as np
import pytest
import shapely

from boundaries import topology
from boundaries.topology.neighbourhood import MOST_CORNERS
from tests.boundaries.topology.nine import CELL, M, area, at, box, line, nine, refused, share, sound

# --- Split ------------------------------------------------------------------------------------------------------------


def test_split_gives_the_first_code_to_the_largest_piece_and_ignores_surplus_codes() -> None:
    """
    ::

        +-----+---+
        |  e  | x |   the line reaches beyond e on both sides: only e is cut
        |     |   |
        +-----+---+
    """
    before = nine()
    after = sound(topology.split(before, "e", line((1.7, 0.5), (1.7, 2.5)), ["e", "x", "y"]))
    assert share(after["e"]) == pytest.approx(0.7)
    assert share(after["x"]) == pytest.approx(0.3)
    assert set(after) == set("abcdefghix")
    for letter in "acdfgi":
        assert after[letter] is before[letter]
    # the neighbours above and below have the new corner
    for letter, y in (("b", 1), ("h", 2)):
        assert shapely.Point(at(1.7, y)).within(shapely.MultiPoint(shapely.get_coordinates(after[letter])))
        assert share(after[letter]) == pytest.approx(1.0)


def test_split_makes_as_many_pieces_as_the_line_cuts() -> None:
    """
    ::

           __      __
        +-|--|----|--|-+     a line that leaves the grid and comes back three times
        | |  |    |  | |
        +----|----|----+
    """
    zigzag = line((1.2, 0.9), (1.2, 2.1), (1.5, 2.1), (1.5, 0.9), (1.9, 0.9), (1.9, 2.1))
    after = sound(topology.split(nine(), "e", zigzag, ["p", "q", "r", "s"]))
    assert [round(share(after[key]), 3) for key in "pqrs"] == [0.4, 0.3, 0.2, 0.1]
    assert "e" not in after
    error = refused("too_few_codes", lambda: topology.split(nine(), "e", zigzag, ["p", "q", "r"]))
    assert error.details == {"code": "e", "pieces": 4, "codes": 3}


def test_split_by_a_closed_line_makes_a_grid_within_the_grid() -> None:
    ring = line((1.2, 1.2), (1.8, 1.2), (1.8, 1.8), (1.2, 1.8), (1.2, 1.2))
    after = sound(topology.split(nine(), "e", ring, ["e", "x"]))
    assert share(after["e"]) == pytest.approx(0.64)
    assert len(after["e"].interiors) == 1


def test_split_reaches_for_a_border_two_metres_away_but_not_for_one_further_away() -> None:
    near, far = line((1.5, 1 + M), (1.5, 2.2)), line((1.5, 1 + 10 * M), (1.5, 2.2))
    assert share(sound(topology.split(nine(), "e", near, ["e", "x"]))["x"]) == pytest.approx(0.5)
    error = refused("ends_inside", lambda: topology.split(nine(), "e", far, ["e", "x"]))
    assert error.place == at(1.5, 1 + 10 * M)


def test_split_leaves_no_piece_thinner_than_the_set_width() -> None:
    """
    ::

        +--+---+------+
        |  |   |      |    the strip at the left border is 0.5 m wide: it stays with the piece beside it
        +--+---+------+
    """
    two = line((1 + M / 2, 0.9), (1 + M / 2, 2.1), (1.4, 2.1), (1.4, 0.9))
    after = sound(topology.split(nine(), "e", two, ["e", "x", "y"]))
    assert "y" not in after
    assert share(after["x"]) == pytest.approx(0.4)
    assert set(map(tuple, shapely.get_coordinates(after["h"]).tolist())) == {
        at(1, 2), at(2, 2), at(2, 3), at(1, 3), at(1.4, 2),
    }, "nobody keeps a corner of the strip"  # fmt: skip
    strip = line((1 + M / 2, 0.9), (1 + M / 2, 2.1))
    assert refused("too_thin", lambda: topology.split(nine(), "e", strip, ["e", "x"])).details["code"] == "e"
    wide = topology.split(nine(), "e", strip, ["e", "x"], min_width_m=0.4)
    assert share(wide["x"]) == pytest.approx(M / 2, rel=1e-3)


def test_a_line_within_millimetres_of_a_corner_runs_through_it() -> None:
    """A cut 3 mm beside the corner of b, c, e and f must not leave a sliver, nor a new corner beside the old one."""
    beside = 3e-8 / CELL
    after = sound(topology.split(nine(), "e", line((0.9, 2.1 + beside), (2.1, 0.9 + beside)), ["e", "x"]))
    assert set(after) == set("abcdefghix")
    assert shapely.get_num_coordinates(after["x"]) == 4
    assert all(after[letter] is not None and len(after[letter].exterior.coords) == 5 for letter in "bcfhdg")


SPLIT_REFUSALS = {
    "misses": line((0, 0.5), (0.9, 0.5)),
    "touches": line((1, 0.5), (1, 2.5)),  # along its border
    "ends_inside": line((0.5, 1.5), (1.5, 1.5)),
    "crosses_itself": line((0.5, 1.5), (2.5, 1.5), (2, 2.2), (1.6, 0.8)),
    "bad_line": shapely.LineString(),
}


@pytest.mark.parametrize(("reason", "drawn"), SPLIT_REFUSALS.items())
def test_split_refuses_a_line_that_does_not_cut(reason: str, drawn: shapely.Geometry) -> None:
    before = nine()
    refused(reason, lambda: topology.split(before, "e", drawn, ["e", "x"]))
    assert before == nine()


def test_a_line_that_touches_in_one_corner_only_is_refused() -> None:
    refused("touches", lambda: topology.split(nine(), "e", line((0.5, 1.5), (1, 2), (1.5, 2.5)), ["e", "x"]))


def test_split_refuses_codes_that_are_taken_or_unknown() -> None:
    across = line((1.5, 0.9), (1.5, 2.1))
    assert refused("code_taken", lambda: topology.split(nine(), "e", across, ["e", "a"])).details == {
        "code": "a"
    }
    refused("code_taken", lambda: topology.split(nine(), "e", across, ["x", "x"]))
    assert refused("unknown_code", lambda: topology.split(nine(), "z", across, ["z"])).details == {
        "code": "z"
    }
    refused("too_few_codes", lambda: topology.split(nine(), "e", across, []))
    assert refused(
        "locked", lambda: topology.split(nine(), "e", across, ["e", "x"], locked=["e"])
    ).details == {"codes": ["e"]}


def nowhere(x: float) -> shapely.Geometry:
    """A line to a corner that is no place."""
    with np.errstate(invalid="ignore"):
        return shapely.LineString([at(1.5, 1.5), (x, 30.7)])


NO_LINES = [
    None,
    "a line",
    shapely.Point(at(1.5, 1.5)),
    nowhere(float("nan")),
    nowhere(float("inf")),
    shapely.LineString([at(1.5, 1.5), at(1.5, 1.5)]),
    shapely.LineString([at(1.5, 1.5), (1e9, 1e9)]),
    box(1, 1, 2, 2),
]


@pytest.mark.parametrize("thing", NO_LINES, ids=str)
def test_what_is_no_line_is_refused(thing: Any) -> None:
    refused("bad_line", lambda: topology.split(nine(), "e", thing, ["e", "x"]))
    refused("bad_line", lambda: topology.reshape(nine(), "e", "f", thing))


def test_too_many_corners_are_refused() -> None:
    x = np.linspace(0.9, 2.1, MOST_CORNERS + 1)
    many = line(*((float(value), 1.5) for value in x))
    error = refused("too_many_corners", lambda: topology.split(nine(), "e", many, ["e", "x"]))
    assert error.details == {"corners": MOST_CORNERS + 1, "most": MOST_CORNERS}


def test_where_a_line_crosses_itself_is_said() -> None:
    loop = line((0.5, 1.5), (2.5, 1.5), (2.5, 1.8), (1.5, 1.8), (1.5, 1.2))
    assert refused(
        "crosses_itself", lambda: topology.split(nine(), "e", loop, ["e", "x"])
    ).place == pytest.approx(at(1.5, 1.5))


# --- Merge ------------------------------------------------------------------------------------------------------------


def test_merge_joins_neighbours_and_keeps_the_corners_of_others() -> None:
    """
    ::

        +---+-------+
        | d | e | f |    e and f become one; the corner between b and c stays on its border
        +---+---+---+
        | a | b | c |
    """
    before = nine()
    after = sound(topology.merge(before, ["e", "f"], "e"))
    assert "f" not in after
    assert share(after["e"]) == pytest.approx(2.0)
    assert after["e"].geom_type == "Polygon"
    assert at(2, 1) in {tuple(place) for place in shapely.get_coordinates(after["e"]).tolist()}
    assert all(after[letter] is before[letter] for letter in "abcdghi")
    assert "x" in sound(topology.merge(before, ["e", "f", "c"], "x"))


def test_merge_may_enclose_a_grid() -> None:
    after = sound(topology.merge(nine(), list("abcdfghi"), "a"))
    assert len(after["a"].interiors) == 1


def test_merge_refuses_grids_that_do_not_hang_together() -> None:
    """a and e meet in a corner only."""
    assert refused("not_neighbours", lambda: topology.merge(nine(), ["a", "e"], "a")).details == {
        "codes": ["a", "e"]
    }
    refused("not_neighbours", lambda: topology.merge(nine(), ["a", "b", "i"], "a"))
    refused("too_few_grids", lambda: topology.merge(nine(), ["a", "a"], "a"))
    refused("unknown_code", lambda: topology.merge(nine(), ["a", "z"], "a"))
    refused("code_taken", lambda: topology.merge(nine(), ["a", "b"], "c"))
    refused("locked", lambda: topology.merge(nine(), ["a", "b"], "a", locked=["b"]))


# --- Transfer and carve -----------------------------------------------------------------------------------------------


def test_transfer_takes_ground_from_all_grids_under_the_area() -> None:
    """
    ::

        +---+---+        the area lies over e, f and a corner of b and c; what it covers of them goes to e
        | e.|.f |
        +--.+.--+
        | b.|.c |
    """
    after = sound(topology.transfer(nine(), box(1.8, 0.8, 2.4, 1.6), "e"))
    assert share(after["f"]) == pytest.approx(1 - 0.4 * 0.6)
    assert share(after["c"]) == pytest.approx(1 - 0.4 * 0.2)
    assert share(after["b"]) == pytest.approx(1 - 0.2 * 0.2)
    assert share(after["e"]) == pytest.approx(1 + 0.24 + 0.08 + 0.04)


def test_a_hand_that_trembles_takes_no_sliver_from_a_third_grid() -> None:
    """The area reaches 0.4 m into b and c, and leaves 0.4 m of f at i: b and c keep theirs, the rest of f goes along."""
    before = nine()
    tremble = 0.4 * M
    after = sound(topology.transfer(before, box(1.9, 1 - tremble, 2.5, 2 - tremble), "e"))
    assert after["b"] is before["b"]
    assert share(after["c"]) == pytest.approx(1.0)
    assert share(after["f"]) == pytest.approx(0.5, abs=tremble)


def test_a_border_may_be_moved_by_less_than_the_set_width_on_purpose() -> None:
    after = sound(topology.transfer(nine(), box(1.9, 1, 2 + M / 2, 2), "e"))
    assert share(after["f"]) == pytest.approx(1 - M / 2, rel=1e-4)


def test_transfer_refuses_to_tear_or_empty_a_grid() -> None:
    """
    ::

        +---+-.-.-+---+
        | d |e. .f|   |    a band right across f would leave a piece on either side
    """
    error = refused("tears", lambda: topology.transfer(nine(), box(1.9, 1.4, 3.1, 1.6), "e"))
    assert error.details["code"] == "f"
    assert error.details["area_m2"] == pytest.approx(0.4 * 191.6 * 221.8, rel=0.01)
    assert error.place is not None
    assert shapely.Point(error.place).within(nine()["f"])
    assert refused("empties", lambda: topology.transfer(nine(), box(1.5, 1, 3, 2), "e")).details == {
        "code": "f"
    }
    assert (
        refused("apart", lambda: topology.transfer(nine(), box(2.4, 1.4, 2.6, 1.6), "e")).details["code"]
        == "e"
    )


def test_locked_ground_is_not_given_away() -> None:
    ground = box(1.8, 0.8, 2.4, 1.6)
    error = refused("locked", lambda: topology.transfer(nine(), ground, "e", locked=["c"]))
    assert error.details == {"codes": ["c"]}
    assert shapely.Point(error.place or (0, 0)).within(nine()["c"])
    refused("locked", lambda: topology.transfer(nine(), ground, "e", locked=["e"]))
    refused("locked", lambda: topology.carve(nine(), ground, "x", locked={"f": nine()["f"]}))
    # a sliver over locked ground is cut off without a word
    after = sound(topology.transfer(nine(), box(1.8, 1 - M / 3, 2.4, 1.6), "e", locked=["b", "c"]))
    assert share(after["c"]) == pytest.approx(1.0)


def test_transfer_refuses_what_changes_nothing() -> None:
    refused("no_change", lambda: topology.transfer(nine(), box(1.2, 1.2, 1.8, 1.8), "e"))
    refused("outside", lambda: topology.transfer(nine(), box(4, 4, 5, 5), "e"))
    refused("outside", lambda: topology.carve(nine(), box(4, 4, 5, 5), "x"))
    bow_tie = area((1.8, 1.2), (2.4, 1.8), (2.4, 1.2), (1.8, 1.8))
    assert refused("crosses_itself", lambda: topology.transfer(nine(), bow_tie, "e")).place == pytest.approx(
        at(2.1, 1.5)
    )
    refused("bad_area", lambda: topology.transfer(nine(), shapely.Polygon(), "e"))
    refused("bad_area", lambda: topology.transfer(nine(), line((0, 0), (1, 1)), "e"))


def test_carve_makes_a_grid_out_of_several() -> None:
    """
    ::

        +---+---+
        |  .|.  |     from all four grids around a corner
        +---+---+
        |  .|.  |
        +---+---+
    """
    after = sound(topology.carve(nine(), box(1.7, 0.7, 2.3, 1.3), "x"))
    assert share(after["x"]) == pytest.approx(0.36)
    assert [round(share(after[letter]), 6) for letter in "befc"] == [0.91] * 4
    within = sound(topology.carve(nine(), box(1.2, 1.2, 1.8, 1.8), "x"))
    assert len(within["e"].interiors) == 1


def test_carve_stops_at_the_rim_and_refuses_several_pieces() -> None:
    after = sound(topology.carve(nine(), box(2.5, 0.5, 9, 0.9), "x"))
    assert share(after["x"]) == pytest.approx(0.5 * 0.4)
    two = shapely.MultiPolygon([box(0.2, 0.2, 0.4, 0.4), box(0.6, 0.6, 0.8, 0.8)])
    assert refused("several_pieces", lambda: topology.carve(nine(), two, "x")).details == {
        "code": "x",
        "pieces": 2,
    }
    refused("code_taken", lambda: topology.carve(nine(), box(0.2, 0.2, 0.4, 0.4), "i"))
    refused("too_thin", lambda: topology.carve(nine(), box(0.2, 0.2, 0.2 + M / 2, 0.8), "x"))
    refused("empties", lambda: topology.carve(nine(), box(1, 1, 2, 2), "x"))
    refused("tears", lambda: topology.carve(nine(), box(0.9, 1.4, 2.1, 1.6), "x"))
