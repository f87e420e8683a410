"""Measures the database of the settings for tests.benchmarks.scale; prints JSON on standard output."""

import json
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from boundaries.models import Building, Compound
from boundaries.searching import search
from boundaries.tiles import build
from gridmap.responsibility import locate

ROUNDS = 3


def median_ms(ask: Callable[..., Any], questions: Sequence[tuple[Any, ...]]) -> float:
    """Median over the questions of the best of some rounds: what it costs, not what the machine did meanwhile."""
    best = [float("inf")] * len(questions)
    for _round in range(ROUNDS):
        for i, question in enumerate(questions):
            started = time.perf_counter()
            ask(*question)
            best[i] = min(best[i], (time.perf_counter() - started) * 1000)
    return statistics.median(best)


def column_row(lon: float, lat: float, z: int) -> tuple[int, int]:
    """The tile that holds a point."""
    n = 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * n), int(y * n)


def main() -> None:
    """Ask what a page asks, all over the town."""
    rng = random.Random(20191130)
    ids = rng.sample(list(Building.objects.order_by("pk").values_list("pk", flat=True)), 400)
    spots = list(Building.objects.filter(pk__in=ids).order_by("pk").values_list("point", flat=True))
    points = [(p.x + rng.uniform(-2e-4, 2e-4), p.y + rng.uniform(-2e-4, 2e-4)) for p in spots]
    names = sorted(set(Compound.objects.values_list("name", flat=True)))
    texts = [(text[: rng.randint(2, len(text))],) for text in rng.sample(names, 150)]
    tiles = [("ground", 15, *column_row(p.x, p.y, 15)) for p in spots[:40]]
    tiles += [("buildings", 17, *column_row(p.x, p.y, 17)) for p in spots[40:80]]
    for point in points[:10]:
        locate(*point)
    figures = {
        "locate": median_ms(locate, points),
        "search, part of a compound's name": median_ms(search, texts),
        "tile around a building": median_ms(build, tiles),
    }
    print(json.dumps(figures))
