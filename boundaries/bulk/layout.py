"""The arrays that make up an index, as `raster` builds and `kernel` reads them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EMPTY = -1  # cell code: no outline within the tolerance of any of its points
FAR = 250  # largest clearance that is stored

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class Raster(NamedTuple):
    """The index as flat arrays.

    `code` of a cell: a grid number if every point of the cell lies in that grid, farther than the tolerance
    from every border, and no deciding building is near; `EMPTY`; or -2 - k for entry k of the slow tables,
    where values[starts[k]:starts[k + 1]] holds the segments within the tolerance of the cell, grouped by
    grid (or -1 - g for a further grid g that covers the whole cell) and `cover[k]` the first grid that covers
    the whole cell, or -1.
    """

    x0: float
    y0: float
    inv_w: float  # cells per degree
    inv_h: float
    nx: int
    ny: int
    cell_m: float  # lower bound of a cell's width and height, metres
    pad_x: float  # the tolerance in degrees, rounded up
    pad_y: float
    tolerance: float
    reach: float  # the largest
    own_reach: Floats  # (grids,) if they differ, else (0,)
    code: Ints  # (ny * nx,)
    clear: Bytes  # (ny * nx,) chessboard distance to the nearest cell that holds a segment, at most FAR
    starts: Longs
    values: Ints
    cover: Ints
    segments: Floats  # (n, 4)
    segment_grid: Ints
    grid_first: Longs  # (grids + 1,) into segments
    row_first: Ints  # (grids,) first raster row that a grid's rows table holds
    row_base: Longs  # (grids + 1,) into row_starts
    row_starts: Longs
    row_segments: Ints
    order: Ints  # (grids,) the caller's number of each grid
    building_starts: Longs  # (ny * nx + 1,), or (1,) when there is none
    building_items: Ints
    building_first: Longs  # (buildings + 1,) into building_segments
    building_segments: Floats
    building_grid: Ints  # stored grid, -1 if none
    building_order: Ints  # the caller's number of each building
