"""The settings of production pass Django's own deployment check without a word."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    # what the browser's driver sets for the tests themselves is no setting of production
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    environment = inherited | {
        "GRIDMAP_HTTPS": "1",
        "GRIDMAP_DEBUG": "0",
        "GRIDMAP_SECRET_KEY": secrets.token_urlsafe(64),
        "GRIDMAP_ALLOWED_HOSTS": "gridmap.example",
        "GRIDMAP_ENV_FILE": os.devnull,
    }
    return subprocess.run(  # our own command
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment | changes,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_production_settings_are_clean() -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_the_check_would_notice() -> None:
    weak = check(GRIDMAP_SECRET_KEY="short", GRIDMAP_HTTPS="0")
    assert weak.returncode != 0
    assert "security.W009" in weak.stderr
    assert "security.W008" in weak.stderr
