"""Random commands through `edit`, one after the other: a sound coverage after each, and undoing all gives the same bytes.

The tiny town is small enough for every kind of refusal to happen: what is refused must leave nothing behind.
"""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boundaries.actions.cells import Cell, cells_of
from boundaries.actions.draft_errors import DraftError
from boundaries.actions.heads import redo, undo
from boundaries.models import Building, Plan
from gridmap.draft_numbers import draft_buildings, numbers_of
from tests import factories
from tests.boundaries.draft_town import done, draft_of, faults, state

part = st.floats(0, 1, allow_nan=False)
STEP = st.tuples(
    st.sampled_from(
        ["split", "split", "merge", "transfer", "transfer", "reshape", "move", "carve", "rename", "kind", "lock", "unlock",
         "undo", "redo"]
    ),
    st.integers(0, 99), st.integers(0, 99), part, part, part, part,
)  # fmt: skip
Step = tuple[str, int, int, float, float, float, float]


def ring(cell: Cell, x: float, y: float, wide: float, high: float) -> dict[str, Any]:
    """A rectangle about a place in or near the grid."""
    west, south, east, north = cell.shape.bounds
    lon, lat = west + (1.4 * x - 0.2) * (east - west), south + (1.4 * y - 0.2) * (north - south)
    dx, dy = (0.05 + 0.4 * wide) * (east - west), (0.05 + 0.4 * high) * (north - south)
    corners = [[lon - dx, lat - dy], [lon + dx, lat - dy], [lon + dx, lat + dy], [lon - dx, lat + dy]]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def line(cell: Cell, x: float, y: float, u: float, v: float) -> dict[str, Any]:
    """A line with a bend through the grid, from below to above or from left to right."""
    west, south, east, north = cell.shape.bounds
    wide, high = east - west, north - south
    upright = [(x, -0.1), (0.5 * (x + y), 0.5), (y, 1.1)]
    level = [(-0.1, x), (0.5, 0.5 * (x + y)), (1.1, y)]
    places = upright if u < v else level
    return {"type": "LineString", "coordinates": [[west + a * wide, south + b * high] for a, b in places]}


def command(draft: Plan, step: Step) -> dict[str, Any]:
    kind, first, second, x, y, u, v = step
    cells = cells_of(draft.pk)
    keys = sorted(cells)
    grid = keys[first % len(keys)]
    alike = [key for key in keys if cells[key].community == cells[grid].community]
    other = alike[second % len(alike)]
    if kind == "split":
        return {"command": kind, "grid": grid, "line": line(cells[grid], x, y, u, v)}
    if kind == "merge":
        return {"command": kind, "grids": [grid, other], "into": grid}
    if kind == "transfer":
        return {
            "command": kind,
            "to": other,
            "area": ring(cells[grid], x, y, u, v),
            "snap_m": 3 if u < 0.2 else 0,
        }
    if kind == "reshape":
        return {"command": kind, "a": grid, "b": other, "line": line(cells[grid], x, y, u, v)}
    if kind == "move":
        building = list(Building.objects.order_by("pk").values_list("pk", flat=True))[second % 18]
        return {"command": "move_buildings", "buildings": [building], "to": grid}
    if kind == "carve":
        return {"command": kind, "area": ring(cells[grid], x, y, u, v), "name": "学校"}
    if kind in {"lock", "unlock"}:
        return {"command": kind, "grids": [grid]}
    if kind == "kind":
        return {"command": "set_kind", "grid": grid, "kind": "dedicated" if x < 0.5 else "all"}
    return {"command": "rename", "grid": grid, "name": f"{x:.3f}"}


def run(draft: Plan, steps: list[Step]) -> int:
    """Take the steps, undo everything, do it again; how many edits were made."""
    begun, stops = state(draft), {}
    owner = _owners(draft)
    for step in steps:
        draft.refresh_from_db(fields=["head"])
        stops[draft.head_id] = state(draft)
        try:
            if step[0] == "undo":
                told = undo(plan=draft, head=draft.head_id, by=None)
            elif step[0] == "redo":
                told = redo(plan=draft, head=draft.head_id, by=None)
            else:
                sent = command(draft, step)
                told = done(draft, sent.pop("command"), **sent)
        except DraftError:
            assert state(draft) == stops[draft.head_id]
            continue
        assert not faults(draft)
        if told.head in stops:
            assert state(draft) == stops[told.head]
        # Nobody stands nowhere, and the moves told lead from one count to the next.
        for building, grid in numbers_of(draft, told).moved.items():
            assert grid is not None
            owner[building] = grid
        assert owner == _owners(draft)
    draft.refresh_from_db(fields=["head"])
    stops[draft.head_id] = state(draft)
    line_back = []
    while draft.head_id is not None:
        line_back.append(draft.head_id)
        undo(plan=draft, head=draft.head_id, by=None)
        draft.refresh_from_db(fields=["head"])
        assert state(draft) == stops[draft.head_id]
    assert state(draft) == begun
    for head in reversed(line_back):
        assert redo(plan=draft, head=draft.head_id, by=None).head == head
        draft.refresh_from_db(fields=["head"])
        assert state(draft) == stops[head]
    return len(line_back)


def _owners(draft: Plan) -> dict[int, int]:
    found = draft_buildings(draft)
    return dict(zip(found.loads.id.tolist(), found.grid.tolist(), strict=True))


def tried(steps: list[Step]) -> int:
    """In a transaction of its own that is undone."""
    with transaction.atomic():
        made = run(draft_of(factories.make_town(homes=False)), steps)
        transaction.set_rollback(True)
    return made


quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@given(steps=st.lists(STEP, min_size=4, max_size=14))
@settings(max_examples=12, deadline=None, suppress_health_check=quiet)
def test_undoing_a_sequence_gives_the_same_bytes(db: None, steps: list[Step]) -> None:
    tried(steps)


@pytest.mark.soak
@given(steps=st.lists(STEP, min_size=10, max_size=60))
@settings(max_examples=100, deadline=None, suppress_health_check=quiet)
def test_undoing_long_sequences_gives_the_same_bytes(db: None, steps: list[Step]) -> None:
    tried(steps)


def test_a_sequence_of_every_command_is_made(db: None) -> None:
    """The steps above do not all end in refusals."""
    steps: list[Step] = [
        ("split", 0, 0, 0.5, 0.4, 0.1, 0.9), ("lock", 1, 0, 0, 0, 0, 0), ("transfer", 4, 3, 0.0, 0.5, 0.5, 0.5),
        ("reshape", 4, 4, 0.9, 0.9, 0.1, 0.9), ("carve", 7, 0, 0.5, 0.5, 0.3, 0.3), ("rename", 2, 0, 0.5, 0, 0, 0),
        ("undo", 0, 0, 0, 0, 0, 0), ("kind", 2, 0, 0.2, 0, 0, 0), ("unlock", 1, 0, 0, 0, 0, 0), ("merge", 0, 3, 0, 0, 0, 0),
        ("split", 8, 0, 0.3, 0.6, 0.9, 0.1), ("move", 8, 17, 0, 0, 0, 0), ("undo", 0, 0, 0, 0, 0, 0),
        ("redo", 0, 0, 0, 0, 0, 0),
    ]  # fmt: skip
    assert tried(steps) >= 7
