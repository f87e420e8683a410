"""Adding lines to linework on whole numbers: where they meet, both get a common corner.

Everything here counts in steps of the lattice (1e-8 degree, about a millimetre) from a local origin, as whole
numbers: whether a corner lies left or right of an edge is decided exactly.

::

           | e            A drawn line meets an edge e at x, which is seldom a point of the lattice. Rounding x
           |              would bend e by up to 0.7 mm, and again with each later edit. The line does not mind
    -------x----->        ending a few millimetres further up or down, so the node (n) is put on the point of
           n              the lattice within reach that lies nearest to e: mostly within 0.05 mm.
           |

So an existing corner never moves, an existing edge only gains corners, and it is the drawn line that gives way:
it is drawn to corners and edges within reach, which also makes a line that nearly follows a border follow it.
Where an edge stands for a surveyed line (the rim, a locked border), nodes are put on that line, not on the edge: so
nothing creeps however often a border is cut.
"""

from collections import defaultdict
from typing import Final

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

REACH: Final = 8
"""Steps within which a drawn line is pulled to corners and edges that stand."""
_CLOSE: Final = 0.25
"""Steps within which a corner counts as on an edge: floating point in degrees resolves about 1e-6 of a step."""
_ON_LINE: Final = 4.0
"""Steps within which an edge counts as part of a surveyed line (2 mm, and a little for rounding)."""
_PULLS: Final = 2
"""Rounds in which lines are pulled: two corners close together could pull a line to and fro for ever."""
_ROUNDS: Final = 60

_span = np.arange(-REACH, REACH + 1)
_offsets = np.stack(np.meshgrid(_span, _span, indexing="ij"), axis=-1).reshape(-1, 2)
# nearest first, so that ties go to the nearest
_OFFSETS: Final = _offsets[np.lexsort((_offsets[:, 1], _offsets[:, 0], (_offsets**2).sum(axis=1)))]


class Unsettled(RuntimeError):
    """The lines could not be noded in a reasonable number of rounds."""


class Noding:
    """Edges that stand, and lines that are added to them.

    Parameters
    ----------
    starts, ends : ndarray of int64, shape (n, 2)
        The edges, each once.
    surveyed : list of ndarray of float64, shape (k, 4)
        Lines that edges stand for, as segments x1, y1, x2, y2.

    Attributes
    ----------
    chains : dict
        Index of an edge that gained corners -> all its points from start to end.
    lines : list of list of points
        The lines as they stand after noding.
    """

    def __init__(self, starts: Ints, ends: Ints, surveyed: list[Floats]) -> None:
        self.starts, self.ends, self.surveyed = starts, ends, surveyed
        self.chains: dict[int, list[Point]] = {}
        self.lines: list[list[Point]] = []

    def add(self, lines: list[Floats]) -> None:
        """Add lines and node them with the edges and with each other.

        Raises
        ------
        Unsettled
            After too many rounds; has never been seen.
        """
        self.lines = [line for line in self._drawn_in(lines) if len(line) > 1]
        for turn in range(_ROUNDS):
            if not self._meet(REACH if turn < _PULLS else _CLOSE, plainly=turn > 3 * _PULLS):
                return
        raise Unsettled

    # --- the ends and corners of new lines -------------------------------------------------------------------------

    def _drawn_in(self, lines: list[Floats]) -> list[list[Point]]:
        """The lines on the lattice, their corners on standing corners or edges within reach."""
        if not lines:
            return []
        spots = np.vstack(lines)
        corners, edges = _near(spots, spots, self.starts, self.ends, REACH + 1)
        order = np.argsort(corners, kind="stable")
        corners, edges = corners[order], edges[order]
        first = np.searchsorted(corners, np.arange(len(spots) + 1))
        found: list[list[Point]] = []
        at = 0
        for line in lines:
            kept: list[Point] = []
            for spot in line:
                near = edges[first[at] : first[at + 1]]
                point = self._at_rest(spot, near) if len(near) else _rounded(spot)
                if not kept or kept[-1] != point:
                    kept.append(point)
                at += 1
            found.append(kept)
        return found

    def _at_rest(self, spot: Floats, edges: Ints) -> Point:
        a, b = self.starts[edges], self.ends[edges]
        corners = np.vstack([a, b])
        away = np.hypot(*(corners - spot).T)
        nearest = int(np.argmin(away))
        if away[nearest] <= REACH:
            return _point(corners[nearest])
        along = b - a
        share = np.clip(((spot - a) * along).sum(axis=1) / (along * along).sum(axis=1), 0.0, 1.0)
        feet = a + along * share[:, None]
        away = np.hypot(*(feet - spot).T)
        nearest = int(np.argmin(away))
        if away[nearest] > REACH:
            return _rounded(spot)
        edge = int(edges[nearest])
        return self._cut(edge, feet[nearest])

    def _cut(self, edge: int, spot: Floats) -> Point:
        """Give an edge a corner near `spot`, and say where."""
        chain = self.chains.get(edge) or [_point(self.starts[edge]), _point(self.ends[edge])]
        points = np.array(chain, dtype=np.int64)
        away = np.hypot(*(points - spot).T)
        if away.min() <= REACH + 2:
            return chain[int(np.argmin(away))]
        along = points[-1] - points[0]
        shares = (points - points[0]) @ along
        where = int(np.searchsorted(shares, (spot - points[0]) @ along))
        where = min(max(where, 1), len(chain) - 1)
        node = self._node(points[where - 1], points[where], spot)
        self.chains[edge] = [*chain[:where], node, *chain[where:]]
        return node

    def _node(self, a: Ints, b: Ints, spot: Floats) -> Point:
        """The point of the lattice near `spot` that lies nearest to the edge a-b, or to what it stands for."""
        points: Floats = np.rint(spot) + _OFFSETS
        unit = (b - a) / np.hypot(*(b - a))
        rest = points - spot
        along = np.abs(rest @ unit)
        off = np.abs(rest[:, 0] * unit[1] - rest[:, 1] * unit[0])
        stands_for = [near for line in self.surveyed if (near := _part_along(line, a, b, spot)) is not None]
        if stands_for:
            off = np.max([_distances(points, near) for near in stands_for], axis=0)
        return _point(points[int(np.argmin(off + 1e-4 * along + (along > REACH)))])

    # --- rounds ----------------------------------------------------------------------------------------------------

    def _meet(self, reach: float, *, plainly: bool) -> bool:
        """One round: corners on edges, then crossings, `plainly` rounded. False where nothing was left to do."""
        edges = _Edges.of(self)
        lines = _Segments.of(self.lines)
        i, j = _near(lines.a, lines.b, edges.a, edges.b, REACH)
        into_lines, into_edges = _Additions(), _Additions()
        # standing corners pull new lines, corners of new lines stand on edges
        into_lines.corners(lines, i, edges.a[j], reach)
        into_lines.corners(lines, i, edges.b[j], reach)
        into_edges.corners(edges, j, lines.a[i], _CLOSE)
        into_edges.corners(edges, j, lines.b[i], _CLOSE)
        k, m = _near(lines.a, lines.b, lines.a, lines.b, 1)
        into_lines.corners(lines, k, lines.a[m], _CLOSE)
        into_lines.corners(lines, k, lines.b[m], _CLOSE)
        bent = np.flatnonzero(edges.bent)
        p, q = _near(edges.a[bent], edges.b[bent], edges.a, edges.b, 1)
        p = bent[p]
        into_edges.corners(edges, p, edges.a[q], _CLOSE)
        into_edges.corners(edges, p, edges.b[q], _CLOSE)
        if not (into_lines or into_edges):
            self._cross(lines, i, edges, j, into_lines, into_edges, plainly=plainly)
            _cross_alike(lines, k, m, into_lines)
            _cross_alike(edges, p, q, into_edges)
        for (line, place), points in into_lines.by_place(lines):
            self.lines[line][place + 1 : place + 1] = points
        for (edge, place), points in into_edges.by_place(edges):
            chain = self.chains.setdefault(edge, [_point(self.starts[edge]), _point(self.ends[edge])])
            chain[place + 1 : place + 1] = points
        return bool(into_lines or into_edges)

    def _cross(
        self,
        lines: "_Segments",
        i: Ints,
        edges: "_Edges",
        j: Ints,
        into_lines: "_Additions",
        into_edges: "_Additions",
        *,
        plainly: bool,
    ) -> None:
        crossing, share, spots = _crossings(lines.a[i], lines.b[i], edges.a[j], edges.b[j])
        for at, part, spot in zip(crossing.tolist(), share.tolist(), spots, strict=True):
            line, edge = int(i[at]), int(j[at])
            a, b = edges.a[edge], edges.b[edge]
            away = np.hypot(*(np.array([a, b]) - spot).T)
            end = int(np.argmin(away))
            if away[end] <= REACH + 2 and not plainly:
                node = _point((a, b)[end])
            else:
                node = _rounded(spot) if plainly else self._node(a, b, spot)
                if node not in (_point(a), _point(b)):
                    into_edges.add(edge, _share(a, b, node), node)
            if node not in (_point(lines.a[line]), _point(lines.b[line])):
                into_lines.add(line, part, node)


class _Segments:
    """Segments of chains of points, with the chain and the place in it from which each was taken."""

    def __init__(self, a: Ints, b: Ints, chain: Ints, place: Ints) -> None:
        self.a, self.b, self.chain, self.place = a, b, chain, place

    @classmethod
    def of(cls, lines: list[list[Point]]) -> "_Segments":
        points = np.array([point for line in lines for point in line], dtype=np.int64).reshape(-1, 2)
        sizes = [len(line) for line in lines]
        chain = np.repeat(np.arange(len(lines)), sizes)
        place = np.concatenate([np.arange(size) for size in sizes]) if sizes else np.empty(0, np.int64)
        within = np.flatnonzero(chain[:-1] == chain[1:]) if len(chain) else np.empty(0, np.int64)
        return cls(points[within], points[within + 1], chain[within], place[within])


class _Edges(_Segments):
    """The standing edges with the corners they gained."""

    bent: NDArray[np.bool_]

    @classmethod
    def of(cls, noding: Noding) -> "_Edges":  # type: ignore[override]
        count = len(noding.starts)
        whole = np.ones(count, dtype=bool)
        whole[list(noding.chains)] = False
        straight = np.flatnonzero(whole)
        split = _Segments.of(list(noding.chains.values()))
        roots = np.array(list(noding.chains), dtype=np.int64)
        made = cls(
            np.vstack([noding.starts[straight], split.a]),
            np.vstack([noding.ends[straight], split.b]),
            np.concatenate([straight, roots[split.chain] if len(roots) else split.chain]),
            np.concatenate([np.zeros(len(straight), np.int64), split.place]),
        )
        made.bent = np.arange(len(made.a)) >= len(straight)
        return made


class _Additions:
    """Corners that segments are to gain: by segment, with the share of its length."""

    def __init__(self) -> None:
        self.of: dict[int, dict[Point, float]] = defaultdict(dict)

    def __bool__(self) -> bool:
        return bool(self.of)

    def add(self, segment: int, share: float, point: Point) -> None:
        self.of[segment].setdefault(point, share)

    def corners(self, segments: _Segments, index: Ints, points: Ints, reach: float) -> None:
        """Points that lie within `reach` of the inside of a segment."""
        a, b = segments.a[index], segments.b[index]
        along, rest = b - a, points - a
        dot = (along * rest).sum(axis=1)
        square = (along * along).sum(axis=1)
        cross = along[:, 0] * rest[:, 1] - along[:, 1] * rest[:, 0]
        hits = np.flatnonzero(
            (dot > 0) & (dot < square) & (np.abs(cross) <= reach * np.sqrt(square.astype(np.float64)))
        )
        for at in hits.tolist():
            point = _point(points[at])
            if point not in (_point(a[at]), _point(b[at])):
                self.add(int(index[at]), float(dot[at]) / float(square[at]), point)

    def by_place(self, segments: _Segments) -> list[tuple[tuple[int, int], list[Point]]]:
        """Chain and place of each segment with its new corners in order, last places first."""
        found = [
            (
                (int(segments.chain[segment]), int(segments.place[segment])),
                [point for _share, point in sorted((share, point) for point, share in points.items())],
            )
            for segment, points in self.of.items()
        ]
        return sorted(found, reverse=True)


def _cross_alike(segments: _Segments, i: Ints, j: Ints, into: _Additions) -> None:
    """Crossings of segments with others of their own kind."""
    crossing, share, spots = _crossings(segments.a[i], segments.b[i], segments.a[j], segments.b[j])
    for at, part, spot in zip(crossing.tolist(), share.tolist(), spots, strict=True):
        node = _rounded(spot)
        one, other = int(i[at]), int(j[at])
        for segment, where in ((one, part), (other, _share(segments.a[other], segments.b[other], node))):
            if node not in (_point(segments.a[segment]), _point(segments.b[segment])):
                into.add(segment, where, node)


def _crossings(a: Ints, b: Ints, c: Ints, d: Ints) -> tuple[Ints, Floats, Floats]:
    """Which segments a-b and c-d cross in their insides, the share of a-b where, and the spots."""
    ab, cd, ac = b - a, d - c, c - a
    o1 = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    o2 = ab[:, 0] * (d - a)[:, 1] - ab[:, 1] * (d - a)[:, 0]
    o3 = cd[:, 0] * -ac[:, 1] + cd[:, 1] * ac[:, 0]
    o4 = cd[:, 0] * (b - c)[:, 1] - cd[:, 1] * (b - c)[:, 0]
    crossing = np.flatnonzero((np.sign(o1) * np.sign(o2) < 0) & (np.sign(o3) * np.sign(o4) < 0))
    t = o3[crossing] / (o3[crossing].astype(np.float64) - o4[crossing])
    return crossing, t, a[crossing] + ab[crossing] * t[:, None]


def _near(a: Ints | Floats, b: Ints | Floats, c: Ints, d: Ints, pad: int) -> tuple[Ints, Ints]:
    """Pairs of segments a-b and c-d whose boxes come within `pad`."""
    empty = np.empty(0, np.int64)
    if not len(a) or not len(c):
        return empty, empty
    low, high = np.minimum(a, b) - pad, np.maximum(a, b) + pad
    lower, upper = np.minimum(c, d), np.maximum(c, d)
    some = np.flatnonzero((upper >= low.min(axis=0)).all(axis=1) & (lower <= high.max(axis=0)).all(axis=1))
    lower, upper = lower[some], upper[some]
    firsts, seconds = [], []
    step = max(1, 2_000_000 // max(len(some), 1))
    for begin in range(0, len(a), step):
        part = slice(begin, begin + step)
        meet = (
            (low[part, None, 0] <= upper[None, :, 0])
            & (high[part, None, 0] >= lower[None, :, 0])
            & (low[part, None, 1] <= upper[None, :, 1])
            & (high[part, None, 1] >= lower[None, :, 1])
        )
        first, second = np.nonzero(meet)
        firsts.append(first + begin)
        seconds.append(some[second])
    return np.concatenate(firsts), np.concatenate(seconds)


def _part_along(line: Floats, a: Ints, b: Ints, spot: Floats) -> Floats | None:
    """The segments of a surveyed line near `spot`, if the edge a-b runs along the line."""
    ends = np.array([a, b], dtype=np.float64)
    low, high = ends.min(axis=0) - _ON_LINE, ends.max(axis=0) + _ON_LINE
    part = line[
        (np.minimum(line[:, 0], line[:, 2]) <= high[0])
        & (np.maximum(line[:, 0], line[:, 2]) >= low[0])
        & (np.minimum(line[:, 1], line[:, 3]) <= high[1])
        & (np.maximum(line[:, 1], line[:, 3]) >= low[1])
    ]
    if not len(part):
        return None
    tests = np.vstack([ends, spot])
    if (_distances(tests, part) > _ON_LINE).any():
        return None
    near: Floats = part[_to_segments(np.array([spot]), part)[0] <= 2 * REACH + _ON_LINE]
    return near


def _to_segments(points: Floats, line: Floats) -> Floats:
    """Distances of points to segments, shape (points, segments)."""
    a, along = line[:, :2], line[:, 2:] - line[:, :2]
    rest = points[:, None, :] - a[None, :, :]
    square = np.maximum((along * along).sum(axis=1), 1e-300)
    share = np.clip((rest * along).sum(axis=2) / square, 0.0, 1.0)
    away = rest - along * share[:, :, None]
    return np.asarray(np.hypot(away[..., 0], away[..., 1]))


def _distances(points: Floats, line: Floats) -> Floats:
    return np.asarray(_to_segments(points, line).min(axis=1))


def _share(a: Ints, b: Ints, point: Point) -> float:
    along = (b - a).astype(np.float64)
    return float((np.array(point) - a) @ along / (along @ along))


def _point(values: Ints | Floats) -> Point:
    return int(values[0]), int(values[1])


def _rounded(spot: Floats) -> Point:
    return round(float(spot[0])), round(float(spot[1]))
