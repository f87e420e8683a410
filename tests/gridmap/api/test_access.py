"""Who reaches what over HTTP: every route of the OpenAPI document as everybody, and no name where it does not belong."""

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from boundaries.models import Plan
from gridmap.models import AccessRecord, Household, Incident, Role
from tests import factories
from tests.gridmap.conftest import Cast
from tests.gridmap.publishing_town import draft
from tests.gridmap.test_permissions import EVERYBODY, GRIDS, HOUSEHOLDS

OPENAPI = "/api/v1/openapi.json"
LEGAL_NAME = "职工本名"
PLANTED_TEXT = "植入的事件内容"
SEES_STAFF = {
    *("lead", "neighbour", "member", "away", "busy", "stand_in", "former"),
    *("planner", "planner_0", "clerk", "clerk_0", "dispatcher", "dispatcher_0", "supervisor", "supervisor_0"),
    *("administrator", "administrator_0"),
}
SEES_INCIDENTS = {"clerk", "dispatcher", "supervisor"}


def caller(cast: Cast, name: str) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    if name != "anonymous":
        client.force_login(cast.user(name))
    return client


def read(response: Any) -> str:
    body = b"".join(response) if response.streaming else response.content
    return (gzip.decompress(body) if response.get("Content-Encoding") == "gzip" else body).decode()


def parameters(operation: dict[str, Any], cast: Cast) -> dict[str, Any]:
    """Sensible values for every parameter that has a name we know; a new one must be added here."""
    point = factories.middle(0, 0)
    known = {
        "lon": point.x, "lat": point.y, "q": factories.RESIDENT, "purpose": "visit", "limit": 50,
        "near": f"{point.x},{point.y}", "datum": "wgs84", "accuracy_m": 5,
        "format": "csv",
    }  # fmt: skip
    narrowing = {
        "at",
        "since",
        "until",
        "state",
        "community",
        "subdistrict",
        "grid",
        "building",
        "tag",
        "after",
        "dry_run",
        "with",
        "before",
    }
    given = {}
    for each in operation.get("parameters", []):
        if each["in"] == "query" and each["name"] not in narrowing:
            given[each["name"]] = known[each["name"]]
    return given


def routes(cast: Cast, path: str) -> Iterator[str]:
    """The path with the ids of things that exist."""
    if "{id}" not in path:
        yield path
        return
    noun = path.split("/")[3]
    ids = {
        "grids": [cast.town.grids[row][column].pk for row in (0, 2) for column in (0, 2)],
        "plans": list(Plan.objects.values_list("pk", flat=True)),
        "incidents": list(Incident.objects.values_list("pk", flat=True)),
        "households": [each.pk for each in Household.objects.order_by("pk")[:3]],
    }
    for key in ids[noun]:
        yield path.replace("{id}", str(key))


def test_walk_over_all_routes(cast: Cast) -> None:
    """Residents' names reach only the specialist who covers them; legal names of staff and incidents not the public."""
    draft(cast.town, 1)
    for row in range(3):
        factories.make_incident(cast.town, row, 0, text=f"{PLANTED_TEXT}{row}")
    document = Client().get(OPENAPI).json()
    called, residents, staff, incidents = 0, set(), set(), set()
    for name in EVERYBODY:
        client = caller(cast, name)
        for template, methods in document["paths"].items():
            for method, operation in methods.items():
                for path in routes(cast, template):
                    values = parameters(operation, cast)
                    if method == "get":
                        answer = client.get(path, values)
                    else:
                        answer = client.post(path, json.dumps({}), content_type="application/json")
                    called += 1
                    assert answer.status_code < 500, (name, method, path)
                    if answer.status_code >= 400:
                        assert answer["Content-Type"] == "application/problem+json", (name, method, path)
                    text = read(answer)
                    residents |= {name} if factories.RESIDENT in text.replace('"q":"居民甲乙"', "") else set()
                    staff |= {name} if LEGAL_NAME in text else set()
                    incidents |= {name} if PLANTED_TEXT in text else set()
    assert called > 20 * len(EVERYBODY)
    assert residents == set(HOUSEHOLDS)
    assert staff == SEES_STAFF
    specialists_there = {"lead", "away", "stand_in"}
    assert incidents == SEES_INCIDENTS | {f"{name}_0" for name in SEES_INCIDENTS} | specialists_there


# Pages that hand out no data of a town's people, or are walked elsewhere (API, admin: tests of their own).
NOT_WALKED = ("api/", "admin/", "i18n/")
PLACES_ASKED = {"", "map/card", "desk/answer/"}
HOST = "门卫老张"


def pages(patterns: list[Any] | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address that the pages answer, as its route."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            if not route.startswith(NOT_WALKED):
                yield from pages(each.url_patterns, route)
        else:
            yield route, each


def addresses(cast: Cast, route: str) -> Iterator[str]:
    """The route with ids of things that exist; a new kind of parameter must be added here."""
    rows = Household.objects.order_by("pk").values_list("pk", "building_id")
    known = {
        "mine/buildings": [building for _, building in rows[::12]],
        "mine/households": [key for key, _ in rows[::12]],
        "desk/incidents": list(Incident.objects.values_list("pk", flat=True)),
        "planner/import": [1],
        "planner/register": [1],
        "first-run/publish": [cast.town.plan.pk],
        "planner/plans": [cast.town.plan.pk, Plan.objects.order_by("-pk").values_list("pk", flat=True)[0]],
        "mine/hand-overs": [1],
    }
    if "<int:pk>" in route:
        keys = next(keys for start, keys in known.items() if route.startswith(start))
        for key in keys:
            yield "/" + route.replace("<int:pk>", str(key)).replace("<slug:table>", "buildings")
    elif "<" in route:
        assert route.startswith("tiles/"), f"say how {route} is called"
    else:
        yield "/" + route


def test_walk_over_all_pages(cast: Cast) -> None:
    """Names of residents on no page that is merely opened; of host contacts and staff only on the ground of the role.

    The school with its host contact (2,2) lies in community 2, `lead` and `member` work in community 0.
    """
    draft(cast.town, 1)
    both = factories.make_user("both")
    factories.grant(both, Role.CLERK, cast.town.subdistrict, cast.town.communities[0])
    factories.grant(both, Role.SPECIALIST, cast.town.subdistrict, cast.town.communities[0])
    for row in range(3):
        factories.make_incident(cast.town, row, 0, text=f"{PLANTED_TEXT}{row}")
    school, office = factories.middle(2, 2), factories.middle(0, 0)
    asked: list[dict[str, Any]] = [
        {},
        {"lon": school.x, "lat": school.y},
        {"lon": office.x, "lat": office.y},
        {"grid": cast.town.grids[2][2].pk},
        {"grid": cast.town.grids[0][0].pk},
        {
            "q": factories.RESIDENT[:2],
            "purpose": "visit",
            "by": "specialist",
            "town": cast.town.subdistrict.code,
        },
    ]
    called, walked = 0, set()
    found: dict[str, set[str]] = {word: set() for word in ("residents", "hosts", "staff", "incidents")}
    for name in [*EVERYBODY, "both"]:
        client = Client(headers={"Accept-Language": "en"})
        if name != "anonymous":
            client.force_login(both if name == "both" else cast.user(name))
        for route, _pattern in pages():
            for path in addresses(cast, route):
                whole = asked if route in PLACES_ASKED else [asked[0], asked[-1]]
                for values in asked[:1] if "<int:pk>" in route else whole:
                    answer = client.get(path, values)
                    called += 1
                    walked.add(route)
                    assert answer.status_code < 500, (name, path, values)
                    text = read(answer)
                    found["residents"] |= {name} if factories.RESIDENT in text else set()
                    found["hosts"] |= {name} if HOST in text else set()
                    found["staff"] |= {name} if LEGAL_NAME in text else set()
                    found["incidents"] |= {name} if PLANTED_TEXT in text else set()
    assert {"map/card", "desk/answer/", "today/", "planner/", "first-run/", "mine/"} <= walked
    assert called > 50 * len(EVERYBODY)
    assert found["residents"] == set(), "names are shown by POST, once the reading is recorded"
    local = {name for name in EVERYBODY if name.endswith("_0")} | {"both"}
    assert found["hosts"] == SEES_STAFF - local
    assert found["staff"] == SEES_STAFF | {"both"}
    specialists_there = {"lead", "away", "stand_in", "both"}
    assert found["incidents"] == SEES_INCIDENTS | {f"{name}_0" for name in SEES_INCIDENTS} | specialists_there


def test_households_are_404_for_everybody_else(cast: Cast) -> None:
    """The table of the permissions, asked over HTTP: 200 for the marked cells, else 404, and 401 for the public."""
    for name in [*HOUSEHOLDS, "planner", "supervisor", "dispatcher", "former", "stranger", "anonymous"]:
        client = caller(cast, name)
        marks = HOUSEHOLDS.get(name, " . " * 9).split()
        for cell, mark in zip(GRIDS, marks, strict=True):
            building = cast.town.buildings[int(cell[0])][int(cell[1])][0]
            household = building.households.first()
            assert household is not None
            answer = client.get(f"/api/v1/households/{household.pk}", {"purpose": "visit"})
            expected = 401 if name == "anonymous" else 200 if mark == "x" else 404
            assert answer.status_code == expected, (name, cell)
    assert caller(cast, "planner").get("/api/v1/households", {"purpose": "visit"}).status_code == 403


def test_a_missing_household_looks_like_a_hidden_one(cast: Cast) -> None:
    client = caller(cast, "lead")
    hidden = cast.town.buildings[1][1][0].households.first()
    assert hidden is not None
    answers = [client.get(f"/api/v1/households/{key}", {"purpose": "visit"}) for key in (hidden.pk, 2**62)]
    assert answers[0].status_code == answers[1].status_code == 404
    assert answers[0].content == answers[1].content


def test_reading_is_recorded_with_its_purpose(cast: Cast) -> None:
    client = caller(cast, "lead")
    page = client.get("/api/v1/households", {"purpose": "quarterly visit", "limit": "3"}).json()
    assert len(page["features"]) == 3
    record = AccessRecord.objects.get()
    assert (record.by, record.noun, record.purpose) == (cast["lead"], "household", "quarterly visit")
    assert record.object_ids == [each["id"] for each in page["features"]]
    assert "residents.name" in record.fields
    assert factories.RESIDENT not in json.dumps([record.fields, record.purpose, record.object_ids])
    following: dict[str, Any] = {"purpose": "quarterly visit", "after": page["next"]}
    rest = client.get("/api/v1/households", following).json()
    assert (len(rest["features"]), rest["next"]) == (1, None)
    for purpose in (None, "", "   ", "x" * 201):
        params: dict[str, Any] = {} if purpose is None else {"purpose": purpose}
        answer = client.get("/api/v1/households", params)
        assert answer.status_code == 422
        assert factories.RESIDENT not in answer.content.decode()
    assert AccessRecord.objects.count() == 2


def test_what_cannot_be_recorded_is_not_shown(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_values: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(AccessRecord.objects, "create", broken)
    answer = caller(cast, "lead").get("/api/v1/households", {"purpose": "visit"})
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert factories.RESIDENT not in answer.content.decode()
    assert "the log is full" not in answer.content.decode()


def test_tokens(cast: Cast) -> None:
    user, now = cast.user("lead"), timezone.now()

    def me(secret: str) -> tuple[int, str]:
        answer = Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/me")
        return answer.status_code, answer.json().get("username", "")

    assert me(factories.make_token(user)) == (200, "lead")
    assert me(factories.make_token(user, expires_at=now + timedelta(minutes=1))) == (200, "lead")
    refused = (401, "")
    assert me(factories.make_token(user, expires_at=now - timedelta(seconds=1))) == refused
    assert me(factories.make_token(user, revoked_at=now)) == refused
    assert me("gm_" + "x" * 43) == refused
    assert me("") == refused
    secret = factories.make_token(user)
    assert me(user.api_tokens.get(digest=type(user.api_tokens.first()).digest_of(secret)).digest) == refused  # type: ignore[union-attr]
    user.is_active = False
    user.save()
    assert me(secret) == refused
    assert Client().get("/api/v1/me")["WWW-Authenticate"] == "Bearer"


def test_a_session_needs_the_csrf_token_to_change_something(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.user("dispatcher"))
    point = factories.middle(0, 0)
    body = {"text": "井盖松动", "lon": point.x, "lat": point.y}
    refused = client.post("/api/v1/incidents", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert not Incident.objects.exists()
    client.cookies["csrftoken"] = "a" * 32
    made = client.post(
        "/api/v1/incidents", body, content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )
    assert made.status_code == 201
    token = factories.make_token(cast.user("dispatcher"))
    machine = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {token}"})
    assert machine.post("/api/v1/incidents", body, content_type="application/json").status_code == 201
    # reading by POST asks for none
    assert client.post("/api/v1/locate", {"points": []}, content_type="application/json").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/api/v1/nowhere", 404),
        ("get", "/api/v1/grids/999999999", 404),
        ("get", "/api/v1/grids/99999999999999999999", 422),
        ("get", "/api/v1/plans/abc", 422),
        ("delete", "/api/v1/locate", 405),
        ("put", "/api/v1/incidents", 405),
        ("get", "/api/v1/me", 401),
        ("post", "/api/v1/incidents", 401),
    ],
)
def test_every_error_is_a_problem(cast: Cast, method: str, path: str, status: int) -> None:
    answer = Client(headers={"Accept-Language": "en"}).generic(method.upper(), path)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["status"] == status
    if status == 405:
        assert "GET" in answer["Allow"]


def test_openapi_document_and_its_page_need_no_internet(cast: Cast) -> None:
    document = Client().get(OPENAPI).json()
    assert document["openapi"].startswith("3.")
    expected = {"/locate", "/search", "/communities", "/grids", "/grids/{id}", "/plans", "/plans/{id}"}
    of_plans = (
        "buildings changes checks compare copy edits export head history publish redo settle undo unsettled"
    )
    expected |= {f"/plans/{{id}}/{call}" for call in f"{of_plans} approve refuse withdraw take-back".split()}
    expected |= {
        "/incidents",
        "/incidents/{id}",
        "/incidents/{id}/close",
        "/me",
        "/households",
        "/households/{id}",
    }
    assert {path.removeprefix("/api/v1") for path in document["paths"]} == expected
    assert document["paths"]["/api/v1/locate"]["get"]["security"] == [{"Token": []}, {"Session": []}, {}]
    page = Client().get("/api/v1/docs")
    assert page.status_code == 200
    assert "http://" not in page.content.decode().replace("http://testserver", "")
    assert "https://" not in page.content.decode()
