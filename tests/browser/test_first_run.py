"""From nothing to a town: administrator, subdistrict, files, staff, first plan, and the map that answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from gridmap.models import Role, User
from gridmap.responsibility import locate
from tests.browser.people import PHONE, no_sideways_scrolling, shot, watch_errors, work_off_jobs
from tests.factories import CELL, PASSWORD, SOUTH, WEST

CODE = "setup-code-of-the-test"


@pytest.fixture
def installation(page: Page, live_server: LiveServer, settings: Any, tmp_path: Path) -> Page:
    """An installation in which nobody has done anything yet."""
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.SETUP_CODE = CODE
    return page


def _write(path: Path, *features: tuple[dict[str, Any], float, float, float, float]) -> Path:
    """Boxes (properties, west, south, east, north) as GeoJSON."""
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": properties,
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]],
                },
            }
            for properties, w, s, e, n in features
        ],
    }
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    return path


def _import(page: Page, live_server: LiveServer, kind: str, path: Path) -> None:
    page.goto(f"{live_server.url}/planner/import/?kind={kind}")
    page.locator("#file").set_input_files(path)
    page.locator("#upload button").click()
    page.locator("#options button").click()
    expect(page.locator("progress")).to_be_visible()
    work_off_jobs()
    write = page.locator("form[action$='/write/'] button")
    expect(write).to_be_visible(timeout=15_000)
    write.click()
    work_off_jobs()
    expect(page.locator("[data-state=done]")).to_be_visible(timeout=15_000)


def _state(page: Page, step: str) -> str | None:
    return page.locator(f"[data-step={step}]").get_attribute("data-state")


def test_from_nothing_to_an_answer(installation: Page, live_server: LiveServer, tmp_path: Path) -> None:
    page, url = installation, live_server.url
    errors = watch_errors(page)
    page.goto(url)
    expect(page).to_have_url(f"{url}/first-run/")
    shot(page, "first-run-start")
    page.locator("#f-code").fill("a guess")
    page.locator("#f-username").fill("主任")
    page.locator("#f-password").fill(PASSWORD)
    page.locator("#f-again").fill(PASSWORD)
    page.locator("[data-step=administrator] form button").click()
    expect(page.locator("#e-code")).to_be_visible()
    assert not User.objects.exists()
    page.locator("#f-code").fill(CODE)
    page.locator("#f-password").fill(PASSWORD)
    page.locator("#f-again").fill(PASSWORD)
    page.locator("[data-step=administrator] form button").click()
    expect(page.locator("[data-step=administrator]")).to_have_attribute("data-state", "done")
    assert _state(page, "subdistrict") == "next"

    page.locator("#f-name").fill("柳城街道")
    page.locator("#f-code").fill("510115001")
    page.locator("#centre-lon").fill("103.835")
    page.locator("#centre-lat").fill("30.70")
    page.locator("#centre-lat").press("Tab")
    expect(page.locator("#f-metric_srid")).to_have_value("4544")
    page.locator("#subdistrict-form button.button--main").click()
    expect(page.locator("[data-step=communities]")).to_have_attribute("data-state", "next")
    assert {grant.role for grant in User.objects.get().role_grants.all()} == {
        Role.ADMINISTRATOR,
        Role.PLANNER,
    }
    shot(page, "first-run-middle")

    east, north, middle = WEST + 2 * CELL, SOUTH + CELL, WEST + CELL
    community = _write(
        tmp_path / "c.geojson", ({"code": "510115001004", "name": "南街"}, WEST, SOUTH, east, north)
    )
    _import(page, live_server, "community", community)
    house = {"ref": "h1", "number": "1", "name": "一号楼"}
    _import(
        page, live_server, "building",
        _write(tmp_path / "b.geojson", (house, WEST + 0.0005, SOUTH + 0.0005, WEST + 0.0007, SOUTH + 0.0007)),
    )  # fmt: skip
    _import(
        page, live_server, "grid",
        _write(
            tmp_path / "g.geojson",
            ({"code": "510115001004001", "name": "第一网格"}, WEST, SOUTH, middle, north),
            ({"code": "510115001004002", "name": "第二网格"}, middle, SOUTH, east, north),
        ),
    )  # fmt: skip
    staff = tmp_path / "staff.csv"
    staff.write_text("工号,姓名,负责网格,值班电话\n101,王芳,510115001004001,028-0000 0101\n", encoding="gbk")
    _import(page, live_server, "staff", staff)

    page.goto(f"{url}/first-run/")
    assert [_state(page, step) for step in ("communities", "buildings", "grids", "staff", "plan")] == [
        *["done"] * 4,
        "next",
    ]
    page.locator(".first__draft button").click()
    expect(page.locator("[data-step=plan]")).to_have_attribute("data-state", "done")
    shot(page, "first-run-plan")
    answer = locate(WEST + 0.0006, SOUTH + 0.0006)
    assert answer.answer is not None
    assert answer.answer.specialist is not None
    assert answer.answer.specialist.name == "王网格员"
    page.goto(url)
    expect(page).to_have_url(f"{url}/")
    assert not [error for error in errors if "422" not in error]


def test_without_a_code_the_page_says_how_to_make_one(
    installation: Page, live_server: LiveServer, settings: Any
) -> None:
    settings.SETUP_CODE = ""
    installation.goto(f"{live_server.url}/first-run/")
    expect(installation.locator("[data-step=administrator]")).to_contain_text("setup_code")


def test_it_fits_a_phone(installation: Page, live_server: LiveServer) -> None:
    installation.set_viewport_size(PHONE)  # type: ignore[arg-type]
    installation.goto(f"{live_server.url}/first-run/")
    assert no_sideways_scrolling(installation)
    shot(installation, "first-run-phone")
