"""Editing a draft over HTTP: what is answered, how errors look, what it costs."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from boundaries.models import Compound, HeadMove, Plan, Revision
from gridmap.draft_numbers import draft_buildings
from gridmap.models import AuditEntry
from tests.boundaries.draft_town import across, area, done, draft_of, line, put_in_force, state
from tests.gridmap.conftest import Cast

MOST_QUERIES = 26
"""Of an edit, from the session to the numbers; savepoints of the test included."""


class Page:
    """The editor's page: sends with its head, as the browser does."""

    def __init__(self, cast: Cast, plan: Plan, name: str = "planner") -> None:
        self.client = Client(headers={"Accept-Language": "en"})
        self.client.force_login(cast.user(name))
        self.plan = plan

    def send(self, path: str, body: Any = None, *, head: int | str | None = 0, **headers: str) -> Any:
        if head != "none":
            headers["If-Match"] = f'"{head or 0}"'
        return self.client.post(
            f"/api/v1/plans/{self.plan.pk}/{path}",
            json.dumps(body if body is not None else {}),
            content_type="application/json",
            headers=headers,
        )

    def get(self, path: str = "") -> Any:
        return self.client.get(f"/api/v1/plans/{self.plan.pk}{path}")


@pytest.fixture
def editor(cast: Cast) -> Page:
    return Page(cast, draft_of(cast.town))


def commands(cast: Cast) -> dict[str, dict[str, Any]]:
    """One of each command, none of which hinders the next."""
    a, b, c = (grid.pk for grid in cast.town.grids[1])
    return {
        "split": {"grid": a, "line": across(1, 0.5), "snap_m": 2},
        "transfer": {"to": b, "area": area(1, 0.8, 1.2, 0.2, 0.6)},
        "reshape": {"a": b, "b": c, "line": line(1, (2.0, 1.0), (1.8, 0.5), (2.0, 0.0))},
        "move_buildings": {"buildings": [cast.town.buildings[1][1][1].pk], "to": c},
        "carve": {"area": area(1, 2.3, 2.7, 0.3, 0.7), "name": "学校", "name_en": "School"},
        "rename": {"grid": b, "name": "甲", "name_en": "Alpha"},
        "recode": {"grid": b, "code": f"{cast.town.communities[1].code}055"},
        "set_kind": {"grid": b, "kind": "dedicated"},
        "lock": {"grids": [c]},
        "unlock": {"grids": [c]},
        "merge": {"grids": [b, c], "into": b},
    }


def test_every_command_answers_with_grids_numbers_and_moves(cast: Cast, editor: Page) -> None:
    head = None
    for name, more in commands(cast).items():
        before = {key: row[0] for key, row in state(editor.plan).items()}
        with CaptureQueriesContext(connection) as seen:
            answer = editor.send("edits", {"command": name, **more}, head=head)
        assert answer.status_code == 200, (name, answer.content)
        assert len(seen) <= MOST_QUERIES, (name, len(seen), [str(each["sql"])[:80] for each in seen])
        told = answer.json()
        assert (told["plan"], told["parent"], told["command"]) == (editor.plan.pk, head, name)
        assert (told["rebased"], told["can_undo"], told["can_redo"], told["dry_run"]) == (
            False,
            True,
            False,
            False,
        )
        head = told["head"]
        assert answer["ETag"] == f'"{head}"'
        after = {key: row[0] for key, row in state(editor.plan).items()}
        assert set(told["removed"]) == set(before) - set(after)
        changed = {feature["id"]: feature["properties"] for feature in told["grids"]["features"]}
        assert set(changed) >= set(after) - set(before)
        # A building on a border may go to a grid that keeps its outline: that one's numbers are told as well.
        assert {int(key) for key in told["numbers"]} - set(changed) <= set(told["moved"].values())
        assert set(changed) <= {int(key) for key in told["numbers"]}
        for key, row in state(editor.plan).items():
            if key in changed:
                properties = changed[key]
                assert (properties["code"], properties["name"], properties["kind"]) == (
                    row[0],
                    row[1],
                    row[3],
                )
                assert properties["community"] == cast.town.communities[1].code
                assert properties["locked"] == (row[6] is not None)
        counted = draft_buildings(editor.plan)
        for key, one in told["numbers"].items():
            mine = counted.grid == int(key)
            assert one["buildings"] == int(mine.sum())
            assert one["people"] == int(counted.loads.people[mine].sum())
    assert Revision.objects.filter(plan=editor.plan).count() == len(commands(cast))


def test_undo_redo_and_going_back(cast: Cast, editor: Page) -> None:
    grid = cast.town.grids[0][0].pk
    first = editor.send("edits", {"command": "split", "grid": grid, "line": across(0, 0.5)}).json()
    undone = editor.send("undo", head=first["head"]).json()
    assert (undone["head"], undone["can_undo"], undone["can_redo"]) == (None, False, True)
    assert undone["command"] == "undo"
    assert undone["removed"] == [max(map(int, first["numbers"]))]
    assert set(undone["moved"].values()) == {grid}
    redone = editor.send("redo", head=None).json()
    assert (redone["head"], redone["can_redo"]) == (first["head"], False)
    gone = editor.send("head", {"revision": None}, head=redone["head"]).json()
    assert (gone["head"], gone["command"]) == (None, "jump")
    assert editor.send("undo").status_code == 409
    assert editor.send("undo").json()["code"] == "nothing_to_undo"
    assert editor.send("head", {"revision": 999_999}, head=None).json()["code"] == "unknown_head"
    who = HeadMove.objects.filter(plan=editor.plan).values_list("moved_by__username", flat=True)
    assert set(who) == {"planner"}


def test_a_head_must_be_sent(editor: Page, cast: Cast) -> None:
    body = {"command": "rename", "grid": cast.town.grids[0][0].pk, "name": "甲"}
    for path in ("edits", "undo", "redo", "head", "settle"):
        sent = {
            "edits": body,
            "head": {"revision": None},
            "settle": {"community": cast.town.communities[0].code},
        }
        answer = editor.send(path, sent.get(path), head="none")
        assert answer.status_code == 428, path
        assert answer.json()["code"] == "head_missing"
    for wrong in ("*", "abc", "-1", "９"):
        answer = editor.send("edits", body, head="none", **{"If-Match": wrong.encode().decode("latin-1")})
        assert answer.status_code == 422
    assert not Revision.objects.exists()


def test_a_stale_edit_is_run_on_the_newest_head(cast: Cast, editor: Page) -> None:
    a, b = cast.town.grids[0][0].pk, cast.town.grids[1][0].pk
    editor.send("edits", {"command": "split", "grid": a, "line": across(0, 0.5)})
    told = editor.send("edits", {"command": "rename", "grid": b, "name": "乙"}).json()
    assert told["rebased"] is True
    assert {feature["id"] for feature in told["grids"]["features"]} >= {a, b}
    assert told["moved"]  # what the other planner's split moved, which this page does not know yet


def test_a_conflict_shows_what_changed_and_where(cast: Cast, editor: Page) -> None:
    a, _b, c = (grid.pk for grid in cast.town.grids[1])
    other = editor.send("edits", {"command": "transfer", "to": a, "area": area(1, 0.9, 1.6, 0.3, 0.7)}).json()
    answer = editor.send("edits", {"command": "transfer", "to": c, "area": area(1, 1.4, 2.1, 0.3, 0.7)})
    assert answer.status_code == 412
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["head"], problem["title"]) == (
        "conflict",
        other["head"],
        "Changed meanwhile",
    )
    assert problem["area"]["type"] in {"Polygon", "MultiPolygon"}
    assert {each["id"] for each in problem["changes"]["grids"]["features"]} >= {a}
    assert problem["changes"]["removed"] == []
    (step,) = problem["revisions"]
    assert (step["id"], step["command"], step["by"]) == (other["head"], "transfer", "planner")
    stale = editor.send("undo", head=None)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")


def test_what_cannot_be_done_says_where(cast: Cast, editor: Page) -> None:
    body = {"command": "split", "grid": cast.town.grids[0][0].pk, "line": line(0, (0.5, -0.5), (0.5, 0.5))}
    answer = editor.send("edits", body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "topology.ends_inside"
    assert len(problem["place"]) == 2
    assert cast.town.communities[0].code in problem["detail"]
    chinese = editor.send("edits", body, **{"Accept-Language": "zh-hans"}).json()
    assert chinese["code"] == problem["code"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"command": "explode"}, {"command": "split"}, {"command": "split", "grid": 0, "line": across(0, 1)},
        {"command": "split", "grid": 1, "line": {"type": "LineString"}},
        {"command": "merge", "grids": [], "into": 1},
        {"command": "rename", "grid": 1, "name": "x" * 101},
        {"command": "rename", "grid": 1, "name": "nul\0"},
        {"command": "set_kind", "grid": 1, "kind": "free"},
        {"command": "transfer", "to": 1, "area": across(0, 1)},
        {"command": "carve", "name": "x"},
        {"command": "transfer", "to": 1, "area": area(0, 0.1, 0.2), "snap_m": 1000},
        {"command": "split", "grid": 2**70, "line": across(0, 1)},
    ],
)  # fmt: skip
def test_a_body_that_will_not_do_is_422(editor: Page, body: dict[str, Any]) -> None:
    answer = editor.send("edits", body)
    assert answer.status_code == 422, answer.content
    assert answer.json()["detail"]
    assert not Revision.objects.exists()


def test_the_same_key_is_answered_alike(cast: Cast, editor: Page) -> None:
    body = {"command": "split", "grid": cast.town.grids[0][0].pk, "line": across(0, 0.5)}
    key = {"Idempotency-Key": str(uuid4())}
    first = editor.send("edits", body, **key)
    again = editor.send("edits", body, **key)
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert Revision.objects.count() == 1
    other = editor.send("edits", {"command": "lock", "grids": [body["grid"]]}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "key")
    assert editor.send("edits", body, **{"Idempotency-Key": "no uuid"}).status_code == 422


def test_a_key_sent_again_after_an_undo_tells_where_the_draft_stands(cast: Cast, editor: Page) -> None:
    body = {"command": "rename", "grid": cast.town.grids[0][0].pk, "name": "甲"}
    key = {"Idempotency-Key": str(uuid4())}
    first = editor.send("edits", body, **key).json()
    editor.send("undo", head=first["head"])
    again = editor.send("edits", body, **key).json()
    assert (again["head"], again["can_undo"], again["can_redo"]) == (None, False, True)
    assert again["grids"]["features"] == []
    assert Revision.objects.count() == 1


def test_a_dry_run_writes_nothing(cast: Cast, editor: Page) -> None:
    before = state(editor.plan)
    body = {"command": "split", "grid": cast.town.grids[0][0].pk, "line": across(0, 0.5)}
    told = editor.send("edits?dry_run=true", body).json()
    assert told["dry_run"] is True
    assert told["head"] is None
    assert "-1" in told["numbers"]
    assert state(editor.plan) == before
    assert not Revision.objects.exists()


def test_a_published_plan_is_409(cast: Cast) -> None:
    editor = Page(cast, cast.town.plan)
    for path, body in (
        ("edits", {"command": "rename", "grid": cast.town.grids[0][0].pk, "name": "甲"}),
        ("undo", None), ("redo", None), ("head", {"revision": None}),
    ):  # fmt: skip
        answer = editor.send(path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "frozen"), path


# --- Drafts ---------------------------------------------------------------------------------------------------


def test_starting_copying_naming_and_putting_away(cast: Cast) -> None:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(cast.user("planner"))

    def call(method: str, path: str, body: Any) -> Any:
        return getattr(client, method)(f"/api/v1{path}", json.dumps(body), content_type="application/json")

    codes = [one.code for one in cast.town.communities[:2]]
    made = call("post", "/plans", {"name": "新方案", "communities": codes})
    assert made.status_code == 201
    key = made.json()["id"]
    assert made["Location"].endswith(f"/plans/{key}")
    told = client.get(f"/api/v1/plans/{key}")
    assert told["ETag"] == '"0"'
    draft = told.json()
    assert {name: draft[name] for name in ("name", "is_draft", "head", "can_undo", "can_redo", "discarded")} == {
        "name": "新方案", "is_draft": True, "head": None, "can_undo": False, "can_redo": False, "discarded": False,
    }  # fmt: skip
    assert draft["bases"] == [{"community": code, "base": cast.town.plan.pk} for code in codes]
    assert len(draft["grids"]["features"]) == 6
    assert draft["grids"]["features"][0]["properties"]["locked"] is False
    copy = call("post", f"/plans/{key}/copy", {"name": "副本"})
    assert copy.status_code == 201
    changed = call("patch", f"/plans/{key}", {"name": "改名", "note": "为什么", "discarded": True})
    assert changed.json() | {"id": 0} == {
        "id": 0, "name": "改名", "note": "为什么", "head": None, "base": cast.town.plan.pk, "discarded": True,
    }  # fmt: skip
    editor = Page(cast, Plan.objects.get(pk=key))
    edit = {"command": "rename", "grid": cast.town.grids[0][0].pk, "name": "甲"}
    assert editor.send("edits", edit).json()["code"] == "discarded"
    call("patch", f"/plans/{key}", {"discarded": False})
    assert editor.send("edits", edit).status_code == 200
    verbs = AuditEntry.objects.filter(noun="plan").order_by("id").values_list("verb", "by__username")
    assert list(verbs) == [
        (verb, "planner") for verb in ("start", "copy", "change", "discard", "restore")
    ]  # fmt: skip
    older = call("post", "/plans", {"name": "旧", "communities": codes, "base": cast.town.plan.pk})
    assert older.status_code == 201
    for body in (
        {"name": "x", "communities": ["000"]}, {"name": "x", "communities": []},
        {"name": " ", "communities": codes}, {"name": "x", "communities": codes, "base": 999_999},
    ):  # fmt: skip
        assert call("post", "/plans", body).status_code == 422
    assert call("patch", f"/plans/{cast.town.plan.pk}", {"name": "x"}).json()["code"] == "frozen"


def test_history_lists_branches(cast: Cast, editor: Page) -> None:
    grid = cast.town.grids[0][0].pk
    r1, r2 = (done(editor.plan, "rename", grid=grid, name=name).head for name in "甲乙")
    editor.send("undo", head=r2)
    r3 = editor.send("edits", {"command": "split", "grid": grid, "line": across(0, 0.5)}, head=r1).json()[
        "head"
    ]
    told = editor.get("/history").json()
    assert (told["head"], told["can_undo"], told["redo"], told["next"]) == (r3, True, None, None)
    assert told["tips"] == [r3, r2]
    assert [(one["id"], one["parent"], one["current"]) for one in told["revisions"]] == [
        (r3, r1, True), (r2, r1, False), (r1, None, True),
    ]  # fmt: skip
    assert told["revisions"][0]["parameters"] == {"grid": grid}
    assert told["revisions"][0]["by"] == "planner"
    first = editor.get("/history?limit=2").json()
    assert [one["id"] for one in first["revisions"]] == [r3, r2]
    rest = editor.get(f"/history?limit=2&before={first['next']}").json()
    assert [one["id"] for one in rest["revisions"]] == [r1]
    assert rest["revisions"][0]["current"] is True


def test_changes_since_a_head(cast: Cast, editor: Page) -> None:
    grid = cast.town.grids[0][0].pk
    first = done(editor.plan, "split", grid=grid, line=across(0, 0.5)).head
    done(editor.plan, "rename", grid=grid, name="甲")
    told = editor.get(f"/changes?since={first}").json()
    assert [feature["id"] for feature in told["grids"]["features"]] == [grid]
    assert told["moved"] == {}
    since_start = editor.get("/changes?since=0").json()
    assert len(since_start["grids"]["features"]) >= 2
    assert len(since_start["moved"]) == 1
    assert [one["command"] for one in since_start["revisions"]] == ["split", "rename"]
    assert editor.get(f"/changes?since={since_start['head']}").json()["grids"]["features"] == []
    assert editor.get("/changes?since=999999").json()["code"] == "unknown_head"


def test_buildings_by_columns(cast: Cast, editor: Page) -> None:
    with CaptureQueriesContext(connection) as seen:
        answer = editor.get("/buildings")
    assert len(seen) <= 12
    told = answer.json()
    columns = told["buildings"]
    assert {len(column) for column in columns.values()} == {18}
    assert told["target"] == {"measure": "people", "value": 2500.0, "is_norm": True}
    place = columns["id"].index(cast.town.buildings[1][2][0].pk)
    assert columns["grid"][place] == cast.town.grids[1][2].pk
    assert (columns["households"][place], columns["people"][place], columns["override"][place]) == (
        2,
        4,
        None,
    )
    assert set(told["compounds"]) == {str(key) for key in Compound.objects.values_list("pk", flat=True)}
    same = editor.client.get(
        f"/api/v1/plans/{editor.plan.pk}/buildings", headers={"If-None-Match": answer["ETag"]}
    )
    assert same.status_code == 304
    done(
        editor.plan,
        "move_buildings",
        buildings=[cast.town.buildings[1][2][0].pk],
        to=cast.town.grids[1][1].pk,
    )
    moved = editor.get("/buildings").json()
    assert moved["buildings"]["grid"][place] == cast.town.grids[1][1].pk
    assert moved["head"] is not None


def test_settling_over_http(cast: Cast, editor: Page) -> None:
    grid = cast.town.grids[1][0].pk
    assert editor.get("/unsettled").json() == []
    theirs = draft_of(cast.town, 1, name="Theirs")
    done(theirs, "split", grid=grid, line=across(1, 0.5))
    put_in_force(theirs, cast.town.communities[1])
    (one,) = editor.get("/unsettled").json()
    assert (one["community"], one["base"], one["theirs"]) == (
        cast.town.communities[1].code, cast.town.plan.pk, theirs.pk,
    )  # fmt: skip
    assert one["changed"][0]["ground"]["type"] in {"Polygon", "MultiPolygon"}
    body = {"community": one["community"], "prefer": "mine"}
    assert editor.send("settle?dry_run=1", body).json()["dry_run"] is True
    told = editor.send("settle", body).json()
    assert (told["command"], told["disputes"], told["lost"]) == ("settle", [], [])
    assert editor.get("/unsettled").json() == []
    assert editor.send("settle", body, head=told["head"]).json()["code"] == "settled"
    assert editor.send("settle", {"community": "000"}, head=told["head"]).json()["code"] == "community"
