"""«Find my grid specialist»: what residents are told, and what they are never told."""

from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from boundaries.actions.places import refresh_places
from boundaries.models import Placement
from tests.factories import CELL, RESIDENT, SOUTH, WEST, make_token, middle
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_asked_before() -> None:
    caches["rates"].clear()


@pytest.fixture
def public(cast: Cast) -> Client:
    refresh_places(cast.town.subdistrict)
    return Client(headers={"Accept-Language": "en"})


def at(row: int, column: int) -> str:
    spot = middle(row, column)
    return f"/?lon={spot.x}&lat={spot.y}"


def test_a_place_has_one_name_and_one_telephone(public: Client, cast: Cast) -> None:
    page = public.get(at(0, 0)).content.decode()
    lead = cast.specialists["lead"]
    assert lead.public_name_en in page
    assert page.count('class="reply__call"') == 1
    assert "Heping service centre" in page
    assert "09:00-17:00" in page


def test_nobody_but_who_answers_is_named(public: Client, cast: Cast) -> None:
    """The stand-in answers for the one who is away; full names, members, leads on leave and hosts stay inside."""
    page = public.get(at(1, 0)).content.decode()
    assert cast.specialists["stand_in"].public_name_en in page
    assert "standing in" in page
    everything = page + public.get(at(0, 2)).content.decode() + public.get(at(2, 2)).content.decode()
    away, member = cast.specialists["away"], cast.specialists["member"]
    for inside in (away.public_name_en, away.duty_telephone, member.public_name_en, member.duty_telephone, "门卫老张",
                   RESIDENT, *(person.name for person in cast.specialists.values())):  # fmt: skip
        assert inside not in everything


def test_on_a_border_still_one_person(public: Client) -> None:
    page = public.get(f"/?lon={WEST + CELL}&lat={SOUTH + CELL * 2.5}").content.decode()
    assert page.count('class="reply__call"') == 1
    assert "border between grids" in page


def test_an_inexact_device_near_a_border_is_told_so(public: Client) -> None:
    page = public.get(at(0, 0) + "&accuracy_m=120").content.decode()
    assert "Your location is not exact" in page
    assert page.count('class="reply__call"') == 1


def test_an_accuracy_beyond_all_use_is_taken_at_its_largest(public: Client) -> None:
    assert public.get(at(0, 0) + "&accuracy_m=90000").status_code == 200


def test_a_vacant_grid_gives_the_communitys_telephone(public: Client) -> None:
    page = public.get(at(2, 1)).content.decode()
    assert "the community answers" in page
    assert 'href="tel:02800000002"' in page


def test_outside_is_no_empty_answer(public: Client) -> None:
    page = public.get("/?lon=104.5&lat=31.5").content.decode()
    assert "Outside this town" in page
    assert 'class="reply__call"' not in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("lon=30.7&lat=103.83", "exchanged"),
        ("lon=here&lat=there", "must be numbers"),
        ("lon=nan&lat=1", "numbers"),
    ],
)
def test_an_absurd_place_says_what_is_wrong(query: str, words: str, public: Client) -> None:
    answer = public.get(f"/?{query}")
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_typed_compound_answers_without_javascript(public: Client, cast: Cast) -> None:
    page = public.get("/", {"q": "和平小区1"}).content.decode()
    assert cast.specialists["lead"].public_name_en in page


def test_a_compound_of_several_grids_asks_for_the_building(public: Client, cast: Cast) -> None:
    building = cast.town.buildings[0][0][1]
    Placement.objects.filter(building=building).update(grid=cast.town.grids[0][1])
    page = public.get("/", {"q": "和平小区1"}).content.decode()
    assert "Which building" in page
    assert 'class="reply__call"' not in page
    page = public.get("/", {"compound_name": "和平小区1", "number": "2"}).content.decode()
    assert cast.specialists["neighbour"].public_name_en in page


def test_a_whole_community_is_nobodys_address(public: Client) -> None:
    page = public.get("/", {"q": "和平社区"}).content.decode()
    assert 'class="reply__call"' not in page


def test_nothing_found_says_what_to_try(public: Client) -> None:
    page = public.get("/", {"q": "qqxxzz"}).content.decode()
    assert "Nothing found for “qqxxzz”" in page


def test_what_was_typed_is_only_ever_text(public: Client) -> None:
    page = public.get("/", {"q": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in page


def test_a_script_gets_the_answer_alone(public: Client) -> None:
    whole, part = public.get(at(0, 0)), public.get(at(0, 0), headers={"HX-Request": "true"})
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()
    assert "reply__call" in part.content.decode()
    assert part.headers["Cache-Control"] == "no-store"


def test_the_public_opens_no_session_and_costs_little(
    public: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(3):
        answer = public.get(at(0, 0))
    assert "sessionid" not in answer.cookies


def test_too_many_questions_are_turned_away(public: Client, settings: Any) -> None:
    settings.PUBLIC_RATE = "3/d"
    answers = [public.get("/?lon=104.5&lat=31.5") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "Too many questions" in answers[-1].content.decode()
    assert 0 < int(answers[-1]["Retry-After"]) <= 24 * 3600 + 1
    assert public.get("/").status_code == 200, "the page itself is no question"


def test_the_grids_of_the_map_are_limited_for_the_public_alone(
    public: Client, cast: Cast, settings: Any
) -> None:
    settings.PUBLIC_RATE = "2/d"
    answers = [public.get("/map/grids.geojson") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert "Too many questions" in answers[-1].content.decode()
    assert "Cookie" not in answers[0]["Vary"], "one answer for everybody, also in caches between"
    assert public.get(at(0, 0)).status_code == 200, "counted apart"
    public.force_login(cast.user("stranger"))
    assert public.get("/map/grids.geojson").status_code == 200


def test_tokens_cannot_be_tried_without_end(public: Client, cast: Cast, settings: Any) -> None:
    settings.PUBLIC_RATE = "3/d"
    guesses = [
        public.get("/api/v1/me", headers={"Authorization": f"Bearer gm_guess{i}"}).status_code
        for i in range(4)
    ]
    assert guesses == [401, 401, 401, 429]
    good = {"Authorization": f"Bearer {make_token(cast.user('lead'))}"}
    assert {public.get("/api/v1/me", headers=good).status_code for _ in range(5)} == {200}
