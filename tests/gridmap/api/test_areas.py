"""Communities, grids and plans as GeoJSON: compared, compressed, dated."""

import gzip
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import shapely
from django.test import Client
from django.utils import timezone

from boundaries.actions.editions import raise_editions
from boundaries.models import Plan, Publication
from boundaries.models.constraints import since
from tests import factories
from tests.gridmap.conftest import Cast

Bound = Callable[..., AbstractContextManager[Any]]


def test_grids_tile_their_communities_in_the_precision_of_the_record(cast: Cast, client: Client) -> None:
    communities = client.get("/api/v1/communities").json()
    grids = client.get("/api/v1/grids").json()
    assert (len(communities["features"]), len(grids["features"])) == (3, 9)
    assert communities["datum"] == grids["datum"] == "wgs84"
    for community in communities["features"]:
        code = community["properties"]["code"]
        parts = [
            shapely.geometry.shape(grid["geometry"])
            for grid in grids["features"]
            if grid["properties"]["community"] == code
        ]
        assert shapely.union_all(parts).equals(shapely.geometry.shape(community["geometry"]))
    only = client.get("/api/v1/grids", {"community": "510115001004"}).json()["features"]
    assert [each["properties"]["community"] for each in only] == ["510115001004"] * 3
    assert client.get("/api/v1/grids", {"at": "2018-06-01"}).json()["features"] == []
    assert client.get("/api/v1/communities", {"subdistrict": "510115002"}).json()["features"] == []


def test_unchanged_costs_one_query_and_no_body(
    cast: Cast, client: Client, django_assert_num_queries: Bound
) -> None:
    for path in ("/api/v1/grids", "/api/v1/communities"):
        with django_assert_num_queries(2):
            first = client.get(path)
        with django_assert_num_queries(1):
            again = client.get(path, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        raise_editions("grids", "ground")
        changed = client.get(path, headers={"If-None-Match": first["ETag"]})
        assert changed.status_code == 200
        assert changed["ETag"] != first["ETag"]


def test_a_publication_that_comes_into_force_by_the_clock_changes_the_etag(
    cast: Cast, client: Client
) -> None:
    now = timezone.now()
    old = Publication.objects.get(community=cast.town.communities[0])
    old.period = factories.during(factories.FOUNDED, now + timedelta(days=1))
    old.save()
    plan = Plan.objects.create(subdistrict=cast.town.subdistrict, name="Next", frozen_at=now)
    plan.publications.create(community=cast.town.communities[0], period=since(now + timedelta(days=1)))
    etags = [
        client.get("/api/v1/grids", {"at": (now + timedelta(days=days)).isoformat()})["ETag"]
        for days in (0, 0.5, 2)
    ]
    assert etags[0] == etags[1] != etags[2]
    later = client.get("/api/v1/grids", {"at": (now + timedelta(days=2)).isoformat()}).json()
    assert len(later["features"]) == 6


def test_compressed_on_request(cast: Cast, client: Client) -> None:
    plain = client.get("/api/v1/grids", {"at": "2020-01-01"})
    packed = client.get("/api/v1/grids", {"at": "2020-01-01"}, headers={"Accept-Encoding": "gzip, br"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert "Accept-Encoding" in packed["Vary"]
    assert int(packed["Content-Length"]) == len(packed.content) < len(plain.content)


def test_one_grid_and_who_answers(cast: Cast, client: Client, django_assert_num_queries: Bound) -> None:
    path = f"/api/v1/grids/{cast.town.grids[1][0].pk}"
    with django_assert_num_queries(2):
        body = client.get(path).json()["properties"]
    assert body["specialist"]["part"] == "stand_in"
    assert not {"lead", "members", "host_contact"} & set(body)
    client.force_login(cast.user("dispatcher"))
    body = client.get(path).json()["properties"]
    assert (body["lead"]["name"], body["lead"]["on_duty"]) == ("网格员004", False)
    dedicated = client.get(f"/api/v1/grids/{cast.town.grids[2][2].pk}").json()["properties"]
    assert dedicated["host_contact"]["host"] == "柳城小学"
    assert client.get(path, {"at": "2018-01-01"}).status_code == 404


def test_plans(cast: Cast) -> None:
    draft = Plan.objects.create(subdistrict=cast.town.subdistrict, name="Draft")
    for name, expected in (("planner", 2), ("dispatcher", 1), ("stranger", 1)):
        client = Client()
        client.force_login(cast.user(name))
        assert len(client.get("/api/v1/plans").json()) == expected, name
        assert (client.get(f"/api/v1/plans/{draft.pk}").status_code == 200) == (expected == 2)
    found = Client().get(f"/api/v1/plans/{cast.town.plan.pk}").json()
    assert len(found["grids"]["features"]) == 9
    assert found["datum"] == found["grids"]["datum"] == "wgs84"
    assert {each["community"] for each in found["publications"]} == {
        community.code for community in cast.town.communities
    }
    assert found["publications"][0]["end"] is None
    assert json.dumps(found).count("Polygon") == 9


def test_what_is_not_in_force_yet_is_for_colleagues(cast: Cast, client: Client) -> None:
    """Next month's plan, the part of a plan that was not published, and what was withdrawn."""
    now, town = timezone.now(), cast.town
    first, second = town.communities[:2]
    plan = Plan.objects.create(subdistrict=town.subdistrict, name="Next month")
    for row, community in enumerate(town.communities):
        plan.outlines.create(
            grid=town.grids[row][0],
            community=community,
            code=f"N{row}",
            name="N",
            polygon=factories.cell(row, 0),
        )
    Publication.objects.filter(community__in=[first, second]).update(
        period=factories.during(factories.FOUNDED, now - timedelta(days=2))
    )
    to_come = plan.publications.create(community=first, period=since(now + timedelta(days=30)))
    plan.publications.create(community=second, period=since(now - timedelta(days=1)), state="withdrawn")

    def seen(name: str) -> tuple[int, set[str], set[str]]:
        caller = Client()
        if name:
            caller.force_login(cast.user(name))
        answer = caller.get(f"/api/v1/plans/{plan.pk}")
        listed = [each["name"] for each in caller.get("/api/v1/plans").json()]
        assert (answer.status_code == 200) == ("Next month" in listed)
        if answer.status_code != 200:
            return answer.status_code, set(), set()
        body = answer.json()
        return (
            200,
            {each["properties"]["code"] for each in body["grids"]["features"]},
            {each["community"] for each in body["publications"]},
        )

    for name in ("", "stranger", "ex_planner"):
        assert seen(name) == (404, set(), set()), name
    everything = (200, {"N0", "N1", "N2"}, {first.code, second.code})
    for name in ("planner", "dispatcher", "lead"):
        assert seen(name) == everything, name
    to_come.period = since(now - timedelta(hours=1))
    to_come.save()
    for name in ("", "stranger"):
        assert seen(name) == (200, {"N0"}, {first.code}), name
    assert seen("planner") == everything
