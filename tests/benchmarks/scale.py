"""What a place, a search and a tile cost in a town ten times as large: `python -m tests.benchmarks scale`.

Loads the demo town once and then ten times as large (households, no residents) into databases of its own, which are
dropped afterwards. The figures are taken in one process each, on points, texts and tiles spread over all of it.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.benchmarks import Row

SCALES: Final = (1, 10)
FLAT: Final = 1.5


@contextmanager
def scratch(maker: str, template: str) -> Iterator[str]:
    """A database of its own beside the one of the settings; gives its URL."""
    name = f"gridmap_bench_{secrets.token_hex(4)}"
    with psycopg.connect(urlsplit(maker)._replace(path="/postgres").geturl(), autocommit=True) as link:
        link.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        try:
            yield urlsplit(maker)._replace(path=f"/{name}").geturl()
        finally:
            link.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def probe(url: str, scale: int) -> dict[str, float]:
    """Load that many towns and measure: milliseconds by name."""
    surroundings = os.environ | {
        "DATABASE_URL": url,
        "DATABASE_OWNER_URL": url,
        "GRIDMAP_TOWN": "demo",
        "PYTHONWARNINGS": "ignore",
    }
    manage = [sys.executable, "manage.py"]
    load = ["demo_town", "--scale", str(scale), "--without-residents", "--without-logins"]
    for step in (["migrate", "-v", "0"], load):
        subprocess.run(manage + step, env=surroundings, check=True, stdout=subprocess.DEVNULL)
    with psycopg.connect(url, autocommit=True) as link:
        link.execute("ANALYZE")
    measured = subprocess.run(
        [*manage, "shell", "-v", "0", "-c", "from tests.benchmarks._scale_probe import main; main()"],
        env=surroundings,
        check=True,
        stdout=subprocess.PIPE,
    )
    figures: dict[str, float] = json.loads(measured.stdout)
    return figures


def run() -> list[Row]:
    """One row a question: median milliseconds at ten times the size, beside those at once."""
    maker = os.environ.get("GRIDMAP_BENCH_URL", "")
    template = os.environ.get("GRIDMAP_BENCH_TEMPLATE", "")
    if not maker or not template:
        return [Row("scale: only in `make bench` on the project's own cluster", 0, "")]
    found = []
    for scale in SCALES:
        with scratch(maker, template) as url:
            found.append(probe(url, scale))
    once, tenfold = found
    return [
        Row(
            f"{name}, 10 towns; peer: 1 town",
            tenfold[name],
            "ms",
            once[name],
            once[name] / tenfold[name],
            f"at most {FLAT} times",
            tenfold[name] <= FLAT * once[name],
        )
        for name in once
    ]
