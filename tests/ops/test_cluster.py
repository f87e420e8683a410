"""The project's own database server, on real folders and real processes."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.ops.conftest import START, STOP, STRANGER, Clone

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as other accounts")


def started(clone: Clone) -> int:
    """Start the cluster and return the server's process."""
    done = clone.python(START)
    assert "pid " in done.stdout, done.stdout + done.stderr
    return int(done.stdout.split("pid ")[1].split()[0])


def data_of(clone: Clone) -> Path:
    return clone.root / ".postgres" / "data"


def kill_outright(pid: int) -> None:
    """What a power cut leaves: the server gone, its postmaster.pid still there."""
    os.kill(pid, signal.SIGKILL)
    for _ in range(100):
        if not Path(f"/proc/{pid}/cwd").exists():
            return
        time.sleep(0.05)


def test_serves_from_a_private_folder_with_a_long_chinese_path(clone: Clone) -> None:
    started(clone)
    assert clone.sql("SHOW server_encoding") == "UTF8"
    assert clone.sql("SHOW listen_addresses") == ""
    assert clone.sql("SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"
    clone.sql("CREATE EXTENSION pg_trgm")
    # Under the locale C this would be empty, and no Chinese name could be found.
    assert clone.sql("SELECT array_length(show_trgm('依云镇'), 1)") == "4"


def test_a_second_start_finds_it_running(clone: Clone) -> None:
    assert started(clone) == started(clone)


@as_root
def test_another_account_does_not_get_in(clone: Clone) -> None:
    started(clone)
    asked = clone.python("from scripts.cluster import Cluster; print(Cluster.of_project().socket_folder)")
    socket = f"{asked.stdout.strip()}/.s.PGSQL.5432"
    assert Path(socket).is_socket()
    see = ["/usr/bin/test", "-S", socket]
    assert subprocess.run(see).returncode == 0
    assert subprocess.run(see, user=STRANGER, group=STRANGER, extra_groups=[]).returncode == 1


def test_no_role_without_its_system_account(clone: Clone) -> None:
    started(clone)
    # Roles there are none yet for; the server maps system accounts to four names and to no other.
    clone.sql("CREATE ROLE stranger LOGIN SUPERUSER")
    assert "Peer authentication failed" in clone.sql("SELECT 1", role="stranger")


def test_starts_again_after_being_killed(clone: Clone) -> None:
    kill_outright(started(clone))
    assert (data_of(clone) / "postmaster.pid").exists()
    started(clone)
    assert clone.sql("SELECT 1") == "1"


def test_starts_although_its_old_number_is_another_process_now(clone: Clone) -> None:
    kill_outright(started(clone))
    file = data_of(clone) / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    started(clone)
    assert clone.sql("SELECT 1") == "1"


@pytest.mark.parametrize(
    ("text", "says"),
    [("garbage", "says 'garbage' instead of a version"), ("9\n", "was made by PostgreSQL 9; installed:")],
)
def test_unusable_version_is_told_with_a_way_on(clone: Clone, text: str, says: str) -> None:
    started(clone)
    clone.python(STOP)
    (data_of(clone) / "PG_VERSION").write_text(text)
    told = clone.python(START).stdout
    assert "TROUBLE" in told
    assert says in told
    assert "make fresh && make up" in told


def test_damaged_files_are_told_and_setting_aside_helps(clone: Clone) -> None:
    started(clone)
    clone.python(STOP)
    (data_of(clone) / "global" / "pg_control").write_bytes(b"")
    told = clone.python(START).stdout
    assert "its server does not start" in told
    assert "pg_control" in told, "the server's own words belong in the message"
    aside = clone.python(
        "from scripts.cluster import Cluster; print(Cluster.of_project().set_aside())"
    ).stdout.strip()
    assert (Path(aside) / "data" / "PG_VERSION").exists(), "nothing is deleted"
    started(clone)
    assert clone.sql("SELECT 1") == "1"


def test_who_leaves_last_stops_it(clone: Clone) -> None:
    stay = "from scripts import project; project.make_local_folder()\nfrom scripts.cluster import Cluster\n"
    stay += "with Cluster.of_project().running():\n print('in', flush=True); input()"
    first, second = clone.start(stay), clone.start(stay)
    for guest in (first, second):
        assert guest.stdout is not None
        said = ""
        while not said.endswith("in\n"):
            line = guest.stdout.readline()
            assert line, said
            said += line
    first.communicate("\n", timeout=60)
    assert clone.sql("SELECT 1") == "1", "the other one is still using it"
    second.communicate("\n", timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert not (data_of(clone) / "postmaster.pid").exists()


@as_root
def test_a_copied_clone_gets_a_cluster_of_its_own(clone: Clone, tmp_path: Path) -> None:
    started(clone)
    copy = Clone(tmp_path / "copy")
    shutil.copytree(clone.root, copy.root, symlinks=True)
    try:
        started(copy)
        copy.sql("CREATE DATABASE only_in_the_copy")
        assert clone.sql("SELECT count(*) FROM pg_database WHERE datname = 'only_in_the_copy'") == "0"
        assert copy.sql("SELECT count(*) FROM pg_database WHERE datname = 'only_in_the_copy'") == "1"
    finally:
        copy.tear_down()
