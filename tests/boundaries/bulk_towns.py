"""Towns for the tests and benchmarks of bulk locating: coverages with enclaves, islands, gaps and straddling buildings."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

CENTRE = (103.83, 30.70)
PRECISION = 1e-8
M_LON, M_LAT = 95_850.0, 110_860.0  # metres per degree at CENTRE, good enough to draw with


@dataclass(frozen=True)
class Town:
    outlines: NDArray[np.object_]
    codes: list[str]
    names: list[str]
    communities: list[str]
    buildings: NDArray[np.object_]
    building_grids: NDArray[np.int64]


def metres(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees of a place so many metres from the centre."""
    return np.column_stack([CENTRE[0] + np.asarray(x) / M_LON, CENTRE[1] + np.asarray(y) / M_LAT])


def rough(
    line: NDArray[np.float64], rng: np.random.Generator, step_m: float, swing: float
) -> NDArray[np.float64]:
    """A street-like line between two corners instead of a straight one."""
    length = np.hypot((line[1, 0] - line[0, 0]) * M_LON, (line[1, 1] - line[0, 1]) * M_LAT)
    inner = int(length // step_m)
    along = np.linspace(0, 1, inner + 2)[:, None]
    points: NDArray[np.float64] = line[0] + along * (line[1] - line[0])
    if inner:
        normal = np.array([line[0, 1] - line[1, 1], line[1, 0] - line[0, 0]])
        points[1:-1] += normal * rng.uniform(-swing, swing, (inner, 1))
    return points


def make_town(
    grids: int,
    *,
    seed: int,
    size_m: float = 5_600.0,
    buildings: int = 0,
    step_m: float = 60.0,
    hole: bool = True,
) -> Town:
    """A disc of Voronoi cells with rough borders, edge-matched on 1e-8 degree.

    Some cells hold an enclave that is a grid of its own, the first two grids are multipolygons, and a pond in
    the middle belongs to nobody. Most buildings are stored with the grid of their centre, one in fifty with
    another.
    """
    rng = np.random.default_rng(seed)
    seeds = metres(*rng.uniform(-size_m / 2, size_m / 2, (2, grids)))
    disc = shapely.Point(*CENTRE).buffer(size_m / 2 / M_LON, quad_segs=24)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(seeds), extend_to=disc))
    ridges = shapely.get_parts(shapely.union_all(shapely.boundary(cells)))
    ends = [
        shapely.get_coordinates(ridge)[[i, i + 1]] for ridge in ridges for i in range(len(ridge.coords) - 1)
    ]
    lines = [shapely.LineString(rough(end, rng, step_m, 0.02)) for end in ends]
    lines.append(disc.exterior)
    middles = metres(*rng.uniform(-size_m / 3, size_m / 3, (2, max(1, grids // 8))))
    lines += [shapely.Point(*middle).buffer(size_m / 200 / M_LON, quad_segs=3).exterior for middle in middles]
    pond = shapely.Point(*CENTRE).buffer(size_m / 60 / M_LON, quad_segs=5)
    lines.append(pond.exterior)
    linework = shapely.union_all(lines, grid_size=PRECISION)
    faces = shapely.get_parts(shapely.polygonize([linework]))
    inner = shapely.point_on_surface(faces)
    kept = shapely.covers(disc, inner)
    if hole:
        kept &= ~shapely.covers(pond, inner)
    faces = faces[kept]
    faces = faces[rng.permutation(len(faces))]

    outlines = list(faces)
    for grid in range(min(2, len(outlines) // 4)):  # far apart, so they become multipolygons
        outlines[grid] = shapely.union_all([outlines[grid], outlines.pop()])
    shapes = np.empty(len(outlines), object)
    shapes[:] = outlines
    codes = [f"5101150010{n // 1000:02d}{n % 1000:03d}" for n in rng.permutation(len(outlines))]

    centres = metres(*rng.uniform(-size_m / 2, size_m / 2, (2, buildings)))
    half = rng.uniform(4, 15, (buildings, 2)) / [M_LON, M_LAT]
    boxes = shapely.box(*(centres - half).T, *(centres + half).T)
    point, owner = shapely.STRtree(shapes).query(shapely.points(centres), predicate="intersects")
    stored = np.full(buildings, -1)
    stored[point] = owner
    overridden = rng.random(buildings) < 0.02
    stored[overridden] = rng.integers(0, len(shapes), overridden.sum())
    return Town(
        outlines=shapes,
        codes=codes,
        names=[f"Grid {code[-3:]}" for code in codes],
        communities=[code[:12] for code in codes],
        buildings=np.atleast_1d(boxes) if buildings else np.empty(0, object),
        building_grids=stored,
    )
