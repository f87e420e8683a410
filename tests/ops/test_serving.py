"""The port that is taken, and processes that end when they should."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from scripts import serving
from scripts.console import Trouble
from scripts.project import ROOT
from tests.ops.conftest import Clone


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_taken_port_names_who_has_it_and_offers_a_free_one(taken: int) -> None:
    with pytest.raises(Trouble) as caught:
        serving.check_port(taken)
    told = str(caught.value)
    assert f"Port {taken} on 127.0.0.1 is taken by process {os.getpid()} (" in told
    offered = re.search(r"make up PORT=(\d+)", told)
    assert offered
    serving.check_port(int(offered[1]))


def test_make_up_stops_at_a_taken_port_before_it_sets_up_anything(clone: Clone, taken: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts", "up"],
        cwd=clone.root,
        env={**os.environ, "PORT": str(taken)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "is taken by process" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (clone.root / ".local").exists()


@pytest.mark.parametrize(("name", "value"), [("PORT", "eighty"), ("PORT", "70000"), ("TOWN", "paris")])
def test_make_up_refuses_what_it_does_not_know(clone: Clone, name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts", "up"],
        cwd=clone.root,
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"{name}={value}" in done.stderr
    assert "Traceback" not in done.stderr


def is_gone(pid: int) -> bool:
    """Whether the process ends within some seconds."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_service_ends_with_a_make_that_is_killed(clone: Clone) -> None:
    parent = clone.start(
        "from scripts import project, serving; project.make_local_folder()\n"
        "print(serving.Service('web', ['sleep', '600'], {}).process.pid, flush=True); input()"
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert is_gone(child)


def test_interrupting_a_step_ends_what_it_runs(clone: Clone) -> None:
    step = clone.start(
        "from scripts import console, project, serving; project.make_local_folder(); serving.stop_on_signals()\n"
        "console.run(['sh', '-c', 'echo $$ >number; exec sleep 600'], log=project.LOGS / 'x.log')"
    )
    number = clone.root / "number"
    while not (number.exists() and number.read_text().strip()):
        assert step.poll() is None
        time.sleep(0.05)
    step.send_signal(signal.SIGINT)
    step.communicate(timeout=20)
    child = int(number.read_text())
    assert is_gone(child)


def test_makefile_works_from_any_folder() -> None:
    for command in (["make", "-C", str(ROOT), "help"], ["make", "-f", f"{ROOT}/Makefile", "help"]):
        done = subprocess.run(command, cwd="/", capture_output=True, text=True)
        assert "make up" in done.stdout, done.stderr
