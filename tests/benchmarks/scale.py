"""What a place, a search and a tile cost in a town ten times as large: `python -m tests.benchmarks scale`.

Loads the demo town once and then ten times as large (households, no residents) into databases of its own, which are
dropped afterwards. The figures are taken in one process each, on points, texts and tiles spread over all of it.
"""

import atexit
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.benchmarks import Row

SCALES: Final = (1, 10)
FLAT: Final = 1.5
_KEPT = ExitStack()
atexit.register(_KEPT.close)


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


@cache
def loaded(scale: int) -> str:
    """The URL of a database with that many towns; made once, for every benchmark that asks, and dropped at the end."""
    maker, template = os.environ["GRIDMAP_BENCH_URL"], os.environ["GRIDMAP_BENCH_TEMPLATE"]
    url = _KEPT.enter_context(scratch(maker, template))
    manage = [sys.executable, "manage.py"]
    load = ["demo_town", "--scale", str(scale), "--without-residents", "--without-logins"]
    for step in (["migrate", "-v", "0"], load):
        subprocess.run(manage + step, env=surroundings(url), check=True, stdout=subprocess.DEVNULL)
    with psycopg.connect(url, autocommit=True) as link:
        link.execute("ANALYZE")
    return url


def surroundings(url: str) -> dict[str, str]:
    """The environment of a process that works on the database at `url`."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DATABASE_OWNER_URL": url,
        "GRIDMAP_TOWN": "demo",
        "PYTHONWARNINGS": "ignore",
    }


def asked(url: str, statement: str) -> Any:
    """What a process of its own prints as JSON after running `statement` with that database."""
    measured = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", statement],
        env=surroundings(url),
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(measured.stdout)


def can_load() -> bool:
    """Whether there is a cluster in which databases may be made: `make bench` says so."""
    return bool(os.environ.get("GRIDMAP_BENCH_URL") and os.environ.get("GRIDMAP_BENCH_TEMPLATE"))


def run() -> list[Row]:
    """One row a question: median milliseconds at ten times the size, beside those at once."""
    if not can_load():
        return [Row("scale: only in `make bench` on the project's own cluster", 0, "")]
    measure = "from tests.benchmarks._scale_probe import main; main()"
    found: list[dict[str, float]] = [asked(loaded(scale), measure) for scale in SCALES]
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
