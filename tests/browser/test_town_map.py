"""The town map in a real browser: one selection on map, panel and address; colours; search by keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.actions.places import refresh_places
from tests.browser.people import PHONE, no_sideways_scrolling, sign_in, watch_errors
from tests.factories import middle
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def planner(page: Page, live_server: LiveServer, cast: Cast) -> Page:
    refresh_places(cast.town.subdistrict)
    sign_in(page, live_server, cast.user("planner"))
    return page


def open_map(page: Page, server: LiveServer, query: str = "") -> None:
    page.goto(f"{server.url}/map/{query}")
    page.wait_for_selector("html[data-ready=data]")


def centred(row: int, column: int, zoom: int = 17) -> str:
    spot = middle(row, column)
    return f"?z={zoom}&c={spot.y},{spot.x}"


def click_middle(page: Page) -> None:
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def ink(page: Page) -> list[int]:
    """Colour of the grids' fill in the middle of the map, as drawn: red, green, blue, opacity."""
    return list(
        page.evaluate(
            """() => {
              const canvas = document.querySelector(".leaflet-grid-fill-pane canvas");
              const map = document.getElementById("map").getBoundingClientRect();
              const box = canvas.getBoundingClientRect();
              const scale = canvas.width / box.width;
              const x = (map.left + map.width / 2 - box.left) * scale, y = (map.top + map.height / 2 - box.top) * scale;
              return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
            }"""
        )
    )


def redrawn(page: Page, before: list[int]) -> list[int]:
    """The colour once it is another than `before`: Leaflet draws with the next frame."""
    for _frame in range(40):
        if (now := ink(page)) != before:
            return now
        page.wait_for_timeout(50)
    return before


def test_a_click_on_the_map_opens_the_card_and_goes_into_the_address(
    planner: Page, live_server: LiveServer, cast: Cast
) -> None:
    errors = watch_errors(planner)
    open_map(planner, live_server, centred(1, 1))
    click_middle(planner)
    card = planner.locator(".place-card")
    expect(card.locator("h2")).to_have_text("南街第2网格")
    expect(card).to_contain_text(cast.specialists["busy"].public_name)
    expect(card.locator("[data-load-body] strong").first).to_have_text("8")
    expect(planner).to_have_url(re.compile(r"[?&]p=30\.70\d+,103\.83\d+&"))
    planner.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(planner).not_to_have_url(re.compile(r"[?&]p="))
    planner.go_back()
    expect(card.locator("h2")).to_have_text("南街第2网格")
    assert errors == []


def test_an_address_shows_a_colleague_the_same_view(
    planner: Page, live_server: LiveServer, cast: Cast
) -> None:
    grid = cast.town.grids[2][2].pk
    open_map(planner, live_server, f"?grid={grid}&z=16&c=30.70200,103.83400&colour=kind&hide=names")
    expect(planner.locator(".place-card h2")).to_have_text("光华第3网格")
    expect(planner.locator("[data-colour=kind]")).to_have_attribute("aria-pressed", "true")
    expect(planner.locator("[data-layer=names]")).not_to_be_checked()
    expect(planner.locator(".map-name")).to_have_count(0)
    expect(planner).to_have_url(
        re.compile(rf"\?grid={grid}&z=16&c=30\.70(199|200),103\.83\d+&colour=kind&hide=names$")
    )


def test_the_list_beside_the_map_selects_as_the_map_does(
    planner: Page, live_server: LiveServer, cast: Cast
) -> None:
    """Whoever cannot use the map gets the same answer from the list, by keyboard alone."""
    open_map(planner, live_server)
    grid = cast.town.grids[0][1].pk
    row = planner.locator(f'[data-grid="{grid}"]').first
    row.focus()
    planner.keyboard.press("Enter")
    expect(planner.locator(".place-card h2")).to_have_text("和平第2网格")
    expect(planner).to_have_url(re.compile(rf"\?grid={grid}&"))


def test_enter_on_the_map_asks_for_its_middle(planner: Page, live_server: LiveServer) -> None:
    open_map(planner, live_server, centred(0, 0))
    planner.locator("#map").focus()
    planner.keyboard.press("Enter")
    expect(planner.locator(".place-card h2")).to_have_text("和平第1网格")


def test_colours_by_keyboard_change_map_and_legend(planner: Page, live_server: LiveServer) -> None:
    open_map(planner, live_server, centred(1, 1))
    by_community = ink(planner)
    planner.keyboard.press("3")
    expect(planner.locator(".legend__title")).to_contain_text("2,500")
    expect(planner.locator("#legend li")).to_have_count(8)
    expect(planner).to_have_url(re.compile("colour=load"))
    by_load = redrawn(planner, by_community)
    planner.keyboard.press("2")
    by_kind = redrawn(planner, by_load)
    assert len({tuple(by_community), tuple(by_load), tuple(by_kind)}) == 3
    # Eight people against a norm of 2,500: far under, the strong blue.
    assert by_load[2] > by_load[0]


def test_search_takes_slash_arrows_and_enter(planner: Page, live_server: LiveServer) -> None:
    open_map(planner, live_server)
    planner.keyboard.press("/")
    planner.keyboard.type("nanjie")
    options = planner.locator("#search-list [role=option]")
    expect(options.first).to_be_visible()
    box = planner.locator("#search [role=combobox]")
    first = box.get_attribute("aria-activedescendant")
    planner.keyboard.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") != first
    planner.keyboard.press("Control+a")
    planner.keyboard.type("南街小区2")
    expect(options.first).to_contain_text("南街小区2")
    planner.keyboard.press("Enter")
    expect(planner.locator(".place-card h2")).to_have_text("南街第2网格")
    expect(planner.locator("#search-list")).to_be_hidden()


def test_nothing_found_is_said(planner: Page, live_server: LiveServer) -> None:
    open_map(planner, live_server)
    planner.keyboard.press("/")
    planner.keyboard.type("qqxxzz")
    expect(planner.locator(".search__status")).not_to_be_empty()
    expect(planner.locator("#search-list [role=option]")).to_have_count(0)


def test_a_lost_connection_is_said_and_the_map_stays(planner: Page, live_server: LiveServer) -> None:
    open_map(planner, live_server, centred(1, 1))
    planner.context.set_offline(True)
    click_middle(planner)
    expect(planner.locator("#card .note--notice")).to_be_visible()
    expect(planner.locator("#messages .note").first).to_be_visible()
    planner.context.set_offline(False)
    click_middle(planner)
    expect(planner.locator(".place-card h2")).to_have_text("南街第2网格")


def test_grids_that_do_not_come_offer_another_try(planner: Page, live_server: LiveServer) -> None:
    planner.route("**/map/grids.geojson*", lambda route: route.abort())
    planner.goto(f"{live_server.url}/map/")
    state = planner.locator("#map-state")
    expect(state.get_by_role("button")).to_be_visible()
    planner.unroute("**/map/grids.geojson*")
    state.get_by_role("button").click()
    expect(state).to_be_hidden()


def test_the_question_mark_lists_the_shortcuts(planner: Page, live_server: LiveServer) -> None:
    open_map(planner, live_server)
    planner.keyboard.press("?")
    expect(planner.get_by_role("dialog")).to_be_visible()
    planner.keyboard.press("Escape")
    expect(planner.get_by_role("dialog")).to_be_hidden()


def test_the_map_fits_a_phone(planner: Page, live_server: LiveServer) -> None:
    planner.set_viewport_size(PHONE)  # type: ignore[arg-type]
    open_map(planner, live_server, centred(1, 1))
    assert no_sideways_scrolling(planner)
    click_middle(planner)
    expect(planner.locator(".place-card h2")).to_be_in_viewport()
    for item in planner.locator(".rail__item, .leaflet-control-zoom a, .map-top button").all():
        if item.is_visible():
            box = item.bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 43.5, item.evaluate("element => element.outerHTML")


def test_english_reads_english(planner: Page, live_server: LiveServer) -> None:
    planner.context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    open_map(planner, live_server, centred(1, 1, zoom=15))
    click_middle(planner)
    expect(planner.locator(".place-card h2")).to_have_text("Nanjie grid 2")
    expect(planner.locator(".map-name--community").first).to_have_text(re.compile("^[A-Z]"))


def test_an_empty_town_says_what_comes_next(
    page: Page, live_server: LiveServer, django_user_model: type, client: object
) -> None:
    user = django_user_model.objects.create_user("early")  # type: ignore[attr-defined]
    sign_in(page, live_server, user)
    errors = watch_errors(page)
    open_map(page, live_server)
    expect(page.locator(".empty__title")).to_be_visible()
    assert errors == []
