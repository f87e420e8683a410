"""What the grids of a draft hold: a building belongs where its point lies in the draft, unless a person said otherwise.

The same rule as that of the placements (`boundaries.actions.placements`), before anything is published: the grid of the
building's own community whose outline holds its point, the lowest code on a border; a grid that it was given to by hand
wins while that grid lives in the draft.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from numpy.typing import NDArray

from boundaries.actions.cells import Cell, Cells, Changes, cells_of, named_cells
from boundaries.actions.heads import Edited
from boundaries.by_hand import set_by_hand
from boundaries.models import Norm, Plan
from gridmap.workload import BuildingLoads, GridLoad, Target, building_loads, loads_of_buildings

MEAN_KEPT_S: Final = 60
"""How long the people of the draft's communities are remembered for the mean of a town without a norm."""

_NEAR: Final = f"""
    SELECT b.id, ST_X(b.point), ST_Y(b.point), coalesce(b.community_id, home.id), hand.grid_id
    FROM boundaries_building b
    LEFT JOIN LATERAL (
      SELECT c.id FROM boundaries_community c
      WHERE b.community_id IS NULL AND ST_Intersects(c.outline, b.point) ORDER BY c.code LIMIT 1
    ) home ON true
    LEFT JOIN LATERAL (
      SELECT w.grid_id FROM boundaries_placement w
      WHERE w.building_id = b.id AND {set_by_hand("w", "%(at)s")}
    ) hand ON true
    WHERE b.existed @> %(at)s AND b.point && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
    UNION
    SELECT b.id, ST_X(b.point), ST_Y(b.point), b.community_id, w.grid_id
    FROM boundaries_placement w JOIN boundaries_building b ON b.id = w.building_id AND b.existed @> %(at)s
    WHERE w.grid_id = ANY(%(grids)s) AND {set_by_hand("w", "%(at)s")}
"""
_BY_HAND: Final = f"""
    SELECT w.building_id, w.grid_id
    FROM boundaries_placement w JOIN boundaries_building b ON b.id = w.building_id
    WHERE {set_by_hand("w", "%(at)s")} AND b.subdistrict_id = %(subdistrict)s
"""
_UNDER: Final = """
    SELECT b.id, o.grid_id, o.code
    FROM boundaries_building b
    JOIN LATERAL (
      SELECT o.grid_id, o.code FROM boundaries_outline o
      WHERE o.plan_id = %(plan)s AND o.community_id = b.community_id AND o.grid_id <> ALL(%(grids)s)
        AND ST_Intersects(o.polygon, b.point)
      ORDER BY o.code LIMIT 1
    ) o ON true
    WHERE b.id = ANY(%(buildings)s)
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """What one grid holds; `deviation` is 0.1 for ten per cent above the target, None where there is nothing to compare."""

    buildings: int
    households: int
    people: int
    workload: int
    deviation: float | None

    def as_json(self) -> dict[str, Any]:
        """As the API writes it."""
        return {
            "buildings": self.buildings, "households": self.households, "people": self.people,
            "workload": self.workload, "deviation": None if self.deviation is None else round(self.deviation, 4),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of the grids that changed: what each holds now, and which buildings went to which grid (None: to no grid)."""

    grids: dict[int, Carried]
    moved: dict[int, int | None]


@dataclass(frozen=True, slots=True)
class _Near:
    """Buildings around what changed, by columns."""

    id: NDArray[np.int64]
    points: NDArray[Any]
    community: NDArray[np.int64]
    by_hand: NDArray[np.int64]


def numbers_of(plan: Plan, edited: Edited) -> Numbers:
    """What the grids of an edit hold afterwards, and which buildings change grid by it.

    Four queries at most; only buildings around the changed grids are read.
    """
    return changed_numbers(plan, edited.before, edited.after)


def changed_numbers(plan: Plan, before: Changes, after: Changes) -> Numbers:
    """The same for any two states, given the grids that differ."""
    touched = {*before, *after}
    cells = [cell for state in (before, after) for cell in state.values() if cell is not None]
    if not cells:
        return Numbers({}, {})
    near = _near(cells, touched)
    was = _assigned(plan.pk, near, before, touched)
    now = _assigned(plan.pk, near, after, touched)
    # A building that was given by hand to a grid that goes falls to the ground it stands on, which may not have changed:
    # that grid's numbers change all the same.
    one_end = near.id[(was != now) & ((was == 0) | (now == 0))].tolist()
    if one_end and (others := _grids_under(plan.pk, one_end, touched)):
        same = dict(named_cells(plan.pk, others))
        return changed_numbers(plan, {**before, **same}, {**after, **same})
    moved = {
        int(building): (int(goal) or None)
        for building, origin, goal in zip(near.id, was, now, strict=True)
        if origin != goal
    }
    alive = {grid: cell for grid, cell in after.items() if cell is not None}
    held = np.isin(now, np.array(sorted(alive), dtype=np.int64))
    loads = loads_of_buildings(timezone.now(), near.id[held].tolist())
    places = dict(zip(near.id.tolist(), now.tolist(), strict=True))
    owner = np.array([places[building] for building in loads.id.tolist()], dtype=np.int64)
    return Numbers(carried(alive, owner, loads, target_of(plan)), moved)


def carried(
    cells: Mapping[int, Cell], owner: NDArray[np.int64], loads: BuildingLoads, aim: Target
) -> dict[int, Carried]:
    """Sums of the buildings by the grid that owns each."""
    found = {}
    for grid, cell in cells.items():
        mine = owner == grid
        households, people = int(loads.households[mine].sum()), int(loads.people[mine].sum())
        load = GridLoad(
            grid, cell.code, cell.name, cell.name_en, cell.kind, cell.community, "", "", "",
            int(mine.sum()), households, people, None, None, None, lead_is_away=False,
        )  # fmt: skip
        found[grid] = Carried(
            load.buildings, households, people, int(loads.workload[mine].sum()), aim.deviation(load)
        )
    return found


def target_of(plan: Plan) -> Target:
    """What grids of the draft are compared with: the norm, or else the mean of its grids."""
    subdistrict = plan.subdistrict
    if subdistrict.norm and subdistrict.norm_limit:
        return Target(subdistrict.norm, float(subdistrict.norm_limit), is_norm=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT community_id, count(*) FROM boundaries_outline WHERE plan_id = %s GROUP BY 1", [plan.pk]
        )
        grids = dict(cursor.fetchall())
    people = sum(_people(community) for community in grids)
    count = sum(grids.values())
    return Target(Norm.PEOPLE, people / count if count else 0.0, is_norm=False)


def _people(community: int) -> int:
    def count() -> int:
        return int(building_loads(timezone.now(), [community]).people.sum())

    return int(cache.get_or_set(f"people:{community}", count, MEAN_KEPT_S) or 0)


# --- Which grid a building belongs to -------------------------------------------------------------------------


def _near(cells: Iterable[Cell], grids: Iterable[int]) -> _Near:
    west, south, east, north = shapely.total_bounds([cell.shape for cell in cells]).tolist()
    with connection.cursor() as cursor:
        box = {"west": west, "south": south, "east": east, "north": north}
        cursor.execute(_NEAR, {"at": timezone.now(), "grids": list(grids), **box})
        rows = cursor.fetchall()
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * 5
    points = shapely.points(np.array([columns[1], columns[2]], dtype=np.float64).T.reshape(-1, 2))
    return _Near(
        np.array(columns[0], dtype=np.int64),
        np.asarray(points, dtype=object).reshape(-1),
        np.array([one or 0 for one in columns[3]], dtype=np.int64),
        np.array([one or 0 for one in columns[4]], dtype=np.int64),
    )


def _assigned(plan: int, near: _Near, state: Changes, touched: set[int]) -> NDArray[np.int64]:
    """The grid of each building in a state, 0 for none; grids that did not change count as 0 too, in both states alike."""
    cells = {grid: cell for grid, cell in state.items() if cell is not None}
    owner, on_border = lowest_code(near.points, near.community, cells)
    if on_border.any():
        _mind_neighbours(plan, near, owner, on_border, cells, touched)
    return _with_hand(owner, near, cells, plan, touched)


def lowest_code(
    points: NDArray[Any], community: NDArray[np.int64], cells: Cells
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The grid under each point, 0 for none, and whether it lies on a border.

    Parameters
    ----------
    points : (n,) array of Point
    community : (n,) array of int
        A building belongs to a grid of its own community only.
    cells : mapping of grid id to Cell
    """
    owner = np.zeros(len(points), dtype=np.int64)
    on_border = np.zeros(len(points), dtype=bool)
    if not len(points) or not cells:
        return owner, on_border
    grids = sorted(cells, key=lambda grid: cells[grid].code, reverse=True)
    shapes = np.array([cells[grid].shape for grid in grids], dtype=object)
    own = np.array([cells[grid].community for grid in grids])
    tree = shapely.STRtree(points)
    shapely.prepare(shapes)
    shape, point = tree.query(shapes, predicate="intersects")
    fits = own[shape] == community[point]
    shape, point = shape[fits], point[fits]
    # The highest code first: on a border the lowest is written last and stays.
    order = np.argsort(shape, kind="stable")
    owner[point[order]] = np.array(grids, dtype=np.int64)[shape[order]]
    inside = np.zeros(len(points), dtype=bool)
    within = tree.query(shapes, predicate="contains_properly")
    inside[within[1]] = True
    on_border[point] = True
    return owner, on_border & ~inside


def _grids_under(plan: int, buildings: list[int], touched: set[int]) -> set[int]:
    """Grids beyond those that changed on whose ground the buildings stand."""
    with connection.cursor() as cursor:
        cursor.execute(_UNDER, {"plan": plan, "grids": sorted(touched), "buildings": buildings})
        return {grid for _building, grid, _code in cursor.fetchall()}


def _mind_neighbours(
    plan: int,
    near: _Near,
    owner: NDArray[np.int64],
    on_border: NDArray[np.bool_],
    cells: Cells,
    touched: set[int],
) -> None:
    """A point on the border to a grid that did not change belongs there if its code is lower."""
    with connection.cursor() as cursor:
        cursor.execute(
            _UNDER, {"plan": plan, "grids": sorted(touched), "buildings": near.id[on_border].tolist()}
        )
        rows = cursor.fetchall()
    place = {int(building): index for index, building in enumerate(near.id)}
    for building, _grid, code in rows:
        index = place[building]
        if owner[index] and code < cells[int(owner[index])].code:
            owner[index] = 0


def _with_hand(
    owner: NDArray[np.int64], near: _Near, cells: Cells, plan: int, touched: set[int]
) -> NDArray[np.int64]:
    given = np.flatnonzero(near.by_hand)
    if not len(given):
        return owner
    owner = owner.copy()
    elsewhere = {int(grid) for grid in near.by_hand[given]} - touched
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT grid_id, community_id FROM boundaries_outline WHERE plan_id = %s AND grid_id = ANY(%s)",
            [plan, sorted(elsewhere)],
        )
        living = dict(cursor.fetchall())
    for index in given:
        grid = int(near.by_hand[index])
        if grid in cells and cells[grid].community == near.community[index]:
            owner[index] = grid
        elif living.get(grid) == near.community[index]:
            owner[index] = 0
    return owner


# --- The whole draft ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DraftBuildings:
    """Every building of the draft's communities: `grid` as it would be, 0 for none; `by_hand` the grid a person gave it."""

    loads: BuildingLoads
    grid: NDArray[np.int64]
    by_hand: NDArray[np.int64]


def draft_buildings(plan: Plan, cells: Cells | None = None) -> DraftBuildings:
    """Where every building of the plan's communities belongs. Three queries."""
    if cells is None:
        cells = cells_of(plan.pk)
    loads = building_loads(timezone.now(), sorted({cell.community for cell in cells.values()}))
    points = np.asarray(shapely.points(np.column_stack([loads.lon, loads.lat])), dtype=object).reshape(-1)
    grid, _border = lowest_code(points, loads.community, cells)
    by_hand = np.zeros(len(loads), dtype=np.int64)
    with connection.cursor() as cursor:
        cursor.execute(_BY_HAND, {"subdistrict": plan.subdistrict_id, "at": timezone.now()})
        given = cursor.fetchall()
    place = {int(building): index for index, building in enumerate(loads.id)}
    for building, chosen in given:
        index = place.get(building)
        if index is not None and chosen in cells and cells[chosen].community == loads.community[index]:
            grid[index] = by_hand[index] = chosen
    return DraftBuildings(loads, grid, by_hand)
