"""Python and front-end packages, from lock files with hashes; done again only when a lock file changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scripts.console import Step, Trouble, run
from scripts.packages import find_python
from scripts.project import LOGS, PYTHON, ROOT, VENV, digest, is_stamped, stamp

LOCKS = ROOT / "requirements"
NODE_MODULES = ROOT / "node_modules"
_OUT_OF_REACH = "Is the package registry in reach? What is installed already is kept: running make again goes on from there."


def python_packages(*, development: bool) -> None:
    """Make `.venv` and install the product's packages into it, for developers the tools of the checks as well."""
    with Step("Python packages") as step:
        # A development environment stays one: its lock holds the product's packages in the same versions.
        development = development or is_stamped("python-kind", "dev")
        lock = LOCKS / ("dev.lock" if development else "run.lock")
        wanted = digest([lock], str(VENV))
        if is_stamped("python", wanted) and PYTHON.exists():
            step.note("up to date")
            return
        if not _is_usable(PYTHON):
            step.note("making the virtual environment")
            shutil.rmtree(VENV, ignore_errors=True)
            python = find_python()
            assert python is not None, "packages.ensure comes first"
            run([python, "-m", "venv", VENV], log=LOGS / "venv.log")
        step.note(f"installing from {lock.relative_to(ROOT)}")
        try:
            _pip("--require-hashes", "--requirement", lock, log=LOGS / "pip.log", step=step)
        except Trouble as trouble:
            raise Trouble(trouble.what, *trouble.ways_on, _OUT_OF_REACH) from None
        count = sum(1 for line in lock.read_text().splitlines() if "==" in line)
        step.note(f"{count} locked in {lock.relative_to(ROOT)}")
        stamp("python", wanted)
        stamp("python-kind", "dev" if development else "run")


def _pip(*arguments: str | Path, log: Path, step: Step) -> None:
    quiet = (
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--no-input",
        "--no-warn-script-location",
        "--prefer-binary",
    )
    run([PYTHON, "-m", "pip", "install", *quiet, *arguments], log=log, step=step)


def _is_usable(python: Path) -> bool:
    if not python.exists():
        return False
    return subprocess.run([str(python), "-I", "-c", "import pip"], capture_output=True).returncode == 0


def npm() -> str | None:
    """The npm to use: the machine's own, else the one in `.venv`."""
    own = VENV / "bin" / "npm"
    return shutil.which("npm") or (str(own) if own.exists() else None)


def front_end_packages(*, development: bool) -> None:
    """Install what the pages load from npm, exactly as locked; brings Node along where the machine has none."""
    with Step("Front-end packages") as step:
        development = development or is_stamped("npm-kind", "dev")
        wanted = digest([ROOT / "package.json", ROOT / "package-lock.json"], str(development))
        if is_stamped("npm", wanted) and NODE_MODULES.is_dir():
            step.note("up to date")
            return
        if npm() is None:
            step.note("this machine has no npm: installing it into .venv")
            _pip(
                "--require-hashes", "--requirement", LOCKS / "node.lock", log=LOGS / "pip-node.log", step=step
            )
        program = npm()
        assert program is not None
        path = f"{Path(program).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        extent = [] if development else ["--omit=dev"]
        try:
            run(
                [program, "ci", *extent],
                log=LOGS / "npm.log",
                step=step,
                folder=ROOT,
                environment={"PATH": path},
            )
        except Trouble as trouble:
            raise Trouble(trouble.what, *trouble.ways_on, _OUT_OF_REACH) from None
        step.note("as locked in package-lock.json")
        stamp("npm", wanted)
        stamp("npm-kind", "dev" if development else "run")


def translations() -> None:
    """Compile the message catalogues that are newer than their compiled form."""
    with Step("Translations") as step:
        stale = [
            source
            for app in ("gridmap", "boundaries")
            for source in sorted((ROOT / app).glob("locale/*/LC_MESSAGES/*.po"))
            if not _is_newer(source.with_suffix(".mo"), source)
        ]
        for source in stale:
            run(
                ["msgfmt", "--check-format", "-o", source.with_suffix(".mo"), source], log=LOGS / "msgfmt.log"
            )
        step.note(f"{len(stale)} compiled" if stale else "up to date")


def _is_newer(made: Path, source: Path) -> bool:
    return made.exists() and made.stat().st_mtime_ns >= source.stat().st_mtime_ns
