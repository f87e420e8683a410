"""The common border of two grids is pulled to a drawn line."""

from itertools import product
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import Faces
from boundaries.topology.linework import Coverage, Key
from boundaries.topology.measures import count_parts
from boundaries.topology.neighbourhood import Locked, divided, known, place_of, reaching, sound_line, unlocked
from boundaries.topology.shares import require_whole, require_wide

MOST_GROUPS: Final = 10
"""Parts of the two grids that one line may divide."""


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
    longer = reaching(line, [shared, both.boundary], both)
    faces = divided(coverage, [a, b], longer, precision=precision, outline=outline, locked=locked)
    ways = _ways(faces, a, b)
    label = next((label for _moved, label in ways if _attached(faces, label)), None)
    if label is None:
        raise TopologyError(
            "loose_end",
            f"The line does not join the border between {a} and {b} at both ends;"
            " start it and end it on that border, or on other borders of the two.",
            details={"codes": [a, b]},
            place=_loose_end(line, coverage[a], coverage[b]),
        )
    require_whole(faces, label, coverage)
    _settle_slivers(faces, label, min_width_m)
    if all(name == faces.key(face) for face, name in enumerate(label)):
        raise TopologyError(
            "too_thin",
            f"The line follows the border to less than {min_width_m:g} m, so nothing would change.",
            details={"width_m": min_width_m},
            place=place_of(line),
        )
    require_wide(faces, label, min_width_m)
    return faces.assembled(coverage, label)


def _ways(faces: Faces, a: Key, b: Key) -> list[tuple[float, list[Key]]]:
    """All labels that differ across the line everywhere, with the ground they move, the least first.

    In each grid the faces on the two sides of the line alternate between staying and going: two ways a grid, four in
    all (more where a grid has several parts that the line divides).
    """
    sides = _sides(faces)
    if sides is None:
        return []
    other = {a: b, b: a}
    groups = sorted({(face, face_group) for face, (face_group, _side) in sides.items()}, key=lambda at: at[1])
    bosses = list(dict.fromkeys(group for _face, group in groups))
    # parts that the line does not touch stay
    divided_ones = [boss for boss in bosses if sum(group == boss for _face, group in groups) > 1]
    if len(divided_ones) > MOST_GROUPS:
        return []
    sizes = faces.sizes()
    found = []
    for way in product((0, 1), repeat=len(divided_ones)):
        flips = dict(zip(divided_ones, way, strict=True))
        label: list[Key] = []
        moved = 0.0
        for face in range(len(faces)):
            group, side = sides[face]
            goes = group in flips and bool(side ^ flips[group])
            label.append(other[faces.key(face)] if goes else faces.key(face))
            moved += float(sizes[face]) if goes else 0.0
        if moved > 0.0 and not _swapped(faces, label):
            found.append((moved, label))
    return sorted(found, key=lambda way: way[0])


def _sides(faces: Faces) -> dict[int, tuple[int, int]] | None:
    """Face -> (group of faces of one grid joined across the line, side of the line). None if that cannot be."""
    across: dict[int, set[int]] = {face: set() for face in range(len(faces))}
    for one, two, fresh in zip(
        faces.first.tolist(), faces.second.tolist(), faces.is_new.tolist(), strict=True
    ):
        if fresh:
            across[one].add(two)
            across[two].add(one)
    found: dict[int, tuple[int, int]] = {}
    for face in range(len(faces)):
        if face in found:
            continue
        found[face] = (face, 0)
        waiting = [face]
        while waiting:
            at = waiting.pop()
            for beside in sorted(across[at]):
                if beside not in found:
                    found[beside] = (face, 1 - found[at][1])
                    waiting.append(beside)
                elif found[beside][1] == found[at][1]:
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


def _attached(faces: Faces, label: list[Key]) -> bool:
    """Whether all ground that changes hands lies along ground of its new grid that stays."""
    owners = faces.owners()
    moves = {face for face, key in enumerate(label) if key != owners[face]}
    held = set()
    for one, two in zip(faces.first.tolist(), faces.second.tolist(), strict=True):
        if label[one] == label[two]:
            held |= {one} if two not in moves else set()
            held |= {two} if one not in moves else set()
    return moves <= held


def _settle_slivers(faces: Faces, label: list[Key], width: float) -> None:
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


def _loose_end(line: BaseGeometry, a: BaseGeometry, b: BaseGeometry) -> tuple[float, float]:
    """The end of the line that lies furthest from the borders of the two grids."""
    points = shapely.get_coordinates(line)
    borders = shapely.union(a.boundary, b.boundary)
    end = max((points[0], points[-1]), key=lambda at: float(borders.distance(shapely.Point(at))))
    return float(end[0]), float(end[1])
