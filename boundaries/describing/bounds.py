"""The bounds of a grid in words (四至): what lies along its east, south, west and north side.

::

              north: 柳台大道               Each ring is walked in short steps. A step belongs to the side it faces, if one
        +---------------------+            can look out from it that way; a step in a bay (·), from which the grid itself is
        |          +--+       |            in the way, belongs to the side to which the bay opens.
   west |          |··|       | east
        |          +  +-------+            What lies along a step is the street or water whose line runs beside it, else
        +----------+                       the grid, community or border on its other side. Each side is named by what
              south                        lies along most of it, in the order in which one walks: north and south from
                                           west to east, east and west from north to south.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries.locating import metres_per_degree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SIDES: Final = ("east", "south", "west", "north")
"""The order in which 四至 are told."""
_OUTWARD: Final = np.array([(1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0)])
STEP_M: Final = 10.0
BESIDE_M: Final = 10.0
"""How far from a street's edge, or a water's bank, a border may run and still be said to run along it."""
PARALLEL: Final = 0.85
"""Cosine of the largest angle between the border and what runs along it: about 32 degrees."""
SHARE: Final = 0.2
"""What lies along less of a side than this is not named, unless it is long."""
LONG_M: Final = 120.0
MOST: Final = 3


class Named(NamedTuple):
    """A street, water, grid, community or subdistrict by its names."""

    kind: str
    name: str
    name_en: str


BORDER: Final = Named("border", "", "")
"""The rim of the subdistrict where nothing else is known."""


@dataclass(frozen=True, slots=True)
class Along:
    """A street by its centre line or a water by its area, in EPSG:4326; `reach_m` is half the width."""

    named: Named
    shape: BaseGeometry
    reach_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Ground:
    """A grid whose bounds are asked for, or one beside it. `around` is what is said of it from elsewhere, if not its own
    name: its community, where that is another one."""

    named: Named
    community: Named
    shape: BaseGeometry


@dataclass(frozen=True, slots=True)
class Bounds:
    """What lies along each side, in order; `inside` are the grids that lie within the grid, on ground that is not its own."""

    east: tuple[Named, ...] = ()
    south: tuple[Named, ...] = ()
    west: tuple[Named, ...] = ()
    north: tuple[Named, ...] = ()
    inside: tuple[Named, ...] = ()

    def side(self, name: str) -> tuple[Named, ...]:
        """One of `SIDES`."""
        found: tuple[Named, ...] = getattr(self, name)
        return found


@dataclass(slots=True)
class _Steps:
    """The steps of all rings of all grids, as columns: middle in metres, outward unit normal, own direction, length, grid,
    ring. The normal is smoothed over neighbouring steps, the direction is not."""

    at: Floats
    normal: Floats
    run: Floats
    length: Floats
    grid: Ints
    ring: Ints
    hole: npt.NDArray[np.bool_]
    side: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


def bounds(
    grids: Mapping[Any, Ground],
    along: Sequence[Along],
    around: Iterable[Ground] = (),
    *,
    only: Iterable[Any] | None = None,
) -> dict[Any, Bounds]:
    """Tell what lies along the sides of grids.

    Parameters
    ----------
    grids : mapping of key to Ground
        EPSG:4326, edge-matched within their communities.
    along : sequence of Along
        Streets and waters with names.
    around : iterable of Ground
        What lies beside the grids and is not described itself: grids, or communities, of elsewhere.
    only : iterable of keys, optional
        Describe these only; the others are neighbours.

    Returns
    -------
    dict of key to Bounds
    """
    keys = list(grids) if only is None else [key for key in only if key in grids]
    if not keys:
        return {}
    everything = np.array([each.shape for each in grids.values()], dtype=object)
    west, south, east, north = shapely.total_bounds(everything)
    origin = np.array([(west + east) / 2, (south + north) / 2])
    scale = np.array(metres_per_degree(float(origin[1])))

    def metric(shapes: Sequence[BaseGeometry]) -> npt.NDArray[Any]:
        given = np.array(list(shapes), dtype=object)
        return np.asarray(shapely.transform(given, lambda points: (points - origin) * scale), dtype=object)

    shapes = metric([grids[key].shape for key in keys])
    steps = _steps(shapes)
    steps.side = _sides(steps, shapes)
    lines = metric([each.shape for each in along])
    beside = _beside(steps, along, lines)
    neighbours = [*grids.values(), *around]
    across = _across(steps, metric([each.shape for each in neighbours]))
    return {
        key: _bounds_of(index, grids[key], steps, along, beside, neighbours, across)
        for index, key in enumerate(keys)
    }


def _steps(shapes: npt.NDArray[Any]) -> _Steps:
    """Cut every ring into steps of about `STEP_M`; the normal is that of the ring some steps around, without its jags."""
    oriented = shapely.orient_polygons(shapes)
    parts, grid_of = shapely.get_parts(oriented, return_index=True)
    rings, part_of = shapely.get_rings(parts, return_index=True)
    first = np.r_[True, part_of[1:] != part_of[:-1]]
    columns: list[list[Any]] = [[] for _column in range(7)]
    for number, (ring, part) in enumerate(zip(rings, part_of, strict=True)):
        count = max(8, round(ring.length / STEP_M))
        marks = np.linspace(0.0, ring.length, count + 1)
        corners = shapely.get_coordinates(shapely.line_interpolate_point(ring, marks))
        middles = shapely.get_coordinates(shapely.line_interpolate_point(ring, (marks[1:] + marks[:-1]) / 2))
        # two steps to either side
        ahead = np.roll(corners[:-1], -3, axis=0) - np.roll(corners[:-1], 2, axis=0)
        size = np.hypot(ahead[:, 0], ahead[:, 1])
        size[size == 0] = 1.0
        # counter-clockwise: the outside is on the right
        normal = np.column_stack([ahead[:, 1], -ahead[:, 0]]) / size[:, None]
        own = np.diff(corners, axis=0)
        own /= np.maximum(np.hypot(own[:, 0], own[:, 1]), 1e-9)[:, None]
        made = (
            middles, normal, own, np.full(count, ring.length / count), np.full(count, grid_of[part]),
            np.full(count, number), np.full(count, not first[number]),
        )  # fmt: skip
        for column, values in zip(columns, made, strict=True):
            column.append(values)
    return _Steps(*(np.concatenate(each) for each in columns))


def _sides(steps: _Steps, shapes: npt.NDArray[Any]) -> Ints:
    """The side of each step: 0 to 3 as in `SIDES`. Steps of holes are on none, -1."""
    facing = steps.normal @ _OUTWARD.T
    order = np.argsort(-facing, axis=1, kind="stable")
    found = np.full(len(steps.at), -1, np.int64)
    far = np.array([max(each.bounds[2] - each.bounds[0], each.bounds[3] - each.bounds[1]) for each in shapes])
    shapely.prepare(shapes)
    # the side it faces most, else the next one, if one can look out there
    for choice in range(2):
        sides = order[:, choice]
        open_to = (found < 0) & ~steps.hole & (np.take_along_axis(facing, sides[:, None], axis=1)[:, 0] > 0.2)
        index = np.flatnonzero(open_to)
        ways = _OUTWARD[sides[index]]
        start = steps.at[index] + steps.normal[index] * 0.5 + ways * 0.5
        end = start + ways * (far[steps.grid[index]][:, None] + 1.0)
        sight = shapely.linestrings(np.stack([start, end], axis=1))
        blocked = shapely.intersects(shapes[steps.grid[index]], sight)
        found[index[~blocked]] = sides[index[~blocked]]
    hidden = np.flatnonzero((found < 0) & ~steps.hole)
    found[hidden] = _mouths(steps, hidden, shapes)
    return _settled(steps, found, facing)


def _mouths(steps: _Steps, hidden: Ints, shapes: npt.NDArray[Any]) -> Ints:
    """The side to which the bay opens in which each of these steps lies; -1 where it lies in none."""
    found = np.full(len(hidden), -1, np.int64)
    for grid in np.unique(steps.grid[hidden]):
        hull = shapely.convex_hull(shapes[grid])
        bays = shapely.get_parts(hull.difference(shapes[grid]))
        mine = np.flatnonzero(steps.grid[hidden] == grid)
        there = shapely.points(steps.at[hidden[mine]] + steps.normal[hidden[mine]] * 0.5)
        step, bay = STRtree(bays).query(there, predicate="intersects")
        for number in np.unique(bay):
            mouth = shapely.intersection(bays[number].boundary, hull.boundary)
            if mouth.length == 0:
                continue
            middle, inner = mouth.centroid, bays[number].centroid
            way = np.array([middle.x - inner.x, middle.y - inner.y])
            found[mine[step[bay == number]]] = int(np.argmax(_OUTWARD @ way))
    return found


def _settled(steps: _Steps, found: Ints, facing: Floats) -> Ints:
    """Give steps of which nothing is known to the nearest run, and short runs between two of one side to that side."""
    for ring in np.unique(steps.ring[~steps.hole]):
        index = np.flatnonzero(steps.ring == ring)
        sides = found[index]
        known = np.flatnonzero(sides >= 0)
        if not len(known):
            found[index] = np.argmax(facing[index], axis=1)
            continue
        # the nearest known step along the ring, walked both ways
        count = len(sides)
        gap = (np.arange(count)[:, None] - known[None, :]) % count
        nearest = np.argmin(np.minimum(gap, count - gap), axis=1)
        sides = sides[known[nearest]]
        found[index] = _without_jags(sides, steps.length[index])
    return found


def _without_jags(sides: Ints, lengths: Floats) -> Ints:
    """Runs of a side that are short against the ring, between two runs of one other side, become part of these."""
    limit = min(40.0, float(lengths.sum()) * 0.05)
    for _pass in range(8):
        starts = np.flatnonzero(sides != np.roll(sides, 1))
        if len(starts) < 3:
            return sides
        runs = [
            np.arange(a, b if b > a else b + len(sides)) % len(sides)
            for a, b in zip(starts, np.roll(starts, -1), strict=True)
        ]
        sizes = [float(lengths[run].sum()) for run in runs]
        changed = False
        for at in np.argsort(sizes):
            before, after = sides[runs[at - 1][0]], sides[runs[(at + 1) % len(runs)][0]]
            if sizes[at] < limit and before == after != sides[runs[at][0]]:
                sides = sides.copy()
                sides[runs[at]] = before
                changed = True
                break
        if not changed:
            return sides
    return sides


def _beside(steps: _Steps, along: Sequence[Along], shapes: npt.NDArray[Any]) -> Ints:
    """The index in `along` of what runs beside each step, -1 for nothing."""
    found = np.full(len(steps.at), -1, np.int64)
    if not len(along):
        return found
    points = shapely.points(steps.at)
    best = np.full(len(points), np.inf)
    ends, owner = _segments(shapes)
    reach = np.array([each.reach_m for each in along])
    tree = STRtree(shapely.linestrings(ends))
    widest = float(reach.max()) + BESIDE_M
    step, segment = tree.query(points, predicate="dwithin", distance=widest)
    runs = ends[segment, 1] - ends[segment, 0]
    size = np.hypot(runs[:, 0], runs[:, 1])
    size[size == 0] = 1.0
    tangent = np.column_stack([-steps.normal[step, 1], steps.normal[step, 0]])
    # along the border as a whole, or along this step: short sides have little but corners to smooth over
    straight = np.maximum(np.abs((runs * tangent).sum(axis=1)), np.abs((runs * steps.run[step]).sum(axis=1)))
    parallel = straight / size >= PARALLEL
    away = _distances(steps.at[step], ends[segment])
    off = away - reach[owner[segment]]
    kept = parallel & (off <= BESIDE_M)
    _keep_nearest(found, best, step[kept], owner[segment[kept]], off[kept])
    # a border within a water runs along it, whichever way the banks go
    areas = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    if len(areas):
        inside, which = STRtree(shapes[areas]).query(points, predicate="intersects")
        _keep_nearest(found, best, inside, areas[which], np.full(len(inside), -3.0))
    return found


def _segments(shapes: npt.NDArray[Any]) -> tuple[Floats, Ints]:
    """All straight pieces of lines, and of the banks of areas, as (n, 2, 2); and whose they are."""
    lines = np.array(
        [each.boundary if shapely.get_dimensions(each) == 2 else each for each in shapes], dtype=object
    )
    parts, part_of = shapely.get_parts(lines, return_index=True)
    points, line_of = shapely.get_coordinates(parts, return_index=True)
    same = line_of[:-1] == line_of[1:]
    ends = np.stack([points[:-1][same], points[1:][same]], axis=1)
    return ends, part_of[line_of[:-1][same]]


def _distances(points: Floats, ends: Floats) -> Floats:
    """From each point to its straight piece."""
    run, off = ends[:, 1] - ends[:, 0], points - ends[:, 0]
    square = (run * run).sum(axis=1)
    square[square == 0] = 1.0
    part = np.clip((off * run).sum(axis=1) / square, 0.0, 1.0)
    gap = off - part[:, None] * run
    return np.asarray(np.hypot(gap[:, 0], gap[:, 1]))


def _keep_nearest(found: Ints, best: Floats, step: Ints, which: Ints, off: Floats) -> None:
    """Note the nearest candidate of each step; the last written wins, so the nearest is written last."""
    order = np.argsort(-off, kind="stable")
    step, which, off = step[order], which[order], off[order]
    nearest = np.full(len(found), np.inf)
    chosen = np.full(len(found), -1, np.int64)
    nearest[step], chosen[step] = off, which
    better = nearest < best
    found[better], best[better] = chosen[better], nearest[better]


def _across(steps: _Steps, shapes: npt.NDArray[Any]) -> Ints:
    """The index of the ground on the other side of each step, the first of several; -1 for none."""
    found = np.full(len(steps.at), -1, np.int64)
    there = shapely.points(steps.at + steps.normal * 3.0)
    step, which = STRtree(shapes).query(there, predicate="intersects")
    # a jag may bring one back into the grid itself; it comes first in `shapes` only by chance
    order = np.argsort(-which, kind="stable")
    found[step[order]] = which[order]
    return found


def _bounds_of(
    index: int,
    ground: Ground,
    steps: _Steps,
    along: Sequence[Along],
    beside: Ints,
    neighbours: Sequence[Ground],
    across: Ints,
) -> Bounds:
    own = np.flatnonzero(steps.grid == index)
    labels: list[Named] = []
    for step in own:
        if beside[step] >= 0:
            labels.append(along[beside[step]].named)
            continue
        other = neighbours[across[step]] if across[step] >= 0 else None
        if other is None or other.named == ground.named:
            labels.append(BORDER)
        elif other.community == ground.community:
            labels.append(other.named)
        else:
            labels.append(other.community)
    hole = steps.hole[own]
    sides = {}
    for number, name in enumerate(SIDES):
        chosen = np.flatnonzero((steps.side[own] == number) & ~hole)
        if not len(chosen):
            # a grid of three corners has no such side: what faces that way most stands for it
            facing = np.where(hole, -2.0, steps.normal[own] @ _OUTWARD[number])
            chosen = np.flatnonzero(facing >= facing.max() - 0.1)
        axis = 0 if name in ("north", "south") else 1
        sides[name] = _named_along(
            [labels[at] for at in chosen], steps.at[own][chosen], steps.length[own][chosen], axis
        )
    inside = {
        neighbours[across[step]].named: None
        for step, is_hole in zip(own, hole, strict=True)
        if is_hole and across[step] >= 0 and neighbours[across[step]].named != ground.named
    }
    return Bounds(**sides, inside=tuple(inside))


def _named_along(labels: Sequence[Named], at: Floats, lengths: Floats, axis: int) -> tuple[Named, ...]:
    """What lies along most of a side, at most `MOST` names, in the order in which one walks."""
    total = float(lengths.sum())
    sums: dict[Named, float] = {}
    places: dict[Named, float] = {}
    for label, place, length in zip(labels, at, lengths, strict=True):
        sums[label] = sums.get(label, 0.0) + float(length)
        places[label] = places.get(label, 0.0) + float(place[axis] * length)
    longest = sorted(sums, key=lambda label: -sums[label])
    kept = [label for label in longest if sums[label] >= SHARE * total or sums[label] >= LONG_M]
    kept = (kept or longest[:1])[:MOST]
    forward = 1 if axis == 0 else -1
    return tuple(sorted(kept, key=lambda label: forward * places[label] / sums[label]))
