"""The rim of a layer of grids: whatever other hands drew, it becomes the surveyed outline, and publishing accepts it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from boundaries.actions.importing import import_areas
from boundaries.actions.plans import RIM_M, PublishError, publish
from boundaries.actions.records import as_shape
from boundaries.importing.coverage import edge_faults, half_edge_faults, settle
from boundaries.importing.opening import open_source
from boundaries.importing.report import Report
from boundaries.importing.rows import Options
from boundaries.importing.shapes import reproject, snapped
from boundaries.locating import metres_per_degree
from boundaries.models import Community, Outline, Plan, Publication
from tests import factories
from tests.boundaries.files import DATA, geojson, needs_data
from tests.factories import CELL, SOUTH, WEST, Town

SRID = 4544
WIDE = 3 * CELL
EAST_M, NORTH_M = 1e-5 / 0.957, 1e-5 / 1.1086
"""Degrees in a metre at 30.7 N, to 1 %."""
# Corners of six grids in a community of three cells; those inside do not lie on the rim.
#
#   6---7---8---9      A crooked outline would be the same to the code: it knows segments only. The community is a
#   | D | E | F |      rectangle, so every fault of the rim is on a known side.
#   3---4---5--10
#   | A | B | C |
#   0---1---2--11
CORNERS = {
    0: (0, 0), 1: (CELL, 0), 2: (2 * CELL, 0), 11: (WIDE, 0), 3: (0, CELL / 2), 4: (CELL, CELL / 2), 5: (2 * CELL, CELL / 2),
    10: (WIDE, CELL / 2), 6: (0, CELL), 7: (CELL, CELL), 8: (2 * CELL, CELL), 9: (WIDE, CELL),
}  # fmt: skip
GRIDS = {
    "A": (0, 1, 4, 3), "B": (1, 2, 5, 4), "C": (2, 11, 10, 5), "D": (3, 4, 7, 6), "E": (4, 5, 8, 7), "F": (5, 10, 9, 8),
}  # fmt: skip
RIM = [0, 1, 2, 11, 10, 9, 8, 7, 6, 3]
OUTLINE = shapely.box(*(round(value, 8) for value in (WEST, SOUTH, WEST + WIDE, SOUTH + CELL)))


def grids(moves: dict[tuple[str, int] | int, tuple[float, float]]) -> dict[str, shapely.Polygon]:
    """The six grids; corners moved by (east, north) in metres, for all who share one or for one grid only."""
    found = {}
    for name, numbers in GRIDS.items():
        ring = []
        for number in numbers:
            east, north = CORNERS[number]
            shift = moves.get((name, number), moves.get(number, (0.0, 0.0)))
            ring.append((WEST + east + shift[0] * EAST_M, SOUTH + north + shift[1] * NORTH_M))
        found[name] = shapely.Polygon(ring)
    return found


def plain(shape: Any) -> Any:
    """Metres by one factor each way, so that straight lines in degrees stay straight."""
    return shapely.transform(shape, lambda xy: xy / np.array([EAST_M, NORTH_M]))


def is_tiling(areas: dict[str, Any]) -> bool:
    """Neighbours share every vertex, and together they are the outline, to two millimetres of its length."""
    together = plain(shapely.union_all(list(areas.values())))
    surveyed = plain(OUTLINE)
    stands_off = together.symmetric_difference(surveyed).area
    return (
        not edge_faults(areas) and not half_edge_faults(areas) and stands_off < RIM_M * surveyed.length
        and shapely.hausdorff_distance(together.boundary, surveyed.boundary) < RIM_M
    )  # fmt: skip


angles, lengths = st.floats(0, 2 * np.pi), st.floats(0, 0.98)


@given(st.dictionaries(st.sampled_from(RIM), st.tuples(angles, lengths), min_size=1))
@example({10: (1.625, 0.03125)})  # two millimetres inside: one grid must not run along another as a hair
def test_any_rim_within_the_width_becomes_the_outline(moved: dict[int, tuple[float, float]]) -> None:
    """Shared corners of the rim anywhere within the width of where they belong: gaps and overhangs at will."""
    areas = grids({at: (far * np.cos(way), far * np.sin(way)) for at, (way, far) in moved.items()})
    tiling = settle(areas, SRID, repair=True, outline=OUTLINE)
    assert is_tiling(tiling.areas)
    assert all(sliver.is_cut for sliver in tiling.overhangs)
    assert tiling.holes == []
    # no border went further than its corners did, and nobody reaches along the rim of another
    for name, area in tiling.areas.items():
        assert shapely.hausdorff_distance(plain(area), plain(areas[name])) < 2.2


@given(
    st.dictionaries(
        st.sampled_from([(name, at) for name, numbers in GRIDS.items() for at in numbers if at in RIM]),
        st.tuples(angles, st.floats(0, 0.49)),
        min_size=1,
    )
)
def test_rims_of_grids_drawn_one_by_one_too(moved: dict[tuple[str, int], tuple[float, float]]) -> None:
    """Each grid has its own idea of the corner: slits and overlaps between them run out to the rim."""
    areas = grids({at: (far * np.cos(way), far * np.sin(way)) for at, (way, far) in moved.items()})
    tiling = settle(areas, SRID, repair=True, outline=OUTLINE)
    assert is_tiling(tiling.areas)
    for name, area in tiling.areas.items():
        assert shapely.hausdorff_distance(plain(area), plain(areas[name])) < 2.2


def test_a_strip_along_the_rim_is_divided_where_grids_meet() -> None:
    """The whole layer stops 0.8 m short in the south: each grid gets the strip before its own door."""
    areas = grids(dict.fromkeys((0, 1, 2, 11), (0.0, 0.8)))
    tiling = settle(areas, SRID, repair=True, outline=OUTLINE)
    assert is_tiling(tiling.areas)
    won = {name: moved.gained_m2 for name, moved in tiling.moved.items()}
    width = plain(OUTLINE).length / 2 - plain(shapely.box(WEST, SOUTH, WEST + 1e-9, SOUTH + CELL)).length / 2
    assert set(won) == {"A", "B", "C"}
    for metres in won.values():
        assert metres == pytest.approx(0.8 * width / 3, rel=0.02)
    assert [round(gap.width_m, 2) for gap in tiling.gaps] == [0.8, 0.8, 0.8]


def test_what_sticks_out_is_measured_and_cut() -> None:
    areas = grids({1: (0.0, -0.6)})
    told = settle(areas, SRID, outline=OUTLINE)
    assert {sliver.owners for sliver in told.overhangs} == {("A",), ("B",)}
    assert not any(sliver.is_cut for sliver in told.overhangs)
    tiling = settle(areas, SRID, repair=True, outline=OUTLINE)
    assert is_tiling(tiling.areas)
    lost = {name: moved.lost_m2 for name, moved in tiling.moved.items()}
    assert lost == {name: pytest.approx(0.5 * 0.6 * 191.5, rel=0.02) for name in ("A", "B")}


def test_wide_faults_stay() -> None:
    """A corner missing whose own corners all lie on the outline is wide, however near they are to it."""
    areas = grids({11: (-30.0, 0.0), 6: (-4.0, 0.0)})
    tiling = settle(areas, SRID, repair=True, outline=OUTLINE)
    (hole,) = tiling.holes
    assert hole.neighbours == ("C",)
    assert hole.width_m > 10
    assert {sliver.owners for sliver in tiling.overhangs} == {("D",)}
    assert not tiling.overhangs[0].is_cut
    assert edge_faults(tiling.areas) == []


def test_rounding_at_the_rim_needs_no_repair_and_no_word() -> None:
    areas = grids(dict.fromkeys(RIM, (0.002, 0.002)))
    tiling = settle(areas, SRID, outline=OUTLINE)
    assert is_tiling(tiling.areas)
    assert tiling.gaps == tiling.overhangs == tiling.overlaps == []


# --- as a file, into the database, in force -------------------------------------------------------------------


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def take(town: Town, path: Path, areas: dict[str, shapely.Polygon], options: Options) -> Report:
    rows = [
        (areas[name], {"code": f"5101150010039{index}0", "name": name}) for index, name in enumerate(areas)
    ]
    return import_areas(
        geojson(path, rows),
        level="grid",
        subdistrict=town.subdistrict,
        options=options,
        plan_name=path.stem,
        by=None,
    )


def put_in_force(town: Town, report: Report) -> list[Publication]:
    communities = list(Community.objects.filter(pk__in=report.measures["communities"]))
    at = timezone.now() + timedelta(seconds=1)
    return publish(
        plan=Plan.objects.get(pk=report.measures["plan"]), communities=communities, at=at, by=None
    ).publications


@pytest.mark.parametrize("seed", range(8))
def test_a_repaired_import_can_be_published(town: Town, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    moves: dict[tuple[str, int] | int, tuple[float, float]] = {}
    for at in RIM:
        way, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.98)
        moves[at] = (far * np.cos(way), far * np.sin(way))
    areas = grids(moves)
    refused = take(town, tmp_path / "dry.geojson", areas, Options())
    assert not refused.written
    assert {one.code for one in refused.problems if one.severity == "error"} <= {"gap", "overhang"}
    report = take(town, tmp_path / "repaired.geojson", areas, Options(repair=True))
    assert report.written, report.problems
    assert report.movements
    assert all(one.repaired and one.place and one.area_m2 for one in report.problems)
    assert [one.community_id for one in put_in_force(town, report)] == [town.communities[2].pk]
    stored = {one.code: as_shape(one.polygon) for one in Outline.objects.filter(plan=report.measures["plan"])}
    assert is_tiling(stored)


def test_wide_differences_are_named_with_area_and_place(town: Town, tmp_path: Path) -> None:
    areas = grids({11: (-30.0, 0.0), 6: (-4.0, 0.0)})
    report = take(town, tmp_path / "wide.geojson", areas, Options(repair=True))
    (hole,), (overhang,) = report.of("hole"), report.of("overhang")
    assert (hole.severity, overhang.severity) == ("warning", "warning")
    assert hole.place is not None
    assert overhang.place is not None
    assert hole.area_m2 == pytest.approx(0.5 * 30 * 110.8, rel=0.02)
    assert overhang.area_m2 == pytest.approx(0.5 * 4 * 110.8, rel=0.02)
    assert (overhang.row, overhang.repaired) == (4, False)
    assert "belong to no grid" in hole.reason
    with pytest.raises(PublishError, match="belong to no grid"):
        put_in_force(town, report)
    # a wider repair takes the smaller of the two
    wider = take(town, tmp_path / "wider.geojson", areas, replace(Options(repair=True), gap_width_m=5.0))
    assert [one.repaired for one in wider.of("overhang")] == [True]


# --- real outlines --------------------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("seed", range(4))
def test_villages_of_hsinchu_drawn_from_a_coarser_map(seed: int) -> None:
    """Crooked outlines of hundreds of corners: their grids come from a map simplified by up to 0.9 m."""
    with open_source(DATA / "hsinchu_villages.gpkg") as source:
        found = np.concatenate([batch.shapes for batch in source.batches()])
        assert source.crs is not None
        villages = snapped(reproject(found, source.crs, 4326))
    rng = np.random.default_rng(seed)
    for village in rng.choice(villages, 12, replace=False):
        metres = reproject(village, 4326, 3826)
        coarse = shapely.simplify(metres, rng.uniform(0.2, 0.9))
        west, south, east, north = coarse.bounds
        x, y = coarse.representative_point().coords[0]
        quarters = [shapely.box(west, south, x, y), shapely.box(x, south, east, y),
                    shapely.box(west, y, x, north), shapely.box(x, y, east, north)]  # fmt: skip
        areas = {
            index: reproject(piece, 3826, 4326)
            for index, box in enumerate(quarters)
            if not (piece := shapely.intersection(coarse, box)).is_empty
        }
        tiling = settle(areas, 3826, repair=True, outline=village)
        assert tiling.holes == []
        assert all(sliver.is_cut for sliver in tiling.overhangs)
        assert not edge_faults(tiling.areas)
        assert not half_edge_faults(tiling.areas)
        # measured as publishing does: a projection bends the long straight edges along the coast
        factors = metres_per_degree(village.centroid.y)
        together, surveyed = (
            shapely.transform(shape, lambda xy, by=factors: xy * np.array(by))
            for shape in (shapely.union_all(list(tiling.areas.values())), village)
        )
        assert together.symmetric_difference(surveyed).area < RIM_M * surveyed.length
        assert max((moved.moved_m for moved in tiling.moved.values()), default=0.0) <= 1.0
