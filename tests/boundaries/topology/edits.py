"""Random edits, many of them hostile: lines through corners, along borders, nearly parallel to them, tiny, spirals."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import shapely

from boundaries import topology
from boundaries.topology import TopologyError
from boundaries.topology.settling import Side
from tests.boundaries.topology.grounds import Areas, Ground
from tests.boundaries.topology.invariants import Measured, metres, plain, require_sound

KINDS = ("split", "merge", "transfer", "reshape", "carve", "move", "settle")
MOST_GRIDS = 40  # or a third more than there were


@dataclass
class Statistics:
    """What a sequence of edits came to."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    drift: float = 0.0
    rim_m: float = 0.0

    def note(self, measured: Measured) -> None:
        """Keep the worst."""
        self.drift = max(self.drift, measured.drift)
        self.rim_m = max(self.rim_m, measured.rim_m)

    def table(self) -> str:
        """For the report."""
        lines = [f"{sum(self.done.values())} edits done, {sum(self.refused.values())} refused"]
        lines.append(f"worst drift {self.drift:.2e}, worst rim deviation {self.rim_m * 1000:.3f} mm")
        for kind, took in sorted(self.seconds.items()):
            ms = np.array(took) * 1000
            share = f"median {np.median(ms):.2f} ms, p95 {np.percentile(ms, 95):.2f}, most {ms.max():.1f}"
            lines.append(f"{kind:9} {self.done[kind]:5} done, {share}")
        lines += [f"  {kind} {reason}: {count}" for (kind, reason), count in sorted(self.refused.items())]
        return "\n".join(lines)


Bytes = dict[Any, bytes | None]


class Editor:
    """Edits one coverage again and again, and checks all that must hold after each edit."""

    def __init__(self, ground: Ground, statistics: Statistics | None = None) -> None:
        self.ground, self.areas = ground, dict(ground.areas)
        self.statistics = statistics or Statistics()
        self.made = 0
        self.versions: list[Areas] = []
        self.diffs: list[tuple[Bytes, Bytes]] = []
        self.locked: Areas = {}

    def step(self, kind: str, rng: np.random.Generator) -> bool:
        """One edit of a kind; whether it was done. What cannot be done must raise and change nothing."""
        if len(self.areas) > max(MOST_GRIDS, len(self.ground.areas) * 4 // 3) and kind in {"split", "carve"}:
            kind = "merge"
        if rng.random() < 0.05:
            self._lock(rng)
        before = dict(self.areas)
        bytes_before = {key: shape.wkb for key, shape in before.items()}
        call = self._call(kind, rng)
        error: TopologyError | None = None
        after: Areas = {}
        began = perf_counter()
        try:
            after = dict(call())
        except TopologyError as refusal:
            error = refusal
        finally:
            self.statistics.seconds.setdefault(kind, []).append(perf_counter() - began)
            assert {key: shape.wkb for key, shape in self.areas.items()} == bytes_before
        if error is not None:
            assert error.reason in topology.REASONS, error.reason
            assert set(error.details) <= set(topology.REASONS[error.reason]), (error.reason, error.details)
            assert str(error).endswith(".")
            assert error.reason not in {"too_fine", "bad_coverage"}, error
            self.statistics.refused[kind, error.reason] += 1
            return False
        # a settled coverage is made of what others edited: it promises nothing about objects of the base
        keeps = kind != "settle"
        self.statistics.note(
            require_sound(
                after,
                before,
                self.ground.areas,
                self.ground.outline,
                keeps_objects=keeps,
                versions=self.versions,
            )
        )
        self._require_locked(after)
        if rng.random() < 0.1:
            again = call()
            assert {key: shape.wkb for key, shape in again.items()} == {k: s.wkb for k, s in after.items()}
        self.statistics.done[kind] += 1
        changed = {key for key in before | after if before.get(key) is not after.get(key)}
        self.diffs.append(tuple({key: _bytes(v.get(key)) for key in changed} for v in (before, after)))  # type: ignore[arg-type]
        self.areas = after
        return True

    def undo_everything(self) -> Bytes:
        """The coverage as bytes after each edit has been taken back, as a draft does: only changed grids are kept."""
        now: Bytes = {key: shape.wkb for key, shape in self.areas.items()}
        for before, after in reversed(self.diffs):
            assert all(now.get(key) == value for key, value in after.items())
            now |= before
        return {key: value for key, value in now.items() if value is not None}

    # --- locks -----------------------------------------------------------------------------------------------------

    def _lock(self, rng: np.random.Generator) -> None:
        key = self._any(rng)
        if key in self.locked:
            del self.locked[key]
        elif len(self.locked) < min(3, len(self.areas) // 4):
            self.locked[key] = self.areas[key]

    def _require_locked(self, after: Areas) -> None:
        factors = metres(self.ground.outline.centroid.y)
        for key, when_locked in self.locked.items():
            one, other = (plain(shape.boundary, factors) for shape in (after[key], when_locked))
            assert shapely.hausdorff_distance(one, other) <= 0.002, f"locked {key} moved"

    # --- edits -----------------------------------------------------------------------------------------------------

    def _any(self, rng: np.random.Generator) -> Any:
        return list(self.areas)[int(rng.integers(len(self.areas)))]

    def _beside(self, key: Any, rng: np.random.Generator) -> Any:
        shape = self.areas[key]
        near = [k for k, other in self.areas.items() if k != key and shape.intersects(other)]
        return near[int(rng.integers(len(near)))] if near else key

    def _call(self, kind: str, rng: np.random.Generator) -> Callable[[], Areas]:
        self.made += 1
        self.versions = []
        areas, common = self.areas, {"outline": self.ground.outline, "locked": self.locked}
        key = self._any(rng)
        other = self._beside(key, rng)
        if kind == "split":
            line = hostile_line(areas[key], rng)
            codes = (
                [key, *(f"s{self.made}-{n}" for n in range(40))]
                if rng.random() < 0.5
                else [f"s{self.made}-{n}" for n in range(40)]
            )
            return lambda: topology.split(areas, key, line, codes, **common)
        if kind == "merge":
            into = key if rng.random() < 0.7 else f"m{self.made}"
            return lambda: topology.merge(areas, [key, other], into, **common)
        if kind == "reshape":
            shared = areas[key].boundary.intersection(areas[other].boundary)
            line = hostile_line(areas[key], rng, shared=shared)
            return lambda: topology.reshape(areas, key, other, line, **common)
        if kind == "move":
            places = buildings(self.ground, rng)
            chosen = some_buildings(places, areas[key], rng)
            return lambda: topology.move(areas, places, chosen, key, **common)
        if kind == "settle":
            theirs, mine = self._version(rng), self._version(rng)
            self.versions = [theirs, mine]
            prefer: Side = "theirs" if rng.random() < 0.5 else "mine"
            return lambda: dict(topology.settle(areas, theirs, mine, prefer, **common).coverage)
        area = hostile_area(areas[key], areas[other], rng)
        if kind == "transfer":
            return lambda: topology.transfer(areas, area, other, **common)
        return lambda: topology.carve(areas, area, f"c{self.made}", **common)

    def _version(self, rng: np.random.Generator) -> Areas:
        """The coverage after one or two edits that somebody else made."""
        own = self.areas
        try:
            for kind in rng.choice(KINDS[:-1], size=2):
                try:
                    self.areas = self._call(str(kind), rng)()
                except TopologyError:
                    continue
            return self.areas
        finally:
            self.areas = own


def _bytes(shape: shapely.Geometry | None) -> bytes | None:
    return None if shape is None else bytes(shape.wkb)


def buildings(ground: Ground, rng: np.random.Generator) -> dict[int, tuple[float, float]]:
    """Some hundred places within the community."""
    west, south, east, north = ground.outline.bounds
    points = rng.uniform((west, south), (east, north), (300, 2))
    inside = shapely.contains(ground.outline, shapely.points(points))
    return {index: (x, y) for index, (x, y) in enumerate(points[inside].tolist())}


def some_buildings(places: dict[int, tuple[float, float]], grid: Any, rng: np.random.Generator) -> list[int]:
    """Those nearest to a place at the border of a grid."""
    corners = shapely.get_coordinates(grid)
    at = corners[rng.integers(len(corners))]
    away = {index: np.hypot(*(np.array(spot) - at)) for index, spot in places.items()}
    return sorted(away, key=lambda index: away[index])[: int(rng.integers(1, 6))]


def hostile_line(grid: Any, rng: np.random.Generator, shared: Any = None) -> shapely.Geometry:
    """A line to do harm with."""
    border = grid.boundary if shared is None or shared.is_empty or shared.length == 0 else shared
    lines = [part for part in shapely.get_parts(shapely.line_merge(border)) if part.length > 0] or [
        grid.boundary
    ]
    corners = shapely.get_coordinates(lines)
    west, south, east, north = grid.bounds
    size = max(east - west, north - south)

    def corner() -> np.ndarray:
        return np.asarray(corners[rng.integers(len(corners))])

    def anywhere() -> np.ndarray:
        return rng.uniform((west - size / 10, south - size / 10), (east + size / 10, north + size / 10))

    kind = int(rng.integers(12))
    one, two = corner(), corner()
    if kind == 0:  # across, over-long
        a, b = anywhere(), anywhere()
        return shapely.LineString([a - (b - a), b + (b - a)])
    if kind == 1:  # exactly through two corners, over-long
        return (
            shapely.LineString([one - (two - one) * 0.1, two + (two - one) * 0.1])
            if (one != two).any()
            else _dot(one)
        )
    if kind == 2:  # from corner to corner by some place
        return shapely.LineString([one, (one + two) / 2 + rng.normal(0, size / 8, 2), two])
    if kind in {3, 4}:  # along a stretch of border, exactly or a little beside it, then off into the ground
        line = lines[int(rng.integers(len(lines)))]
        stretch = shapely.get_coordinates(line)
        first, last = sorted(rng.integers(0, len(stretch), 2).tolist())
        part = stretch[first : last + 2]
        aside = 0.0 if kind == 3 else 10 ** rng.uniform(-10, -4.5)
        moved = part + rng.normal(0, 1, 2) * aside
        return shapely.LineString(np.vstack([anywhere(), moved, anywhere()]))
    if kind == 5:  # nearly parallel to an edge, crossing it flatly
        a, b = corners[(at := int(rng.integers(len(corners) - 1))) : at + 2]
        turn = np.array([a[1] - b[1], b[0] - a[0]]) * 10 ** rng.uniform(-7, -2)
        return shapely.LineString([a - (b - a) - turn, b + (b - a) + turn]) if (a != b).any() else _dot(a)
    if kind == 6:  # tiny
        return shapely.LineString(one + rng.normal(0, 1, (3, 2)) * 10 ** rng.uniform(-9, -5))
    if kind == 7:  # a spiral
        turns = np.linspace(0, 2 * np.pi * rng.uniform(0.5, 4), 200)
        reach = np.linspace(0.02, 1, 200) * size * rng.uniform(0.05, 0.8)
        middle = shapely.get_coordinates(grid.representative_point())[0]
        return shapely.LineString(middle + np.stack([np.cos(turns) * reach, np.sin(turns) * reach], axis=1))
    if kind == 8:  # a zigzag over a border
        share = np.linspace(0, 1, int(rng.integers(4, 60)))[:, None]
        points = one + (two - one) * share
        points[1::2] += rng.normal(0, 1, 2) * 10 ** rng.uniform(-8, -4)
        return shapely.LineString(points) if (one != two).any() else _dot(one)
    if kind == 9:  # a closed ring
        radius = size * 10 ** rng.uniform(-3, -0.5)
        return shapely.Point(anywhere()).buffer(radius, quad_segs=int(rng.integers(1, 12))).exterior
    if kind == 10:  # level or upright through a corner
        step = np.array([size * 2, 0.0]) if rng.random() < 0.5 else np.array([0.0, size * 2])
        return shapely.LineString([one - step, one + step])
    points = [anywhere() for _ in range(int(rng.integers(3, 8)))]
    return shapely.LineString(points)


def _dot(at: np.ndarray) -> shapely.Geometry:
    return shapely.LineString([at, at + 1e-6])


def hostile_area(grid: Any, other: Any, rng: np.random.Generator) -> shapely.Geometry:
    """An area to do harm with."""
    corners = shapely.get_coordinates(grid)
    at = corners[rng.integers(len(corners))]
    west, south, east, north = grid.bounds
    size = max(east - west, north - south)
    kind = int(rng.integers(9))
    if kind == 0:  # the grid itself, or its neighbour
        return grid if rng.random() < 0.5 else other
    if kind == 1:  # the grid, shifted by next to nothing or by some metres
        shift = rng.normal(0, 1, 2) * 10 ** rng.uniform(-10, -3.5)
        return shapely.transform(grid, lambda xy: xy + shift)
    if kind == 2:  # a strip along the common border
        return grid.intersection(other.buffer(10 ** rng.uniform(-6, -3.5))) or grid
    if kind == 3:  # a part of the grid beside the other
        part = grid.intersection(other.buffer(size * rng.uniform(0.02, 0.3), quad_segs=2))
        parts = [piece for piece in shapely.get_parts(part) if piece.geom_type == "Polygon"]
        return max(parts, key=lambda piece: piece.area) if parts else grid
    if kind == 4:  # a ring
        far = size * rng.uniform(0.05, 0.4)
        return shapely.Point(at).buffer(far).difference(shapely.Point(at).buffer(far / 2))
    if kind == 5:  # corners of the grid joined in some order
        some = corners[rng.integers(0, len(corners), 4)]
        return shapely.MultiPoint(some).convex_hull.buffer(0) or grid
    if kind == 6:  # a hand that cannot draw straight
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 80))))
        reach = size * rng.uniform(0.02, 0.4) * rng.uniform(0.5, 1, len(angles))
        return shapely.Polygon(at + np.stack([np.cos(angles) * reach, np.sin(angles) * reach], axis=1))
    if kind == 7:  # a box on the lattice with corners of the grid
        return shapely.box(*at, *(at + np.round(rng.uniform(0, size / 2, 2), 8)))
    return shapely.Point(at).buffer(size * 10 ** rng.uniform(-4, -0.3), quad_segs=int(rng.integers(1, 16)))
