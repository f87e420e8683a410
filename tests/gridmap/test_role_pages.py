"""The workplaces over HTTP: who may open them, what they show, and how much they ask the database."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from pytest_django import DjangoAssertNumQueries

from boundaries.models import Subdistrict
from gridmap.actions.incidents import close_incident
from gridmap.models import AccessRecord, Incident, IncidentState
from tests import factories
from tests.factories import CELL, RESIDENT, SOUTH, WEST
from tests.gridmap.conftest import Cast

PAGES = ["/mine/", "/desk/", "/planner/", "/planner/import/", "/today/"]
#                       mine desk planner import today
DOORS = {
    "anonymous":     " .    .     .      .     .  ",
    "stranger":      " .    .     .      .     .  ",
    "ex_planner":    " .    .     .      .     .  ",
    "outsider":      " .    .     x      x     .  ",
    "lead":          " x    x     .      .     .  ",
    "former":        " x    x     .      .     .  ",
    "planner":       " .    .     x      x     .  ",
    "planner_0":     " .    .     x      x     .  ",
    "clerk":         " .    x     .      .     .  ",
    "dispatcher":    " .    x     .      .     .  ",
    "dispatcher_0":  " .    x     .      .     .  ",
    "supervisor":    " .    x     x      x     x  ",
    "administrator": " .    .     .      x     x  ",
    "auditor":       " .    .     .      .     .  ",
}  # fmt: skip


def _client(cast: Cast, name: str) -> Client:
    client = Client(headers={"accept-language": "en"})
    if name != "anonymous":
        client.force_login(cast.user(name))
    return client


@pytest.mark.parametrize("name", DOORS)
def test_who_may_open_which_page(cast: Cast, name: str) -> None:
    client = _client(cast, name)
    expected = {path: mark == "x" for path, mark in zip(PAGES, DOORS[name].split(), strict=True)}
    answers = {path: client.get(path).status_code for path in PAGES}
    refused = 302 if name == "anonymous" else 403
    assert answers == {path: 200 if may else refused for path, may in expected.items()}


# --- my grids -------------------------------------------------------------------------------------------------


def test_my_grids_are_mine_and_no_others(cast: Cast) -> None:
    client = _client(cast, "lead")
    page = client.get("/mine/").content.decode()
    assert "Heping grid 1" in page
    assert "Heping Court 1" in page
    for other in ("Heping Court 2", "Nanjie Court", "Guanghua Court"):
        assert other not in page
    found = client.get("/mine/map.geojson").json()["features"]
    own = cast.town.buildings[0][0]
    assert {one["id"] for one in found if one["properties"]["layer"] == "building"} == {
        each.pk for each in own
    }
    assert [one["id"] for one in found if one["properties"]["layer"] == "grid"] == [cast.town.grids[0][0].pk]


def test_a_stand_in_is_told_for_whom_and_until_when(cast: Cast) -> None:
    page = _client(cast, "stand_in").get("/mine/").content.decode()
    tomorrow = timezone.localtime() + timedelta(days=1)
    assert f"standing in for Specialist 004 until {tomorrow:%Y-%m-%d}" in page
    assert "Nanjie grid 2" not in page, "its lead is on duty: the stand-in waits"


def test_someone_without_grids_is_told_so(cast: Cast) -> None:
    assert "You cover no grid today" in _client(cast, "former").get("/mine/").content.decode()


@pytest.mark.parametrize("name", ["lead", "former", "stand_in"])
def test_another_grid_s_doors_do_not_exist(cast: Cast, name: str) -> None:
    client = _client(cast, name)
    building = cast.town.buildings[2][0][0]
    household = building.households.first()
    assert household is not None
    assert client.get(f"/mine/buildings/{building.pk}/").status_code == 404
    assert client.get(f"/mine/households/{household.pk}/").status_code == 404
    assert client.post(f"/mine/households/{household.pk}/residents/", {"purpose": "visit"}).status_code == 404
    assert not AccessRecord.objects.exists()


def test_names_are_shown_once_the_reading_is_recorded(cast: Cast) -> None:
    client = _client(cast, "lead")
    household = cast.town.buildings[0][0][0].households.first()
    assert household is not None
    door = f"/mine/households/{household.pk}/"
    for path in ("/mine/", f"/mine/buildings/{household.building_id}/", door, "/mine/list/?q=101"):
        assert RESIDENT not in client.get(path).content.decode()
    without = client.post(f"{door}residents/", {"purpose": " "}).content.decode()
    assert RESIDENT not in without
    assert "Say what you need it for" in without
    assert not AccessRecord.objects.filter(fields__contains=["name"]).exists()
    assert client.post(f"{door}residents/", {"purpose": "Visit"}).content.decode().count(RESIDENT) == 2
    record = AccessRecord.objects.get(fields__contains=["name"])
    assert (record.by, record.object_ids, record.purpose) == (cast["lead"], [household.pk], "Visit")


@pytest.mark.parametrize(
    ("text", "doors"),
    [
        ("101", 2),
        ("和平小区1 2栋 101", 1),
        ("1栋", 2),
        ("Court 1", 4),
        ("1栋102室", 1),
        ("南街", 0),
        ("和平小区2", 0),
        (RESIDENT, 0),
    ],
)
def test_doors_are_found_by_place_in_my_grids_only(cast: Cast, text: str, doors: int) -> None:
    page = _client(cast, "lead").get("/mine/list/", {"q": text}).content.decode()
    assert page.count("mine-door") == doors


def test_my_page_asks_as_much_for_many_doors(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = _client(cast, "lead")
    template = cast.town.buildings[0][0][0]
    for number in range(3, 303):
        building = factories.make_building(cast.town, 0, 0, number, homes=False)
        assert building.compound_id == template.compound_id
    with django_assert_max_num_queries(11):
        page = client.get("/mine/").content.decode()
    assert page.count("data-building=") == 302
    with django_assert_max_num_queries(6):
        client.get("/mine/list/", {"q": "101"})


# --- desk -----------------------------------------------------------------------------------------------------


def _post(cast: Cast, name: str, **more: str) -> str:
    place = factories.middle(1, 0)
    values = {"text": "井盖丢失", "lon": str(place.x), "lat": str(place.y), "datum": "wgs84", **more}
    return _client(cast, name).post("/desk/incidents/", values).content.decode()


def test_the_answer_appears_while_one_writes(cast: Cast) -> None:
    place = factories.middle(1, 0)
    page = (
        _client(cast, "dispatcher")
        .get("/desk/answer/", {"lon": str(place.x), "lat": str(place.y)})
        .content.decode()
    )
    assert "Specialist 006" in page
    assert "Stand-in; the lead is away" in page
    swapped = (
        _client(cast, "dispatcher")
        .get("/desk/answer/", {"lon": str(place.y), "lat": str(place.x)})
        .content.decode()
    )
    assert "look exchanged" in swapped


def test_a_case_is_stored_and_shown(cast: Cast) -> None:
    client = _client(cast, "dispatcher")
    place = factories.middle(1, 0)
    response = client.post("/desk/incidents/", {"text": "井盖丢失", "lon": place.x, "lat": place.y})
    incident = Incident.objects.get()
    assert response.headers["HX-Trigger"] == f'{{"incidents-changed": {{"id": {incident.pk}}}}}'
    assert incident.specialist == cast.specialists["stand_in"]
    assert "井盖丢失" in client.get("/desk/list/").content.decode()
    found = client.get("/desk/incidents.geojson").json()["features"]
    assert [one["id"] for one in found] == [incident.pk]


def test_a_case_without_a_place_says_what_to_do(cast: Cast) -> None:
    assert "Click on the map or choose an address" in _post(cast, "dispatcher", lon="")
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("name", "may"), [("clerk", True), ("lead", True), ("supervisor", False), ("planner", False)]
)
def test_who_may_report(cast: Cast, name: str, may: bool) -> None:
    place = factories.middle(1, 0)
    response = _client(cast, name).post(
        "/desk/incidents/", {"text": "井盖丢失", "lon": place.x, "lat": place.y}
    )
    assert response.status_code == (200 if may else 403)
    assert Incident.objects.count() == int(may)


@pytest.mark.parametrize(
    ("name", "row", "status"),
    [("dispatcher", 0, 200), ("dispatcher_0", 0, 200), ("dispatcher_0", 1, 404), ("lead", 0, 200), ("lead", 1, 404),
     ("clerk", 0, 403), ("supervisor", 1, 200)],
)  # fmt: skip
def test_who_may_close(cast: Cast, name: str, row: int, status: int) -> None:
    incident = factories.make_incident(cast.town, row, 0)
    response = _client(cast, name).post(
        f"/desk/incidents/{incident.pk}/close/", {"version": 1, "outcome": "已处理"}
    )
    assert response.status_code == status
    incident.refresh_from_db()
    assert incident.state == (IncidentState.CLOSED if status == 200 else IncidentState.OPEN)


def test_a_stale_close_keeps_what_was_typed(cast: Cast) -> None:
    incident = factories.make_incident(cast.town, 0, 0)
    _client(cast, "supervisor").post(
        f"/desk/incidents/{incident.pk}/close/", {"version": 1, "outcome": "first"}
    )
    page = _client(cast, "dispatcher").post(
        f"/desk/incidents/{incident.pk}/close/", {"version": 1, "outcome": "my own words"}
    ).content.decode()  # fmt: skip
    assert "supervisor has closed incident" in page
    assert "my own words" in page
    incident.refresh_from_db()
    assert incident.outcome == "first"


def test_the_list_filters_and_asks_as_much_for_many(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    town = cast.town
    for index in range(60):
        factories.make_incident(
            town, index % 3, index % 3, text=f"漏水 {index}", specialist=cast.specialists["lead"]
        )
    client = _client(cast, "dispatcher")
    with django_assert_max_num_queries(9):
        page = client.get("/desk/").content.decode()
    assert page.count("data-incident=") == 50
    assert client.get("/desk/list/?q=漏水 59").content.decode().count("data-incident=") == 1
    assert "No open case" not in page
    assert "No case yet" in client.get("/desk/list/?state=closed").content.decode()


# --- loads and today ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grouping", "rows"), [("grid", 9), ("specialist", 5), ("community", 3)])
def test_loads_by_grid_specialist_and_community(
    cast: Cast, grouping: str, rows: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = _client(cast, "planner")
    with django_assert_max_num_queries(8):
        page = client.get("/planner/", {"by": grouping}).content.decode()
    assert page.count("<tr data-row=") == rows
    assert "72 people in 36 households" in page if grouping != "specialist" else "people in" in page
    assert RESIDENT not in page


def test_loads_stay_on_the_planners_ground(cast: Cast) -> None:
    assert _client(cast, "planner_0").get("/planner/").content.decode().count("<tr data-row=") == 3
    assert "No grid is in force" in _client(cast, "outsider").get("/planner/").content.decode()


def test_loads_sort_and_download(cast: Cast) -> None:
    factories.make_household(cast.town.buildings[1][1][0], "901", names=("寅",) * 7)
    client = _client(cast, "planner")
    first = client.get("/planner/?sort=-people").content.decode().split("<tr data-row=")[1]
    assert "Nanjie grid 2" in first
    answer = client.get("/planner/loads.csv?sort=-people")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="loads-grid-')
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert table[1][:6] == ["510115001004002", "Nanjie grid 2", "Specialist 005", "2", "5", "15"]
    assert table[-1][0].startswith("Synthetic data")
    assert RESIDENT not in answer.content.decode()


def test_the_first_click_on_a_figure_puts_the_fullest_first(cast: Cast) -> None:
    client = _client(cast, "planner")
    heads = client.get("/planner/").content.decode().split("<thead>")[1].split("</thead>")[0]
    assert 'href="?sort=-people"' in heads
    assert 'href="?sort=-deviation"' in heads
    again = client.get("/planner/?sort=-people").content.decode().split("<thead>")[1].split("</thead>")[0]
    assert 'href="?sort=people"' in again


def test_a_formula_is_no_formula_in_the_download(cast: Cast) -> None:
    lead = cast.specialists["lead"]
    lead.public_name = lead.public_name_en = "=1+1"
    lead.save()
    assert "'=1+1" in _client(cast, "planner").get("/planner/loads.csv").content.decode()


def test_today_lists_vacancies_and_absences(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = _client(cast, "supervisor")
    with django_assert_max_num_queries(11):
        page = client.get("/today/").content.decode()
    vacant, away = page.split("Away today")
    assert "Guanghua grid 1" in vacant
    assert "Guanghua grid 2" in vacant
    assert "Specialist 004" in away
    assert "Specialist 006" in away, "who stands in"


def test_pages_speak_chinese_too(cast: Cast) -> None:
    client = _client(cast, "lead")
    with override("zh-hans"):
        page = client.get("/mine/", headers={"accept-language": "zh-CN"}).content.decode()
    assert "和平第1网格" in page


def test_a_case_of_ones_own_is_closed_where_the_grid_was_handed_over(cast: Cast) -> None:
    """Once closed it is out of sight; the answer to closing is its card all the same, and so is a stale one."""
    incident = factories.make_incident(cast.town, 1, 2, specialist=cast.specialists["lead"])
    client, path = _client(cast, "lead"), f"/desk/incidents/{incident.pk}/close/"
    empty = client.post(path, {"version": 1, "outcome": " "})
    assert (empty.status_code, "Say how it ended" in empty.content.decode()) == (200, True)
    done = client.post(path, {"version": 1, "outcome": "已处理"})
    assert done.status_code == 200
    assert "已处理" in done.content.decode()
    assert client.get(f"/desk/incidents/{incident.pk}/").status_code == 404


def test_somebody_else_closed_it_while_one_looked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = factories.make_incident(cast.town, 1, 2, specialist=cast.specialists["lead"])

    def after_another(**values: Any) -> Incident:
        close_incident(incident=incident, outcome="first", version=1, by=cast.user("supervisor"))
        return close_incident(**values)

    monkeypatch.setattr("gridmap.views.desk.close_incident", after_another)
    told = _client(cast, "lead").post(
        f"/desk/incidents/{incident.pk}/close/", {"version": 1, "outcome": "mine"}
    )
    assert told.status_code == 200
    assert "supervisor has closed incident" in told.content.decode()
    assert "mine" in told.content.decode()


def test_the_desk_reads_times_off_the_towns_clock(cast: Cast) -> None:
    Subdistrict.objects.update(time_zone="Asia/Urumqi")
    _post(cast, "dispatcher", happened_at="2020-05-01T08:00")
    assert Incident.objects.get().happened_at == datetime(2020, 5, 1, 2, tzinfo=UTC)


def test_names_of_colleagues_stay_on_ones_own_ground(cast: Cast) -> None:
    """The host contact of a dedicated grid and legal names: on the ground of a role that knows the staff."""
    spots = {"school": factories.middle(2, 2), "office": factories.middle(0, 0)}
    expected = {
        "dispatcher": (True, True),
        "dispatcher_0": (False, True),
        "stranger": (False, False),
        "auditor": (False, False),
    }
    for name, (at_school, at_home) in expected.items():
        client = _client(cast, name)
        for path in ("/map/card", "/desk/answer/"):
            for spot, may in (("school", at_school), ("office", at_home)):
                where = {"lon": str(spots[spot].x), "lat": str(spots[spot].y)}
                answer = client.get(path, where)
                if path == "/desk/answer/" and not name.startswith("dispatcher"):
                    assert answer.status_code == 403
                    continue
                text = answer.content.decode()
                assert answer.status_code == 200
                if spot == "school":
                    assert ("门卫老张" in text) is may, (name, path)
                elif path == "/map/card":
                    assert ("职工本名001" in text) is may, (name, path)
                    assert "Specialist 001" in text, "who answers is public"
    border = {"lon": str(WEST + CELL / 2), "lat": str(SOUTH + 2 * CELL)}
    text = _client(cast, "dispatcher_0").get("/map/card", border).content.decode()
    assert "On a border" in text
    assert text.count("data-choose-grid") == 2
