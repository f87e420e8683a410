"""Who may do what to drafts over HTTP: a truth table over the fixed cast (tests/gridmap/conftest.py)."""

import json
from typing import Any

import pytest
from django.test import Client

from boundaries.models import Plan, Revision
from tests.boundaries.draft_town import across, draft_of, state
from tests.gridmap.conftest import Cast
from tests.gridmap.test_permissions import EVERYBODY

READS = ("", "/history", "/unsettled")
COUNTS = ("/buildings", "/changes?since=0", "/checks")
WRITES = ("edits", "edits?dry_run=1", "undo", "redo", "head", "copy", "settle", "")

# Who gets an answer (x), who is told that it is not permitted (3), who has to sign in (1); all others 404.
#            the whole town's draft    a draft of community 0   a draft of communities 0 and 1
SEES = {
    "planner":         ("x", "x", "x"),
    "planner_0":       (" ", "x", " "),
    "supervisor":      ("x", "x", "x"),
    "supervisor_0":    (" ", "x", " "),
    "administrator":   ("x", "x", "x"),
    "administrator_0": (" ", "x", " "),
}  # fmt: skip
REDRAWS = {"planner", "planner_0"}
NO_COUNTS = {"administrator", "administrator_0"}


def expected(name: str, draft: int, kind: str) -> int:
    if name == "anonymous":
        return 404 if kind == "open" else 401
    if SEES.get(name, ("", "", ""))[draft] != "x":
        return 404
    if (kind == "write" and name not in REDRAWS) or (kind == "count" and name in NO_COUNTS):
        return 403
    return 200


def bodies(cast: Cast) -> dict[str, Any]:
    grid = cast.town.grids[0][0].pk
    split = {"command": "split", "grid": grid, "line": across(0, 0.5)}
    return {
        "edits": split, "edits?dry_run=1": split, "undo": {}, "redo": {}, "head": {"revision": None},
        "copy": {"name": "x"}, "settle": {"community": cast.town.communities[0].code}, "": {"note": "x"},
    }  # fmt: skip


@pytest.mark.parametrize("name", EVERYBODY)
def test_drafts_are_for_those_of_their_ground(cast: Cast, name: str) -> None:
    drafts = [draft_of(cast.town), draft_of(cast.town, 0), draft_of(cast.town, 0, 1)]
    client = Client()
    if name != "anonymous":
        client.force_login(cast.user(name))
    for number, draft in enumerate(drafts):
        address = f"/api/v1/plans/{draft.pk}"
        for path in (*READS, *COUNTS):
            kind = "open" if path == "" else "count" if path in COUNTS else "read"
            assert client.get(address + path).status_code == expected(name, number, kind), (number, path)
        before, revisions = state(draft), Revision.objects.count()
        for path in WRITES:
            call = client.patch if path == "" else client.post
            answer = call(
                f"{address}/{path}".rstrip("/"),
                json.dumps(bodies(cast)[path]),
                content_type="application/json",
                headers={"If-Match": '"999999"'},
            )
            want = expected(name, number, "write")
            # whoever may redraw gets as far as the head, which is none of this draft's
            got = (
                200
                if answer.status_code in {200, 201, 412} or answer.status_code == 422
                else answer.status_code
            )
            assert got == want, (number, path, answer.status_code)
        assert (state(draft), Revision.objects.count()) == (before, revisions)
        listed = {each["id"] for each in client.get("/api/v1/plans").json()}
        assert (draft.pk in listed) == (expected(name, number, "open") == 200)


@pytest.mark.parametrize("name", EVERYBODY)
def test_a_draft_is_started_on_ones_own_ground(cast: Cast, name: str) -> None:
    client = Client()
    if name != "anonymous":
        client.force_login(cast.user(name))
    may = {"planner": {0, 1}, "planner_0": {0}}.get(name, set())
    for chosen in ([0], [1], [0, 1]):
        codes = [cast.town.communities[row].code for row in chosen]
        answer = client.post(
            "/api/v1/plans", json.dumps({"name": "x", "communities": codes}), content_type="application/json"
        )
        want = 401 if name == "anonymous" else 201 if set(chosen) <= may else 422
        assert answer.status_code == want, chosen
    assert Plan.objects.filter(created_by__username=name).count() == sum(
        set(chosen) <= may for chosen in ([0], [1], [0, 1])
    )


def test_a_draft_of_another_is_no_base(cast: Cast) -> None:
    """A planner of one community does not copy out of a draft that he may not see."""
    secret = draft_of(cast.town)
    client = Client()
    client.force_login(cast.user("planner_0"))
    body = {"name": "x", "communities": [cast.town.communities[0].code], "base": secret.pk}
    answer = client.post("/api/v1/plans", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "base")


def test_the_page_of_another_site_edits_nothing(cast: Cast) -> None:
    draft = draft_of(cast.town)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.user("planner"))
    body = {"command": "rename", "grid": cast.town.grids[0][0].pk, "name": "x"}
    answer = client.post(
        f"/api/v1/plans/{draft.pk}/edits",
        json.dumps(body),
        content_type="application/json",
        headers={"If-Match": '"0"'},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert not Revision.objects.exists()
