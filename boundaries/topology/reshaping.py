"""The common border of two grids is pulled to a drawn line."""

from itertools import product

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.linework import Coverage, Faces, Key
from boundaries.topology.measures import count_parts, metres_per_degree
from boundaries.topology.neighbourhood import Locked, divided, known, place_of, sound_line, unlocked

REACH_M = 2.0
"""How far short of a border the ends of the line may stop, in metres."""


def reshape(
    coverage: Coverage,
    a: Key,
    b: Key,
    line: BaseGeometry,
    *,
    precision: float = 1e-8,
    min_width_m: float = 1.0,
    outline: BaseGeometry | None = None,
    locked: Locked = (),
) -> dict[Key, BaseGeometry]:
    """Pull the common border of two grids to a line.

    ::

        +------+------+      The line starts and ends on the common border (or within 2 m of it), or on other
        |   ...|      |      borders of the two. Between the old border and the line the ground changes hands: here
        |  .   |  b   |      A gives what lies right of the dots. A line that weaves across the border gives and
        | .  A |      |      takes. Of several ways to read a line the one that moves least ground counts. Other
        |  ....|      |      grids only gain corners. Ground cut off thinner than `min_width_m` goes along with what
        +------+------+      lies beside it.

    Raises
    ------
    TopologyError
        ``unknown_code``, ``same_grid``, ``locked``, ``bad_line``, ``too_many_corners``, ``crosses_itself``,
        ``not_neighbours``, ``misses``, ``loose_end``, ``no_change``, ``empties``, ``tears``, ``too_thin``.
    """
    known(coverage, a, b)
    if a == b:
        raise TopologyError("same_grid", "Choose two different grids.", details={"code": a})
    unlocked(coverage, locked, a, b)
    sound_line(line)
    both = shapely.coverage_union_all([coverage[a], coverage[b]])
    shared = shapely.intersection(coverage[a].boundary, coverage[b].boundary)
    if count_parts(both) >= count_parts(coverage[a]) + count_parts(coverage[b]):
        raise TopologyError(
            "not_neighbours",
            f"The grids {a} and {b} have no common border.",
            details={"codes": [a, b]},
            place=place_of(coverage[b]),
        )
    if not line.intersects(both):
        raise TopologyError(
            "misses",
            f"The line runs through neither {a} nor {b}; start and end it on their common border.",
            details={"codes": [a, b]},
            place=place_of(line),
        )
    longer = _reaching(line, shared, both)
    faces = divided(coverage, [a, b], longer, precision=precision, outline=outline, locked=locked)
    label = _fewest(faces, coverage, a, b)
    if label is None:
        _refuse(faces, line, coverage, a, b)
        raise AssertionError("unreachable")
    _settle_slivers(faces, label, a, b, min_width_m)
    if all(name == faces.key(face) for face, name in enumerate(label)):
        raise TopologyError(
            "too_thin",
            f"The line follows the border to less than {min_width_m:g} m, so nothing would change.",
            details={"width_m": min_width_m},
            place=place_of(line),
        )
    return faces.assembled(coverage, label)


def _reaching(line: BaseGeometry, shared: BaseGeometry, both: BaseGeometry) -> BaseGeometry:
    """The line, drawn on to the nearest border where its ends stop a little short of one."""
    if line.geom_type != "LineString" or line.is_closed:
        return line
    points = shapely.get_coordinates(line)
    reach = REACH_M / float(metres_per_degree(float(points[0][1])).min())
    for at, where in ((0, 0), (-1, len(points))):
        end = shapely.Point(points[at])
        for border in (shared, both.boundary):
            foot = shapely.get_coordinates(shapely.shortest_line(end, border))
            if len(foot) and 0.0 < np.hypot(*(foot[1] - foot[0])) <= reach:
                if both.covers(end) or not both.boundary.equals(border):
                    points = np.insert(points, where, foot[1], axis=0)
                break
    longer = shapely.LineString(points)
    return longer if longer.is_simple else line


def _fewest(faces: Faces, coverage: Coverage, a: Key, b: Key) -> list[Key] | None:
    """The labels that differ across the line everywhere and move the least ground.

    In each grid the faces on the two sides of the line alternate between staying and going: two ways a grid. Of the
    four ways those count that leave both grids something, and whole.
    """
    sides = _sides(faces)
    if sides is None:
        return None
    other = {a: b, b: a}
    best: tuple[float, list[Key]] | None = None
    groups = {key: sorted({g for g, _s in sides[key].values()}) for key in (a, b)}
    ways = [[(key, group, flip) for flip in (0, 1)] for key in (a, b) for group in groups[key] if groups[key]]
    if len(ways) > 10:
        return None
    sizes = faces.sizes()
    for way in product(*ways):
        flips = {(key, group): flip for key, group, flip in way}
        label: list[Key] = []
        for face in range(len(faces.shapes)):
            key = faces.key(face)
            group, side = sides[key][face]
            label.append(other[key] if side ^ flips[key, group] else key)
        moved = float(sum(size for face, size in enumerate(sizes) if label[face] != faces.key(face)))
        if moved == 0.0 or (best is not None and moved >= best[0]) or _swapped(faces, label):
            continue
        if _whole(faces, label, coverage, a, b):
            best = (moved, label)
    return None if best is None else best[1]


def _sides(faces: Faces) -> dict[Key, dict[int, tuple[int, int]]] | None:
    """For each grid: face -> (group of faces joined across the line, side of the line). None if that cannot be."""
    across: dict[int, set[int]] = {face: set() for face in range(len(faces.shapes))}
    for one, two, fresh in zip(
        faces.first.tolist(), faces.second.tolist(), faces.is_new.tolist(), strict=True
    ):
        if fresh:
            across[one].add(two)
            across[two].add(one)
    found: dict[Key, dict[int, tuple[int, int]]] = {}
    for face in range(len(faces.shapes)):
        of = found.setdefault(faces.key(face), {})
        if face in of:
            continue
        of[face] = (face, 0)
        waiting = [face]
        while waiting:
            at = waiting.pop()
            for beside in across[at]:
                if beside not in of:
                    of[beside] = (face, 1 - of[at][1])
                    waiting.append(beside)
                elif of[beside][1] == of[at][1]:
                    return None
    return found


def _swapped(faces: Faces, label: list[Key]) -> bool:
    """Whether a stretch of the old border would have both sides exchanged."""
    for one, two in zip(faces.first.tolist(), faces.second.tolist(), strict=True):
        if (
            faces.owner[one] != faces.owner[two]
            and label[one] != faces.key(one)
            and label[two] != faces.key(two)
        ):
            return True
    return False


def _whole(faces: Faces, label: list[Key], coverage: Coverage, a: Key, b: Key) -> bool:
    counts = {a: 0, b: 0}
    for piece in faces.pieces(label):
        counts[label[piece[0]]] += 1
    return all(0 < counts[key] <= count_parts(coverage[key]) for key in (a, b))


def _settle_slivers(faces: Faces, label: list[Key], a: Key, b: Key, width: float) -> None:
    """Where a wider piece changes hands, slivers elsewhere along the border stay."""
    moved = [name != faces.key(face) for face, name in enumerate(label)]
    groups = [
        group
        for group in faces.pieces([(faces.key(face), moved[face]) for face in range(len(label))])
        if moved[group[0]]
    ]
    thin = [group for group in groups if faces.thin(group, width)]
    if len(thin) < len(groups):
        for group in thin:
            changed = list(label)
            for face in group:
                changed[face] = faces.key(face)
            if len(faces.pieces(changed)) <= len(faces.pieces(label)):
                label[:] = changed


def _refuse(faces: Faces, line: BaseGeometry, coverage: Coverage, a: Key, b: Key) -> None:
    pieces = len(faces.shapes) - count_parts(coverage[a]) - count_parts(coverage[b])
    if pieces <= 0:
        points = shapely.get_coordinates(line)
        raise TopologyError(
            "loose_end",
            f"The line does not join the border between {a} and {b} at both ends;"
            " start it and end it on that border, or on other borders of the two.",
            details={"codes": [a, b]},
            place=(float(points[-1][0]), float(points[-1][1])),
        )
    raise TopologyError(
        "tears",
        f"Along this line {a} or {b} would be left empty or fall into pieces; draw it closer to their common border.",
        details={"codes": [a, b], "code": a},
        place=faces.spot(range(len(faces.shapes))),
    )
