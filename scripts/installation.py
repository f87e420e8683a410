"""One installation: its database, its town, its settings."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping

from scripts import environment, packages
from scripts.cluster import Cluster
from scripts.console import STARTED, Step, Trouble, run
from scripts.project import (
    LOCAL,
    LOGS,
    PYTHON,
    ROOT,
    digest,
    forget,
    is_stamped,
    make_local_folder,
    stamp,
    write_environment_file,
)

TOWNS = {"demo": "gridmap_demo", "empty": "gridmap_town"}
_DEMO_LOGINS = LOCAL / "demo-logins"


def set_up_packages(*, development: bool) -> None:
    """System, Python and front-end packages: whatever of them is missing."""
    make_local_folder()
    own_cluster = "DATABASE_URL" not in os.environ
    needs = (
        ((packages.POSTGIS,) if own_cluster else ())
        + packages.PRODUCT
        + (packages.TESTS if development else ())
    )
    packages.ensure(needs)
    environment.python_packages(development=development)
    environment.front_end_packages(development=development)
    environment.translations()


@contextlib.contextmanager
def database(town: str) -> Iterator[dict[str, str]]:
    """Settings of this installation with a database that runs and is prepared, as long as the block lasts.

    DATABASE_URL in the environment names a database that somebody else runs; else it is the project's own cluster. The demo
    and a town of one's own live in two databases of it, so that trying the one never touches the other.
    """
    if "DATABASE_URL" in os.environ:
        url = os.environ["DATABASE_URL"]
        urls = {"DATABASE_URL": url, "DATABASE_OWNER_URL": os.environ.get("DATABASE_OWNER_URL", url)}
        with Step("Database") as step:
            step.note("the one in DATABASE_URL")
            _database_task("check", urls)
        # Not written down: a password that came in the environment stays there.
        yield {**write_environment_file({"GRIDMAP_TOWN": town}), **urls, "GRIDMAP_TOWN": town}
        return
    cluster = Cluster.of_project()
    with cluster.running():
        name = TOWNS[town]
        with Step("Database") as step:
            step.note(name)
            superuser = {"DATABASE_SUPERUSER_URL": cluster.url("postgres", "postgres")}
            if _database_task("prepare", superuser, "--database", name) == "new":
                forget(f"migrations-{name}")
        yield write_environment_file(
            {
                "DATABASE_URL": cluster.url("gridmap_app", name),
                "DATABASE_OWNER_URL": cluster.url("gridmap_owner", name),
                "GRIDMAP_TOWN": town,
            }
        )


@contextlib.contextmanager
def test_database() -> Iterator[dict[str, str]]:
    """Settings for the tests: they make databases of their own from the template, and need no superuser for it."""
    if "DATABASE_URL" in os.environ:
        yield {
            **write_environment_file({}),
            "DATABASE_URL": os.environ["DATABASE_URL"],
            "GRIDMAP_TOWN": "empty",
        }
        return
    cluster = Cluster.of_project()
    with cluster.running():
        _database_task(
            "prepare",
            {"DATABASE_SUPERUSER_URL": cluster.url("postgres", "postgres")},
            "--database",
            TOWNS["demo"],
        )
        url = cluster.url("gridmap_test", "gridmap")
        yield {
            **write_environment_file({}),
            "DATABASE_URL": url,
            "DATABASE_OWNER_URL": url,
            "GRIDMAP_TOWN": "empty",
            "GRIDMAP_TEST_TEMPLATE": "gridmap_template",
            # The tests' own database exists only while they run; the other checks look into this one.
            "CHECKS_DATABASE_URL": cluster.url("gridmap_app", TOWNS["demo"]),
        }


def _database_task(task: str, variables: Mapping[str, str], *more: str) -> str:
    done = subprocess.run(
        [str(PYTHON), "-m", "scripts.database", task, *more],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        what, *ways_on = done.stderr.strip().split("\n  -> ")
        raise Trouble(what or f"The database task {task} failed.", *ways_on)
    return done.stdout.strip()


def manage(step: Step, settings: Mapping[str, str], *arguments: str, as_owner: bool = False) -> None:
    """Run a management command, as the tables' owner where it makes or loads them."""
    variables = {**settings, "DATABASE_URL": settings["DATABASE_OWNER_URL"]} if as_owner else settings
    log = LOGS / f"{arguments[0]}.log"
    run([PYTHON, "manage.py", *arguments], log=log, step=step, environment=variables, folder=ROOT)


def bring_up_to_date(settings: Mapping[str, str]) -> None:
    """Migrations, static files, and the demo town where it is wanted and not there yet."""
    with Step("Migrations") as step:
        own = settings["DATABASE_URL"].startswith("postgres://gridmap_app@%2F")
        name, wanted = f"migrations-{TOWNS[settings['GRIDMAP_TOWN']]}", _migrations()
        # In a database that somebody else runs anything may have happened since.
        if not own or not is_stamped(name, wanted):
            manage(step, settings, "migrate", "--no-input", as_owner=True)
            stamp(name, wanted)
        step.note("up to date")
    with Step("Static files") as step:
        wanted = _static_sources()
        if is_stamped("static", wanted) and (LOCAL / "static").is_dir():
            step.note("up to date")
        else:
            step.note("collecting and compressing")
            manage(step, settings, "collectstatic", "--no-input")
            stamp("static", wanted)
    if settings["GRIDMAP_TOWN"] == "demo":
        with Step("Demo town") as step:
            if _database_task("count", settings) != "0":
                step.note("there already")
            else:
                manage(step, settings, "demo_town", as_owner=True)
                step.note("loaded")


def _migrations() -> str:
    """Hash of all migrations, ours and those of the packages."""
    own = [path for app in ("boundaries", "gridmap") for path in (ROOT / app / "migrations").glob("*.py")]
    return digest([*own, ROOT / "requirements" / "run.lock"])


def _static_sources() -> str:
    """Hash of all that collected static files are made from."""
    own = [
        path
        for app in ("boundaries", "gridmap")
        for path in (ROOT / app).glob("static/**/*")
        if path.is_file()
    ]
    locks = [ROOT / "package-lock.json", ROOT / "requirements" / "run.lock"]
    return digest([*own, *locks, ROOT / "gridmap" / "storage.py", ROOT / "gridmap" / "settings.py"])


def welcome(settings: Mapping[str, str], address: str) -> list[str]:
    """What to print once it serves: the address and, for the demo, who may sign in."""
    lines = ["", f"Gridmap is ready after {time.monotonic() - STARTED:.0f} s: {address}"]
    if settings["GRIDMAP_TOWN"] == "demo":
        lines += [
            "",
            "Demo town, all of it invented. Sign in as (made for this installation; refused outside the demo):",
        ]
        if _DEMO_LOGINS.exists():
            lines += [
                f"  {line}" for line in _DEMO_LOGINS.read_text(encoding="utf-8").splitlines() if line.strip()
            ]
        lines += ["", "Your own town instead, without the demo and its logins: make up TOWN=empty"]
    else:
        lines += ["", "An empty town, in a database of its own."]
        if _database_task("count", settings, "--table", "gridmap_user") == "0":
            lines += [
                f"Make its administrator on {address}first-run/ and go on from there.",
                f"  setup code     {settings['GRIDMAP_SETUP_CODE']}",
            ]
    return [*lines, "Stop with Ctrl-C.", ""]
