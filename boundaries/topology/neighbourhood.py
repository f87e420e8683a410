"""What every redraw does first: look at what was given, find the grids around, add the lines."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import Faces
from boundaries.topology.lattice import Lattice
from boundaries.topology.linework import Coverage, Key, Linework
from boundaries.topology.measures import metres_per_degree

MOST_CORNERS: Final = 20_000
REACH_M: Final = 2.0
"""How far short of a border the ends of a line may stop, in metres."""
_PAD: Final = 64
"""Steps around a grid within which others count as near."""

Locked = Iterable[Key] | Mapping[Key, BaseGeometry]


def known(coverage: Coverage, *keys: Key) -> None:
    """Refuse keys that are not in the coverage, or have no ground in it."""
    for key in keys:
        if key not in coverage:
            raise TopologyError("unknown_code", f"There is no grid {key} here.", details={"code": key})
        shape = coverage[key]
        if shape is None or shape.is_empty or shape.geom_type not in {"Polygon", "MultiPolygon"}:
            raise TopologyError(
                "bad_coverage", f"Grid {key} has no ground; check the plan first.", details={"code": key}
            )


def free(coverage: Coverage, keys: Sequence[Key], leaving: Iterable[Key] = ()) -> None:
    """Refuse new keys that are taken or stand twice."""
    gone = set(leaving)
    for at, key in enumerate(keys):
        if (key in coverage and key not in gone) or key in keys[:at]:
            raise TopologyError(
                "code_taken", f"The code {key} is taken; choose another.", details={"code": key}
            )


def unlocked(coverage: Coverage, locked: Locked, *keys: Key) -> None:
    """Refuse keys of locked grids."""
    for key in keys:
        if key in set(locked):
            raise TopologyError(
                "locked",
                f"The grid {key} is locked; unlock it first.",
                details={"codes": [key]},
                place=place_of(coverage[key]),
            )


def place_of(shape: BaseGeometry) -> tuple[float, float]:
    """A point within a shape."""
    point = shapely.point_on_surface(shape)
    return float(point.x), float(point.y)


def sound_line(line: Any) -> BaseGeometry:
    """The drawn line, if it is one: finite, not empty, not crossing itself."""
    kinds = {"LineString", "LinearRing", "MultiLineString"}
    _sound(line, kinds, "bad_line", "line")
    if line.length == 0.0:
        raise TopologyError("bad_line", "The line has no length; draw it from border to border.")
    if not line.is_simple:
        raise TopologyError(
            "crosses_itself",
            "The line crosses itself; draw it without loops.",
            place=_crossing_of(line),
        )
    return line


def sound_area(area: Any) -> BaseGeometry:
    """The drawn area, if it is one: finite, not empty, not crossing itself."""
    _sound(area, {"Polygon", "MultiPolygon"}, "bad_area", "area")
    if not area.is_valid:
        raise TopologyError(
            "crosses_itself",
            "The outline of the area crosses itself; draw it without loops.",
            place=_fault_of(area),
        )
    if area.area == 0.0:
        raise TopologyError("bad_area", "The area has no ground.")
    return area


def _sound(shape: Any, kinds: set[str], reason: str, noun: str) -> None:
    if not isinstance(shape, BaseGeometry) or shape.geom_type not in kinds or shape.is_empty:
        raise TopologyError(reason, f"This is no {noun}; draw it again.")
    coordinates = shapely.get_coordinates(shape)
    if not np.isfinite(coordinates).all() or np.abs(coordinates).max() > 360.0:
        raise TopologyError(reason, f"The {noun} has corners that are no places; draw it again.")
    if len(coordinates) > MOST_CORNERS:
        raise TopologyError(
            "too_many_corners",
            f"The {noun} has {len(coordinates):,} corners, more than {MOST_CORNERS:,}; simplify it first.",
            details={"corners": len(coordinates), "most": MOST_CORNERS},
        )


def _crossing_of(line: BaseGeometry) -> tuple[float, float] | None:
    noded = shapely.get_coordinates(shapely.node(line))
    found, counts = np.unique(noded, axis=0, return_counts=True)
    busy = found[counts > 2]
    return (float(busy[0][0]), float(busy[0][1])) if len(busy) else None


def _fault_of(area: BaseGeometry) -> tuple[float, float] | None:
    said = shapely.is_valid_reason(area)
    if "[" not in said:
        return None
    x, y, *_rest = said.split("[")[1].rstrip("]").split()
    return float(x), float(y)


def reaching(line: BaseGeometry, borders: Sequence[BaseGeometry], ground: BaseGeometry) -> BaseGeometry:
    """The line, drawn on to a border where an end stops up to two metres short of it.

    The first of the borders that is in reach counts. An end outside the ground stays as it is.
    """
    if line.geom_type != "LineString" or line.is_closed:
        return line
    points = shapely.get_coordinates(line)
    reach = REACH_M / float(metres_per_degree(float(points[0][1])).min())
    for at in (0, -1):
        end = shapely.Point(points[at])
        if not ground.contains(end):
            continue
        feet = (shapely.get_coordinates(shapely.shortest_line(end, border))[1:] for border in borders)
        near = [foot[0] for foot in feet if len(foot) and 0.0 < np.hypot(*(foot[0] - points[at])) <= reach]
        if near:
            points = np.vstack([near[0], points] if at == 0 else [points, near[0]])
    longer = shapely.LineString(points)
    return longer if longer.is_simple else line


def surveyed_lines(outline: BaseGeometry | None, locked: Locked, around: Iterable[Key]) -> list[BaseGeometry]:
    """What borders here stand for: the surveyed outline, and outlines when locked."""
    found = [] if outline is None else [outline]
    if isinstance(locked, Mapping):
        found += [shape for key in around if (shape := locked.get(key)) is not None]
    return found


def divided(
    coverage: Coverage,
    donors: Sequence[Key],
    lines: BaseGeometry,
    *,
    also: Sequence[Key] = (),
    precision: float,
    outline: BaseGeometry | None,
    locked: Locked,
) -> Faces:
    """The faces into which lines divide the donors; the lines count only within them.

    `also` names grids that are to be among the faces, undivided.

    Returns
    -------
    Faces
        With the grids around the donors in their linework, for they gain corners too.
    """
    keys = list(coverage)
    boxes = shapely.bounds(np.array([coverage[key] for key in keys], dtype=object))
    wanted = {*donors, *also}
    mine = np.array([key in wanted for key in keys])
    box = np.concatenate([boxes[mine, :2].min(axis=0), boxes[mine, 2:].max(axis=0)])
    pad = _PAD * precision
    near = (boxes[:, :2] <= box[2:] + pad).all(axis=1) & (boxes[:, 2:] >= box[:2] - pad).all(axis=1)
    around = {key: coverage[key] for key, is_near in zip(keys, near, strict=True) if is_near}
    near_boxes = boxes[near]
    lattice = Lattice(
        np.concatenate([near_boxes[:, :2].min(axis=0), near_boxes[:, 2:].max(axis=0)]), precision
    )
    ground = np.array([coverage[key] for key in donors], dtype=object)
    whole = ground[0] if len(ground) == 1 else shapely.coverage_union_all(ground)
    # an overlay breaks lines at every corner of the ground that they touch
    inside = shapely.get_parts(shapely.line_merge(_lines(shapely.intersection(lines, whole))))
    surveyed = surveyed_lines(outline, locked, around)
    return Faces(Linework(around, lattice), [*donors, *also], inside, surveyed)


def _lines(shape: BaseGeometry) -> BaseGeometry:
    """The lines of a geometry, which may hold points too."""
    kinds = {"LineString", "LinearRing"}
    kept = [part for part in shapely.get_parts(shape) if part.geom_type in kinds and not part.is_empty]
    return shapely.MultiLineString(kept)
