"""The editor when others edit too, when the connection or the session is gone, by touch, and for everybody's eyes."""

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.actions import editing
from boundaries.models import Plan
from gridmap.models import Submission
from tests.browser.drafting import Editor, Place, at, draft_of
from tests.browser.people import PHONE, no_sideways_scrolling, shot, watch_errors
from tests.browser.test_accessibility import serious
from tests.gridmap.conftest import Cast


@pytest.fixture
def editor(page: Page, live_server: LiveServer, cast: Cast) -> Editor:
    return Editor(page, live_server, cast, draft_of(cast)).open()


def _somebody_else(editor: Editor, command: dict[str, object]) -> None:
    plan = Plan.objects.get(pk=editor.plan.pk)
    editing.edit(plan=plan, command=command, head=plan.head_id, by=editor.cast.user("planner_0"))


def _area(*corners: Place) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[list(each) for each in (*corners, corners[0])]]}


def test_ground_that_changed_hands_meanwhile_is_shown_and_the_drawing_kept(editor: Editor) -> None:
    page, mine = editor.page, editor.grid(1, 1)
    theirs = _area(at(1.0, 1.2), at(1.4, 1.2), at(1.4, 1.8), at(1.0, 1.8))
    _somebody_else(editor, {"command": "transfer", "area": theirs, "to": editor.grid(1, 0).pk})
    page.keyboard.press("s")
    editor.draw(at(1.3, 0.9), at(1.3, 2.1))
    trouble = page.locator("#redraw-trouble")
    expect(trouble).to_contain_text("planner_0")
    expect(trouble.locator("button")).to_have_count(2)
    shot(page, "redraw-conflict")
    assert editor.commands() == ["transfer"]
    trouble.locator("button").first.click()
    editor.saved()
    assert editor.commands() == ["transfer", "split"]
    # The line now runs through the notch that the others made: three pieces.
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(11)
    expect(editor.listed(editor.grid(1, 0))).to_contain_text("12")
    assert editor.homes(editor.grid(1, 0)) == 12
    assert editor.homes(mine) == 4


def test_a_conflict_can_be_dropped(editor: Editor) -> None:
    page = editor.page
    theirs = _area(at(1.0, 1.2), at(1.4, 1.2), at(1.4, 1.8), at(1.0, 1.8))
    _somebody_else(editor, {"command": "transfer", "area": theirs, "to": editor.grid(1, 0).pk})
    page.keyboard.press("s")
    editor.draw(at(1.3, 0.9), at(1.3, 2.1))
    page.locator("#redraw-trouble button").nth(1).click()
    expect(page.locator("#redraw-trouble")).to_be_hidden()
    expect(editor.listed(editor.grid(1, 0))).to_contain_text("12")
    assert editor.commands() == ["transfer"]


def test_edits_of_others_elsewhere_are_taken_in(editor: Editor) -> None:
    page = editor.page
    _somebody_else(editor, {"command": "rename", "grid": editor.grid(2, 0).pk, "name": "别处的网格"})
    page.keyboard.press("s")
    editor.draw(at(1.56, 0.9), at(1.56, 2.1))
    editor.saved()
    expect(editor.listed(editor.grid(2, 0))).to_contain_text("别处的网格")
    _somebody_else(editor, {"command": "rename", "grid": editor.grid(2, 1).pk, "name": "又一个网格"})
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(editor.listed(editor.grid(2, 1))).to_contain_text("又一个网格")
    expect(page.locator("#messages")).to_contain_text("planner_0")


def test_an_edit_whose_answer_was_lost_is_made_once(editor: Editor) -> None:
    page = editor.page
    warned: list[str] = []

    def note(dialog: Dialog) -> None:
        warned.append(dialog.type)
        dialog.dismiss()

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.on("dialog", note)
    page.route("**/edits", lose_the_answer, times=1)
    page.keyboard.press("s")
    editor.draw(at(1.56, 0.9), at(1.56, 2.1))
    trouble = page.locator("#redraw-trouble")
    expect(trouble.locator("button")).to_have_count(2)
    assert editor.commands() == ["split"], "the server did make it"
    page.close(run_before_unload=True)
    page.wait_for_timeout(300)
    assert warned == ["beforeunload"]
    trouble.locator("button").first.click()
    editor.saved()
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(10)
    assert editor.commands() == ["split"]


def test_without_a_connection_the_edit_waits(editor: Editor) -> None:
    page = editor.page
    page.context.set_offline(True)
    page.keyboard.press("m")
    editor.click(at(0.5, 1.5))
    editor.click(at(1.5, 1.5))
    page.keyboard.press("Enter")
    trouble = page.locator("#redraw-trouble")
    expect(trouble).to_be_visible()
    page.context.set_offline(False)
    trouble.locator("button").first.click()
    editor.saved()
    assert editor.commands() == ["merge"]


def test_edits_behind_a_lost_connection_are_counted(editor: Editor) -> None:
    page, waits = editor.page, editor.page.locator("#redraw-saving")
    page.context.set_offline(True)
    editor.click(at(0.5, 1.5))
    page.keyboard.press("l")
    expect(waits).to_contain_text("1")
    editor.click(at(1.5, 1.5))
    page.keyboard.press("l")
    expect(waits).to_contain_text("2")
    page.keyboard.press("Escape")
    expect(page.locator("#redraw-trouble")).to_be_visible()
    page.context.set_offline(False)
    page.locator("#redraw-trouble button").first.click()
    expect(page.locator("#redraw-trouble")).to_be_hidden()
    expect(page.locator("#redraw-history")).to_be_hidden()
    editor.saved()
    page.wait_for_load_state("networkidle")
    assert editor.commands() == ["lock", "lock"]


def test_a_refusal_holds_nothing_up(editor: Editor) -> None:
    page, trouble = editor.page, editor.page.locator("#redraw-trouble")
    editor.click(at(1.5, 1.5))
    page.keyboard.press("l")
    editor.saved()

    def refused() -> None:
        page.keyboard.press("s")
        editor.draw(at(1.56, 0.9), at(1.56, 2.1))
        expect(trouble).to_be_visible()

    refused()
    page.keyboard.press("Escape")
    expect(trouble).to_be_hidden()
    refused()
    page.keyboard.press("v")
    expect(trouble).to_be_hidden()
    refused()
    editor.click(at(0.3, 0.9))
    expect(trouble).to_be_hidden()
    refused()
    # Nobody answers, and the next edit goes its way.
    page.keyboard.press("l")
    editor.saved()
    expect(trouble).to_be_hidden()
    page.wait_for_load_state("networkidle")
    assert editor.commands() == ["lock", "unlock"]


def test_an_undo_that_came_too_late_holds_nothing_up(editor: Editor) -> None:
    page, trouble = editor.page, editor.page.locator("#redraw-trouble")
    editor.click(at(1.5, 1.5))
    page.keyboard.press("l")
    editor.saved()
    _somebody_else(editor, {"command": "rename", "grid": editor.grid(2, 0).pk, "name": "别处的网格"})
    page.keyboard.press("Control+z")
    expect(trouble).to_contain_text("planner_0")
    expect(editor.listed(editor.grid(2, 0))).to_contain_text("别处的网格")
    page.keyboard.press("l")
    editor.saved()
    expect(trouble).to_be_hidden()
    assert editor.commands() == ["lock", "rename", "unlock"]


def test_a_draft_that_waits_for_approval_says_so(page: Page, live_server: LiveServer, cast: Cast) -> None:
    draft = draft_of(cast)
    Submission.objects.create(plan=draft, head=None, submitted_by=cast.user("planner"))
    editor = Editor(page, live_server, cast, draft).open()
    strip, badge = page.locator("#redraw-waits"), page.locator("[data-plan-state]")
    expect(strip).to_be_visible()
    expect(badge).to_have_attribute("data-plan-state", "submitted")
    shot(page, "redraw-waits")
    editor.click(at(1.5, 1.5))
    page.keyboard.press("l")
    editor.saved()
    expect(strip).to_be_hidden()
    expect(badge).to_have_attribute("data-plan-state", "draft")
    changed = badge.inner_text()
    page.reload()
    editor.ready()
    expect(badge).to_have_text(changed)
    expect(strip).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(strip).to_be_visible()


def test_a_session_that_ended_is_said_and_the_edit_kept(editor: Editor) -> None:
    page = editor.page
    cookies = page.context.cookies()
    page.keyboard.press("s")
    page.context.clear_cookies()
    editor.draw(at(1.56, 0.9), at(1.56, 2.1))
    trouble = page.locator("#redraw-trouble")
    expect(trouble.locator("a")).to_have_attribute("href", f"/sign-in/?next=/planner/plans/{editor.plan.pk}/")
    assert editor.commands() == []
    page.context.add_cookies(cookies)  # type: ignore[arg-type]  # what it gave is what it takes
    trouble.locator("button").first.click()
    editor.saved()
    assert editor.commands() == ["split"]


def test_leaving_without_a_drawing_asks_nothing(editor: Editor) -> None:
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    editor.page.on("dialog", note)
    editor.page.keyboard.press("s")
    editor.page.goto(f"{editor.server.url}/planner/plans/")
    assert asked == []


@pytest.mark.parametrize("size", [PHONE, {"width": 1024, "height": 768}], ids=["phone", "tablet"])
def test_by_touch(browser: Browser, live_server: LiveServer, cast: Cast, size: dict[str, int]) -> None:
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        has_touch=True,
        is_mobile=True,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    page = context.new_page()
    errors = watch_errors(page)
    editor = Editor(page, live_server, cast, draft_of(cast), zoom=16).open()
    assert no_sideways_scrolling(page)
    for tool in page.locator(".redraw-strip [data-tool]").all():
        tool.scroll_into_view_if_needed()
        box = tool.bounding_box()
        assert box
        assert box["height"] >= 44
        assert box["width"] >= 40
    page.locator("[data-tool=split]").tap()
    editor.tap(at(1.56, 0.7))
    editor.tap(at(1.56, 1.2))
    editor.tap(at(1.56, 2.3))
    expect(editor.live(editor.grid(1, 1))).to_have_text("4")
    shot(page, f"redraw-touch-{size['width']}")
    page.locator("#redraw-acts .button--main").tap()
    editor.saved()
    page.locator("[data-tool=merge]").tap()
    page.locator("[data-tool=select]").tap()
    editor.tap(at(0.5, 1.5))
    expect(page.locator("#redraw-card h2")).to_have_text("南街第1网格")
    page.locator("[data-tool=merge]").tap()
    editor.tap(at(1.3, 1.3))
    page.locator("#redraw-acts .button--main").tap()
    expect(editor.listed(editor.grid(1, 0))).to_contain_text("12")
    editor.saved()
    assert editor.homes(editor.grid(1, 0)) == 12
    assert editor.commands() == ["split", "merge"]
    assert not errors
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nothing_serious_for_anybody(
    page: Page, live_server: LiveServer, cast: Cast, scheme: str, size: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    if size == "phone":
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    editor = Editor(page, live_server, cast, draft_of(cast)).open(query=f"&grid={cast.town.grids[1][1].pk}")
    findings = serious(page)
    page.keyboard.press("r")
    findings += serious(page)
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    editor.listed(editor.grid(1, 0)).click()
    expect(page.locator("#redraw-live table")).to_be_visible()
    findings += serious(page)
    page.keyboard.press("Enter")
    page.keyboard.press("h")
    findings += serious(page)
    page.keyboard.press("?")
    findings += serious(page)
    assert findings == []
