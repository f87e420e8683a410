"""Secrets, locks and missing packages."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.project import ROOT
from tests.ops.conftest import STRANGER, Clone

WRITE = """
from scripts import project
project.make_local_folder()
project.write_environment_file({"GRIDMAP_TOWN": "demo"})
"""
ENSURE = """
import sys
sys.path.insert(0, {folder!r})
from scripts import packages, project
from scripts.console import Trouble
project.LOGS = packages.LOGS = project.Path("/tmp")
missing = packages.Need("a thing", lambda: False, lambda: "the-package")
try:
    packages.ensure((missing,))
except Trouble as trouble:
    print(trouble)
"""


def test_secrets_are_made_once_per_installation_and_for_its_owner_only(clone: Clone, tmp_path: Path) -> None:
    clone.python(WRITE)
    file = clone.root / ".local" / "env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    first = file.read_text()
    secret = re.search(r"^GRIDMAP_SECRET_KEY=(\S{50,})$", first, re.MULTILINE)
    assert secret
    clone.python(WRITE.replace("demo", "empty"))
    assert secret[0] in file.read_text(), "a secret that changes signs everybody out"
    other = Clone(tmp_path / "other")
    shutil.copytree(ROOT / "scripts", other.root / "scripts")
    other.python(WRITE)
    assert secret[1] not in (other.root / ".local" / "env").read_text()


def test_git_ignores_what_an_installation_makes() -> None:
    made = [".local/env", ".postgres", ".venv/bin/python", "node_modules/x.js"]
    done = subprocess.run(["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == made


@pytest.mark.skipif(
    os.geteuid() != 0 and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    if shutil.which("sudo")
    else False,
    reason="this account may install packages",
)
def test_missing_package_without_root_names_the_command(tmp_path: Path) -> None:
    # The stranger may enter neither this project nor perhaps this Python: a copy, and the system's own.
    folder = Path("/tmp") / f"gridmap-ensure-{os.getpid()}"  # noqa: S108 -- made and removed here
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    stranger = {"user": STRANGER, "group": STRANGER, "extra_groups": []} if os.geteuid() == 0 else {}
    python = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable
    try:
        done = subprocess.run(
            [python, "-B", "-c", ENSURE.format(folder=str(folder))],
            cwd="/",
            capture_output=True,
            text=True,
            **stranger,  # type: ignore[call-overload]
        )
    finally:
        shutil.rmtree(folder)
    assert "Missing: a thing." in done.stdout, done.stderr
    assert "sudo apt-get install -y --no-install-recommends the-package" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["run.lock", "dev.lock", "node.lock"])
def test_locks_carry_versions_and_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[\w,]+\])?==[\w.!+]+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text


def test_developers_have_the_products_versions() -> None:
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    assert versions("run.lock") <= versions("dev.lock")


def test_npm_lock_carries_no_addresses() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in text
    assert '"resolved"' not in text
