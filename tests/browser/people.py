"""Pieces of the browser tests of the workplaces: somebody signed in, a worker that does what waits."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import Page
from procrastinate.contrib.django import app
from pytest_django.live_server_helper import LiveServer

from gridmap.models import User

PHONE = {"width": 390, "height": 844}


def sign_in(page: Page, server: LiveServer, user: User) -> None:
    """Give the browser a session of `user`; the sign-in page has its own test."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server.url}])


def watch_errors(page: Page) -> list[str]:
    """What goes wrong in the page's scripts from now on."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return errors


def work_off_jobs() -> None:
    """Run a real worker until nothing waits; in a thread, since Playwright keeps an event loop in this one."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            connector: Any = app.connector
            with app.replace_connector(connector.get_worker_connector()):
                app.run_worker(wait=False, install_signal_handlers=False, listen_notify=False)
        except BaseException as error:
            failed.append(error)
            raise

    # The worker's threads end with it: a connection that they keep for the next job would be dropped open.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=120)
    assert not failed, failed
    assert not thread.is_alive()


def no_sideways_scrolling(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def shot(page: Page, name: str) -> None:
    """Keep a picture for the eye, where GRIDMAP_SHOTS names a folder."""
    if folder := os.environ.get("GRIDMAP_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")
