"""Degrees as whole numbers of steps: the lattice on which all corners lie."""

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.measures import Shapes, metres_per_degree, scaled
from boundaries.topology.noding import Floats, Ints

_HALF: Final = 2**29
"""Coordinates lie between -_HALF and _HALF, so that products of differences fit into 64 bits."""
_BITS: Final = 31


class Lattice:
    """The lattice around a box, counted from its middle.

    Corners that were given keep the very numbers they came with (`remember`), also where these are not the floats
    nearest to a point of the lattice: neighbours outside the neighbourhood have the same ones.

    Parameters
    ----------
    bounds : ndarray of float64
        West, south, east, north in degrees.
    precision : float
        Degrees per step.

    Attributes
    ----------
    metres : ndarray of float64
        Metres per step east and north.
    """

    def __init__(self, bounds: Floats, precision: float) -> None:
        if not np.isfinite(bounds).all():
            raise TopologyError("bad_coverage", "A grid has no ground or corners that are no places.")
        self.per_degree = float(round(1.0 / precision)) if precision < 1.0 else 1.0 / precision
        middle = (bounds[:2] + bounds[2:]) / 2.0
        if (bounds[2:] - bounds[:2]).max() * self.per_degree >= 1.9 * _HALF:
            raise TopologyError("too_large", "The grids stretch too far; edit fewer at once.")
        self.origin = np.rint(middle * self.per_degree).astype(np.int64)
        self.metres = metres_per_degree(float(middle[1])) / self.per_degree
        self._given = np.empty(0, np.int64)
        self._as_given = np.empty((0, 2))

    def steps(self, degrees: Floats) -> Floats:
        """Degrees to steps, not rounded."""
        return np.asarray(degrees * self.per_degree - self.origin)

    def rounded(self, degrees: Floats) -> Ints:
        """Degrees to whole steps."""
        return np.asarray(np.rint(degrees * self.per_degree).astype(np.int64) - self.origin)

    def degrees(self, steps: Floats) -> Floats:
        """Whole steps to degrees: as given, or the float nearest to the decimal number."""
        found = (np.rint(steps) + self.origin) / self.per_degree
        if len(self._given):
            wanted = packed(np.rint(steps).astype(np.int64))
            where = np.minimum(np.searchsorted(self._given, wanted), len(self._given) - 1)
            hit = self._given[where] == wanted
            found[hit] = self._as_given[where[hit]]
        return np.asarray(found)

    def between(self, steps: Floats) -> Floats:
        """Steps to degrees, not rounded."""
        return np.asarray((steps + self.origin) / self.per_degree)

    def remember(self, degrees: Floats, steps: Ints) -> None:
        """Keep the numbers of corners that are not the floats nearest to their point of the lattice.

        Raises
        ------
        TopologyError
            ``bad_coverage``: two corners fall on one point of the lattice.
        """
        odd = ((steps + self.origin) / self.per_degree != degrees).any(axis=1)
        if not odd.any():
            return
        where = packed(steps)
        order = np.argsort(where, kind="stable")
        where, numbers = where[order], degrees[order]
        same = where[1:] == where[:-1]
        if (numbers[1:][same] != numbers[:-1][same]).any():
            raise TopologyError(
                "bad_coverage",
                "Corners lie closer together than the precision; import the grids again.",
                place=(float(numbers[0][0]), float(numbers[0][1])),
            )
        self._given, first = np.unique(where, return_index=True)
        self._as_given = numbers[first]

    def in_degrees(self, shapes: Shapes) -> Shapes:
        """Shapes in steps to normalised shapes in degrees."""
        plain: Shapes = shapely.normalize(shapely.transform(shapes, self.degrees))
        return plain

    def in_metres(self, shape: BaseGeometry) -> BaseGeometry:
        """A shape in steps to metres."""
        return scaled(shape, self.metres)

    def segments(self, line: BaseGeometry) -> Floats:
        """A line, or the border of an area, in degrees to segments x1, y1, x2, y2 in steps."""
        lines = line.boundary if line.geom_type in {"Polygon", "MultiPolygon"} else line
        points, line_of = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
        steps = self.steps(points)
        inside = line_of[:-1] == line_of[1:]
        return np.hstack([steps[:-1][inside], steps[1:][inside]])


def packed(points: Ints) -> Ints:
    """One number for each point."""
    return np.asarray((points[:, 0] + _HALF << _BITS) | (points[:, 1] + _HALF))


def unpacked(numbers: Ints) -> Ints:
    """The points of numbers, with one more dimension."""
    return np.stack([(numbers >> _BITS) - _HALF, (numbers & (2**_BITS - 1)) - _HALF], axis=-1)


class Numbered:
    """Numbers for points, so that a directed edge is one number: start * count + end."""

    def __init__(self, points: Ints) -> None:
        self.packed = np.unique(packed(points))
        self.count = len(self.packed)

    def keys(self, a: Ints, b: Ints) -> Ints:
        """A number for each directed edge."""
        one = np.searchsorted(self.packed, packed(a))
        return np.asarray(one * self.count + np.searchsorted(self.packed, packed(b)))

    def turned(self, keys: Ints) -> Ints:
        """The same edges in the other direction."""
        return np.asarray(keys % self.count * self.count + keys // self.count)

    def undirected(self, keys: Ints) -> Ints:
        """One number for both directions."""
        return np.minimum(keys, self.turned(keys))

    def ends_of(self, keys: Ints) -> Ints:
        """Start and end of each edge, shape (n, 2, 2)."""
        return unpacked(self.packed[np.stack([keys // self.count, keys % self.count], axis=1)])


def lookup(table: Ints, wanted: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions in `wanted` that are found in `table`, and where in it."""
    if not len(table):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(table, kind="stable")
    where = np.searchsorted(table, wanted, sorter=order)
    where[where == len(table)] = 0
    which = order[where]
    hit = np.flatnonzero(table[which] == wanted)
    return hit, which[hit]
