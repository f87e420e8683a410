"""Bulk locating in the full demo town, beside a prepared Shapely STRtree on the same points in the same process."""

import csv
import itertools
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from boundaries.bulk import BulkIndex, Match, build_index
from boundaries.bulk.files import locate_file
from fixtures.town.ground import specification
from fixtures.town.town import make_town
from tests.benchmarks import Row

POINTS = 1_000_000
FILE_ROWS = 10_000_000
TIMES = 5
MAKE_ROWS = 250_000


def demo_town(copies: int = 1) -> dict[str, Any]:
    """Arguments of `build_index` for the demo town, or for several of them side by side."""
    town = make_town(1.0, today=date(2020, 7, 31))
    prefix = specification("communities")["subdistrict"]["code"]
    grids = town.scheme.grids
    outlines = shapely.transform(np.array(town.outlines, object), town.ground.frame.degrees)
    footprints = np.array([building.shape.footprint for building in town.built.buildings], object)
    footprints = shapely.transform(footprints, town.ground.frame.degrees)
    home = {parcel: k for k, grid in enumerate(grids) for parcel in grid.parcels}
    stored = np.array([home[building.parcel] for building in town.built.buildings])
    made: dict[str, Any] = {
        "outlines": [],
        "codes": [],
        "names": [],
        "communities": [],
        "buildings": [],
        "building_grids": [],
    }
    for copy in range(copies):

        def shifted(xy: NDArray[np.float64], copy: int = copy) -> NDArray[np.float64]:
            return np.asarray(np.round(xy + np.array([0.066 * (copy % 4), 0.054 * (copy // 4)]), 8))

        codes = [f"{prefix}{grid.community}{grid.sequence:03}" for grid in grids]
        made["building_grids"].append(stored + len(grids) * copy)
        made["outlines"].append(shapely.transform(outlines, shifted))
        made["buildings"].append(shapely.transform(footprints, shifted))
        made["codes"] += [f"{copy}-{code}" for code in codes] if copies > 1 else codes
        made["names"] += [f"第{grid.sequence}网格" for grid in grids]
        made["communities"] += [f"{prefix}{grid.community}" for grid in grids]
    for key in ("outlines", "buildings", "building_grids"):
        made[key] = np.concatenate(made[key])
    return made


def least(*works: Callable[[], object], times: int = TIMES) -> list[float]:
    """The least seconds that each of several works takes, by turns, after a first run that does not count.

    The least, since whatever else the machine does only ever adds.
    """
    seconds = [[] for _ in works]  # type: list[list[float]]
    for turn in range(times + 1):
        for work, taken in zip(works, seconds, strict=True):
            started = time.perf_counter()
            work()
            if turn:
                taken.append(time.perf_counter() - started)
    return [min(taken) for taken in seconds]


def differing(
    index: BulkIndex, lon: NDArray[np.float64], lat: NDArray[np.float64], pairs: NDArray[np.int64]
) -> int:
    """Points that the index (without buildings) answers otherwise than the tree's (point, grid) pairs say."""
    located = index.locate(lon, lat)
    rank = np.argsort(np.argsort(index.codes))
    expected = np.full(len(lon), len(rank))
    np.minimum.at(expected, pairs[0], rank[pairs[1]])
    held = expected < len(rank)
    grid = np.where(located.grid >= 0, rank[located.grid], -1)
    wrong_inside = held & ((grid != expected) | (located.distance != 0) | (located.match > Match.EDGE))
    wrong_outside = ~held & ((located.match == Match.INSIDE) | (located.distance == 0))
    return int(wrong_inside.sum() + wrong_outside.sum())


def scattered(outlines: NDArray[np.object_], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places all over the box of the town, in no order."""
    west, south, east, north = shapely.total_bounds(outlines)
    rng = np.random.default_rng(20191130)
    return rng.uniform(west, east, n), rng.uniform(south, north, n)


def run() -> list[Row]:
    town = demo_town()
    outlines = town["outlines"]
    lon, lat = scattered(outlines, POINTS)
    (build,) = least(lambda: build_index(**town))
    index = build_index(**town)

    points = shapely.points(lon, lat)
    tree = shapely.STRtree(outlines)
    shapely.prepare(outlines)
    ours, one_thread, theirs = least(
        lambda: index.locate(lon, lat),
        lambda: index.locate(lon, lat, threads=1),
        lambda: tree.query(points, predicate="intersects"),
    )
    plain = build_index(outlines, town["codes"])
    wrong = differing(plain, lon, lat, tree.query(points, predicate="intersects"))
    (accurate,) = least(lambda: index.locate(lon, lat, 20.0), times=3)

    ten = demo_town(10)
    (ten_build,) = least(lambda: build_index(**ten), times=3)
    ten_index = build_index(**ten)
    ten_lon, ten_lat = scattered(ten["outlines"], POINTS)
    (ten_ours,) = least(lambda: ten_index.locate(ten_lon, ten_lat))

    with tempfile.TemporaryDirectory(prefix="gridmap-bench-") as folder:
        saved = Path(folder, "town.pickle")
        saved.write_bytes(pickle.dumps(town))
        fresh, file_rows = _fresh(saved), _file(saved, lon, lat)
    grids, houses = len(outlines), len(town["buildings"])
    return [
        Row(
            f"index of a plan, {grids} grids, {houses:,} buildings",
            build,
            "s",
            target="under 1 s",
            ok=build < 1,
        ),
        Row("the same first thing in a process", fresh, "s", target="under 1 s", ok=fresh < 1),
        Row(f"index of ten towns, {len(ten['outlines']):,} grids", ten_build, "s"),
        Row("size of the index", index.nbytes / 1e6, "MB"),
        Row(
            "1,000,000 points (peer: prepared STRtree)",
            ours,
            "s",
            theirs,
            theirs / ours,
            "8 x",
            theirs / ours >= 8,
        ),
        Row("the same on one thread", one_thread, "s", theirs, theirs / one_thread),
        Row("answers that differ from the tree's", wrong, "points", target="0", ok=wrong == 0),
        Row("1,000,000 points, accuracy 20 m each", accurate, "s"),
        Row("1,000,000 points in ten towns (peer: one)", ten_ours, "s", ours, ours / ten_ours, "near flat"),
        *file_rows,
    ]


def _child(*arguments: str) -> list[float]:
    """What `main` prints in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bulk", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def _fresh(saved: Path) -> float:
    """Seconds to build an index first thing in a new process, its compiled code in the cache."""
    return min(_child(str(saved))[0] for _ in range(3))


def _file(saved: Path, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> list[Row]:
    """File to file in a process of its own, so that its memory can be told."""
    source, target = saved.with_name("in.csv"), saved.with_name("out.csv")
    lines = [
        f"{i},{x:.8f},{y:.8f},柳城街道南街{i % 300}号\n"
        for i, (x, y) in enumerate(zip(lon[:MAKE_ROWS].tolist(), lat[:MAKE_ROWS].tolist(), strict=True))
    ]
    block = "".join(lines).encode()
    with source.open("wb") as file:
        file.write(b"id,lon,lat,address\n")
        for _ in range(FILE_ROWS // MAKE_ROWS):
            file.write(block)
    started = time.perf_counter()
    with (
        source.open(encoding="utf-8", newline="") as read,
        target.open("w", encoding="utf-8", newline="") as write,
    ):
        csv.writer(write).writerows(itertools.islice(csv.reader(read), FILE_ROWS // 10))
    copying = (time.perf_counter() - started) * 10
    _, seconds, peak, rows = _child(str(saved), str(source), str(target))
    size = target.stat().st_size / 1e9
    return [
        Row(
            f"{FILE_ROWS:,} rows file to file, {size:.1f} GB out (peer: csv module only copying)",
            seconds, "s", copying, copying / seconds,
        ),
        Row("its peak memory", peak, "MB", target="under 500 MB", ok=peak < 500 and rows == FILE_ROWS),
    ]  # fmt: skip


def peak_mb() -> float:
    """The most memory that this program has held. (`ru_maxrss` would count the parent before `exec` as well.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Load a saved town, index it, perhaps locate a file; print seconds, seconds, peak megabytes and rows."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridmap.settings")
    django.setup()
    saved, *paths = sys.argv[1:]
    town = pickle.loads(Path(saved).read_bytes())  # noqa: S301 - written by `run` a moment ago
    started = time.perf_counter()
    index = build_index(**town)
    print(time.perf_counter() - started)
    if paths:
        report = locate_file(index, Path(paths[0]), Path(paths[1]))
        print(report.seconds, peak_mb(), report.rows)


if __name__ == "__main__":
    main()
