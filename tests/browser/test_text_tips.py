"""Labels on maps come from files that people upload: they are text, never HTML."""

import re
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.models import Building
from gridmap.actions.imports import receive_file
from gridmap.models import ImportKind, ImportRun, ImportState
from tests.browser.people import sign_in
from tests.gridmap.conftest import Cast

SCRIPTS = Path(__file__).resolve().parents[2] / "gridmap" / "static" / "gridmap" / "js"
EVIL = "<img id=pwned src=x onerror=document.title='pwned'>依云镇"


def _opens_as_text(page: Page) -> None:
    """Go over the map, from its middle outwards, until a tip opens."""
    page.wait_for_load_state("networkidle")
    box = page.locator("#map").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator(".leaflet-tooltip", has_text="依云镇")
    spots = sorted(
        ((x, y) for x in range(-200, 201, 20) for y in range(-200, 201, 20)),
        key=lambda at: at[0] ** 2 + at[1] ** 2,
    )
    for x, y in spots:
        page.mouse.move(middle[0] + x, middle[1] + y)
        if tip.count():
            break
    expect(tip).to_contain_text(EVIL[:20])
    expect(page.locator("#pwned")).to_have_count(0)


def test_a_problem_of_an_import(
    page: Page, live_server: LiveServer, cast: Cast, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    user = cast.user("planner")
    run = receive_file(
        kind=ImportKind.COMPOUNDS, upload=SimpleUploadedFile("a.geojson", b"{}"), subdistrict=cast.town.subdistrict, by=user
    )  # fmt: skip
    problem = {"code": "x", "reason": EVIL, "severity": "error", "field": None, "subject": None, "row": 1,
               "place": {"type": "Point", "coordinates": [103.835, 30.705]}, "area_m2": None, "repaired": False}  # fmt: skip
    counts = {"read": 1, "bad": 1, "good": 0, "created": 0, "changed": 0, "unchanged": 0}
    report = {"ok": False, "counts": counts, "problems": [problem]}
    ImportRun.objects.filter(pk=run.pk).update(state=ImportState.CHECKED, report=report)
    sign_in(page, live_server, user)
    page.goto(f"{live_server.url}/planner/import/{run.pk}/")
    _opens_as_text(page)


def test_a_building_of_mine(page: Page, live_server: LiveServer, cast: Cast) -> None:
    Building.objects.update(name=EVIL[:100])
    sign_in(page, live_server, cast.user("lead"))
    page.goto(f"{live_server.url}/mine/")
    _opens_as_text(page)


def test_no_script_gives_leaflet_a_string() -> None:
    found = [
        f"{path.name}: {line.strip()}"
        for path in SCRIPTS.rglob("*.js")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(
            r"bind(Tooltip|Popup)|set(Tooltip|Popup)Content|insertAdjacentHTML|outerHTML *=|document\.write",
            line,
        )
    ]
    assert found == ["tip.js: return layer.bindTooltip(tip);"]
