"""Drafts of the tiny town for the tests of publishing: a split, a merge, a carved-out grid, a moved border."""

from datetime import datetime

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon

from boundaries.models import Basis, Grid, GridKind, Outline, Plan
from gridmap.models import Assignment, Part
from tests import factories
from tests.factories import CELL, SOUTH, WEST, Town


def draft(town: Town, *rows: int, name: str = "Redraw") -> Plan:
    """A draft of these communities as they are in force."""
    plan = Plan.objects.create(subdistrict=town.subdistrict, name=name, base=town.plan)
    for row in rows:
        Basis.objects.create(plan=plan, community=town.communities[row], base=town.plan)
        for outline in Outline.objects.filter(plan=town.plan, community=town.communities[row]):
            outline.pk, outline.plan = None, plan
            outline.save()
    return plan


def outline(plan: Plan, grid: Grid) -> Outline:
    """The grid in the plan."""
    return Outline.objects.get(plan=plan, grid=grid)


def strip(row: int, west: float, east: float) -> MultiPolygon:
    """Part of a row from `west` to `east`, in cells."""
    south = SOUTH + CELL * (2 - row)
    return factories.box(WEST + CELL * west, south, WEST + CELL * east, south + CELL)


def reshape(plan: Plan, grid: Grid, shape: GEOSGeometry) -> None:
    """Give the grid another outline."""
    Outline.objects.filter(plan=plan, grid=grid).update(polygon=shape)


def move_border(town: Town, plan: Plan, row: int = 1, at: float = 0.6) -> None:
    """The border between columns 0 and 1 goes west past building 2 of column 0, which changes grid."""
    reshape(plan, town.grids[row][0], strip(row, 0, at))
    reshape(plan, town.grids[row][1], strip(row, at, 2))


def split(
    town: Town, plan: Plan, row: int, column: int, *, code: str = "", kind: str = GridKind.ALL_PURPOSE
) -> Grid:
    """The east half of a cell, with its building 2, becomes a grid of its own."""
    grid = Grid.objects.create(subdistrict=town.subdistrict)
    reshape(plan, town.grids[row][column], strip(row, column, column + 0.5))
    Outline.objects.create(
        grid=grid,
        plan=plan,
        community=town.communities[row],
        code=code or f"{town.communities[row].code}004",
        name="新网格",
        name_en="New grid",
        kind=kind,
        polygon=strip(row, column + 0.5, column + 1),
    )
    return grid


def merge(town: Town, plan: Plan, row: int, column: int, into: int) -> None:
    """The cell becomes part of its neighbour `into`."""
    low, high = sorted((column, into))
    Outline.objects.filter(plan=plan, grid=town.grids[row][column]).delete()
    reshape(plan, town.grids[row][into], strip(row, low, high + 1))


def people(grid: Grid, at: datetime) -> dict[str, list[int]]:
    """Specialists by the part that they hold in the grid at a time."""
    found: dict[str, list[int]] = {}
    for post in Assignment.objects.in_force(at).filter(grid=grid).order_by("part", "specialist"):
        found.setdefault(post.part, []).append(post.specialist_id)
    return found


def lead(grid: Grid, at: datetime) -> int | None:
    """Who leads the grid at a time."""
    return next(iter(people(grid, at).get(Part.LEAD, [])), None)
