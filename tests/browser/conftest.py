"""Browser tests: the system's own Chromium, cut off from everything but this machine."""

import os
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Request

from tests.gridmap.conftest import cast, town

# The same town and the same people as in the tests without a browser.
__all__ = ["cast", "town"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@pytest.fixture(scope="session", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright's synchronous API keeps an event loop in the test's thread, which Django takes for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the installed browser instead of one that Playwright would download."""
    found = os.environ.get("GRIDMAP_BROWSER") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if not found:
        pytest.fail(
            "No Chromium here. `make test` installs it; by hand: apt-get install chromium fonts-noto-cjk"
        )
    arguments = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-quic",
        # A name of the outside world resolves to nothing, whatever asks for it.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
        # /dev/shm is small in containers
        "--disable-dev-shm-usage",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return {**browser_type_launch_args, "executable_path": found, "args": arguments}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """The office screen of most users; a test for the phone makes a context of its own."""
    return {
        **browser_context_args,
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
        "viewport": {"width": 1440, "height": 900},
    }


@pytest.fixture(autouse=True)
def _nothing_from_elsewhere(context: BrowserContext) -> Iterator[None]:
    """No page needs the internet: a request to any other host fails the test that made it."""
    foreign: list[str] = []

    def note(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.hostname not in _LOOPBACK:
            foreign.append(request.url)

    context.on("request", note)
    yield
    assert not foreign, f"the page asked other hosts: {foreign}"
