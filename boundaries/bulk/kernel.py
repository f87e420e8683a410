"""Compiled core of bulk locating: exact predicates, and the rule for one point at a time.

Everything that these functions call lives in this file: Numba's cache watches only the file of the function
that is called, and would keep stale code of a callee elsewhere.

Segments are rows (x1, y1, x2, y2) in degrees with y1 <= y2 (x1 < x2 if level), so that both neighbours of a
border see the same numbers. Grids are numbered in the order of their codes.
"""

import math

import numpy as np

from boundaries.bulk.compiled import compiled, inner
from boundaries.bulk.layout import EMPTY, FAR, Bytes, Floats, Ints, Longs, Raster

INSIDE, EDGE, NEAREST, OUTSIDE, INVALID = 0, 1, 2, 3, 4
NO_REASON, MISSING, OUT_OF_RANGE, SWAPPED, BAD_ACCURACY = 0, 1, 2, 3, 4

MAX_ACCURACY_M = 500.0  # as in `boundaries.locating`

SEMI_MAJOR = 6378137.0  # WGS 84
ECCENTRICITY_2 = 6.69437999014e-3


# --- predicates ---


@inner
def metres_per_degree(lat: float) -> tuple[float, float]:
    """Length of one degree of longitude and of latitude on the WGS 84 ellipsoid at `lat`, metres."""
    phi = math.radians(lat)
    sine = math.sin(phi)
    w2 = 1.0 - ECCENTRICITY_2 * sine * sine
    normal = SEMI_MAJOR / math.sqrt(w2)
    meridian = normal * (1.0 - ECCENTRICITY_2) / w2
    return math.radians(normal * math.cos(phi)), math.radians(meridian)


@inner
def two_product(a: float, b: float) -> tuple[float, float]:
    product = a * b
    split = 134217729.0 * a
    a_high = split - (split - a)
    a_low = a - a_high
    split = 134217729.0 * b
    b_high = split - (split - b)
    b_low = b - b_high
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


@inner
def exact_side(ax: float, ay: float, bx: float, by: float, px: float, py: float, work: Floats) -> int:
    """The sign of the orientation determinant by exact expansions (Shewchuk 1997); `work` has room for 12 terms.

    It is handed in because an inner function may not allocate.
    """
    size = 0
    left = (ax, -ax, -px, -ay, ay, py)
    right = (by, py, by, bx, px, bx)
    for k in range(6):
        high, low = two_product(left[k], right[k])
        for part in range(2):
            total = low if part == 0 else high
            for i in range(size):
                term = work[i]
                grown = total + term
                virtual = grown - total
                work[i] = (total - (grown - virtual)) + (term - virtual)
                total = grown
            work[size] = total
            size += 1
    for i in range(size - 1, -1, -1):
        if work[i] > 0.0:
            return 1
        if work[i] < 0.0:
            return -1
    return 0


@inner
def side(ax: float, ay: float, bx: float, by: float, px: float, py: float, work: Floats) -> int:
    """1 if p lies left of a -> b, -1 if right, 0 if exactly on the line."""
    left = (ax - px) * (by - py)
    right = (ay - py) * (bx - px)
    det = left - right
    bound = 3.3306690738754716e-16 * (abs(left) + abs(right))
    if det > bound:
        return 1
    if det < -bound:
        return -1
    return exact_side(ax, ay, bx, by, px, py, work)


@inner
def crossing(segments: Floats, s: int, x: float, y: float, work: Floats) -> int:
    """How the ray from (x, y) eastwards meets segment s: 1 crosses, 0 misses, 2 the point is on the segment."""
    y1 = segments[s, 1]
    y2 = segments[s, 3]
    if y < y1 or y > y2:
        return 0
    x1 = segments[s, 0]
    x2 = segments[s, 2]
    if x > x1 and x > x2:
        return 0
    if y1 == y2:
        return 2 if x >= x1 else 0
    if y == y2:  # the upper end belongs to the next segment
        return 2 if x == x2 else 0
    turn = side(x1, y1, x2, y2, x, y, work)
    if turn == 0:
        return 2
    return 1 if turn > 0 else 0


@inner
def grid_holds(r: Raster, grid: int, row: int, x: float, y: float, work: Floats) -> bool:
    """Whether the closed outline holds the point; `row` is the raster row of the point."""
    at = row - r.row_first[grid]
    base = r.row_base[grid]
    if at < 0 or base + at >= r.row_base[grid + 1]:
        return False
    odd = False
    for i in range(r.row_starts[base + at], r.row_starts[base + at + 1]):
        met = crossing(r.segments, r.row_segments[i], x, y, work)
        if met == 2:
            return True
        if met == 1:
            odd = not odd
    return odd


@inner
def building_at(r: Raster, cell: int, x: float, y: float, work: Floats) -> int:
    """The first building whose closed footprint holds the point, or -1."""
    if r.building_starts.size == 1:
        return -1
    for i in range(r.building_starts[cell], r.building_starts[cell + 1]):
        item = r.building_items[i]
        odd = False
        on = False
        for s in range(r.building_first[item], r.building_first[item + 1]):
            met = crossing(r.building_segments, s, x, y, work)
            if met == 2:
                on = True
                break
            if met == 1:
                odd = not odd
        if on or odd:
            return int(item)
    return -1


@inner
def square_distance(segments: Floats, s: int, x: float, y: float, kx: float, ky: float) -> float:
    """Squared distance from (x, y) to segment s, square metres."""
    ax = (segments[s, 0] - x) * kx
    ay = (segments[s, 1] - y) * ky
    bx = (segments[s, 2] - x) * kx
    by = (segments[s, 3] - y) * ky
    dx = bx - ax
    dy = by - ay
    along = -(ax * dx + ay * dy)
    length = dx * dx + dy * dy
    if along <= 0.0:
        return float(ax * ax + ay * ay)
    if along >= length:
        return float(bx * bx + by * by)
    cross = ax * by - ay * bx
    return float(cross * cross / length)


# --- which outlines are near ---


@inner
def near_in_cell(
    r: Raster, cell: int, row: int, x: float, y: float, radius: float, kx: float, ky: float,
    grids: Longs, distances: Floats, holds: Bytes, work: Floats,
) -> int:  # fmt: skip
    """Outlines that hold the point or lie within `radius` <= tolerance of it, from the cell's own list."""
    code = r.code[cell]
    if code == EMPTY:
        return 0
    if code >= 0:
        grids[0], distances[0], holds[0] = code, 0.0, 1
        return 1
    k = -2 - code
    n = 0
    if r.cover[k] >= 0:
        grids[0], distances[0], holds[0] = r.cover[k], 0.0, 1
        n = 1
    i = r.starts[k]
    stop = r.starts[k + 1]
    while i < stop:
        value = r.values[i]
        if value < 0:
            grids[n], distances[n], holds[n] = -1 - value, 0.0, 1
            n += 1
            i += 1
            continue
        grid = r.segment_grid[value]
        best = np.inf
        while i < stop and r.values[i] >= 0 and r.segment_grid[r.values[i]] == grid:
            best = min(best, square_distance(r.segments, r.values[i], x, y, kx, ky))
            i += 1
        if grid_holds(r, grid, row, x, y, work):
            grids[n], distances[n], holds[n] = grid, 0.0, 1
            n += 1
        elif math.sqrt(best) <= radius:
            grids[n], distances[n], holds[n] = grid, math.sqrt(best), 0
            n += 1
    return n


@inner
def near_in_window(
    r: Raster, cell: int, row: int, x: float, y: float, radius: float, kx: float, ky: float,
    grids: Longs, distances: Floats, holds: Bytes, best: Floats, work: Floats,
) -> int:  # fmt: skip
    """The same for any radius and for points beside the raster (cell -1). `best` is inf throughout, before and after."""
    n = 0
    if cell >= 0:
        n = near_in_cell(r, cell, row, x, y, -1.0, kx, ky, grids, distances, holds, work)
    held = n
    for i in range(held):
        best[grids[i]] = -1.0

    margin_x = radius / kx * 1.000001 + r.pad_x
    margin_y = radius / ky * 1.000001 + r.pad_y
    # beside a pole a degree of longitude has no length, and the window is the whole width
    west = 0 if (x - margin_x - r.x0) * r.inv_w < 0.0 else int(min((x - margin_x - r.x0) * r.inv_w, r.nx))
    east = (
        r.nx - 1
        if (x + margin_x - r.x0) * r.inv_w >= r.nx
        else int((x + margin_x - r.x0) * r.inv_w + 1.0) - 1
    )
    south = 0 if (y - margin_y - r.y0) * r.inv_h < 0.0 else int(min((y - margin_y - r.y0) * r.inv_h, r.ny))
    north = (
        r.ny - 1
        if (y + margin_y - r.y0) * r.inv_h >= r.ny
        else int((y + margin_y - r.y0) * r.inv_h + 1.0) - 1
    )
    limit = radius * radius
    if (east - west + 1) * (north - south + 1) > r.segments.shape[0]:
        if west <= east and south <= north:
            for s in range(r.segments.shape[0]):
                grid = r.segment_grid[s]
                if best[grid] > 0.0:
                    d2 = square_distance(r.segments, s, x, y, kx, ky)
                    if d2 < best[grid]:
                        if best[grid] == np.inf:
                            if d2 > limit * 1.000001:
                                continue
                            grids[n] = grid
                            n += 1
                        best[grid] = d2
    else:
        for iy in range(south, north + 1):
            ix = west
            while ix <= east:
                here = iy * r.nx + ix
                clear = r.clear[here]
                if clear > 0:
                    ix += clear  # no segment in the clear - 1 cells that follow
                    continue
                k = -2 - r.code[here]
                for i in range(r.starts[k], r.starts[k + 1]):
                    s = r.values[i]
                    if s < 0:
                        continue
                    grid = r.segment_grid[s]
                    if best[grid] <= 0.0:
                        continue
                    d2 = square_distance(r.segments, s, x, y, kx, ky)
                    if d2 < best[grid]:
                        if best[grid] == np.inf:
                            grids[n] = grid
                            n += 1
                        best[grid] = d2
                ix += 1
    kept = held
    for i in range(held):
        best[grids[i]] = np.inf
    for i in range(held, n):
        grid = grids[i]
        distance = math.sqrt(best[grid])
        best[grid] = np.inf
        if distance <= radius:
            grids[kept], distances[kept], holds[kept] = grid, distance, 0
            kept += 1
    return kept


@inner
def distance_to_grid(r: Raster, grid: int, x: float, y: float, kx: float, ky: float) -> float:
    best = np.inf
    for s in range(r.grid_first[grid], r.grid_first[grid + 1]):
        best = min(best, square_distance(r.segments, s, x, y, kx, ky))
    return math.sqrt(best)


@inner
def sort_candidates(n: int, grids: Longs, distances: Floats, holds: Bytes) -> None:
    """By distance, then by code."""
    for i in range(1, n):
        grid, distance, hold = grids[i], distances[i], holds[i]
        j = i - 1
        while j >= 0 and (distances[j] > distance or (distances[j] == distance and grids[j] > grid)):
            grids[j + 1], distances[j + 1], holds[j + 1] = grids[j], distances[j], holds[j]
            j -= 1
        grids[j + 1], distances[j + 1], holds[j + 1] = grid, distance, hold


# --- the rule ---


@inner
def refusal(lon: float, lat: float) -> int:
    """Why a pair of numbers is no place on earth."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return MISSING
    if abs(lat) <= 90.0 and abs(lon) <= 180.0:
        return NO_REASON
    if abs(lon) <= 90.0 and abs(lat) <= 180.0:
        return SWAPPED
    return OUT_OF_RANGE


@inner
def looks_swapped(boxes: Floats, lon: float, lat: float) -> bool:
    """Whether a place that is nowhere near would be in a community if its coordinates were exchanged."""
    for i in range(boxes.shape[0]):  # noqa: SIM110 - Numba compiles no generator
        if boxes[i, 0] <= lat <= boxes[i, 2] and boxes[i, 1] <= lon <= boxes[i, 3]:
            return True
    return False


@compiled
def locate_span(
    r: Raster, boxes: Floats, lon: Floats, lat: Floats, accuracy: Floats, want_building: bool,
    start: int, stop: int,
    match: Bytes, reason: Bytes, answer: Ints, distance: Floats, building: Ints, count: Ints,
) -> tuple[Ints, Floats]:  # fmt: skip
    """Locate points start to stop into the last six arrays; return the candidates of all, one after the other.

    `accuracy` holds metres, NaN where not stated, or nothing at all. `count[i]` says how many candidates are
    point i's: none where the answer is the only one there can be. `boxes` are those of the communities.
    """
    # local names: each look at a field of the tuple in the loop would count references, on all threads at once
    x0, y0, inv_w, inv_h, nx, ny = r.x0, r.y0, r.inv_w, r.inv_h, r.nx, r.ny
    codes, clear, order, own_reach = r.code, r.clear, r.order, r.own_reach
    tolerance, reach, cell_m = r.tolerance, r.reach, r.cell_m
    n_grids = r.order.size
    grids = np.empty(n_grids + 1, np.int64)
    distances = np.empty(n_grids + 1, np.float64)
    holds = np.empty(n_grids + 1, np.uint8)
    best = np.full(n_grids, np.inf)
    work = np.empty(12)
    listed = np.empty(256, np.int32)
    listed_m = np.empty(256, np.float64)
    filled = 0

    for i in range(start, stop):
        x = lon[i]
        y = lat[i]
        count[i] = 0
        answer[i] = -1
        distance[i] = np.nan
        reason[i] = NO_REASON
        if want_building:
            building[i] = -1

        why = refusal(x, y)
        radius = tolerance
        if accuracy.size > 0 and not math.isnan(accuracy[i]):
            if why == NO_REASON and not 0.0 <= accuracy[i] <= MAX_ACCURACY_M:
                why = BAD_ACCURACY
            radius = max(radius, accuracy[i])
        if why != NO_REASON:
            match[i] = INVALID
            reason[i] = why
            continue

        column = (x - x0) * inv_w
        row_f = (y - y0) * inv_h
        cell = -1
        row = -1
        code = EMPTY
        bound = 0.0
        if 0.0 <= column < nx and 0.0 <= row_f < ny:
            row = int(row_f)
            cell = row * nx + int(column)
            code = codes[cell]
            if want_building:
                under = building_at(r, cell, x, y, work)
                if under >= 0:
                    building[i] = r.building_order[under]
            bound = (clear[cell] - 1) * cell_m
            if code >= 0 and (radius <= tolerance or radius < bound):
                match[i] = INSIDE
                answer[i] = order[code]
                distance[i] = 0.0
                continue
        n = 0
        stored = -1
        near_nothing = code == EMPTY and cell >= 0 and bound > reach and bound > radius
        kx, ky = 0.0, 0.0
        if not near_nothing:
            kx, ky = metres_per_degree(y)
            if cell >= 0 and radius <= tolerance:
                n = near_in_cell(r, cell, row, x, y, radius, kx, ky, grids, distances, holds, work)
            else:
                n = near_in_window(r, cell, row, x, y, radius, kx, ky, grids, distances, holds, best, work)
            under = building_at(r, cell, x, y, work) if cell >= 0 else -1
            if under >= 0:
                stored = r.building_grid[under]

        if n == 0 and stored < 0:  # nobody's ground: the nearest within reach, if any
            if not near_nothing:
                limit = reach
                if cell >= 0 and 0 < clear[cell] < FAR:
                    # some segment comes within the padding of a cell that many cells away
                    wide = (clear[cell] + 1) / inv_w + r.pad_x
                    high = (clear[cell] + 1) / inv_h + r.pad_y
                    limit = min(limit, 1.001 * math.hypot(wide * kx, high * ky))
                if limit < reach and own_reach.size > 0:
                    limit = reach  # the nearest may not reach as far as the second
                n = near_in_window(r, cell, row, x, y, limit, kx, ky, grids, distances, holds, best, work)
                sort_candidates(n, grids, distances, holds)
            match[i] = OUTSIDE
            for j in range(n):
                if own_reach.size == 0 or distances[j] <= own_reach[grids[j]]:
                    match[i] = NEAREST
                    answer[i] = order[grids[j]]
                    distance[i] = distances[j]
                    break
            if match[i] == OUTSIDE and looks_swapped(boxes, x, y):
                match[i] = INVALID
                reason[i] = SWAPPED
            continue

        sort_candidates(n, grids, distances, holds)
        chosen = 0
        for j in range(n):  # the lowest code that holds the point, else the nearest
            if holds[j] == 1:
                chosen = j
                break
        sure = n == 0 or (n == 1 and (holds[0] == 1 or stored >= 0))
        if stored >= 0:
            chosen = n
            for j in range(n):
                if grids[j] == stored:
                    chosen = j
            if chosen == n:  # a building of a grid that is not near: its grid first, then those that are
                for j in range(n, 0, -1):
                    grids[j], distances[j], holds[j] = grids[j - 1], distances[j - 1], holds[j - 1]
                grids[0], distances[0], holds[0] = stored, distance_to_grid(r, stored, x, y, kx, ky), 0
                chosen = 0
                n += 1
        match[i] = INSIDE if sure else EDGE
        answer[i] = order[grids[chosen]]
        distance[i] = distances[chosen]
        if sure and n == 1:
            continue
        count[i] = n
        if filled + n > listed.size:
            grown = np.empty(max(2 * listed.size, filled + n), np.int32)
            grown[:filled] = listed[:filled]
            listed = grown
            grown_m = np.empty(grown.size, np.float64)
            grown_m[:filled] = listed_m[:filled]
            listed_m = grown_m
        for j in range(n):
            listed[filled] = order[grids[j]]
            listed_m[filled] = distances[j]
            filled += 1
    return listed[:filled].copy(), listed_m[:filled].copy()
