"""What differs between two states of the grids: ground, buildings, shapes. It counts nobody and writes nothing.

A *state* is the outlines of some communities by grid: those of one plan (a draft's at its head), or those in force at
an instant. Two states of one community cover the same ground, so that whatever differs has changed hands:

        before            after          changed ground
    +-----+-----+     +---+-------+      +---+-+-----+
    |  1  |  2  |     | 1 |   2   |      |   |#|     |     # went from 1 to 2
    +-----+-----+     +---+-------+      +---+-+-----+

Only grids whose outline is not the very same bytes are looked at: a draft of the full town costs as much as what was
redrawn in it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from django.db import connection
from shapely.geometry.base import BaseGeometry

from boundaries.by_hand import set_by_hand
from boundaries.models.constraints import local_name

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NOWHERE: Final = 0
"""Stands for «in no grid» in arrays of grid ids; no row has this id."""
SLIVER: Final = 2e-8
"""Ground narrower than this, in degrees (about 2 mm), is a border that gained corners and no ground that changed."""

_OUTLINES: Final = """
SELECT o.grid_id, o.community_id, o.code, o.name, o.name_en, o.kind, ST_AsBinary(o.polygon)
FROM boundaries_outline o {join}
WHERE {where} AND o.community_id = ANY(%(communities)s)
ORDER BY o.code, o.grid_id
"""
_OF_PLAN: Final = _OUTLINES.format(join="", where="o.plan_id = %(plan)s")
_IN_FORCE: Final = _OUTLINES.format(
    join="JOIN boundaries_publication p ON p.plan_id = o.plan_id AND p.community_id = o.community_id"
    " AND p.state = 'standing' AND p.period @> %(at)s",
    where="true",
)

# A building without a community belongs to the one it stands in, as where placements are written. `stored` is the grid
# in force; `by_hand` the grid it was given to then.
_BUILDINGS: Final = f"""
WITH chosen AS (
  SELECT b.id, b.point, b.compound_id, coalesce(b.community_id, (
           SELECT c.id FROM boundaries_community c
           WHERE ST_Intersects(c.outline, b.point) ORDER BY c.code LIMIT 1)) AS community_id
  FROM boundaries_building b
  WHERE b.existed @> %(at)s AND (b.community_id = ANY(%(communities)s) OR b.community_id IS NULL)
)
SELECT c.id, ST_X(c.point), ST_Y(c.point), c.community_id, coalesce(c.compound_id, 0),
       coalesce(w.grid_id, 0), coalesce(h.grid_id, 0)
FROM chosen c
LEFT JOIN boundaries_placement w ON w.building_id = c.id AND w.period @> %(at)s
LEFT JOIN boundaries_placement h ON h.building_id = c.id AND {set_by_hand("h", "%(at)s")}
WHERE c.community_id = ANY(%(communities)s)
ORDER BY c.id
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A grid in one state: its outline in EPSG:4326."""

    grid_id: int
    community_id: int
    code: str
    name: str
    name_en: str
    kind: str
    ground: BaseGeometry
    wkb: bytes

    @property
    def title(self) -> str:
        """The grid's name in the reader's language."""
        return local_name(self.name, self.name_en)

    @property
    def words(self) -> tuple[object, ...]:
        """What is written of it, without its ground."""
        return self.community_id, self.code, self.name, self.name_en, self.kind


State = dict[int, Drawn]


class Face(NamedTuple):
    """Ground that changed hands, all of it between two grids; None is ground that belonged, or belongs, to none."""

    before: int | None
    after: int | None
    ground: BaseGeometry


class Shape(NamedTuple):
    """How a grid is shaped. Lengths and areas in the projection in metres.

    `polsby_popper` is 4 pi area / perimeter², 1 for a circle; the perimeter counts the rims of holes too. `reock` is the
    area as a share of the smallest circle around the grid.
    """

    area_m2: float
    perimeter_m: float
    polsby_popper: float
    reock: float


@dataclass(frozen=True, slots=True)
class Stock:
    """The buildings of some communities at an instant, as columns of one length; sorted by id.

    `lon`, `lat` are the representative points in degrees. `compound`, `stored` (the grid in force) and `by_hand` (the grid
    given by a person) are `NOWHERE` where there is none.
    """

    ids: Ids
    lon: Floats
    lat: Floats
    community: Ids
    compound: Ids
    stored: Ids
    by_hand: Ids

    def __len__(self) -> int:
        return len(self.ids)


def drawn_in(plan: int, communities: Sequence[int]) -> State:
    """The outlines of a plan in some communities, by grid, ordered by code. One query."""
    return _states(_OF_PLAN, {"plan": plan, "communities": list(communities)})


def drawn_in_force(at: datetime, communities: Sequence[int]) -> State:
    """The outlines in force at the aware instant `at` in some communities, by grid, ordered by code. One query."""
    return _states(_IN_FORCE, {"at": at, "communities": list(communities)})


def _states(statement: str, values: Mapping[str, Any]) -> State:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    wkbs = [bytes(row[6]) for row in rows]
    grounds = shapely.from_wkb(wkbs)
    return {
        grid: Drawn(grid, community, code, name, name_en, kind, ground, wkb)
        for (grid, community, code, name, name_en, kind, _), ground, wkb in zip(
            rows, grounds, wkbs, strict=True
        )
    }


def stock_of(at: datetime, communities: Sequence[int]) -> Stock:
    """The buildings that stand at the aware instant `at` in some communities. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_BUILDINGS, {"at": at, "communities": list(communities)})
        rows = cursor.fetchall()
    ids, lon, lat, community, compound, stored, by_hand = zip(*rows, strict=True) if rows else [()] * 7
    whole = [np.array(column, np.int64) for column in (ids, community, compound, stored, by_hand)]
    return Stock(whole[0], np.array(lon, float), np.array(lat, float), *whole[1:])


def differing(before: State, after: State) -> set[int]:
    """Grids that are not drawn by the very same bytes in both states, or that one of them lacks."""
    return {
        grid
        for grid in before.keys() | after.keys()
        if grid not in before or grid not in after or before[grid].wkb != after[grid].wkb
    }


def settled(state: State, stock: Stock, known: Ids | None = None, only: Iterable[int] | None = None) -> Ids:
    """The grid of each building in a state: where its point lies (the lowest code on a border), in its own community;
    or the grid it was given to by hand, while that grid lives on there.

    Parameters
    ----------
    known, only : optional
        Grids known already, and the communities in which to ask anew.

    Returns
    -------
    array of int
        One grid id a building of `stock`; `NOWHERE` in no grid.
    """
    asked = set(only) if only is not None else None
    grids = [each for each in state.values() if asked is None or each.community_id in asked]
    fresh = np.zeros(len(stock), np.int64)
    if len(stock) and grids:
        points = shapely.points(stock.lon, stock.lat)
        which, point = shapely.STRtree(points).query([each.ground for each in grids], predicate="intersects")
        home = np.array([each.community_id for each in grids])
        own = home[which] == stock.community[point]
        which, point = which[own], point[own]
        # Backwards: of two grids that meet under a point, the one with the lower code is written last and stays.
        order = np.argsort(-which, kind="stable")
        ids = np.array([each.grid_id for each in grids])
        fresh[point[order]] = ids[which[order]]
        pairs = {(each.grid_id, each.community_id) for each in grids}
        for index in np.flatnonzero(stock.by_hand):
            if (int(stock.by_hand[index]), int(stock.community[index])) in pairs:
                fresh[index] = stock.by_hand[index]
    if known is None or asked is None:
        return fresh
    return np.where(np.isin(stock.community, list(asked)), fresh, known)


def changed_ground(before: State, after: State) -> list[Face]:
    """Ground that belongs to another grid afterwards, one face for each pair of grids that gave and got.

    Corners that a border gained or lost change no ground: what is narrower than `SLIVER` does not count. The same faces as
    `topology.changed_ground` finds exactly, but by laying outlines over each other pair by pair, for whole towns: where all
    227 grids of the demo differ, 0.2 s instead of 5.
    """
    moved = differing(before, after)
    old = [before[grid] for grid in sorted(moved & before.keys())]
    new = [after[grid] for grid in sorted(moved & after.keys())]
    was, now = np.array([each.ground for each in old]), np.array([each.ground for each in new])
    faces: list[Face] = []
    if old and new:
        right, left = shapely.STRtree(was).query(now, predicate="intersects")[:, :]
        apart = np.array([new[i].grid_id != old[j].grid_id for i, j in zip(right, left, strict=True)], bool)
        right, left = right[apart], left[apart]
        for i, j, shared in zip(right, left, shapely.intersection(was[left], now[right]), strict=True):
            _keep(faces, old[j].grid_id, new[i].grid_id, shared)
    # Ground that one of the two states does not cover: a community without a plan, or surveyed anew.
    covered_before, covered_after = shapely.union_all(was), shapely.union_all(now)
    if not _is_sliver(shapely.symmetric_difference(covered_before, covered_after)):
        for each in old:
            _keep(faces, each.grid_id, None, each.ground.difference(covered_after))
        for each in new:
            _keep(faces, None, each.grid_id, each.ground.difference(covered_before))
    return sorted(faces, key=lambda face: (face.before or 0, face.after or 0))


def _keep(faces: list[Face], before: int | None, after: int | None, ground: BaseGeometry) -> None:
    parts = [
        part for part in shapely.get_parts(ground) if part.geom_type == "Polygon" and not _is_sliver(part)
    ]
    if parts:
        faces.append(Face(before, after, shapely.MultiPolygon(parts)))


def _is_sliver(ground: BaseGeometry) -> bool:
    return bool(ground.area <= SLIVER * ground.length)


@lru_cache(maxsize=16)
def _to_metres(srid: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(4326, srid, always_xy=True)


def in_metres(grounds: Sequence[BaseGeometry], srid: int) -> npt.NDArray[np.object_]:
    """Geometries in degrees (EPSG:4326) in the projection in metres `srid`; x is east."""
    transformer = _to_metres(srid)
    return np.asarray(shapely.transform(np.array(grounds, object), transformer.transform, interleaved=False))


def points_in_metres(lon: Floats, lat: Floats, srid: int) -> Floats:
    """Degrees as an (n, 2) array of metres east and north in the projection `srid`."""
    return np.column_stack(_to_metres(srid).transform(lon, lat)) if len(lon) else np.zeros((0, 2))


def shapes(grounds: Sequence[BaseGeometry], srid: int) -> list[Shape]:
    """Measure outlines given in degrees (EPSG:4326) in the projection in metres `srid`."""
    if not len(grounds):
        return []
    metric = in_metres(grounds, srid)
    areas, perimeters = shapely.area(metric), shapely.length(metric)
    circles = np.pi * shapely.minimum_bounding_radius(metric) ** 2
    return [
        Shape(float(area), float(perimeter), float(4 * math.pi * area / perimeter**2), float(area / circle))
        for area, perimeter, circle in zip(areas, perimeters, circles, strict=True)
    ]


class Reach(NamedTuple):
    """How far it is to a number of households, as the crow flies, in metres: mean, and within which nine of ten live."""

    mean_m: float
    p90_m: float


def reach(places: Floats, weights: Floats, bases: Floats) -> Reach | None:
    """Distances of places from their bases, weighted by their households.

    Parameters
    ----------
    places, bases : (n, 2) arrays
        Metres east and north; one base a place, NaN where there is none.
    weights : (n,) array
        Households at each place.

    Returns
    -------
    Reach or None
        `p90_m` is the smallest distance within which at least nine tenths of the households live. None without households.
    """
    apart = np.hypot(*(places - bases).T) if len(places) else np.zeros(0)
    known = (weights > 0) & ~np.isnan(apart)
    if not known.any():
        return None
    apart, weights = apart[known], weights[known]
    order = np.argsort(apart)
    reached = np.cumsum(weights[order])
    ninth = int(np.searchsorted(reached, 0.9 * reached[-1] - 1e-9))
    return Reach(float(np.average(apart, weights=weights)), float(apart[order][ninth]))


def middle(places: Floats, weights: Floats) -> Floats:
    """The household-weighted mean place, (2,); NaN without households."""
    if not weights.sum() > 0:
        return np.full(2, np.nan)
    return np.asarray(np.average(places, axis=0, weights=weights))
