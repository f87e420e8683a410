"""Two people changed the same coverage: what both did becomes one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.changes import SEEN_M, Change, fresh_lines, ground_of, heirs_of, same, visible
from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import Faces
from boundaries.topology.lattice import Lattice
from boundaries.topology.linework import Coverage, Key, Linework
from boundaries.topology.measures import count_parts
from boundaries.topology.neighbourhood import Locked, surveyed_lines

Side = Literal["theirs", "mine"]
Owners = tuple[Key | None, Key | None, Key | None]
Prefer = Side | Mapping[Owners, Side] | Callable[[Key | None, Key | None, Key | None], Side]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Ground that both gave away, to different grids."""

    base: Key | None
    theirs: Key | None
    mine: Key | None
    prefer: Side
    """Whose change counted."""
    ground: BaseGeometry
    """Polygon or MultiPolygon in degrees."""
    area_m2: float


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of it.

    Attributes
    ----------
    coverage : dict
    conflicts : list of Conflict
        In the order of the largest ground first.
    mended : list of Change
        Slivers and cut-off pieces that neither had, with the grid they would have belonged to and the one they
        were given to.
    lost : list of keys
        Grids of both versions of which nothing was left.
    """

    coverage: dict[Key, BaseGeometry]
    conflicts: list[Conflict] = field(default_factory=list)
    mended: list[Change] = field(default_factory=list)
    lost: list[Key] = field(default_factory=list)


def settle(
    base: Coverage,
    theirs: Coverage,
    mine: Coverage,
    prefer: Prefer,
    *,
    precision: float = 1e-8,
    min_width_m: float = 1.0,
    outline: BaseGeometry | None = None,
    locked: Locked = (),
) -> Settled:
    """Bring two versions of one coverage together, face by face.

    ::

        base      theirs    mine      result        Ground that only they gave away goes as they gave it, ground that
        +--+--+   +-+---+   +--+--+   +-+---+       only I gave away as I gave it, ground that both gave to the same grid
        |A |B |   |A| B |   |A |B |   |A| B |       to that one. Ground that both gave away to different grids is a
        |  |  |   | |   |   |  +--+   | | +-+       conflict: `prefer` says whose gift counts. A grid that would fall
        |  |  |   | |   |   |  |C |   | | |C|       apart keeps its largest piece, the rest goes to the neighbour with
        +--+--+   +-+---+   +--+--+   +-+-+-+       the longest common border (one that changed, if there is
                                                    one), and so do slivers.

    Parameters
    ----------
    base, theirs, mine : mapping of key to Polygon or MultiPolygon
        Degrees; the same ground as a whole. The same key is the same grid in all three.
    prefer : "theirs", "mine", mapping or callable
        A mapping from (owner in base, in theirs, in mine) to "theirs" or "mine" ("theirs" where one is missing), or a
        callable that is given these three.
    locked : iterable of keys, or mapping of key to outline when locked
        Grids that neither win nor lose slivers and cut-off pieces. What the versions give or take is not looked at.

    Returns
    -------
    Settled
        Grids that are as in `theirs` are the same objects.

    Raises
    ------
    TopologyError
        ``too_large``, ``too_fine``, ``bad_coverage``, ``pinches``.
    """
    keys = dict.fromkeys([*theirs, *mine, *base])
    differ = {
        key
        for key in keys
        if not (same(theirs.get(key), mine.get(key)) and same(theirs.get(key), base.get(key)))
    }
    if not differ:
        return Settled(dict(theirs))
    old, new, own = ({k: s for k, s in version.items() if k in differ} for version in (base, theirs, mine))
    if not (old and new and own):
        raise TopologyError("bad_coverage", "The versions do not cover the same ground.")
    lattice = Lattice(
        shapely.total_bounds(np.array([*old.values(), *new.values(), *own.values()])), precision
    )
    lines = fresh_lines(new, own, lattice) + fresh_lines(new, old, lattice)
    surveyed = surveyed_lines(outline, locked, theirs)
    around = {key: shape for key, shape in theirs.items() if key in new or _near(shape, lattice, new)}
    faces = Faces(Linework(around, lattice), list(around), lines, surveyed)
    spots = faces.spots()
    owners = list(zip(heirs_of(old, spots), faces.owners(), heirs_of(own, spots), strict=True))
    label, disputed = _decided(faces, owners, prefer)
    conflicts = [
        Conflict(*three, side, ground_of(faces, wide), faces.size(wide))
        for (three, side), members in disputed.items()
        if (wide := visible(faces, members, SEEN_M))
    ]
    intended = list(label)
    _mend(faces, label, [base, theirs, mine], min_width_m, changed=differ, closed=set(locked))
    gone: dict[tuple[Key, Key], list[int]] = {}
    for face, (was, is_now) in enumerate(zip(intended, label, strict=True)):
        if was != is_now:
            gone.setdefault((was, is_now), []).append(face)
    mended = [
        Change(was, now, ground_of(faces, wide), faces.size(wide))
        for (was, now), members in gone.items()
        if (wide := visible(faces, members, SEEN_M))
    ]
    coverage = faces.assembled(theirs, label)
    lost = [key for key in theirs if key in mine and key not in coverage]
    return Settled(coverage, sorted(conflicts, key=lambda c: -c.area_m2), mended, lost)


def _near(shape: BaseGeometry, lattice: Lattice, changed: Coverage) -> bool:
    pad = 64 / lattice.per_degree
    box = np.array(shape.bounds)
    boxes = shapely.bounds(np.array(list(changed.values()), dtype=object))
    return bool(((boxes[:, :2] <= box[2:] + pad) & (boxes[:, 2:] >= box[:2] - pad)).all(axis=1).any())


def _decided(
    faces: Faces, owners: list[Owners], prefer: Prefer
) -> tuple[list[Key], dict[tuple[Owners, Side], list[int]]]:
    """The grid of each face, and the faces over which there is a dispute."""
    label: list[Key] = []
    disputed: dict[tuple[Owners, Side], list[int]] = {}
    for face, three in enumerate(owners):
        was, theirs, mine = three
        if mine is None or mine == theirs or was == mine:
            label.append(theirs)
        elif was == theirs:
            label.append(mine)
        else:
            side = _side(prefer, three)
            label.append(theirs if side == "theirs" else mine)
            disputed.setdefault((three, side), []).append(face)
    return label, disputed


def _side(prefer: Prefer, three: Owners) -> Side:
    if isinstance(prefer, str):
        return prefer
    return prefer.get(three, "theirs") if isinstance(prefer, Mapping) else prefer(*three)


def _mend(
    faces: Faces,
    label: list[Key],
    versions: list[Coverage],
    width: float,
    *,
    changed: set[Key],
    closed: set[Key],
) -> None:
    """Give slivers and cut-off pieces to neighbours; changes `label`."""
    allowed = {
        key: max(count_parts(version[key]) for version in versions if key in version) for key in set(label)
    }
    standing = {tuple(piece) for version in _versions(faces, versions) for piece in faces.pieces(version)}
    for _turn in range(2 * len(label)):
        pieces = sorted(faces.pieces(label), key=lambda piece: (faces.size(piece), piece))
        count: dict[Key, int] = {}
        for piece in pieces:
            count[label[piece[0]]] = count.get(label[piece[0]], 0) + 1
        for piece in pieces:
            key = label[piece[0]]
            torn = count[key] > allowed[key]
            lengths: dict[Key, float] = {}
            for other, length in faces.borders(piece).items():
                if label[other] not in closed and key not in closed:
                    lengths[label[other]] = lengths.get(label[other], 0.0) + length
            if lengths and (torn or (tuple(piece) not in standing and faces.thin(piece, width))):
                best = max(lengths, key=lambda name: (name in changed, lengths[name], str(name)))
                for face in piece:
                    label[face] = best
                break
        else:
            return


def _versions(faces: Faces, versions: list[Coverage]) -> list[list[Key | None]]:
    spots = faces.spots()
    return [heirs_of(version, spots) for version in versions]
