"""What each building holds on one day: households, people, and one rounded workload that gives no household away.

The workload of a building is the weight of a household times its households, plus the weight of a person times its
people, plus the weights of its households' tags (`gridmap.models.WorkloadWeight`). The first two follow from numbers that
whoever sees a workload sees anyway. Tags do not, so that they count by groups of at least `FEWEST` households: see
`shared_out` and docs/decisions/0009-workload.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

FEWEST: Final = 10
"""Tags are counted for no group of fewer households."""
LEFT_OPEN: Final = FEWEST // 2
"""Of how many households in a group the workload must leave open whether they have tags."""

_BY_COMMUNITY: Final = """
    SELECT id, subdistrict_id, community_id, compound_id, point
    FROM boundaries_building
    WHERE community_id = ANY(%(chosen)s) AND existed @> %(at)s
    UNION ALL
    SELECT building.id, building.subdistrict_id, community.id, building.compound_id, building.point
    FROM boundaries_building AS building
    CROSS JOIN LATERAL (
        SELECT id FROM boundaries_community
        WHERE ST_Intersects(outline, building.point) ORDER BY code LIMIT 1
    ) AS community
    WHERE building.community_id IS NULL AND building.existed @> %(at)s AND community.id = ANY(%(chosen)s)
"""
_BY_BUILDING: Final = """
    SELECT building.id, building.subdistrict_id, coalesce(building.community_id, community.id) AS community_id,
           building.compound_id, building.point
    FROM boundaries_building AS building
    LEFT JOIN LATERAL (
        SELECT id FROM boundaries_community
        WHERE building.community_id IS NULL AND ST_Intersects(outline, building.point) ORDER BY code LIMIT 1
    ) AS community ON true
    WHERE building.id = ANY(%(chosen)s) AND building.existed @> %(at)s
"""
# Households are summed by building before they are joined. Their tags are looked up only where any is set.
_COUNTS: Final = """
WITH chosen AS MATERIALIZED ({chosen}
), homes AS (
    SELECT building_id, count(*) AS households, sum(head_count) AS people
    FROM gridmap_household
    WHERE building_id IN (SELECT id FROM chosen) AND existed @> %(at)s
    GROUP BY building_id
), tagged AS (
    SELECT household.building_id, sum(weight.weight) AS weight
    FROM chosen
    JOIN gridmap_household AS household
      ON household.building_id = chosen.id AND household.tags <> '{{}}' AND household.existed @> %(at)s
    JOIN gridmap_workloadweight AS weight
      ON weight.subdistrict_id = chosen.subdistrict_id AND weight.factor = ANY(household.tags)
    GROUP BY household.building_id
), rates AS (
    SELECT subdistrict_id,
           sum(weight) FILTER (WHERE factor = 'household') AS household,
           sum(weight) FILTER (WHERE factor = 'person') AS person,
           sum(weight) FILTER (WHERE factor NOT IN ('household', 'person')) AS tags
    FROM gridmap_workloadweight
    GROUP BY subdistrict_id
)
SELECT chosen.id, ST_X(chosen.point), ST_Y(chosen.point),
       coalesce(chosen.community_id, 0), coalesce(chosen.compound_id, 0),
       coalesce(homes.households, 0)::int, coalesce(homes.people, 0)::int,
       (coalesce(rates.household, 1) * coalesce(homes.households, 0)
        + coalesce(rates.person, 0) * coalesce(homes.people, 0))::float8,
       coalesce(tagged.weight, 0)::float8, coalesce(rates.tags, 0)::float8
FROM chosen
LEFT JOIN homes ON homes.building_id = chosen.id
LEFT JOIN tagged ON tagged.building_id = chosen.id
LEFT JOIN rates ON rates.subdistrict_id = chosen.subdistrict_id
ORDER BY chosen.id
"""

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BuildingLoads:
    """Columns of equal length, one place for each building, ordered by `id`.

    `lon` and `lat` are degrees (EPSG:4326) of the representative point; `community` and `compound` are ids, 0 for none.
    """

    id: Whole
    lon: Real
    lat: Real
    community: Whole
    compound: Whole
    households: Whole
    people: Whole
    workload: Whole

    def __len__(self) -> int:
        return len(self.id)

    def of(self, buildings: Iterable[int]) -> "BuildingLoads":
        """Only these buildings."""
        kept = np.isin(self.id, np.fromiter(buildings, dtype=np.int64))
        return BuildingLoads(*(getattr(self, column.name)[kept] for column in fields(self)))

    def columns(self) -> dict[str, list[Any]]:
        """The columns as lists, ready for JSON; no compound is None."""
        named = {column.name: getattr(self, column.name).tolist() for column in fields(self)}
        for name in ("community", "compound"):
            named[name] = [key or None for key in named[name]]
        return named


def building_loads(at: datetime, communities: Iterable[int]) -> BuildingLoads:
    """Count every building that stands in these communities at `at`, in one query.

    Parameters
    ----------
    at : datetime
        The instant; with its time zone. Tags are not dated: they count as they are set today.
    communities : iterable of int
        Ids. A building that names no community belongs to the one that its point lies in.
    """
    return _counted(_BY_COMMUNITY, at, communities).loads


def loads_of_buildings(at: datetime, buildings: Iterable[int]) -> BuildingLoads:
    """The same numbers as `building_loads` gives, of some buildings; those that do not stand at `at` are left out.

    Small buildings share the tags of others that must then be counted as well, in a second query.
    """
    counted = _counted(_BY_BUILDING, at, buildings)
    chosen = counted.loads
    if not counted.needs_neighbours:
        return chosen
    return building_loads(at, np.unique(chosen.community).tolist()).of(chosen.id.tolist())


def shared_out(groups: tuple[Whole, Whole], households: Whole, base: Real, tagged: Real, most: Real) -> Whole:
    """Whole workloads of buildings from which nobody can tell whether a household has a tag.

    A building of `FEWEST` households or more stands for itself. Smaller ones of one compound form a group, or of one community
    where those of the compound are too few; what the tags of a group weigh is shared out by households, and where
    even the community's small buildings hold fewer than `FEWEST` households their tags do not count. In no group do they
    weigh more than if `LEFT_OPEN` of its households had none. Fractions are rounded so that each group keeps its sum.

    Parameters
    ----------
    groups : pair of (n,) int arrays
        Community and compound of each building, 0 for none.
    households, base, tagged, most : (n,) arrays
        Households; what these and their people weigh; what tags weigh; what one household with every tag would add.
    """
    size = len(households)
    community, compound = groups
    places = np.arange(size)
    small = households < FEWEST
    # a group is named by three numbers; a building of its own by its place
    key = np.column_stack([np.where(small, -1, places), community, np.where(small, compound, 0)])
    key[small & (compound == 0), 2] = -1
    key[small & (_sums(key, households) < FEWEST), 2] = -1
    held = _sums(key, households)
    counts = (held >= FEWEST) & (~small | (community > 0))
    weight = np.minimum(_sums(key, tagged), (held - LEFT_OPEN) * most)
    extra = np.where(counts, weight * households / np.maximum(held, 1), 0.0)
    _, group = np.unique(key, axis=0, return_inverse=True)
    order = np.lexsort((places, group.ravel()))
    return _rounded(base + extra, group.ravel(), order)


def _sums(key: Whole, values: NDArray[Any]) -> Real:
    """For each row the sum of `values` over the rows with the same key."""
    _, group = np.unique(key, axis=0, return_inverse=True)
    return np.asarray(np.bincount(group.ravel(), weights=values)[group.ravel()], dtype=np.float64)


def _rounded(values: Real, group: Whole, order: Whole) -> Whole:
    """Whole numbers whose sum within each group is the group's rounded sum: the remainder is carried along."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    sorted_group = group[order]
    running = np.cumsum(values[order])
    first = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]])
    before = np.r_[0.0, running][first]
    lengths = np.diff(np.r_[first, len(order)])
    within = np.floor(np.round(running - np.repeat(before, lengths), 6) + 0.5).astype(np.int64)
    steps = np.diff(np.r_[0, within])
    steps[first] = within[first]
    whole = np.empty(len(values), dtype=np.int64)
    whole[order] = steps
    return whole


@dataclass(frozen=True, slots=True)
class _Counted:
    """Columns as the statement gives them."""

    columns: list[NDArray[Any]]

    @property
    def loads(self) -> BuildingLoads:
        """With the workload that may be shown."""
        ident, lon, lat, community, compound, households, people, base, tagged, most = self.columns
        workload = shared_out((community, compound), households, base, tagged, most)
        return BuildingLoads(ident, lon, lat, community, compound, households, people, workload)

    @property
    def needs_neighbours(self) -> bool:
        """Some of these share the tags of a group."""
        community, households, most = self.columns[3], self.columns[5], self.columns[9]
        return bool(((households > 0) & (households < FEWEST) & (most > 0) & (community > 0)).any())


_REAL: Final = {1, 2, 7, 8, 9}


def _counted(chosen: str, at: datetime, keys: Iterable[int]) -> _Counted:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS.format(chosen=chosen), {"at": at, "chosen": list(keys)})
        found: list[Any] = list(zip(*cursor.fetchall(), strict=True)) or [()] * 10
    return _Counted(
        [
            np.array(column, dtype=np.float64 if place in _REAL else np.int64)
            for place, column in enumerate(found)
        ]
    )
