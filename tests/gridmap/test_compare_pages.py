"""The comparison over HTTP: who may see it, what its tables and files hold, what the API answers."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from boundaries.models import Building, Compound, Outline, Plan
from gridmap.actions.plans import publish_plan
from gridmap.models import Submission
from tests import factories
from tests.factories import RESIDENT
from tests.gridmap.comparing_town import carved, merged, pulled
from tests.gridmap.conftest import Cast
from tests.gridmap.publishing_town import draft as draft_of

VIEWS = (
    "plan-compare", "plan-compare-map", "plan-compare-csv", "plan-compare-report", "plan-report", "api"
)  # fmt: skip
#               draft of:  0    1    0+1   the plan in force
MAY = {
    "anonymous":     "     .    .    .     .   ",
    "stranger":      "     .    .    .     .   ",
    "ex_planner":    "     .    .    .     .   ",
    "outsider":      "     .    .    .     .   ",
    "lead":          "     .    .    .     .   ",
    "former":        "     .    .    .     .   ",
    "clerk":         "     .    .    .     .   ",
    "dispatcher":    "     .    .    .     .   ",
    "dispatcher_0":  "     .    .    .     .   ",
    "auditor":       "     .    .    .     .   ",
    # sees plans, but no loads
    "administrator": "     .    .    .     .   ",
    "planner":       "     x    x    x     x   ",
    "planner_0":     "     x    .    .     .   ",
    "supervisor":    "     x    x    x     x   ",
    "supervisor_0":  "     x    .    .     .   ",
}  # fmt: skip


def _client(cast: Cast, name: str) -> Client:
    client = Client(headers={"accept-language": "en"})
    if name != "anonymous":
        client.force_login(cast.user(name))
    return client


def _url(view: str, plan: Plan, table: str = "grids") -> str:
    if view == "api":
        return f"/api/v1/plans/{plan.pk}/compare"
    return reverse(view, args=[plan.pk, table] if view == "plan-compare-csv" else [plan.pk])


@pytest.mark.parametrize("name", MAY)
def test_who_may_compare_which_plan(cast: Cast, name: str) -> None:
    """404 wherever one may not: neither a draft nor its numbers exist for the others."""
    town = cast.town
    plans = [pulled(town), merged(town), draft_of(town, 0, 1, name="Both"), town.plan]
    client = _client(cast, name)
    marks = MAY[name].split()
    for view in VIEWS:
        refused = {"anonymous": 401 if view == "api" else 302}.get(name, 404)
        found = [client.get(_url(view, plan)).status_code for plan in plans]
        assert found == [200 if mark == "x" else refused for mark in marks], view


def test_the_other_side_too_must_be_one_s_to_see(cast: Cast) -> None:
    """A planner of community 0 compares drafts of that ground with what is published, not with a colleague's elsewhere."""
    town = cast.town
    mine, colleague_s = pulled(town), merged(town)
    client = _client(cast, "planner_0")
    for view in VIEWS:
        answers = {
            key: client.get(_url(view, mine), {"with": key}).status_code
            for key in (str(town.plan.pk), "in-force", str(colleague_s.pk), "999999")
        }
        assert list(answers.values()) == [200, 200, 404, 404], view
    wide = client.get(_url("api", mine), {"with": town.plan.pk}).json()
    assert [each["code"] for each in wide["communities"]] == [town.communities[0].code]


@pytest.mark.parametrize("text", ["abc", "-1", "1; DROP", "٣", "9" * 30])
def test_another_side_that_is_none_is_not_found(cast: Cast, text: str) -> None:
    client = _client(cast, "planner")
    draft = pulled(cast.town)
    assert client.get(_url("plan-compare", draft), {"with": text}).status_code == 404
    assert client.get(_url("api", draft), {"with": text}).status_code == 422


def test_nothing_names_a_resident_or_a_colleague_s_full_name(cast: Cast) -> None:
    draft, _fresh = carved(cast.town)
    client = _client(cast, "planner")
    for view in VIEWS:
        for table in ("grids", "buildings", "compounds", "specialists"):
            address = _url(view, draft, table) + ("" if view == "api" else f"?table={table}")
            for language in ("en", "zh-hans"):
                answer = client.get(address, headers={"accept-language": language})
                assert answer.status_code == 200
                text = answer.content.decode()
                assert RESIDENT not in text
                assert "Legal Name" not in text
                assert "职工本名" not in text


def test_files_of_single_buildings_stay_with_those_who_may_ask(cast: Cast) -> None:
    """A standalone file goes where no permission follows it: no building's own numbers, no few households' people."""
    client = _client(cast, "planner")
    draft = pulled(cast.town)

    def ground_and_spots() -> tuple[str, list[dict[str, object]]]:
        drawn = _collections(client.get(_url("plan-compare-report", draft)).content.decode())
        spots = [each["features"] for each in drawn if each["features"][0]["geometry"]["type"] == "Point"]
        tips = [str(f["properties"].get("tip", "")) for each in drawn for f in each["features"]]
        (ground,) = [tip for tip in tips if "from Heping grid 1 to Heping grid 2" in tip]
        return ground, [feature["properties"] for feature in spots[0]]

    ground, spots = ground_and_spots()
    assert "2 households" in ground
    assert "people" not in ground
    assert [set(each) - {"style"} for each in spots] == [set()]
    for number in range(3, 11):
        factories.make_household(cast.town.buildings[0][0][1], f"20{number}")
    ground, spots = ground_and_spots()
    assert "10 households" in ground
    assert "20 people" in ground
    assert [set(each) - {"style"} for each in spots] == [set()]


def _collections(html: str) -> list[dict[str, list[dict[str, dict[str, object]]]]]:
    """The feature collections that folium wrote into the file."""
    found = re.findall(r"_add\((\{.*\})\);", html)
    return [json.loads(each) for each in found]


# --- the page -------------------------------------------------------------------------------------------------


def test_the_page_says_what_changes(cast: Cast) -> None:
    page = _client(cast, "planner").get(_url("plan-compare", pulled(cast.town))).content.decode()
    for words in ("0 new, 0 gone, 2 changed", "2 households", "4 people, 1 building ", "1 torn apart"):
        assert words in re.sub(r"<[^>]+>", "", page).replace("\n", " ")
    assert page.count('data-row="grid-') == 2
    assert 'data-plan-state="draft"' in page
    assert "Synthetic data" in page


def test_htmx_gets_the_tables_alone(cast: Cast) -> None:
    client = _client(cast, "planner")
    draft = pulled(cast.town)
    part = client.get(_url("plan-compare", draft), {"table": "specialists"}, headers={"HX-Request": "true"})
    text = part.content.decode()
    assert "<html" not in text
    assert text.count('data-row="specialist-') == 2
    rows = json.loads(re.search(r'id="compare-rows"[^>]*>(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    lead = rows[f"specialist-{cast.specialists['lead'].pk}"]
    assert lead == {"grids": [cast.town.grids[0][0].pk], "points": []}


@pytest.mark.parametrize(
    ("table", "sort", "first"),
    [
        ("grids", "name", "Heping grid 1"),
        ("grids", "-name", "Heping grid 2"),
        ("grids", "-people", "Heping grid 2"),
        ("grids", "people", "Heping grid 1"),
        ("grids", "-area", "Heping grid 2"),
        ("specialists", "-gained", "Specialist 002"),
        ("specialists", "-lost", "Specialist 001"),
        ("grids", "no-such-column", "Heping grid 1"),
    ],
)
def test_tables_sort(cast: Cast, table: str, sort: str, first: str) -> None:
    page = _client(cast, "planner").get(
        _url("plan-compare", pulled(cast.town)), {"table": table, "sort": sort}
    )
    names = re.findall(r'class="compare-name"><span>([^<]+?) *<', page.content.decode())
    assert names[0] == first


def test_what_has_no_figure_comes_last_either_way(cast: Cast) -> None:
    draft, fresh = carved(cast.town)
    Outline.objects.filter(plan=draft, grid=fresh).update(code="1", name_en="Aaa")
    client = _client(cast, "planner")
    for sort in ("deviation", "-deviation"):
        page = client.get(_url("plan-compare", draft), {"sort": sort}).content.decode()
        assert re.findall(r'data-row="(grid-\d+)"', page)[-1] == f"grid-{fresh.pk}", (
            "a dedicated grid below the norm"
        )


def test_a_selected_row_is_on_the_page_that_opens(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridmap.views.compare.PAGE", 1)
    client = _client(cast, "planner")
    draft = pulled(cast.town)
    second = cast.town.grids[0][1].pk
    page = client.get(_url("plan-compare", draft), {"select": f"grid-{second}"}).content.decode()
    assert f'data-row="grid-{second}" tabindex="0" aria-selected="true"' in page
    assert "2 to 2 of 2" in page


def test_empty_states(cast: Cast) -> None:
    client = _client(cast, "planner")
    same = draft_of(cast.town, 0, name="Same")
    page = client.get(_url("plan-compare", same)).content.decode()
    assert "Nothing differs" in page
    assert "Both sides are the same here" in page
    apart = client.get(_url("plan-compare", same), {"with": merged(cast.town).pk}).content.decode()
    assert "No community in common" in apart
    assert 'data-row="' not in apart


def test_a_day_to_count_on(cast: Cast) -> None:
    client = _client(cast, "planner")
    draft = pulled(cast.town)
    Building.objects.filter(pk=cast.town.buildings[0][0][1].pk).update(
        existed=factories.during(timezone.now() - timedelta(days=3), None)
    )
    api = _url("api", draft)
    assert client.get(api).json()["buildings"] == 1
    assert client.get(api, {"at": "2020-01-31"}).json()["buildings"] == 0
    page = client.get(_url("plan-compare", draft), {"at": "2020-01-31"}).content.decode()
    assert "as of 2020-01-31 23:59" in page
    assert 'value="2020-01-31"' in page
    bad = client.get(_url("plan-compare", draft), {"at": "31.13.2020"})
    assert bad.status_code == 200
    assert "“31.13.2020” is no date" in bad.content.decode()


def test_plans_to_compare_with_share_a_community(cast: Cast) -> None:
    draft = pulled(cast.town)
    other, apart, discarded = (
        pulled(cast.town, "Other"),
        merged(cast.town, "Apart"),
        pulled(cast.town, "Away"),
    )
    Plan.objects.filter(pk=discarded.pk).update(discarded_at=timezone.now())
    page = _client(cast, "planner").get(_url("plan-compare", draft)).content.decode()
    offered = re.findall(r'<option value="([\w-]+)"', page)
    assert offered == ["in-force", str(other.pk), str(cast.town.plan.pk)]
    assert str(apart.pk) not in offered


def test_a_published_plan_is_shown_against_what_it_was_made_from(cast: Cast) -> None:
    draft = pulled(cast.town)
    publish_plan(
        plan=draft, communities=[cast.town.communities[0]], at=timezone.now() + timedelta(hours=1), by=None
    )
    page = _client(cast, "planner").get(_url("plan-compare", draft)).content.decode()
    assert f'<option value="{cast.town.plan.pk}" selected' in page
    assert "2 households" in page


def test_a_submission_is_counted_as_the_planner_distributed_the_posts(cast: Cast) -> None:
    draft, fresh = carved(cast.town)
    client = _client(cast, "supervisor")
    assert client.get(_url("api", draft)).json()["handed_over"] == 0
    taker = cast.specialists["member"]
    Submission.objects.create(
        plan=draft,
        head=draft.head,
        submitted_by=cast.user("planner"),
        choices={"leads": {str(fresh.pk): taker.pk}},
    )
    found = client.get(_url("api", draft)).json()
    assert found["handed_over"] == 2
    assert [(each["name_en"], each["gained"], each["lost"]) for each in found["specialists"]] == [
        ("Specialist 001", 0, 2),
        ("Specialist 003", 2, 0),
    ]


def test_the_page_asks_as_much_for_a_large_comparison(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    draft = pulled(cast.town)
    for number in range(3, 103):
        factories.make_building(cast.town, 0, 0, number, homes=False)
    client = _client(cast, "planner")
    for table in ("grids", "buildings", "compounds", "specialists"):
        with django_assert_max_num_queries(33):
            page = client.get(_url("plan-compare", draft), {"table": table})
        assert page.status_code == 200


# --- files ----------------------------------------------------------------------------------------------------


def _rows(answer: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.decode("utf-8-sig"))))


def test_tables_as_files(cast: Cast) -> None:
    draft = pulled(cast.town)
    client = _client(cast, "planner")
    grids = _rows(client.get(_url("plan-compare-csv", draft)).content)
    assert len({len(row) for row in grids[:-1]}) == 1
    named = dict(zip(grids[0], grids[1], strict=True))
    assert named["name"] == "Heping grid 1"
    assert (named["Households before"], named["Households after"]) == ("4", "2")
    assert (named["households gained"], named["households lost"]) == ("0", "2")
    assert float(named["Deviation before"]) == pytest.approx(8 / 2500 - 1, abs=1e-4)
    assert int(named["Area before"]) == pytest.approx(42_400, rel=0.01)
    assert "Synthetic" in grids[-1][0]
    answer = client.get(_url("plan-compare-csv", draft, "buildings"))
    assert "attachment" in answer["Content-Disposition"]
    buildings = _rows(answer.content)
    assert buildings[1][0] == str(cast.town.buildings[0][0][1].pk)
    assert buildings[1][1] == "Building 2, Heping Court 1"
    specialists = _rows(
        client.get(_url("plan-compare-csv", draft, "specialists"), {"sort": "-gained"}).content
    )
    assert [row[0] for row in specialists[1:3]] == ["Specialist 002", "Specialist 001"]
    assert client.get(f"/planner/plans/{draft.pk}/compare/residents.csv").status_code == 404


def test_files_hold_no_formula(cast: Cast) -> None:
    draft = pulled(cast.town)
    evil = "=cmd|'/C calc'!A0"
    Outline.objects.filter(plan=draft, grid=cast.town.grids[0][1]).update(name=evil, name_en=evil)
    Compound.objects.filter(pk=cast.town.compounds[0][0].pk).update(name="+1", name_en="@SUM(A1)")
    type(cast.specialists["lead"]).objects.filter(pk=cast.specialists["lead"].pk).update(
        public_name="-2", public_name_en="-2"
    )
    client = _client(cast, "planner")
    cells = [
        cell
        for table in ("grids", "buildings", "compounds", "specialists")
        for row in _rows(client.get(_url("plan-compare-csv", draft, table)).content)
        for cell in row
    ]
    assert f"'{evil}" in cells
    assert "'@SUM(A1)" in cells
    assert "'-2" in cells
    risky = [cell for cell in cells if cell[:1] in "=+-@\t\r" and not re.fullmatch(r"-?[\d.]+", cell)]
    assert not [cell for cell in risky if cell]


# --- the API --------------------------------------------------------------------------------------------------


def test_the_api_tells_the_same(cast: Cast) -> None:
    town = cast.town
    draft = pulled(town)
    found = _client(cast, "planner").get(_url("api", draft)).json()
    assert (found["plan"], found["against"], found["households"], found["people"]) == (draft.pk, None, 2, 4)
    assert [each["id"] for each in found["grids"]] == [town.grids[0][0].pk, town.grids[0][1].pk]
    first = found["grids"][0]
    assert (first["status"], first["redrawn"], first["gained"], first["lost"]) == ("changed", True, 0, 2)
    assert first["before"]["households"] == 4
    assert first["after"]["specialist"] == "Specialist 001"
    assert 0 < first["after"]["reock"] < first["before"]["reock"] < 0.64
    assert found["moves"][0] | {"lon": 0, "lat": 0} == {
        "id": town.buildings[0][0][1].pk, "lon": 0, "lat": 0, "compound": town.compounds[0][0].pk,
        "before": town.grids[0][0].pk, "after": town.grids[0][1].pk, "households": 2, "people": 4, "by_hand": False,
    }  # fmt: skip
    assert found["compounds"][0]["wholly"] is False
    assert found["changed"]["features"][0]["properties"]["households"] == 2
    assert found["target"] == {"measure": "people", "before": 2500.0, "after": 2500.0, "is_norm": True}
    against = _client(cast, "planner").get(_url("api", draft), {"with": town.plan.pk}).json()
    assert against["against"] == town.plan.pk
    assert against["grids"] == found["grids"]


def test_a_token_may_ask_too(cast: Cast) -> None:
    draft = pulled(cast.town)
    token = factories.make_token(cast.user("planner"))
    headers = {"authorization": f"Bearer {token}"}
    assert Client().get(_url("api", draft), headers=headers).status_code == 200
