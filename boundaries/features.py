"""Grids and communities as one GeoJSON document for drawing. For exchange of data see the API and the exports."""

from datetime import datetime
from typing import Final

from django.db import connection

# Six digits are a decimetre: enough to draw, a third of the bytes of the record. Communities come first, so that a
# client draws them under their grids.
_COLLECTION: Final = """
WITH chosen AS (
  SELECT c.id, c.code, c.name, c.name_en, c.outline
  FROM boundaries_community c JOIN boundaries_subdistrict s ON s.id = c.subdistrict_id
  WHERE %(subdistrict)s = '' OR s.code = %(subdistrict)s
), features AS (
  SELECT 0 AS rank, code,
         json_build_object('type', 'Feature', 'id', id, 'geometry', ST_AsGeoJSON(outline, 6)::json,
           'properties', json_build_object('layer', 'community', 'code', code, 'name', name, 'name_en', name_en)) AS f
  FROM chosen
  UNION ALL
  SELECT 1, o.code,
         json_build_object('type', 'Feature', 'id', o.grid_id, 'geometry', ST_AsGeoJSON(o.polygon, 6)::json,
           'properties', json_build_object('layer', 'grid', 'code', o.code, 'name', o.name, 'name_en', o.name_en,
             'kind', o.kind, 'community', chosen.code))
  FROM boundaries_outline o
  JOIN boundaries_publication p ON p.plan_id = o.plan_id AND p.community_id = o.community_id
    AND p.state = 'standing' AND p.period @> %(at)s
  JOIN chosen ON chosen.id = o.community_id
)
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(f ORDER BY rank, code), '[]'))::text
FROM features
"""

_OF_PLAN: Final = """
WITH areas AS (
  SELECT DISTINCT c.id, c.code, c.name, c.name_en, c.outline
  FROM boundaries_community c JOIN boundaries_outline o ON o.community_id = c.id AND o.plan_id = %(plan)s
), features AS (
  SELECT 0 AS rank, code,
         json_build_object('type', 'Feature', 'id', id, 'geometry', ST_AsGeoJSON(outline, 6)::json,
           'properties', json_build_object('layer', 'community', 'code', code, 'name', name, 'name_en', name_en)) AS f
  FROM areas
  UNION ALL
  SELECT 1, o.code,
         json_build_object('type', 'Feature', 'id', o.grid_id, 'geometry', ST_AsGeoJSON(o.polygon, 6)::json,
           'properties', json_build_object('layer', 'grid', 'code', o.code, 'name', o.name, 'name_en', o.name_en,
             'kind', o.kind, 'community', areas.code))
  FROM boundaries_outline o JOIN areas ON areas.id = o.community_id
  WHERE o.plan_id = %(plan)s
)
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(f ORDER BY rank, code), '[]'))::text
FROM features
"""

# A publication comes into force by the clock, without anybody writing anything: its start is part of the version.
_VERSION: Final = """
SELECT coalesce((SELECT string_agg(number::text, '.' ORDER BY layer) FROM boundaries_edition
                 WHERE layer IN ('ground', 'grids')), '0'),
       coalesce((SELECT extract(epoch FROM max(t)) FROM boundaries_publication,
                 LATERAL (VALUES (lower(period)), (upper(period))) AS bounds (t) WHERE t <= %(at)s), 0)::bigint
"""

_INSIDE: Final = """
SELECT ST_X(spot), ST_Y(spot) FROM (
  SELECT ST_PointOnSurface(o.polygon) AS spot
  FROM boundaries_outline o
  JOIN boundaries_publication p ON p.plan_id = o.plan_id AND p.community_id = o.community_id
    AND p.state = 'standing' AND p.period @> %(at)s
  WHERE o.grid_id = %(grid)s LIMIT 1
) AS found
"""


def collection(at: datetime, subdistrict: str = "") -> str:
    """GeoJSON text (EPSG:4326, six digits) of communities and of the grids in force at `at`. One query.

    Features carry `layer` (community or grid), `code`, `name`, `name_en`; grids also `kind` and `community` (a code).
    `subdistrict` is a code; empty means all.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COLLECTION, {"at": at, "subdistrict": subdistrict})
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def plan_collection(plan: int) -> str:
    """The same document of one plan, in force or not: its communities and its outlines."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_PLAN, {"plan": plan})
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def version(at: datetime) -> str:
    """Changes whenever `collection` may have. One small query."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, {"at": at})
        row = cursor.fetchone()
    return "-".join(str(part) for part in row) if row else ""


def place_in_grid(grid: int, at: datetime) -> tuple[float, float] | None:
    """Longitude and latitude of a place inside the grid as drawn at `at`; None where it is not in force."""
    with connection.cursor() as cursor:
        cursor.execute(_INSIDE, {"at": at, "grid": grid})
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None
