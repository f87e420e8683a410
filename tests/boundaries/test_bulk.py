"""Bulk locating against a slow oracle written apart from it, in Shapely and pyproj."""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from boundaries import locating
from boundaries.bulk import BulkIndex, Located, Match, PlanProblem, Reason, build_index, kernel
from boundaries.bulk.warm import warm
from boundaries.locating import Near, judge
from tests.boundaries.bulk_towns import CENTRE, M_LAT, M_LON, Town, make_town, metres

DATA = Path(__file__).parents[3] / "shared" / "data"


def index_of(town: Town, *, every_building: bool = False, reach: float = 50.0) -> BulkIndex:
    return build_index(
        town.outlines,
        town.codes,
        names=town.names,
        communities=town.communities,
        buildings=town.buildings,
        building_grids=town.building_grids,
        every_building=every_building,
        reach=reach,
    )


def distances(outlines: NDArray[np.object_], lon: float, lat: float) -> NDArray[np.float64]:
    """Metres to each outline in an azimuthal equidistant map of the point; edges straight in degrees."""
    aeqd = pyproj.Proj(proj="aeqd", lon_0=lon, lat_0=lat, ellps="WGS84")
    fine = shapely.segmentize(outlines, 0.0002)
    flat = shapely.transform(fine, lambda xy: np.column_stack(aeqd(xy[:, 0], xy[:, 1])))
    return np.asarray(shapely.distance(flat, shapely.Point(0, 0)))


def epsilon(metres_to: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """The stated agreement of distances: a millimetre, and more beyond 100 m (a flat metric on a round earth)."""
    return np.asarray(1e-3 + np.maximum(0.0, np.square(metres_to) - 100**2) / 2e7)


def agrees(
    town: Town, located: Located, i: int, lon: float, lat: float, accuracy: float, reach: float
) -> None:
    """Judge one point by the rule itself and compare; what is within a millimetre of a limit may go either way."""
    radius = max(1.0, 0.0 if np.isnan(accuracy) else accuracy)
    point = shapely.Point(lon, lat)
    holding = shapely.intersects(town.outlines, point)
    metres_to = np.where(holding, 0.0, distances(town.outlines, lon, lat))
    under = np.flatnonzero(shapely.intersects(town.buildings, point))
    stored = int(town.building_grids[under[0]]) if under.size else -1
    if np.any(np.abs(metres_to[~holding] - radius) < epsilon(radius)):
        return
    if stored < 0 and not holding.any():
        best = metres_to.min()
        rivals = np.sum(metres_to < best + epsilon(best))
        if abs(best - reach) < epsilon(reach) or (rivals > 1 and np.sum(metres_to == best) != rivals):
            return

    near = [
        Near(g, town.codes[g], float(metres_to[g]), bool(holding[g]), g == stored, reach)
        for g in range(len(town.codes))
        if metres_to[g] <= max(radius, reach) or g == stored
    ]
    verdict = judge(near, radius)
    assert Match(located.match[i]).name.lower() == verdict.match
    if verdict.answer is None:
        assert located.grid[i] == -1
        assert np.isnan(located.distance[i])
        assert len(located.candidates(i)) == 0
        return
    assert located.grid[i] == near[verdict.answer].grid_id
    assert abs(located.distance[i] - verdict.distance_m) < epsilon(verdict.distance_m)
    found = located.candidates(i)
    expected = [near[c].grid_id for c in verdict.candidates]
    assert sorted(found) == sorted(expected)
    # candidates at the same distance to a millimetre may stand in either order
    assert np.all(np.abs(metres_to[found] - metres_to[expected]) < epsilon(metres_to[found]))
    listed = slice(located.starts[i], located.starts[i + 1])
    assert np.all(
        np.abs(located.candidate_distance[listed] - metres_to[located.candidate[listed]])
        < epsilon(metres_to.max())
    )


@cache
def indexed(seed: int) -> tuple[Town, BulkIndex]:
    town = make_town(12 + 5 * seed, seed=seed, size_m=900.0, buildings=150, step_m=25.0)
    return town, index_of(town)


def hostile_points(town: Town, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Points anywhere, on vertices, on and beside edges, about a metre from borders, around buildings."""
    vertices = shapely.get_coordinates(town.outlines)
    corner = vertices[rng.integers(0, len(vertices), n)]
    ring = shapely.get_coordinates(town.outlines[rng.integers(len(town.outlines))])
    k = rng.integers(0, len(ring) - 1, n)
    edge = ring[k] + rng.random((n, 1)) * (ring[k + 1] - ring[k])
    angle = rng.uniform(0, 2 * np.pi, n)
    away = rng.choice([0.0, 1e-6, 0.5, 0.999, 1.0, 1.001, 2.0, 30.0, 49.9, 50.1], n)
    step = np.column_stack([away * np.cos(angle) / M_LON, away * np.sin(angle) / M_LAT])
    spread = metres(*rng.uniform(-520, 520, (2, n)))
    wall = shapely.get_coordinates(town.buildings)[rng.integers(0, 5 * len(town.buildings), n)]
    kinds = np.stack([spread, corner, edge, corner + step, edge + step, wall, wall + step / 5])
    return kinds[rng.integers(0, len(kinds), n), np.arange(n)]


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 3), st.integers(0, 2**32 - 1), st.sampled_from([np.nan, 0.0, 1.0, 3.0, 12.0, 80.0, 480.0])
)
def test_agrees_with_the_oracle(town_seed: int, seed: int, accuracy: float) -> None:
    town, index = indexed(town_seed)
    points = hostile_points(town, np.random.default_rng(seed), 12)
    stated = np.full(len(points), accuracy)
    stated[::3] = np.nan
    located = index.locate(points[:, 0], points[:, 1], stated)
    for i, (lon, lat) in enumerate(points):
        agrees(town, located, i, lon, lat, stated[i], 50.0)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(3, 30), st.sampled_from([0, 8, 5, 2]))
def test_holding_is_what_geos_says(seed: int, corners: int, decimals: int) -> None:
    """With one outline a point is inside exactly if GEOS says that they intersect, also a rounding error away."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radius = rng.uniform(0.2, 1.0, corners)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    ring = np.round(ring * 0.5 + CENTRE, decimals) if decimals else ring * 0.01 + CENTRE
    polygon = shapely.make_valid(shapely.Polygon(ring))
    if polygon.geom_type not in ("Polygon", "MultiPolygon"):
        return
    xy = shapely.get_coordinates(polygon)
    k = rng.integers(0, len(xy) - 1, 60)
    on = xy[k] + rng.choice([0.25, 0.5, rng.random()], (60, 1)) * (xy[k + 1] - xy[k])
    off = np.nextafter(on, on + rng.choice([-1.0, 1.0], on.shape))
    points = np.vstack([xy, on, off, (xy[k] + xy[k - 1]) / 2, np.column_stack([xy[k, 0], xy[k - 1, 1]])])
    located = build_index([polygon], ["1"]).locate(*points.T)
    np.testing.assert_array_equal(
        located.match == Match.INSIDE, shapely.intersects(polygon, shapely.points(points))
    )


@settings(deadline=None, max_examples=200)
@given(*[st.integers(-(2**51), 2**51)] * 6)
@example(1, 1, 3, 3, 2, 2)
@example(0, 0, 2**51 - 1, 2**51 - 3, 0, 0)  # the determinant of the second time is -1 in 2**101
def test_side_is_exact(ax: int, ay: int, bx: int, by: int, px: int, py: int) -> None:
    """Against whole numbers, where Python computes without error."""
    for near in (0, 1):  # the second time p is forced close to the line
        qx, qy = ((ax + bx) // 2, (ay + by) // 2) if near else (px, py)
        det = (ax - qx) * (by - qy) - (ay - qy) * (bx - qx)
        a, b, c, d, e, f = (float(v) * 2.0**-44 for v in (ax, ay, bx, by, qx, qy))
        assert kernel.side(a, b, c, d, e, f, np.empty(12)) == (det > 0) - (det < 0)
        assert kernel.exact_side(a, b, c, d, e, f, np.empty(12)) == (det > 0) - (det < 0)


def squares(*, with_buildings: bool = False) -> Town:
    r"""Four squares of 100 m around one corner, in the third of them an enclave, and an island 30 m to the east.

    +-----+-----+
    |  2  |  1  |     +---+
    +-----x-----+     | 6 |    x is the centre; code = the figure
    | 3+-+|  4  |     +---+
    |  |5||     |
    +--+-++-----+
    """

    def box(x: float, y: float, w: float, h: float) -> shapely.Polygon:
        corners = np.round(metres(np.array([x, x + w, x + w, x]), np.array([y, y, y + h, y + h])), 8)
        return shapely.Polygon(corners)

    enclave = box(-60, -60, 20, 20)
    shapes = [
        box(0, 0, 100, 100),
        box(-100, 0, 100, 100),
        box(-100, -100, 100, 100) - enclave,
        box(0, -100, 100, 100),
    ]
    shapes += [enclave, box(130, 20, 40, 40)]
    straddling = [box(-8, 50, 12, 10), box(40, 40, 10, 10), box(98, 90, 6, 8)]
    outlines, buildings = np.empty(6, object), np.empty(3, object)
    outlines[:], buildings[:] = shapes, straddling
    return Town(
        outlines=outlines,
        codes=list("123456"),
        names=[f"第{n}网格" for n in "一二三四五六"],
        communities=["a"] * 3 + ["b"] * 3,
        buildings=buildings if with_buildings else buildings[:0],
        building_grids=np.array([1, 3, 0])[: 3 if with_buildings else 0],
    )


def answer(index: BulkIndex, x: float, y: float, accuracy: float = np.nan) -> tuple[str, str, list[str]]:
    lon, lat = metres(np.array([x]), np.array([y])).round(8).T
    located = index.locate(lon, lat, [accuracy])
    grid = located.grid[0]
    return (
        Match(located.match[0]).name.lower(),
        index.codes[grid] if grid >= 0 else "",
        [index.codes[c] for c in located.candidates(0)],
    )


@pytest.mark.parametrize(
    ("x", "y", "accuracy", "expected"),
    [
        (50, 50, np.nan, ("inside", "1", ["1"])),
        (1.5, 50, np.nan, ("inside", "1", ["1"])),
        (0.5, 50, np.nan, ("edge", "1", ["1", "2"])),
        (-0.5, 50, np.nan, ("edge", "2", ["2", "1"])),
        (0, 50, np.nan, ("edge", "1", ["1", "2"])),  # on the border: the lower code
        (0, 0, np.nan, ("edge", "1", ["1", "2", "3", "4"])),  # where four meet
        (1.5, 50, 2, ("edge", "1", ["1", "2"])),  # the stated accuracy widens the border
        (1.5, 50, 0, ("inside", "1", ["1"])),  # but never narrows it
        (-50, -50, np.nan, ("inside", "5", ["5"])),  # in the enclave
        (-50, -39.5, np.nan, ("edge", "3", ["3", "5"])),
        (50, 99.5, np.nan, ("inside", "1", ["1"])),  # the rim alone is no doubt
        (50, 100.5, np.nan, ("edge", "1", ["1"])),  # just beside the town
        (50, 130, np.nan, ("nearest", "1", ["1"])),
        (50, 149.9, np.nan, ("nearest", "1", ["1"])),
        (50, 150.2, np.nan, ("outside", "", [])),
        (110, 40, np.nan, ("nearest", "1", ["1"])),  # between town and island
        (120, 40, np.nan, ("nearest", "6", ["6"])),
        (120, 40, 25, ("edge", "6", ["6", "1"])),
        (5000, 5000, np.nan, ("outside", "", [])),
        (55, 50, 400, ("edge", "1", ["1", "4", "2", "3", "6", "5"])),
    ],
)
def test_the_rule(x: float, y: float, accuracy: float, expected: tuple[str, str, list[str]]) -> None:
    assert answer(index_of(squares()), x, y, accuracy) == expected


@pytest.mark.parametrize(
    ("x", "y", "accuracy", "expected"),
    [
        (2, 55, np.nan, ("inside", "2", ["2", "1"])),  # stands over the border, belongs to 2
        (0.5, 55, np.nan, ("edge", "2", ["1", "2"])),
        (-5, 55, np.nan, ("inside", "2", ["2"])),
        (45, 45, np.nan, ("inside", "4", ["4", "1"])),  # overridden, far from any border
        (45, 45, 60, ("edge", "4", ["1", "2", "4"])),
        (100.5, 95, np.nan, ("inside", "1", ["1"])),  # sticks out of the town
        (103, 95, np.nan, ("inside", "1", ["1"])),
        (105, 95, np.nan, ("nearest", "1", ["1"])),
    ],
)
def test_a_building_decides(
    x: float, y: float, accuracy: float, expected: tuple[str, str, list[str]]
) -> None:
    assert answer(index_of(squares(with_buildings=True)), x, y, accuracy) == expected


def test_building_under_the_point() -> None:
    index = index_of(squares(with_buildings=True), every_building=True)
    lon, lat = metres(np.array([-5.0, 45, 103, 80]), np.array([55.0, 45, 95, 80])).T
    assert index.locate(lon, lat, with_building=True).building.tolist() == [0, 1, 2, -1]
    with pytest.raises(ValueError, match="every_building"):
        index_of(squares()).locate(lon, lat, with_building=True)


def test_keeping_every_building_changes_no_answer() -> None:
    """Also where buildings overlap: an undecided one that comes first must still come first."""
    town = make_town(30, seed=9, size_m=500.0, buildings=600)
    few, every = index_of(town), index_of(town, every_building=True)
    assert few.raster.building_grid.size < every.raster.building_grid.size == 600
    points = hostile_points(town, np.random.default_rng(1), 40_000)
    lon, lat = points.T
    a, b = few.locate(lon, lat), every.locate(lon, lat, with_building=True)
    for name in ("match", "grid", "distance", "starts", "candidate"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (b.building >= 0).sum() > 1000


@pytest.mark.parametrize(
    ("lon", "lat", "accuracy", "reason"),
    [
        (np.nan, 30.7, 1, Reason.MISSING),
        (103.8, np.inf, 1, Reason.MISSING),
        (30.7, 103.83, 1, Reason.SWAPPED),
        (103.83, 130.7, 1, Reason.OUT_OF_RANGE),
        (-30.7, 103.83, 1, Reason.SWAPPED),
        (1038300000, 30.7, 1, Reason.OUT_OF_RANGE),
        (103.83, 30.7, -1, Reason.ACCURACY),
        (103.83, 30.7, np.inf, Reason.ACCURACY),
        (103.83, 30.7, 500.1, Reason.ACCURACY),
        (30.7, -103.8, 1, Reason.SWAPPED),
        (np.nan, 30.7, -1, Reason.MISSING),
    ],
)
def test_invalid_points_say_why(lon: float, lat: float, accuracy: float, reason: Reason) -> None:
    located = index_of(squares()).locate([lon], [lat], [accuracy])
    assert (located.match[0], located.reason[0], located.grid[0]) == (Match.INVALID, reason, -1)
    assert np.isnan(located.distance[0])


def test_swapped_where_both_orders_are_in_range() -> None:
    chicago = build_index([shapely.box(-87.7, 41.8, -87.6, 41.9)], ["1"])
    located = chicago.locate([41.85, -87.65, 42.5], [-87.65, 41.85, -80.0])
    assert located.match.tolist() == [Match.INVALID, Match.INSIDE, Match.OUTSIDE]
    assert located.reason[0] == Reason.SWAPPED


def test_same_limits_as_the_rule_for_one_point() -> None:
    assert kernel.MAX_ACCURACY_M == locating.MAX_ACCURACY_M
    for lat in (-89.0, -30.7, 0.0, 30.7, 60.0):
        assert kernel.metres_per_degree(lat) == pytest.approx(locating.metres_per_degree(lat), rel=1e-14)


def test_each_grid_has_its_own_reach() -> None:
    town = squares()
    index = build_index(town.outlines, town.codes, reach=[5, 5, 5, 5, 5, 40])
    lon, lat = metres(np.array([104.0, 106, 60, 60]), np.array([40.0, 40, 104, 106])).T
    located = index.locate(lon, lat)
    assert [index.codes[g] if g >= 0 else "" for g in located.grid] == ["1", "6", "1", ""]


def test_overlaps_are_never_answered_by_the_first() -> None:
    a, b = shapely.box(103.80, 30.70, 103.82, 30.72), shapely.box(103.81, 30.70, 103.83, 30.72)
    whole = shapely.box(103.79, 30.69, 103.84, 30.73)
    index = build_index([whole, b, a], ["9", "2", "1"])
    located = index.locate([103.805, 103.815, 103.835], [30.71] * 3)
    assert located.match.tolist() == [Match.EDGE, Match.EDGE, Match.INSIDE]
    assert [index.codes[g] for g in located.grid] == ["1", "1", "9"]
    assert [index.codes[g] for g in located.candidates(1)] == ["1", "2", "9"]


def test_empty_plan_and_no_points() -> None:
    nothing = build_index([], [])
    located = nothing.locate([103.8, np.nan, 200.0, 500.0], [30.7, 30.7, 30.7, 30.7])
    assert located.match.tolist() == [Match.OUTSIDE, Match.INVALID, Match.INVALID, Match.INVALID]
    none = index_of(squares()).locate([], [])
    assert len(none) == 0
    assert none.starts.tolist() == [0]


@pytest.mark.parametrize(
    ("outlines", "codes", "message"),
    [
        ([shapely.Point(0, 0)], ["1"], "grid 1 is not a polygon"),
        ([None], ["1"], "grid 1 is not a polygon"),
        ([shapely.Polygon()], ["1"], "grid 1 is not a polygon"),
        (
            [shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])],
            ["1"],
            "grid 1 is not valid: Self-intersection",
        ),
        ([shapely.box(0, 0, 1, 1)] * 2, ["1", "1"], "twice: 1"),
        ([shapely.box(0, 0, 1, 1)], ["1", "2"], "differ: 1 and 2"),
        ([shapely.box(0, 0, 500, 400_000)], ["1"], "not in degrees"),
    ],
)
def test_a_plan_that_cannot_be_indexed_says_why(
    outlines: list[shapely.Geometry], codes: list[str], message: str
) -> None:
    with pytest.raises(PlanProblem, match=message):
        build_index(outlines, codes)


def test_many_vertices_and_duplicated_ones() -> None:
    """A ring of 5,000 vertices within a few metres, each given twice, with a hole of as many."""
    angle = np.linspace(0, 2 * np.pi, 5_000, endpoint=False).repeat(2)
    wave = 8 + np.sin(angle * 60)
    outer = metres(wave * np.cos(angle), wave * np.sin(angle))
    inner = metres(wave * np.cos(angle) / 2, wave * np.sin(angle) / 2)
    ring, core = shapely.Polygon(outer, [inner[::-1]]), shapely.Polygon(inner)
    town = Town(
        np.array([ring, core], object),
        ["1", "2"],
        ["", ""],
        ["", ""],
        np.empty(0, object),
        np.empty(0, np.int64),
    )
    index = index_of(town, reach=5.0)
    points = metres(*np.random.default_rng(3).uniform(-16, 16, (2, 150)))
    located = index.locate(*points.T)
    for i, (lon, lat) in enumerate(points):
        agrees(town, located, i, lon, lat, np.nan, 5.0)
    assert set(located.match) == {Match.INSIDE, Match.EDGE, Match.NEAREST, Match.OUTSIDE}


def test_order_of_input_and_threads_do_not_matter() -> None:
    town, index = indexed(2)
    rng = np.random.default_rng(8)
    points = hostile_points(town, rng, 200_000)
    accuracy = rng.choice([np.nan, 2.0, 20.0], len(points))
    one, two = (index.locate(points[:, 0], points[:, 1], accuracy, threads=n) for n in (1, 2))
    back = index.locate(points[::-1, 0], points[::-1, 1], accuracy[::-1])
    for name in ("match", "grid", "distance", "starts", "candidate", "candidate_distance"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(one.grid, back.grid[::-1])
    shuffled = rng.permutation(len(town.outlines))
    place = np.argsort(shuffled)
    stored = np.where(town.building_grids < 0, -1, place[town.building_grids])
    other = build_index(
        town.outlines[shuffled],
        [town.codes[g] for g in shuffled],
        buildings=town.buildings,
        building_grids=stored,
    ).locate(points[:, 0], points[:, 1], accuracy)
    np.testing.assert_array_equal(np.where(other.grid < 0, -1, shuffled[other.grid]), one.grid)


def test_distance_is_the_geodesic_to_a_millimetre() -> None:
    """As the docstring of build_index claims, up to 100 m and 70 degrees of latitude."""
    geod = pyproj.Geod(ellps="WGS84")
    rng = np.random.default_rng(5)
    for lat in np.linspace(-70, 70, 57):
        azimuth, length = rng.uniform(0, 360, 200), rng.uniform(0.5, 100, 200)
        lon2, lat2, _ = geod.fwd(np.full(200, 103.8), np.full(200, lat), azimuth, length)
        kx, ky = kernel.metres_per_degree(lat)
        assert np.abs(np.hypot((lon2 - 103.8) * kx, (lat2 - lat) * ky) - length).max() < 1e-3


def incidents() -> NDArray[np.float64]:
    """Recorded beat, longitude and latitude of each row; NaN where it has no point."""
    with (DATA / "chicago_2019_incidents.csv").open(encoding="utf-8") as file:
        rows = [[float(row[key] or "nan") for key in ("beat", "lon", "lat")] for row in csv.DictReader(file)]
    return np.array(rows)


@pytest.mark.skipif(not DATA.exists(), reason="the shared data sets are not here")
class TestRealAreas:
    def test_chicago_incidents(self) -> None:
        """The city's own beats: most incidents lie on the streets between them, so the candidates matter."""
        _, _, wkb, fields = pyogrio.raw.read(DATA / "chicago_beats.gpkg", columns=["beat_num"])
        polygons, beats = shapely.from_wkb(wkb), [str(beat).lstrip("0") for beat in fields[0]]
        codes = sorted(set(beats))  # one beat comes in two parts
        outlines = [shapely.union_all(polygons[[b == code for b in beats]]) for code in codes]
        rows = incidents()
        located = build_index(outlines, codes).locate(rows[:, 1], rows[:, 2])
        known = np.array(
            [codes.index(str(int(beat))) if str(int(beat)) in codes else -2 for beat in rows[:, 0]]
        )
        placed = located.match != Match.INVALID
        assert (~placed).sum() == np.isnan(rows[:, 1]).sum() > 0
        assert (located.grid == known)[placed].mean() > 0.90
        assert located.is_candidate(known)[placed].mean() >= 0.998

    def test_hsinchu_villages(self) -> None:
        _, _, wkb, fields = pyogrio.raw.read(DATA / "hsinchu_villages.gpkg", columns=["VILLCODE"])
        town = Town(
            shapely.from_wkb(wkb),
            [str(c) for c in fields[0]],
            [],
            [],
            np.empty(0, object),
            np.empty(0, np.int64),
        )
        index = build_index(town.outlines, town.codes)
        vertices = shapely.get_coordinates(town.outlines)
        rng = np.random.default_rng(4)
        spread = rng.uniform(vertices.min(axis=0), vertices.max(axis=0), (150, 2))
        points = np.vstack([spread, vertices[rng.integers(0, len(vertices), 150)]])
        located = index.locate(*points.T)
        for i, (lon, lat) in enumerate(points):
            agrees(town, located, i, lon, lat, np.nan, 50.0)


def test_warming_up_compiles_what_a_page_and_a_file_need() -> None:
    """After it no function of the kernels has anything left to compile for arguments of these kinds."""
    warm()
    known = {name: len(part.signatures) for name, part in vars(kernel).items() if hasattr(part, "signatures")}
    index = build_index([shapely.box(0, 0, 1, 1)], ["7"])
    index.locate(np.linspace(-1, 2, 50), np.linspace(-1, 2, 50), np.full(50, 3.0), with_building=False)
    assert known == {name: len(vars(kernel)[name].signatures) for name in known}
