"""Serving: the port, the web process and the worker, and stopping them in order."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from scripts.console import Step, Trouble, end_with_parent, say
from scripts.project import LOGS, PYTHON, ROOT, RUNNING

HOST = "127.0.0.1"
_WORKER_TRIES = 5


class Stopped(Exception):
    """Ctrl-C, or a polite request to end."""


def check_port(port: int) -> None:
    """Raise Trouble, naming who has it, when the port cannot be had."""
    if _is_free(port):
        return
    other = next((n for n in range(port + 1, min(port + 100, 65536)) if _is_free(n)), None)
    pid = listener(port)
    here = _recorded_pid(port)
    if here is not None and _is_running(here):
        raise Trouble(
            f"Gridmap of this folder is running already (process {here}): http://{HOST}:{port}/",
            "Use it, or end it first: make down",
        )
    who = f" by process {pid} ({_command_line(pid)})" if pid else ""
    raise Trouble(
        f"Port {port} on {HOST} is taken{who}.",
        *([f"Use another: make up PORT={other}"] if other else []),
        *([f"or end that process: kill {pid}"] if pid else []),
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise Trouble(f"Port {port} needs root; choose one above 1023: make up PORT=8000") from None
        except OSError:
            return False
        return True


def listener(port: int) -> int | None:
    """The process that listens on the port, where the system lets us see it."""
    wanted = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    wanted.add(f"socket:[{fields[9]}]")
    for handle in Path("/proc").glob("[0-9]*/fd/*") if wanted else ():
        try:
            if str(handle.readlink()) in wanted:
                return int(handle.parts[2])
        except OSError:
            continue
    return None


def _command_line(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    return b" ".join(words).decode(errors="replace").strip()[:80]


def _recorded_pid(port: int) -> int | None:
    file = RUNNING / f"up-{port}.pid"
    text = file.read_text().strip() if file.exists() else ""
    return int(text) if text.isdigit() else None


def _is_running(pid: int) -> bool:
    return "-m scripts up" in _command_line(pid)


def end_running() -> int:
    """Ask every `make up` of this folder to end, and wait; returns how many there were."""
    ended = 0
    for file in sorted(RUNNING.glob("up-*.pid")):
        pid = int(file.read_text().strip() or 0)
        if pid and _is_running(pid):
            os.kill(pid, signal.SIGTERM)
            for _ in range(300):
                if not _is_running(pid):
                    break
                time.sleep(0.1)
            ended += 1
        file.unlink(missing_ok=True)
    return ended


def stop_on_signals() -> None:
    """Let Ctrl-C, `kill` and a closed terminal all end this process the same orderly way."""

    def stop(number: int, frame: FrameType | None) -> None:
        # A second signal must not cut the orderly end short.
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        raise Stopped

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, stop)


class Service:
    """One child process with its output in a log file."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.arguments = arguments
        self.environment = {**os.environ, **environment}
        self.log = LOGS / f"{name}.log"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.arguments,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 -- one call of libc, no Python locks
            )

    def again(self) -> None:
        """Start it once more after it ended."""
        self.process = self._start()

    def stop(self) -> None:
        """Ask it to end; insist after ten seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(f"      {line}" for line in self.log.read_text(errors="replace").splitlines()[-15:])


def serve(port: int, environment: Mapping[str, str], welcome: Callable[[], list[str]]) -> None:
    """Run web and worker until told to stop."""
    record = RUNNING / f"up-{port}.pid"
    services: list[Service] = []
    try:
        record.write_text(str(os.getpid()))
        with Step("Web and worker") as step:
            web = Service("web", web_command(port), environment)
            services.append(web)
            worker = Service("worker", worker_command(), environment)
            services.append(worker)
            _wait_until_answering(web, port)
            step.note(f"logs in {LOGS.relative_to(ROOT)}/")
        # The first bulk question on a machine would wait some 15 s for the compiler; it works meanwhile.
        services.append(Service("warm", [str(PYTHON), "-m", "boundaries.bulk.warm"], environment))
        for line in welcome():
            say(line)
        _watch(web, worker)
    finally:
        say()
        with Step("Stopping web and worker"):
            for service in services:
                service.stop()
        record.unlink(missing_ok=True)


def web_command(port: int) -> list[str]:
    """The ASGI server. No access log: addresses of pages hold what people searched for."""
    return [
        *(str(PYTHON), "-m", "uvicorn", "gridmap.asgi:application", "--host", HOST, "--port", str(port)),
        *(
            "--lifespan",
            "off",
            "--no-access-log",
            "--log-level",
            "warning",
            "--timeout-graceful-shutdown",
            "3",
        ),
    ]


def worker_command() -> list[str]:
    """The process that does long work."""
    return [str(PYTHON), "manage.py", "procrastinate", "worker"]


def _wait_until_answering(web: Service, port: int) -> None:
    for _ in range(600):
        if web.process.poll() is not None:
            raise Trouble(f"The web process ended with exit code {web.process.returncode}:\n{web.tail()}")
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        try:
            connection.request("GET", "/", headers={"Host": "localhost"})
            status = connection.getresponse().status
        except OSError:
            time.sleep(0.1)
            continue
        finally:
            connection.close()
        if status >= 500:
            raise Trouble(
                f"The home page answers with error {status}:\n{web.tail()}", f"The web log: {web.log}"
            )
        return
    raise Trouble(f"The web process does not answer after a minute.\n{web.tail()}", f"The web log: {web.log}")


def _watch(web: Service, worker: Service) -> None:
    """Wait; a worker that dies is started again, a web process that dies ends it all."""
    tries = 0
    while True:
        time.sleep(0.5)
        if web.process.poll() is not None:
            raise Trouble(f"The web process ended with exit code {web.process.returncode}:\n{web.tail()}")
        if worker.process.poll() is not None:
            tries += 1
            if tries > _WORKER_TRIES:
                raise Trouble(f"The worker ended {tries} times:\n{worker.tail()}", f"Its log: {worker.log}")
            say(f"  !!  The worker ended (exit code {worker.process.returncode}); starting it again.")
            time.sleep(min(2**tries, 30))
            worker.again()
