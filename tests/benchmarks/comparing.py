"""Two plans of the full town against each other: `python -m tests.benchmarks comparing`.

Works on the database of the settings (the demo town, or whatever is there), in a transaction that is rolled back. The drafts that
it makes draw every community: one differs from what is in force in a border of each community, the other in every grid.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from boundaries import comparing
from boundaries.comparing import Drawn, State
from boundaries.models import Community, Outline, Plan, Subdistrict
from gridmap.comparison import compare
from gridmap.models import Role, RoleGrant, User
from gridmap.reports import comparison_html
from tests.benchmarks import Row

BAR_S: Final = 1.0
ROUNDS: Final = 7
DEEPEST: Final = 1e-8


class _Undone(Exception):
    """Ends the transaction without a trace."""


def by_community(state: State) -> Iterator[list[Drawn]]:
    """The grids of each community."""
    groups: dict[int, list[Drawn]] = {}
    for each in state.values():
        groups.setdefault(each.community_id, []).append(each)
    yield from groups.values()


def striped(grids: list[Drawn]) -> dict[int, shapely.Geometry]:
    """As many upright stripes of the same ground as there are grids: nothing stays where it was."""
    whole = shapely.coverage_union_all([each.ground for each in grids])
    west, south, east, north = whole.bounds
    edges = np.linspace(west, east, len(grids) + 1).round(8)
    cuts = [shapely.LineString([(x, south - 1), (x, north + 1)]) for x in edges[1:-1]]
    noded = shapely.union_all([whole.boundary, *cuts], grid_size=DEEPEST)
    spots = [(face, face.representative_point()) for face in shapely.get_parts(shapely.polygonize([noded]))]
    stripes: dict[int, list[shapely.Geometry]] = {}
    for face, spot in spots:
        if whole.contains(spot):
            stripe = int(np.searchsorted(edges, spot.x)) - 1
            stripes.setdefault(grids[stripe].grid_id, []).append(face)
    return {grid: shapely.union_all(parts) for grid, parts in stripes.items()}


def handed_on(grids: list[Drawn]) -> dict[int, shapely.Geometry]:
    """A third of the first grid goes to a neighbour that shares a border with it."""
    first = grids[0]
    neighbour = max(grids[1:], key=lambda each: first.ground.intersection(each.ground).length, default=None)
    if neighbour is None:
        return {}
    west, south, east, north = first.ground.bounds
    third = shapely.box(west, south, west + (east - west) / 3, north)
    given = shapely.intersection(first.ground, third, grid_size=DEEPEST)
    return {
        first.grid_id: shapely.difference(first.ground, given, grid_size=DEEPEST),
        neighbour.grid_id: shapely.union(neighbour.ground, given, grid_size=DEEPEST),
    }


def draft(
    town: Subdistrict, state: State, redraw: Callable[[list[Drawn]], dict[int, shapely.Geometry]]
) -> Plan:
    """A draft of all communities, each redrawn."""
    plan = Plan.objects.create(subdistrict=town, name=f"bench {redraw.__name__}")
    fresh: dict[int, shapely.Geometry] = {}
    for grids in by_community(state):
        fresh |= redraw(grids)
    Outline.objects.bulk_create(
        Outline(
            plan=plan, grid_id=each.grid_id, community_id=each.community_id, code=each.code, name=each.name,
            name_en=each.name_en, kind=each.kind, polygon=_stored(fresh.get(each.grid_id, each.ground)),
        )
        for each in state.values()
    )  # fmt: skip
    return plan


def _stored(ground: shapely.Geometry) -> MultiPolygon:
    parts = [part for part in shapely.get_parts(ground) if part.geom_type == "Polygon"]
    read = GEOSGeometry(memoryview(shapely.to_wkb(shapely.MultiPolygon(parts))), srid=4326)
    assert isinstance(read, MultiPolygon)
    return read


def timed(action: Callable[[], object]) -> list[float]:
    """Seconds of each round after the first, which warms up."""
    taken = []
    for _round in range(ROUNDS + 1):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return taken[1:]


def row(name: str, taken: list[float], bar: float | None = BAR_S) -> Row:
    """The slowest round against the bar."""
    median, slowest = statistics.median(taken), max(taken)
    target = f"under {bar:.0f} s" if bar else ""
    return Row(
        f"{name} (median {median * 1000:.0f} ms)",
        slowest,
        "s",
        target=target,
        ok=slowest < bar if bar else None,
    )


def run() -> list[Row]:
    """The action, the page with its tables, the map's document and the standalone file; queries of the action."""
    town = Subdistrict.objects.defer("outline").order_by("code").first()
    now = timezone.now()
    ids = list(Community.objects.filter(subdistrict=town).values_list("pk", flat=True))
    state = comparing.drawn_in_force(now, ids)
    if town is None or not state:
        return [Row("comparing: no plan is in force in this database, nothing measured", 0, "")]
    rows: list[Row] = []
    try:
        with transaction.atomic():
            rows = _measured(town, state)
            raise _Undone
    except _Undone:
        return rows


def _measured(town: Subdistrict, state: State) -> list[Row]:
    few, every = draft(town, state, handed_on), draft(town, state, striped)
    planner = User.objects.create(username="bench-planner")
    RoleGrant.objects.create(user=planner, role=Role.PLANNER, subdistrict=town)
    client = Client(SERVER_NAME="localhost")
    client.force_login(planner)
    rows = []
    for plan, what in ((few, "some grids of each community differ"), (every, "every grid differs")):
        with CaptureQueriesContext(connection) as asked:
            found = compare(plan)
        size = f"{len(found.grids)} of {len(state)} grids, {found.summary.buildings:,} buildings"
        rows.append(row(f"compare: {what} ({size})", timed(lambda plan=plan: compare(plan))))  # type: ignore[misc]
        rows.append(Row("  queries", len(asked), "", target="11", ok=len(asked) <= 11))
        address = f"/planner/plans/{plan.pk}/compare/"
        for name, path in (("page", address), ("its map", f"{address}map.json")):
            assert client.get(path).status_code == 200, path
            rows.append(row(f"  {name}", timed(lambda path=path: client.get(path)), None))  # type: ignore[misc]
        html = comparison_html(found)
        rows.append(
            Row("  standalone file", len(html.encode()) / 1e6, "MB", target="under 4 MB", ok=len(html) < 4e6)
        )
    rows.append(row("compare: two drafts, every grid differs", timed(lambda: compare(every, few))))
    return rows
