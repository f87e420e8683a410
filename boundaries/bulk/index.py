"""An index of one plan in memory, and what it answers."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from boundaries.bulk import kernel, raster
from boundaries.bulk.layout import Raster

SPAN = 1 << 16  # points that one thread takes at a time
DEFAULT_TOLERANCE_M = 1.0
DEFAULT_REACH_M = 50.0


class Match(IntEnum):
    """How a point matched; the names in lower case are the words of the API."""

    INSIDE = kernel.INSIDE
    EDGE = kernel.EDGE
    NEAREST = kernel.NEAREST
    OUTSIDE = kernel.OUTSIDE
    INVALID = kernel.INVALID


class Reason(IntEnum):
    """Why a point is invalid."""

    NONE = kernel.NO_REASON
    MISSING = kernel.MISSING
    OUT_OF_RANGE = kernel.OUT_OF_RANGE
    SWAPPED = kernel.SWAPPED
    ACCURACY = kernel.BAD_ACCURACY
    NUMBER = 5  # in files: the text is no number
    COLUMNS = 6  # in files: more fields than headings


class PlanProblem(ValueError):
    """The outlines or buildings cannot be indexed; the message names which and why."""


@dataclass(frozen=True)
class Located:
    """Answers to n points; numbers refer to the sequences that `build_index` was given.

    Attributes
    ----------
    match, reason : ndarray of uint8, shape (n,)
        `Match` and `Reason`.
    grid : ndarray of int32, shape (n,)
        The sole answer, -1 if there is none.
    distance : ndarray of float64, shape (n,)
        Metres from the point to the outline of that grid: 0 in it, NaN without an answer.
    building : ndarray of int32, shape (n,) or (0,)
        Building under the point or -1, if asked for.
    starts : ndarray of int64, shape (n + 1,)
        The candidates of point i are ``candidate[starts[i]:starts[i + 1]]``, by distance, then code (a
        building's grid that is not near goes first). Listed where there is something to choose: on every
        edge, and where a building belongs to another grid than the one it stands in.
    candidate, candidate_distance : ndarray of int32 and float64, shape (m,)
    """

    match: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    grid: NDArray[np.int32]
    distance: NDArray[np.float64]
    building: NDArray[np.int32]
    starts: NDArray[np.int64]
    candidate: NDArray[np.int32]
    candidate_distance: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.match)

    def candidates(self, i: int) -> NDArray[np.int32]:
        """All grids that point i may mean: the listed ones, else the sole answer, else none."""
        listed = self.candidate[self.starts[i] : self.starts[i + 1]]
        if listed.size or self.grid[i] < 0:
            return listed
        return self.grid[i : i + 1]

    def is_candidate(self, grids: ArrayLike) -> NDArray[np.bool_]:
        """Whether ``grids[i]`` is among ``candidates(i)``, for all points at once."""
        asked = np.asarray(grids)
        found: NDArray[np.bool_] = (asked == self.grid) & (self.grid >= 0)
        point = np.repeat(np.arange(len(self)), np.diff(self.starts))
        found[point[self.candidate == asked[point]]] = True
        return found


@dataclass(frozen=True)
class BulkIndex:
    """See `build_index`. Immutable; may be used by several threads at once."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    communities: tuple[str, ...]
    boxes: NDArray[np.float64]
    raster: Raster
    every_building: bool

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.raster if isinstance(part, np.ndarray))

    def locate(
        self,
        lon: ArrayLike,
        lat: ArrayLike,
        accuracy: ArrayLike | None = None,
        *,
        with_building: bool = False,
        threads: int | None = None,
    ) -> Located:
        """Answer points.

        Parameters
        ----------
        lon, lat : array_like of float, shape (n,)
            WGS 84 degrees. What is not a number, out of range or swapped is answered `Match.INVALID`.
        accuracy : array_like of float, shape (n,) or (), optional
            Stated accuracy in metres; NaN where none is stated.
        with_building : bool
            Also tell the building under each point; the index must hold every building.
        threads : int, optional
            Default: as many as the process may use.
        """
        x, y, metres = _points(lon, lat, accuracy)
        if with_building and not self.every_building:
            raise ValueError(
                "This index holds only the buildings that decide; build it with every_building=True."
            )
        n = len(x)
        match, reason = np.empty((2, n), np.uint8)
        grid, count = np.empty((2, n), np.int32)
        distance = np.empty(n, np.float64)
        building = np.empty(n if with_building else 0, np.int32)

        def span(start: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
            stop = min(start + SPAN, n)
            return kernel.locate_span(
                self.raster, self.boxes, x, y, metres, with_building, start, stop,
                match, reason, grid, distance, building, count,
            )  # fmt: skip

        spans = range(0, n, SPAN)
        workers = min(threads or len(os.sched_getaffinity(0)), len(spans))
        if workers > 1:
            with ThreadPoolExecutor(workers, thread_name_prefix="locate") as pool:
                listed = list(pool.map(span, spans))
        else:
            listed = [span(start) for start in spans]
        starts = np.zeros(n + 1, np.int64)
        np.cumsum(count, out=starts[1:])
        nothing = [(np.empty(0, np.int32), np.empty(0, np.float64))]
        candidate, candidate_distance = (
            np.concatenate(part) for part in zip(*(listed or nothing), strict=True)
        )
        return Located(match, reason, grid, distance, building, starts, candidate, candidate_distance)


def _points(
    lon: ArrayLike, lat: ArrayLike, accuracy: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"lon and lat must be sequences of the same length, not of shapes {x.shape} and {y.shape}."
        )
    if accuracy is None:
        return x, y, np.empty(0)
    return x, y, np.ascontiguousarray(np.broadcast_to(np.asarray(accuracy, np.float64), x.shape))


def build_index(
    outlines: Sequence[shapely.Geometry] | NDArray[np.object_],
    codes: Sequence[str],
    *,
    names: Sequence[str] | None = None,
    communities: Sequence[str] | None = None,
    buildings: Sequence[shapely.Geometry] | NDArray[np.object_] = (),
    building_grids: ArrayLike = (),
    tolerance: float = DEFAULT_TOLERANCE_M,
    reach: ArrayLike = DEFAULT_REACH_M,
    every_building: bool = False,
) -> BulkIndex:
    """Index the outlines in force at one time.

    Parameters
    ----------
    outlines : sequence of Polygon or MultiPolygon, length g
        WGS 84 degrees, valid. They may overlap and leave gaps.
    codes : sequence of str, length g
        All different; the lower code wins where the rule needs a tie broken.
    names, communities : sequence of str, length g, optional
        Name of the grid and code of its community.
    buildings : sequence of Polygon or MultiPolygon, length b
        Footprints in the order of precedence where two share a place.
    building_grids : array_like of int, shape (b,)
        Index of the grid that each building is stored with, -1 for none.
    tolerance : float
        Metres; see the rule in `boundaries.locating`.
    reach : float or array_like of float, shape (g,)
        How far from a grid a point is still answered by it, metres.
    every_building : bool
        Keep all buildings, so that `locate` can tell the one under a point, not only those that can change
        an answer.

    Raises
    ------
    PlanProblem
        An outline is missing, not polygonal or invalid, a code stands twice, or lengths differ.

    Notes
    -----
    Distances are taken in a plane at the point with the WGS 84 radii of curvature. Against the geodesic this
    is off by less than 1 mm within 100 m up to 70 degrees of latitude (about 1 part in 10 million at one
    metre). Edges of outlines are straight in longitude and latitude, as they are drawn and stored.
    """
    shapes = _polygons(outlines, [f"The outline of grid {code}" for code in codes], "outlines and codes")
    if len(set(codes)) != len(codes):
        raise PlanProblem(
            "Grid codes stand twice: " + ", ".join(sorted({c for c in codes if list(codes).count(c) > 1}))
        )
    for label, other in (("names", names), ("communities", communities)):
        if other is not None and len(other) != len(codes):
            raise PlanProblem(f"There are {len(codes)} grids but {len(other)} {label}.")
    reaches = np.broadcast_to(np.asarray(reach, np.float64), (len(codes),))
    if not (0 < tolerance < np.inf and (reaches >= 0).all() and np.isfinite(reaches).all()):
        raise PlanProblem("The tolerance must be more than 0 m and the reach not negative.")
    stored = np.asarray(building_grids, np.int64).reshape(-1)
    footprints = _polygons(
        buildings, [f"Building {i}" for i in range(len(stored))], "buildings and their grids"
    )
    if stored.size and (stored.min() < -1 or stored.max() >= len(codes)):
        raise PlanProblem("A building is stored with a grid that is not in the plan.")

    by_code = sorted(range(len(codes)), key=codes.__getitem__)
    order = np.array(by_code, np.int32)
    place = np.empty(len(codes) + 1, np.int32)
    place[order] = np.arange(len(codes), dtype=np.int32)
    place[-1] = -1  # stored grid -1 stays -1
    own_communities = tuple(communities) if communities is not None else ("",) * len(codes)
    bounds = {
        name: shapes[[own == name for own in own_communities]] for name in dict.fromkeys(own_communities)
    }
    return BulkIndex(
        codes=tuple(codes),
        names=tuple(names) if names is not None else ("",) * len(codes),
        communities=own_communities,
        boxes=np.array([shapely.total_bounds(shape) for shape in bounds.values()]).reshape(-1, 4),
        raster=raster.build(
            shapes[order],
            order,
            raster.Buildings(footprints, place[stored], np.arange(len(footprints), dtype=np.int32)),
            tolerance=float(tolerance),
            reaches=reaches[order],
            every_building=every_building,
        ),
        every_building=every_building,
    )


def _polygons(
    geometries: Sequence[shapely.Geometry] | NDArray[np.object_], labels: Sequence[str], what: str
) -> NDArray[np.object_]:
    """The geometries as an array, each a valid, non-empty polygon or multipolygon in degrees."""
    shapes = np.empty(len(geometries), object)
    shapes[:] = geometries
    if len(shapes) != len(labels):
        raise PlanProblem(f"The numbers of {what} differ: {len(shapes)} and {len(labels)}.")
    wrong = ~np.isin(shapely.get_type_id(shapes), [3, 6]) | shapely.is_empty(shapes)
    for i in np.flatnonzero(wrong).tolist():
        raise PlanProblem(f"{labels[i]} is not a polygon.")
    for i in np.flatnonzero(~shapely.is_valid(shapes)).tolist():
        raise PlanProblem(f"{labels[i]} is not valid: {shapely.is_valid_reason(shapes[i])}.")
    bounds = shapely.bounds(shapes)
    for i in np.flatnonzero((np.abs(bounds) > [180.0, 90.0, 180.0, 90.0]).any(axis=1)).tolist():
        raise PlanProblem(f"{labels[i]} is not in degrees of longitude and latitude.")
    return shapes
