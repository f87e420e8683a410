"""Which grid each building belongs to, derived from publications and written only where it changes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

# For each chosen building and each standing publication of its community: the grid whose outline holds the
# building's point (the lowest code on a border), or the grid it was given to by hand while that grid lives on.
# Neighbouring publications that agree become one range, so that a redraw elsewhere leaves no trace here; what ended
# before `since` is not touched.
_FRESH: Final = """
CREATE TEMP TABLE fresh_placement ON COMMIT DROP AS
WITH chosen AS (
  SELECT b.id, b.point, b.existed, coalesce(b.community_id, (
           SELECT c.id FROM boundaries_community c
           WHERE ST_Intersects(c.outline, b.point) ORDER BY c.code LIMIT 1)) AS community_id
  FROM boundaries_building b
  WHERE (%(buildings)s::bigint[] IS NULL OR b.id = ANY(%(buildings)s))
    AND (%(communities)s::bigint[] IS NULL OR b.community_id = ANY(%(communities)s)
         OR b.community_id IS NULL)
),
by_hand AS (
  SELECT DISTINCT ON (building_id) building_id, grid_id
  FROM boundaries_placement
  WHERE is_override AND (upper_inf(period) OR %(restoring)s AND upper(period) = %(since)s)
    AND building_id IN (SELECT id FROM chosen) AND building_id <> ALL(%(released)s)
  ORDER BY building_id, lower(period) DESC NULLS LAST
),
pieces AS (
  SELECT b.id AS building_id, o.grid_id, o.by_hand,
         p.id AS publication_id, p.period * b.existed * tstzrange(%(since)s, NULL) AS period
  FROM chosen b
  JOIN boundaries_publication p ON p.community_id = b.community_id AND p.state = 'standing'
   AND p.period && tstzrange(%(since)s, NULL)
  LEFT JOIN by_hand h ON h.building_id = b.id
  JOIN LATERAL (
    SELECT o.grid_id, o.grid_id = h.grid_id IS TRUE AS by_hand
    FROM boundaries_outline o
    WHERE o.plan_id = p.plan_id AND o.community_id = p.community_id
      AND (o.grid_id = h.grid_id OR ST_Intersects(o.polygon, b.point))
    ORDER BY o.grid_id = h.grid_id IS TRUE DESC, o.code
    LIMIT 1
  ) o ON true
),
kept AS (
  SELECT w.building_id, w.grid_id, w.is_override AS by_hand, w.publication_id,
         w.period * tstzrange(NULL, %(since)s) AS period
  FROM boundaries_placement w
  WHERE w.building_id IN (SELECT id FROM chosen) AND %(since)s::timestamptz IS NOT NULL
    AND w.period && tstzrange(%(since)s, NULL)
),
whole AS (
  SELECT building_id, grid_id, bool_or(by_hand) AS by_hand, min(publication_id) AS publication_id,
         unnest(range_agg(period)) AS period
  FROM (SELECT * FROM kept UNION ALL
        SELECT building_id, grid_id, by_hand, publication_id, period FROM pieces) every
  WHERE NOT isempty(period)
  GROUP BY building_id, grid_id
)
SELECT * FROM whole
"""

# A range that only ends earlier or later keeps its row. Ends move in before they move out, so that no two ranges
# of a building ever overlap, not even between two statements.
_MOVE_END: Final = """
UPDATE boundaries_placement w SET period = f.period
FROM fresh_placement f
WHERE f.building_id = w.building_id AND f.grid_id = w.grid_id AND f.by_hand = w.is_override
  AND lower(f.period) IS NOT DISTINCT FROM lower(w.period) AND f.period <> w.period AND f.period {side} w.period
"""

_DROP: Final = """
DELETE FROM boundaries_placement w
USING fresh_scope s
WHERE w.building_id = s.id
  AND (%(since)s::timestamptz IS NULL OR w.period && tstzrange(%(since)s, NULL))
  AND NOT EXISTS (SELECT FROM fresh_placement f
                  WHERE f.building_id = w.building_id AND f.grid_id = w.grid_id AND f.by_hand = w.is_override
                    AND lower(f.period) IS NOT DISTINCT FROM lower(w.period))
"""

_SCOPE: Final = """
CREATE TEMP TABLE fresh_scope ON COMMIT DROP AS
SELECT b.id FROM boundaries_building b
WHERE (%(buildings)s::bigint[] IS NULL OR b.id = ANY(%(buildings)s))
  AND (%(communities)s::bigint[] IS NULL OR b.community_id = ANY(%(communities)s) OR b.community_id IS NULL)
"""

_ADD: Final = """
INSERT INTO boundaries_placement (building_id, grid_id, period, is_override, publication_id)
SELECT f.building_id, f.grid_id, f.period, f.by_hand, f.publication_id
FROM fresh_placement f
WHERE NOT EXISTS (SELECT FROM boundaries_placement w
                  WHERE w.building_id = f.building_id AND w.grid_id = f.grid_id AND w.period = f.period)
"""


def place_buildings(
    *,
    communities: Sequence[int] | None = None,
    buildings: Sequence[int] | None = None,
    since: datetime | None = None,
    released: Collection[int] = (),
    restoring: bool = False,
) -> int:
    """Bring the stored grids of buildings in line with the standing publications.

    Parameters
    ----------
    communities, buildings : sequence of int, optional
        Ids that narrow it; both None means every building.
    since : datetime, optional
        Leave everything before this time as it is.
    released : collection of int
        Buildings that no longer keep the grid to which they were given by hand.
    restoring : bool
        What was given by hand until `since` is given again: a publication that ended it is withdrawn.

    Returns
    -------
    int
        How many placements were added; 0 where no building changed its grid.
    """
    values: dict[str, Any] = {
        "communities": None if communities is None else list(communities),
        "buildings": None if buildings is None else list(buildings),
        "since": since,
        "released": list(released),
        "restoring": restoring,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SCOPE, values)
        cursor.execute(_FRESH, values)
        cursor.execute(_MOVE_END.format(side="<@"))
        cursor.execute(_DROP, values)
        cursor.execute(_MOVE_END.format(side="@>"))
        cursor.execute(_ADD)
        written: int = cursor.rowcount
        cursor.execute("DROP TABLE fresh_placement, fresh_scope")
    return written
