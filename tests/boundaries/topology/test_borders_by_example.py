"""Pulled borders, moved buildings and borders that stand for surveyed lines, on the nine squares of nine.py."""

import numpy as np
import pytest
import shapely

from boundaries import topology
from tests.boundaries.topology.grounds import Areas
from tests.boundaries.topology.invariants import metres, plain
from tests.boundaries.topology.nine import CELL, SOUTH, M, area, at, box, line, nine, refused, share, sound

# --- Reshape ----------------------------------------------------------------------------------------------------------


def test_reshape_pulls_the_border_and_both_grids_follow() -> None:
    """
    ::

        +-----+-----+
        |  e   .    |     from the border into f and back: what lies between goes to e
        |     |  .  |
        |      .  f |
        +-----+-----+
    """
    before = nine()
    after = sound(topology.reshape(before, "e", "f", line((2, 1.8), (2.5, 1.5), (2, 1.2))))
    assert share(after["e"]) == pytest.approx(1 + 0.15)
    assert share(after["f"]) == pytest.approx(1 - 0.15)
    assert all(after[letter] is before[letter] for letter in "abcdghi")
    backwards = topology.reshape(before, "f", "e", line((2, 1.2), (2.5, 1.5), (2, 1.8)))
    assert backwards["e"].equals(after["e"])


def test_reshape_by_a_line_that_weaves_gives_and_takes() -> None:
    after = sound(
        topology.reshape(nine(), "e", "f", line((2, 2), (1.6, 1.75), (2, 1.5), (2.3, 1.25), (2, 1)))
    )
    assert share(after["e"]) == pytest.approx(1 - 0.1 + 0.075)


def test_reshape_by_a_line_from_other_borders_replaces_the_whole_border() -> None:
    """
    ::

          h    .
        +-----+.----+
        |  e   |  f |    from the border to h to the border to b, all the way beside the old border
        +-----+.----+
    """
    after = sound(topology.reshape(nine(), "e", "f", line((2.3, 2.1), (2.3, 0.9))))
    assert share(after["e"]) == pytest.approx(1.3)
    one_end = sound(topology.reshape(nine(), "e", "f", line((2, 1.5), (1.5, 1))))
    assert share(one_end["e"]) == pytest.approx(1 - 0.125)


def test_reshape_refuses_what_cannot_be_a_border() -> None:
    refused("loose_end", lambda: topology.reshape(nine(), "e", "f", line((2, 1.8), (2.5, 1.5))))
    refused("misses", lambda: topology.reshape(nine(), "e", "f", line((0, 0.2), (0.8, 0.2))))
    refused("not_neighbours", lambda: topology.reshape(nine(), "a", "e", line((1, 0.5), (0.5, 1))))
    refused("same_grid", lambda: topology.reshape(nine(), "e", "e", line((1, 1), (2, 2))))
    refused(
        "locked",
        lambda: topology.reshape(nine(), "e", "f", line((2, 1.8), (2.5, 1.5), (2, 1.2)), locked=["f"]),
    )
    band = line((2, 1.2), (2.9, 1.2), (3, 1.4), (2.9, 1.6), (2, 1.8))
    assert refused("tears", lambda: topology.reshape(nine(), "e", "f", band)).details["code"] == "f"
    thin = line((2, 1.8), (2 + M / 3, 1.5), (2, 1.2))
    assert share(sound(topology.reshape(nine(), "e", "f", thin))["e"]) == pytest.approx(
        1 + 0.3 * M / 3, rel=1e-3
    )


# --- Moving buildings -------------------------------------------------------------------------------------------------


def houses() -> dict[str, tuple[float, float]]:
    """Three by three houses in each square: e00 .. e22, row by row."""
    return {
        f"{letter}{x}{y}": at(i % 3 + (2 * x + 1) / 6, i // 3 + (2 * y + 1) / 6)
        for i, letter in enumerate("abcdefghi")
        for x in range(3)
        for y in range(3)
    }


def grid_of(areas: Areas, place: tuple[float, float]) -> list[str]:
    return [key for key, shape in areas.items() if shape.intersects(shapely.Point(place))]


def test_move_gives_the_chosen_houses_and_no_other() -> None:
    """
    ::

        +-------+-------+
        | o o o | x o o |     the three houses of f along the border to e; the new border is straight
        | o o o | x o o |
        | o o o | x o o |
        +-------+-------+
    """
    places = houses()
    chosen = ["f00", "f01", "f02"]
    after = sound(topology.move(nine(), places, chosen, "e"))
    for house, place in places.items():
        assert grid_of(after, place) == ["e" if house in chosen else house[0]]
    assert share(after["e"]) == pytest.approx(4 / 3, rel=1e-4)
    assert shapely.get_num_coordinates(after["f"]) == 5


def test_move_straightens_the_new_border_as_far_as_no_house_changes_side() -> None:
    rng = np.random.default_rng(3)
    places = {house: (x + rng.normal(0, 8e-5), y + rng.normal(0, 8e-5)) for house, (x, y) in houses().items()}
    chosen = [house for house in places if house.startswith("f") and house[1] in "01"]
    after = sound(topology.move(nine(), places, chosen, "e"))
    assert all(grid_of(after, places[house]) == ["e" if house in chosen else house[0]] for house in places)
    rough = sum(shapely.get_num_coordinates(after[key]) for key in "ef")
    assert rough <= 16


def test_move_takes_houses_from_several_grids() -> None:
    chosen = ["f00", "b22", "c02"]
    places = houses()
    after = sound(topology.move(nine(), places, chosen, "e"))
    assert all(grid_of(after, places[house]) == ["e" if house in chosen else house[0]] for house in places)


def test_move_refuses() -> None:
    places = houses()
    assert refused("apart", lambda: topology.move(nine(), places, ["f20"], "e")).details["code"] == "e"
    ring = [f"f{x}{y}" for x, y in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))]
    refused("empties", lambda: topology.move(nine(), places, [h for h in places if h[0] == "f"], "e"))
    # f11 and f22 stay, and have only a corner between them
    assert refused("tears", lambda: topology.move(nine(), places, ring, "e")).details["code"] == "f"
    refused("no_change", lambda: topology.move(nine(), places, ["e00"], "e"))
    refused("unknown_building", lambda: topology.move(nine(), places, ["z"], "e"))
    refused("unknown_building", lambda: topology.move(nine(), places, [], "e"))
    refused("unknown_code", lambda: topology.move(nine(), places, ["f00"], "z"))
    refused("locked", lambda: topology.move(nine(), places, ["f00"], "e", locked=["f"]))
    refused("outside", lambda: topology.move(nine(), places | {"far": at(8, 8)}, ["far"], "e"))
    twin = places | {"twin": places["f00"]}
    assert set(
        refused("same_place", lambda: topology.move(nine(), twin, ["f00"], "e")).details["buildings"]
    ) == {
        "f00",
        "twin",
    }


# --- Borders that stand for surveyed lines ----------------------------------------------------------------------------


def test_a_rim_cut_a_thousand_times_does_not_creep() -> None:
    """A slanting rim that no point of the lattice lies on: cut, merge, and cut again beside."""
    corners = [at(0, 0), at(3.0001, 0.777), at(2.5, 2.9), at(0.1, 2.2)]
    whole = shapely.Polygon(corners)
    areas: Areas = {"a": shapely.normalize(whole)}
    rng = np.random.default_rng(1)
    factors = metres(30.7)
    for turn in range(300):
        x = float(rng.uniform(0.2, 2.4))
        cut = line((x, -1), (x + float(rng.normal(0, 0.5)), 4))
        areas = topology.split(areas, "a", cut, ["a", "b"], outline=whole)
        areas = topology.merge(areas, ["a", "b"], "a", outline=whole)
        assert turn or len(areas) == 1
    rim = plain(areas["a"].boundary, factors)
    away = shapely.distance(shapely.points(shapely.get_coordinates(rim)), plain(whole.boundary, factors))
    assert shapely.get_num_coordinates(areas["a"]) > 400
    assert away.max() < 0.0007, "each new corner is rounded on the surveyed line itself"


def test_locked_borders_are_kept_against_the_outline_when_locked() -> None:
    slanting = topology.split(nine(), "e", line((0.9, 1.3), (2.1, 1.777)), ["e", "x"])
    when_locked = slanting["x"]
    areas = slanting
    rng = np.random.default_rng(2)
    for _turn in range(60):
        y = float(rng.uniform(1.1, 1.9))
        cut = line((float(rng.uniform(1, 2)), 0.5), (float(rng.uniform(1.2, 1.8)), y), (1.5, 2.5))
        areas = topology.split(areas, "e", cut, [*"epqrs"], locked={"x": when_locked})
        areas = topology.merge(
            areas, [key for key in "epqrs" if key in areas], "e", locked={"x": when_locked}
        )
    factors = metres(30.7)
    gap = shapely.hausdorff_distance(
        plain(areas["x"].boundary, factors), plain(when_locked.boundary, factors)
    )
    assert 0 < gap < 0.0015
    assert shapely.get_num_coordinates(areas["x"]) > shapely.get_num_coordinates(when_locked)


def test_new_corners_on_the_rim_and_on_locked_borders_are_put_on_the_surveyed_line() -> None:
    """The stored border stands a step (1.1 mm) beside the line it stands for, as an import may leave it.

    ::

        surveyed  ------n-------      the new corner n is on the surveyed line, not on the border
        stored    ______________
    """
    surveyed = shapely.Polygon([at(0, 0), at(3, 0), at(3, 3), at(0, 3)])
    stored = shapely.transform(surveyed, lambda xy: np.where(xy == SOUTH, round(SOUTH + 1e-8, 8), xy))
    cut = line((1.5, -1), (1.51, 4))
    after = topology.split({"a": stored}, "a", cut, ["a", "b"], outline=surveyed)
    low = min(
        y for x, y in shapely.get_coordinates(after["b"]).tolist() if abs(x - at(1.5, 0)[0]) < CELL / 10
    )
    assert low == SOUTH
    plainly = topology.split({"a": stored}, "a", cut, ["a", "b"])
    assert min(shapely.get_coordinates(plainly["b"])[:, 1]) == round(SOUTH + 1e-8, 8)
    # the same of a border that was locked
    areas = {"a": stored, "x": shapely.Polygon([at(0, 0), at(0, -1), at(3, -1), at(3, 0)])}
    areas["x"] = shapely.transform(areas["x"], lambda xy: np.where(xy == SOUTH, round(SOUTH + 1e-8, 8), xy))
    when_locked = shapely.Polygon([at(0, 0), at(0, -1), at(3, -1), at(3, 0)])
    after = topology.split(areas, "a", cut, ["a", "b"], locked={"x": when_locked})
    assert SOUTH in shapely.get_coordinates(after["b"])[:, 1]
    assert shapely.coverage_is_valid(list(after.values()))


def test_a_grid_that_would_touch_the_rim_in_one_point_is_refused() -> None:
    """
    ::

        rim ----+---------      x would touch the rim only where b and c meet, and c would touch itself there
             b  |\\  c
                |x\
    """
    at_rim = area((2, 0), (2.6, 0.6), (2.3, 0.8))
    error = refused("pinches", lambda: topology.carve(nine(), at_rim, "x"))
    assert error.place is not None
    assert shapely.Point(error.place).distance(shapely.Point(at(2, 0))) < CELL * 1.1
    sound(topology.carve(nine(), area((2, 0), (2.6, 0.6), (2, 0.8)), "x"))
    inside = sound(topology.carve(nine(), area((2, 1), (2.6, 0.6), (2.3, 0.4)), "x"))
    assert share(inside["x"]) > 0


def test_corners_off_the_lattice_keep_their_numbers() -> None:
    """A hair beside the lattice (another program's rounding): neighbours must still find each other's corners."""
    before = {key: shapely.transform(shape, lambda xy: xy + 1.4e-14 * 3) for key, shape in nine().items()}
    after = topology.split(before, "e", line((1.7, 0.5), (1.7, 2.5)), ["e", "x"])
    assert shapely.coverage_is_valid(list(after.values()))
    assert after["a"] is before["a"]


def test_what_is_no_coverage_is_refused() -> None:
    """f reaches into e by half a square."""
    overlapping = nine() | {"f": box(1.5, 1, 3, 2)}
    refused(
        "bad_coverage", lambda: topology.split(overlapping, "e", line((1.2, 0.9), (1.2, 2.1)), ["e", "x"])
    )
    refused(
        "bad_coverage",
        lambda: topology.split(nine() | {"z": shapely.Polygon()}, "z", line((0, 0), (3, 3)), ["x"]),
    )
    refused(
        "too_large", lambda: topology.carve({"a": shapely.box(0, 0, 60, 60)}, shapely.box(1, 1, 2, 2), "x")
    )
