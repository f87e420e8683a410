"""Who is responsible in each grid at a time: the same answer as `responsibility.locate`, asked by grid."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import connection

from gridmap.models import Part
from gridmap.responsibility import Person, Responsible

_ROSTER: Final = """
SELECT o.grid_id, o.code, o.name, o.name_en, o.kind, c.code, c.name, c.name_en, plan.id, plan.name,
       (SELECT jsonb_agg(jsonb_build_object(
                 'id', s.id, 'full_name', s.name, 'full_name_en', s.name_en, 'name', s.public_name,
                 'name_en', s.public_name_en, 'telephone', s.duty_telephone, 'part', a.part,
                 'on_duty', NOT EXISTS (SELECT FROM gridmap_absence away
                                        WHERE away.specialist_id = s.id AND away.revoked_at IS NULL
                                          AND away.period @> %(at)s)
               ) ORDER BY a.part, s.staff_number)
        FROM gridmap_assignment a JOIN gridmap_specialist s ON s.id = a.specialist_id AND s.employed @> %(at)s
        WHERE a.grid_id = o.grid_id AND a.revoked_at IS NULL AND a.period @> %(at)s),
       (SELECT jsonb_build_object('number', t.number, 'hours', t.hours) FROM gridmap_dutytelephone t
        WHERE t.community_id = c.id AND t.revoked_at IS NULL AND t.period @> %(at)s),
       (SELECT jsonb_build_object('name', h.name, 'name_en', h.name_en, 'host', h.host, 'host_en', h.host_en,
                                  'telephone', h.telephone)
        FROM gridmap_hostcontact h
        WHERE h.grid_id = o.grid_id AND h.revoked_at IS NULL AND h.period @> %(at)s)
FROM boundaries_outline o
JOIN boundaries_publication p
  ON p.plan_id = o.plan_id AND p.community_id = o.community_id AND p.state = 'standing' AND p.period @> %(at)s
JOIN boundaries_plan plan ON plan.id = o.plan_id
JOIN boundaries_community c ON c.id = o.community_id
WHERE %(grids)s::bigint[] IS NULL OR o.grid_id = ANY(%(grids)s)
ORDER BY o.code
"""


def roster(at: datetime, grid_ids: Collection[int] | None = None) -> dict[str, Responsible]:
    """Grids in force at the aware instant `at` by code, each with its people: one query.

    Parameters
    ----------
    grid_ids : collection of int, optional
        Only these grids.
    """
    ids = None if grid_ids is None else list(grid_ids)
    with connection.cursor() as cursor:
        cursor.execute(_ROSTER, {"at": at, "grids": ids})
        return {row[1]: _responsible(row) for row in cursor.fetchall()}


def _responsible(row: tuple[object, ...]) -> Responsible:
    staff, telephone, host = (json.loads(str(part)) if part is not None else None for part in row[10:13])
    people = [Person(**person) for person in staff or []]
    return Responsible(
        grid_id=int(str(row[0])),
        grid={"id": row[0], "code": row[1], "name": row[2], "name_en": row[3], "kind": row[4]},
        community={"code": row[5], "name": row[6], "name_en": row[7]},
        distance_m=0.0,
        plan={"id": row[8], "name": row[9]},
        lead=next((person for person in people if person.part == Part.LEAD), None),
        members=tuple(person for person in people if person.part == Part.MEMBER),
        stand_in=next((person for person in people if person.part == Part.STAND_IN), None),
        duty_telephone=telephone,
        host_contact=host,
        centre=None,
    )
