"""Which ground changed hands between two coverages."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.faces import Faces
from boundaries.topology.lattice import Lattice
from boundaries.topology.linework import Coverage, Key, Linework
from boundaries.topology.measures import Shapes

SEEN_M: Final = 0.02
"""Ground narrower than this, in metres, is rounding and no change."""


@dataclass(frozen=True, slots=True)
class Change:
    """Ground that changed hands: `before` and `after` are keys, None where it belonged to no grid."""

    before: Key | None
    after: Key | None
    ground: BaseGeometry
    """Polygon or MultiPolygon in degrees."""
    area_m2: float


def changed_ground(
    before: Coverage, after: Coverage, *, precision: float = 1e-8, width_m: float = SEEN_M
) -> list[Change]:
    """Ground that changed hands, one entry for each pair of owners.

    Only grids that differ are looked at; the same object never differs. Corners that a grid gained are no change.

    Returns
    -------
    list of Change
        In the order of the keys in `before`, then in `after`.
    """
    old = {key: shape for key, shape in before.items() if not same(shape, after.get(key))}
    new = {key: shape for key, shape in after.items() if not same(shape, before.get(key))}
    if not old and not new:
        return []
    every = np.array([*old.values(), *new.values()], dtype=object)
    lattice = Lattice(shapely.total_bounds(every), precision)
    if not old or not new:
        return _alone(old, new, lattice)
    faces = Faces(Linework(old, lattice), list(old), fresh_lines(old, new, lattice), open_too=True)
    owners, heirs = faces.owners(), heirs_of(new, faces.spots())
    changed: dict[tuple[Key | None, Key | None], list[int]] = {}
    for face, pair in enumerate(zip(owners, heirs, strict=True)):
        if pair[0] != pair[1]:
            changed.setdefault(pair, []).append(face)
    found: list[Change] = []
    for (was, becomes), members in changed.items():
        wide = visible(faces, members, width_m)
        if wide:
            found.append(Change(was, becomes, ground_of(faces, wide), faces.size(wide)))
    order = {key: at for at, key in enumerate([*before, *after])}
    return sorted(found, key=lambda c: (order.get(c.before, -1), order.get(c.after, -1)))


def same(shape: BaseGeometry | None, other: BaseGeometry | None) -> bool:
    """Whether two shapes have the same corners in the same order, or are both absent."""
    if shape is None or other is None or shape is other:
        return shape is other
    return bool(shapely.equals_exact(shape, other, 0.0))


def _alone(old: Coverage, new: Coverage, lattice: Lattice) -> list[Change]:
    metres = lattice.metres * lattice.per_degree
    return [
        Change(
            key if key in old else None, key if key in new else None, shape, float(shape.area * metres.prod())
        )
        for key, shape in [*old.items(), *new.items()]
    ]


def visible(faces: Faces, members: list[int], width: float) -> list[int]:
    """Those of some faces that are `width` metres wide or more together with others of them beside them."""
    mine = set(members)
    return [
        face
        for piece in faces.pieces([face in mine for face in range(len(faces))])
        if piece[0] in mine and not faces.thin(piece, width)
        for face in piece
    ]


def ground_of(faces: Faces, members: list[int]) -> BaseGeometry:
    """Some faces as one shape in degrees."""
    return faces.lattice.in_degrees(np.array([faces.united(members)], dtype=object))[0]


def heirs_of(coverage: Coverage, spots: Shapes) -> list[Key | None]:
    """The grid of a coverage in which each point lies; None where there is none."""
    keys = list(coverage)
    found: list[Key | None] = [None] * len(spots)
    tree = shapely.STRtree(np.array(list(coverage.values()), dtype=object))
    for at, index in sorted(map(tuple, tree.query(spots, predicate="intersects").T.tolist()), reverse=True):
        found[at] = keys[index]
    return found


def fresh_lines(old: Coverage, new: Coverage, lattice: Lattice) -> list[BaseGeometry]:
    """The borders in `new` that are not in `old`, each once."""
    there = Linework(new, lattice)
    here = Linework(old, lattice)
    mine = {tuple(edge) for edge in np.hstack([here.starts, here.ends]).tolist()}
    edges = [edge for edge in np.hstack([there.starts, there.ends]).tolist() if tuple(edge) not in mine]
    if not edges:
        return []
    points = lattice.degrees(np.array(edges, dtype=np.float64).reshape(-1, 2)).reshape(-1, 2, 2)
    merged: Shapes = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(points)))
    return list(merged)
