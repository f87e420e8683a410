"""«Find my grid specialist» at the size of a phone: typed, clicked, located; sent to a neighbour."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.actions.places import refresh_places
from tests.browser.people import PHONE, no_sideways_scrolling, watch_errors
from tests.factories import middle
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE_THE_MAP = 150 * 1024


@pytest.fixture
def phone(page: Page, cast: Cast) -> Page:
    refresh_places(cast.town.subdistrict)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return page


def test_typing_gives_one_name_and_a_telephone_to_tap(
    phone: Page, live_server: LiveServer, cast: Cast
) -> None:
    errors = watch_errors(phone)
    phone.goto(live_server.url)
    phone.get_by_role("combobox").fill("南街小区2")
    phone.get_by_role("option").first.click()
    busy = cast.specialists["busy"]
    expect(phone.locator(".reply__name")).to_have_text(busy.public_name)
    call = phone.locator(".reply__call")
    expect(call).to_have_attribute("href", "tel:" + re.sub(r"\D", "", busy.duty_telephone))
    expect(call).to_be_in_viewport()
    box = call.bounding_box()
    assert box
    assert box["height"] >= 44
    assert no_sideways_scrolling(phone)
    assert errors == []


def test_the_answer_can_be_sent_and_back_works(phone: Page, live_server: LiveServer, cast: Cast) -> None:
    phone.goto(live_server.url)
    phone.get_by_role("combobox").fill("和平小区1")
    phone.get_by_role("option").first.click()
    expect(phone.locator(".reply__name")).to_have_text(cast.specialists["lead"].public_name)
    address = phone.url
    assert "lon=" in address
    phone.go_back()
    expect(phone.locator(".reply__name")).to_have_count(0)
    phone.goto(address)
    expect(phone.locator(".reply__name")).to_have_text(cast.specialists["lead"].public_name)


def test_a_click_on_the_map_answers(phone: Page, live_server: LiveServer, cast: Cast) -> None:
    spot = middle(1, 2)
    phone.goto(f"{live_server.url}/?lon={spot.x}&lat={spot.y}")
    phone.wait_for_selector("html[data-ready=map]")
    board = phone.locator("#map")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box
    # At zoom 16 a cell is about 90 pixels wide: one cell to the west.
    phone.mouse.click(box["x"] + box["width"] / 2 - 93, box["y"] + box["height"] / 2)
    expect(phone.locator(".reply__name")).to_have_text(cast.specialists["busy"].public_name)


def test_who_stands_outside_still_sees_the_town(
    phone: Page, context: BrowserContext, live_server: LiveServer, cast: Cast
) -> None:
    context.grant_permissions(["geolocation"])
    context.set_geolocation({"latitude": 39.9, "longitude": 116.4, "accuracy": 20})
    phone.goto(live_server.url)
    phone.wait_for_selector("html[data-ready=map]")
    phone.locator("#use-location").click()
    expect(phone.locator(".reply[data-outside]")).to_be_visible()
    board = phone.locator("#map")
    board.scroll_into_view_if_needed()
    board.click()
    expect(phone.locator(".reply__name")).to_have_text(cast.specialists["busy"].public_name)


def test_own_location_states_how_exact_it_is(
    phone: Page, context: BrowserContext, live_server: LiveServer, cast: Cast
) -> None:
    spot = middle(0, 0)
    context.grant_permissions(["geolocation"])
    context.set_geolocation({"latitude": spot.y, "longitude": spot.x, "accuracy": 150})
    phone.goto(live_server.url)
    phone.locator("#use-location").click()
    expect(phone.locator(".reply__call")).to_have_count(1)
    expect(phone.locator(".reply .note--notice")).to_be_visible()
    expect(phone).to_have_url(re.compile("accuracy_m=150"))


def test_a_location_that_is_refused_says_what_to_do(phone: Page, live_server: LiveServer) -> None:
    phone.goto(live_server.url)
    phone.locator("#use-location").click()
    expect(phone.locator("#messages .note")).to_be_visible()
    expect(phone.locator("#use-location")).to_be_enabled()


def test_it_is_light_before_the_map(phone: Page, live_server: LiveServer) -> None:
    """The page must serve a phone on a bad line: the map and its tiles come after everything else."""
    sizes: dict[str, int] = {}
    phone.on("response", lambda response: sizes.update({response.url: len(response.body())}))
    phone.route(re.compile(r"leaflet|/tiles/|/js/map/|grids\.geojson"), lambda route: route.abort())
    phone.goto(live_server.url, wait_until="networkidle")
    assert phone.locator("h1").is_visible()
    assert sizes
    assert sum(sizes.values()) < BEFORE_THE_MAP, sizes


def test_the_form_works_without_javascript(
    phone: Page, live_server: LiveServer, cast: Cast, browser_context_args: dict[str, object]
) -> None:
    browser = phone.context.browser
    assert browser
    plain = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = plain.new_page()
    page.goto(live_server.url)
    page.get_by_role("combobox").fill("和平小区1")
    page.keyboard.press("Enter")
    expect(page.locator(".reply__name")).to_have_text(cast.specialists["lead"].public_name)
    plain.close()


def test_the_language_is_one_tap_away(phone: Page, live_server: LiveServer) -> None:
    phone.goto(live_server.url)
    expect(phone.locator("html")).to_have_attribute("lang", "zh-Hans")
    phone.get_by_role("button", name="English").click()
    expect(phone.locator("html")).to_have_attribute("lang", "en")
    expect(phone.locator("h1")).to_have_text("Find my grid specialist")
