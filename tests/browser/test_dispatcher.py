"""The dispatcher takes a call: click, write, save; look it up; close it. With mouse, and with the keyboard alone."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.datum import from_wgs84
from gridmap.models import Incident, IncidentState, Match
from tests import factories
from tests.browser.people import PHONE, no_sideways_scrolling, shot, sign_in, watch_errors
from tests.gridmap.conftest import Cast


@pytest.fixture
def desk(page: Page, live_server: LiveServer, cast: Cast) -> Page:
    sign_in(page, live_server, cast.user("dispatcher"))
    page.goto(f"{live_server.url}/desk/")
    expect(page.locator("#map canvas").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page


def click_middle(page: Page) -> None:
    """Click the middle of the map, which is the middle of the tiny town: grid 1,1."""
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_a_call_becomes_a_case_and_is_closed(desk: Page, cast: Cast) -> None:
    errors = watch_errors(desk)
    desk.keyboard.press("n")
    expect(desk.locator("#case-text")).to_be_focused()
    desk.keyboard.type("井盖丢失")
    click_middle(desk)
    expect(desk.locator("#answer .answer")).to_contain_text("网格员005")
    expect(desk.locator("#case-text")).to_be_focused()
    desk.keyboard.type(",在路口")
    shot(desk, "dispatcher-new-case")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#case-card")).to_contain_text("井盖丢失,在路口")
    incident = Incident.objects.get()
    assert (incident.grid, incident.specialist) == (cast.town.grids[1][1], cast.specialists["busy"])
    expect(desk).to_have_url(re.compile(rf"incident={incident.pk}$"))
    expect(desk.locator(f"[data-incident='{incident.pk}']")).to_have_attribute("aria-selected", "true")
    expect(desk.locator(".case-pin--chosen .case-mark--open")).to_have_count(1)
    shot(desk, "dispatcher-case")

    desk.locator("#outcome").fill("已补上新井盖")
    desk.locator("#case-card form button").click()
    expect(desk.locator("#case-card")).to_contain_text("已补上新井盖")
    expect(desk.locator("[data-incident]")).to_have_count(0)
    incident.refresh_from_db()
    assert incident.state == IncidentState.CLOSED
    assert not errors


def test_a_row_lights_its_pin_and_the_address_can_be_sent(
    desk: Page, cast: Cast, live_server: LiveServer
) -> None:
    first = factories.make_incident(cast.town, 0, 0, text="第一件")
    second = factories.make_incident(cast.town, 2, 2, text="第二件")
    desk.reload()
    desk.locator(f"[data-incident='{first.pk}']").click()
    expect(desk.locator("#case-card")).to_contain_text("第一件")
    desk.locator(f"[data-incident='{second.pk}']").click()
    expect(desk.locator("#case-card")).to_contain_text("第二件")
    expect(desk).to_have_url(re.compile(rf"incident={second.pk}$"))
    address = desk.url
    desk.go_back()
    expect(desk.locator("#case-card")).to_contain_text("第一件")
    other = desk.context.new_page()
    other.goto(address)
    expect(other.locator("#case-card")).to_contain_text("第二件")
    other.locator(f".case-pin[title^='#{first.pk} ']").click()
    expect(other.locator("#case-card")).to_contain_text("第一件")


def test_back_leads_out_of_the_first_case(desk: Page, cast: Cast, live_server: LiveServer) -> None:
    incident = factories.make_incident(cast.town, 0, 0, text="第一件")
    desk.reload()
    desk.locator(f"[data-incident='{incident.pk}']").click()
    expect(desk).to_have_url(re.compile(rf"incident={incident.pk}$"))
    desk.go_back()
    expect(desk).to_have_url(f"{live_server.url}/desk/")
    expect(desk.locator("#case-card article")).to_have_count(0)


def test_a_filtered_list_can_be_sent_and_back_restores_it(
    desk: Page, cast: Cast, live_server: LiveServer
) -> None:
    factories.make_incident(cast.town, 0, 0, text="井盖松动")
    lamp = factories.make_incident(cast.town, 1, 1, text="路灯不亮")
    desk.reload()
    desk.locator("#case-q").fill("路灯")
    expect(desk.locator("[data-incident]")).to_have_count(1)
    expect(desk).to_have_url(re.compile(r"\?q="))
    desk.locator("[data-incident]").click()
    expect(desk).to_have_url(re.compile(rf"incident={lamp.pk}"))
    desk.get_by_text("全部", exact=True).click()
    expect(desk).to_have_url(re.compile("state=all"))
    other = desk.context.new_page()
    other.goto(desk.url)
    expect(other.locator("[data-incident]")).to_have_count(1)
    expect(other.locator("input[name=state][value=all]")).to_be_checked()
    expect(other.locator("#case-q")).to_have_value("路灯")
    desk.go_back()
    expect(desk.locator("input[name=state][value=open]")).to_be_checked()
    expect(desk.locator("#case-q")).to_have_value("路灯")


def test_closing_by_keyboard(desk: Page, cast: Cast, live_server: LiveServer) -> None:
    incident = factories.make_incident(cast.town, 0, 0)
    desk.goto(f"{live_server.url}/desk/?incident={incident.pk}")
    desk.locator("#outcome").fill("已处理")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#case-card")).to_contain_text("已处理")
    expect(desk.locator("#outcome")).to_have_count(0)
    assert Incident.objects.get().state == IncidentState.CLOSED


def test_by_keyboard_alone(desk: Page, cast: Cast) -> None:
    desk.locator("#map").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#answer .answer")).to_contain_text("网格员005")
    expect(desk.locator("#case-text")).to_be_focused()
    desk.keyboard.type("树倒了")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#case-card")).to_contain_text("树倒了")
    assert Incident.objects.get().match == Match.INSIDE


def test_coordinates_of_a_phone_name_their_datum(desk: Page, cast: Cast) -> None:
    desk.keyboard.press("n")
    desk.keyboard.type("路灯不亮")
    desk.locator(".case-more > summary").click()
    desk.locator("[name=datum]").select_option("gcj02")
    place = factories.middle(0, 0)
    lon, lat = (float(value) for value in from_wgs84(place.x, place.y, "gcj02"))
    desk.locator("[name=lon]").fill(f"{lon:.7f}")
    desk.locator("[name=lat]").fill(f"{lat:.7f}")
    desk.locator("[name=lat]").press("Tab")
    expect(desk.locator("#answer .answer")).to_contain_text("和平第1网格")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#case-card")).to_contain_text("路灯不亮")
    assert (Incident.objects.get().datum, Incident.objects.get().grid) == ("gcj02", cast.town.grids[0][0])


def test_nothing_is_lost_when_somebody_was_quicker(desk: Page, cast: Cast, live_server: LiveServer) -> None:
    incident = factories.make_incident(cast.town, 0, 0)
    desk.goto(f"{live_server.url}/desk/?incident={incident.pk}")
    desk.locator("#outcome").fill("我处理的")
    Incident.objects.filter(pk=incident.pk).update(version=2)
    desk.locator("#case-card form button").click()
    expect(desk.locator("#case-card [role=alert]")).to_be_visible()
    expect(desk.locator("#outcome")).to_have_value("我处理的")


def test_the_phone_shows_map_and_list(page: Page, live_server: LiveServer, cast: Cast) -> None:
    factories.make_incident(cast.town, 0, 0)
    sign_in(page, live_server, cast.user("lead"))
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{live_server.url}/desk/")
    expect(page.locator("[data-incident]")).to_have_count(1)
    assert no_sideways_scrolling(page)
    shot(page, "dispatcher-phone")
