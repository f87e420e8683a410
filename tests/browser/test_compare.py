"""Comparing in a real browser: the map, its tables and its address are one; the standalone file needs no network."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.models import Plan
from tests.browser.people import PHONE, no_sideways_scrolling, shot, sign_in, watch_errors
from tests.gridmap.comparing_town import carved, merged, pulled
from tests.gridmap.conftest import Cast

READY = "html[data-ready=data]"


@pytest.fixture
def planner(page: Page, live_server: LiveServer, cast: Cast) -> Page:
    sign_in(page, live_server, cast.user("planner"))
    return page


def _open(page: Page, server: LiveServer, plan: Plan, query: str = "") -> None:
    page.goto(f"{server.url}/planner/plans/{plan.pk}/compare/{query}")
    page.locator(READY).wait_for()


def _selected(page: Page) -> str:
    return page.locator("tr[aria-selected=true]").get_attribute("data-row") or ""


def test_row_ground_and_address_are_one(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(planner)
    draft = pulled(cast.town)
    west, east = cast.town.grids[0][0].pk, cast.town.grids[0][1].pk
    _open(planner, live_server, draft)
    face = planner.locator("#map path.compare-face")
    expect(face).to_have_count(1)
    expect(planner.locator("#map path.compare-dot")).to_have_count(1)
    face.hover(position={"x": 8, "y": 8})
    expect(planner.locator("#map-tip")).to_contain_text("和平第1网格")
    expect(planner.locator("#map-tip")).to_contain_text("和平第2网格")
    expect(planner.locator("#map-tip")).to_contain_text("4 ")
    shot(planner, "compare-overlay")
    face.click(position={"x": 8, "y": 8})
    expect(planner.locator("tr[aria-selected=true]")).to_have_attribute("data-row", f"grid-{east}")
    expect(planner).to_have_url(re.compile(rf"select=grid-{east}"))

    planner.locator(f"tr[data-row=grid-{west}]").click()
    expect(planner).to_have_url(re.compile(rf"select=grid-{west}"))
    planner.wait_for_timeout(600)
    planner.locator("#map path.compare-dot").click()
    building = cast.town.buildings[0][0][1].pk
    expect(planner.locator("tr[aria-selected=true]")).to_have_attribute("data-row", f"building-{building}")
    expect(planner.locator("a[data-table=buildings]")).to_have_attribute("aria-current", "true")
    address = planner.url
    assert f"select=building-{building}" in address
    assert "table=buildings" in address

    planner.goto(address)
    planner.locator(READY).wait_for()
    assert _selected(planner) == f"building-{building}"
    planner.keyboard.press("Escape")
    expect(planner.locator("tr[aria-selected=true]")).to_have_count(0)
    expect(planner).not_to_have_url(re.compile("select="))
    assert not errors


def test_two_maps_move_together(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(planner)
    draft, _fresh = carved(cast.town)
    _open(planner, live_server, draft)
    expect(planner.locator("#map-before")).to_be_hidden()
    planner.keyboard.press("v")
    expect(planner.locator("#map-before")).to_be_visible()
    expect(planner).to_have_url(re.compile("view=side"))
    planner.wait_for_timeout(400)
    expect(planner.locator("#map-before path.compare-face")).to_have_count(1)
    faces = [planner.locator(f"#{each} path.compare-face") for each in ("map-before", "map")]

    def places() -> list[tuple[float, float]]:
        """Where the hatched ground lies in each map, from the map's own corner."""
        found = []
        for each, face in zip(("map-before", "map"), faces, strict=True):
            box, frame = face.bounding_box(), planner.locator(f"#{each}").bounding_box()
            assert box
            assert frame
            found.append((box["x"] - frame["x"], box["y"] - frame["y"]))
        return found

    before = places()
    shown = planner.locator("#map").bounding_box()
    assert shown
    assert 0.2 * shown["width"] < before[1][0] < 0.8 * shown["width"], "what was in the middle stays there"
    assert before[0] == pytest.approx(before[1], abs=2)
    frame = planner.locator("#map-before").bounding_box()
    assert frame
    x, y = frame["x"] + frame["width"] * 0.75, frame["y"] + frame["height"] * 0.3
    planner.mouse.move(x, y)
    planner.mouse.down()
    planner.mouse.move(x - 90, y + 40, steps=6)
    planner.mouse.up()
    planner.wait_for_timeout(700)
    after = places()
    assert after[0] == pytest.approx(after[1], abs=2)
    assert after[0][0] == pytest.approx(before[0][0] - 90, abs=30)
    planner.locator("#map .leaflet-control-zoom-in").click()
    planner.wait_for_timeout(900)
    zoomed = places()
    assert zoomed[0] == pytest.approx(zoomed[1], abs=3)
    assert zoomed != after
    shot(planner, "compare-side")
    planner.locator("button[data-view=overlay]").click()
    expect(planner.locator("#map-before")).to_be_hidden()
    assert not errors


def test_tables_sort_and_change_without_losing_the_map(
    planner: Page, live_server: LiveServer, cast: Cast
) -> None:
    errors = watch_errors(planner)
    draft = pulled(cast.town)
    _open(planner, live_server, draft, "?view=side")
    planner.evaluate("document.querySelector('#map').dataset.same = 'yes'")
    planner.locator("a[data-table=specialists]").click()
    expect(planner.locator("#compare-table[data-table=specialists] tr[data-row]")).to_have_count(2)
    gains = planner.locator("#compare-table thead a").nth(2)
    gains.click()
    expect(planner.locator("#compare-table th[aria-sort=descending]")).to_have_count(1)
    expect(planner.locator("tbody tr").first).to_contain_text("网格员002")
    planner.locator("#compare-table thead a").nth(2).click()
    expect(planner.locator("#compare-table th[aria-sort=ascending]")).to_have_count(1)
    expect(planner.locator("tbody tr").first).to_contain_text("网格员001")
    expect(planner).to_have_url(re.compile("view=side"))
    expect(planner).to_have_url(re.compile("sort=gained"))
    assert planner.locator("#map").get_attribute("data-same") == "yes", "the map was not drawn anew"
    planner.keyboard.press("1")
    expect(planner.locator("#compare-table[data-table=grids]")).to_be_visible()
    planner.keyboard.press("ArrowDown")
    first = _selected(planner)
    planner.keyboard.press("ArrowDown")
    assert first != _selected(planner) != ""
    planner.reload()
    planner.locator(READY).wait_for()
    expect(planner.locator("#map-before")).to_be_visible()
    assert not errors


def test_another_plan_is_chosen_and_the_sides_exchanged(
    planner: Page, live_server: LiveServer, cast: Cast
) -> None:
    draft = pulled(cast.town)
    other = carved(cast.town)[0]
    _open(planner, live_server, draft)
    planner.locator("#compare-with").select_option(str(other.pk))
    planner.wait_for_url(re.compile(rf"with={other.pk}"))
    planner.locator(READY).wait_for()
    expect(planner.locator(".compare-map__name--after")).to_contain_text("Pulled")
    planner.locator(".compare-bar__form a").click()
    planner.wait_for_url(re.compile(rf"plans/{other.pk}/compare/\?with={draft.pk}"))
    planner.locator(READY).wait_for()
    with planner.expect_download() as download:
        planner.locator("[data-csv]").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "新网格" in text


def test_layers_are_hidden_and_the_tables_grow(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(planner)
    _open(planner, live_server, pulled(cast.town))
    for part, path in (("changed", "path.compare-face"), ("moves", "path.compare-dot")):
        planner.locator(f"#legend [data-part={part}]").uncheck()
        expect(planner.locator(f"#map {path}")).to_have_count(0)
        planner.locator(f"#legend [data-part={part}]").check()
        expect(planner.locator(f"#map {path}")).to_have_count(1)
    sheet, bar = planner.locator("#compare-sheet"), planner.locator("#compare-split")

    def height() -> float:
        box = sheet.bounding_box()
        assert box
        return box["height"]

    before = height()
    box = bar.bounding_box()
    assert box
    planner.mouse.move(box["x"] + 300, box["y"] + 4)
    planner.mouse.down()
    planner.mouse.move(box["x"] + 300, box["y"] - 116, steps=4)
    planner.mouse.up()
    assert height() == pytest.approx(before + 120, abs=12)
    bar.focus()
    planner.keyboard.press("ArrowDown")
    assert height() < before + 110
    kept = height()
    planner.reload()
    planner.locator(READY).wait_for()
    assert height() == pytest.approx(kept, abs=2), "remembered"
    assert not errors


def test_plans_without_a_common_community(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(planner)
    _open(planner, live_server, pulled(cast.town), f"?with={merged(cast.town).pk}")
    expect(planner.locator(".empty")).to_be_visible()
    planner.keyboard.press("v")
    expect(planner.locator("#map-before")).to_be_visible()
    assert not errors


def test_nothing_differs(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(planner)
    _open(planner, live_server, cast.town.plan, "?with=in-force")
    expect(planner.locator(".compare-same")).to_be_visible()
    expect(planner.locator(".empty")).to_be_visible()
    expect(planner.locator("#map path.compare-face")).to_have_count(0)
    assert not errors


@pytest.mark.parametrize("table", ["grids", "buildings", "compounds", "specialists"])
def test_on_a_phone(planner: Page, live_server: LiveServer, cast: Cast, table: str) -> None:
    planner.set_viewport_size(PHONE)  # type: ignore[arg-type]
    _open(planner, live_server, carved(cast.town)[0], f"?table={table}&view=side")
    expect(planner.locator("#map-before")).to_be_visible()
    assert no_sideways_scrolling(planner)
    shot(planner, f"compare-phone-{table}")


def test_accessible(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    for query in ("", "?view=side&table=buildings"):
        _open(planner, live_server, carved(cast.town)[0], query)
        found = Axe().run(planner, options={"resultTypes": ["violations"]})
        worst = [
            (each["id"], [node["target"] for node in each["nodes"]])
            for each in found.response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        assert not worst


def test_the_standalone_file_opens_without_any_network(
    planner: Page, live_server: LiveServer, cast: Cast, tmp_path: Path
) -> None:
    draft, _fresh = carved(cast.town)
    _open(planner, live_server, draft)
    planner.locator(".compare-bar summary").click()
    with planner.expect_download() as download:
        planner.locator(".compare-files a").first.click()
    path = tmp_path / "comparison.html"
    download.value.save_as(path)
    with planner.expect_download() as download:
        planner.locator(".compare-files a").nth(1).click()
    alone = tmp_path / "plan.html"
    download.value.save_as(alone)

    context = planner.context.browser.new_context(offline=True, viewport={"width": 1440, "height": 900})  # type: ignore[union-attr]
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    context.on("request", note)
    page = context.new_page()
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    expect(page.locator("path.grid")).to_have_count(4)
    expect(page.locator("path.changed")).to_have_count(1)
    expect(page.locator("path.was")).to_have_count(1)
    expect(page.locator("path.moves")).to_have_count(1)
    page.locator("path.changed").hover(position={"x": 10, "y": 10})
    tip = page.locator(".leaflet-tooltip")
    expect(tip).to_contain_text("和平第1网格")
    expect(tip).to_contain_text("新网格")
    expect(tip).to_contain_text("2 ")
    shot(page, "compare-file")
    page.locator(".leaflet-control-layers-overlays input").nth(2).uncheck()
    expect(page.locator("path.changed")).to_have_count(0)
    page.locator(".leaflet-control-zoom-in").click()
    page.goto(alone.as_uri())
    expect(page.locator("path.grid")).to_have_count(4)
    page.locator("path.grid").first.hover()
    expect(page.locator(".leaflet-tooltip")).to_contain_text("和平")
    page.wait_for_timeout(300)
    assert asked == [path.as_uri(), alone.as_uri()]
    assert said == []
    context.close()
