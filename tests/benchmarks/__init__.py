"""Benchmarks: `make bench`, or `python -m tests.benchmarks [NAME ...]`.

Each module here that has a function `run() -> list[Row]` is a benchmark. It measures on what it makes itself or on
the database of the settings, and leaves nothing behind.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table.

    `peer` is the same work done by something well known in the same run, in the same unit; `ratio` how many
    times better we are; `target` the bar in words; `ok` whether it is met, None where there is no bar.
    """

    name: str
    value: float
    unit: str
    peer: float | None = None
    ratio: float | None = None
    target: str = ""
    ok: bool | None = None
