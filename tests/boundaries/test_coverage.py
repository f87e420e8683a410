"""Areas that should tile: what the check finds, and that the repair moves no real border.

The unit town is nine squares of 0.002 degrees (about 191 m x 222 m) near Liucheng, measured in EPSG:4544::

    +---+---+---+
    | 6 | 7 | 8 |
    +---+---+---+
    | 3 | 4 | 5 |
    +---+---+---+
    | 0 | 1 | 2 |
    +---+---+---+
"""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from boundaries.importing import coverage, shapes
from boundaries.importing.coverage import edge_faults, half_edge_faults, settle
from boundaries.importing.opening import open_source
from tests.boundaries.files import DATA, needs_data

WEST, SOUTH, CELL, SRID = 103.83, 30.70, 0.002, 4544
Areas = dict[int, shapely.Geometry]


def nine() -> Areas:
    found = {}
    for index in range(9):
        row, column = divmod(index, 3)
        corners = [
            WEST + CELL * column,
            SOUTH + CELL * row,
            WEST + CELL * (column + 1),
            SOUTH + CELL * (row + 1),
        ]
        found[index] = shapely.box(*(round(value, 8) for value in corners))
    return found


def metric(shape: shapely.Geometry) -> shapely.Geometry:
    return shapes.reproject(shape, 4326, SRID)


def ground(areas: Areas) -> float:
    return float(sum(metric(shape).area for shape in areas.values()))


def move_corner(
    shape: shapely.Geometry, corner: tuple[float, float], east: float, north: float
) -> shapely.Geometry:
    """The polygon with one of its corners moved by degrees."""

    def shift(points: np.ndarray) -> np.ndarray:
        hit = np.all(np.isclose(points, corner, atol=1e-9, rtol=0), axis=1)
        return points + np.where(hit[:, None], [east, north], 0.0)

    return shapely.transform(shape, shift)


def is_coverage(areas: Areas) -> bool:
    return (
        not edge_faults(areas)
        and not half_edge_faults(areas)
        and all(shape.is_valid for shape in areas.values())
    )


def test_a_sound_layer_stays_as_it_is() -> None:
    tiling = settle(nine(), SRID, repair=True)
    assert tiling.overlaps == tiling.gaps == []
    assert tiling.moved == {}
    assert all(tiling.areas[key].equals_exact(shape, 0, normalize=True) for key, shape in nine().items())


def test_an_overlap_is_measured_and_goes_to_the_longer_border() -> None:
    areas = nine()
    areas[4] = areas[4].union(
        shapely.box(WEST + 2 * CELL, SOUTH + CELL, WEST + 2 * CELL + 2e-5, SOUTH + 2 * CELL)
    )
    found = settle(areas, SRID)
    (overlap,) = found.overlaps
    assert overlap.owners == (4, 5)
    assert overlap.area_m2 == pytest.approx(1.914 * 221.8, rel=0.01)
    assert overlap.width_m == pytest.approx(1.91, rel=0.01)
    assert overlap.given_to is None
    repaired = settle(areas, SRID, repair=True)
    assert repaired.overlaps[0].given_to in {4, 5}
    assert is_coverage(repaired.areas)
    assert ground(repaired.areas) == pytest.approx(ground(nine()), abs=0.02)
    loser = ({4, 5} - {repaired.overlaps[0].given_to}).pop()
    assert set(repaired.moved) == {loser}
    assert repaired.moved[loser].lost_m2 == pytest.approx(overlap.area_m2)


def test_a_narrow_gap_is_closed_and_a_wide_one_stays() -> None:
    areas = nine()
    cut = shapely.box(WEST + CELL, SOUTH + CELL, WEST + CELL + 5e-6, SOUTH + 2 * CELL)  # 0.48 m along area 4
    areas[4] = areas[4].difference(cut)
    tiling = settle(areas, SRID, repair=True, gap_width_m=1.0)
    (gap,) = tiling.gaps
    assert gap.is_gap
    assert set(gap.neighbours[:2]) == {3, 4}
    assert gap.given_to in {3, 4}
    assert is_coverage(tiling.areas)
    assert ground(tiling.areas) == pytest.approx(ground(nine()), abs=0.02)
    wide = settle(areas, SRID, repair=True, gap_width_m=0.3)
    assert [hole.given_to for hole in wide.holes] == [None]
    assert ground(wide.areas) == pytest.approx(ground(nine()) - metric(cut).area, abs=0.02)
    assert is_coverage(wide.areas)


def test_a_lake_in_the_middle_is_a_hole_on_purpose() -> None:
    areas = nine()
    lake = metric(areas.pop(4))
    tiling = settle(areas, SRID, repair=True)
    (hole,) = tiling.holes
    assert hole.area_m2 == pytest.approx(lake.area)
    assert hole.width_m == pytest.approx(191, rel=0.02)
    assert tiling.moved == {}


def test_missing_corners_are_added_without_a_word() -> None:
    """A neighbour has a corner in the middle of a straight border: both must have it."""
    areas = nine()
    areas[1] = shapely.box(WEST + CELL, SOUTH, WEST + 2 * CELL, SOUTH + CELL)
    upper = shapely.box(WEST + CELL, SOUTH + CELL, WEST + 1.5 * CELL, SOUTH + 2 * CELL)
    areas[4] = shapely.box(WEST + 1.5 * CELL, SOUTH + CELL, WEST + 2 * CELL, SOUTH + 2 * CELL)
    areas[9] = upper
    assert 1 in edge_faults(areas)
    tiling = settle(areas, SRID, repair=True)
    assert tiling.overlaps == tiling.gaps == []
    assert is_coverage(tiling.areas)


def test_an_outline_makes_open_notches_gaps_and_overhangs_known() -> None:
    rim = shapely.union_all(list(nine().values()))
    areas = nine()
    areas[1] = areas[1].difference(
        shapely.box(WEST + CELL, SOUTH, WEST + 2 * CELL, SOUTH + 4e-6)
    )  # 0.44 m at the rim
    assert settle(areas, SRID).gaps == []
    tiling = settle(areas, SRID, repair=True, outline=rim)
    assert [gap.given_to for gap in tiling.gaps] == [1]
    assert ground(tiling.areas) == pytest.approx(ground(nine()), abs=0.02)


def test_an_area_wholly_on_another_is_lost() -> None:
    areas = nine()
    areas[9] = areas[4].buffer(-CELL / 4)
    tiling = settle(areas, SRID, repair=True)
    assert tiling.lost == [9] or tiling.overlaps[0].given_to == 9
    assert is_coverage(tiling.areas)


def test_half_edges_that_stand_twice_are_found() -> None:
    areas = nine()
    areas[9] = areas[4]
    assert len(half_edge_faults(areas)) == 4
    assert half_edge_faults(nine()) == []
    assert half_edge_faults({}) == []


offsets = st.floats(-4e-6, 4e-6)  # up to 0.4 m


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), offsets, offsets), min_size=1, max_size=8))
def test_the_repair_of_any_jitter_is_a_coverage_that_keeps_its_ground(
    edits: list[tuple[int, int, float, float]],
) -> None:
    """Corners of single areas moved by up to 0.4 m: gaps and overlaps at will, and areas untouched by any of it."""
    areas, corners = nine(), set()
    for index, corner, east, north in edits:
        at = shapely.get_coordinates(nine()[index])[corner]
        corners.add((round(at[0], 8), round(at[1], 8)))
        areas[index] = move_corner(areas[index], (at[0], at[1]), east, north)
    tiling = settle(areas, SRID, repair=True)
    assert tiling.lost == []
    assert is_coverage(tiling.areas)
    # ground: all that was claimed by anybody, and the gaps that were closed
    claimed = metric(shapely.union_all(list(areas.values()))).area
    closed = sum(gap.area_m2 for gap in tiling.gaps if gap.given_to is not None)
    assert ground(tiling.areas) == pytest.approx(claimed + closed, abs=1.0)
    # every vertex is one that was there, or a crossing of two borders, on the grid
    given = shapely.union_all([shapely.boundary(shape) for shape in areas.values()])
    for shape in tiling.areas.values():
        points = shapely.points(shapely.get_coordinates(shape))
        assert shapely.distance(points, given).max() < 1.5e-8
    # areas whose corners nobody moved keep them all
    for index, shape in nine().items():
        own = {(round(x, 8), round(y, 8)) for x, y in shapely.get_coordinates(shape)}
        if not own & corners:
            after = {(round(x, 8), round(y, 8)) for x, y in shapely.get_coordinates(tiling.areas[index])}
            assert own <= after
            assert index not in tiling.moved


def load(name: str, key: str) -> dict[str, shapely.Geometry]:
    with open_source(DATA / name) as source:
        assert source.crs is not None
        (batch,) = source.batches()
        found, faults = shapes.sound(
            shapes.to_wgs84(batch.shapes, source.crs, "wgs84"), "polygon", repair=False
        )
        assert faults == []
        return {batch.text(key, index): shape for index, shape in enumerate(found)}


def holes_of(areas: dict[str, shapely.Geometry]) -> int:
    together = shapely.union_all(list(areas.values()))
    return sum(len(part.interiors) for part in shapely.get_parts(together))


@needs_data
def test_denver_as_published_and_repaired() -> None:
    """356 precincts in US feet; known defects: 35 polygons with faulty edges, 33 holes of which 9 are real."""
    with open_source(DATA / "DenverCo_precincts2020_orig.zip") as source:
        (batch,) = source.batches()
        in_feet = dict(enumerate(batch.shapes))
    assert len(edge_faults(in_feet)) == 35
    original, reference = (
        load("DenverCo_precincts2020_orig.zip", "PRECID"),
        load("DenverCo_precincts2020_repaired.zip", "PRECID"),
    )
    srid = 32613
    plain = {key: shapes.reproject(shape, 4326, srid) for key, shape in original.items()}
    assert holes_of(plain) == 33

    tiling = settle(original, srid, repair=True)
    assert len(tiling.areas) == 356
    assert edge_faults(tiling.areas) == []
    assert half_edge_faults(tiling.areas) == []
    assert len(tiling.holes) == 9
    assert min(hole.width_m for hole in tiling.holes) > 50
    assert len(tiling.overlaps) == 3
    assert sum(overlap.area_m2 for overlap in tiling.overlaps) == pytest.approx(12.96, abs=0.1)
    # six slivers inside, and two wedges that open to the rim
    closed = sorted(gap.width_m for gap in tiling.gaps if gap.given_to is not None)
    assert len(closed) == 8
    assert closed[-3:] == pytest.approx([0.038, 0.256, 0.627], abs=0.002)
    assert len(tiling.moved) == 7

    def differs(areas: dict[str, Any]) -> Any:
        return sum(
            shapes.reproject(areas[key], 4326, srid).symmetric_difference(plain[key]).area for key in plain
        )

    # ours changes 170 m2 in all, the reference 1.6 km2
    assert differs(tiling.areas) < 200
    assert differs(reference) > 1_000_000


@needs_data
def test_hsinchu_is_sound_and_keeps_its_hole() -> None:
    villages = load("hsinchu_villages.gpkg", "VILLCODE")
    tiling = settle(villages, 3826, repair=True)
    assert len(tiling.areas) == 122
    assert is_coverage(tiling.areas)
    assert tiling.overlaps == []
    (hole,) = tiling.gaps
    assert hole.given_to is None
    assert hole.area_m2 == pytest.approx(5.25e6, rel=0.001)
    assert tiling.moved == {}
    for key, shape in villages.items():
        assert shapely.hausdorff_distance(tiling.areas[key], shape) < 1e-8


def test_nothing_in_nothing_out() -> None:
    assert settle({}, SRID).areas == {}
    assert coverage.edge_faults({}) == []


def test_a_slit_that_opens_to_the_rim_is_a_gap_too() -> None:
    """Two areas drawn one by one: the slit between them runs from rim to rim and encloses nothing."""
    left = shapely.box(WEST, SOUTH, WEST + CELL, SOUTH + CELL)
    right = shapely.box(WEST + CELL + 5e-6, SOUTH, WEST + 2 * CELL, SOUTH + CELL)  # 0.48 m away
    tiling = settle({0: left, 1: right}, SRID, repair=True)
    (gap,) = tiling.gaps
    assert gap.area_m2 == pytest.approx(0.479 * 221.8, rel=0.01)
    assert gap.given_to in {0, 1}
    assert is_coverage(tiling.areas)
    whole = metric(shapely.box(WEST, SOUTH, WEST + 2 * CELL, SOUTH + CELL)).area
    assert ground(tiling.areas) == pytest.approx(whole, abs=0.05)
    apart = settle({0: left, 1: right}, SRID, repair=True, gap_width_m=0.3)
    assert apart.gaps == []
    # a notch in one area alone is its own business
    notched = left.difference(shapely.box(WEST + CELL / 2, SOUTH, WEST + CELL / 2 + 5e-6, SOUTH + CELL / 2))
    assert settle({0: notched}, SRID, repair=True).gaps == []
