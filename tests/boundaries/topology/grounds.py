"""Coverages to edit: the demo town's communities, the villages of Hsinchu, and awkward ones made for the purpose."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyogrio
import shapely

from boundaries.importing.coverage import settle
from fixtures.town.ground import read_ground
from tests.boundaries.files import DATA
from tests.town import generated

Areas = dict[Any, shapely.Geometry]
STEP = 1e-8


@dataclass(frozen=True)
class Ground:
    """A coverage and its surveyed outline."""

    name: str
    areas: Areas
    outline: shapely.Geometry


@cache
def town(scale: float = 0.05) -> tuple[Ground, ...]:
    """The communities of the demo town, as they are stored."""
    made = generated(scale)
    frame = read_ground(min(scale, 1.0), None).frame

    def stored(shape: Any) -> Any:
        return shapely.transform(shape, lambda xy: np.round(frame.degrees(xy), 8))

    found: dict[str, Areas] = {}
    for index, (grid, shape) in enumerate(zip(made.scheme.grids, made.outlines, strict=True)):
        found.setdefault(grid.community, {})[f"{grid.community}-{index}"] = stored(shape)
    return tuple(Ground(code, areas, stored(made.communities[code])) for code, areas in sorted(found.items()))


@cache
def villages() -> tuple[Ground, ...]:
    """The villages of Hsinchu, imported as the product does it: one coverage with a hole."""
    meta, _fids, shapes, fields = pyogrio.raw.read(DATA / "hsinchu_villages.gpkg", columns=["VILLCODE"])
    del meta
    given = {
        code: shapely.force_2d(shapely.from_wkb(wkb)) for code, wkb in zip(fields[0], shapes, strict=True)
    }
    settled = settle(given, 3826, repair=True).areas
    return (Ground("Hsinchu", settled, shapely.coverage_union_all(list(settled.values()))),)


def awkward(seed: int) -> Ground:
    """A made-up coverage of some 20 grids over two kilometres.

    Its borders have hundreds of corners; there are lakes (holes), grids of several parts, of which some touch in a
    point only, grids around others, and long grids a few metres wide.
    """
    rng = np.random.default_rng(seed)
    west, south, size = 103.8 + rng.uniform(0, 0.05), 30.6 + rng.uniform(0, 0.1), 0.01
    spots = rng.uniform(0, size, (int(rng.integers(25, 45)), 2)) + np.array([west, south])
    frame = shapely.box(west, south, west + size, south + size)
    middle = shapely.Point(west + size / 2, south + size / 2)
    if rng.random() < 0.5:
        frame = middle.buffer(size / 2, quad_segs=int(rng.integers(3, 40)))
    lines = [_rough(line, rng) for line in _voronoi(spots, frame)]
    lines.append(frame.boundary)
    for _ in range(int(rng.integers(1, 5))):  # ponds, some grids, some holes
        at = shapely.Point(rng.uniform(0.15, 0.85, 2) * size + np.array([west, south]))
        lines.append(at.buffer(size * rng.uniform(0.01, 0.08), quad_segs=int(rng.integers(2, 30))).boundary)
    for _ in range(int(rng.integers(0, 3))):  # a long narrow grid: a lane of three metres
        ends = rng.uniform(0, 1, (2, 2)) * size + np.array([west, south])
        lane = shapely.LineString(ends).buffer(1.5e-5, cap_style="square")
        lines.append(lane.boundary)
    squares = [  # that meet in points
        shapely.box(x, y, x + 4e-4, y + 4e-4)
        for x in west + size / 2 + np.arange(3) * 4e-4
        for y in south + size / 2 + np.arange(3) * 4e-4
    ]
    lines += [square.boundary for square in squares]
    noded = shapely.union_all(np.array(lines, dtype=object), grid_size=STEP)
    faces = shapely.get_parts(shapely.polygonize([noded]))
    faces = faces[shapely.covers(frame.buffer(2 * STEP), shapely.point_on_surface(faces))]
    areas = _grouped(_without_crumbs(list(faces)), rng)
    if not shapely.coverage_is_valid(list(areas.values())):
        return awkward(seed + 1_000_000)  # a grid touches itself at the rim, of which GEOS complains
    return Ground(f"awkward {seed}", areas, shapely.coverage_union_all(list(areas.values())))


def _voronoi(spots: np.ndarray, frame: Any) -> list[Any]:
    edges = shapely.voronoi_polygons(shapely.multipoints(spots), extend_to=frame, only_edges=True)
    return [part for part in shapely.get_parts(edges.intersection(frame)) if part.geom_type == "LineString"]


def _rough(line: Any, rng: np.random.Generator) -> Any:
    """A straight line with up to some hundred corners that stray from it a little."""
    count = int(rng.choice([2, 2, 5, 30, 150]))
    if count == 2:
        return line
    shares = np.linspace(0, 1, count)
    points = shapely.get_coordinates(shapely.line_interpolate_point(line, shares, normalized=True))
    points[1:-1] += rng.normal(0, line.length / count * 0.2, (count - 2, 2))
    return shapely.LineString(points)


def _without_crumbs(faces: list[Any]) -> list[list[Any]]:
    """Groups of faces: those narrower than 1.5 metres go with the neighbour along the longest border."""
    groups = [[face] for face in faces]
    while True:
        crumb = next((g for g in groups if len(groups) > 1 and _joined(g).buffer(-7.5e-6).is_empty), None)
        if crumb is None:
            return groups
        shape = _joined(crumb)
        rest = [g for g in groups if g is not crumb]
        lengths = [
            _joined(g).boundary.intersection(shape.boundary).length
            if any(f.intersects(shape) for f in g)
            else 0.0
            for g in rest
        ]
        best = int(np.argmax(lengths))
        if lengths[best] == 0.0:
            groups = rest
            continue
        rest[best] = rest[best] + crumb
        groups = rest


def _joined(group: list[Any]) -> Any:
    return group[0] if len(group) == 1 else shapely.coverage_union_all(group)


def _grouped(groups: list[list[Any]], rng: np.random.Generator) -> Areas:
    """About twenty grids: some faces are left out (holes), some grids take a second part far away."""
    order = rng.permutation(len(groups))
    left_out = set(order[: int(rng.integers(0, 4))].tolist())
    kept = [groups[index] for index in range(len(groups)) if index not in left_out]
    while len(kept) > 22:
        one = int(rng.integers(len(kept)))
        shape = _joined(kept[one])
        near = [i for i, g in enumerate(kept) if i != one and any(f.intersects(shape) for f in g)]
        along = [i for i in near if _joined(kept[i]).intersection(shape).length > 0]
        pick = int(rng.choice(along or [i for i in range(len(kept)) if i != one]))
        if rng.random() < 0.1:
            pick = int(rng.choice([i for i in range(len(kept)) if i != one]))
        kept[pick] = kept[pick] + kept[one]
        del kept[one]
    return {index: shapely.normalize(_joined(group)) for index, group in enumerate(kept)}
