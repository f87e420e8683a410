"""One place at a time: the statement, the function, the HTTP call: `python -m tests.benchmarks locating`.

Reads the plan in force in the database of the settings. The peer is always the very same prepared SELECT through bare
psycopg, on the same points, in the same run: what is lost between the two is ours.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg
from django.db import connection
from django.utils import timezone

from boundaries.locating import parameters, place
from boundaries.models import Subdistrict
from gridmap.responsibility import STATEMENT, locate
from tests.benchmarks import Row
from tests.benchmarks._server import served

POINTS: Final = 2000
CLIENTS: Final = 8
SECONDS: Final = 6.0


def points(count: int = POINTS) -> list[tuple[float, float]]:
    """Places all over the town, also on water and a little beyond the rim."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_Extent(outline)::box2d FROM boundaries_community")
        box = cursor.fetchone()[0]
    west, south, east, north = (float(n) for n in box[4:-1].replace(",", " ").split())
    rng = random.Random(20191130)
    return [(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(count)]


def bare(values: list[dict[str, Any]], stop: Callable[[int], bool]) -> int:
    """Ask with psycopg alone until told to stop; returns how many were answered."""
    settings = connection.get_connection_params()
    settings = {
        key: settings[key] for key in ("host", "port", "dbname", "user", "password") if key in settings
    }
    done = 0
    with psycopg.connect(**settings, autocommit=True) as link:
        cursor = psycopg.Cursor(link)
        while not stop(done):
            cursor.execute(STATEMENT.text, values[done % len(values)], prepare=True).fetchall()
            done += 1
    return done


async def client(port: int, paths: list[bytes], until: float) -> int:
    """One keep-alive connection that asks again as soon as it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    while time.monotonic() < until:
        writer.write(b"GET " + paths[done % len(paths)] + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        done += 1
    writer.close()
    return done


async def clients(port: int, paths: list[bytes], seconds: float) -> int:
    """All clients at once; returns answers in total."""
    until = time.monotonic() + seconds
    parts = [paths[i::CLIENTS] for i in range(CLIENTS)]
    return sum(await asyncio.gather(*(client(port, part, until) for part in parts)))


def bare_crowd(values: list[dict[str, Any]], seconds: float) -> int:
    """As many bare connections as there are clients."""
    until = time.monotonic() + seconds
    total = [0] * CLIENTS

    def ask(number: int) -> None:
        total[number] = bare(values[number::CLIENTS], lambda _done: time.monotonic() >= until)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(total)


def run() -> list[Row]:
    """Milliseconds one by one in the process, then requests a second with eight clients over HTTP."""
    if not Subdistrict.objects.exists():
        return [Row("locate: no town in this database, nothing measured", 0, "")]
    where, now = points(), timezone.now()
    values = [parameters(place(*point), now) for point in where]
    paths = [f"/api/v1/locate?lon={lon:.7f}&lat={lat:.7f}".encode() for lon, lat in where]
    for point in where[:20]:
        locate(*point)
    started = time.perf_counter()
    for point in where:
        locate(*point)
    ours = (time.perf_counter() - started) / len(where) * 1000
    bare(values, lambda done: done >= 20)
    started = time.perf_counter()
    bare(values, lambda done: done >= len(values))
    peer = (time.perf_counter() - started) / len(values) * 1000
    rows = [Row("locate(), one by one; peer: the SELECT through bare psycopg", ours, "ms", peer, peer / ours)]
    for workers in (1, 2):
        with served(workers) as port:
            asyncio.run(clients(port, paths, 1.5))
            answered = asyncio.run(clients(port, paths, SECONDS)) / SECONDS
        alone = bare_crowd(values, SECONDS) / SECONDS
        name = f"GET /api/v1/locate, {CLIENTS} clients, {workers} process(es); peer: bare psycopg"
        rows.append(Row(name, answered, "requests/s", alone, answered / alone))
    return rows
