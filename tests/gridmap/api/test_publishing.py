"""Publishing over HTTP: findings, submitting at a head, deciding, withdrawing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from boundaries.models import Plan, Revision
from gridmap.models import Release, Submission
from tests.gridmap import publishing_town as redrawn
from tests.gridmap.conftest import Cast


@pytest.fixture
def plan(cast: Cast) -> Plan:
    found = redrawn.draft(cast.town, 1)
    redrawn.split(cast.town, found, 1, 0)
    return found


def send(
    client: Client, path: str, body: dict[str, Any] | None = None, head: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {} if head is None else {"If-Match": f'"{head}"'}
    answer = client.post(
        f"/api/v1{path}", json.dumps(body or {}), content_type="application/json", headers=headers
    )
    return answer.status_code, json.loads(answer.content or b"{}")


def test_what_publishing_would_find(cast: Cast, client: Client, plan: Plan) -> None:
    client.force_login(cast.user("planner"))
    found = client.get(f"/api/v1/plans/{plan.pk}/checks").json()
    (torn,) = found["findings"]
    assert (torn["level"], torn["code"]) == ("warning", "compound")
    assert found["needs_approval"] is True
    new = next(each for each in found["posts"] if each["change"] == "new")
    assert (new["origin"], new["lead"], new["households"]) == (
        "510115001004001",
        cast.specialists["away"].pk,
        2,
    )
    assert cast.specialists["busy"].pk in found["candidates"][cast.town.communities[1].code]
    redrawn.reshape(plan, cast.town.grids[1][2], redrawn.strip(1, 2.1, 3))
    gap = client.get(f"/api/v1/plans/{plan.pk}/checks").json()["findings"][0]
    assert (gap["level"], gap["code"]) == ("error", "gap")
    assert gap["place"][0] == pytest.approx(103.8341, abs=1e-4)
    assert client.get(f"/api/v1/plans/{plan.pk}/checks?community=9").status_code == 422


def test_submitted_refused_approved_withdrawn(cast: Cast, client: Client, plan: Plan) -> None:
    chief, path = Client(), f"/plans/{plan.pk}"
    client.force_login(cast.user("planner"))
    chief.force_login(cast.user("supervisor"))
    at = (timezone.now() + timedelta(days=3)).isoformat()
    status, told = send(client, f"{path}/publish", {"at": at, "note": "x"}, "0")
    assert (status, told["state"]) == (201, "submitted")
    assert send(chief, f"{path}/refuse", {"submission": told["submission"]})[0] == 409
    assert send(chief, f"{path}/refuse", {"submission": told["submission"], "answer": "no"})[0] == 204
    status, told = send(client, f"{path}/publish", {"at": at}, "0")
    assert send(client, f"{path}/approve", {"submission": told["submission"]})[0] == 403
    status, done = send(chief, f"{path}/approve", {"submission": told["submission"]})
    assert (status, done["state"], done["placements"], done["posts"]) == (201, "published", 1, 2)
    assert send(client, f"{path}/withdraw", {"release": done["release"]})[0] == 204
    status, again = send(client, f"{path}/withdraw", {"release": done["release"]})
    assert (status, again["code"]) == (409, "publish")
    assert Release.objects.get().withdrawn_at is not None


def test_the_head_is_needed_and_must_be_the_newest(cast: Cast, client: Client, plan: Plan) -> None:
    client.force_login(cast.user("planner"))
    assert send(client, f"/plans/{plan.pk}/publish")[0] == 428
    plan.head = Revision.objects.create(plan=plan, command="rename")
    plan.save()
    status, told = send(client, f"/plans/{plan.pk}/publish", {}, "0")
    assert (status, told["code"]) == (409, "publish")
    assert "edited meanwhile" in told["detail"]
    cast.town.subdistrict.needs_approval = False
    cast.town.subdistrict.save()
    assert send(client, f"/plans/{plan.pk}/publish", {}, "0")[0] == 412
    assert send(client, f"/plans/{plan.pk}/publish", {}, str(plan.head.pk))[0] == 201
    assert not Submission.objects.exists()


def test_errors_come_with_their_places(cast: Cast, client: Client, plan: Plan) -> None:
    redrawn.reshape(plan, cast.town.grids[1][2], redrawn.strip(1, 1.9, 3))
    client.force_login(cast.user("planner"))
    status, told = send(client, f"/plans/{plan.pk}/publish", {}, "0")
    assert (status, told["code"]) == (409, "check.overlap")
    assert told["findings"][0]["place"][0] == pytest.approx(103.8339, abs=1e-4)


@pytest.mark.parametrize(
    ("who", "status"), [("planner_0", 404), ("lead", 404), ("outsider", 404), ("auditor", 404)]
)
def test_what_one_may_not_see_is_404(cast: Cast, client: Client, plan: Plan, who: str, status: int) -> None:
    client.force_login(cast.user(who))
    for call, body in (
        ("publish", {}),
        ("approve", {"submission": 1}),
        ("refuse", {"submission": 1, "answer": "x"}),
        ("withdraw", {"release": 1}),
        ("take-back", {"submission": 1}),
    ):
        assert send(client, f"/plans/{plan.pk}/{call}", body, "0")[0] == status
    assert client.get(f"/api/v1/plans/{plan.pk}/checks").status_code == status


def test_a_submission_is_taken_back_and_a_supervisor_may_withdraw(
    cast: Cast, client: Client, plan: Plan
) -> None:
    client.force_login(cast.user("planner"))
    path = f"/plans/{plan.pk}"
    first = send(client, f"{path}/publish", {}, "0")[1]["submission"]
    assert send(client, f"{path}/take-back", {"submission": first})[0] == 204
    second = send(client, f"{path}/publish", {"at": "2100-01-01T00:00"}, "0")[1]["submission"]
    client.force_login(cast.user("supervisor"))
    assert send(client, f"{path}/take-back", {"submission": second})[0] == 403
    release = send(client, f"{path}/approve", {"submission": second})[1]["release"]
    assert send(client, f"{path}/withdraw", {"release": release})[0] == 204
