"""The editor's page and its ground: who may open them, what they hold, how many questions they ask."""

import json

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from boundaries.models import Plan
from gridmap.actions.drafts import put_away, start_draft
from gridmap.models import User
from tests.factories import RESIDENT
from tests.gridmap.conftest import Cast

# Who may open the editor of a draft of (all three communities, community 0 only); and who may edit there.
OPENS = {
    "planner": (True, True), "planner_0": (False, True), "supervisor": (True, True), "supervisor_0": (False, True),
    "clerk": (False, False), "dispatcher": (False, False), "administrator": (False, False), "auditor": (False, False),
    "lead": (False, False), "former": (False, False), "ex_planner": (False, False), "stranger": (False, False),
    "outsider": (False, False),
}  # fmt: skip


def _draft(cast: Cast, *communities: int) -> Plan:
    chosen = [cast.town.communities[each] for each in communities]
    return start_draft(
        subdistrict=cast.town.subdistrict, communities=chosen, name="草案", by=cast.user("planner")
    )


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("who", OPENS)
def test_who_may_open_the_editor(cast: Cast, who: str) -> None:
    client = _client(cast.user(who))
    for plan, may in zip((_draft(cast, 0, 1, 2), _draft(cast, 0)), OPENS[who], strict=True):
        for path in ("", "ground.json"):
            answer = client.get(f"/planner/plans/{plan.pk}/{path}")
            assert answer.status_code == (200 if may else 404), path


def test_only_planners_get_tools_and_only_on_open_drafts(cast: Cast) -> None:
    plan = _draft(cast, 0)
    planner, supervisor = _client(cast.user("planner")), _client(cast.user("supervisor"))
    path = f"/planner/plans/{plan.pk}/"
    assert planner.get(path).context["editable"] is True
    assert supervisor.get(path).context["editable"] is False
    assert b"data-tool" not in supervisor.get(path).content
    put_away(plan=plan, away=True, by=cast.user("planner"))
    away = planner.get(path)
    assert away.context["editable"] is False
    assert b"redraw-take-back" in away.content
    fixed = planner.get(f"/planner/plans/{cast.town.plan.pk}/")
    assert fixed.context["editable"] is False
    assert b"redraw-copy" in fixed.content


def test_the_anonymous_are_sent_to_sign_in(cast: Cast) -> None:
    answer = Client().get(f"/planner/plans/{_draft(cast, 0).pk}/")
    assert answer.status_code == 302
    assert "sign-in" in answer["Location"]


def test_the_ground_is_that_of_the_draft(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    plan = _draft(cast, 1, 2)
    client = _client(cast.user("planner"))
    with django_assert_max_num_queries(14):
        answer = client.get(f"/planner/plans/{plan.pk}/ground.json")
    body = json.loads(answer.content)
    assert [each["properties"]["name_en"] for each in body["communities"]] == ["Nanjie", "Guanghua"]
    assert len(body["compounds"]) == 6
    assert len(body["streets"]) == 1
    assert len(body["numbers"]) == 12
    assert RESIDENT not in answer.content.decode()
    assert "no-cache" in answer["Cache-Control"]


def test_nobodys_name_is_on_the_page(cast: Cast) -> None:
    answer = _client(cast.user("planner")).get(f"/planner/plans/{_draft(cast, 0, 1, 2).pk}/")
    assert RESIDENT not in answer.content.decode()
    assert answer.context["map_data"]["box"] == [103.83, 30.7, 103.836, 30.706]
