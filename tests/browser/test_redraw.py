"""The editor: each tool does its job by mouse; the figures are told while drawing and are those of the database."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.models import Outline, Plan
from tests.browser.drafting import Editor, at, draft_of
from tests.browser.people import shot, sign_in, watch_errors
from tests.factories import CELL
from tests.gridmap.conftest import Cast


@pytest.fixture
def editor(page: Page, live_server: LiveServer, cast: Cast) -> Editor:
    return Editor(page, live_server, cast, draft_of(cast)).open()


def test_one_selection_on_map_list_and_address(editor: Editor) -> None:
    errors = watch_errors(editor.page)
    page, grid = editor.page, editor.grid(1, 1)
    editor.click(at(1.5, 1.5))
    expect(editor.listed(grid)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#redraw-card h2")).to_have_text("南街第2网格")
    expect(page.locator("#redraw-card")).to_contain_text("8")
    expect(page).to_have_url(re.compile(rf"grid={grid.pk}\b"))
    other = editor.grid(2, 0)
    editor.listed(other).click()
    expect(page).to_have_url(re.compile(rf"grid={other.pk}\b"))
    page.go_back()
    expect(editor.listed(grid)).to_have_attribute("aria-selected", "true")
    expect(editor.listed(grid)).to_be_visible()
    shot(page, "redraw-selected")
    page.locator("#redraw-list [data-sort=people]").click()
    expect(page.locator("#redraw-list th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    page.locator("#redraw-filter").fill("南街")
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(3)
    assert not errors


def test_split_by_a_line(editor: Editor) -> None:
    errors = watch_errors(editor.page)
    grid = editor.grid(1, 1)
    editor.page.keyboard.press("s")
    editor.click(at(1.56, 0.9))
    editor.hover(at(1.56, 2.1))
    expect(editor.live(grid)).to_have_text("4")
    expect(editor.live(None)).to_have_text("4")
    expect(editor.live(None, "households")).to_have_text("2")
    shot(editor.page, "redraw-splitting")
    editor.click(at(1.56, 2.1), twice=True)
    editor.saved()
    made = Outline.objects.filter(plan=editor.plan).exclude(
        grid__in=[each for row in editor.cast.town.grids for each in row]
    )
    assert [each.community_id for each in made] == [editor.cast.town.communities[1].pk]
    assert editor.homes(grid) == editor.homes(made[0].grid) == 4
    assert editor.shape(grid).area > editor.shape(made[0].grid).area
    expect(editor.page.locator("#redraw-list tr[data-grid]")).to_have_count(10)
    expect(editor.page.locator("#redraw-live")).to_be_hidden()
    assert not errors


def test_merge_neighbours(editor: Editor) -> None:
    stays, goes = editor.grid(1, 0), editor.grid(1, 1)
    editor.page.keyboard.press("m")
    editor.click(at(0.5, 1.5))
    editor.click(at(1.5, 1.5))
    expect(editor.live(stays)).to_have_text("16")
    editor.page.keyboard.press("Enter")
    editor.saved()
    assert not Outline.objects.filter(plan=editor.plan, grid=goes).exists()
    assert editor.homes(stays) == 16
    expect(editor.listed(goes)).to_have_count(0)
    expect(editor.listed(stays)).to_contain_text("16")


def test_only_neighbours_of_one_community_are_merged(editor: Editor) -> None:
    page, stays = editor.page, editor.grid(1, 0)
    reason, merge = page.locator("#redraw-trouble"), page.locator("#redraw-acts .button--main")
    page.keyboard.press("m")
    editor.click(at(0.5, 1.5))
    for elsewhere, other in ((at(2.5, 1.5), editor.grid(1, 2)), (at(0.5, 0.5), editor.grid(0, 0))):
        editor.click(elsewhere)
        expect(reason).to_contain_text(editor.outline(other).name)
        expect(page.locator("#redraw-list tr.is-picked")).to_have_count(1)
        expect(merge).to_have_count(0)
        expect(page.locator("#redraw-live")).to_be_hidden()
    shot(page, "redraw-merge-refused")
    editor.click(at(1.5, 1.5))
    expect(reason).to_be_hidden()
    # The third hangs on to the second: now it may join, and goes with it when the second is taken out again.
    editor.click(at(2.5, 1.5))
    expect(editor.live(stays)).to_have_text("24")
    editor.click(at(1.5, 1.5))
    expect(page.locator("#redraw-list tr.is-picked")).to_have_count(1)
    assert editor.commands() == []


def test_the_grid_selected_before_is_named_by_the_hint(editor: Editor) -> None:
    page = editor.page
    editor.click(at(1.5, 1.5))
    hints = set()
    for tool in ("m", "b"):
        page.keyboard.press(tool)
        expect(page.locator("#redraw-hint")).to_contain_text("南街第2网格")
        hints.add(page.locator("#redraw-hint").inner_text())
        page.keyboard.press("Escape")
        expect(page.locator("#redraw-hint")).not_to_contain_text("南街第2网格")
        editor.click(at(1.5, 1.5))
        assert page.locator("#redraw-hint").inner_text() not in hints
        editor.click(at(1.5, 1.5))
        page.keyboard.press("v")
        editor.click(at(1.5, 1.5))


def test_the_selected_grids_card_stays_in_sight(editor: Editor) -> None:
    page = editor.page
    page.set_viewport_size({"width": 1440, "height": 560})
    editor.ready()
    last = page.locator("#redraw-list tr[data-grid]").last
    last.scroll_into_view_if_needed()
    last.click()
    expect(last).to_be_in_viewport()
    for part in ("h2", "dl", "[data-act=rename]", "[data-act=lock]"):
        expect(page.locator(f"#redraw-card {part}")).to_be_in_viewport(ratio=1)
    shot(page, "redraw-card")
    page.keyboard.press("h")
    page.keyboard.press("r")
    name = page.locator("#redraw-card [name=name]")
    expect(name).to_be_focused()
    expect(name).to_be_in_viewport(ratio=1)


def test_pull_a_border_by_its_handle(editor: Editor) -> None:
    errors = watch_errors(editor.page)
    west, east = editor.grid(1, 0), editor.grid(1, 1)
    editor.page.keyboard.press("b")
    editor.click(at(1.0, 1.7))
    expect(editor.page.locator("#redraw-hint")).to_contain_text("南街第1网格")
    editor.page.wait_for_timeout(300)  # the pointer must rest: two clicks at once would be a double click
    editor.pull(at(1.0, 1.5), at(1.45, 1.5))
    expect(editor.live(west)).to_have_text("12")
    expect(editor.live(east)).to_have_text("4")
    shot(editor.page, "redraw-pulling")
    editor.page.mouse.up()
    assert editor.commands() == []
    editor.page.keyboard.press("Enter")
    editor.saved()
    assert (editor.homes(west), editor.homes(east)) == (12, 4)
    both = editor.shape(west).union(editor.shape(east))
    assert both.area == pytest.approx(2 * CELL * CELL, rel=1e-6)
    assert editor.commands() == ["reshape"]
    assert not errors


def test_draw_the_new_course_of_a_border(editor: Editor) -> None:
    west, east = editor.grid(1, 0), editor.grid(1, 1)
    page = editor.page
    page.keyboard.press("b")
    editor.click(at(0.5, 1.4))
    editor.click(at(1.5, 1.4))
    page.locator("#redraw-acts button").nth(1).click()
    editor.click(at(1.0, 1.2))
    editor.click(at(0.6, 1.3))
    editor.click(at(0.6, 1.7))
    editor.hover(at(1.0, 1.8))
    expect(editor.live(west)).to_have_text("4")
    editor.click(at(1.0, 1.8), twice=True)
    editor.saved()
    assert (editor.homes(west), editor.homes(east)) == (4, 12)


def test_give_an_area_drawn_by_hand(editor: Editor) -> None:
    to, loser = editor.grid(1, 0), editor.grid(1, 1)
    editor.click(at(0.5, 1.4))
    editor.page.keyboard.press("g")
    editor.page.keyboard.press("n")
    expect(editor.page.locator("#redraw-snap")).to_have_attribute("aria-pressed", "false")
    corners = [at(0.9, 1.3), at(1.45, 1.3), at(1.45, 1.7), at(0.9, 1.7)]
    for corner in corners:
        editor.click(corner)
    expect(editor.live(to)).to_have_text("12")
    expect(editor.live(loser)).to_have_text("4")
    editor.click(corners[-1])
    editor.saved()
    assert (editor.homes(to), editor.homes(loser)) == (12, 4)


def test_move_buildings_by_click_and_by_box(editor: Editor) -> None:
    page, giver, to = editor.page, editor.grid(1, 1), editor.grid(1, 0)
    page.keyboard.press("w")
    editor.click(at(1.3, 1.5))
    expect(editor.live(None)).to_have_text("4")
    page.keyboard.press("Enter")
    editor.hover(at(0.5, 1.4))
    expect(editor.live(to)).to_have_text("12")
    editor.click(at(0.5, 1.4))
    editor.hover(at(2.5, 1.4))
    expect(editor.live(to)).to_have_text("12")
    shot(page, "redraw-moving")
    assert editor.commands() == [], "choosing the grid shows the outcome and saves nothing"
    page.keyboard.press("Enter")
    editor.saved()
    assert (editor.homes(giver), editor.homes(to)) == (4, 12)
    last = editor.grid(1, 2)
    page.keyboard.press("x")
    editor.click(at(2.1, 1.3))
    editor.hover(at(2.5, 1.7))
    expect(editor.live(None)).to_have_text("4")
    editor.click(at(2.5, 1.7))
    page.keyboard.press("Enter")
    editor.click(at(1.8, 1.4))
    page.locator("#redraw-acts .button--main").click()
    expect(editor.listed(last)).to_contain_text("4")
    editor.saved()
    assert (editor.homes(giver), editor.homes(last)) == (8, 4)


def test_carve_a_compound_by_click(editor: Editor) -> None:
    page, around = editor.page, editor.grid(1, 1)
    page.keyboard.press("d")
    editor.hover(at(1.5, 1.5))
    expect(editor.live(None)).to_have_text("8")
    editor.click(at(1.5, 1.5))
    dialog = page.locator("#redraw-carve")
    expect(dialog.locator("[name=name]")).to_have_value("南街小区2")
    dialog.locator("[name=name]").fill("南街小学专属网格")
    dialog.locator("[value=save]").click()
    editor.saved()
    made = Outline.objects.get(plan=editor.plan, name="南街小学专属网格")
    assert made.kind == "dedicated"
    assert editor.homes(made.grid) == 8
    assert editor.homes(around) == 0
    assert editor.shape(around).contains(editor.shape(made.grid).envelope) is False
    assert editor.shape(around).envelope.contains(editor.shape(made.grid))
    expect(editor.listed(made.grid)).to_have_attribute("aria-selected", "true")


def test_names_code_kind_and_lock_by_keyboard(editor: Editor) -> None:
    page, grid = editor.page, editor.grid(1, 1)
    editor.listed(grid).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("r")
    page.keyboard.type("团结巷网格")
    form = page.locator("#redraw-card form")
    form.locator("[name=code]").fill("510115001004088")
    form.locator("[name=kind]").select_option("dedicated")
    form.locator("[name=name]").press("Enter")
    expect(editor.listed(grid)).to_contain_text("团结巷网格")
    expect(editor.listed(grid)).to_contain_text("088")
    page.locator("#redraw-card h2").wait_for()
    page.keyboard.press("l")
    expect(page.locator("#redraw-card .badge--notice")).to_be_visible()
    editor.saved()
    expect(page.locator("#redraw-undo")).to_be_enabled()
    page.wait_for_load_state("networkidle")
    outline = editor.outline(grid)
    assert (outline.name, outline.code, outline.kind) == ("团结巷网格", "510115001004088", "dedicated")
    assert outline.locked is not None
    assert editor.commands() == ["rename", "recode", "set_kind", "lock"]


def test_a_locked_grid_says_so_at_its_place(editor: Editor) -> None:
    page = editor.page
    editor.click(at(1.5, 1.5))
    page.keyboard.press("l")
    editor.saved()
    page.keyboard.press("s")
    editor.draw(at(1.56, 0.9), at(1.56, 2.1))
    trouble = page.locator("#redraw-trouble")
    expect(trouble).to_be_visible()
    assert len(trouble.locator("p").inner_text()) > 8
    shot(page, "redraw-refused")
    assert editor.commands() == ["lock"]
    trouble.locator("button").click()
    expect(trouble).to_be_hidden()
    expect(page.locator(".redraw-strip [data-tool=split]")).to_have_attribute("aria-pressed", "true")


def test_merging_and_moving_without_a_pointer(editor: Editor) -> None:
    page, grid = editor.page, editor.grid(1, 1)
    editor.listed(grid).focus()
    page.keyboard.press("Enter")
    more = page.locator("#redraw-card details")
    more.locator("summary").press("Enter")
    more.locator("input[type=checkbox]").first.press("Space")
    more.locator("select").select_option(str(editor.grid(1, 0).pk))
    more.locator("[data-act=move]").press("Enter")
    expect(editor.listed(editor.grid(1, 0))).to_contain_text("12")
    editor.saved()
    assert editor.homes(grid) == 4
    page.locator("#redraw-card select").first.select_option(str(editor.grid(1, 2).pk))
    page.locator("#redraw-card [data-act=merge]").press("Enter")
    expect(editor.listed(grid)).to_contain_text("12")
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(8)
    assert editor.homes(grid) == 12


def test_undo_redo_and_going_to_another_branch(editor: Editor) -> None:
    page, grid = editor.page, editor.grid(1, 1)
    before = bytes(editor.outline(grid).polygon.ewkb)
    editor.click(at(1.5, 1.5))
    page.keyboard.press("l")
    expect(page.locator("#redraw-undo")).to_be_enabled()
    page.keyboard.press("s")
    editor.draw(at(1.56, 0.9), at(1.56, 2.1))
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(9)
    page.locator("#redraw-trouble button").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    expect(page.locator("#redraw-undo")).to_be_disabled()
    page.keyboard.press("s")
    editor.draw(at(1.56, 0.9), at(1.56, 2.1))
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(10)
    page.keyboard.press("h")
    steps = page.locator("#redraw-history .redraw-step")
    expect(steps).to_have_count(3)
    expect(steps.nth(0).locator("[aria-current]")).to_be_visible()
    expect(steps.nth(1)).to_have_class(re.compile("redraw-step--branch"))
    shot(page, "redraw-history")
    steps.nth(1).locator("button").click()
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(9)
    page.wait_for_load_state("networkidle")
    assert editor.outline(grid).locked is not None
    assert bytes(editor.outline(grid).polygon.ewkb) == before
    steps.nth(0).locator("button").click()
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(10)
    page.locator("#redraw-undo").click()
    expect(page.locator("#redraw-redo")).to_be_enabled()
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(9)
    page.locator("#redraw-redo").click()
    expect(page.locator("#redraw-list tr[data-grid]")).to_have_count(10)


def test_a_fixed_plan_is_looked_at_and_copied(page: Page, live_server: LiveServer, cast: Cast) -> None:
    editor = Editor(page, live_server, cast, cast.town.plan).open()
    expect(page.locator(".redraw-strip")).to_have_count(0)
    editor.click(at(1.5, 1.5))
    expect(page.locator("#redraw-card h2")).to_have_text("南街第2网格")
    expect(page.locator("#redraw-card button")).to_have_count(0)
    shot(page, "redraw-fixed")
    page.locator("#redraw-copy").click()
    page.wait_for_selector(".redraw-strip")
    made = Plan.objects.exclude(pk=cast.town.plan.pk).get()
    assert made.frozen_at is None
    assert f"/planner/plans/{made.pk}/" in page.url


def test_who_may_open_it(page: Page, live_server: LiveServer, cast: Cast) -> None:
    plan = draft_of(cast)
    for who, status in {"planner": 200, "outsider": 404, "lead": 404, "stranger": 404}.items():
        page.context.clear_cookies()
        editor = Editor(page, live_server, cast, plan)
        if status == 200:
            editor.open(who=who)
            continue
        sign_in(page, live_server, cast.user(who))
        answer = page.goto(f"{live_server.url}/planner/plans/{plan.pk}/")
        assert answer
        assert answer.status == status, who
        ground = page.goto(f"{live_server.url}/planner/plans/{plan.pk}/ground.json")
        assert ground
        assert ground.status == status, who
