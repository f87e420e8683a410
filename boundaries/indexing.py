"""The plan in force, read from the database into the index of `boundaries.bulk`."""

from datetime import datetime
from typing import Final

import shapely
from django.db import connection
from django.utils.translation import gettext as _

from boundaries.bulk import BulkIndex, PlanProblem, build_index
from boundaries.models import Subdistrict

_OUTLINES: Final = """
SELECT o.grid_id, o.code, o.name, c.code, s.nearest_reach_m, ST_AsBinary(o.polygon)
FROM boundaries_outline o
JOIN boundaries_publication p
  ON p.plan_id = o.plan_id AND p.community_id = o.community_id AND p.state = 'standing' AND p.period @> %(at)s
JOIN boundaries_community c ON c.id = o.community_id
JOIN boundaries_subdistrict s ON s.id = c.subdistrict_id
WHERE %(town)s::bigint IS NULL OR c.subdistrict_id = %(town)s
ORDER BY o.code
"""

_BUILDINGS: Final = """
SELECT ST_AsBinary(b.footprint), w.grid_id
FROM boundaries_building b
LEFT JOIN boundaries_placement w ON w.building_id = b.id AND w.period @> %(at)s
WHERE b.existed @> %(at)s AND (%(town)s::bigint IS NULL OR b.subdistrict_id = %(town)s)
ORDER BY b.id
"""


class NoPlan(PlanProblem):
    """Nothing is in force at that time, so that every place is outside."""


def load_index(at: datetime, subdistrict: Subdistrict | None = None) -> BulkIndex:
    """Index the outlines and buildings in force at the aware instant `at`: two queries.

    Raises
    ------
    NoPlan
        No plan is in force then.
    """
    values = {"at": at, "town": None if subdistrict is None else subdistrict.pk}
    with connection.cursor() as cursor:
        cursor.execute(_OUTLINES, values)
        outlines = cursor.fetchall()
        cursor.execute(_BUILDINGS, values)
        buildings = cursor.fetchall()
    if not outlines:
        raise NoPlan(_("No plan is in force at %(at)s.") % {"at": f"{at:%Y-%m-%d %H:%M}"})
    number = {row[0]: index for index, row in enumerate(outlines)}
    return build_index(
        shapely.from_wkb([bytes(row[5]) for row in outlines]),
        [row[1] for row in outlines],
        names=[row[2] for row in outlines],
        communities=[row[3] for row in outlines],
        buildings=shapely.from_wkb([bytes(row[0]) for row in buildings]),
        building_grids=[number.get(row[1], -1) for row in buildings],
        reach=[row[4] for row in outlines],
    )
