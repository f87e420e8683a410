"""What an edit costs a planner, over HTTP, in a town and in one of ten: `python -m tests.benchmarks redraw`.

Mixed commands on a draft of the full town through the real service, with a session: each answer holds the grids that changed
and their numbers. Beside it, the bare geometry of the same edits in the same run. In databases of its own.
"""

import http.client
import json
import random
import statistics
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries import topology
from tests.benchmarks import Row
from tests.benchmarks._server import connect, served
from tests.benchmarks.scale import asked, can_load, loaded

EDITS: Final = 300
WARM: Final = 20
BARS: Final = {1: 60.0, 10: 80.0}
MIX: Final = {
    "transfer": 6,
    "split": 5,
    "merge": 4,
    "reshape": 3,
    "move_buildings": 2,
    "rename": 2,
    "undo": 2,
}
CSRF: Final = "b" * 32


@dataclass
class Planner:
    """One planner at one draft: knows the grids as the page does, from the answers."""

    link: http.client.HTTPConnection
    session: str
    plan: int = 0
    head: int | None = None
    grids: dict[int, BaseGeometry] = field(default_factory=dict)
    community: dict[int, str] = field(default_factory=dict)
    points: dict[int, tuple[float, float]] = field(default_factory=dict)
    home: dict[int, int] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, float]:
        """Status, answer and milliseconds."""
        cookie = f"sessionid={self.session}; csrftoken={CSRF}"
        sent = {"Cookie": cookie, "X-CSRFToken": CSRF, "Accept-Encoding": "gzip", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        started = time.perf_counter()
        self.link.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), sent)
        answer = self.link.getresponse()
        told = answer.read()
        spent = (time.perf_counter() - started) * 1000
        if answer.headers.get("Content-Encoding") == "gzip":
            return answer.status, told, spent
        return answer.status, json.loads(told), spent

    def open(self, plan: int) -> None:
        """Load a draft as the page does."""
        self.plan, self.head = plan, None
        status, told, _ms = self.ask("GET", f"/plans/{plan}")
        assert status == 200, told
        self.grids, self.community = {}, {}
        self._take(told["grids"]["features"])
        _status, packed, _ms = self.ask("GET", f"/plans/{plan}/buildings", **{"Accept-Encoding": "identity"})
        columns = packed["buildings"]
        self.points = dict(zip(columns["id"], zip(columns["lon"], columns["lat"], strict=True), strict=True))
        self.home = {key: grid for key, grid in zip(columns["id"], columns["grid"], strict=True) if grid}

    def edit(self, command: Mapping[str, Any]) -> tuple[bool, float]:
        """Send a command, or undo; whether it was done, and milliseconds."""
        undo = command["command"] == "undo"
        path = f"/plans/{self.plan}/{'undo' if undo else 'edits'}"
        status, told, spent = self.ask(
            "POST", path, None if undo else command, **{"If-Match": f'"{self.head or 0}"'}
        )
        assert status in {200, 409, 422}, (status, told)
        if status == 200:
            self.head = told["head"]
            for grid in told["removed"]:
                self.grids.pop(grid, None)
            self._take(told["grids"]["features"])
            self.home |= {int(key): grid for key, grid in told["moved"].items() if grid}
        return status == 200, spent

    def around(self, *grids: int) -> dict[Hashable, BaseGeometry]:
        """The grids near some grids, of their community."""
        west, south, east, north = shapely.total_bounds([self.grids[grid] for grid in grids])
        box = shapely.box(west, south, east, north).buffer(1e-5)
        mine = self.community[grids[0]]
        return {
            key: shape
            for key, shape in self.grids.items()
            if self.community[key] == mine and box.intersects(shapely.box(*shape.bounds))
        }

    def _take(self, features: list[dict[str, Any]]) -> None:
        for each in features:
            self.grids[each["id"]] = shapely.geometry.shape(each["geometry"])
            self.community[each["id"]] = each["properties"]["community"]


def thought_up(planner: Planner, rng: random.Random) -> tuple[dict[str, Any], Any]:
    """A command that a planner may send, and the bare geometry call for it (None for one without geometry)."""
    name = rng.choices(list(MIX), list(MIX.values()))[0]
    grid = rng.choice(sorted(planner.grids))
    shape = planner.grids[grid]
    west, south, east, north = shape.bounds
    near = planner.around(grid)
    neighbours = [
        key
        for key in planner.grids
        if key in near and key != grid and shape.intersection(near[key]).length > 0
    ]
    if name in {"merge", "transfer", "reshape", "move_buildings"} and not neighbours:
        name = "split"
    other = rng.choice(neighbours) if neighbours else 0
    both = planner.around(grid, other) if other else near
    if name == "undo":
        return {"command": "undo"}, None
    if name == "rename":
        return {"command": name, "grid": grid, "name": f"网格{rng.random():.6f}"}, None
    if name == "merge":
        return (
            {"command": name, "grids": [grid, other], "into": grid},
            lambda: topology.merge(both, [grid, other], grid),
        )
    if name == "split":
        x, y = rng.uniform(0.3, 0.7), rng.uniform(-0.3, 0.3)
        middle = west + x * (east - west)
        lean = y * (east - west)
        line = shapely.LineString([(middle - lean, south - 1e-4), (middle + lean, north + 1e-4)])
        return {"command": name, "grid": grid, "line": drawn(line)}, lambda: topology.split(
            near, grid, line, [grid, *range(-32, 0)]
        )
    if name == "move_buildings":
        mine = [key for key, home in planner.home.items() if home == grid]
        to = near[other]
        chosen = sorted(mine, key=lambda key: to.distance(shapely.Point(planner.points[key])))[
            : rng.randint(1, 4)
        ]
        places: dict[Hashable, tuple[float, float]] = {key: planner.points[key] for key in mine}
        return {"command": name, "buildings": chosen or [0], "to": other}, lambda: topology.move(
            both, places, chosen, other
        )
    border = shapely.line_merge(shape.intersection(near[other]))
    border = max(shapely.get_parts(border), key=lambda part: part.length)
    if name == "reshape" and border.geom_type == "LineString":
        a, b = border.interpolate(0.2, normalized=True), border.interpolate(0.8, normalized=True)
        push = (np.array(shape.centroid.coords[0]) - np.array(border.centroid.coords[0])) * 0.2
        middle = np.array(border.interpolate(0.5, normalized=True).coords[0]) + push
        line = shapely.LineString([a.coords[0], middle, b.coords[0]])
        return {"command": name, "a": grid, "b": other, "line": drawn(line)}, lambda: topology.reshape(
            both, grid, other, line
        )
    centre = border.interpolate(rng.random(), normalized=True)
    area = centre.buffer(rng.uniform(2e-4, 6e-4), quad_segs=8)
    return {"command": "transfer", "area": drawn(area), "to": grid}, lambda: topology.transfer(
        both, area, grid
    )


def drawn(shape: BaseGeometry) -> dict[str, Any]:
    """GeoJSON of what a planner drew."""
    return json.loads(shapely.to_geojson(shape))  # type: ignore[no-any-return]


@dataclass
class Figures:
    """Milliseconds: edits over HTTP, their bare geometry, drafts, buildings."""

    edits: list[float]
    bare: list[float]
    drafts: list[float]
    buildings: list[float]
    refused: int
    done: dict[str, int]


def figures(url: str, edits: int = EDITS) -> Figures:
    """Serve the database at `url` and be a planner for a while."""
    known = asked(url, "from tests.benchmarks._redraw_probe import main; main()")
    rng = random.Random(20191130)
    with served(DATABASE_URL=url, GRIDMAP_TOWN="demo") as port:
        planner = Planner(connect(port), known["session"])
        drafts, plan = [], 0
        for number in range(5):
            body = {"name": f"Bench {number}", "communities": known["communities"]}
            status, told, spent = planner.ask("POST", "/plans", body)
            assert status == 201, told
            plan = told["id"]
            drafts.append(spent)
        planner.open(plan)
        buildings = [planner.ask("GET", f"/plans/{plan}/buildings")[2] for _round in range(7)]
        spent_on: list[float] = []
        bare: list[float] = []
        refused, done = 0, dict.fromkeys(MIX, 0)
        while len(spent_on) < edits + WARM:
            command, call = thought_up(planner, rng)
            geometry = timed(call) if call is not None else None
            ok, spent = planner.edit(command)
            if not ok:
                refused += 1
                continue
            done[command["command"]] += 1
            spent_on.append(spent)
            if geometry is not None:
                bare.append(geometry)
        planner.link.close()
    return Figures(spent_on[WARM:], bare, drafts, buildings, refused, done)


def timed(call: Any) -> float | None:
    """Milliseconds of a geometry call; None where it cannot be done."""
    started = time.perf_counter()
    try:
        call()
    except topology.TopologyError:
        return None
    return (time.perf_counter() - started) * 1000


def p95(values: list[float]) -> float:
    """The time within which 95 of 100 are answered."""
    return float(np.percentile(values, 95))


def run() -> list[Row]:
    """Rows of the benchmark table, in a town and in one of ten."""
    if not can_load():
        return [Row("redraw: only in `make bench` on the project's own cluster", 0, "")]
    rows = []
    for scale, bar in BARS.items():
        found = figures(loaded(scale))
        rows += rows_of(found, "full town" if scale == 1 else f"one of {scale} towns", bar)
    return rows


def rows_of(found: Figures, where: str, bar: float) -> list[Row]:
    """The rows of one size."""
    told = ", ".join(f"{count} {name}" for name, count in found.done.items())
    middle, worst = statistics.median(found.edits), p95(found.edits)
    bare, bare_worst = statistics.median(found.bare), p95(found.bare)
    draft, columns = statistics.median(found.drafts), statistics.median(found.buildings)
    return [
        Row(f"edit over HTTP, {where}: p50 ({told}; peer: the bare geometry)", middle, "ms", bare, bare / middle),
        Row(
            f"edit over HTTP, {where}: p95", worst, "ms", bare_worst, bare_worst / worst,
            f"under {bar:g} ms", worst < bar,
        ),
        Row(f"draft from the plan in force, {where}", draft / 1000, "s", target="under 1 s", ok=draft < 1000),
        Row(f"buildings of a draft, {where}", columns, "ms", target="under 300 ms", ok=columns < 300),
    ]  # fmt: skip
