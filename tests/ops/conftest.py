"""A clone's `scripts/` in a folder of its own, run as its own processes: the tooling as a person meets it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.project import ROOT

# An account that is on every system and may do nothing.
STRANGER = 65534


@dataclass
class Clone:
    """A folder with the project's tooling."""

    root: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def python(
        self, code: str, *, uid: int | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run code in this clone."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE_", "GRIDMAP_"))}
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.root,
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            capture_output=True,
            text=True,
            timeout=180,
        )

    def start(self, code: str) -> subprocess.Popen[str]:
        """Run code in this clone beside the test."""
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=self.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.running.append(process)
        return process

    def sql(self, statement: str, *, role: str = "postgres", database: str = "postgres") -> str:
        """The single value a statement answers in this clone's running cluster, or the error's text."""
        done = self.python(
            f"""
import psycopg
from scripts.cluster import Cluster
try:
    with psycopg.connect(Cluster.of_project().url({role!r}, {database!r}), autocommit=True) as connection:
        cursor = connection.execute({statement!r})
        print(cursor.fetchone()[0] if cursor.description else "done")
except psycopg.Error as error:
    print(str(error).strip())
"""
        )
        return (done.stdout + done.stderr).strip()

    def tear_down(self) -> None:
        """Stop everything and remove what lies outside the folder."""
        for process in self.running:
            with process:
                process.kill()
        self.python(STOP)
        link = self.root / ".postgres"
        if link.is_symlink():
            home = link.resolve()
            # Whatever this clone ever had, also what was set aside.
            for made in home.parent.glob(f"{home.name.partition('-')[0]}-*"):
                shutil.rmtree(made)


START = """
from scripts import project
from scripts.console import Trouble
from scripts.cluster import Cluster
project.make_local_folder()
try:
    cluster = Cluster.of_project()
    cluster.start()
    print("pid", cluster.pid())
    print("home", cluster.home)
except Trouble as trouble:
    print("TROUBLE", trouble)
"""
STOP = "from scripts.cluster import Cluster; Cluster.of_project().stop()"


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """A clone that only its owner may enter, at a long path with blanks and Chinese characters."""
    root = tmp_path / "网格 project folder" / ("long-" * 20) / "gridmap"
    root.mkdir(parents=True)
    (tmp_path / "网格 project folder").chmod(0o700)
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    made = Clone(root)
    yield made
    made.tear_down()
