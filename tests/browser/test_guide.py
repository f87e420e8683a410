"""docs/guide/planner.md: its pages open and hold what it names; with GRIDMAP_PICTURES=<folder> its pictures are made.

    GRIDMAP_PICTURES=docs/images pytest tests/browser/test_guide.py

makes docs/images/guide-*.png of the full demo town. The ones in the repository are reduced to at most 256 colours.
"""

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from django.utils import translation
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from boundaries.models import Outline, Plan, Publication
from gridmap.models import Submission, User
from gridmap.views.redraw_words import TOOLS
from tests.browser.drafting import draft_of
from tests.browser.people import sign_in, watch_errors
from tests.gridmap.conftest import Cast

ROOT = Path(settings.BASE_DIR)
GUIDE = ROOT / "docs" / "guide" / "planner.md"
CATALOGUE = ROOT / "gridmap" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
READY = "html[data-ready=data]"
PICTURES = os.environ.get("GRIDMAP_PICTURES", "")
# Of the demo town: a grid of the open draft, the middle of the map, and a line across that grid.
GRID = "510115001044011"
MIDDLE = (103.83925, 30.6926)
LINE = ((103.83672, 30.6925), (103.8398, 30.6922), (103.8421, 30.69265))
ZOOM = 16
BOARD = "510115001004009"


@pytest.fixture
def english(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[BrowserContext]:
    """A browser set to English, the guide's language."""
    context = browser.new_context(**(browser_context_args | {"locale": "en-US"}))
    context.set_default_timeout(60_000)
    yield context
    context.close()


# --- the text ---


def _tools() -> dict[str, str]:
    """The guide's table of tools: label by key."""
    return dict(re.findall(r"^\| `(\w)` \| \*\*(.+?)\*\* \|", GUIDE.read_text(), re.MULTILINE))


def test_the_guide_calls_things_as_the_pages_do() -> None:
    bold = re.findall(r"\*\*(.+?)\*\*", GUIDE.read_text(), re.DOTALL)
    labels = {" ".join(each.split()) for each in bold}
    assert len(labels) > 30
    catalogue = CATALOGUE.read_text()
    sources = {
        "".join(re.findall(r'"(.*)"', found))
        for found in re.findall(r'^msgid ((?:".*"\n)+)', catalogue, re.MULTILINE)
    }
    assert labels <= sources, labels - sources


def test_the_guide_names_every_tool_with_its_key() -> None:
    with translation.override("en"):
        assert _tools() == {tool.key.upper(): str(tool.label) for tool in TOOLS}


def test_the_guide_shows_the_pictures_that_are_made_here() -> None:
    shown = re.findall(r"\]\(\.\./images/guide-([\w-]+)\.png\)", GUIDE.read_text())
    assert sorted(shown) == sorted(TAKEN)
    for name in shown:
        picture = ROOT / "docs" / "images" / f"guide-{name}.png"
        head = picture.read_bytes()[:24]
        assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == (1440, 900), name
        assert picture.stat().st_size < 250_000, name


# --- the pages ---

HELD: dict[str, tuple[str, ...]] = {
    "plans": ("Start a draft", "Communities", "Start from", "Copy", "Rename", "Put away"),
    "plan-edit": ("Undo", "Redo", "Grids", "History", "Filter grids"),
    "plan-compare": (
        "Compare with",
        "counted on",
        "One map",
        "Side by side",
        "Map as a file",
        "Walking radius",
    ),
    "plan-publish": ("Takes effect", "Checks", "What changes", "Who leads which grid", "Submit for approval"),
    "plan-scheme": ("Print", "CSV", "HTML"),
    "plan-boards": ("Grid notice board", "Print", "A3"),
    "plan-export": ("GeoPackage", "GeoJSON", "Shapefile", "Buildings by grid"),
}
# What is seen, and what is only told to the ear or on hovering.
WORDS = """() => [document.body.innerText, ...[...document.querySelectorAll('*')].flatMap((each) => [
  each.getAttribute('aria-label'), each.title, each.placeholder,
  each.matches('summary ~ *, .sr-only, option') ? each.textContent : '',
])].join('\\n')"""


def test_the_pages_hold_what_the_guide_names(
    english: BrowserContext, live_server: LiveServer, cast: Cast
) -> None:
    page = english.new_page()
    errors = watch_errors(page)
    sign_in(page, live_server, cast.user("planner"))
    plan = draft_of(cast, communities=(1,))
    for name, held in HELD.items():
        labels = [*held, *_tools().values()] if name == "plan-edit" else list(held)
        page.goto(live_server.url + reverse(name, args=[] if name == "plans" else [plan.pk]))
        if name in {"plan-edit", "plan-compare"}:
            page.locator(READY).wait_for()
        words = " ".join(page.evaluate(WORDS).split()).lower()
        missing = [label for label in labels if label.lower() not in words]
        assert not missing, (name, missing)
    assert not errors


# --- the pictures ---


def _pixel(page: Page, place: tuple[float, float]) -> tuple[float, float]:
    """Where a place is on the screen: Web Mercator around the map's middle."""

    def world(lon: float, lat: float) -> tuple[float, float]:
        size = 256 * 2**ZOOM
        y = 0.5 - math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)) / (2 * math.pi)
        return (lon / 360 + 0.5) * size, y * size

    box = page.locator("#map").bounding_box()
    assert box
    (x, y), (cx, cy) = world(*place), world(*MIDDLE)
    return box["x"] + box["width"] / 2 + x - cx, box["y"] + box["height"] / 2 + y - cy


def split(page: Page, url: str) -> None:
    """A line is being drawn across a grid; the numbers of both halves stand there already."""
    draft = _draft()
    grid = Outline.objects.get(plan=draft, code=GRID).grid_id
    page.goto(f"{url}{reverse('plan-edit', args=[draft.pk])}?c={MIDDLE[1]},{MIDDLE[0]}&z={ZOOM}&grid={grid}")
    page.locator(READY).wait_for()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("s")
    for corner in LINE[:-1]:
        page.mouse.move(*_pixel(page, corner), steps=3)
        page.mouse.click(*_pixel(page, corner))
        page.wait_for_timeout(500)  # two clicks at once would end the line
    page.mouse.move(*_pixel(page, LINE[-1]), steps=6)
    expect(page.locator("#redraw-live tr[data-live='0']")).to_be_visible()


def compare(page: Page, url: str) -> None:
    """What the draft changes, against what is in force."""
    page.goto(url + reverse("plan-compare", args=[_draft().pk]))
    page.locator(READY).wait_for()
    expect(page.locator("#map path.compare-face").first).to_be_visible()


def checks(page: Page, url: str) -> None:
    """The findings, each with its place on the map."""
    page.goto(url + reverse("plan-publish", args=[_draft().pk]))
    finding = page.locator(".publish-finding").first
    expect(finding).to_be_visible()
    page.wait_for_load_state("networkidle")
    finding.click()


def approval(page: Page, url: str) -> None:
    """The supervisor's page of a plan that waits."""
    page.goto(url + reverse("plan-publish", args=[Submission.objects.get().plan_id]))
    page.locator("#publish-decide").scroll_into_view_if_needed()
    expect(page.locator("#publish-approve")).to_be_visible()


def board(page: Page, url: str) -> None:
    """A grid's notice board, as it is printed."""
    plan = Publication.objects.filter(community__code=BOARD[:12]).latest("id").plan
    grid = Outline.objects.get(plan=plan, code=BOARD).grid_id
    page.goto(f"{url}{reverse('plan-boards', args=[plan.pk])}?community={BOARD[:12]}&grid={grid}")
    sheet = page.locator(".board").first
    expect(sheet).to_be_visible()
    # Below the bar that stays at the page's top.
    sheet.evaluate("(each) => { each.style.scrollMarginTop = '64px'; each.scrollIntoView(); }")


TAKEN: dict[str, Callable[[Page, str], None]] = {
    "split": split, "compare": compare, "checks": checks, "approval": approval, "board": board,
}  # fmt: skip


def _draft() -> Plan:
    """The open draft of the demo town."""
    return Plan.objects.filter(frozen_at=None, submissions=None).latest("id")


@pytest.mark.skipif(not PICTURES, reason="GRIDMAP_PICTURES names no folder")
@pytest.mark.usefixtures("transactional_db", "as_owner")
def test_the_pictures(
    english: BrowserContext, live_server: LiveServer, tmp_path: Path, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://grid.example.gov.cn"
    call_command("demo_town", logins_file=tmp_path / "demo-logins")
    folder = Path(PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    for name, take in TAKEN.items():
        page = english.new_page()
        who = "supervisor" if take is approval else "planner"
        sign_in(page, live_server, User.objects.get(username=who))
        take(page, live_server.url)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(800)  # the map's glide
        page.screenshot(path=folder / f"guide-{name}.png")
        page.close()
