"""POST /locate: three formats in and out, the same answers as one by one, bounded, streamed."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone

from boundaries.actions.editions import raise_editions
from boundaries.datum import from_wgs84
from boundaries.models import Publication
from boundaries.models.constraints import since
from gridmap.api import bulk
from tests import factories
from tests.gridmap.conftest import Cast

Bound = Callable[..., AbstractContextManager[Any]]
URL = "/api/v1/locate"


@pytest.fixture(autouse=True)
def no_index_of_another_test() -> Iterator[None]:
    """Each test rolls its town back, and the next one's editions start again at the same numbers."""
    bulk.INDICES.__init__()  # type: ignore[misc]
    yield
    bulk.INDICES.__init__()  # type: ignore[misc]


def read(response: Any) -> str:
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response).decode()


def post(client: Client, body: Any, query: str = "", kind: str = "application/json") -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(URL + query, text, content_type=kind)


def test_agrees_with_one_by_one_everywhere(cast: Cast, client: Client) -> None:
    """On and off borders, in buildings, outside: the index and the statement say the same."""
    rng = np.random.default_rng(7)
    edge = 0.0006
    lons = rng.uniform(factories.WEST - edge, factories.WEST + 3 * factories.CELL + edge, 60)
    lats = rng.uniform(factories.SOUTH - edge, factories.SOUTH + 3 * factories.CELL + edge, 60)
    border = factories.WEST + factories.CELL
    places = [*zip(lons.tolist(), lats.tolist(), strict=True), (border, 30.7013), (border + 5e-6, 30.7013)]
    points = [{"id": i, "lon": lon, "lat": lat} for i, (lon, lat) in enumerate(places)]
    body = json.loads(read(post(client, {"points": points})))
    assert body["datum"] == "wgs84"
    assert len(body["results"]) == len(points)
    seen = set()
    for point, found in zip(points, body["results"], strict=True):
        one = client.get(URL, {"lon": point["lon"], "lat": point["lat"]}).json()
        seen.add(found["match"])
        for key in ("match", "grid", "specialist", "answers", "plan", "candidates", "distance_m", "point"):
            assert found[key] == one[key] or (one["grid"] is None and key == "answers"), (key, point)
    assert seen == {"inside", "edge", "nearest", "outside"}


def test_bad_places_do_not_stop_the_others(cast: Cast, client: Client) -> None:
    point = factories.middle(0, 0)
    items = [
        {"lon": point.x, "lat": point.y},
        {"lon": point.y, "lat": point.x},
        {"lon": None, "lat": point.y},
        {"lon": 10**400, "lat": point.y},
        {"lon": True, "lat": point.y},
        {"lon": point.x, "lat": point.y, "accuracy_m": 9999},
        "nothing",
    ]
    results = json.loads(read(post(client, items)))["results"]
    assert [each["match"] for each in results] == ["inside", *["invalid"] * 6]
    codes = [each["error"]["code"] for each in results[1:]]
    assert codes == ["swapped", "not_a_number", "not_a_number", "not_a_number", "accuracy", "format"]


@pytest.mark.parametrize("identity", ["\ud800", "a\udfffb", 1.5, True, [1], {"a": 1}])
def test_an_id_that_cannot_come_back_is_a_fault_of_its_row(cast: Cast, client: Client, identity: Any) -> None:
    point = factories.middle(0, 0)
    geometry = {"type": "Point", "coordinates": [point.x, point.y]}
    rows = [{"id": each, "lon": point.x, "lat": point.y} for each in (identity, "好", 7, None)]
    features = [{"type": "Feature", "id": row["id"], "geometry": geometry, "properties": {}} for row in rows]
    expected = [(None, "invalid"), ("好", "inside"), (7, "inside"), (None, "inside")]
    found = json.loads(read(post(client, rows)))["results"]
    assert [(each["id"], each["match"]) for each in found] == expected
    assert found[0]["error"]["code"] == "format"
    lines = "\n".join(map(json.dumps, rows))
    found = [json.loads(each) for each in read(post(client, lines, kind="application/x-ndjson")).splitlines()]
    assert [(each["id"], each["match"]) for each in found] == expected
    collection = {"type": "FeatureCollection", "features": features}
    found = json.loads(read(post(client, collection, kind="application/geo+json")))["features"]
    assert [(each["id"], each["properties"]["match"]) for each in found] == expected


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_is_refused_before_the_answer_begins(
    cast: Cast, client: Client, constant: str
) -> None:
    bad, good = f'{{"id": {constant}, "lon": 103.831, "lat": 30.701}}', '{"lon": 103.831, "lat": 30.701}'
    answer = post(client, f"[{bad}, {good}]")
    assert (answer.status_code, answer.json()["code"]) == (422, "json_invalid")
    lines = read(post(client, f"{bad}\n{good}", kind="application/x-ndjson")).splitlines()
    assert [json.loads(each)["match"] for each in lines] == ["invalid", "inside"]


def test_geojson_in_and_out(cast: Cast, client: Client) -> None:
    point = factories.middle(2, 2)
    lon, lat = (float(value) for value in from_wgs84(point.x, point.y, "gcj02"))
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": "a", "geometry": {"type": "Point", "coordinates": [lon, lat]}},
            {"type": "Feature", "id": "b", "geometry": {"type": "LineString", "coordinates": []}},
            {"type": "Feature", "id": "c", "geometry": None},
        ],
    }
    answer = post(client, collection, "?datum=gcj02", "application/geo+json")
    assert answer["Content-Type"] == "application/geo+json"
    body = json.loads(read(answer))
    first, second, third = body["features"]
    assert (first["id"], first["properties"]["grid"]["kind"]) == ("a", "dedicated")
    assert first["geometry"]["coordinates"] == pytest.approx([point.x, point.y], abs=1e-7)
    assert second["properties"]["match"] == third["properties"]["match"] == "invalid"


def test_lines_are_answered_line_by_line(cast: Cast, client: Client) -> None:
    point = factories.middle(0, 1)
    line = json.dumps({"id": "x", "lon": point.x, "lat": point.y})
    text = f"{line}\n\n{{broken\n{line}\n" + "[" * 3000 + "\n"
    lines = [json.loads(each) for each in read(post(client, text, kind="application/x-ndjson")).splitlines()]
    assert [each["match"] for each in lines] == ["inside", "invalid", "inside", "invalid"]
    assert lines[0]["specialist"]["name"] == "网格员002"
    too_long = post(client, line + "\n" + "x" * 5000 + "\n" + line, kind="application/x-ndjson")
    assert [json.loads(each)["match"] for each in read(too_long).splitlines()] == ["inside", "invalid"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        ("{", "application/json", 422, "json_invalid"),
        ("\xff", "application/json", 422, "json_invalid"),
        ("[" * 100_000, "application/json", 422, "json_invalid"),
        ("3", "application/json", 422, "points"),
        ('{"points": 3}', "application/json", 422, "points"),
        ("lon,lat", "text/csv", 415, "content_type"),
    ],
)
def test_what_is_no_list_of_places(
    cast: Cast, client: Client, body: str, kind: str, status: int, code: str
) -> None:
    answer = post(client, body, kind=kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"


def test_size_is_bounded(cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = post(client, [{"lon": 0, "lat": 0}] * (bulk.MAX_POINTS + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many")
    answer = post(client, " " * (11 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    monkeypatch.setattr(bulk, "MAX_LINES", 3)
    text = '{"lon": 103.831, "lat": 30.701}\n' * 5
    lines = read(post(client, text, kind="application/x-ndjson")).splitlines()
    assert [json.loads(each)["match"] for each in lines] == ["inside"] * 3 + ["invalid"]


def test_costs_two_queries_once_the_index_is_there(
    cast: Cast, client: Client, django_assert_num_queries: Bound
) -> None:
    points = [{"lon": 103.831, "lat": 30.701}] * 500
    read(post(client, points))
    with django_assert_num_queries(2):
        assert len(json.loads(read(post(client, points)))["results"]) == 500


def test_no_answer_is_older_than_the_plan_in_force(cast: Cast, client: Client) -> None:
    point = factories.middle(0, 0)

    def code() -> str | None:
        found = json.loads(read(post(client, [{"lon": point.x, "lat": point.y}])))["results"][0]
        return found["grid"] and str(found["grid"]["name"])

    assert code() == "和平第1网格"
    old = Publication.objects.get(community=cast.town.communities[0])
    moment = timezone.now()
    old.period = factories.during(factories.FOUNDED, moment)
    old.save()
    new = cast.town.plan.derived.create(subdistrict=cast.town.subdistrict, name="New")
    new.outlines.create(
        grid=cast.town.grids[0][0],
        community=cast.town.communities[0],
        code="510115001001001",
        name="改名网格",
        polygon=cast.town.communities[0].outline,
    )
    Publication.objects.create(plan=new, community=cast.town.communities[0], period=since(moment))
    raise_editions("grids")
    assert code() == "改名网格"
    yesterday = (moment - timedelta(days=1)).isoformat().replace("+", "%2B")
    answer = post(client, [{"lon": point.x, "lat": point.y}], f"?at={yesterday}")
    assert json.loads(read(answer))["results"][0]["grid"]["name"] == "和平第1网格"


@pytest.mark.parametrize("datum", ["wgs84", "gcj02"])
def test_before_the_first_plan_every_place_is_outside(cast: Cast, client: Client, datum: str) -> None:
    """As for one place; what is no place is told so all the same."""
    query, point = f"?at=2010-01-01&datum={datum}", factories.middle(0, 0)
    one = client.get(f"{URL}{query}&lon={point.x}&lat={point.y}").json()
    assert one["match"] == "outside"
    items = [{"id": "a", "lon": point.x, "lat": point.y}, {"lon": 500, "lat": 1}, "nothing"]
    for _again in range(2):
        results = json.loads(read(post(client, items, query)))["results"]
        assert [each["match"] for each in results] == ["outside", "invalid", "invalid"]
    assert results[0]["id"] == "a"
    for key in ("grid", "specialist", "plan", "candidates", "distance_m"):
        assert results[0][key] == one[key], key
    assert results[0]["point"] == {name: one["point"][name] for name in ("lon", "lat", "datum")}
    assert [each["error"]["code"] for each in results[1:]] == ["out_of_range", "format"]


@pytest.mark.django_db(transaction=True)
def test_under_asgi_the_answer_starts_before_the_last_line_was_worked_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factories.make_town()
    monkeypatch.setattr(bulk, "BATCH", 500)
    worked_out = []
    number = bulk._asked

    def counted(item: Any, accuracy: float) -> bulk.Asked:
        worked_out.append(1)
        return number(item, accuracy)

    monkeypatch.setattr(bulk, "_asked", counted)

    async def ask() -> None:
        text = '{"lon": 103.831, "lat": 30.701}\n' * 5000
        answer: Any = await AsyncClient().post(URL, text, content_type="application/x-ndjson")
        chunks = answer.streaming_content
        first = await anext(aiter(chunks))
        assert first.count(b"\n") == 500
        assert len(worked_out) < 5000
        rest = [chunk async for chunk in chunks]
        assert sum(chunk.count(b"\n") for chunk in rest) == 4500

    asyncio.run(ask())
