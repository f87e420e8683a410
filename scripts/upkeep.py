"""Stopping, starting over, cleaning up, and renewing the lock files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from scripts import environment, packages
from scripts.cluster import LINK, Cluster
from scripts.console import Step, run, say
from scripts.project import LOCAL, LOGS, PYTHON, ROOT, VENV, make_local_folder
from scripts.serving import end_running


def down() -> int:
    """Stop what `make up` started in this folder."""
    make_local_folder()
    ended = end_running()
    if LINK.exists():
        Cluster.of_project().stop()
    say(f"Stopped ({ended} running)." if ended else "Nothing was running.")
    return 0


def fresh() -> int:
    """Put the database cluster aside, so that the next `make up` makes a new one. Nothing is deleted."""
    down()
    aside = Cluster.of_project().set_aside() if LINK.exists() or LINK.is_symlink() else None
    (LOCAL / "demo-logins").unlink(missing_ok=True)
    say(
        f"The old cluster is kept in {aside}; remove it when you are sure."
        if aside
        else "There is no cluster yet."
    )
    return 0


def clean() -> int:
    """Remove what can be made again: packages, caches, static files. Databases, secrets and uploads stay."""
    down()
    names = (
        "node_modules",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".import_linter_cache",
    )
    for folder in (VENV, LOCAL / "static", LOCAL / "stamps", LOGS, *(ROOT / name for name in names)):
        shutil.rmtree(folder, ignore_errors=True)
    say("Removed packages, caches and logs. The database and this installation's secrets are still there.")
    return 0


def lock() -> int:
    """Compile the lock files from pyproject.toml and package.json: versions and hashes, no addresses."""
    make_local_folder()
    packages.ensure(packages.PRODUCT)
    environment.python_packages(development=True)
    common = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url")
    plain = ("--no-annotate", "--no-header", "--quiet", "--upgrade")
    sources = {
        "run.lock": ("pyproject.toml",),
        # The developers' lock holds the product's packages in exactly the versions of run.lock.
        "dev.lock": ("pyproject.toml", "--group", "dev", "--constraint", "requirements/run.lock"),
        "node.lock": ("--group", "node"),
    }
    for name, arguments in sources.items():
        with Step(name) as step:
            target = f"requirements/{name}"
            command: list[str | Path] = [
                PYTHON,
                "-m",
                "uv",
                "pip",
                "compile",
                *common,
                *plain,
                *arguments,
                "--output-file",
                target,
            ]
            run(command, log=LOGS / f"lock-{name}.log", folder=ROOT)
            step.note(f"{(ROOT / target).read_text().count('==')} packages")
    with Step("package-lock.json"):
        program = environment.npm()
        assert program is not None, "make up installs npm"
        run([program, "update", "--package-lock-only"], log=LOGS / "lock-npm.log", folder=ROOT)
    return 0


def messages() -> int:
    """Bring the message catalogues up to the strings of the sources, and say what is left to translate."""
    make_local_folder()
    packages.ensure(packages.PRODUCT)
    environment.python_packages(development=True)
    done = subprocess.run([PYTHON, "-m", "scripts.catalogues", "renew"], cwd=ROOT, check=False)
    environment.translations()
    return done.returncode
