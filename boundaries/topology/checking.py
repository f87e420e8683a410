"""What is wrong with a coverage."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.linework import Coverage, Key
from boundaries.topology.measures import Shapes, count_parts, is_thin, metres_per_degree, scaled, width_of
from boundaries.topology.noding import Floats, Ints

RIM_M: Final = 0.002
_SEEN_M2: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes
    ----------
    kind : str
        ``invalid``, ``overlap``, ``gap``, ``edges`` (neighbours do not share every corner), ``rim`` (the rim leaves the
        surveyed outline by more than 2 mm), ``pieces`` (a grid of several parts), ``thin`` (a part thinner than
        `min_width_m`).
    codes : tuple of keys
        The grids it concerns.
    place : tuple of (lon, lat)
    area_m2 : float
        Ground concerned, 0 where there is none.
    message : str
    """

    kind: str
    codes: tuple[Key, ...]
    place: tuple[float, float]
    area_m2: float
    message: str


def check(
    coverage: Coverage,
    outline: BaseGeometry | None = None,
    *,
    precision: float = 1e-8,
    min_width_m: float = 1.0,
) -> list[Problem]:
    """Look for everything that a coverage must not have.

    Parameters
    ----------
    coverage : mapping of key to Polygon or MultiPolygon
        Degrees.
    outline : Polygon or MultiPolygon, optional
        The surveyed outline. Without one, an enclosed hole counts as a gap only if it is thinner than `min_width_m`.

    Returns
    -------
    list of Problem
        Empty for a sound coverage.
    """
    del precision  # corners are compared as they stand
    if not coverage:
        return []
    keys = list(coverage)
    shapes = np.array([coverage[key] for key in keys], dtype=object)
    found = _invalid(keys, shapes)
    if found:
        return found  # the rest could not be trusted
    middle = shapely.total_bounds(shapes)
    metres = metres_per_degree(float(middle[1] + middle[3]) / 2.0)
    plain = scaled(shapes, metres)
    found += _overlaps(keys, shapes, metres)
    found += _edges(keys, shapes, {code for problem in found for code in problem.codes})
    open_ground = _open_ground(shapes, metres, outline, min_width_m)
    found += _gaps(keys, shapes, metres, open_ground)
    for key, shape in zip(keys, plain, strict=True):
        if count_parts(shape) > 1:
            parts = sorted(shapely.get_parts(shape), key=lambda part: part.area)
            text = f"Grid {key} has {len(parts)} parts."
            found.append(Problem("pieces", (key,), _spot(parts[0], metres), float(parts[0].area), text))
        for part in shapely.get_parts(shape):
            if is_thin(part, min_width_m):
                text = f"A part of grid {key} is only {width_of(part):.2f} m wide."
                found.append(Problem("thin", (key,), _spot(part, metres), float(part.area), text))
    if outline is not None and not any(problem.kind in {"edges", "overlap"} for problem in found):
        found += _rim(keys, shapes, metres, outline, open_ground)
    return found


def _invalid(keys: list[Key], shapes: Shapes) -> list[Problem]:
    found = []
    for key, shape in zip(keys, shapes, strict=True):
        if shape is None or shape.is_empty or shape.geom_type not in {"Polygon", "MultiPolygon"}:
            found.append(Problem("invalid", (key,), (0.0, 0.0), 0.0, f"Grid {key} has no ground."))
        elif not shape.is_valid:
            said = shapely.is_valid_reason(shape)
            x, y = shapely.get_coordinates(shape)[0].tolist()
            found.append(
                Problem("invalid", (key,), (x, y), 0.0, f"The outline of grid {key} is faulty: {said}.")
            )
    return found


def _overlaps(keys: list[Key], shapes: Shapes, metres: Floats) -> list[Problem]:
    found = []
    for a, b in shapely.STRtree(shapes).query(shapes, predicate="intersects").T.tolist():
        if a < b and not shapes[a].touches(shapes[b]):
            common = shapes[a].intersection(shapes[b])
            size = common.area * metres.prod()
            if size > _SEEN_M2:
                text = f"The grids {keys[a]} and {keys[b]} overlap by {size:,.2f} m²."
                found.append(
                    Problem("overlap", (keys[a], keys[b]), _spot(scaled(common, metres), metres), size, text)
                )
    return found


def _edges(keys: list[Key], shapes: Shapes, known: set[Key]) -> list[Problem]:
    """Neighbours that do not share every corner, and edges that stand twice in one direction."""
    found = []
    faulty = shapely.coverage_invalid_edges(shapes)
    for key, lines in zip(keys, faulty, strict=True):
        if lines is not None and not lines.is_empty and key not in known:
            x, y = shapely.get_coordinates(lines)[0].tolist()
            text = f"The border of grid {key} does not share every corner with its neighbours."
            found.append(Problem("edges", (key,), (x, y), 0.0, text))
    if not found and not known:
        edges, owner = _half_edges(shapes)
        unique, first, counts = np.unique(edges, axis=0, return_index=True, return_counts=True)
        for edge, at in zip(unique[counts > 1], first[counts > 1], strict=True):
            key = keys[int(owner[at])]
            text = f"An edge of grid {key} stands twice in the same direction."
            found.append(Problem("edges", (key,), (float(edge[0]), float(edge[1])), 0.0, text))
    return found


def _half_edges(shapes: Shapes) -> tuple[Floats, Ints]:
    parts, owner = shapely.get_parts(shapely.orient_polygons(shapes), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[:-1] == ring[1:]
    return np.hstack([points[:-1][inside], points[1:][inside]]), owner[part[ring[:-1][inside]]]


def _open_ground(
    shapes: Shapes, metres: Floats, outline: BaseGeometry | None, width: float
) -> list[BaseGeometry]:
    """Ground that should belong to a grid and belongs to none, in degrees."""
    union = shapely.union_all(shapes)
    if outline is None:
        holes = [
            shapely.Polygon(ring) for part in shapely.get_parts(union) for ring in shapely.get_rings(part)[1:]
        ]
        return [hole for hole in holes if is_thin(scaled(hole, metres), width)]
    missing = shapely.get_parts(scaled(outline.difference(union), metres))
    return [
        scaled(part, 1.0 / metres)
        for part in missing
        if part.geom_type == "Polygon" and not is_thin(part, 2 * RIM_M)
    ]


def _gaps(keys: list[Key], shapes: Shapes, metres: Floats, open_ground: list[BaseGeometry]) -> list[Problem]:
    tree = shapely.STRtree(shapes)
    found = []
    for hole in open_ground:
        near = tree.query(hole, predicate="dwithin", distance=2 * RIM_M / float(metres.min()))
        size = float(hole.area * metres.prod())
        codes = tuple(keys[index] for index in sorted(near.tolist()))
        text = f"{size:,.2f} m² belong to no grid."
        found.append(Problem("gap", codes, _spot(scaled(hole, metres), metres), size, text))
    return found


def _rim(
    keys: list[Key], shapes: Shapes, metres: Floats, outline: BaseGeometry, open_ground: list[BaseGeometry]
) -> list[Problem]:
    """Rim and outline follow each other within 2 mm."""
    edges, owner = _half_edges(shapes)
    stands = Counter(map(tuple, edges.tolist()))
    alone = np.array([(e[2], e[3], e[0], e[1]) not in stands for e in map(tuple, edges.tolist())])
    edges, owner = edges[alone], owner[alone]
    rim = shapely.linestrings(edges.reshape(-1, 2, 2) * metres)
    # around a gap, which is a problem of its own, there is a rim as well
    known = [outline.boundary, *(hole.boundary for hole in open_ground)]
    surveyed = scaled(shapely.union_all(known), metres)
    shapely.prepare(surveyed)
    away = np.maximum(
        shapely.distance(shapely.get_point(rim, 0), surveyed),
        shapely.distance(shapely.line_interpolate_point(rim, 0.5, normalized=True), surveyed),
    )
    found = []
    for index in sorted(set(owner[away > RIM_M].tolist())):
        mine = owner == index
        worst = int(np.argmax(np.where(mine, away, -1.0)))
        x, y = edges[worst][:2].tolist()
        text = f"The rim of grid {keys[index]} leaves the surveyed outline by {away[worst] * 1000:,.1f} mm."
        found.append(Problem("rim", (keys[index],), (x, y), 0.0, text))
    corners = shapely.points(shapely.get_coordinates(surveyed if not open_ground else rim))
    (_points, nearest), far = shapely.STRtree(rim).query_nearest(
        corners, return_distance=True, all_matches=False
    )
    for corner, distance, edge in zip(corners, far, nearest, strict=True):
        if distance > RIM_M:
            key = keys[int(owner[edge])]
            x, y = (shapely.get_coordinates(corner)[0] / metres).tolist()
            text = (
                f"A corner of the surveyed outline lies {distance * 1000:,.1f} mm from the rim (grid {key})."
            )
            found.append(Problem("rim", (key,), (x, y), 0.0, text))
            break
    return found


def _spot(shape: BaseGeometry, metres: Floats) -> tuple[float, float]:
    point = shapely.point_on_surface(shape)
    return float(point.x / metres[0]), float(point.y / metres[1])
