"""What hangs on the wall: notice boards and scheme printed by a real browser, read again as a person and a telephone do."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from boundaries.actions.places import refresh_places
from boundaries.models import Outline
from tests.browser.people import no_sideways_scrolling, shot, sign_in, watch_errors
from tests.gridmap.conftest import Cast
from tests.gridmap.publishing_town import draft as draft_of

pytestmark = pytest.mark.django_db(transaction=True)
MM = 72 / 25.4
SIZES = {"a4": (297, 210), "a3": (420, 297)}
LANGUAGES = {"en": "en-US", "zh-hans": "zh-CN"}


@pytest.fixture(autouse=True)
def _address(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://grid.example.gov.cn"


@pytest.fixture(params=LANGUAGES)
def reader(
    request: pytest.FixtureRequest, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[Page]:
    """A page in each language."""
    context = browser.new_context(**(browser_context_args | {"locale": LANGUAGES[request.param]}))
    yield context.new_page()
    context.close()


def printed(page: Page, path: Path) -> pypdfium2.PdfDocument:
    """What the browser prints, backgrounds and all; a picture of it is kept where GRIDMAP_SHOTS names a folder."""
    page.pdf(path=path, prefer_css_page_size=True, print_background=True)
    return pypdfium2.PdfDocument(path)


def picture(document: pypdfium2.PdfDocument, number: int, dots: int = 150) -> np.ndarray:
    """A page as it comes out of a printer of so many dots an inch: (height, width, 3)."""
    sheet = document[number]
    bitmap = sheet.render(scale=dots / 72)
    found: np.ndarray = bitmap.to_numpy().copy()
    bitmap.close()
    sheet.close()
    return found[:, :, :3]


def words(document: pypdfium2.PdfDocument, number: int) -> str:
    """The text of a page without blanks, which a renderer sets as it likes."""
    sheet = document[number]
    text = sheet.get_textpage()
    found = re.sub(r"\s+", "", text.get_text_bounded())
    text.close()
    sheet.close()
    return found


def overflowing(page: Page) -> list[str]:
    """Parts of boards that hold more than they have room for, or that stand over the board's rim."""
    script = """() => [...document.querySelectorAll('.board')].flatMap((board) => {
      const rim = board.getBoundingClientRect();
      return [...board.querySelectorAll('p, dd, h2, .board__side, .board__bounds, .board__foot')].filter((part) => {
        const box = part.getBoundingClientRect();
        return part.className !== 'board__stamp' && (box.bottom > rim.bottom + 1 || box.right > rim.right + 1
          || part.scrollWidth > part.clientWidth + 1
          || (part.matches('.board__side') && part.scrollHeight > part.clientHeight + 1));
      }).map((part) => `${board.dataset.grid}: ${part.className} ${part.textContent.slice(0, 40)}`);
    })"""
    found: list[str] = page.evaluate(script)
    return found


@pytest.mark.parametrize("paper", SIZES)
def test_a_board_is_one_page_with_all_that_residents_need(
    reader: Page, live_server: LiveServer, cast: Cast, tmp_path: Path, paper: str
) -> None:
    refresh_places(cast.town.subdistrict)
    errors = watch_errors(reader)
    sign_in(reader, live_server, cast.user("planner"))
    code = cast.town.communities[0].code
    reader.goto(
        f"{live_server.url}{reverse('plan-boards', args=[cast.town.plan.pk])}?community={code}&paper={paper}"
    )
    expect(reader.locator(".board")).to_have_count(3)
    reader.emulate_media(media="print")
    assert overflowing(reader) == []
    document = printed(reader, tmp_path / "boards.pdf")
    try:
        assert len(document) == 3
        chinese = reader.evaluate("document.documentElement.lang") == "zh-Hans"
        for number, outline in enumerate(
            Outline.objects.filter(plan=cast.town.plan, community__code=code).order_by("code")
        ):
            sheet = document[number]
            assert [round(size / MM) for size in sheet.get_size()] == list(SIZES[paper])
            sheet.close()
            text = words(document, number)
            person = cast.specialists["lead" if number == 0 else "neighbour"]
            name = person.public_name if chinese else person.public_name_en
            hall = "和平党群服务中心" if chinese else "Hepingservicecentre"
            for wanted in (
                (outline.name if chinese else outline.name_en).replace(" ", ""), outline.code, name.replace(" ", ""),
                person.duty_telephone.replace(" ", ""), "028-00000000", hall, "团结巷1号", "028-00000200", "2019-01-01",
            ):  # fmt: skip
                assert wanted in text, (number, wanted)
            codes = zxingcpp.read_barcodes(picture(document, number))
            assert [found.text for found in codes] == [f"https://grid.example.gov.cn/?q={outline.code}"]
            # and that leads a resident to the very grid
            answer = Client().get(codes[0].text.removeprefix("https://grid.example.gov.cn")).content.decode()
            assert f'data-grid="{outline.grid_id}"' in answer
    finally:
        document.close()
    assert errors == []


def test_the_map_of_a_board_is_drawn(page: Page, live_server: LiveServer, cast: Cast, tmp_path: Path) -> None:
    """The grid in the accent's colour around its ground, buildings in it, and the neighbours' names outside."""
    sign_in(page, live_server, cast.user("planner"))
    grid = cast.town.grids[1][1]
    page.goto(f"{live_server.url}{reverse('plan-boards', args=[cast.town.plan.pk])}?grid={grid.pk}")
    plate = page.locator(".plate")
    expect(plate).to_have_count(1)
    rim, frame = plate.locator(".plate__grid").bounding_box(), plate.bounding_box()
    assert rim
    assert frame
    # the grid fills the frame as far as its shape lets it, and stands in its middle
    assert max(rim["width"] / frame["width"], rim["height"] / frame["height"]) > 0.65
    assert abs(rim["x"] + rim["width"] / 2 - frame["x"] - frame["width"] / 2) < 3
    assert plate.locator(".plate__building").count() >= 2
    names = set(plate.locator("text").all_inner_texts()) | set(plate.locator("text").all_text_contents())
    assert {"第1网格", "第3网格", "N"} <= names
    assert any("和平" in name for name in names)
    document = printed(page, tmp_path / "board.pdf")
    image = picture(document, 0, 60).astype(int)
    document.close()
    accent = (np.abs(image - np.array([0x5D, 0x6B, 0x0D])).sum(axis=2) < 40).mean()
    assert accent > 0.08, "head and border in the accent's colour"
    shot(page, "board")


def test_a_draft_is_stamped_and_dark_screens_print_on_white(
    browser: Browser,
    browser_context_args: dict[str, Any],
    live_server: LiveServer,
    cast: Cast,
    tmp_path: Path,
) -> None:
    context = browser.new_context(**(browser_context_args | {"color_scheme": "dark", "locale": "en-US"}))
    page = context.new_page()
    sign_in(page, live_server, cast.user("planner"))
    page.goto(f"{live_server.url}{reverse('plan-boards', args=[draft_of(cast.town, 0).pk])}")
    expect(page.locator(".board__stamp").first).to_have_text("Draft, not in force")
    page.emulate_media(color_scheme="dark")
    document = printed(page, tmp_path / "draft.pdf")
    assert len(document) == 3
    assert "Draft,notinforce" in words(document, 0)
    assert (picture(document, 0, 30)[2, 2] == 255).all()
    document.close()
    context.close()


def test_choosing_another_community_grid_and_paper(page: Page, live_server: LiveServer, cast: Cast) -> None:
    errors = watch_errors(page)
    sign_in(page, live_server, cast.user("planner"))
    page.goto(f"{live_server.url}{reverse('plan-boards', args=[cast.town.plan.pk])}")
    page.select_option("#community", cast.town.communities[1].code)
    expect(page.locator(".board__code").first).to_have_text(f"{cast.town.communities[1].code}001")
    page.select_option("#grid", str(cast.town.grids[1][2].pk))
    expect(page.locator(".board")).to_have_count(1)
    expect(page.locator(".board__code")).to_have_text(f"{cast.town.communities[1].code}003")
    page.select_option("#paper", "a3")
    expect(page.locator(".board--a3")).to_have_count(1)
    expect(page.locator(".board__code")).to_have_text(f"{cast.town.communities[1].code}003")
    # grids belong to one community: another one shows all of its own
    page.select_option("#community", cast.town.communities[2].code)
    expect(page.locator(".board")).to_have_count(3)
    page.set_viewport_size({"width": 390, "height": 844})
    assert no_sideways_scrolling(page)
    assert errors == []


def test_the_scheme_prints_on_a4_with_every_grid_once(
    reader: Page, live_server: LiveServer, cast: Cast, tmp_path: Path
) -> None:
    errors = watch_errors(reader)
    sign_in(reader, live_server, cast.user("planner"))
    reader.goto(f"{live_server.url}{reverse('plan-scheme', args=[cast.town.plan.pk])}")
    document = printed(reader, tmp_path / "scheme.pdf")
    try:
        text = "".join(words(document, number) for number in range(len(document)))
        assert [round(size / MM) for size in document[0].get_size()] == [297, 210]
        for outline in Outline.objects.filter(plan=cast.town.plan):
            assert text.count(outline.code) == 1
        # a river along the west, a lane between the second row and the third; the rest read off the picture of the town
        chinese = reader.evaluate("document.documentElement.lang") == "zh-Hans"
        row = reader.locator(f"tr[data-grid='{cast.town.grids[1][0].pk}'] .scheme__bounds")
        expect(row).to_have_text(
            "东至第2网格，南至团结巷，西至江安河，北至和平"
            if chinese
            else "East to grid 2; south to Tuanjie Lane; west to Jiang'an River; north to Heping community"
        )
    finally:
        document.close()
    reader.set_viewport_size({"width": 390, "height": 844})
    assert no_sideways_scrolling(reader)
    assert errors == []


@pytest.mark.skipif("GRIDMAP_SHOTS" not in os.environ, reason="pictures for the eye")
def test_pictures(page: Page, live_server: LiveServer, cast: Cast) -> None:
    sign_in(page, live_server, cast.user("planner"))
    for view in ("plan-boards", "plan-scheme", "plan-export"):
        page.goto(f"{live_server.url}{reverse(view, args=[cast.town.plan.pk])}")
        shot(page, view)
