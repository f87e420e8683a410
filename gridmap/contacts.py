"""Whom the residents of a grid turn to: specialist, duty telephone, service centre, for many grids at once.

The same answer as `roster` and `responsibility.locate` give, asked by grid and community, so that it also serves grids that
are not in force yet.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import connection

from gridmap.models import Part
from gridmap.responsibility import Json, Person, Responsible

_PEOPLE: Final = """
SELECT a.grid_id,
       jsonb_agg(jsonb_build_object(
         'id', s.id, 'full_name', s.name, 'full_name_en', s.name_en, 'name', s.public_name,
         'name_en', s.public_name_en, 'telephone', s.duty_telephone, 'part', a.part,
         'on_duty', NOT EXISTS (SELECT FROM gridmap_absence away
                                WHERE away.specialist_id = s.id AND away.revoked_at IS NULL
                                  AND away.period @> %(at)s)
       ) ORDER BY a.part, s.staff_number)
FROM gridmap_assignment a JOIN gridmap_specialist s ON s.id = a.specialist_id AND s.employed @> %(at)s
WHERE a.grid_id = ANY(%(grids)s) AND a.revoked_at IS NULL AND a.period @> %(at)s
GROUP BY a.grid_id
"""
_TELEPHONES: Final = """
SELECT community_id, jsonb_build_object('number', number, 'hours', hours)
FROM gridmap_dutytelephone
WHERE community_id = ANY(%(communities)s) AND revoked_at IS NULL AND period @> %(at)s
"""
# Where a community is served by several, the first by name: a board has room for one.
_CENTRES: Final = """
SELECT DISTINCT ON (served.community_id) served.community_id,
       jsonb_build_object('name', c.name, 'name_en', c.name_en, 'address', c.address, 'hours', c.hours,
                          'telephone', c.telephone, 'lon', ST_X(c.point), 'lat', ST_Y(c.point))
FROM gridmap_servicecentre c JOIN gridmap_servicecentre_communities served ON served.servicecentre_id = c.id
WHERE served.community_id = ANY(%(communities)s)
ORDER BY served.community_id, c.name, c.id
"""


def contacts(at: datetime, grids: Mapping[int, int]) -> dict[int, Responsible]:
    """Who is responsible in each of `grids` (grid id to community id) at the aware instant `at`. Three queries."""
    values: dict[str, Any] = {"at": at, "grids": list(grids), "communities": sorted(set(grids.values()))}
    found: list[dict[int, Any]] = []
    with connection.cursor() as cursor:
        for statement in (_PEOPLE, _TELEPHONES, _CENTRES):
            cursor.execute(statement, values)
            found.append({key: json.loads(body) for key, body in cursor.fetchall()})
    people, telephones, centres = found
    return {
        grid: _responsible(grid, people.get(grid) or [], telephones.get(home), centres.get(home))
        for grid, home in grids.items()
    }


def _responsible(grid: int, staff: list[Json], telephone: Json | None, centre: Json | None) -> Responsible:
    people = [Person(**each) for each in staff]
    return Responsible(
        grid_id=grid,
        grid={"id": grid},
        community={},
        distance_m=0.0,
        plan={},
        lead=next((each for each in people if each.part == Part.LEAD), None),
        members=tuple(each for each in people if each.part == Part.MEMBER),
        stand_in=next((each for each in people if each.part == Part.STAND_IN), None),
        duty_telephone=telephone,
        host_contact=None,
        centre=centre,
    )


def named(contact: Responsible | None, *, is_staff: bool) -> Person | None:
    """Whom a document names: the lead for colleagues; for the public whoever answers, and nobody else."""
    if contact is None:
        return None
    return contact.lead if is_staff else contact.specialist
