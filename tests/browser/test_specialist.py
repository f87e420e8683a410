"""The specialist in the stairwell: which doors are mine today, who lives here, on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from gridmap.models import AccessRecord
from tests.browser.people import PHONE, no_sideways_scrolling, shot, sign_in, watch_errors
from tests.factories import RESIDENT
from tests.gridmap.conftest import Cast


@pytest.fixture
def phone(page: Page, live_server: LiveServer, cast: Cast) -> Page:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    sign_in(page, live_server, cast.user("lead"))
    page.goto(f"{live_server.url}/mine/")
    page.wait_for_load_state("networkidle")
    return page


def test_from_the_list_to_the_names(phone: Page, cast: Cast) -> None:
    errors = watch_errors(phone)
    expect(phone.locator(".mine-grid")).to_have_count(1)
    shot(phone, "specialist-phone")
    building = cast.town.buildings[0][0][0]
    phone.locator(f"[data-building='{building.pk}']").click()
    expect(phone.locator("#mine-detail .mine-door")).to_have_count(2)
    expect(phone).to_have_url(re.compile(rf"building={building.pk}$"))
    phone.locator("#mine-detail .mine-door").first.click()
    expect(phone.locator("#purpose")).not_to_have_value("")
    expect(phone.locator("body")).not_to_contain_text(RESIDENT)
    phone.locator("[data-household-card] form button").click()
    expect(phone.locator(".mine-people li")).to_have_count(2)
    expect(phone.locator(".mine-people")).to_contain_text(RESIDENT)
    shot(phone, "specialist-names")
    assert AccessRecord.objects.filter(by=cast.user("lead"), fields__contains=["name"]).count() == 1
    assert no_sideways_scrolling(phone)
    assert not errors


def test_a_building_is_tapped_on_the_map(phone: Page, cast: Cast) -> None:
    """The map is fitted to the grid; its two buildings stand west and east of the middle."""
    box = phone.locator("#map").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for step in range(10, 150, 6):
        phone.mouse.click(middle[0] - step, middle[1])
        if phone.locator("[data-building-card]").count():
            break
    expect(phone.locator("[data-building-card]")).to_have_attribute(
        "data-building-card", str(cast.town.buildings[0][0][0].pk)
    )


def test_the_search_finds_doors_of_mine_only(phone: Page) -> None:
    phone.locator("#mine-q").fill("2栋 102")
    expect(phone.locator("#mine-list .mine-door")).to_have_count(1)
    phone.locator("#mine-q").fill("南街")
    expect(phone.locator("#mine-list .mine-door")).to_have_count(0)
    expect(phone.locator("#mine-list .empty")).to_be_visible()
    phone.locator("#mine-q").fill("")
    expect(phone.locator(".mine-group")).to_have_count(1)


def test_targets_are_large_enough_for_a_thumb(phone: Page) -> None:
    for target in phone.locator(
        ".mine-grid, .mine-group > summary, .mine-building, #mine-q, .rail__item"
    ).all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44, target.inner_text()


def test_a_stand_in_reads_for_whom(page: Page, live_server: LiveServer, cast: Cast) -> None:
    sign_in(page, live_server, cast.user("stand_in"))
    page.goto(f"{live_server.url}/mine/")
    expect(page.locator(".mine-grid")).to_have_count(2)
    expect(page.locator(".mine-grid", has_text="004")).to_have_count(1)
    shot(page, "specialist-stand-in")


def test_without_grids_the_page_says_what_to_do(page: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(page)
    sign_in(page, live_server, cast.user("former"))
    page.goto(f"{live_server.url}/mine/")
    expect(page.locator(".empty")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert not errors
