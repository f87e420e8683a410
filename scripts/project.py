"""Where things of this installation are, and whether they are up to date."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from scripts.console import Trouble

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
LOGS = LOCAL / "logs"
RUNNING = LOCAL / "running"
ENVIRONMENT_FILE = LOCAL / "env"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Made once for each installation, never in the repository.
SECRETS: dict[str, Callable[[], str]] = {
    "GRIDMAP_SECRET_KEY": lambda: secrets.token_urlsafe(48),
    # Typed by a person once, into the first-run page.
    "GRIDMAP_SETUP_CODE": lambda: "-".join(secrets.token_hex(2) for _ in range(4)),
}


def short_hash(text: str) -> str:
    """Ten hexadecimal digits that name a folder of this project elsewhere on the machine."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def digest(paths: Iterable[Path], *more: str) -> str:
    """Hash of the files' names and contents, for telling whether anything changed."""
    total = hashlib.sha256("\0".join(more).encode())
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode("utf-8", "surrogateescape") + b"\0")
        total.update(path.read_bytes() + b"\0")
    return total.hexdigest()


def is_stamped(name: str, value: str) -> bool:
    """Whether the work called `name` was last done for this very `value`."""
    stamp = LOCAL / "stamps" / name
    return stamp.is_file() and stamp.read_text() == value


def stamp(name: str, value: str) -> None:
    """Remember that the work called `name` is done for this `value`."""
    path = LOCAL / "stamps" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value)


def forget(name: str) -> None:
    """Have the work called `name` done again."""
    (LOCAL / "stamps" / name).unlink(missing_ok=True)


def read_environment_file() -> dict[str, str]:
    """The installation's own KEY=VALUE lines; empty when there are none yet."""
    if not ENVIRONMENT_FILE.is_file():
        return {}
    lines = ENVIRONMENT_FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def write_environment_file(values: dict[str, str]) -> dict[str, str]:
    """Add `values` to the installation's file, make missing secrets, and return everything in it."""
    kept = read_environment_file()
    made = {name: make() for name, make in SECRETS.items() if name not in kept}
    merged = {**kept, **made, **values}
    if merged == kept:
        return kept
    text = "# Written by make. Of this installation only: keep it out of the repository and of backups that others read.\n"
    text += "".join(f"{key}={value}\n" for key, value in sorted(merged.items()))
    fresh = ENVIRONMENT_FILE.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    fresh.replace(ENVIRONMENT_FILE)
    return merged


def make_local_folder() -> None:
    """Make the installation's folder, readable by its owner only."""
    try:
        LOCAL.mkdir(mode=0o700, exist_ok=True)
        LOGS.mkdir(exist_ok=True)
        RUNNING.mkdir(exist_ok=True)
    except PermissionError:
        raise Trouble(
            f"{account_name()} may not write to {ROOT}.",
            f"Run make as {pwd.getpwuid(ROOT.stat().st_uid).pw_name}, whose folder it is,",
            "or clone the project into a folder of your own.",
        ) from None
    strangers = [
        path for path in (LOCAL, VENV, ROOT / "node_modules", LOGS) if path.exists() and not _ours(path)
    ]
    if strangers:
        owner = pwd.getpwuid(strangers[0].stat().st_uid).pw_name
        raise Trouble(
            f"{strangers[0]} belongs to {owner}: the project was set up here under that account.",
            f"Run make as {owner},",
            f"or take the folder over: sudo chown -R {account_name()} '{ROOT}'",
        )


def _ours(path: Path) -> bool:
    return os.geteuid() in (0, path.stat().st_uid)


def account_name() -> str:
    """The account this runs under, also where it has no entry in the password file."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


@contextlib.contextmanager
def locked(name: str, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock of this installation; the system releases it however the process ends."""
    with (RUNNING / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def nobody_holds(name: str) -> bool:
    """Whether no process holds the lock called `name`."""
    with (RUNNING / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
