"""Saying what is being done, how long it takes, and what to do when it cannot be done."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

STARTED = time.monotonic()
_PR_SET_PDEATHSIG = 1
_TTY = sys.stdout.isatty()
# Without a terminal there is nothing to redraw, so a long step reports in whole lines, less often.
_TICK = 0.2 if _TTY else 5.0


class Trouble(Exception):
    """Something a person has to decide or do: what happened, and the ways on."""

    def __init__(self, what: str, *ways_on: str) -> None:
        super().__init__(what)
        self.what = what
        self.ways_on = ways_on

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"  -> {way}" for way in self.ways_on)])


def say(text: str = "") -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


class Step:
    """A named piece of work: prints what it does while it runs, and its time when it took any.

    >>> with Step("Migrations") as step:
    ...     step.note("3 to apply")
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def note(self, detail: str) -> None:
        """Say what is going on inside the step."""
        self.detail = detail

    def __enter__(self) -> Step:  # noqa: PYI034 -- typing.Self is not there before 3.11
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._ticker.join()
        mark = "ok" if error is None else "!!"
        self._line(mark, end="\n")

    def _tick(self) -> None:
        if _TTY:
            self._line("..", end="")
        while not self._stop.wait(_TICK):
            self._line("..", end="" if _TTY else "\n")

    def _line(self, mark: str, end: str) -> None:
        text = f"  {mark}  {self.title:<24}{time.monotonic() - self._began:6.1f} s   {self.detail}"
        if _TTY:
            width = os.get_terminal_size(sys.stdout.fileno()).columns
            text = "\r\033[K" + (text if end else text[: width - 1])
        print(text, end=end, flush=True)


def end_with_parent() -> None:
    """Before a program starts, ask the system to end it when this process ends, even when that is killed outright."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def run(
    arguments: Sequence[str | Path],
    *,
    log: Path,
    step: Step | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a program with its output in a log file; the step shows its latest line.

    Parameters
    ----------
    environment : added to this process's own environment

    Raises
    ------
    Trouble
        With the end of the output, when the program fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with log.open("w", encoding="utf-8", errors="replace") as record:
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            preexec_fn=end_with_parent,  # noqa: PLW1509 -- one call of libc, no Python locks
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                record.write(line)
                record.flush()
                if line.strip():
                    lines = [*lines[-19:], line.rstrip()]
                    if step and not line.lower().startswith(("warning", "npm warn")):
                        step.note(line.strip()[:100])
        except BaseException:
            # Ctrl-C: the program must not go on behind our back.
            process.terminate()
            process.wait()
            raise
        code = process.wait()
    if code:
        tail = "\n".join(f"      {line}" for line in lines)
        name = " ".join(str(argument) for argument in arguments[:4])
        raise Trouble(
            f"This command failed with exit code {code}: {name} ...\n{tail}", f"All of its output: {log}"
        )
