"""axe-core on every page of the face, light and dark, desk and phone: nothing serious, nothing critical."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from boundaries.actions.places import refresh_places
from tests.browser.people import PHONE, sign_in
from tests.factories import middle
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db(transaction=True)

SPOT = f"lon={middle(1, 1).x}&lat={middle(1, 1).y}"
CHOSEN = f"/map/?p={middle(1, 1).y},{middle(1, 1).x}&z=17"
PUBLIC = ("/", f"/?{SPOT}", "/?q=nanjie", "/sign-in/")
STAFF = {
    "planner": ("/home/", "/map/", CHOSEN, "/map/?colour=load", "/planner/", "/planner/import/"),
    "dispatcher": ("/desk/",),
    "lead": ("/mine/",),
    "supervisor": ("/today/",),
}


def serious(page: Page) -> list[str]:
    """Findings of the two upper ranks, with where they are."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{page.url} {each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nothing_serious(page: Page, live_server: LiveServer, cast: Cast, scheme: str, size: str) -> None:
    refresh_places(cast.town.subdistrict)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    if size == "phone":
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    findings: list[str] = []
    for path in PUBLIC:
        page.goto(f"{live_server.url}{path}", wait_until="networkidle")
        findings += serious(page)
    for name, paths in STAFF.items():
        page.context.clear_cookies()
        sign_in(page, live_server, cast.user(name))
        for path in paths:
            page.goto(f"{live_server.url}{path}", wait_until="networkidle")
            findings += serious(page)
    assert findings == []
