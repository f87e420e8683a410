"""The town map's own answers: page, grids, loads, card; and the headers that every page carries."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from boundaries.actions.editions import GRIDS, raise_editions
from boundaries.models import Subdistrict
from gridmap.models import Household
from tests.factories import CELL, RESIDENT, SOUTH, WEST, middle
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db

ENGLISH = {"Accept-Language": "en"}


def signed_in(cast: Cast, name: str) -> Client:
    client = Client(headers=ENGLISH)
    client.force_login(cast.user(name))
    return client


def place(row: int, column: int) -> str:
    spot = middle(row, column)
    return f"/map/card?lon={spot.x}&lat={spot.y}"


# --- who may see what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/map/", "/map/loads.json", "/map/card?grid=1", "/home/"])
def test_staff_pages_ask_to_sign_in(path: str, client: Client, cast: Cast) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize(
    ("name", "status"),
    [("planner", 200), ("supervisor", 200), ("dispatcher", 403), ("clerk", 403), ("lead", 403), ("auditor", 403),
     ("administrator", 403), ("ex_planner", 403), ("stranger", 403)],
)  # fmt: skip
def test_loads_are_for_those_who_plan_and_supervise(name: str, status: int, cast: Cast) -> None:
    client = signed_in(cast, name)
    assert client.get("/map/loads.json").status_code == status
    offered = b'data-colour="load"' in client.get("/map/").content
    assert offered is (status == 200)


def test_loads_count_homes_by_grid_in_english_and_chinese_alike(cast: Cast) -> None:
    answer = signed_in(cast, "planner").get("/map/loads.json").json()
    grid = cast.town.grids[1][1].pk
    households = Household.objects.filter(building__placements__grid=grid).count()
    assert answer["loads"][str(grid)][1] == households > 0
    assert (answer["target"], answer["measure"], answer["is_norm"]) == (2500.0, "people", True)


def test_the_rail_shows_only_what_one_may_open(cast: Cast) -> None:
    shown = {
        name: set(
            re.findall(
                r'class="rail__item" href="([^"]+)"', signed_in(cast, name).get("/home/").content.decode()
            )
        )
        for name in ("lead", "dispatcher", "planner", "supervisor", "administrator", "stranger")
    }
    assert shown["stranger"] == {"/map/"}
    assert "/mine/" in shown["lead"]
    assert "/planner/" not in shown["lead"]
    assert {"/desk/"} <= shown["dispatcher"]
    assert "/mine/" not in shown["dispatcher"]
    assert {"/planner/", "/planner/import/"} <= shown["planner"]
    assert "/admin/" in shown["administrator"]
    assert "/admin/" not in shown["planner"]


def test_every_place_in_the_rail_opens(cast: Cast) -> None:
    for name in ("lead", "dispatcher", "planner", "supervisor", "clerk", "administrator", "auditor"):
        client = signed_in(cast, name)
        for path in re.findall(r'class="rail__item" href="([^"]+)"', client.get("/home/").content.decode()):
            assert client.get(path).status_code == 200, f"{name} {path}"


@pytest.mark.parametrize(
    ("name", "first"),
    [("lead", "/mine/"), ("dispatcher", "/desk/"), ("planner", "/planner/"), ("supervisor", "/today/")],
)
def test_home_leads_to_the_roles_own_workplace(name: str, first: str, cast: Cast) -> None:
    found = re.search(
        r'class="home__first" href="([^"]+)"', signed_in(cast, name).get("/home/").content.decode()
    )
    assert found is not None
    assert found[1] == first


# --- the grids ---------------------------------------------------------------------------------------------------


def test_the_grids_are_one_geojson_communities_first(client: Client, cast: Cast) -> None:
    answer = client.get("/map/grids.geojson")
    assert answer.headers["Content-Type"] == "application/geo+json"
    features = answer.json()["features"]
    assert [feature["properties"]["layer"] for feature in features] == ["community"] * 3 + ["grid"] * 9
    dedicated = [f for f in features if f["properties"].get("kind") == "dedicated"]
    assert [f["id"] for f in dedicated] == [cast.town.grids[2][2].pk]
    assert RESIDENT not in answer.content.decode()


def test_the_grids_are_kept_until_they_change(
    client: Client, cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = client.get("/map/grids.geojson")
    with django_assert_num_queries(1):
        again = client.get("/map/grids.geojson", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    raise_editions(GRIDS)
    assert (
        client.get("/map/grids.geojson", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    )


def test_the_grids_of_one_town(client: Client, cast: Cast) -> None:
    assert client.get("/map/grids.geojson?town=nowhere").json()["features"] == []
    assert len(client.get("/map/grids.geojson?town=510115001").json()["features"]) == 12


# --- the card ----------------------------------------------------------------------------------------------------


def test_the_card_names_the_lead(cast: Cast) -> None:
    page = signed_in(cast, "dispatcher").get(place(0, 0)).content.decode()
    assert "Heping grid 1" in page
    assert cast.specialists["lead"].public_name_en in page
    assert f'href="tel:{cast.specialists["lead"].duty_telephone.replace("-", "").replace(" ", "")}"' in page
    assert RESIDENT not in page


def test_the_card_says_who_stands_in_and_who_is_away(cast: Cast) -> None:
    page = signed_in(cast, "dispatcher").get(place(1, 0)).content.decode()
    assert "Stand-in; the lead is away" in page
    assert "away today" in page


def test_a_vacant_grid_gives_the_communitys_duty_telephone(cast: Cast) -> None:
    page = signed_in(cast, "dispatcher").get(place(2, 1)).content.decode()
    assert "This grid has no lead." in page
    assert "028-0000 0002" in page


def test_a_dedicated_grid_has_its_host_contact(cast: Cast) -> None:
    page = signed_in(cast, "dispatcher").get(place(2, 2)).content.decode()
    assert "门卫老张" in page
    assert "Primary School" in page


def test_a_place_on_a_border_lists_the_grids_that_may_be_meant(cast: Cast) -> None:
    border = f"/map/card?lon={WEST + CELL}&lat={SOUTH + CELL * 1.5}"
    page = signed_in(cast, "dispatcher").get(border).content.decode()
    assert "On a border" in page
    assert len(re.findall(r"data-choose-grid", page)) == 2


def test_a_grid_is_asked_for_by_itself(cast: Cast) -> None:
    grid = cast.town.grids[0][1]
    page = signed_in(cast, "dispatcher").get(f"/map/card?grid={grid.pk}").content.decode()
    assert f'data-grid="{grid.pk}"' in page
    assert "Heping grid 2" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [("grid=999999999", "not in force"), ("lon=30.7&lat=103.83", "exchanged"), ("lon=x&lat=1", "two numbers"),
     ("", "two numbers"), ("lon=1e9&lat=1e9", "not on earth"), ("grid=abc", "two numbers")],
)  # fmt: skip
def test_a_place_that_is_none_says_what_is_wrong(query: str, words: str, cast: Cast) -> None:
    answer = signed_in(cast, "dispatcher").get(f"/map/card?{query}")
    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_the_place_is_written_with_points_whatever_the_language(cast: Cast) -> None:
    page = signed_in(cast, "dispatcher").get("/map/card?lon=103.831&lat=30.705").content.decode()
    assert "103.831000, 30.705000" in page


# --- headers and frame -------------------------------------------------------------------------------------------


def test_no_script_runs_that_the_page_did_not_name(client: Client, cast: Cast) -> None:
    first, second = (client.get("/") for _ in range(2))
    policy = first.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert nonce[1] not in second.headers["Content-Security-Policy"]
    assert f'<script type="importmap" nonce="{nonce[1]}">' in first.content.decode()
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert "geolocation=(self)" in first.headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/map/", "/home/"])
def test_pages_hold_no_inline_style_or_handler_that_the_policy_would_refuse(path: str, cast: Cast) -> None:
    page = (
        signed_in(cast, "planner").get(path).content.decode()
        if path != "/sign-in/"
        else Client().get(path).content.decode()
    )
    assert not re.search(r'\sstyle="', page)
    assert not re.search(r"\son[a-z]+=", page)
    inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", page)
    assert all("nonce=" in attributes or "application/json" in attributes for attributes in inline)


def test_the_language_is_switched_and_kept(client: Client, cast: Cast) -> None:
    answer = client.post("/i18n/setlang/", {"language": "en", "next": "/sign-in/"})
    assert answer.headers["Location"] == "/sign-in/"
    assert '<html lang="en">' in client.get("/sign-in/").content.decode()
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/sign-in/"})
    assert '<html lang="zh-Hans">' in client.get("/sign-in/").content.decode()


def test_every_page_of_a_synthetic_town_says_so(cast: Cast) -> None:
    staff = signed_in(cast, "planner")
    for path in ("/", "/home/", "/map/"):
        assert "Synthetic data" in staff.get(path).content.decode(), path
    Subdistrict.objects.update(is_synthetic=False)
    assert "Synthetic data" not in staff.get("/map/").content.decode()


def test_loads_stay_on_the_planners_ground(cast: Cast) -> None:
    own = {str(grid.pk) for grid in cast.town.grids[0]}
    other = {"town": "510115002"}
    assert set(signed_in(cast, "planner_0").get("/map/loads.json").json()["loads"]) == own
    assert len(signed_in(cast, "planner").get("/map/loads.json").json()["loads"]) == 9
    for name in ("planner_0", "planner"):
        assert signed_in(cast, name).get("/map/loads.json", other).json()["loads"] == {}, name
    asked = {"town": cast.town.subdistrict.code}
    assert signed_in(cast, "outsider").get("/map/loads.json", asked).json()["loads"] == {}
    assert set(signed_in(cast, "supervisor_0").get("/map/loads.json", asked).json()["loads"]) == own
