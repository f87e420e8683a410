"""The densest tiles over HTTP, cold and warm, and what opening the town map costs: `python -m tests.benchmarks tiles`.

Reads the database of the settings (the demo town, or whatever is there) and leaves nothing behind. Cold means that
every request builds its tile from the tables; nothing of ours keeps tiles between two requests.
"""

import http.client
import statistics
import time
from contextlib import closing

from django.db import connection

from boundaries import tiles
from tests.benchmarks import Row
from tests.benchmarks._server import connect, served

BAR_MS = 50.0
TILES = 12
ROUNDS = 4

_DENSEST = """
SELECT floor((ST_X(point) + 180) / 360 * n)::int AS x,
       floor((1 - asinh(tan(radians(ST_Y(point)))) / pi()) / 2 * n)::int AS y, count(*)
FROM boundaries_building, (SELECT 2 ^ %s AS n) AS zoom
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %s
"""


def densest(z: int, count: int = TILES) -> list[tuple[int, int]]:
    """Columns and rows of the tiles of zoom `z` with the most buildings."""
    with connection.cursor() as cursor:
        cursor.execute(_DENSEST, [z, count])
        return [(x, y) for x, y, _buildings in cursor.fetchall()]


def fetch(client: http.client.HTTPConnection, path: str, etag: str = "") -> tuple[float, int, int, str]:
    """Milliseconds until the last byte, status, bytes on the wire, entity tag."""
    headers = {"Accept-Encoding": "gzip"} | ({"If-None-Match": etag} if etag else {})
    started = time.perf_counter()
    client.request("GET", path, headers=headers)
    response = client.getresponse()
    size = len(response.read())
    return (time.perf_counter() - started) * 1000, response.status, size, response.getheader("ETag", "")


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def run() -> list[Row]:
    """One row per layer and zoom, cold; one for all of them asked for again; bytes of the grids' GeoJSON."""
    if not densest(14):
        return [Row("tiles: no buildings in this database, nothing measured", 0, "")]
    rows: list[Row] = []
    warm: list[float] = []
    statuses: set[int] = set()
    with served() as port, closing(connect(port)) as client:
        for z in (14, 15, 16, 17):
            for layer in ("ground", "buildings"):
                if z not in tiles.ZOOMS[layer]:
                    continue
                cold: list[float] = []
                largest = 0
                for _round in range(ROUNDS):
                    for x, y in densest(z):
                        path = f"/tiles/{layer}/{z}/{x}/{y}.mvt"
                        took, _status, size, etag = fetch(client, path)
                        cold.append(took)
                        largest = max(largest, size)
                        took, status, _size, _etag = fetch(client, path, etag)
                        warm.append(took)
                        statuses.add(status)
                name = f"tile {layer} z{z}, densest {TILES}, cold p95 (largest {largest / 1024:.0f} KB)"
                rows.append(
                    Row(name, p95(cold), "ms", target=f"under {BAR_MS:.0f} ms", ok=p95(cold) < BAR_MS)
                )
        rows.append(Row("tile asked again, p95", p95(warm), "ms", target="304", ok=statuses == {304}))
        took, _status, size, _etag = fetch(client, "/map/grids.geojson")
        rows.append(
            Row(f"grids and borders of the town ({took:.0f} ms)", size / 1024, "KB", target="map under 1 MB")
        )
    return rows
