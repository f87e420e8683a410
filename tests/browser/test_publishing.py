"""A redraw on its way into force: drawn, submitted, refused, submitted again, approved, handed over, withdrawn."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.models import Plan
from gridmap.actions.plans import publish_plan, submit
from gridmap.models import HandOver, Release, Submission
from tests import factories
from tests.browser.people import PHONE, no_sideways_scrolling, shot, sign_in, watch_errors
from tests.browser.test_accessibility import serious
from tests.gridmap import publishing_town as redrawn
from tests.gridmap.conftest import Cast


@pytest.fixture
def another(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[BrowserContext]:
    """A second person's browser."""
    context = browser.new_context(**browser_context_args)
    yield context
    context.close()


def drawn(cast: Cast) -> Plan:
    """Started and edited over the API as the planner: 1,1 is merged into 1,0."""
    client = Client()
    client.force_login(cast.user("planner"))
    body = {"name": "南街合并", "communities": [cast.town.communities[1].code], "base": None}
    started = client.post("/api/v1/plans", json.dumps(body), content_type="application/json")
    assert started.status_code == 201, started.content
    plan = started.json()["id"]
    grids = [cast.town.grids[1][0].pk, cast.town.grids[1][1].pk]
    edited = client.post(
        f"/api/v1/plans/{plan}/edits",
        json.dumps({"command": "merge", "grids": grids, "into": grids[0]}),
        content_type="application/json",
        headers={"If-Match": '"0"'},
    )
    assert edited.status_code == 200, edited.content
    return Plan.objects.get(pk=plan)


def test_from_the_draft_to_the_answer(
    page: Page, another: BrowserContext, live_server: LiveServer, cast: Cast
) -> None:
    plan = drawn(cast)
    address = f"{live_server.url}/planner/plans/{plan.pk}/publish/"
    errors = watch_errors(page)

    # The planner finds the draft in the list, looks at the checks, and submits it for a time to come.
    sign_in(page, live_server, cast.user("planner"))
    page.goto(f"{live_server.url}/planner/plans/")
    page.locator(f'[data-plan="{plan.pk}"] a[href$="/publish/"]').last.click()
    expect(page.locator("#publish-checks")).to_have_attribute("data-errors", "0")
    expect(page.locator("#publish-people")).to_contain_text("南街第2网格")
    expect(page.locator("#publish-people tbody tr")).to_have_count(1)
    expect(page.locator("#publish-people tbody tr td.number").last).to_have_text("4")
    effective = (timezone.now() + timedelta(days=2)).astimezone(factories.ZONE).replace(hour=9, minute=30)
    page.locator("input[name=at]").fill(effective.strftime("%Y-%m-%dT%H:%M"))
    page.locator("input[name=at]").dispatch_event("change")
    page.wait_for_load_state("networkidle")
    page.locator("#note").fill("两个小网格合并")
    shot(page, "publish-planner")
    page.locator("#publish-send").click()
    expect(page.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "submitted")

    # The supervisor finds it under Today, reads what changes, and refuses.
    chief = another.new_page()
    sign_in(chief, live_server, cast.user("supervisor"))
    chief.goto(f"{live_server.url}/today/")
    chief.locator("#today-submissions a").click()
    expect(chief.locator(".publish-quote")).to_have_text("两个小网格合并")
    expect(chief.locator(".compare-figures")).to_be_visible()
    shot(chief, "publish-supervisor")
    chief.locator("#answer").fill("先与网格员商量")
    chief.locator("#publish-refuse").click()
    expect(chief.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "refused")

    # The planner reads why, gives the merged grid to somebody else, and submits again.
    page.goto(address)
    expect(page.locator(".publish-quote")).to_have_text("先与网格员商量")
    page.locator("input[name=at]").fill(effective.strftime("%Y-%m-%dT%H:%M"))
    page.locator("#publish-send").click()
    expect(page.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "submitted")
    assert list(Submission.objects.order_by("pk").values_list("state", flat=True)) == ["refused", "waiting"]

    # The supervisor approves. Until the effective time the old grid answers, from then on the new one.
    chief.goto(address)
    asked: list[str] = []

    def decline(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    chief.once("dialog", decline)
    chief.locator("#publish-approve").click()
    assert len(asked) == 1
    assert not Release.objects.exists(), "asked first; no means no"
    chief.once("dialog", lambda dialog: dialog.accept())
    chief.locator("#publish-approve").click()
    expect(chief.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "scheduled")
    expect(chief.locator("#publish-hand-overs")).to_contain_text("网格员005")
    release = Release.objects.get()
    assert release.effective_at == effective.replace(second=0, microsecond=0)
    spot = factories.middle(1, 1)
    for before, code in ((timedelta(seconds=1), "510115001004002"), (timedelta(), "510115001004001")):
        at = (release.effective_at - before).astimezone(factories.ZONE).isoformat()
        told = page.request.get(
            f"{live_server.url}/api/v1/locate", params={"lon": spot.x, "lat": spot.y, "at": at}
        ).json()
        assert told["grid"]["code"] == code

    # Who loses households writes a note; who takes them reads it, once the grid is theirs.
    giver = another.new_page()
    another.clear_cookies()
    sign_in(giver, live_server, cast.user("busy"))
    giver.goto(f"{live_server.url}/mine/")
    giver.locator("#hand-overs textarea").fill("一号楼三楼老人独居")
    giver.locator("#hand-overs form button").click()
    expect(giver.locator("#hand-overs .badge--accent")).to_be_visible()
    another.clear_cookies()
    sign_in(giver, live_server, cast.user("away"))
    giver.goto(f"{live_server.url}/mine/")
    expect(giver.locator("#hand-overs")).to_contain_text("网格员005")
    expect(giver.locator("#hand-overs button")).to_have_count(0)
    Release.objects.update(effective_at=timezone.now() - timedelta(seconds=1))
    giver.reload()
    giver.locator("#hand-overs button").click()
    expect(giver.locator("#hand-overs blockquote")).to_have_text("一号楼三楼老人独居")
    assert HandOver.objects.get().read_at is not None
    Release.objects.update(effective_at=release.effective_at)

    # It has not begun: the planner takes it back, and the old grid answers for all time.
    page.goto(address)
    shot(page, "publish-scheduled")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator(".publish-coming button").click()
    expect(page.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "withdrawn")
    told = page.request.get(
        f"{live_server.url}/api/v1/locate",
        params={"lon": spot.x, "lat": spot.y, "at": release.effective_at.isoformat()},
    ).json()
    assert told["grid"]["code"] == "510115001004002"
    assert not errors


def test_findings_lead_to_their_place_and_hold_the_plan_up(
    page: Page, live_server: LiveServer, cast: Cast
) -> None:
    errors = watch_errors(page)
    plan = redrawn.draft(cast.town, 2)  # two of its grids are vacant
    redrawn.reshape(plan, cast.town.grids[2][2], redrawn.strip(2, 2.2, 3))
    sign_in(page, live_server, cast.user("planner"))
    page.goto(f"{live_server.url}/planner/plans/{plan.pk}/publish/")
    expect(page.locator("#publish-send")).to_be_disabled()
    page.wait_for_load_state("networkidle")
    gap = page.locator(".publish-finding[data-code=gap]")
    gap.click()
    expect(gap).to_have_attribute("aria-current", "true")
    shot(page, "publish-findings")
    other = page.locator(".publish-finding").last
    other.focus()
    page.keyboard.press("Enter")
    expect(other).to_have_attribute("aria-current", "true")
    expect(gap).to_have_attribute("aria-current", "false")
    assert not errors


def test_another_lead_is_chosen_and_checked_at_once(page: Page, live_server: LiveServer, cast: Cast) -> None:
    plan = redrawn.draft(cast.town, 1)
    new = redrawn.split(cast.town, plan, 1, 0)
    sign_in(page, live_server, cast.user("planner"))
    page.goto(f"{live_server.url}/planner/plans/{plan.pk}/publish/")
    lead = page.locator(f"select[name=lead-{new.pk}]")
    expect(lead).to_have_value(str(cast.specialists["away"].pk))
    # the compound that the split tears apart
    expect(page.locator("#publish-checks")).to_have_attribute("data-warnings", "1")
    page.locator("#note").fill("保留这句话")
    lead.select_option("")
    expect(page.locator("#publish-checks")).to_have_attribute("data-warnings", "2")
    expect(page.locator("#note")).to_have_value("保留这句话")
    page.locator(f"select[name=lead-{new.pk}]").select_option(str(cast.specialists["busy"].pk))
    expect(page.locator("#publish-checks")).to_have_attribute("data-warnings", "1")
    page.locator("#publish-send").click()
    expect(page.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "submitted")
    submission = Submission.objects.get()
    assert submission.choices["leads"][str(new.pk)] == cast.specialists["busy"].pk
    assert submission.note == "保留这句话"


def test_on_a_phone(page: Page, live_server: LiveServer, cast: Cast) -> None:
    plan = redrawn.draft(cast.town, 0, 1)
    redrawn.merge(cast.town, plan, 1, 1, into=0)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    submit(
        plan=plan,
        communities=cast.town.communities[:2],
        head=None,
        effective_at=None,
        by=cast.user("planner"),
    )
    sign_in(page, live_server, cast.user("supervisor"))
    for path in ("/planner/plans/", f"/planner/plans/{plan.pk}/publish/", "/today/"):
        page.goto(live_server.url + path)
        assert no_sideways_scrolling(page), path
        shot(page, f"publish-phone-{path.strip('/').replace('/', '-')}")
    page.goto(f"{live_server.url}/planner/plans/{plan.pk}/publish/")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#publish-approve").click()
    expect(page.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "scheduled")
    # Nobody reloads: the page does so itself once the plan has taken effect.
    expect(page.locator("[data-plan-state]")).to_have_attribute("data-plan-state", "in_force", timeout=30_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_for_those_who_see_or_hear_differently(
    page: Page, live_server: LiveServer, cast: Cast, scheme: str
) -> None:
    """axe-core: a draft with findings, a submission, a scheduled plan with its hand-overs, the list, my page."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    faulty, waiting, coming = (redrawn.draft(cast.town, row, name=f"Row {row}") for row in range(3))
    redrawn.reshape(faulty, cast.town.grids[0][2], redrawn.strip(0, 2.2, 3))
    redrawn.split(cast.town, waiting, 1, 0)
    at = timezone.now() + timedelta(days=1)
    submit(
        plan=waiting,
        communities=[cast.town.communities[1]],
        head=None,
        effective_at=at,
        by=cast.user("planner"),
    )
    factories.assign(cast.specialists["lead"], cast.town.grids[2][1])
    redrawn.merge(cast.town, coming, 2, 1, into=2)
    publish_plan(plan=coming, communities=[cast.town.communities[2]], at=at, by=None)
    assert HandOver.objects.exists()
    found: list[str] = []
    for who, paths in (
        (
            "planner",
            ["/planner/plans/", *(f"/planner/plans/{plan.pk}/publish/" for plan in (faulty, coming))],
        ),
        ("supervisor", ["/today/", f"/planner/plans/{waiting.pk}/publish/"]),
        ("lead", ["/mine/"]),
    ):
        page.context.clear_cookies()
        sign_in(page, live_server, cast.user(who))
        for path in paths:
            page.goto(live_server.url + path, wait_until="networkidle")
            found += serious(page)
    assert found == []
