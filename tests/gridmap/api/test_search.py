"""GET /search: places, no persons, and nothing that is typed breaks it."""

from typing import Any

from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from boundaries.actions.places import refresh_places
from tests.gridmap.conftest import Cast

SEARCH = "/api/v1/search"
LOCATE = "/api/v1/locate"
AWKWARD = st.one_of(
    st.text(max_size=120),
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "nan",
            "-inf",
            "1e999",
            "0x10",
            "١٢",
            "団",
            "%",
            "_",
            "\\",
            "'",
            '"',
            "null",
            "true",
            "[]",
        ]
    ),
    st.datetimes().map(str),
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
)
patient = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def ask(client: Client, params: dict[str, Any]) -> Any:
    return client.get(LOCATE, params)


def test_finds_places_and_states_the_datum(cast: Cast, client: Client) -> None:
    refresh_places(cast.town.subdistrict)
    body = client.get(SEARCH, {"q": "和平"}).json()
    assert body["datum"] == "wgs84"
    assert body["results"][0]["title"].startswith("和平")
    assert {"kind", "id", "code", "lon", "lat", "bbox", "score"} <= set(body["results"][0])
    assert client.get(SEARCH, {"q": "居民甲乙"}).json()["results"] == []
    assert client.get(SEARCH, {"q": ""}).json()["results"] == []


def test_input_that_will_not_do(cast: Cast, client: Client) -> None:
    awkward: list[dict[str, Any]] = [
        {},
        {"q": "x" * 201},
        {"q": "x", "limit": 51},
        {"q": "x", "near": "here"},
    ]
    for params in awkward:
        answer = client.get(SEARCH, params)
        assert answer.status_code == 422, params
        assert answer["Content-Type"] == "application/problem+json"


@patient
@given(q=AWKWARD, near=AWKWARD, limit=AWKWARD)
@example(q="\x00", near="0,0", limit="1")
@example(q="3栋", near="1e308,1e308", limit="50")
def test_nothing_typed_breaks_the_search(cast: Cast, q: str, near: str, limit: str) -> None:
    client = Client(REMOTE_ADDR="")
    for params in ({"q": q}, {"q": q, "near": near}, {"q": q, "limit": limit}):
        assert client.get(SEARCH, params).status_code in {200, 422}


@patient
@given(lon=AWKWARD, lat=AWKWARD, at=AWKWARD, datum=AWKWARD, accuracy=AWKWARD)
@example(lon="103.83", lat="90", at="0001-01-01", datum="wgs84", accuracy="500")
@example(lon="103.83", lat="-90", at="9999-12-31", datum="bd09", accuracy="0")
@example(lon="180", lat="30", at="9999-12-31T23:59:59-23:59", datum="gcj02", accuracy="1e-300")
def test_nothing_asked_breaks_locating(
    cast: Cast, lon: str, lat: str, at: str, datum: str, accuracy: str
) -> None:
    client = Client()
    asked: tuple[dict[str, Any], ...] = (
        {"lon": lon, "lat": lat},
        {"lon": 103.831, "lat": 30.701, "at": at},
        {"lon": 103.831, "lat": 30.701, "datum": datum, "accuracy_m": accuracy},
        {"lon": lon, "lat": lat, "at": at, "datum": datum, "accuracy_m": accuracy},
    )
    for params in asked:
        assert client.get(LOCATE, params).status_code in {200, 422}


@patient
@given(
    lon=st.floats(-180, 180),
    lat=st.floats(-90, 90),
    accuracy=st.floats(0, 500),
    datum=st.sampled_from(["wgs84", "cgcs2000", "gcj02", "bd09"]),
)
def test_every_place_on_earth_has_an_answer(
    cast: Cast, lon: float, lat: float, accuracy: float, datum: str
) -> None:
    client = Client()
    answer = ask(client, {"lon": lon, "lat": lat, "accuracy_m": accuracy, "datum": datum})
    assert answer.status_code in {200, 422}
    if answer.status_code == 422:
        assert answer.json()["code"] == "swapped"
