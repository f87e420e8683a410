"""Streets, waters and communities with names, from the database."""

from collections.abc import Collection
from typing import Final

import shapely
from django.db import connection

from boundaries.describing.bounds import Along, Ground, Named

# A metro runs under the ground that it is drawn on, and nobody sees a border there; no railway is told from one.
_ALONG: Final = """
SELECT 'street', name, name_en, width_m / 2, ST_AsBinary(line) FROM boundaries_street
WHERE subdistrict_id = %(subdistrict)s AND name <> '' AND rank <> 'rail'
UNION ALL
SELECT 'water', name, name_en, 0, ST_AsBinary(area) FROM boundaries_water
WHERE subdistrict_id = %(subdistrict)s AND name <> ''
"""
_AROUND: Final = """
SELECT name, name_en, ST_AsBinary(outline) FROM boundaries_community
WHERE NOT id = ANY(%(without)s) AND outline && (
  SELECT ST_Expand(ST_SetSRID(ST_Extent(outline)::geometry, 4326), 0.001)
  FROM boundaries_community WHERE id = ANY(%(without)s))
"""


def streets_and_waters(subdistrict: int) -> list[Along]:
    """What has a name and may run along a border, in EPSG:4326. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONG, {"subdistrict": subdistrict})
        rows = cursor.fetchall()
    shapes = shapely.from_wkb([bytes(row[4]) for row in rows])
    return [
        Along(Named(kind, name, name_en), shape, float(reach))
        for (kind, name, name_en, reach, _wkb), shape in zip(rows, shapes, strict=True)
    ]


def communities_around(communities: Collection[int]) -> list[Ground]:
    """The communities beside these, of other subdistricts too, by their surveyed outlines. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, {"without": list(communities)})
        rows = cursor.fetchall()
    found = []
    for name, name_en, wkb in rows:
        named = Named("community", name, name_en)
        found.append(Ground(named, named, shapely.from_wkb(bytes(wkb))))
    return found
