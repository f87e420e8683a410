"""What every answer has in common: input that nothing takes is refused, private answers are kept nowhere."""

import logging
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.factories import PASSWORD, make_token, middle
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_asked_before() -> None:
    caches["rates"].clear()


def signed_in(cast: Cast, name: str) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(cast.user(name))
    return client


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("", "/?q=%00"),
        ("", "/map/grids.geojson?town=%00"),
        ("", "/map/grids.geojson?%00=1"),
        ("", "/no%00where/"),
        ("lead", "/mine/list/?q=%00"),
        ("dispatcher", "/desk/list/?q=%00"),
        ("planner", "/map/?town=%00"),
        ("planner", "/map/loads.json?town=%00"),
        ("planner", "/planner/register/?q=a%00b"),
        ("administrator", "/admin/boundaries/street/?q=%00"),
    ],
)
def test_a_nul_in_the_address_is_a_bad_request(cast: Cast, name: str, path: str) -> None:
    client = signed_in(cast, name) if name else Client(headers={"Accept-Language": "en"})
    answer = client.get(path)
    assert answer.status_code == 400
    assert "The request cannot be read" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("", "/api/v1/grids?community=%00"),
        ("", "/api/v1/communities?subdistrict=%00"),
        ("lead", "/api/v1/households?purpose=%00"),
        ("dispatcher", "/api/v1/incidents?community=%00"),
    ],
)
def test_a_nul_in_the_address_of_the_api_is_a_problem(cast: Cast, name: str, path: str) -> None:
    answer = (signed_in(cast, name) if name else Client()).get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "nul")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_nul_in_the_cookie_is_no_session(cast: Cast) -> None:
    client = Client(headers={"Accept-Language": "en"})
    client.cookies[settings.SESSION_COOKIE_NAME] = "\0" * 32
    assert client.get("/api/v1/me").status_code == 401
    assert client.get("/mine/").status_code == 302


def test_percent_sign_and_zeros_as_text_are_no_nul(cast: Cast) -> None:
    assert Client().get("/?q=%2500").status_code == 200


@pytest.mark.parametrize("path", ["/sign-in/", "/desk/incidents/"])
def test_a_nul_in_a_form_is_a_bad_request(cast: Cast, path: str) -> None:
    client = Client() if path == "/sign-in/" else signed_in(cast, "dispatcher")
    values = {"username": "a\0", "password": PASSWORD, "text": "a\0b", "lon": "103.831", "lat": "30.701"}
    assert client.post(path, values).status_code == 400


@pytest.mark.parametrize(("text", "code"), [("a\0b", "nul"), ("\ud800", "string_unicode")])
@pytest.mark.parametrize("field", ["text", "address", "subdistrict", "happened_at"])
def test_a_text_that_cannot_be_stored_is_refused_in_json(
    cast: Cast, field: str, text: str, code: str
) -> None:
    spot = middle(0, 0)
    body = {"text": "x", "lon": spot.x, "lat": spot.y, field: text}
    answer = signed_in(cast, "dispatcher").post("/api/v1/incidents", body, content_type="application/json")
    assert answer.status_code == 422
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]


@pytest.mark.parametrize("query", ["lon=inf&lat=1", "lon=nan&lat=1", "lon=500&lat=1", "lon=1", "lon=a&lat=b"])
def test_a_click_that_is_no_place(cast: Cast, query: str) -> None:
    assert signed_in(cast, "planner").get(f"/planner/register/building/?{query}").status_code == 422


def test_a_click_on_a_building_still_finds_it(cast: Cast) -> None:
    spot = cast.town.buildings[0][0][0].point
    answer = signed_in(cast, "planner").get(f"/planner/register/building/?lon={spot.x}&lat={spot.y}")
    assert answer.status_code == 200
    assert f'data-found="{cast.town.buildings[0][0][0].pk}"' in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lead", "/mine/"),
        ("lead", "/mine/list/"),
        ("dispatcher", "/desk/"),
        ("planner", "/planner/"),
        ("planner", "/planner/loads.csv"),
        ("planner", "/planner/register/"),
        ("lead", "/api/v1/me"),
        ("supervisor", "/today/"),
    ],
)
def test_what_one_gets_signed_in_is_kept_nowhere(cast: Cast, name: str, path: str) -> None:
    answer = signed_in(cast, name).get(path)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


def test_nor_what_a_token_gets(cast: Cast) -> None:
    token = make_token(cast.user("dispatcher"))
    answer = Client().get("/api/v1/incidents", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"


def test_public_answers_say_for_themselves_what_may_be_kept(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client, spot = signed_in(cast, "lead"), middle(0, 0)
    assert client.get("/map/grids.geojson")["Cache-Control"] == "public, no-cache"
    with django_assert_num_queries(1):
        answer = Client().get(f"/api/v1/locate?lon={spot.x}&lat={spot.y}")
    assert "Cache-Control" not in answer
    assert "Cookie" not in answer.get("Vary", "")


def test_turning_away_the_public_fills_no_log(
    cast: Cast, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PUBLIC_RATE = "1/d"
    with caplog.at_level(logging.WARNING, "django.request"):
        codes = [Client().get("/?q=x").status_code for _ in range(3)] + [Client().get("/nowhere").status_code]
    assert codes == [200, 429, 429, 404]
    assert [record.getMessage() for record in caplog.records] == ["Not Found: /nowhere"]
