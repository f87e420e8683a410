"""The edges of a neighbourhood, each with its grid on the left hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from boundaries.topology.lattice import Lattice
from boundaries.topology.noding import Ints, Point

Key = Any
"""What grids go by: a code, an id. Hashable."""
Coverage = Mapping[Key, BaseGeometry]
Chains = Mapping[int, Sequence[Point]]
"""Edges that gained corners: number of the undirected edge -> all its points from start to end."""


class Linework:
    """The edges of some grids of a coverage.

    Attributes
    ----------
    keys : list
        The grids; `owner` counts in it.
    a, b : ndarray of int64, shape (n, 2)
        Directed edges ring by ring, in steps of the lattice, the grid on the left.
    owner : ndarray of int64, shape (n,)
    edge : ndarray of int64, shape (n,)
        Number of the undirected edge; two directed ones share one along a common border.
    starts, ends : ndarray of int64, shape (m, 2)
        The undirected edges, the smaller point first.
    """

    def __init__(self, shapes: Coverage, lattice: Lattice) -> None:
        self.keys = list(shapes)
        self.lattice = lattice
        geometries = np.array([shapes[key] for key in self.keys], dtype=object)
        parts, self._part_owner = shapely.get_parts(geometries, return_index=True)
        rings, self._ring_part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
        degrees, self._ring_of = shapely.get_coordinates(rings, return_index=True)
        self.points = lattice.rounded(degrees)
        lattice.remember(degrees, self.points)
        inside = self._ring_of[:-1] == self._ring_of[1:]
        inside &= (self.points[:-1] != self.points[1:]).any(axis=1)
        self._position = np.flatnonzero(inside)
        self.a, self.b = self.points[self._position], self.points[self._position + 1]
        self._ring = self._ring_of[self._position]
        self.owner = self._part_owner[self._ring_part[self._ring]]
        self._number()

    def _number(self) -> None:
        a, b = self.a, self.b
        self._backwards = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
        swap = self._backwards[:, None]
        both = np.hstack([np.where(swap, b, a), np.where(swap, a, b)])
        order = np.lexsort(both.T[::-1])
        sorted_edges = both[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (sorted_edges[1:] != sorted_edges[:-1]).any(axis=1)
        self.edge = np.empty(len(order), np.int64)
        self.edge[order] = np.cumsum(fresh) - 1
        self.starts, self.ends = sorted_edges[fresh, :2], sorted_edges[fresh, 2:]

    def expanded(self, chains: Chains) -> tuple[Ints, Ints, Ints]:
        """All directed edges with the corners they gained: starts, ends, owners."""
        if not chains:
            return self.a, self.b, self.owner
        cut = self._among(self.edge, chains)
        starts, ends, owners = [self.a[~cut]], [self.b[~cut]], [self.owner[~cut]]
        for at in np.flatnonzero(cut).tolist():
            chain = np.array(chains[int(self.edge[at])], dtype=np.int64)
            if self._backwards[at]:
                chain = chain[::-1]
            starts.append(chain[:-1])
            ends.append(chain[1:])
            owners.append(np.full(len(chain) - 1, self.owner[at]))
        return np.vstack(starts), np.vstack(ends), np.concatenate(owners)

    def owners_along(self, chains: Chains) -> set[int]:
        """The grids on whose borders corners were gained."""
        return set(self.owner[self._among(self.edge, chains)].tolist()) if chains else set()

    def shape(self, owner: int, chains: Chains | None = None) -> BaseGeometry:
        """A grid in steps, with the corners that its edges gained."""
        polygons = []
        for part in np.flatnonzero(self._part_owner == owner).tolist():
            shell, *holes = (
                self._points_of(ring, chains or {})
                for ring in np.flatnonzero(self._ring_part == part).tolist()
            )
            polygons.append(shapely.Polygon(shell, holes))
        return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)

    def _points_of(self, ring: int, chains: Chains) -> Ints:
        first, last = np.searchsorted(self._ring_of, [ring, ring + 1])
        points = self.points[first:last]
        low, high = np.searchsorted(self._ring, [ring, ring + 1])
        places: list[int] = []
        gained: list[Point] = []
        cut = self._among(self.edge[low:high], chains) if chains else np.empty(0, dtype=bool)
        for at in (np.flatnonzero(cut) + low).tolist():
            inner = list(chains[int(self.edge[at])][1:-1])
            if self._backwards[at]:
                inner.reverse()
            places += [int(self._position[at] - first) + 1] * len(inner)
            gained += inner
        return np.insert(points, places, gained, axis=0) if gained else points

    def _among(self, edges: Ints, chains: Chains) -> NDArray[np.bool_]:
        """Which of some undirected edges gained corners."""
        cut = np.zeros(len(self.starts), dtype=bool)
        cut[list(chains)] = True
        return np.asarray(cut[edges])
