"""Areas that should tile the ground: what is wrong with them, and a repair that moves no real border.

The whole layer is put on one grid of 1e-8 degree and noded at once; every border then is a chain of edges, and the
ground falls into faces::

    +-----+--+      A face lies in one area (fine), in several (an overlap), or in none (a gap, if it is
    |  A  |//|B     enclosed). Overlaps and narrow gaps are given to the neighbour with which they share
    |     |//|      the longest border; what remains of each area is the union of its faces. As neighbours
    +-----+--+      are unions of the same faces, their common border is the same chain of vertices.

So no vertex moves further than the grid, half a millimetre; only whole slivers change hands. Where an outline is
given it is the authority: the rim of the layer becomes the outline itself (see `rim`).
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries.importing import rim
from boundaries.importing.shapes import PRECISION, Shapes, joined, polygons_of, reproject

Key = Any
"""Whatever areas go by: a code, a number. Hashable."""

GAP_WIDTH_M: Final = 1.0
_NOTHING_M: Final = 0.003
"""Slivers narrower than this, in metres, come of rounding and are settled without a word."""


@dataclass(frozen=True, slots=True)
class Sliver:
    """Ground that belongs to none or to several areas.

    Attributes
    ----------
    owners : tuple
        Areas that claim it; empty for a gap. Beyond the outline: the areas that stick out.
    neighbours : tuple
        Areas along its border, the one with the longest part first.
    place : Polygon
        EPSG:4326.
    area_m2, width_m : float
        Size, and diameter of the largest circle that fits in; at the rim how far it reaches away from the outline,
        where that is less.
    given_to : object or None
        Area that got it in the repair; None where it stays as it is (a hole on purpose, or no repair).
    is_cut : bool
        It lay beyond the outline and was cut off.
    """

    owners: tuple[Key, ...]
    neighbours: tuple[Key, ...]
    place: BaseGeometry
    area_m2: float
    width_m: float
    given_to: Key = None
    is_cut: bool = False

    @property
    def is_gap(self) -> bool:
        """Nobody claims it."""
        return not self.owners


@dataclass(slots=True)
class Moved:
    """What the repair did to one area: square metres won and lost, furthest distance of its border in metres."""

    gained_m2: float = 0.0
    lost_m2: float = 0.0
    moved_m: float = 0.0


@dataclass(slots=True)
class Tiling:
    """The result of `settle`.

    Attributes
    ----------
    areas : dict
        Every area as Polygon or MultiPolygon on the grid; with ``repair`` an edge-matched coverage.
    overlaps, gaps : list of Sliver
        What was wrong; gaps include the holes that stay.
    overhangs : list of Sliver
        Ground of areas beyond the outline.
    moved : dict
        Areas that the repair changed.
    lost : list
        Areas of which nothing was left.
    """

    areas: dict[Key, BaseGeometry]
    overlaps: list[Sliver] = field(default_factory=list)
    gaps: list[Sliver] = field(default_factory=list)
    overhangs: list[Sliver] = field(default_factory=list)
    moved: dict[Key, Moved] = field(default_factory=dict)
    lost: list[Key] = field(default_factory=list)

    @property
    def holes(self) -> list[Sliver]:
        """Gaps that stay: wider than what the repair closes."""
        return [gap for gap in self.gaps if gap.given_to is None]


def edge_faults(areas: Mapping[Key, BaseGeometry]) -> list[Key]:
    """Areas that do not share every vertex with their neighbours, or overlap them.

    This asks `shapely.coverage_invalid_edges`, which says nothing of gaps.
    """
    keys = list(areas)
    if not keys:
        return []
    wrong = shapely.coverage_invalid_edges([areas[key] for key in keys])
    return [key for key, edge in zip(keys, wrong, strict=True) if edge is not None and not edge.is_empty]


def half_edge_faults(areas: Mapping[Key, BaseGeometry]) -> list[tuple[float, float, float, float]]:
    """Half-edges that break the rule: each stands twice, once in each direction, or once on the rim.

    Returns
    -------
    list of (x1, y1, x2, y2)
        Edges that stand twice in one direction, or more than twice. Empty for a valid coverage. An edge that lies on
        part of another is found as a crossing by `edge_faults`.
    """
    rings = shapely.get_rings(
        shapely.get_parts(shapely.orient_polygons(np.array(list(areas.values()), dtype=object)))
    )
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    inside = ring_of[:-1] == ring_of[1:]
    edges = np.hstack([points[:-1][inside], points[1:][inside]])
    if not len(edges):
        return []
    found, counts = np.unique(edges, axis=0, return_counts=True)
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in found[counts > 1]]


def settle(
    areas: Mapping[Key, BaseGeometry],
    metric_srid: int,
    *,
    repair: bool = False,
    gap_width_m: float = GAP_WIDTH_M,
    outline: BaseGeometry | None = None,
) -> Tiling:
    """Check areas that should tile, and repair them if asked.

    Parameters
    ----------
    areas : mapping of key to Polygon or MultiPolygon
        EPSG:4326, valid one by one. Not changed.
    metric_srid : int
        EPSG code of the projection for areas and widths.
    repair : bool
        Give overlaps and gaps to neighbours; otherwise areas come back noded and on the grid, with their overlaps, and
        only what rounding left (under 3 mm) is settled.
    gap_width_m : float
        Gaps up to this width are closed, wider ones are holes on purpose and stay.
    outline : Polygon or MultiPolygon, optional
        What the areas tile together, and the authority at the rim: what is missing up to it is a gap, what reaches
        beyond it an overhang, both repaired up to the width.

    Returns
    -------
    Tiling
    """
    keys: list[Key] = list(areas)
    if not keys:
        return Tiling({})
    given: Shapes = np.array(list(areas.values()), dtype=np.object_)
    extra = (
        _lids(given, metric_srid, gap_width_m)
        if outline is None
        else rim.cuts(given, outline, metric_srid, gap_width_m)
    )
    faces = _faces(given, outline, extra)
    owners = _owners(faces, given)
    inside = _within(faces, outline)

    plain: Shapes = np.asarray(reproject(faces, 4326, metric_srid), dtype=object)
    ground = _Ground(keys, faces, owners, shapely.area(plain), _borders(faces, plain), gap_width_m, repair)
    is_open = np.array([not who for who in owners], dtype=bool)
    disputed = np.array([len(who) > 1 for who in owners], dtype=bool)
    beyond = ~is_open & ~inside
    odd = np.flatnonzero(disputed | beyond | (is_open & inside))
    widths = _widths(plain, [int(face) for face in odd])
    if outline is not None:
        at_rim = rim.depths(plain, odd, reproject(outline, 4326, metric_srid))
        # in a strip along the rim no circle is wider than twice its depth; where one is, the depth says nothing
        widths |= {
            face: min(width, at_rim[face]) for face, width in widths.items() if width <= 2 * at_rim[face]
        }

    tiling = Tiling({})
    for face in map(int, np.flatnonzero(beyond)):
        _cut(tiling, ground, face, widths[face])
    winner: list[int | None] = [next(iter(who)) if len(who) == 1 else None for who in owners]
    settled = [-1 if who is None else who for who in winner]
    waiting = sorted(
        (int(face) for face in odd if not beyond[face] or len(owners[face]) > 1),
        key=lambda face: float(-ground.sizes[face]),
    )
    # a gap that lies between gaps only waits until one of them has an owner
    while waiting:
        later = [face for face in waiting if not _give(tiling, ground, face, widths[face], settled, winner)]
        if len(later) == len(waiting):
            for face in later:
                _give(tiling, ground, face, widths[face], settled, winner, alone=True)
            break
        waiting = later

    pieces: dict[int, list[BaseGeometry]] = defaultdict(list)
    for face, won_by in enumerate(winner):
        for member in owners[face] if won_by is None else {won_by}:
            pieces[member].append(faces[face])
    for index, key in enumerate(keys):
        own = pieces.get(index)
        if not own:
            tiling.lost.append(key)
            continue
        tiling.areas[key] = (
            own[0] if len(own) == 1 else polygons_of(shapely.coverage_union_all(own)) or joined(own)
        )
    return tiling


@dataclass(frozen=True, slots=True)
class _Ground:
    """The faces of a layer: owners by index of the area, sizes in square metres, borders in metres."""

    keys: list[Key]
    faces: Shapes
    owners: list[set[int]]
    sizes: NDArray[np.float64]
    borders: list[dict[int, float]]
    gap_width_m: float
    repair: bool

    def sliver(self, face: int, width: float, **more: Any) -> Sliver:
        """What the report says of a face."""
        claimed = tuple(self.keys[who] for who in sorted(self.owners[face]))
        return Sliver(
            claimed, more.pop("neighbours", ()), self.faces[face], float(self.sizes[face]), width, **more
        )


def _cut(tiling: Tiling, ground: _Ground, face: int, width: float) -> None:
    """Take ground beyond the outline from the areas that claim it, if it is narrow."""
    is_cut = width <= ground.gap_width_m and (ground.repair or width <= _NOTHING_M)
    if width > _NOTHING_M:
        tiling.overhangs.append(ground.sliver(face, width, is_cut=is_cut))
        for who in ground.owners[face] if is_cut else ():
            _note(tiling, ground.keys[who], lost=float(ground.sizes[face]), width=width)
    if is_cut:
        ground.owners[face].clear()


def _give(
    tiling: Tiling,
    ground: _Ground,
    face: int,
    width: float,
    settled: list[int],
    winner: list[int | None],
    *,
    alone: bool = False,
) -> bool:
    """Decide about a gap or an overlap; False where it has to wait for its neighbours, unless `alone`."""
    owners, keys = ground.owners[face], ground.keys
    is_gap = not owners
    lengths: dict[int, float] = defaultdict(float)
    for other, length in ground.borders[face].items():
        if settled[other] >= 0:
            lengths[settled[other]] += length
    if is_gap and not lengths and not alone and width <= ground.gap_width_m:
        return False
    to: int | None = None
    if is_gap:
        if width <= ground.gap_width_m and lengths:
            to = max(lengths, key=lambda who: (lengths[who], -who))
    else:
        to = max(owners, key=lambda who: (lengths.get(who, 0.0), -who))
    given_to = to if ground.repair or width <= _NOTHING_M else None
    if given_to is not None:
        winner[face] = settled[face] = given_to
    if width > _NOTHING_M:
        nearest_first = tuple(keys[who] for who in sorted(lengths, key=lambda who: (-lengths[who], who)))
        sliver = ground.sliver(
            face, width, neighbours=nearest_first, given_to=None if given_to is None else keys[given_to]
        )
        (tiling.gaps if is_gap else tiling.overlaps).append(sliver)
        if given_to is not None:
            size = float(ground.sizes[face])
            for who in owners - {given_to}:
                _note(tiling, keys[who], lost=size, width=width)
            if is_gap:
                _note(tiling, keys[given_to], gained=size, width=width)
    return True


def _note(tiling: Tiling, key: Key, *, gained: float = 0.0, lost: float = 0.0, width: float) -> None:
    entry = tiling.moved.setdefault(key, Moved())
    entry.gained_m2 += gained
    entry.lost_m2 += lost
    entry.moved_m = max(entry.moved_m, width)


def _lids(given: Shapes, metric_srid: int, width: float) -> list[BaseGeometry]:
    """Lines that close slits between neighbours where they open to the rim, so that they become faces.

    ::

        +-----+ +-----+        Two areas drawn one by one seldom meet; the slit between them runs out to
        |  A  |l|  B  |        the rim and encloses nothing. A lid (l, across) at each mouth makes it a gap.
        +-----+ +-----+        A slit is what closing by half the width fills, longer than wide, between two areas.
    """
    plain = np.asarray(reproject(given, 4326, metric_srid), dtype=object)
    together = shapely.union_all(plain)
    half = width / 2
    closed = together.buffer(half, join_style="mitre").buffer(-half, join_style="mitre")
    slits = shapely.get_parts(closed.difference(together.buffer(1e-4)))
    slits = slits[shapely.area(slits) > width * width / 4]
    if not len(slits):
        return []
    tree = STRtree(plain)
    walls = shapely.union_all(shapely.boundary(given))
    found: list[BaseGeometry] = []
    for slit in slits:
        long = slit.length / 2
        if long < 3 * width or len(tree.query(slit, predicate="dwithin", distance=2e-3)) < 2:
            continue
        for mouth in shapely.get_parts(shapely.line_merge(slit.boundary.difference(together.buffer(3e-3)))):
            if mouth.length == 0 or mouth.is_ring:
                continue
            ends = reproject(shapely.points(shapely.get_coordinates(mouth)[[0, -1]]), metric_srid, 4326)
            # on the walls as they stand in degrees, for a straight line in metres is another one
            feet = [shapely.get_coordinates(shapely.shortest_line(end, walls))[1] for end in ends]
            found.append(shapely.LineString(feet))
    return found


def _faces(given: Shapes, outline: BaseGeometry | None, lids: list[BaseGeometry]) -> Shapes:
    """Faces of the linework of the whole layer, snapped and noded at once on the grid."""
    lines = np.append(shapely.boundary(given), lids)
    if outline is not None:
        lines = np.append(lines, shapely.boundary(outline))
    noded = shapely.union_all(lines, grid_size=PRECISION)
    faces: Shapes = np.asarray(shapely.get_parts(shapely.polygonize([noded])), dtype=object)
    return faces


def _owners(faces: Shapes, given: Shapes) -> list[set[int]]:
    """Areas in which each face lies."""
    inner = shapely.point_on_surface(faces)
    tree = STRtree(given)
    found: list[set[int]] = [set() for _face in faces]
    for face, area in tree.query(inner, predicate="intersects").T:
        found[int(face)].add(int(area))
    return found


def _within(faces: Shapes, outline: BaseGeometry | None) -> NDArray[np.bool_]:
    if outline is None:
        return np.ones(len(faces), dtype=bool)
    shapely.prepare(outline)
    return np.asarray(shapely.intersects(outline, shapely.point_on_surface(faces)))


def _borders(faces: Shapes, plain: Shapes) -> list[dict[int, float]]:
    """Length in metres of the border that each face shares with each other face.

    Faces of noded linework share whole edges, so equal edges are enough; no overlay is needed.
    """
    rings = shapely.get_rings(faces, return_index=True)
    points, ring_of = shapely.get_coordinates(rings[0], return_index=True)
    metres = shapely.get_coordinates(shapely.get_rings(plain))
    inside = ring_of[:-1] == ring_of[1:]
    start, end = points[:-1][inside], points[1:][inside]
    lengths = np.hypot(*(metres[1:][inside] - metres[:-1][inside]).T)
    owner = rings[1][ring_of[:-1][inside]]
    swap = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    edges = np.where(swap[:, None], np.hstack([end, start]), np.hstack([start, end]))
    order = np.lexsort(edges.T[::-1])
    edges, owner, lengths = edges[order], owner[order], lengths[order]
    same = np.flatnonzero((edges[:-1] == edges[1:]).all(axis=1))
    found: list[dict[int, float]] = [{} for _face in faces]
    for at in same:
        one, two, length = int(owner[at]), int(owner[at + 1]), float(lengths[at])
        found[one][two] = found[one].get(two, 0.0) + length
        found[two][one] = found[two].get(one, 0.0) + length
    return found


def _widths(plain: Shapes, order: list[int]) -> dict[int, float]:
    """Diameter of the largest circle in each face, in metres."""
    found: dict[int, float] = {}
    for face in order:
        shape = plain[face]
        # a circle never has more than the area, and slivers are many: spare the search where the bound decides
        bound = 4.0 * shape.area / max(shape.length, 1e-12)
        if bound <= _NOTHING_M / 4:
            found[face] = bound
            continue
        radius = shapely.maximum_inscribed_circle(shape, tolerance=max(bound / 100.0, 1e-4))
        found[face] = 2.0 * float(shapely.length(radius))
    return found
