r"""Builds the raster of cells in which `kernel` looks points up.

A cell is settled in advance where nothing near it can be in doubt; every test errs to the side of "look closer":

    + - - - + - - - + - - - +      . settled: all of the cell is in A and farther than the tolerance from a border
    |   .   |   . ..|A..|   |
    |   A   |  ...  | \ |   |      \ unsettled: keeps the few segments that come near it
    + - - - + -..- -+ - \ - +
"""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from boundaries.bulk.compiled import compiled
from boundaries.bulk.kernel import metres_per_degree
from boundaries.bulk.layout import EMPTY, FAR, Bytes, Floats, Ints, Longs, Raster

MARGIN_M = 1e-3  # added to the tolerance where cells are marked; far above any rounding
MAX_CELLS = 4_000_000
DOUBTFUL_SHARE = 0.05  # of the cells, which sets their size


@dataclass(frozen=True)
class Edges:
    """Segments of polygons: `segments` (n, 4) as the kernel wants them, `first` (polygons + 1,) into it."""

    segments: Floats
    first: Longs

    @property
    def owner(self) -> Ints:
        return np.repeat(np.arange(self.first.size - 1, dtype=np.int32), np.diff(self.first))


def edges_of(polygons: NDArray[np.object_]) -> Edges:
    """All segments of the rings of each polygon or multipolygon, lower end first."""
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    if not len(xy):
        return Edges(np.empty((0, 4)), np.zeros(len(polygons) + 1, np.int64))
    start, end, within = xy[:-1], xy[1:], ring[:-1] == ring[1:]
    within &= (start != end).any(axis=1)
    start, end = start[within], end[within]
    owner = part_owner[ring_part[ring[:-1][within]]]
    turned = (start[:, 1] > end[:, 1]) | ((start[:, 1] == end[:, 1]) & (start[:, 0] > end[:, 0]))
    segments = np.where(turned[:, None], np.hstack([end, start]), np.hstack([start, end]))
    first = np.zeros(len(polygons) + 1, np.int64)
    np.cumsum(np.bincount(owner, minlength=len(polygons)), out=first[1:])
    return Edges(np.ascontiguousarray(segments), first)


@compiled
def fill_rows(
    segments: Floats,
    segment_grid: Ints,
    y0: float,
    inv_h: float,
    ny: int,
    pad_y: float,
    row_first: Ints,
    row_base: Longs,
) -> tuple[Longs, Ints]:
    """For each grid and raster row, the segments whose padded height touches the row."""
    starts = np.zeros(row_base[-1] + 1, np.int64)
    items = np.empty(0, np.int32)
    place = starts
    for fill in range(2):
        for s in range(segments.shape[0]):
            grid = segment_grid[s]
            low = max(int((segments[s, 1] - pad_y - y0) * inv_h), 0)
            high = min(int((segments[s, 3] + pad_y - y0) * inv_h), ny - 1)
            for row in range(low, high + 1):
                at = row_base[grid] + row - row_first[grid]
                if fill == 0:
                    starts[at + 1] += 1
                else:
                    items[place[at]] = s
                    place[at] += 1
        if fill == 0:
            starts = np.cumsum(starts)
            items = np.empty(starts[-1], np.int32)
            place = starts.copy()
    return starts, items


@compiled
def span(
    segments: Floats,
    s: int,
    row: int,
    x0: float,
    y0: float,
    inv_w: float,
    inv_h: float,
    nx: int,
    pad_x: float,
    pad_y: float,
) -> tuple[int, int]:
    """First and last cell of the row that segment s comes near; (0, -1) if none."""
    x1, y1, x2, y2 = segments[s, 0], segments[s, 1], segments[s, 2], segments[s, 3]
    bottom = y0 + row / inv_h - pad_y
    top = y0 + (row + 1) / inv_h + pad_y
    if y2 < bottom or y1 > top:
        return 0, -1
    left = x1
    right = x2
    if y1 < bottom:
        left = x1 + (x2 - x1) * ((bottom - y1) / (y2 - y1))
    if y2 > top:
        right = x1 + (x2 - x1) * ((top - y1) / (y2 - y1))
    if left > right:
        left, right = right, left
    first = int((left - pad_x - x0) * inv_w)
    last = int((right + pad_x - x0) * inv_w)
    return max(first, 0), min(last, nx - 1)


@compiled
def sweep(
    segments: Floats, row_first: Ints, row_base: Longs, row_starts: Longs, row_segments: Ints,
    x0: float, y0: float, inv_w: float, inv_h: float, nx: int, ny: int, pad_x: float, pad_y: float,
) -> tuple[Ints, Bytes, Longs, Ints]:  # fmt: skip
    """Which grid covers each cell whole, which cells hold a segment, and each cell's list of doubtful things."""
    starts = np.zeros(nx * ny + 1, np.int64)
    values = np.empty(0, np.int32)
    place = starts
    cover = np.full(nx * ny, -1, np.int32)
    doubtful = np.zeros(nx * ny, np.uint8)
    stamp = np.full(nx, -1, np.int64)
    cuts = np.empty(row_segments.size + 2, np.float64)
    for fill in range(2):
        cover[:] = -1
        stamp[:] = -1
        for grid in range(row_first.size):
            for b in range(row_base[grid], row_base[grid + 1]):
                row = row_first[grid] + b - row_base[grid]
                n = 0
                middle = y0 + (row + 0.5) / inv_h
                for i in range(row_starts[b], row_starts[b + 1]):
                    s = row_segments[i]
                    first, last = span(segments, s, row, x0, y0, inv_w, inv_h, nx, pad_x, pad_y)
                    for ix in range(first, last + 1):
                        cell = row * nx + ix
                        stamp[ix] = b
                        if fill == 0:
                            starts[cell + 1] += 1
                            doubtful[cell] = 1
                        else:
                            values[place[cell]] = s
                            place[cell] += 1
                    y1, y2 = segments[s, 1], segments[s, 3]
                    if y1 <= middle < y2:
                        cuts[n] = segments[s, 0] + (segments[s, 2] - segments[s, 0]) * (
                            (middle - y1) / (y2 - y1)
                        )
                        n += 1
                cuts[:n].sort()
                for pair in range(0, n - 1, 2):
                    # cells whose centre lies between two crossings; those at a crossing bear the stamp
                    first = max(math.ceil((cuts[pair] - x0) * inv_w - 0.5), 0)
                    last = min(math.floor((cuts[pair + 1] - x0) * inv_w - 0.5), nx - 1)
                    for ix in range(first, last + 1):
                        cell = row * nx + ix
                        if stamp[ix] == b:
                            continue
                        if cover[cell] < 0:
                            cover[cell] = grid
                        elif fill == 0:
                            starts[cell + 1] += 1
                        else:
                            values[place[cell]] = -1 - grid
                            place[cell] += 1
        if fill == 0:
            starts = np.cumsum(starts)
            values = np.empty(starts[-1], np.int32)
            place = starts.copy()
    return cover, doubtful, starts, values


@compiled
def clearance(doubtful: Bytes, nx: int, ny: int) -> Bytes:
    """Chessboard distance of each cell to the nearest doubtful one, in two passes."""
    clear = np.where(doubtful == 1, 0, FAR).astype(np.uint8)
    for iy in range(ny):
        for ix in range(nx):
            least = clear[iy * nx + ix]
            if ix > 0:
                least = min(least, clear[iy * nx + ix - 1] + 1)
            if iy > 0:
                for jx in range(max(ix - 1, 0), min(ix + 2, nx)):
                    least = min(least, clear[(iy - 1) * nx + jx] + 1)
            clear[iy * nx + ix] = least
    for iy in range(ny - 1, -1, -1):
        for ix in range(nx - 1, -1, -1):
            least = clear[iy * nx + ix]
            if ix < nx - 1:
                least = min(least, clear[iy * nx + ix + 1] + 1)
            if iy < ny - 1:
                for jx in range(max(ix - 1, 0), min(ix + 2, nx)):
                    least = min(least, clear[(iy + 1) * nx + jx] + 1)
            clear[iy * nx + ix] = least
    return clear


@compiled
def boxes_in_grid(boxes: Longs, stored: Ints, settled: Ints, nx: int) -> Bytes:
    """1 for each box of cells (west, south, east, north) that lies in settled ground of its stored grid."""
    plain = np.zeros(stored.size, np.uint8)
    for i in range(stored.size):
        good = True
        for iy in range(boxes[i, 1], boxes[i, 3] + 1):
            for ix in range(boxes[i, 0], boxes[i, 2] + 1):
                good = good and settled[iy * nx + ix] == stored[i]
        plain[i] = good
    return plain


@compiled
def fill_boxes(boxes: Longs, nx: int, ny: int) -> tuple[Longs, Ints]:
    """For each cell the boxes that touch it, in their order."""
    starts = np.zeros(nx * ny + 1, np.int64)
    items = np.empty(0, np.int32)
    place = starts
    for fill in range(2):
        for i in range(boxes.shape[0]):
            for iy in range(boxes[i, 1], boxes[i, 3] + 1):
                for ix in range(boxes[i, 0], boxes[i, 2] + 1):
                    cell = iy * nx + ix
                    if fill == 0:
                        starts[cell + 1] += 1
                    else:
                        items[place[cell]] = i
                        place[cell] += 1
        if fill == 0:
            starts = np.cumsum(starts)
            items = np.empty(starts[-1], np.int32)
            place = starts.copy()
    return starts, items


@dataclass(frozen=True)
class Frame:
    """Place and size of the cells."""

    x0: float
    y0: float
    inv_w: float
    inv_h: float
    nx: int
    ny: int
    cell_m: float
    pad_x: float
    pad_y: float

    @classmethod
    def around(cls, edges: Edges, others: Floats, *, tolerance: float, reach: float) -> "Frame":
        """Cells so small that about a twentieth of them holds a border, and no more than `MAX_CELLS`.

        `others` bounds what else must lie on the raster; NaN for nothing.
        """
        segments = edges.segments
        if not len(segments):
            return cls(0.0, 0.0, 0.0, 0.0, 0, 0, math.inf, 0.0, 0.0)
        west = np.fmin(segments[:, [0, 2]].min(), others[0])
        south = np.fmin(segments[:, 1].min(), others[1])
        east = np.fmax(segments[:, [0, 2]].max(), others[2])
        north = np.fmax(segments[:, 3].max(), others[3])
        kx, ky = metres_per_degree((south + north) / 2)
        margin = min(reach, 0.05 * max((east - west) * kx, (north - south) * ky)) + 4 * tolerance
        south, north = south - margin / ky, north + margin / ky
        kx_least, _ = metres_per_degree(max(abs(south), abs(north)))
        kx_most, ky_least = metres_per_degree(0.0 if south <= 0.0 <= north else min(abs(south), abs(north)))
        west, east = west - margin / kx_least, east + margin / kx_least
        pad_x, pad_y = (tolerance + MARGIN_M) / kx_least, (tolerance + MARGIN_M) / ky_least

        width_m, height_m = (east - west) * kx_most, (north - south) * ky
        dx, dy = segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1]
        border_m = np.hypot(dx * kx_most, dy * ky).sum() / 2  # most borders stand in two outlines
        cell_m = max(
            DOUBTFUL_SHARE * width_m * height_m / (1.3 * border_m),
            math.sqrt(width_m * height_m / MAX_CELLS),
            2 * tolerance,
        )
        nx, ny = max(1, math.ceil(width_m / cell_m)), max(1, math.ceil(height_m / cell_m))
        w, h = (east - west) / nx, (north - south) / ny
        return cls(
            west, south, 1.0 / w, 1.0 / h, nx, ny, min(w * kx_least, h * ky_least) * (1 - 1e-9), pad_x, pad_y
        )

    def boxes(self, bounds: Floats) -> Longs:
        """Cells (west, south, east, north) that boxes in degrees touch with a margin; empty ones beside the raster."""
        west = np.floor((bounds[:, 0] - self.pad_x - self.x0) * self.inv_w)
        south = np.floor((bounds[:, 1] - self.pad_y - self.y0) * self.inv_h)
        east = np.floor((bounds[:, 2] + self.pad_x - self.x0) * self.inv_w)
        north = np.floor((bounds[:, 3] + self.pad_y - self.y0) * self.inv_h)
        cells = np.column_stack(
            [west.clip(0), south.clip(0), east.clip(max=self.nx - 1), north.clip(max=self.ny - 1)]
        )
        return cells.astype(np.int64)


@dataclass(frozen=True)
class Buildings:
    """Footprints in the order of precedence, the grid that each is stored with (-1: none), and the caller's numbers."""

    footprints: NDArray[np.object_]
    grids: Ints
    order: Ints


def build(
    outlines: NDArray[np.object_],
    order: Ints,
    buildings: Buildings,
    *,
    tolerance: float,
    reaches: Floats,
    every_building: bool,
) -> Raster:
    """The raster of outlines that are sorted by code; `order` gives the caller's number of each."""
    reach = float(reaches.max(initial=0.0))
    edges = edges_of(outlines)
    owner = edges.owner
    on_plan = buildings.footprints[(buildings.grids >= 0) | every_building]
    others = shapely.total_bounds(on_plan) if len(on_plan) else np.full(4, np.nan)
    frame = Frame.around(edges, others, tolerance=tolerance, reach=reach)
    nx, ny = frame.nx, frame.ny

    low, high = edges.segments[:, 1], edges.segments[:, 3]
    row_first, row_last = np.zeros((2, len(outlines)), np.int32)
    if len(outlines):
        rows_low = np.floor(
            (np.minimum.reduceat(low, edges.first[:-1]) - frame.pad_y - frame.y0) * frame.inv_h
        )
        rows_high = np.floor(
            (np.maximum.reduceat(high, edges.first[:-1]) + frame.pad_y - frame.y0) * frame.inv_h
        )
        row_first = rows_low.clip(0).astype(np.int32)
        row_last = rows_high.clip(max=ny - 1).astype(np.int32)
    row_base = np.zeros(len(outlines) + 1, np.int64)
    np.cumsum(row_last - row_first + 1, out=row_base[1:])
    row_starts, row_segments = fill_rows(
        edges.segments, owner, frame.y0, frame.inv_h, ny, frame.pad_y, row_first, row_base
    )
    cover, doubtful, starts, values = sweep(
        edges.segments, row_first, row_base, row_starts, row_segments,
        frame.x0, frame.y0, frame.inv_w, frame.inv_h, nx, ny, frame.pad_x, frame.pad_y,
    )  # fmt: skip
    listed = np.diff(starts) > 0
    settled = np.where(listed, np.int32(EMPTY), cover)

    deciding = _deciding(buildings, outlines, frame, settled)
    unsettled = listed.copy()
    if deciding.any():
        touched, _ = fill_boxes(frame.boxes(shapely.bounds(buildings.footprints[deciding])), nx, ny)
        unsettled |= np.diff(touched) > 0
    kept = buildings
    if not every_building:
        chosen = deciding | _touching(buildings.footprints, deciding)
        kept = Buildings(buildings.footprints[chosen], buildings.grids[chosen], buildings.order[chosen])
    footprints = edges_of(kept.footprints)
    building_starts, building_items = np.zeros(1, np.int64), np.empty(0, np.int32)
    if len(kept.footprints) and nx:
        building_starts, building_items = fill_boxes(frame.boxes(shapely.bounds(kept.footprints)), nx, ny)

    code = settled.copy()
    cells = np.flatnonzero(unsettled)
    code[cells] = -2 - np.arange(cells.size, dtype=np.int32)
    return Raster(
        x0=frame.x0, y0=frame.y0, inv_w=frame.inv_w, inv_h=frame.inv_h, nx=nx, ny=ny,
        cell_m=frame.cell_m, pad_x=frame.pad_x, pad_y=frame.pad_y, tolerance=tolerance,
        reach=reach, own_reach=reaches if (reaches < reach).any() else np.empty(0),
        code=code, clear=clearance(doubtful, nx, ny),
        starts=np.append(starts[cells], starts[-1]), values=values, cover=cover[cells],
        segments=edges.segments, segment_grid=owner, grid_first=edges.first,
        row_first=row_first, row_base=row_base, row_starts=row_starts, row_segments=row_segments, order=order,
        building_starts=building_starts, building_items=building_items, building_first=footprints.first,
        building_segments=footprints.segments, building_grid=kept.grids, building_order=kept.order,
    )  # fmt: skip


def _deciding(
    buildings: Buildings, outlines: NDArray[np.object_], frame: Frame, settled: Ints
) -> NDArray[np.bool_]:
    """Which buildings can change an answer: all but those that lie in their stored grid and touch no other."""
    stored = np.flatnonzero(buildings.grids >= 0)
    result = np.zeros(len(buildings.grids), np.bool_)
    if not stored.size or not frame.nx:
        return result
    footprints, grids = buildings.footprints[stored], buildings.grids[stored]
    plain = boxes_in_grid(frame.boxes(shapely.bounds(footprints)), grids, settled, frame.nx) == 1
    stored, footprints, grids = stored[~plain], footprints[~plain], grids[~plain]
    shapely.prepare(outlines)
    foreign = ~shapely.covers(outlines[grids], footprints)
    one, touched = shapely.STRtree(outlines).query(footprints, predicate="intersects")
    foreign[one[touched != grids[one]]] = True
    result[stored[foreign]] = True
    return result


def _touching(footprints: NDArray[np.object_], deciding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which buildings share a place with a deciding one: whichever comes first answers there."""
    result = np.zeros(len(footprints), np.bool_)
    if deciding.any():
        _, other = shapely.STRtree(footprints).query(footprints[deciding], predicate="intersects")
        result[other] = True
    return result
