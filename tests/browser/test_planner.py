"""The planner: loads beside the map, and a file from upload to written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.models import Community, Compound
from gridmap.models import RegisterRow
from tests.browser.people import PHONE, no_sideways_scrolling, shot, sign_in, watch_errors, work_off_jobs
from tests.gridmap.conftest import Cast


@pytest.fixture
def planner(page: Page, live_server: LiveServer, cast: Cast, settings: Any, tmp_path: Path) -> Page:
    settings.MEDIA_ROOT = tmp_path / "files"
    sign_in(page, live_server, cast.user("planner"))
    return page


def _file(path: Path, *squares: tuple[str, float, float]) -> Path:
    """Compounds of 60 by 60 m at (west, south)."""
    features = []
    for name, west, south in squares:
        east, north = west + 0.0006, south + 0.0006
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        features.append(
            {
                "type": "Feature",
                "properties": {"名称": name},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_loads_row_and_ground_are_one(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(planner)
    planner.goto(f"{live_server.url}/planner/")
    expect(planner.locator("tr[data-row]")).to_have_count(9)
    planner.wait_for_load_state("networkidle")
    box = planner.locator("#map").bounding_box()
    assert box
    planner.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    chosen = planner.locator("tr[aria-selected=true]")
    expect(chosen).to_contain_text("南街第2网格")
    grid = cast.town.grids[1][1].pk
    expect(planner).to_have_url(re.compile(rf"row={grid}$"))
    shot(planner, "planner-loads")
    chosen.focus()
    planner.keyboard.press("ArrowDown")
    expect(planner.locator("tr[aria-selected=true]")).to_contain_text("南街第3网格")
    planner.goto(f"{live_server.url}/planner/?row={cast.town.grids[2][0].pk}")
    expect(planner.locator("tr[aria-selected=true] .badge--notice")).to_be_visible()
    planner.locator("nav.choices a").nth(1).click()
    expect(planner.locator("tr[data-row]")).to_have_count(5)
    with planner.expect_download() as download:
        planner.locator("a[download]").click()
    assert "网格员005" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert not errors


def test_a_file_from_upload_to_written(
    planner: Page, live_server: LiveServer, cast: Cast, tmp_path: Path
) -> None:
    errors = watch_errors(planner)
    before = Compound.objects.count()
    path = _file(tmp_path / "compounds.geojson", ("江畔苑", 103.8366, 30.7001), ("出界苑", 103.95, 30.7))
    planner.goto(f"{live_server.url}/planner/import/?kind=compound")
    planner.locator("#file").set_input_files(path)
    expect(planner.locator("#drop-name")).to_have_text("compounds.geojson")
    planner.locator("#upload button").click()
    expect(planner.locator("[name=map-name]")).to_have_value("名称")
    expect(planner.locator(".preview")).to_contain_text("江畔苑")
    shot(planner, "planner-import-preview")

    planner.locator("#options button").click()
    expect(planner.locator("progress")).to_be_visible()
    planner.reload()
    expect(planner.locator("progress")).to_be_visible()
    work_off_jobs()
    expect(planner.locator("[data-problem]").first).to_be_visible(timeout=10_000)
    assert planner.locator("form[action$='/write/']").count() == 0, "all or nothing"
    assert Compound.objects.count() == before
    problem = planner.locator("tr[data-problem][tabindex]").first
    problem.click()
    expect(problem).to_have_attribute("aria-selected", "true")
    expect(planner).to_have_url(re.compile(r"problem=\d+"))
    shot(planner, "planner-import-problems")
    assert not errors


def test_good_rows_are_written_when_bad_ones_are_left_out(
    planner: Page,
    live_server: LiveServer,
    cast: Cast,
    tmp_path: Path,
) -> None:
    path = _file(tmp_path / "compounds.geojson", ("江畔苑", 103.8311, 30.7011))
    planner.goto(f"{live_server.url}/planner/import/?kind=compound")
    planner.locator("#file").set_input_files(path)
    planner.locator("#upload button").click()
    planner.locator("[name=skip_bad]").check()
    planner.locator("[name=accept]").check()
    planner.locator("#options button").click()
    expect(planner.locator("progress")).to_be_visible()
    work_off_jobs()
    write = planner.locator("form[action$='/write/'] button")
    expect(write).to_be_visible(timeout=10_000)
    write.click()
    expect(planner.locator("[data-state=writing]")).to_be_visible()
    work_off_jobs()
    expect(planner.locator("[data-state=done]")).to_be_visible(timeout=10_000)
    assert Compound.objects.filter(name="江畔苑", community=cast.town.communities[2]).exists()


def test_work_can_be_cancelled(planner: Page, live_server: LiveServer, cast: Cast, tmp_path: Path) -> None:
    path = _file(tmp_path / "compounds.geojson", ("江畔苑", 103.8311, 30.7011))
    planner.goto(f"{live_server.url}/planner/import/?kind=compound")
    planner.locator("#file").set_input_files(path)
    planner.locator("#upload button").click()
    planner.locator("#options button").click()
    planner.locator("form[action$='/cancel/'] button").click()
    expect(planner.locator("[data-state=cancelled]")).to_be_visible()
    work_off_jobs()
    planner.reload()
    expect(planner.locator("[data-state=cancelled]")).to_be_visible()
    assert Community.objects.count() == 3


def test_a_register_row_is_placed_by_a_click(planner: Page, live_server: LiveServer, cast: Cast) -> None:
    for number in (7, 8):
        RegisterRow.objects.create(
            subdistrict=cast.town.subdistrict, source="名册", row_number=number, source_ref=f"r{number}",
            compound="南街小区", building="9", room=f"90{number}", head_count=2, reason="没有这栋楼",
        )  # fmt: skip
    planner.goto(f"{live_server.url}/planner/register/")
    planner.wait_for_load_state("networkidle")
    planner.locator("[data-register]").first.click()
    box = planner.locator("#map").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for step in range(10, 200, 8):
        with planner.expect_response(re.compile("register/building")):
            planner.mouse.click(middle[0] - step, middle[1])
        planner.wait_for_timeout(60)
        if planner.locator("[data-put]").count():
            break
    planner.locator("[data-put]").click()
    expect(planner.locator("[data-register]")).to_have_count(1)
    row = RegisterRow.objects.get(row_number=7)
    assert row.placed_as is not None
    assert row.placed_as.building == cast.town.buildings[1][1][0]


@pytest.mark.parametrize("path", ["/planner/", "/planner/import/", "/planner/register/"])
def test_nothing_is_wider_than_a_phone(planner: Page, live_server: LiveServer, path: str) -> None:
    planner.set_viewport_size(PHONE)  # type: ignore[arg-type]
    planner.goto(live_server.url + path)
    expect(planner.locator("main")).to_be_visible()
    assert no_sideways_scrolling(planner)
    shot(planner, f"planner-phone{path.replace('/', '-')}")
