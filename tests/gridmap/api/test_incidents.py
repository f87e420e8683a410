"""Incidents over HTTP: reported, listed in pages, closed once."""

from typing import Any

from django.test import Client

from boundaries.datum import from_wgs84
from gridmap.models import AuditEntry, Incident
from tests import factories
from tests.gridmap.conftest import Cast

URL = "/api/v1/incidents"


def signed_in(cast: Cast, name: str) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(cast.user(name))
    return client


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def test_reported_with_grid_and_specialist_then_closed(cast: Cast) -> None:
    client = signed_in(cast, "dispatcher")
    point = factories.middle(0, 0)
    lon, lat = (float(value) for value in from_wgs84(point.x, point.y, "gcj02"))
    made = post(client, URL, text="井盖松动", lon=lon, lat=lat, datum="gcj02", address="团结巷 1号")
    assert made.status_code == 201
    body = made.json()["properties"]
    assert body["grid"] == cast.town.grids[0][0].pk
    assert body["specialist"]["name"] == "网格员001"
    assert (body["datum"], body["input_datum"], body["state"]) == ("wgs84", "gcj02", "open")
    place = made["Location"]
    assert client.get(place).json() == made.json()
    assert signed_in(cast, "lead").get(place).status_code == 200
    assert signed_in(cast, "neighbour").get(place).status_code == 404
    close = f"{place}/close"
    assert post(signed_in(cast, "neighbour"), close, outcome="done", version=1).status_code == 404
    assert post(signed_in(cast, "clerk"), close, outcome="done", version=1).status_code == 403
    assert post(client, close, outcome=" ", version=1).status_code == 422
    closed = post(signed_in(cast, "lead"), close, outcome="已修好", version=1)
    assert (closed.status_code, closed.json()["properties"]["state"]) == (200, "closed")
    assert closed.json()["properties"]["closed_by"] == "lead"
    stale = post(client, close, outcome="done", version=1)
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (409, "stale", 2)
    assert set(AuditEntry.objects.values_list("verb", flat=True)) == {"report", "close"}


def test_who_may_report(cast: Cast) -> None:
    point = factories.middle(0, 0)
    body = {"text": "路灯不亮", "lon": point.x, "lat": point.y}
    codes = {
        name: post(signed_in(cast, name), URL, **body).status_code
        for name in ("dispatcher", "clerk", "lead", "planner", "auditor", "stranger", "ex_planner")
    }
    refused = dict.fromkeys(("planner", "auditor", "stranger", "ex_planner"), 403)
    assert codes == {"dispatcher": 201, "clerk": 201, "lead": 201} | refused


def test_input_that_will_not_do(cast: Cast) -> None:
    client = signed_in(cast, "dispatcher")
    point = factories.middle(0, 0)
    good = {"text": "x", "lon": point.x, "lat": point.y}
    for change, field in (
        ({"text": " "}, "text"),
        ({"text": "x" * 4001}, "text"),
        ({"lon": point.y, "lat": point.x}, "lon"),
        ({"lat": 91}, "lon"),
        ({"datum": "tokyo"}, "datum"),
        ({"happened_at": "2999-01-01"}, "happened_at"),
        ({"happened_at": "soon"}, "at"),
        ({"subdistrict": "none"}, "subdistrict"),
    ):
        answer = post(client, URL, **(good | change))
        assert answer.status_code == 422, change
        assert answer.json()["errors"][0]["field"].endswith(field), change
    broken = client.post(URL, "{", content_type="application/json")
    assert (broken.status_code, broken["Content-Type"]) == (400, "application/problem+json")
    assert not Incident.objects.exists()


def test_list_is_filtered_and_paged(cast: Cast) -> None:
    client = signed_in(cast, "dispatcher")
    made = [factories.make_incident(cast.town, number % 3, 0).pk for number in range(7)]
    seen, after = [], None
    while True:
        page = client.get(URL, {"limit": 3} | ({"after": after} if after else {})).json()
        seen += [each["id"] for each in page["features"]]
        if (after := page["next"]) is None:
            break
    assert seen == made[::-1]
    grid = cast.town.grids[1][0].pk
    assert len(client.get(URL, {"grid": grid}).json()["features"]) == 2
    assert len(client.get(URL, {"community": "510115001001"}).json()["features"]) == 3
    assert client.get(URL, {"state": "closed"}).json()["features"] == []
    assert client.get(URL, {"until": "2020-01-01"}).json()["features"] == []
    assert len(client.get(URL, {"since": "2020-01-01"}).json()["features"]) == 7
    for params in (
        {"state": "lost"},
        {"after": "x"},
        {"after": "9999-99-99_1"},
        {"limit": 0},
        {"since": "x"},
    ):
        assert client.get(URL, params).status_code == 422, params
    assert len(signed_in(cast, "dispatcher_0").get(URL).json()["features"]) == 3
