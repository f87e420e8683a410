"""Runs all benchmarks, or those named, and prints one table; the exit status is 1 if a bar was missed."""

import importlib
import os
import pkgutil
import platform
import sys
import time
from collections.abc import Callable

import django

from tests import benchmarks
from tests.benchmarks import Row

HEADINGS = ("benchmark", "value", "unit", "peer", "ratio", "target", "")


def found(names: list[str]) -> dict[str, Callable[[], list[Row]]]:
    """The `run` of every module of this package, or of those named."""
    runs: dict[str, Callable[[], list[Row]]] = {}
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name.startswith("_") or (names and module.name not in names):
            continue
        run = getattr(importlib.import_module(f"{benchmarks.__name__}.{module.name}"), "run", None)
        if run is not None:
            runs[module.name] = run
    if unknown := set(names) - set(runs):
        sys.exit(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(found([]))}.")
    return runs


def figure(value: float | None) -> str:
    """Three significant digits, thousands apart."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    cells = [HEADINGS]
    for row in rows:
        mark = {True: "ok", False: "MISSED", None: ""}[row.ok]
        ratio = f"{figure(row.ratio)} x" if row.ratio is not None else ""
        cells.append((row.name, figure(row.value), row.unit, figure(row.peer), ratio, row.target, mark))
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADINGS))]
    right = {1, 3, 4}
    lines = []
    for line in cells:
        padded = zip(line, widths, strict=True)
        lines.append("  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(padded)))
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridmap.settings")
    django.setup()
    rows: list[Row] = []
    for name, run in found(sys.argv[1:]).items():
        started = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += run()
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n\n{table(rows)}"
    )
    sys.exit(any(row.ok is False for row in rows))


if __name__ == "__main__":
    main()
