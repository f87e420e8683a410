"""The project's own PostgreSQL cluster: on a Unix socket only, entered only by the account that runs the project.

Data lie in `.postgres/` of the project. Where the server's account may not enter that folder (a clone under /root, say) or the
file system keeps no permissions, they lie in /var/lib/gridmap/ (or the account's own ~/.local/share/gridmap/) and `.postgres`
is a link to there.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scripts.console import Step, Trouble
from scripts.packages import OLDEST_POSTGRES, POSTGRES_ROOT, postgres_versions
from scripts.project import ROOT, account_name, locked, nobody_holds, short_hash

LINK = ROOT / ".postgres"
ROLES = ("postgres", "gridmap_owner", "gridmap_app", "gridmap_test")
_PORT = 5432
_ROOM_NEEDED = 500 * 1024**2
_SOCKET_PATH_LIMIT = 107


@dataclass(frozen=True)
class Account:
    """The system account that the server runs under."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program as this account, from a folder that everybody may enter."""
        command = [str(argument) for argument in arguments]
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, capture_output=True, text=True, errors="replace", **self.how()
        )
        return done

    def how(self) -> dict[str, Any]:
        """Arguments for `subprocess` that run a program as this account."""
        plain = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        if os.geteuid() != 0:
            return {"cwd": "/", "env": plain}
        return {"cwd": "/", "env": plain, "user": self.uid, "group": self.gid, "extra_groups": []}


def _account(owner_of: Path) -> Account:
    """The owner of the data when there are some; else `postgres` for root (which may not run a server), else oneself."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if owner_of.exists() and owner_of.stat().st_uid != 0:
        return Account(owner_of.stat().st_uid, owner_of.stat().st_gid)
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise Trouble(
            "As root the database server runs under the account `postgres`, and there is none.",
            "Make one: useradd --system --user-group postgres",
            "or run make as an ordinary account.",
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


class Cluster:
    """One PostgreSQL data folder and the server on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "server.log"
        self.account = _account(self.data)

    # --- where ----------------------------------------------------------------------------------------------------

    @classmethod
    def of_project(cls) -> Cluster:
        """The cluster of this clone; makes its folder when there is none."""
        # Two that start at the same moment must agree on the place.
        with locked("cluster-place"):
            return cls._find_or_make()

    @classmethod
    def _find_or_make(cls) -> Cluster:
        if LINK.is_symlink():
            home = LINK.resolve()
            if home.exists() and not _is_of_another_clone(home):
                return cls(home)
            LINK.unlink()
        elif (LINK / "data").exists():
            return cls(LINK)
        account = _account(LINK / "data")
        if not _can_keep_data(LINK, account):
            if LINK.is_dir():
                shutil.rmtree(LINK)
            home = _home_elsewhere()
            home.mkdir(parents=True, exist_ok=True)
            home.chmod(0o755)
            home.parent.chmod(0o755)
            (home / "clone").write_text(str(ROOT))
            LINK.symlink_to(home)
            return cls(home)
        return cls(LINK)

    @property
    def socket_folder(self) -> Path:
        """Short, whatever the project's path: a socket's path may have 107 bytes. A running server's own word first."""
        lines = self._pid_file()
        if len(lines) > 4 and lines[4] and self.pid() is not None:
            return Path(lines[4])
        name = short_hash(str(self.home.resolve()))
        return (
            Path("/run/gridmap") / name if os.geteuid() == 0 else Path(f"/tmp/gridmap-{os.geteuid()}-{name}")  # noqa: S108 -- checked when made
        )

    def url(self, role: str, database: str) -> str:
        """Connection URL of a role; there is no password: the server asks the system who is calling."""
        return f"postgres://{role}@{quote(str(self.socket_folder), safe='')}/{database}"

    # --- state ----------------------------------------------------------------------------------------------------

    def version(self) -> int | None:
        """Major version of the data; None when there are none yet."""
        file = self.data / "PG_VERSION"
        try:
            text = file.read_text().strip()
        except FileNotFoundError:
            if self.data.exists() and any(self.data.iterdir()):
                raise self._broken(f"{file} is missing") from None
            return None
        except PermissionError:
            raise Trouble(
                f"The database in {self.home} belongs to {self.account_of_data()}, not to {account_name()}.",
                f"Run make as the account that set it up (root or {self.account_of_data()}),",
                f"or clone the project into a folder of {account_name()}'s own.",
            ) from None
        if not text.isdigit():
            raise self._broken(f"{file} says {text[:20]!r} instead of a version")
        return int(text)

    def account_of_data(self) -> str:
        """Name of the account that owns the data."""
        with contextlib.suppress(OSError, KeyError):
            return pwd.getpwuid(self.data.stat().st_uid).pw_name
        return "another account"

    def pid(self) -> int | None:
        """The server's process, or None when none runs on these data.

        The number in postmaster.pid may by now be anybody's (after a crash, a restart of the machine, a copied folder): a
        server always stands in its own data folder, so that is asked of the process.
        """
        lines = self._pid_file()
        if not lines or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        try:
            where = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            return None
        return pid if where == self.data.resolve() else None

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    # --- life -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the server as long as anybody needs it: who leaves last stops it, also when the others were killed."""
        with locked("cluster-change"):
            try:
                self.start()
            except BaseException:
                # Ctrl-C while it was starting: it must not stay behind.
                if nobody_holds("cluster-use"):
                    self.stop()
                raise
            use = contextlib.ExitStack()
            use.enter_context(locked("cluster-use", shared=True))
        try:
            yield
        finally:
            with locked("cluster-change"):
                use.close()
                if nobody_holds("cluster-use"):
                    self.stop()

    def start(self) -> None:
        """Make the cluster when there is none, and start it when it does not run."""
        with Step("Database server") as step:
            version = self.version()
            if self.pid() is not None:
                step.note("running already")
                self._wait_until_ready(None)
                return
            self._check_room()
            if version is None:
                version = self._create(step)
            binaries = self._binaries(version)
            if self._pid_file():
                step.note("clearing up after a server that was killed")
                (self.data / "postmaster.pid").unlink()
            folder = self._make_socket_folder()
            self._configure(folder)
            with self._open_log() as log:
                server = subprocess.Popen(
                    [
                        str(binaries / "postgres"),
                        "-D",
                        str(self.data),
                        "-c",
                        f"config_file={self.home / 'server.conf'}",
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C is for make: it stops web and worker first, the database last.
                    start_new_session=True,
                    **self.account.how(),
                )
            self._wait_until_ready(server)
            step.note(f"PostgreSQL {version} in {self.home}")

    def stop(self) -> None:
        """Stop the server and wait for it."""
        pid = self.pid()
        if pid is None:
            return
        folder = self.socket_folder
        with Step("Stopping the database"):
            os.kill(pid, signal.SIGINT)  # fast: running statements are cut off and rolled back
            for _ in range(600):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                if self.pid() is None:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                    return
                time.sleep(0.05)
            raise Trouble(f"The database server (process {pid}) does not stop.", f"Its log: {self.log}")

    def set_aside(self) -> Path | None:
        """Move the cluster out of the way, nothing deleted; returns where it went."""
        self.stop()
        if not self.home.exists():
            return None
        aside = self.home.resolve().with_name(
            f"{self.home.resolve().name}.aside-{time.strftime('%Y%m%d-%H%M%S')}"
        )
        self.home.resolve().rename(aside)
        if LINK.is_symlink():
            LINK.unlink()
        return aside

    def _create(self, step: Step) -> int:
        versions = postgres_versions()
        if not versions:
            raise Trouble("PostgreSQL with PostGIS is not installed.", "Run make up, which installs it.")
        step.note(f"making a cluster in {self.home}")
        self.home.mkdir(parents=True, exist_ok=True)
        self._own(self.data)
        made = self.account.run(
            self._binaries(versions[0]) / "initdb",
            *("-D", self.data, "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"),
            *("--auth=reject", "--no-instructions"),
        )
        if made.returncode:
            # A half-made folder would look like a broken cluster next time.
            shutil.rmtree(self.data, ignore_errors=True)
            raise Trouble(f"The database cluster could not be made in {self.home}:\n{made.stderr.strip()}")
        return versions[0]

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, self.account.uid, self.account.gid)

    def _binaries(self, version: int) -> Path:
        binaries = POSTGRES_ROOT / str(version) / "bin"
        if version < OLDEST_POSTGRES or not (binaries / "postgres").exists():
            installed = ", ".join(str(v) for v in postgres_versions()) or "none"
            raise Trouble(
                f"The database in {self.home} was made by PostgreSQL {version}; installed: {installed}.",
                f"Install what it needs: apt-get install postgresql-{version}-postgis-3",
                "or start over with an empty cluster (the old one is kept beside it): make fresh && make up",
            )
        return binaries

    def _check_room(self) -> None:
        place = self.home if self.home.exists() else self.home.parent
        free = shutil.disk_usage(place).free
        if free < _ROOM_NEEDED:
            raise Trouble(
                f"Only {free // 1024**2} MB are free where the database lies ({self.home.resolve()}).",
                f"Free at least {_ROOM_NEEDED // 1024**2} MB (the full demo town takes about 1 GB) and run make again.",
            )

    def _make_socket_folder(self) -> Path:
        folder = self.socket_folder
        if os.geteuid() == 0:
            folder.parent.mkdir(mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        # In /tmp anybody may have made the name first, to listen in our place.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), self.account.uid):
            raise Trouble(
                f"{folder} is not ours, though it is the place of our socket.", f"Remove it: rm -r '{folder}'"
            )
        folder.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(folder, self.account.uid, self.account.gid)
        if len(os.fsencode(folder)) + len(f"/.s.PGSQL.{_PORT}") > _SOCKET_PATH_LIMIT:
            raise Trouble(f"The socket's path is too long: {folder}")
        for left_over in folder.iterdir():
            left_over.unlink()
        return folder

    def _configure(self, socket_folder: Path) -> None:
        """Write the server's settings and who may enter. Only three system accounts can ever become a role here: the
        server's own, root, and the one running make. They could read the data files anyway; nobody else gets in."""
        callers = sorted({self.account.name, "root", account_name()})
        identities = "".join(f'gridmap "{caller}" {role}\n' for caller in callers for role in ROLES)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
        settings = {
            "hba_file": str(self.home / "who.conf"),
            "ident_file": str(self.home / "accounts.conf"),
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": f"{max(32, min(512, memory // 8))}MB",
            "effective_cache_size": f"{max(64, memory // 2)}MB",
            "work_mem": "16MB",
            "maintenance_work_mem": f"{max(32, min(256, memory // 16))}MB",
            "max_wal_size": "2GB",
            "random_page_cost": "1.1",
            # Answers are short: compiling each statement costs more than it saves.
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C.UTF-8",
            # No statement and no values of a failed one in the log: they hold personal data.
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
            "dynamic_shared_memory_type": "mmap" if _shared_memory() < 256 * 1024**2 else "posix",
        }
        quoted = {name: value.replace("\\", "\\\\").replace("'", "''") for name, value in settings.items()}
        self._write("server.conf", "".join(f"{name} = '{value}'\n" for name, value in quoted.items()))
        self._write("who.conf", "local all all peer map=gridmap\n")
        self._write("accounts.conf", identities)

    def _write(self, name: str, text: str) -> None:
        path = self.home / name
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[int]:
        """The server's log of this run; the one before is kept beside it."""
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        number = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            yield number
        finally:
            os.close(number)

    def _wait_until_ready(self, server: subprocess.Popen[bytes] | None) -> None:
        for _ in range(1200):
            if server is not None and server.poll() is not None:
                raise self._broken("its server does not start")
            lines = self._pid_file()
            if len(lines) > 7 and lines[7].strip() == "ready":
                with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(f"{self.socket_folder}/.s.PGSQL.{_PORT}")
                    return
            time.sleep(0.05)
        raise self._broken("its server is not ready after a minute")

    def _broken(self, how: str) -> Trouble:
        lines = self.log.read_text(errors="replace").splitlines()[-8:] if self.log.exists() else []
        tail = "".join(f"\n      {line}" for line in lines)
        if any("No space left on device" in line for line in lines):
            return Trouble(
                f"The disk is full where the database lies ({self.home}):{tail}", "Make room, then make up."
            )
        return Trouble(
            f"The database cluster in {self.home} cannot be used: {how}.{tail}",
            "If its files come back from a backup, put them there and run make up again,",
            "else start over with an empty cluster (this one is kept beside it): make fresh && make up",
        )


def _is_of_another_clone(home: Path) -> bool:
    """A copied project brings its link along; two clones must not share a cluster."""
    try:
        clone = Path((home / "clone").read_text())
    except OSError:
        return False
    if clone == ROOT:
        return False
    if (clone / ".postgres").is_symlink() and (clone / ".postgres").resolve() == home:
        return True
    (home / "clone").write_text(str(ROOT))  # the project was moved, and its data are still its own
    return False


def _shared_memory() -> int:
    """Size in bytes of /dev/shm, which containers often keep very small."""
    try:
        return shutil.disk_usage("/dev/shm").total  # noqa: S108 -- only looked at
    except OSError:
        return 0


def _can_keep_data(folder: Path, account: Account) -> bool:
    """Whether the account can enter the folder and the file system keeps owner and permissions there."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    probe = folder / "probe"
    probe.mkdir(mode=0o700, exist_ok=True)
    try:
        if os.geteuid() == 0:
            os.chown(probe, account.uid, account.gid)
        kept = probe.stat()
        keeps = stat.S_IMODE(kept.st_mode) == 0o700 and kept.st_uid == account.uid
        return keeps and account.run("/usr/bin/touch", probe / "file").returncode == 0
    except OSError:
        return False
    finally:
        shutil.rmtree(probe)


def _home_elsewhere() -> Path:
    name = f"{short_hash(str(ROOT))}-{time.strftime('%Y%m%d%H%M%S')}"
    if os.geteuid() == 0:
        return Path("/var/lib/gridmap") / name
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "gridmap" / name
