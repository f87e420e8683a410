"""A drawn line is pulled to corners and lines that are there."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.measures import metres_per_degree
from boundaries.topology.noding import Floats


def snapped(line: BaseGeometry, targets: Iterable[BaseGeometry], tolerance_m: float) -> BaseGeometry:
    """Pull a drawn line or area to targets: to their corners first, then to their lines.

    ::

        +------------+          The corner drawn near a corner of the target moves onto it, the one drawn near a
        | .--------. |          side moves onto the side. Between two corners on the same side of a target, or on
        |.          .|          neighbouring sides, the line follows the target where that is within the tolerance.
        |            |          A pull that would make the line cross itself is left out.

    Parameters
    ----------
    line : LineString, MultiLineString, Polygon or MultiPolygon
        Degrees. Not changed.
    targets : iterable of geometries
        Borders, streets, compounds: lines or polygons in degrees.
    tolerance_m : float
        Metres.

    Returns
    -------
    Geometry of the same kind
    """
    if tolerance_m <= 0.0 or line.is_empty:
        return line
    middle = shapely.get_coordinates(line)[0]
    metres = metres_per_degree(float(middle[1]))
    near = shapely.box(*line.bounds).buffer(tolerance_m / float(metres.min()) * 1.01)
    walls = [
        part
        for target in targets
        for part in shapely.get_parts(_linear(target))
        if part.geom_type in {"LineString", "LinearRing"} and part.intersects(near)
    ]
    if not walls:
        return line
    plain = [shapely.transform(wall, lambda xy: (xy - middle) * metres) for wall in walls]
    drawn = shapely.transform(line, lambda xy: (xy - middle) * metres)
    exact = dict(
        zip(map(tuple, shapely.get_coordinates(plain).tolist()), shapely.get_coordinates(walls), strict=True)
    )

    def back(xy: Floats) -> Floats:
        """To degrees; corners of targets to the very numbers that these have."""
        degrees = xy / metres + middle
        for at, point in enumerate(map(tuple, xy.tolist())):
            degrees[at] = exact.get(point, degrees[at])
        return np.asarray(degrees)

    # what is sound in metres may touch itself once it is rounded to degrees: then pull less
    for share in (1.0, 0.5, 0.25):
        pulled = shapely.transform(_each_line(drawn, _Snapper(plain, tolerance_m * share)), back)
        if pulled.is_valid and (pulled.is_simple or not line.is_simple):
            return pulled
    return line


class _Snapper:
    """Targets in metres around the line."""

    def __init__(self, walls: list[Any], tolerance: float) -> None:
        self.walls, self.tolerance = walls, tolerance
        self.corners = shapely.get_coordinates(walls)
        self.tree = shapely.STRtree(walls)

    def pull(self, points: Floats, *, ring: bool) -> Floats:
        """The corners of a line or closed ring after the pull."""
        found = [tuple(point) for point in points.tolist()]
        for at, point in enumerate(found[: len(found) - ring]):
            spot = self._spot(point)
            if spot is None or spot == point:
                continue
            changed = [*found]
            changed[at] = spot
            if ring and at == 0:
                changed[-1] = spot
            if _simple(changed, ring=ring):
                found = changed
        drawn = shapely.LineString(points)
        at = 0
        while at < len(found) - 1:
            between = self._between(found[at], found[at + 1], drawn)
            if between:
                changed = [*found[: at + 1], *between, *found[at + 1 :]]
                if _simple(changed, ring=ring):
                    found = changed
                    at += len(between)
            at += 1
        kept = [point for at, point in enumerate(found) if at == 0 or point != found[at - 1]]
        return np.array(kept)

    def _spot(self, point: tuple[float, float]) -> tuple[float, float] | None:
        away = np.hypot(*(self.corners - point).T)
        nearest = int(np.argmin(away))
        if away[nearest] <= self.tolerance:
            return float(self.corners[nearest][0]), float(self.corners[nearest][1])
        spot = shapely.Point(point)
        wall = self.walls[int(self.tree.nearest(spot))]
        if wall.distance(spot) > self.tolerance:
            return None
        foot = wall.interpolate(wall.project(spot))
        return float(foot.x), float(foot.y)

    def _between(
        self, a: tuple[float, float], b: tuple[float, float], drawn: BaseGeometry
    ) -> list[tuple[float, float]]:
        """Corners of a target between two places on it, if it stays within the tolerance of what was drawn."""
        straight = shapely.LineString([a, b])
        if a == b:
            return []
        one, two = shapely.Point(a), shapely.Point(b)
        for index in sorted(self.tree.query(one, predicate="dwithin", distance=1e-6).tolist()):
            wall = self.walls[index]
            if wall.distance(two) > 1e-6:
                continue
            for way in _ways(wall, wall.project(one), wall.project(two)):
                corners = shapely.points(way) if way else []
                away = [shapely.distance(corners, line).max() for line in (straight, drawn)] if way else []
                if away and max(away) <= self.tolerance:
                    length = shapely.LineString([a, *way, b]).length
                    if length <= straight.length + 2 * self.tolerance:
                        return way
        return []


def _ways(wall: Any, start: float, end: float) -> list[list[tuple[float, float]]]:
    """Corners of a line between two measures, both ways round where it is closed."""
    corners = shapely.get_coordinates(wall)
    measures = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    low, high = sorted((start, end))
    inner = [
        tuple(c) for c, m in zip(corners.tolist(), measures, strict=True) if low + 1e-6 < m < high - 1e-6
    ]
    ways = [inner if start <= end else inner[::-1]]
    if wall.is_closed:
        after = [tuple(c) for c, m in zip(corners.tolist(), measures, strict=True) if m > high + 1e-6]
        before = [tuple(c) for c, m in zip(corners.tolist(), measures, strict=True) if 0.0 < m < low - 1e-6]
        around = after + before
        ways.append(around[::-1] if start <= end else around)
    return ways


def _each_line(shape: BaseGeometry, snapper: _Snapper) -> BaseGeometry:
    if shape.geom_type in {"LineString", "LinearRing"}:
        pulled = snapper.pull(shapely.get_coordinates(shape), ring=shape.is_closed)
        return type(shape)(pulled) if len(pulled) > 1 else shape
    if shape.geom_type == "Polygon":
        rings = [snapper.pull(shapely.get_coordinates(ring), ring=True) for ring in shapely.get_rings(shape)]
        if all(len(ring) > 3 for ring in rings):
            made = shapely.Polygon(rings[0], rings[1:])
            return made if made.is_valid else shape
        return shape
    made = type(shape)([_each_line(part, snapper) for part in shapely.get_parts(shape)])
    sound = made.is_valid if shape.geom_type == "MultiPolygon" else made.is_simple or not shape.is_simple
    return made if sound else shape


def _simple(points: list[tuple[float, float]], *, ring: bool) -> bool:
    kept = [point for at, point in enumerate(points) if at == 0 or point != points[at - 1]]
    if len(kept) < (4 if ring else 2):
        return False
    return bool(shapely.LineString(kept).is_simple)


def _linear(shape: BaseGeometry) -> BaseGeometry:
    return shape.boundary if shape.geom_type in {"Polygon", "MultiPolygon"} else shape
