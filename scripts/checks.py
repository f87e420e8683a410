"""`make test`, `make bench`, `make soak`: the checks, on a set-up of their own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from scripts import installation
from scripts.console import say
from scripts.environment import npm
from scripts.packages import find_browser
from scripts.project import PYTHON, ROOT

SOURCES = ("boundaries", "fixtures", "gridmap", "scripts", "tests", "manage.py")
_LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test() -> int:
    """Lint, types, imports, migrations, catalogues, then all tests; ends with pytest's own closing line."""
    installation.set_up_packages(development=True)
    with installation.test_database() as settings:
        looking = {**settings, "DATABASE_URL": settings.get("CHECKS_DATABASE_URL", settings["DATABASE_URL"])}
        failed = [name for name, command in _static_checks().items() if not _passes(name, command, looking)]
        if failed:
            say(f"\nFailed so far: {', '.join(failed)}. The tests run all the same.\n")
        code = _pytest(settings, "tests")
        if failed:
            say(f"Failed besides the tests above: {', '.join(failed)}.")
    return code or (1 if failed else 0)


def bench() -> int:
    """The benchmarks, as a table: on the demo town, and on larger ones in databases of their own."""
    installation.set_up_packages(development=True)
    with installation.database("demo") as settings, installation.test_database() as scratch:
        installation.bring_up_to_date(settings)
        more = {
            "GRIDMAP_BENCH_URL": scratch["DATABASE_URL"],
            "GRIDMAP_BENCH_TEMPLATE": scratch.get("GRIDMAP_TEST_TEMPLATE", ""),
        }
        return _run([PYTHON, "-m", "tests.benchmarks"], {**settings, **more})


def soak() -> int:
    """Property tests with full counts, load and fault tests."""
    installation.set_up_packages(development=True)
    with installation.test_database() as settings:
        return _pytest({**settings, "HYPOTHESIS_PROFILE": "soak"}, "--soak", "tests")


def _static_checks() -> dict[str, list[str | Path]]:
    python: list[str | Path] = [PYTHON]
    checks: dict[str, list[str | Path]] = {
        "ruff": [*python, "-m", "ruff", "check", "."],
        "formatting": [*python, "-m", "ruff", "format", "--check", "--output-format", "concise", "."],
        "types": [*python, "-m", "mypy", *(s for s in SOURCES if (ROOT / s).exists())],
        "imports": [*python, "-c", _LINT_IMPORTS],
        "migrations": [*python, "manage.py", "makemigrations", "--check", "--dry-run"],
        "static files": [*python, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
        "catalogues": [*python, "-m", "scripts.catalogues"],
    }
    node = Path(npm() or "npm").with_name("node")
    if scripts := sorted((ROOT / "tests" / "js").glob("*.test.*js")):
        checks["javascript"] = [node, "--test", *scripts]
    return checks


def _passes(name: str, command: list[str | Path], settings: Mapping[str, str]) -> bool:
    began = time.monotonic()
    say(f"\n== {name}")
    passed = _run(command, settings) == 0
    say(f"== {name}: {'ok' if passed else 'FAILED'} ({time.monotonic() - began:.1f} s)")
    return passed


def _pytest(settings: Mapping[str, str], *arguments: str) -> int:
    say("\n== pytest")
    chosen = os.environ.get("TESTS", "").split()
    arguments = (*(a for a in arguments if a != "tests"), *chosen) if chosen else arguments
    return _run(
        [PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadfile", "--durations", "10", *arguments], settings
    )


def _run(command: list[str | Path], settings: Mapping[str, str]) -> int:
    environment = {
        **os.environ,
        **settings,
        "GRIDMAP_BROWSER": find_browser() or "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [str(word) for word in command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL
    ).returncode
