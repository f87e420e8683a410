"""The list of plans: what stands where, who may start, copy, name and put away a draft."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from boundaries.models import Outline, Plan
from gridmap.actions.plans import publish_plan, submit
from gridmap.models import AuditEntry, User
from gridmap.plan_states import state_of
from tests.gridmap import publishing_town as redrawn
from tests.gridmap.conftest import Cast
from tests.gridmap.test_permissions import EVERYBODY

# Who opens the page, starts a draft of community 0 and of community 1, and changes a draft of community 1.
#                      page start0 start1 change1
MAY = {
    "planner":         "x    x      x      x",
    "planner_0":       "x    x      .      .",
    "supervisor":      "x    .      .      .",
    "supervisor_0":    "x    .      .      .",
    "administrator":   "x    .      .      .",
    "administrator_0": "x    .      .      .",
    "outsider":        "x    .      .      .",
}  # fmt: skip


@pytest.mark.parametrize("who", EVERYBODY)
def test_who_may(cast: Cast, client: Client, who: str) -> None:
    plan = redrawn.draft(cast.town, 1)
    page, *starts, change = (sign == "x" for sign in MAY.get(who, ". . . .").split())
    if isinstance(cast[who], User):
        client.force_login(cast.user(who))
    assert (client.get("/planner/plans/").status_code == 200) == page
    for community, may in zip(cast.town.communities, starts, strict=False):
        client.post("/planner/plans/start/", {"name": "新", "community": community.code})
        assert Plan.objects.filter(name="新", outlines__community=community).exists() == may
    acts: tuple[tuple[str, str, Callable[[], bool]], ...] = (
        ("rename", "改名", lambda: Plan.objects.get(pk=plan.pk).name == "改名"),
        ("copy", "副本", lambda: Plan.objects.filter(name="副本").exists()),
        ("put_away", "", lambda: Plan.objects.get(pk=plan.pk).discarded_at is not None),
    )
    for act, name, done in acts:
        answer = client.post(f"/planner/plans/{plan.pk}/change/", {"act": act, "name": name})
        assert done() == change, act
        if isinstance(cast[who], User):
            assert (answer.status_code == 404) != change


def test_each_plan_stands_under_its_state(cast: Cast, client: Client) -> None:
    community = [cast.town.communities[1]]
    for name in ("Open", "Laid before", "Scheduled"):
        redrawn.draft(cast.town, 1, name=name)
    plans = {plan.name: plan for plan in Plan.objects.all()}
    submit(
        plan=plans["Laid before"],
        communities=community,
        head=None,
        effective_at=None,
        by=cast.user("planner"),
    )
    at = timezone.now() + timedelta(days=1)
    publish_plan(plan=plans["Scheduled"], communities=community, at=at, by=None)
    client.force_login(cast.user("planner"))
    page = client.get("/planner/plans/").content.decode()
    sections = page.split('<section class="card" id="')[1:]
    found = {
        section.partition('"')[0]: re.findall(r"<strong>([^<]+)</strong></a>", section)
        for section in sections
    }
    assert found == {
        "submitted": ["Laid before"],
        "drafts": ["Open"],
        "scheduled": ["Scheduled"],
        "in-force": ["Founding scheme"],
    }
    states = {name: state_of(Plan.objects.get(pk=plan.pk)).code for name, plan in plans.items()}
    assert states == {
        "Founding scheme": "in_force",
        "Open": "draft",
        "Laid before": "submitted",
        "Scheduled": "scheduled",
    }
    tomorrow = state_of(Plan.objects.get(name="Scheduled"), at)
    assert tomorrow.code == "in_force"


def test_started_from_what_is_in_force_or_from_another_plan(cast: Cast, client: Client) -> None:
    client.force_login(cast.user("planner"))
    codes = [community.code for community in cast.town.communities[:2]]
    answer = client.post("/planner/plans/start/", {"name": "两个社区", "community": codes})
    made = Plan.objects.get(name="两个社区")
    assert str(made.pk) in answer.headers["Location"]
    assert Outline.objects.filter(plan=made).count() == 6
    redrawn.move_border(cast.town, made)
    client.post("/planner/plans/start/", {"name": "再来", "community": codes[1:], "base": made.pk})
    again = Plan.objects.get(name="再来")
    grid = cast.town.grids[1][0]
    assert redrawn.outline(again, grid).polygon.equals_exact(redrawn.outline(made, grid).polygon)
    assert set(AuditEntry.objects.values_list("verb", flat=True)) == {"start"}


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"name": "x"}, "Choose one or more communities"),
        ({"name": " ", "community": "510115001001"}, "name of at most 100"),
    ],
)
def test_what_cannot_be_started_says_why(cast: Cast, client: Client, sent: dict[str, str], says: str) -> None:
    client.force_login(cast.user("planner"))
    answer = client.post("/planner/plans/start/", sent)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert Plan.objects.count() == 1


def test_put_away_and_taken_back(cast: Cast, client: Client) -> None:
    plan = redrawn.draft(cast.town, 1, name="Rarely seen")
    client.force_login(cast.user("planner"))
    client.post(f"/planner/plans/{plan.pk}/change/", {"act": "put_away"}, follow=True)
    assert "Rarely seen" not in client.get("/planner/plans/").content.decode()
    assert "Rarely seen" in client.get("/planner/plans/?show=put-away").content.decode()
    client.post(f"/planner/plans/{plan.pk}/change/", {"act": "take_back"})
    assert state_of(Plan.objects.get(pk=plan.pk)).code == "draft"


def test_what_is_in_force_is_not_renamed(cast: Cast, client: Client) -> None:
    client.force_login(cast.user("planner"))
    answer = client.post(f"/planner/plans/{cast.town.plan.pk}/change/", {"act": "rename", "name": "x"})
    assert answer.status_code == 422
    assert Plan.objects.get().name == "Founding scheme"


def test_as_many_queries_however_many_plans(cast: Cast, client: Client) -> None:
    redrawn.draft(cast.town, 1)
    client.force_login(cast.user("planner"))

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get("/planner/plans/").status_code == 200
        return len(asked)

    client.get("/planner/plans/")
    few = count()
    for number in range(12):
        redrawn.draft(cast.town, number % 3, name=f"Draft {number}")
    assert count() == few


def test_a_draft_that_was_published_over_says_so(cast: Cast, client: Client) -> None:
    plans = [redrawn.draft(cast.town, row, name=f"Row {row}") for row in (0, 1)]
    other = redrawn.draft(cast.town, 1, name="Other")
    at = timezone.now() + timedelta(days=1)
    publish_plan(plan=other, communities=[cast.town.communities[1]], at=at, by=None)
    client.force_login(cast.user("planner"))
    page = client.get("/planner/plans/").content.decode()
    rows = {
        number: page.split(f'data-plan="{plan.pk}"')[1].partition("</article>")[0]
        for number, plan in enumerate(plans)
    }
    assert ["published over meanwhile" in rows[number] for number in (0, 1)] == [False, True]
