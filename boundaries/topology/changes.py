"""Which ground changed hands between two coverages."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.faces import NOBODY, Faces
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
    old = {key: shape for key, shape in before.items() if not _same(shape, after.get(key))}
    new = {key: shape for key, shape in after.items() if not _same(shape, before.get(key))}
    if not old and not new:
        return []
    every = np.array([*old.values(), *new.values()], dtype=object)
    lattice = Lattice(shapely.total_bounds(every), precision)
    if not old or not new:
        return _alone(old, new, lattice)
    faces = Faces(Linework(old, lattice), list(old), _fresh_lines(old, new, lattice), open_too=True)
    spots = faces.spots()
    keys = list(new)
    heirs: list[Key | None] = [None] * len(spots)
    tree = shapely.STRtree(np.array(list(new.values()), dtype=object))
    for face, heir in sorted(map(tuple, tree.query(spots, predicate="intersects").T.tolist()), reverse=True):
        heirs[face] = keys[heir]
    owners: list[Key | None] = [
        None if owner == NOBODY else faces.key(f) for f, owner in enumerate(faces.owner)
    ]
    changed: dict[tuple[Key | None, Key | None], list[int]] = {}
    for face, pair in enumerate(zip(owners, heirs, strict=True)):
        if pair[0] != pair[1]:
            changed.setdefault(pair, []).append(face)
    found: list[Change] = []
    for (was, becomes), members in changed.items():
        wide = [face for piece in _pieces(faces, members) if not faces.thin(piece, width_m) for face in piece]
        if wide:
            ground = lattice.in_degrees(np.array([faces.united(wide)], dtype=object))[0]
            found.append(Change(was, becomes, ground, faces.size(wide)))
    order = {key: at for at, key in enumerate([*before, *after])}
    return sorted(found, key=lambda c: (order.get(c.before, -1), order.get(c.after, -1)))


def _same(shape: BaseGeometry, other: BaseGeometry | None) -> bool:
    return shape is other or (other is not None and bool(shapely.equals_exact(shape, other, 0.0)))


def _alone(old: Coverage, new: Coverage, lattice: Lattice) -> list[Change]:
    metres = lattice.metres * lattice.per_degree
    return [
        Change(
            key if key in old else None, key if key in new else None, shape, float(shape.area * metres.prod())
        )
        for key, shape in [*old.items(), *new.items()]
    ]


def _pieces(faces: Faces, members: list[int]) -> list[list[int]]:
    mine = set(members)
    return [piece for piece in faces.pieces([face in mine for face in range(len(faces))]) if piece[0] in mine]


def _fresh_lines(old: Coverage, new: Coverage, lattice: Lattice) -> list[BaseGeometry]:
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
