"""A neighbourhood as linework, and the faces into which added lines divide it.

::

    +-----+-----+          The edges of the grids around, each with its grid on the left hand, and a drawn line.
    |  A  |  B  |          Where the line crosses an edge both get a corner (see `noding`); the rings of A and B and
    |  ---+---- |          the line then enclose faces. A face belongs to the grid whose edge runs along it with
    +-----+-----+          the face on the left: no point has to be tested, so nothing can flip by rounding.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.measures import Shapes, is_thin, metres_per_degree, scaled
from boundaries.topology.noding import Floats, Ints, Noding, Unsettled

Key = Hashable
Coverage = Mapping[Key, BaseGeometry]

NOBODY: Final = -1
_UNKNOWN: Final = -2
_LARGEST: Final = 2**29
_BITS: Final = 31


@dataclass(frozen=True, slots=True)
class Lattice:
    """Degrees as whole numbers of steps from a local origin."""

    origin: Ints
    per_degree: float
    metres: Floats
    """Metres per step east and north."""

    @classmethod
    def around(cls, bounds: Floats, precision: float) -> "Lattice":
        """The lattice for a box (west, south, east, north) in degrees."""
        per_degree = 1.0 / precision if precision > 1.0 else float(round(1.0 / precision))
        middle = (bounds[:2] + bounds[2:]) / 2.0
        if (bounds[2:] - bounds[:2]).max() * per_degree >= 2 * _LARGEST:
            raise TopologyError(
                "too_large", "The grids stretch over more than ten degrees; edit fewer at once."
            )
        origin = np.rint(middle * per_degree).astype(np.int64)
        return cls(origin, per_degree, metres_per_degree(float(middle[1])) / per_degree)

    def steps(self, degrees: Floats) -> Floats:
        """Degrees to steps, not rounded."""
        return np.asarray(degrees * self.per_degree - self.origin)

    def rounded(self, degrees: Floats) -> Ints:
        """Degrees to whole steps."""
        return np.asarray(np.rint(degrees * self.per_degree).astype(np.int64) - self.origin)

    def degrees(self, steps: Floats) -> Floats:
        """Steps to degrees: always the float nearest to the decimal number."""
        return np.asarray((np.rint(steps) + self.origin) / self.per_degree)

    def in_degrees(self, shapes: Shapes) -> Shapes:
        """Shapes in steps to normalised shapes in degrees."""
        plain: Shapes = shapely.normalize(shapely.transform(shapes, self.degrees))
        return plain

    def in_metres(self, shapes: Shapes) -> Shapes:
        """Shapes in steps to metres."""
        return scaled(shapes, self.metres)


class Linework:
    """The edges of some grids of a coverage, each directed with its grid on the left.

    Attributes
    ----------
    keys : list
        The grids; `owner` counts in it.
    a, b : ndarray of int64, shape (n, 2)
        Directed edges ring by ring, in steps of the lattice.
    owner : ndarray of int64, shape (n,)
    edge : ndarray of int64, shape (n,)
        Number of the undirected edge; two directed ones share one along a common border.
    """

    def __init__(self, shapes: Coverage, lattice: Lattice) -> None:
        self.keys = list(shapes)
        self.lattice = lattice
        geometries = np.array([shapes[key] for key in self.keys], dtype=object)
        parts, part_owner = shapely.get_parts(geometries, return_index=True)
        rings, ring_part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
        coordinates, self.ring_of = shapely.get_coordinates(rings, return_index=True)
        self.ring_part, self.part_owner = ring_part, part_owner
        self.points = lattice.rounded(coordinates)
        inside = (self.ring_of[:-1] == self.ring_of[1:]) & (self.points[:-1] != self.points[1:]).any(axis=1)
        self.position = np.flatnonzero(inside)
        self.a, self.b = self.points[self.position], self.points[self.position + 1]
        self.owner = part_owner[ring_part[self.ring_of[self.position]]]
        low, high, self.backwards = _ordered(self.a, self.b)
        both = np.hstack([low, high])
        order = np.lexsort(both.T[::-1])
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (both[order[1:]] != both[order[:-1]]).any(axis=1)
        self.edge = np.empty(len(order), np.int64)
        self.edge[order] = np.cumsum(fresh) - 1
        self.starts, self.ends = low[order[fresh]], high[order[fresh]]

    def ring_with(self, ring: int, chains: Mapping[int, Sequence[tuple[int, int]]]) -> Ints:
        """The points of a ring with the corners that its edges gained."""
        where = np.flatnonzero(self.ring_of == ring)
        edges = np.flatnonzero(self.ring_of[self.position] == ring)
        places: list[int] = []
        values: list[tuple[int, int]] = []
        for at in edges[np.isin(self.edge[edges], list(chains))].tolist():
            inner = list(chains[int(self.edge[at])][1:-1])
            if self.backwards[at]:
                inner.reverse()
            places += [int(self.position[at] - where[0]) + 1] * len(inner)
            values += inner
        ring_points = self.points[where]
        return np.insert(ring_points, places, values, axis=0) if values else ring_points

    def with_corners(self, owner: int, chains: Mapping[int, Sequence[tuple[int, int]]]) -> BaseGeometry:
        """A grid in steps, with the corners that its edges gained."""
        polygons = []
        for part in np.flatnonzero(self.part_owner == owner):
            shell, *holes = (self.ring_with(int(r), chains) for r in np.flatnonzero(self.ring_part == part))
            polygons.append(shapely.Polygon(shell, holes))
        return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)

    def expanded(self, chains: Mapping[int, Sequence[tuple[int, int]]]) -> tuple[Ints, Ints, Ints]:
        """All directed edges with the corners they gained: starts, ends, owners."""
        if not chains:
            return self.a, self.b, self.owner
        cut = np.isin(self.edge, list(chains))
        starts, ends, owners = [self.a[~cut]], [self.b[~cut]], [self.owner[~cut]]
        for at in np.flatnonzero(cut).tolist():
            chain = np.array(chains[int(self.edge[at])], dtype=np.int64)
            if self.backwards[at]:
                chain = chain[::-1]
            starts.append(chain[:-1])
            ends.append(chain[1:])
            owners.append(np.full(len(chain) - 1, self.owner[at]))
        return np.vstack(starts), np.vstack(ends), np.concatenate(owners)


class Faces:
    """The faces of some grids and of the lines added to them.

    Attributes
    ----------
    shapes : ndarray of Polygon
        In steps of the lattice.
    owner : ndarray of int64
        Index into `linework.keys`.
    first, second, length, is_new : ndarrays
        Pairs of faces along a common border: its length in metres, and whether an added line runs there.
    """

    def __init__(
        self,
        linework: Linework,
        donors: Sequence[Key],
        lines: Sequence[BaseGeometry],
        surveyed: Sequence[BaseGeometry] = (),
        *,
        open_too: bool = False,
    ) -> None:
        self._least = NOBODY if open_too else 0
        self.linework, self.lattice = linework, linework.lattice
        places = [np.asarray(shapely.get_coordinates(line)) for line in lines]
        noding = Noding(linework.starts, linework.ends, [_segments(line, self.lattice) for line in surveyed])
        try:
            noding.add([self.lattice.steps(place) for place in places])
        except Unsettled:
            raise TopologyError(
                "too_fine", "The line is too intricate at one place; draw it with fewer corners."
            ) from None
        self.chains = {edge: chain for edge, chain in noding.chains.items() if len(chain) > 2}
        a, b, owner = linework.expanded(self.chains)
        wanted = set(donors)
        self.donors = [index for index, key in enumerate(linework.keys) if key in wanted]
        mine = np.isin(owner, self.donors)
        new_a, new_b = _steps_of(noding.lines)
        self._table = _Points(np.vstack([a[mine], b[mine], new_a, new_b]))
        old = self._table.keys(a[mine], b[mine])
        back = self._table.keys(b[mine], a[mine])
        new = self._table.keys(new_a, new_b)
        undirected = np.unique(np.concatenate([np.minimum(old, back), self._table.undirected(new)]))
        self.shapes = _polygonized(self._table.ends_of(undirected))
        self._label(old, back, owner[mine])
        self._join(np.unique(np.minimum(old, back)))

    def _label(self, old: Ints, back: Ints, owner: Ints) -> None:
        edges, face = self._edges_of_faces()
        found = np.full(len(self.shapes), _UNKNOWN)
        hit, which = _lookup(back, edges)
        found[face[hit]] = NOBODY
        hit, which = _lookup(old, edges)
        found[face[hit]] = owner[which]
        for index in np.flatnonzero(found == _UNKNOWN).tolist():
            spot = shapely.transform(shapely.point_on_surface(self.shapes[index]), self._to_degrees)
            found[index] = self._holder(spot)
        kept = found >= self._least
        self.shapes, self.owner = self.shapes[kept], found[kept]
        renumbered = np.cumsum(kept) - 1
        some = kept[face]
        self._edges, self._face = edges[some], renumbered[face[some]]

    def _to_degrees(self, steps: Floats) -> Floats:
        return np.asarray((steps + self.lattice.origin) / self.lattice.per_degree)

    def _holder(self, spot: BaseGeometry) -> int:
        """The donor that holds a spot; asked for faces that lie wholly within one grid."""
        for donor in self.donors:
            if self.linework_shape(donor).intersects(shapely.transform(spot, self.lattice.steps)):
                return donor
        return NOBODY

    def linework_shape(self, owner: int) -> BaseGeometry:
        """A grid as it was, in steps."""
        return self.linework.with_corners(owner, {})

    def _edges_of_faces(self) -> tuple[Ints, Ints]:
        rings, ring_face = shapely.get_rings(shapely.orient_polygons(self.shapes), return_index=True)
        points, ring_of = shapely.get_coordinates(rings, return_index=True)
        steps = np.rint(points).astype(np.int64)
        inside = np.flatnonzero(ring_of[:-1] == ring_of[1:])
        return self._table.keys(steps[inside], steps[inside + 1]), ring_face[ring_of[inside]]

    def _join(self, standing: Ints) -> None:
        order = np.argsort(self._edges)
        hit, which = _lookup(self._table.turned(self._edges), self._edges)
        del order
        one, other = self._face[hit], self._face[which]
        ends = self._table.ends_of(self._edges[hit])
        metres = np.hypot(*((ends[:, 1] - ends[:, 0]) * self.lattice.metres).T)
        fresh = ~np.isin(self._table.undirected(self._edges[hit]), standing)
        half = one < other
        self.first, self.second = one[half], other[half]
        self.length, self.is_new = metres[half], fresh[half]

    # --- what the operations ask ---------------------------------------------------------------------------------

    def key(self, face: int) -> Key:
        """The grid to which a face belongs."""
        return self.linework.keys[int(self.owner[face])]

    def spots(self) -> Shapes:
        """A point within each face, in degrees."""
        spots: Shapes = shapely.transform(shapely.point_on_surface(self.shapes), self._to_degrees)
        return spots

    def spot(self, faces: Iterable[int]) -> tuple[float, float]:
        """A point within the largest of some faces, in degrees."""
        largest = max(faces, key=lambda face: float(self.shapes[face].area))
        point = shapely.transform(shapely.point_on_surface(self.shapes[largest]), self._to_degrees)
        return float(point.x), float(point.y)

    def sizes(self) -> Floats:
        """Square metres of each face."""
        return np.asarray(shapely.area(self.shapes) * self.lattice.metres.prod())

    def size(self, faces: Iterable[int]) -> float:
        """Square metres of some faces together."""
        return float(sum(float(self.shapes[face].area) for face in faces) * self.lattice.metres.prod())

    def united(self, faces: Sequence[int]) -> BaseGeometry:
        """Some faces as one shape, in steps."""
        if len(faces) == 1:
            return self.shapes[faces[0]]
        return shapely.coverage_union_all(self.shapes[list(faces)])

    def thin(self, faces: Sequence[int], width: float) -> bool:
        """Whether no circle of `width` metres fits into some faces together."""
        return is_thin(self.lattice.in_metres(np.array([self.united(faces)], dtype=object))[0], width)

    def pieces(self, label: Sequence[Key]) -> list[list[int]]:
        """Faces that hang together along edges and carry the same label, in the order of their first face."""
        boss = list(range(len(self.shapes)))

        def find(face: int) -> int:
            while boss[face] != face:
                boss[face] = boss[boss[face]]
                face = boss[face]
            return face

        for one, other in zip(self.first.tolist(), self.second.tolist(), strict=True):
            if label[one] == label[other]:
                low, high = sorted((find(one), find(other)))
                boss[high] = low
        found: dict[int, list[int]] = {}
        for face in range(len(self.shapes)):
            found.setdefault(find(face), []).append(face)
        return list(found.values())

    def borders(self, faces: Iterable[int]) -> dict[int, float]:
        """Other faces along some faces, with the length of the common border in metres."""
        members = set(faces)
        found: dict[int, float] = {}
        for one, other, length in zip(
            self.first.tolist(), self.second.tolist(), self.length.tolist(), strict=True
        ):
            if (one in members) != (other in members):
                outer = other if one in members else one
                found[outer] = found.get(outer, 0.0) + length
        return found

    def assembled(self, coverage: Coverage, label: Sequence[Key]) -> dict[Key, BaseGeometry]:
        """The coverage with the faces as labelled and the corners that others gained. Nobody keeps what has no face."""
        result = dict(coverage)
        faces_of: dict[Key, list[int]] = {}
        for face, key in enumerate(label):
            faces_of.setdefault(key, []).append(face)
        for donor in self.donors:
            if self.linework.keys[donor] not in faces_of:
                del result[self.linework.keys[donor]]
        touched = {int(o) for o in self.linework.owner[np.isin(self.linework.edge, list(self.chains))]}
        made = {
            key: self.united(faces) for key, faces in faces_of.items() if self._changed(key, faces, touched)
        }
        made |= {
            self.linework.keys[owner]: self.linework.with_corners(owner, self.chains)
            for owner in sorted(touched - set(self.donors))
        }
        shapes = self.lattice.in_degrees(np.array(list(made.values()), dtype=object))
        result.update(zip(made, shapes, strict=True))
        return result

    def _changed(self, key: Key, faces: list[int], touched: set[int]) -> bool:
        """Whether a grid is no longer what it was: other ground, or more corners."""
        own = [donor for donor in self.donors if self.linework.keys[donor] == key]
        if not own or own[0] in touched:
            return True
        return {face for face in range(len(self.shapes)) if self.owner[face] == own[0]} != set(faces)


class _Points:
    """Numbers for points, so that a directed edge is one number."""

    def __init__(self, points: Ints) -> None:
        self.packed = np.unique(_packed(points))
        self.count = len(self.packed)

    def keys(self, a: Ints, b: Ints) -> Ints:
        """A number for each directed edge."""
        one = np.searchsorted(self.packed, _packed(a))
        return np.asarray(one * self.count + np.searchsorted(self.packed, _packed(b)))

    def turned(self, keys: Ints) -> Ints:
        """The same edges in the other direction."""
        return np.asarray(keys % self.count * self.count + keys // self.count)

    def undirected(self, keys: Ints) -> Ints:
        """One number for both directions."""
        return np.minimum(keys, self.turned(keys))

    def ends_of(self, keys: Ints) -> Ints:
        """Start and end of each edge, shape (n, 2, 2)."""
        packed = self.packed[np.stack([keys // self.count, keys % self.count], axis=1)]
        return np.stack(
            [(packed >> _BITS) - 2 * _LARGEST // 2, (packed & (2**_BITS - 1)) - _LARGEST], axis=-1
        )


def _packed(points: Ints) -> Ints:
    return np.asarray((points[:, 0] + _LARGEST << _BITS) | (points[:, 1] + _LARGEST))


def _lookup(table: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """Positions in `wanted` that are found in `table`, and where."""
    order = np.argsort(table, kind="stable")
    where = np.searchsorted(table, wanted, sorter=order)
    where[where == len(table)] = 0
    if not len(table):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    which = order[where]
    hit = np.flatnonzero(table[which] == wanted)
    return hit, which[hit]


def _ordered(a: Ints, b: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    return np.where(swap[:, None], b, a), np.where(swap[:, None], a, b), swap


def _steps_of(lines: list[list[tuple[int, int]]]) -> tuple[Ints, Ints]:
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
    bounds = shapely.bounds(found)
    return found[np.lexsort((shapely.area(found), *bounds.T[::-1]))]


def _segments(line: BaseGeometry, lattice: Lattice) -> Floats:
    points, line_of = shapely.get_coordinates(shapely.get_parts(_lines_of(line)), return_index=True)
    steps = lattice.steps(points)
    inside = line_of[:-1] == line_of[1:]
    return np.hstack([steps[:-1][inside], steps[1:][inside]])


def _lines_of(shape: BaseGeometry) -> BaseGeometry:
    return shape.boundary if shape.geom_type in {"Polygon", "MultiPolygon"} else shape
