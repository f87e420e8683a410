"""What an edit needs to know of its surroundings: the community, the grids near by, buildings, what lines snap to."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import shapely
from django.db import connection
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries.actions.cells import Cells
from boundaries.actions.commands import Home
from boundaries.actions.draft_errors import DraftError
from boundaries.by_hand import set_by_hand
from boundaries.locating import metres_per_degree

Bounds = tuple[float, float, float, float]

_HOME: Final = """
    SELECT id, code, name, name_en, outline::text FROM boundaries_community WHERE id = %s
"""
_UNDER: Final = """
    SELECT o.community_id FROM boundaries_outline o
    WHERE o.plan_id = %(plan)s AND o.polygon && %(area)s::geometry AND ST_Intersects(o.polygon, %(area)s::geometry)
    GROUP BY o.community_id
    ORDER BY sum(ST_Area(ST_Intersection(o.polygon, %(area)s::geometry))) DESC, o.community_id LIMIT 1
"""
_COMPOUND: Final = "SELECT community_id, outline::text FROM boundaries_compound WHERE id = %s"
_TARGETS: Final = """
    SELECT c.outline::text FROM boundaries_compound c
    WHERE c.outline && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
    UNION ALL
    SELECT s.line::text FROM boundaries_street s
    WHERE s.line && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
"""
# Buildings of the community whose points lie in the bounds; those chosen wherever they are in the draft's communities. A
# grid that a building was given to by hand counts while it lives in the draft, however far away.
_PLACES: Final = f"""
    SELECT b.id, ST_X(b.point), ST_Y(b.point), p.grid_id
    FROM boundaries_building b
    JOIN boundaries_plan d ON d.id = %(plan)s AND d.subdistrict_id = b.subdistrict_id
    LEFT JOIN boundaries_placement p ON p.building_id = b.id AND {set_by_hand("p", "statement_timestamp()")}
     AND EXISTS (SELECT FROM boundaries_outline o
                 WHERE o.plan_id = d.id AND o.grid_id = p.grid_id
                   AND o.community_id = coalesce(b.community_id, o.community_id))
    WHERE b.existed @> now()
      AND (b.id = ANY(%(chosen)s)
           AND (b.community_id IS NULL OR EXISTS (
                  SELECT FROM boundaries_outline o WHERE o.plan_id = d.id AND o.community_id = b.community_id))
           OR (b.point && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
               AND coalesce(b.community_id, %(community)s) = %(community)s))
"""


def home_of(community: int) -> Home:
    """The community with its surveyed outline."""
    with connection.cursor() as cursor:
        cursor.execute(_HOME, [community])
        key, code, name, name_en, outline = cursor.fetchone()
    return Home(key, code, name, name_en, shapely.from_wkb(outline))


def community_under(plan: int, area: BaseGeometry) -> int:
    """The community of the plan on whose grids most of the area lies.

    Raises
    ------
    DraftError
        ``topology.outside``: it lies outside all grids of the plan.
    """
    hexed = shapely.to_wkb(shapely.set_srid(area, 4326), hex=True, include_srid=True)
    with connection.cursor() as cursor:
        cursor.execute(_UNDER, {"plan": plan, "area": hexed})
        row = cursor.fetchone()
    if row is None:
        spot = shapely.point_on_surface(area)
        raise DraftError(
            "topology.outside",
            _("The area lies outside all grids of this draft."),
            (float(spot.x), float(spot.y)),
        )
    return int(row[0])


def compound_ground(compound: int) -> tuple[int, BaseGeometry]:
    """The community of a compound and its outline.

    Raises
    ------
    DraftError
        ``compound``: there is none of this id.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COMPOUND, [compound])
        row = cursor.fetchone()
    if row is None:
        raise DraftError("compound", _("There is no such compound."))
    return int(row[0]), shapely.from_wkb(row[1])


def snap_targets(bounds: Sequence[float], cells: Cells, reach_m: float) -> list[BaseGeometry]:
    """Borders of the grids near by, streets and compound walls within reach of the bounds."""
    west, south, east, north = widened(bounds, reach_m)
    with connection.cursor() as cursor:
        cursor.execute(_TARGETS, {"west": west, "south": south, "east": east, "north": north})
        found = [row[0] for row in cursor.fetchall()]
    return [*(cell.shape for cell in cells.values()), *shapely.from_wkb(found).tolist()]


def building_places(
    plan: int, community: int, bounds: Sequence[float], chosen: Iterable[int]
) -> tuple[dict[int, tuple[float, float]], dict[int, int]]:
    """Points of the buildings within the bounds and of the chosen ones in the draft's communities, and which of them were given
    by hand to a grid of the draft."""
    west, south, east, north = (float(value) for value in bounds)
    values: dict[str, Any] = {
        "west": west, "south": south, "east": east, "north": north,
        "plan": plan, "community": community, "chosen": list(chosen),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, values)
        rows = cursor.fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}, {row[0]: row[3] for row in rows if row[3] is not None}


def widened(bounds: Sequence[float], metres: float) -> Bounds:
    """Bounds in degrees with so much more on each side."""
    west, south, east, north = (float(value) for value in bounds)
    kx, ky = metres_per_degree((south + north) / 2)
    return west - metres / kx, south - metres / ky, east + metres / kx, north + metres / ky
