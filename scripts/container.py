"""The processes as docker-compose.yml runs them: `python -m scripts.container setup|web|worker|healthy`.

The packages are in the image and the database in its own container, so that what is left is to prepare the database and load
the demo town where it is wanted (`setup`, which ends), and to become the process asked for. Secrets are in files that the
database container made: /admin for the superuser and the owner, which only `setup` sees, /secrets for the application.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from scripts.database import APP, OWNER, TOWNS, USERS, count_rows, prepare_cluster

ROOT = Path(__file__).resolve().parent.parent
ADMIN = Path(os.environ.get("GRIDMAP_ADMIN", "/admin"))
SECRETS = Path(os.environ.get("GRIDMAP_SECRETS", "/secrets"))
BIND = os.environ.get("GRIDMAP_BIND", "0.0.0.0")  # noqa: S104 -- the container's own network; compose publishes on loopback
HOST = os.environ.get("GRIDMAP_DB_HOST", "db")
PORT = int(os.environ.get("GRIDMAP_PORT", "8000"))
TOWN = os.environ.get("GRIDMAP_TOWN", "demo")
QUIET = ("--lifespan", "off", "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3")
DATABASES = {"demo": "gridmap_demo", "empty": "gridmap_town"}


def url(role: str, password: Path, database: str) -> str:
    """Connection URL of a role."""
    return f"postgres://{role}:{password.read_text().strip()}@{HOST}/{database}"


def settings() -> dict[str, str]:
    """The environment of this installation, with the application's role."""
    return {
        **os.environ,
        "GRIDMAP_TOWN": TOWN,
        "GRIDMAP_SECRET_KEY": (SECRETS / "key").read_text().strip(),
        "GRIDMAP_SETUP_CODE": (SECRETS / "setup-code").read_text().strip(),
        "DATABASE_URL": url(APP, SECRETS / "app", DATABASES[TOWN]),
    }


def set_up() -> int:
    """Roles, database, migrations, demo town: what is missing of them."""
    passwords = {OWNER: (ADMIN / "owner").read_text().strip(), APP: (SECRETS / "app").read_text().strip()}
    prepare_cluster(url("postgres", ADMIN / "superuser", "postgres"), DATABASES[TOWN], passwords)
    owner = url(OWNER, ADMIN / "owner", DATABASES[TOWN])
    as_owner = {**settings(), "DATABASE_URL": owner, "DATABASE_OWNER_URL": owner}
    _manage(as_owner, "migrate", "--no-input")
    if TOWN != "demo":
        if count_rows(owner, USERS) == 0:
            print(f"Setup code, for the first-run page: {settings()['GRIDMAP_SETUP_CODE']}", flush=True)
        return 0
    # Kept beside the uploads, in the volume that outlives this container.
    logins = ROOT / ".local" / "files" / "demo-logins"
    if count_rows(owner, TOWNS) == 0:
        _manage(as_owner, "demo_town")
        logins.write_bytes((ROOT / ".local" / "demo-logins").read_bytes())
        logins.chmod(0o600)
    elif logins.exists():
        print(f"Demo logins:\n{logins.read_text(encoding='utf-8')}", flush=True)
    return 0


def _manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


def healthy() -> int:
    """0 when the web process answers."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": "localhost", "X-Forwarded-Proto": "https"})
        return 0 if connection.getresponse().status < 500 else 1
    except OSError:
        return 1


def become(*arguments: str) -> NoReturn:
    """Run in place of this process, so that the container's stop signal arrives."""
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, *arguments], settings())  # noqa: S606


def web() -> NoReturn:
    """Serve."""
    address = ("--host", BIND, "--port", str(PORT))
    become("-m", "uvicorn", "gridmap.asgi:application", *address, *QUIET)


def worker() -> NoReturn:
    """Do long work."""
    become("manage.py", "procrastinate", "worker")


TASKS: dict[str, Callable[[], int]] = {"setup": set_up, "web": web, "worker": worker, "healthy": healthy}

if __name__ == "__main__":
    sys.exit(TASKS[sys.argv[1]]())
