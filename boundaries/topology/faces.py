"""The faces into which added lines divide a neighbourhood, and the coverage that is put together from them.

::

    +-----+-----+          The edges of the grids around, each with its grid on the left hand, and a drawn line.
    |  A  |  B  |          Where the line crosses an edge both get a corner (see `noding`); the rings of A and B and
    |  ---+---- |          the line then enclose faces. A face belongs to the grid whose edge runs along it with
    +-----+-----+          the face on the left: no point has to be tested, so nothing can flip by rounding.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.lattice import Numbered, lookup, packed
from boundaries.topology.linework import Chains, Coverage, Key, Linework
from boundaries.topology.measures import Shapes, is_thin
from boundaries.topology.noding import Floats, Ints, Noding, Point, Unsettled

NOBODY: Final = -1
_UNKNOWN: Final = -2


class Faces:
    """The faces of some grids (the donors) and of the lines added to them.

    Parameters
    ----------
    linework : Linework
        Of the donors and of all grids around that may gain corners.
    donors : sequence of keys
    lines : sequence of LineString
        Degrees.
    surveyed : sequence of geometries
        Lines that borders stand for, degrees: new corners are put on them.
    open_too : bool
        Keep faces that belong to no donor as well.

    Attributes
    ----------
    shapes : ndarray of Polygon
        In steps of the lattice.
    owner : ndarray of int64
        Index into `linework.keys`.
    first, second, length, is_new : ndarrays
        Pairs of faces along a common edge: its length in metres, and whether an added line runs there.

    Raises
    ------
    TopologyError
        ``too_fine``.
    """

    def __init__(
        self,
        linework: Linework,
        donors: Iterable[Key],
        lines: Sequence[BaseGeometry],
        surveyed: Sequence[BaseGeometry] = (),
        *,
        open_too: bool = False,
    ) -> None:
        self.linework, self.lattice = linework, linework.lattice
        wanted = set(donors)
        self.donors = [index for index, key in enumerate(linework.keys) if key in wanted]
        noding = Noding(linework.starts, linework.ends, [self.lattice.segments(line) for line in surveyed])
        try:
            noding.add([self.lattice.steps(shapely.get_coordinates(line)) for line in lines])
        except Unsettled:
            raise TopologyError(
                "too_fine", "The line is too intricate at one place; draw it with fewer corners."
            ) from None
        self.chains = {edge: chain for edge, chain in noding.chains.items() if len(chain) > 2}
        a, b, owner = linework.expanded(self.chains)
        mine = np.isin(owner, self.donors)
        new_a, new_b = _edges_of(noding.lines)
        self._table = Numbered(np.vstack([a[mine], b[mine], new_a, new_b]))
        old = self._table.keys(a[mine], b[mine])
        new = self._table.undirected(self._table.keys(new_a, new_b))
        standing = self._table.undirected(old)
        self.shapes = _polygonized(self._table.ends_of(np.unique(np.concatenate([standing, new]))))
        self._label(old, owner[mine], NOBODY if open_too else 0)
        self._join(standing)

    def _label(self, old: Ints, owner: Ints, least: int) -> None:
        """Give each face to the donor whose edge runs along it with the face on the left."""
        rings, ring_face = shapely.get_rings(shapely.orient_polygons(self.shapes), return_index=True)
        points, ring_of = shapely.get_coordinates(rings, return_index=True)
        steps = np.rint(points).astype(np.int64)
        inside = np.flatnonzero(ring_of[:-1] == ring_of[1:])
        edges, face = self._table.keys(steps[inside], steps[inside + 1]), ring_face[ring_of[inside]]
        found = np.full(len(self.shapes), _UNKNOWN)
        hit, _which = lookup(self._table.turned(old), edges)
        found[face[hit]] = NOBODY
        hit, which = lookup(old, edges)
        found[face[hit]] = owner[which]
        for index in np.flatnonzero(found == _UNKNOWN).tolist():
            # no standing edge along it: it lies wholly within one grid, so any point of it will do
            spot = shapely.point_on_surface(self.shapes[index])
            holders = (donor for donor in self.donors if self.linework.shape(donor).intersects(spot))
            found[index] = next(holders, NOBODY)
        kept = found >= least
        self.shapes, self.owner = self.shapes[kept], found[kept]
        some = kept[face]
        self._edges, self._face = edges[some], (np.cumsum(kept) - 1)[face[some]]

    def _join(self, standing: Ints) -> None:
        """Find the pairs of faces along each edge."""
        self._hit, self._beyond = lookup(self._table.turned(self._edges), self._edges)
        one, other = self._face[self._hit], self._face[self._beyond]
        ends = self._table.ends_of(self._edges[self._hit])
        metres = np.hypot(*((ends[:, 1] - ends[:, 0]) * self.lattice.metres).T)
        fresh = ~np.isin(self._table.undirected(self._edges[self._hit]), standing)
        half = one < other
        self.first, self.second = one[half], other[half]
        self.length, self.is_new = metres[half], fresh[half]

    # --- what the operations ask ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.shapes)

    def key(self, face: int) -> Key:
        """The grid to which a face belongs."""
        return self.linework.keys[int(self.owner[face])]

    def owners(self) -> list[Key]:
        """The grid of each face; None where it belongs to no donor."""
        keys = self.linework.keys
        return [None if owner == NOBODY else keys[owner] for owner in self.owner.tolist()]

    def spots(self) -> Shapes:
        """A point within each face, in degrees."""
        inner = shapely.point_on_surface(self.shapes)
        spots: Shapes = np.asarray(shapely.transform(inner, self.lattice.between), dtype=object)
        return spots

    def spot(self, faces: Iterable[int]) -> tuple[float, float]:
        """A point within the largest of some faces, in degrees."""
        sizes = shapely.area(self.shapes)
        largest = max(faces, key=lambda face: (float(sizes[face]), -face))
        point = shapely.transform(shapely.point_on_surface(self.shapes[largest]), self.lattice.between)
        return float(point.x), float(point.y)

    def sizes(self) -> Floats:
        """Square metres of each face."""
        return np.asarray(shapely.area(self.shapes) * self.lattice.metres.prod())

    def size(self, faces: Iterable[int]) -> float:
        """Square metres of some faces together."""
        return float(shapely.area(self.shapes[list(faces)]).sum() * self.lattice.metres.prod())

    def united(self, faces: Sequence[int]) -> BaseGeometry:
        """Some faces as one shape, in steps."""
        if len(faces) == 1:
            return self.shapes[faces[0]]
        return shapely.coverage_union_all(self.shapes[list(faces)])

    def thin(self, faces: Sequence[int], width: float) -> bool:
        """Whether no circle of `width` metres fits into some faces together."""
        return is_thin(self.lattice.in_metres(self.united(faces)), width)

    def pieces(self, label: Sequence[Key]) -> list[list[int]]:
        """Faces that hang together along edges and carry the same label, in the order of their first face."""
        boss = list(range(len(self)))

        def find(face: int) -> int:
            while boss[face] != face:
                boss[face] = boss[boss[face]]
                face = boss[face]
            return face

        for one, other in sorted(set(zip(self.first.tolist(), self.second.tolist(), strict=True))):
            if label[one] == label[other]:
                low, high = sorted((find(one), find(other)))
                boss[high] = low
        found: dict[int, list[int]] = {}
        for face in range(len(self)):
            found.setdefault(find(face), []).append(face)
        return list(found.values())

    def borders(self, faces: Iterable[int]) -> dict[int, float]:
        """Other faces along some faces, with the length of the common border in metres."""
        member = np.zeros(len(self), dtype=bool)
        member[list(faces)] = True
        one, two = member[self.first], member[self.second]
        found: dict[int, float] = {}
        for outer, length in (
            (self.second[one & ~two], self.length[one & ~two]),
            (self.first[two & ~one], self.length[two & ~one]),
        ):
            for face, metres in zip(outer.tolist(), length.tolist(), strict=True):
                found[face] = found.get(face, 0.0) + metres
        return found

    # --- putting together ------------------------------------------------------------------------------------------

    def assembled(self, coverage: Coverage, label: Sequence[Key]) -> dict[Key, BaseGeometry]:
        """The coverage with the faces as labelled, and with the corners that others gained.

        A donor without a face is gone, a label that is no grid yet is a new one. Grids of which nothing
        changed are the same objects as before.

        Raises
        ------
        TopologyError
            ``bad_coverage`` where what was given is none; ``too_fine``.
        """
        idle = self._idle_corners(label)
        result = self._put_together(coverage, label, idle)
        if idle and not self._is_sound(coverage, result):
            result = self._put_together(coverage, label, set())
        if not self._is_sound(coverage, result):
            before = np.array([coverage[key] for key in self.linework.keys], dtype=object)
            if shapely.is_valid(before).all() and not overlap(before):
                raise TopologyError(
                    "too_fine", "The line is too intricate at one place; draw it with fewer corners."
                )
            raise TopologyError(
                "bad_coverage",
                "The grids here overlap or do not meet at their corners; check the plan first.",
            )
        near = dict.fromkeys([*self.linework.keys, *self._changed])
        refuse_pinches(
            {key: coverage[key] for key in near if key in coverage},
            {key: result[key] for key in near if key in result},
        )
        return result

    def _put_together(
        self, coverage: Coverage, label: Sequence[Key], idle: set[Point]
    ) -> dict[Key, BaseGeometry]:
        chains = _without(self.chains, idle)
        faces_of: dict[Key, list[int]] = {}
        for face, key in enumerate(label):
            faces_of.setdefault(key, []).append(face)
        result = dict(coverage)
        keys = self.linework.keys
        for donor in self.donors:
            if keys[donor] not in faces_of:
                del result[keys[donor]]
        touched = self.linework.owners_along(chains)
        donor_of = {keys[donor]: donor for donor in self.donors}
        made: dict[Key, BaseGeometry] = {}
        for key, faces in faces_of.items():
            own = donor_of.get(key, NOBODY)
            if own == NOBODY or set(faces) != set(np.flatnonzero(self.owner == own).tolist()):
                made[key] = _without_points(self.united(faces), idle)
            elif own in touched:
                made[key] = self.linework.shape(own, chains)
        for owner in sorted(touched - set(self.donors)):
            made[keys[owner]] = self.linework.shape(owner, chains)
        shapes = self.lattice.in_degrees(np.array(list(made.values()), dtype=object))
        result.update(zip(made, shapes, strict=True))
        self._changed = list(made)
        return result

    def _idle_corners(self, label: Sequence[Key]) -> set[Point]:
        """Corners gained where no border ends any more, because slivers on both sides went the same way."""
        gained = {point for chain in self.chains.values() for point in chain[1:-1]}
        if not gained:
            return gained
        names = {name: at for at, name in enumerate(dict.fromkeys(label))}
        of = np.array([names[name] for name in label])
        other = np.full(len(self._edges), NOBODY)
        other[self._hit] = of[self._face[self._beyond]]
        borders = self._edges[of[self._face] != other]
        ends = self._table.ends_of(np.unique(self._table.undirected(borders)))
        beside: dict[Point, set[Point]] = {point: set() for point in gained}
        for (ax, ay), (bx, by) in ends.tolist():
            for here, there in (((ax, ay), (bx, by)), ((bx, by), (ax, ay))):
                if here in beside:
                    beside[here].add(there)
        points = self.linework.points
        among = np.isin(packed(points), packed(np.array(sorted(gained), dtype=np.int64)))
        standing = {(x, y) for x, y in points[among].tolist()}
        idle = set()
        for chain in self.chains.values():
            for before, point, after in zip(chain, chain[1:], chain[2:], strict=False):
                if point not in standing and beside[point] <= {before, after}:
                    idle.add(point)
        return idle

    def _is_sound(self, before: Coverage, after: Coverage) -> bool:
        """Whether the neighbourhood is a coverage still, and no ground was lost or won but by rounding."""
        around = dict.fromkeys([*self.linework.keys, *self._changed])
        shapes = np.array([after[key] for key in around if key in after], dtype=object)
        given = np.array([before[key] for key in around if key in before], dtype=object)
        changed = np.array([after[key] for key in self._changed], dtype=object)
        bent = np.array([chain[0] + chain[-1] for chain in self.chains.values()]).reshape(-1, 4)
        steps = np.abs(bent[:, 2:] - bent[:, :2]).sum() * 2.0 + 1e6
        rounding = steps / self.lattice.per_degree**2
        return bool(
            shapely.is_valid(changed).all()
            and abs(shapely.area(shapes).sum() - shapely.area(given).sum()) <= rounding
            and not overlap(shapes)
        )


def overlap(shapes: Shapes) -> bool:
    """Whether valid shapes overlap, or do not share their corners."""
    if shapely.coverage_is_valid(shapes):
        return False
    # GEOS 3.14 also complains of some grids that touch themselves in a corner: look at each pair
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = np.flatnonzero(first < second)
    one, two = shapes[first[pairs]], shapes[second[pairs]]
    common = shapely.intersection(one, two)
    if (shapely.area(common) > 0.0).any():
        return True
    for a, b, line in zip(one, two, common, strict=True):
        if line.length > 0.0:
            corners = [set(map(tuple, shapely.get_coordinates(shape).tolist())) for shape in (a, b)]
            met = set(map(tuple, shapely.get_coordinates(line).tolist()))
            if not met <= corners[0] & corners[1]:
                return True
    return False


def refuse_pinches(before: Coverage, after: Coverage) -> None:
    r"""Refuse a grid that would touch itself at the rim in one point, where another grid's rim begins.

    ::

        rim ====V======     Grid n touches the rim in the point V only, between A and B. It is no overlap and no gap, but
         A  |  / \  B       the coverage functions of GEOS 3.14 take the rim of A at V to run into B, which touches itself
            | / n \         there; other programs would trip over it too.

    Raises
    ------
    TopologyError
        ``pinches``.
    """
    if shapely.coverage_is_valid(list(after.values())):
        return
    known = set(_complaints(before).values())
    for key, edges in _complaints(after).items():
        if edges not in known:
            x, y = shapely.get_coordinates(shapely.from_wkb(edges))[0].tolist()
            raise TopologyError(
                "pinches",
                f"A grid beside {key} would touch itself in one point of the rim; draw the line a little aside,"
                " so that grids meet along a border or not at all.",
                details={"code": key},
                place=(x, y),
            )


def _complaints(coverage: Coverage) -> dict[Key, bytes]:
    edges = shapely.coverage_invalid_edges(list(coverage.values()))
    return {
        key: bytes(line.normalize().wkb)
        for key, line in zip(coverage, edges, strict=True)
        if line is not None and not line.is_empty
    }


def _without(chains: Chains, points: set[Point]) -> dict[int, list[Point]]:
    found = {edge: [point for point in chain if point not in points] for edge, chain in chains.items()}
    return {edge: chain for edge, chain in found.items() if len(chain) > 2}


def _without_points(shape: BaseGeometry, points: set[Point]) -> BaseGeometry:
    """A shape without some of its corners."""
    if not points:
        return shape
    parts = []
    for part in shapely.get_parts(shape):
        rings = []
        for ring in shapely.get_rings(part):
            corners = [
                tuple(corner) for corner in np.rint(shapely.get_coordinates(ring)).astype(int).tolist()
            ]
            kept = [corner for corner in corners[:-1] if corner not in points]
            rings.append([*kept, kept[0]])
        parts.append(shapely.Polygon(rings[0], rings[1:]))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _edges_of(lines: list[list[Point]]) -> tuple[Ints, Ints]:
    empty = np.empty((0, 2), np.int64)
    arrays = [np.array(line, dtype=np.int64) for line in lines if len(line) > 1]
    starts = np.vstack([empty, *(array[:-1] for array in arrays)])
    ends = np.vstack([empty, *(array[1:] for array in arrays)])
    real = (starts != ends).any(axis=1)
    return starts[real], ends[real]


def _polygonized(ends: Ints) -> Shapes:
    lines = shapely.linestrings(ends.astype(np.float64))
    found: Shapes = np.asarray(shapely.get_parts(shapely.polygonize(lines)), dtype=object)
    # polygonize has an order of its own; ours depends on the faces alone
    return found[np.lexsort((shapely.area(found), *shapely.bounds(found).T[::-1]))]
