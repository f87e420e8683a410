"""The browser itself: the fences round it hold."""

import pytest
from playwright.sync_api import Error, Page
from pytest_django.live_server_helper import LiveServer


def test_a_page_comes_from_the_live_server(page: Page, live_server: LiveServer) -> None:
    response = page.goto(live_server.url)
    assert response is not None
    assert response.status < 500
    assert page.locator("body").inner_text().strip()


def test_no_page_reaches_another_host(page: Page, context: object) -> None:
    page.goto("about:blank")
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.context.browser.new_page().goto("http://example.com/")  # type: ignore[union-attr]
