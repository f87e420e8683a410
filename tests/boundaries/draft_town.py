"""Drafts of the tiny town (tests/factories.py): commands in cells, states to compare byte for byte.

A place is (row, x, y): x in cells from the west, y from 0 at the south to 1 at the north of the row.
"""

from datetime import timedelta
from typing import Any

import shapely
from django.db import connection
from django.utils import timezone

from boundaries.actions.cells import cells_of
from boundaries.actions.drafts import start_draft
from boundaries.actions.editing import edit
from boundaries.actions.heads import Edited
from boundaries.models import Community, Plan, Publication
from boundaries.models.constraints import since
from boundaries.topology import check
from tests.factories import CELL, SOUTH, WEST, Town, during, freeze

State = dict[int, tuple[Any, ...]]


def draft_of(town: Town, *rows: int, name: str = "Redraw") -> Plan:
    """A draft of these communities (all if none is given) from what is in force."""
    chosen = [town.communities[row] for row in rows] or town.communities
    return start_draft(subdistrict=town.subdistrict, communities=chosen, name=name, by=None)


def put_in_force(plan: Plan, community: Community) -> None:
    """Have the plan in force for a community since a second ago."""
    now = timezone.now() - timedelta(seconds=1)
    standing = Publication.objects.get(community=community, period__endswith=None)
    standing.period = during(standing.period.lower, now)
    standing.save()
    Publication.objects.create(plan=plan, community=community, period=since(now))
    freeze(plan)


def spot(row: int, x: float, y: float) -> tuple[float, float]:
    """Degrees of a place."""
    return round(WEST + CELL * x, 8), round(SOUTH + CELL * (2 - row + y), 8)


def line(row: int, *places: tuple[float, float]) -> dict[str, Any]:
    """A drawn line through places of a row."""
    return {"type": "LineString", "coordinates": [spot(row, x, y) for x, y in places]}


def across(row: int, x: float) -> dict[str, Any]:
    """A line from south to north through a whole row."""
    return line(row, (x, -0.1), (x, 1.1))


def area(row: int, west: float, east: float, south: float = -0.1, north: float = 1.1) -> dict[str, Any]:
    """A drawn rectangle."""
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Polygon", "coordinates": [[spot(row, x, y) for x, y in ring]]}


def done(plan: Plan, command: str, head: int | None = None, **more: Any) -> Edited:
    """Run a command from `head`, by default the plan's head now; 0 is where the draft began."""
    options = {name: more.pop(name) for name in ("key", "dry_run", "by") if name in more}
    options.setdefault("by", None)
    if head is None:
        plan.refresh_from_db(fields=["head"])
        head = plan.head_id
    return edit(plan=plan, command={"command": command, **more}, head=head or None, **options)


def state(plan: Plan) -> State:
    """Every grid of the plan with all that is stored of it, geometries as their bytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT grid_id, code, name, name_en, kind, community_id, ST_AsEWKB(polygon), ST_AsEWKB(locked)
            FROM boundaries_outline WHERE plan_id = %s ORDER BY grid_id
            """,
            [plan.pk],
        )
        rows = cursor.fetchall()
    return {row[0]: (*row[1:6], *(None if part is None else bytes(part) for part in row[6:])) for row in rows}


def faults(plan: Plan) -> list[Any]:
    """What is wrong with the plan's coverage, by community."""
    found: list[Any] = []
    for community in Community.objects.filter(outlines__plan=plan).distinct():
        cells = cells_of(plan.pk, [community.pk])
        outline = shapely.from_wkb(bytes(community.outline.wkb))
        found += check({grid: cell.shape for grid, cell in cells.items()}, outline)
    return found


def ground(plan: Plan, grid: int) -> Any:
    """The outline of a grid in Shapely."""
    return cells_of(plan.pk)[grid].shape
