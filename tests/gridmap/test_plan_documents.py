"""Scheme, boards and export of a plan over HTTP: who may see them, and what they tell whom."""

import csv
import io
import json
import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from boundaries.models import Plan
from boundaries.models.constraints import since
from gridmap.actions.plans import publish_plan
from gridmap.api.exports import PUBLIC_FILES
from gridmap.models import DutyTelephone
from tests import factories
from tests.factories import RESIDENT
from tests.gridmap.conftest import Cast
from tests.gridmap.publishing_town import draft as draft_of
from tests.gridmap.publishing_town import move_border

VIEWS = ("plan-scheme", "plan-boards", "plan-export", "api")
#               draft of:  0    1    0+1   coming  in force
MAY = {
    "anonymous":     "     .    .    .     .       x   ",
    "stranger":      "     .    .    .     .       x   ",
    "ex_planner":    "     .    .    .     .       x   ",
    "outsider":      "     .    .    .     x       x   ",
    "lead":          "     .    .    .     x       x   ",
    "former":        "     .    .    .     x       x   ",
    "clerk":         "     .    .    .     x       x   ",
    "dispatcher":    "     .    .    .     x       x   ",
    "dispatcher_0":  "     .    .    .     x       x   ",
    "auditor":       "     .    .    .     .       x   ",
    "administrator": "     x    x    x     x       x   ",
    "planner":       "     x    x    x     x       x   ",
    "planner_0":     "     x    .    .     x       x   ",
    "supervisor":    "     x    x    x     x       x   ",
    "supervisor_0":  "     x    .    .     x       x   ",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _many_calls(settings: Settings) -> None:
    settings.PUBLIC_RATE = "1000000/h"


def _client(cast: Cast, name: str, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    if name != "anonymous":
        client.force_login(cast.user(name))
    return client


def _url(view: str, plan: Plan, kind: str = "geojson") -> str:
    if view == "api":
        return f"/api/v1/plans/{plan.pk}/export?format={kind}"
    return reverse(view, args=[plan.pk])


def _status(client: Client, url: str) -> int:
    answer = client.get(url)
    if answer.streaming:
        b"".join(answer)
    return int(answer.status_code)


def _table(client: Client, plan: Plan) -> list[dict[str, str]]:
    text = b"".join(client.get(_url("api", plan, "csv"))).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def _coming(cast: Cast) -> Plan:
    plan = draft_of(cast.town, 2, name="To come")
    at = timezone.now() + timedelta(days=3)
    publish_plan(plan=plan, communities=[cast.town.communities[2]], at=at, by=None)
    return plan


@pytest.mark.parametrize("name", MAY)
def test_who_may_see_which_documents(cast: Cast, name: str) -> None:
    town = cast.town
    plans = [
        draft_of(town, 0, name="A"), draft_of(town, 1, name="B"), draft_of(town, 0, 1, name="C"),
        _coming(cast), town.plan,
    ]  # fmt: skip
    client = _client(cast, name)
    for view in VIEWS:
        seen = [_status(client, _url(view, plan)) for plan in plans]
        assert seen == [200 if mark == "x" else 404 for mark in MAY[name].split()], view


def test_what_is_to_come_in_one_community_stays_out_of_the_public_file(cast: Cast) -> None:
    """A plan that is in force in one community and to come in another: the public sees the first alone."""
    plan = draft_of(cast.town, 0, 1, name="Two steps")
    now = timezone.now()
    for row, days in ((0, 0), (1, 5)):
        publish_plan(
            plan=plan,
            communities=[cast.town.communities[row]],
            at=now + timedelta(days=days, seconds=1),
            by=None,
        )
    code = cast.town.communities[1].code
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now + timedelta(hours=1))
        for name, rows in (("anonymous", 3), ("lead", 6)):
            client = _client(cast, name)
            found = json.loads(b"".join(client.get(_url("api", plan))))
            assert len(found["features"]) == rows
            page = client.get(_url("plan-scheme", plan)).content.decode()
            assert (code in page) == (rows == 6)
            status = client.get(f"{_url('plan-boards', plan)}?community={code}").status_code
            assert status == (200 if rows == 6 else 404)
            grid = cast.town.grids[1][0].pk
            assert client.get(f"{_url('plan-boards', plan)}?grid={grid}").status_code == status


COUNTED = {
    # buildings of which the table of all three communities tells households and people
    "anonymous": 0, "stranger": 0, "former": 0, "auditor": 0, "administrator": 0, "outsider": 0,
    "planner": 18, "planner_0": 6, "supervisor": 18, "supervisor_0": 6, "clerk": 18, "dispatcher": 18, "dispatcher_0": 6,
    # those of the grids they cover today
    "lead": 2, "neighbour": 4, "member": 2, "away": 2, "busy": 4, "stand_in": 4,
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_households_and_people_only_of_buildings_whose_numbers_one_may_see(cast: Cast, name: str) -> None:
    rows = _table(_client(cast, name), cast.town.plan)
    assert len(rows) == 18
    assert ("households" in rows[0]) == bool(COUNTED[name])
    told = [row for row in rows if row.get("households")]
    assert len(told) == COUNTED[name]
    assert all((row["households"], row["people"]) == ("2", "4") for row in told)


LOADS = {  # communities of which the scheme tells households and people
    "anonymous": 0, "stranger": 0, "lead": 0, "clerk": 0, "administrator": 0, "outsider": 0,
    "planner": 3, "planner_0": 1, "supervisor": 3, "supervisor_0": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", LOADS)
def test_loads_in_the_scheme_only_where_one_may_see_them(cast: Cast, name: str) -> None:
    client = _client(cast, name)
    text = client.get(f"{_url('plan-scheme', cast.town.plan)}?format=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 9
    assert sum(row.get("people") == "8" for row in rows) == 3 * LOADS[name]
    page = client.get(_url("plan-scheme", cast.town.plan)).content.decode()
    assert ('<th scope="col" class="number">People</th>' in page) == bool(LOADS[name])
    # the sum of all is only told to those who may see all of it
    assert ("36 people in 18 households" in page or "72 people in 36 households" in page) == (
        LOADS[name] == 3
    )


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("name", ["anonymous", "planner", "planner_0"])
def test_documents_tell_no_resident_and_no_legal_name(cast: Cast, name: str, language: str) -> None:
    client = _client(cast, name, language)
    for view in VIEWS[:3]:
        page = client.get(_url(view, cast.town.plan)).content.decode()
        for secret in (RESIDENT, "职工本名", "Legal Name", "门卫老张", "028-0000 0100"):
            assert secret not in page, view
    for kind in ("csv", "geojson"):
        text = b"".join(client.get(_url("api", cast.town.plan, kind))).decode()
        assert RESIDENT not in text
        assert "职工本名" not in text


class TestWhoIsNamed:
    """Colleagues read who leads a grid; the public who answers now, as everywhere else."""

    def boards(self, cast: Cast, name: str, row: int) -> list[str]:
        url = f"{_url('plan-boards', cast.town.plan)}?community={cast.town.communities[row].code}"
        page = _client(cast, name).get(url).content.decode()
        return re.findall(r'<p class="board__name[^"]*">([^<]*)</p>', page)

    def test_colleagues(self, cast: Cast) -> None:
        assert self.boards(cast, "planner", 1) == ["Specialist 004", "Specialist 005", "Specialist 006"]

    def test_the_public_while_a_lead_is_on_leave(self, cast: Cast) -> None:
        assert self.boards(cast, "anonymous", 1) == ["Specialist 006", "Specialist 005", "Specialist 006"]
        # of another community's colleagues one knows no more than the public
        assert self.boards(cast, "planner_0", 1) == self.boards(cast, "anonymous", 1)

    def test_a_vacant_grid_names_the_communitys_telephone(self, cast: Cast) -> None:
        assert self.boards(cast, "anonymous", 2)[:2] == ["The community answers"] * 2
        page = _client(cast, "anonymous").get(
            f"{_url('plan-boards', cast.town.plan)}?grid={cast.town.grids[2][1].pk}"
        )
        assert 'class="board__phone">028-0000 0002<' in page.content.decode()

    def test_nobody_at_all_is_said_as_well(self, cast: Cast) -> None:
        now = timezone.now()
        DutyTelephone.objects.update(revoked_at=now)
        assert self.boards(cast, "anonymous", 2)[:2] == ["Not appointed at present"] * 2

    def test_the_table_and_the_scheme_say_the_same(self, cast: Cast) -> None:
        grid = f"{cast.town.communities[1].code}001"
        for name, who in (("planner", "网格员004"), ("anonymous", "网格员006")):
            client = _client(cast, name)
            rows = {row["grid"]: row["specialist"] for row in _table(client, cast.town.plan)}
            assert rows[grid] == who
            page = client.get(_url("plan-scheme", cast.town.plan)).content.decode()
            cells = re.search(rf"{grid}</td>.*?</tr>", page, re.DOTALL)
            assert cells is not None
            assert f"Specialist {who[-3:]}" in cells[0]


def test_a_board_of_a_draft_says_so_and_one_in_force_says_since_when(cast: Cast) -> None:
    client = _client(cast, "planner")
    page = client.get(_url("plan-boards", draft_of(cast.town, 0))).content.decode()
    assert page.count("board__stamp") == 3
    assert "In force" not in page
    page = client.get(_url("plan-boards", cast.town.plan)).content.decode()
    assert "board__stamp" not in page
    assert page.count("In force since 2019-01-01") == 3
    assert "Synthetic data" in page


def test_the_code_leads_to_the_public_address(cast: Cast, settings: Settings) -> None:
    url = f"{_url('plan-boards', cast.town.plan)}?grid={cast.town.grids[0][0].pk}"
    page = _client(cast, "planner").get(url).content.decode()
    assert "http://testserver/" not in page
    assert "no telephone can reach" not in page
    local = _client(cast, "planner").get(url, headers={"host": "localhost:8000"}).content.decode()
    assert "no telephone can reach" in local
    settings.PUBLIC_URL = "https://grid.example.gov.cn"
    local = _client(cast, "planner").get(url, headers={"host": "localhost:8000"}).content.decode()
    assert "no telephone can reach" not in local


def test_names_of_files_are_chinese_where_the_plan_is(cast: Cast) -> None:
    plan = draft_of(cast.town, 0, name="和平 / 草案")
    answer = _client(cast, "planner").get(_url("api", plan, "gpkg"))
    day = timezone.now().astimezone(cast.town.subdistrict.zone).date().isoformat()
    told = answer["Content-Disposition"]
    assert told.startswith("attachment; filename*=utf-8''")
    assert unquote(told.partition("''")[2]) == f"和平-草案-{day}.gpkg"
    body = b"".join(answer)
    assert body.startswith(b"SQLite format 3")
    assert int(answer["Content-Length"]) == len(body)
    assert "no-store" in answer["Cache-Control"]


def test_every_format_is_there_and_no_other(cast: Cast) -> None:
    client = _client(cast, "planner")
    starts = {
        "gpkg": b"SQLite format 3",
        "geojson": b'{"type":"FeatureCollection"',
        "shp": b"PK",
        "csv": b"\xef\xbb\xbfbuilding",
    }
    for kind, start in starts.items():
        answer = client.get(_url("api", cast.town.plan, kind))
        assert b"".join(answer).startswith(start), kind
    assert client.get(_url("api", cast.town.plan, "dxf")).status_code == 422
    assert client.get(f"/api/v1/plans/{cast.town.plan.pk}/export").status_code == 422
    assert client.get("/api/v1/plans/999999/export?format=csv").status_code == 404


def test_the_public_gets_some_files_a_minute(cast: Cast) -> None:
    public, colleague = _client(cast, "anonymous"), _client(cast, "lead")
    url = _url("api", cast.town.plan)
    seen = [_status(public, url) for _ in range(PUBLIC_FILES + 1)]
    assert 200 in seen
    # a minute of the clock may end meanwhile
    assert seen[-1] == 429 or seen.count(429) == 0
    assert _status(colleague, url) == 200


def test_a_building_given_by_hand_stays_with_its_grid(cast: Cast) -> None:
    """In force what is stored counts; in a draft the rule that publication will apply, which keeps what was set by hand."""
    town = cast.town
    building = town.buildings[0][0][0]
    building.placements.all().delete()
    building.placements.create(grid=town.grids[0][1], period=since(factories.FOUNDED), is_override=True)
    for plan in (town.plan, draft_of(town, 0)):
        row = next(
            row for row in _table(_client(cast, "planner"), plan) if row["building"] == str(building.pk)
        )
        assert (row["grid"][-3:], row["set_by_hand"]) == ("002", "1")


def test_a_moved_border_shows_in_the_drafts_table_and_scheme(cast: Cast) -> None:
    plan = draft_of(cast.town, 1)
    move_border(cast.town, plan)
    client = _client(cast, "planner")
    homes = {row["building"]: row["grid"][-3:] for row in _table(client, plan)}
    moved = str(cast.town.buildings[1][0][1].pk)
    assert homes[moved] == "002"
    assert {row["building"]: row["grid"][-3:] for row in _table(client, cast.town.plan)}[moved] == "001"
    text = client.get(f"{_url('plan-scheme', plan)}?format=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["people"] for row in rows] == ["4", "12", "8"]
    assert rows[0]["state"] == "Draft, not in force"


def test_pages_cost_as_many_queries_as_there_are_questions(cast: Cast) -> None:
    """Whatever the number of grids: three times the communities cost no query more."""
    client = _client(cast, "planner")
    for view in ("plan-scheme", "plan-boards", "api"):
        counts = []
        for plan in (draft_of(cast.town, 0), draft_of(cast.town, 0, 1, 2)):
            with CaptureQueriesContext(connection) as caught:
                answer = client.get(_url(view, plan, "csv"))
                if answer.streaming:
                    b"".join(answer)
            counts.append(len(caught))
        assert counts[0] == counts[1], view
        assert counts[0] <= 32, view
