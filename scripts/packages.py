"""The system packages: found by what they bring, installed with apt where that is allowed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.console import Step, Trouble, run
from scripts.project import LOGS, account_name

OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 15
POSTGRES_ROOT = Path("/usr/lib/postgresql")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_CREATE_NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/gridmap.conf")


@dataclass(frozen=True)
class Need:
    """Something the system must have: how to see it, and the package that brings it."""

    what: str
    is_there: Callable[[], bool]
    package: Callable[[], str]


def postgres_versions() -> list[int]:
    """Installed PostgreSQL versions that are new enough and have PostGIS, newest first."""
    found = []
    for binary in POSTGRES_ROOT.glob("*/bin/postgres"):
        version = binary.parent.parent.name
        extension = Path("/usr/share/postgresql") / version / "extension" / "postgis.control"
        if version.isdigit() and int(version) >= OLDEST_POSTGRES and extension.exists():
            found.append(int(version))
    return sorted(found, reverse=True)


def find_python() -> str | None:
    """A Python that is new enough and can make virtual environments; the one running this first."""
    oldest = OLDEST_PYTHON[1]
    names = [
        sys.executable,
        *(f"python3.{minor}" for minor in range(oldest + 3, oldest - 1, -1)),
        "/usr/bin/python3",
    ]
    check = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    for name in names:
        path = shutil.which(name)
        # -I: nothing in this folder or in the person's own settings may change the answer.
        if path and subprocess.run([path, "-I", "-c", check], capture_output=True).returncode == 0:
            return path
    return None


def find_browser() -> str | None:
    """The system's Chromium (or Chrome), which the browser tests drive."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _has_chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True).stdout.strip())


def _postgis_package() -> str:
    names = subprocess.run(["apt-cache", "pkgnames", "postgresql-"], capture_output=True, text=True).stdout
    versions = [int(v) for v in re.findall(r"^postgresql-(\d+)-postgis-3$", names, re.MULTILINE)]
    if usable := [version for version in versions if version >= OLDEST_POSTGRES]:
        return f"postgresql-{max(usable)}-postgis-3"
    offers = (
        f"this system's packages end at PostgreSQL {max(versions)}" if versions else "none is on offer here"
    )
    raise Trouble(
        f"PostgreSQL {OLDEST_POSTGRES} or newer with PostGIS is needed; {offers}.",
        "Add the PostgreSQL project's own package repository (its package `postgresql-common` has a script for that)",
        "and run make again; or name a database elsewhere: make up DATABASE_URL=postgres://user:password@host/name",
        "or use the containers: docker compose up",
    )


def _venv_package() -> str:
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return (
            f"python3.{sys.version_info[1]}-venv" if sys.executable.startswith("/usr/bin") else "python3-venv"
        )
    names = subprocess.run(["apt-cache", "pkgnames", "python3."], capture_output=True, text=True).stdout
    minors = [int(v) for v in re.findall(r"^python3\.(\d+)-venv$", names, re.MULTILINE)]
    return f"python3.{max([*minors, OLDEST_PYTHON[1]])}-venv"


POSTGIS = Need("PostgreSQL with PostGIS", lambda: bool(postgres_versions()), _postgis_package)
PRODUCT = (
    Need("GDAL", lambda: bool(shutil.which("ogr2ogr")), lambda: "gdal-bin"),
    Need("gettext", lambda: bool(shutil.which("msgfmt")), lambda: "gettext"),
    Need("Python with venv", lambda: find_python() is not None, _venv_package),
)
TESTS = (
    Need("Chromium", lambda: find_browser() is not None, lambda: "chromium"),
    Need("a Chinese font", _has_chinese_font, lambda: "fonts-noto-cjk"),
)


def ensure(needs: tuple[Need, ...]) -> None:
    """Install what is missing, or say exactly which command will."""
    with Step("System packages") as step:
        missing = [need for need in needs if not need.is_there()]
        if not missing:
            step.note("all there")
            return
        names = ", ".join(need.what for need in missing)
        if not shutil.which("apt-get"):
            raise Trouble(
                f"Missing: {names}. This system has no apt-get, so they cannot be installed from here.",
                f"Install them with your system's own tools (PostgreSQL {OLDEST_POSTGRES}+, PostGIS 3.3+, GDAL 3.6+,"
                f" Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]}+) and run make again,",
                "or use the containers: docker compose up",
            )
        become_root = _as_root()
        if become_root is None:
            packages = " ".join(need.package() for need in missing)
            raise Trouble(
                f"Missing: {names}. Installing them needs root, which {account_name()} is not (and sudo asks for a password or"
                " is not there).",
                f"Run, or have run: sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}",
                "then run make again.",
            )
        step.note(f"missing: {names}; reading the package lists")
        # Some other source of the machine may be out of reach; what matters is whether the install below works.
        with contextlib.suppress(Trouble):
            run([*become_root, "apt-get", "update"], log=LOGS / "apt-update.log", step=step)
        packages_wanted = [need.package() for need in missing]
        with _no_spare_cluster(become_root):
            run(
                [
                    *become_root,
                    *("env", "DEBIAN_FRONTEND=noninteractive"),
                    *("apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=180"),
                    *packages_wanted,
                ],
                log=LOGS / "apt-install.log",
                step=step,
            )
        if still := [need.what for need in missing if not need.is_there()]:
            raise Trouble(
                f"Installed {' '.join(packages_wanted)}, and yet {', '.join(still)} cannot be found."
            )
        step.note("installed " + " ".join(packages_wanted))


def _as_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


@contextlib.contextmanager
def _no_spare_cluster(become_root: list[str]) -> Iterator[None]:
    """Keep Debian's package from making and starting a server of its own on port 5432, for this one install."""
    folder, file = _CREATE_NO_CLUSTER.parent, _CREATE_NO_CLUSTER
    subprocess.run([*become_root, "mkdir", "-p", str(folder)], check=True)
    subprocess.run(
        [*become_root, "tee", str(file)], input=b"create_main_cluster = false\n", capture_output=True
    )
    try:
        yield
    finally:
        subprocess.run([*become_root, "rm", "-f", str(file)])
