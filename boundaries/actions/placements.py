"""Which grid each building belongs to, derived from publications and written only where it changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

# For each chosen building and each standing publication of its community: the grid to which it was given by hand, or
# the one whose outline holds its point (the lowest code on a border). What was given by hand lasts from the beginning of
# its row until a standing publication no longer has that grid, or one let the building go; where the row ends by now
# follows from that and does not count, so that the order in which plans are scheduled and withdrawn does not matter.
# A row that ends at `since` was ended by the publication that is being withdrawn: it is asked again, and joined to what
# follows. Neighbouring publications that agree become one range, so that a redraw elsewhere leaves no trace here.
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
standing AS (
  SELECT id, plan_id, community_id, period FROM boundaries_publication
  WHERE state = 'standing' AND period && tstzrange(%(since)s, NULL)
),
given AS (
  SELECT w.building_id, w.grid_id, b.community_id, lower(w.period) AS start,
         lead(lower(w.period)) OVER (PARTITION BY w.building_id ORDER BY lower(w.period) NULLS FIRST) AS next
  FROM boundaries_placement w JOIN chosen b ON b.id = w.building_id
  WHERE w.is_override
    AND (%(since)s::timestamptz IS NULL OR upper_inf(w.period) OR upper(w.period) >= %(since)s)
),
by_hand AS (
  SELECT g.building_id, g.grid_id, tstzrange(g.start, least(g.next, gone.at, released.at)) AS period
  FROM given g
  CROSS JOIN LATERAL (
    SELECT min(greatest(lower(p.period), g.start, %(since)s)) AS at
    FROM standing p
    WHERE p.community_id = g.community_id AND p.period && tstzrange(g.start, NULL)
      AND NOT EXISTS (SELECT FROM boundaries_outline o
                      WHERE o.plan_id = p.plan_id AND o.community_id = p.community_id AND o.grid_id = g.grid_id)
  ) gone
  CROSS JOIN LATERAL (
    SELECT min(lower(p.period)) AS at
    FROM boundaries_publication_released r
    JOIN boundaries_publication p ON p.id = r.publication_id AND p.state = 'standing'
     AND p.community_id = g.community_id
    WHERE r.building_id = g.building_id AND (g.start IS NULL OR lower(p.period) > g.start)
  ) released
),
pieces AS (
  SELECT b.id AS building_id, h.grid_id, true AS by_hand, p.id AS publication_id,
         p.period * b.existed * h.period * tstzrange(%(since)s, NULL) AS period
  FROM by_hand h
  JOIN chosen b ON b.id = h.building_id
  JOIN standing p ON p.community_id = b.community_id AND p.period && h.period
  UNION ALL
  SELECT b.id, o.grid_id, false, p.id,
         unnest(tstzmultirange(p.period * b.existed * tstzrange(%(since)s, NULL))
                - coalesce(h.periods, tstzmultirange()))
  FROM chosen b
  JOIN standing p ON p.community_id = b.community_id
  LEFT JOIN (SELECT building_id, range_agg(period) AS periods FROM by_hand GROUP BY building_id) h
         ON h.building_id = b.id
  JOIN LATERAL (
    SELECT o.grid_id FROM boundaries_outline o
    WHERE o.plan_id = p.plan_id AND o.community_id = p.community_id AND ST_Intersects(o.polygon, b.point)
    ORDER BY o.code LIMIT 1
  ) o ON true
),
kept AS (
  SELECT w.building_id, w.grid_id, w.is_override AS by_hand, w.publication_id,
         w.period * tstzrange(NULL, %(since)s) AS period
  FROM boundaries_placement w
  WHERE w.building_id IN (SELECT id FROM chosen) AND %(since)s::timestamptz IS NOT NULL
    AND (w.period && tstzrange(%(since)s, NULL) OR upper(w.period) = %(since)s)
),
whole AS (
  SELECT building_id, grid_id, by_hand, min(publication_id) AS publication_id,
         unnest(range_agg(period)) AS period
  FROM (SELECT * FROM kept UNION ALL
        SELECT building_id, grid_id, by_hand, publication_id, period FROM pieces) every
  WHERE NOT isempty(period)
  GROUP BY building_id, grid_id, by_hand
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
) -> int:
    """Bring the stored grids of buildings in line with the standing publications.

    Parameters
    ----------
    communities, buildings : sequence of int, optional
        Ids that narrow it; both None means every building.
    since : datetime, optional
        Leave everything before this time as it is.

    Returns
    -------
    int
        How many placements were added; 0 where no building changed its grid.
    """
    values: dict[str, Any] = {
        "communities": None if communities is None else list(communities),
        "buildings": None if buildings is None else list(buildings),
        "since": since,
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
