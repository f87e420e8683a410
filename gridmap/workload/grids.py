"""How much each grid and each specialist carries: buildings, households and people, counted on one day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from boundaries.models import Norm, Subdistrict
from boundaries.models.constraints import local_name

# Households are summed by building before they are joined, so that the largest table is read once.
_LOADS: Final = """
WITH homes AS (
    SELECT building_id, count(*) AS households, sum(head_count) AS people
    FROM gridmap_household
    WHERE existed @> %(at)s
    GROUP BY building_id
), carried AS (
    SELECT placement.grid_id,
           count(*) AS buildings,
           coalesce(sum(homes.households), 0) AS households,
           coalesce(sum(homes.people), 0) AS people
    FROM boundaries_placement AS placement
    JOIN boundaries_building AS building ON building.id = placement.building_id AND building.existed @> %(at)s
    LEFT JOIN homes ON homes.building_id = building.id
    WHERE placement.period @> %(at)s
    GROUP BY placement.grid_id
)
SELECT outline.grid_id, outline.code, outline.name, outline.name_en, outline.kind,
       community.id, community.code, community.name, community.name_en,
       coalesce(carried.buildings, 0)::int,
       coalesce(carried.households, 0)::int,
       coalesce(carried.people, 0)::int,
       specialist.id, specialist.public_name, specialist.public_name_en,
       absence.id IS NOT NULL
FROM boundaries_outline AS outline
JOIN boundaries_publication AS publication
  ON publication.plan_id = outline.plan_id AND publication.community_id = outline.community_id
 AND publication.period @> %(at)s AND publication.state = 'standing'
JOIN boundaries_community AS community ON community.id = outline.community_id
LEFT JOIN carried ON carried.grid_id = outline.grid_id
LEFT JOIN gridmap_assignment AS assignment
  ON assignment.grid_id = outline.grid_id AND assignment.part = 'lead'
 AND assignment.period @> %(at)s AND assignment.revoked_at IS NULL
LEFT JOIN gridmap_specialist AS specialist
  ON specialist.id = assignment.specialist_id AND specialist.employed @> %(at)s
LEFT JOIN gridmap_absence AS absence
  ON absence.specialist_id = specialist.id AND absence.period @> %(at)s AND absence.revoked_at IS NULL
WHERE %(everywhere)s
   OR community.subdistrict_id = ANY(%(subdistricts)s)
   OR community.id = ANY(%(communities)s)
ORDER BY outline.code
"""


@dataclass(frozen=True, slots=True)
class GridLoad:
    """What one grid holds at an instant, and who leads it."""

    grid_id: int
    code: str
    name: str
    name_en: str
    kind: str
    community_id: int
    community_code: str
    community_name: str
    community_name_en: str
    buildings: int
    households: int
    people: int
    specialist_id: int | None
    specialist_name: str | None
    specialist_name_en: str | None
    lead_is_away: bool

    @property
    def is_vacant(self) -> bool:
        """Nobody in service leads this grid."""
        return self.specialist_id is None

    @property
    def title(self) -> str:
        """The grid's name in the reader's language."""
        return local_name(self.name, self.name_en)

    @property
    def community_title(self) -> str:
        """The community's name in the reader's language."""
        return local_name(self.community_name, self.community_name_en)

    @property
    def specialist_title(self) -> str:
        """The lead's public name in the reader's language; empty where the grid is vacant."""
        return local_name(self.specialist_name or "", self.specialist_name_en or "")


@dataclass(slots=True)
class GroupLoad:
    """The grids of one specialist or one community together. `key` is None for grids that nobody leads."""

    key: int | None
    title: str
    grids: list[GridLoad] = field(default_factory=list)
    lead_is_away: bool = False

    @property
    def buildings(self) -> int:
        """Buildings in all its grids."""
        return sum(load.buildings for load in self.grids)

    @property
    def households(self) -> int:
        """Households in all its grids."""
        return sum(load.households for load in self.grids)

    @property
    def people(self) -> int:
        """People in all its grids."""
        return sum(load.people for load in self.grids)

    @property
    def vacant(self) -> int:
        """How many of its grids nobody leads."""
        return sum(load.is_vacant for load in self.grids)


@dataclass(frozen=True, slots=True)
class Target:
    """What a load is compared with: the norm in force, or else the mean of the all-purpose grids."""

    measure: str
    value: float
    is_norm: bool

    def deviation(self, load: GridLoad | GroupLoad) -> float | None:
        """How far the load lies from the target: 0.1 is ten per cent above.

        None without a target, and for a dedicated grid below it: a school has few residents and is no lighter work.
        """
        carried = load.households if self.measure == Norm.HOUSEHOLDS else load.people
        if not self.value or (
            isinstance(load, GridLoad) and load.kind == "dedicated" and carried < self.value
        ):
            return None
        return carried / self.value - 1


def grid_loads(
    at: datetime, *, subdistricts: Iterable[int] | None = None, communities: Iterable[int] | None = None
) -> list[GridLoad]:
    """Count buildings, households and people of every grid in force at `at`, in one query.

    Parameters
    ----------
    at : datetime
        The instant; with its time zone.
    subdistricts, communities : iterable of int, optional
        Only grids of these subdistricts or of these communities; every grid if neither is given.

    Returns
    -------
    list of GridLoad
        Ordered by code; grids without buildings count zero.
    """
    parameters: dict[str, Any] = {
        "at": at,
        "everywhere": subdistricts is None and communities is None,
        "subdistricts": list(subdistricts or ()),
        "communities": list(communities or ()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOADS, parameters)
        return [GridLoad(*row) for row in cursor.fetchall()]


def by_specialist(loads: Iterable[GridLoad]) -> list[GroupLoad]:
    """Put the grids of each lead together; vacant grids make no group."""
    groups: dict[int, GroupLoad] = {}
    for load in loads:
        if load.specialist_id is None:
            continue
        group = groups.setdefault(
            load.specialist_id,
            GroupLoad(load.specialist_id, load.specialist_title, lead_is_away=load.lead_is_away),
        )
        group.grids.append(load)
    return list(groups.values())


def by_community(loads: Iterable[GridLoad]) -> list[GroupLoad]:
    """Put the grids of each community together."""
    groups: dict[int, GroupLoad] = {}
    for load in loads:
        groups.setdefault(load.community_id, GroupLoad(load.community_id, load.community_title)).grids.append(
            load
        )
    return list(groups.values())


def target(subdistrict: Subdistrict | None, loads: Iterable[GridLoad | GroupLoad]) -> Target:
    """The subdistrict's norm where one is in force, else the mean of what is listed."""
    if subdistrict is not None and subdistrict.norm and subdistrict.norm_limit:
        return Target(subdistrict.norm, float(subdistrict.norm_limit), is_norm=True)
    people = [load.people for load in loads]
    return Target(Norm.PEOPLE, sum(people) / len(people) if people else 0.0, is_norm=False)
