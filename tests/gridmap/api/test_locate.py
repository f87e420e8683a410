"""GET /locate: the shape, the rule seen from outside, errors that say what is wrong, and what it costs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from boundaries.datum import from_wgs84
from tests import factories
from tests.gridmap.conftest import Cast

Bound = Callable[..., AbstractContextManager[Any]]
URL = "/api/v1/locate"
STAFF_ONLY = {"lead", "members", "host_contact"}


def get(client: Client, params: dict[str, Any]) -> Any:
    return client.get(URL, params)


def ask(client: Client, row: int, column: int, **params: Any) -> Any:
    point = factories.middle(row, column)
    return get(client, {"lon": point.x, "lat": point.y, **params})


def test_public_answer(cast: Cast, client: Client) -> None:
    answer = ask(client, 0, 0)
    assert answer.status_code == 200
    body = answer.json()
    assert body["match"] == "inside"
    assert body["grid"]["code"] == "510115001001001"
    assert body["community"]["name"] == "和平"
    assert body["point"]["datum"] == "wgs84"
    assert body["specialist"] == {
        "name": "网格员001",
        "name_en": "Specialist 001",
        "telephone": "028-0000 1001",
        "part": "lead",
    }
    assert body["synthetic"] is True
    assert not STAFF_ONLY & set(body)
    assert "职工本名" not in answer.content.decode()


def test_colleagues_see_the_staff_on_their_ground_only(cast: Cast) -> None:
    def seen(name: str, row: int) -> bool:
        client = Client()
        client.force_login(cast.user(name))
        body = ask(client, row, 0).json()
        assert (set(body) & STAFF_ONLY) in (STAFF_ONLY, set())
        return set(body) >= STAFF_ONLY

    table = {
        name: [seen(name, row) for row in (0, 1)]
        for name in ("dispatcher", "dispatcher_0", "lead", "auditor", "stranger", "outsider", "ex_planner")
    }
    assert table == {
        "dispatcher": [True, True],
        "dispatcher_0": [True, False],
        "lead": [True, True],
        "auditor": [False, False],
        "stranger": [False, False],
        "outsider": [False, False],
        "ex_planner": [False, False],
    }


def test_who_answers_when_the_lead_is_away(cast: Cast, client: Client) -> None:
    assert ask(client, 1, 0).json()["specialist"]["part"] == "stand_in"
    assert ask(client, 1, 1).json()["specialist"]["part"] == "lead"
    vacant = ask(client, 2, 1).json()
    assert (vacant["specialist"], vacant["answers"]) == (None, "duty_telephone")
    assert vacant["duty_telephone"]["number"] == "028-0000 0002"
    last_week = (timezone.now() - timedelta(days=7)).isoformat()
    assert ask(client, 1, 0, at=last_week).json()["specialist"]["part"] == "lead"


def test_edge_lists_all_candidates(cast: Cast, client: Client) -> None:
    border = factories.WEST + factories.CELL
    body = get(client, {"lon": border, "lat": factories.middle(0, 0).y}).json()
    assert body["match"] == "edge"
    assert [each["grid"]["code"][-3:] for each in body["candidates"]] == ["001", "002"]
    assert "specialist" not in body["candidates"][0]


def test_datum_is_taken_and_stated(cast: Cast, client: Client) -> None:
    point = factories.middle(1, 1)
    for datum in ("gcj02", "bd09"):
        lon, lat = (float(value) for value in from_wgs84(point.x, point.y, datum))
        body = get(client, {"lon": lon, "lat": lat, "datum": datum}).json()
        assert body["grid"]["code"] == "510115001004002"
        assert body["input"]["datum"] == datum
        assert body["point"]["lon"] == pytest.approx(point.x, abs=1e-7)
    unshifted = get(client, {"lon": lon, "lat": lat}).json()
    assert unshifted["grid"] is None or unshifted["grid"]["code"] != "510115001004002"


def test_a_bare_date_is_the_end_of_that_day_in_the_towns_zone(cast: Cast, client: Client) -> None:
    assert ask(client, 0, 0, at="2018-12-31").json()["match"] == "outside"
    assert ask(client, 0, 0, at="2019-01-01").json()["match"] == "inside"
    assert ask(client, 0, 0, at="2018-12-31T23:59").json()["match"] == "outside"
    assert ask(client, 0, 0, at="2019-01-01T00:00").json()["match"] == "inside"
    assert ask(client, 0, 0, at="2018-12-31T16:00:00Z").json()["match"] == "inside"
    assert ask(client, 0, 0, at="2018-12-31T15:59:59Z").json()["match"] == "outside"
    assert ask(client, 0, 0, at="2018-12-31T23:00:00-01:00").json()["match"] == "inside"


@pytest.mark.parametrize(
    ("params", "code", "field"),
    [
        ({"lon": 30.7, "lat": 103.83}, "swapped", "lon"),
        ({"lon": 411234.5, "lat": 3398765.1}, "out_of_range", "lon"),
        ({"lon": "nan", "lat": 30.7}, "not_a_number", "lon"),
        ({"lon": "inf", "lat": 30.7}, "not_a_number", "lon"),
        ({"lon": 103.83, "lat": 30.7, "datum": "wgs72"}, "literal_error", "datum"),
        ({"lon": 103.83, "lat": 30.7, "accuracy_m": 501}, "accuracy", "accuracy_m"),
        ({"lon": 103.83, "lat": 30.7, "at": "yesterday"}, "time", "at"),
        ({"lon": "east", "lat": 30.7}, "float_parsing", "lon"),
        ({"lat": 30.7}, "missing", "lon"),
    ],
)
def test_input_that_will_not_do_is_a_422_that_says_so(
    cast: Cast, client: Client, params: dict[str, Any], code: str, field: str
) -> None:
    answer = client.get(URL, params, headers={"Accept-Language": "en"})
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (422, code)
    assert body["errors"][0]["field"] == field
    assert len(body["detail"]) > 10


def test_the_public_costs_one_query(cast: Cast, client: Client, django_assert_num_queries: Bound) -> None:
    with django_assert_num_queries(1):
        assert ask(client, 0, 0).status_code == 200
    with django_assert_num_queries(1):
        assert ask(client, 0, 0, at="2020-04-30T14:05:00+08:00").status_code == 200
    with django_assert_num_queries(2):
        # the town's clock is asked for as well
        assert ask(client, 0, 0, at="2020-04-30").status_code == 200
    with django_assert_num_queries(0):
        assert get(client, {"lon": 30.7, "lat": 103.83}).status_code == 422


def test_signed_in_costs_at_most_five_queries(cast: Cast, django_assert_num_queries: Bound) -> None:
    client = Client()
    client.force_login(cast.user("dispatcher"))
    with django_assert_num_queries(5):
        # session, account, place, grants, ground
        assert "lead" in ask(client, 0, 0).json()
    token = factories.make_token(cast.user("dispatcher"))
    machine = Client(headers={"Authorization": f"Bearer {token}"})
    with django_assert_num_queries(4):
        # token with account, place, grants, ground
        assert "lead" in ask(machine, 0, 0).json()
    with django_assert_num_queries(1):
        assert ask(Client(headers={"Authorization": "Bearer gm_wrong"}), 0, 0).status_code == 401


@override_settings(PUBLIC_RATE="3/h")
def test_the_public_is_limited_by_address(cast: Cast) -> None:
    def call(address: str, **headers: str) -> int:
        answer = ask(Client(REMOTE_ADDR=address, headers=headers), 0, 0)
        if answer.status_code == 429:
            assert 1 <= int(answer["Retry-After"]) <= 3601
            assert answer["Content-Type"] == "application/problem+json"
        return int(answer.status_code)

    assert [call("203.0.113.1") for _ in range(4)] == [200, 200, 200, 429]
    assert call("203.0.113.2") == 200
    # a header that anybody can write opens nothing
    assert call("203.0.113.1", **{"X-Forwarded-For": "198.51.100.9"}) == 429
    # one household commands a whole /64
    codes = [call(f"2001:db8:0:1::{i}") for i in range(4)]
    assert codes == [200, 200, 200, 429]
    with override_settings(TRUSTED_PROXIES=1):
        forged = {"X-Forwarded-For": "198.51.100.9, 203.0.113.1"}
        assert call("127.0.0.1", **forged) == 429
        assert call("127.0.0.1", **{"X-Forwarded-For": "203.0.113.1, 198.51.100.9"}) == 200
    token = factories.make_token(cast.user("dispatcher"))
    assert call("203.0.113.1", Authorization=f"Bearer {token}") == 200
