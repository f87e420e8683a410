"""Vector tiles: what they show at which zoom, read back with GDAL, and how HTTP keeps them."""

import gzip
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.gis.geos import LineString, MultiLineString
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from boundaries import tiles
from boundaries.actions.editions import BUILDINGS, raise_editions
from boundaries.models import Building, Street, StreetRank
from gridmap.models import Resident
from tests.factories import CELL, SOUTH, WEST, Town, make_town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return make_town()


def over(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Column and row of the tile of zoom `z` that holds a place."""
    n = 2**z
    row = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    return int((lon + 180) / 360 * n), int(row)


def address(layer: str, z: int, lon: float = WEST + CELL * 1.5, lat: float = SOUTH + CELL * 1.5) -> str:
    x, y = over(lon, lat, z)
    return f"/tiles/{layer}/{z}/{x}/{y}.mvt"


_READ = """
import json, sys, pyogrio, pyogrio.raw
found = {}
for name, _kind in pyogrio.list_layers(sys.argv[1]):
    meta, _fids, _shapes, columns = pyogrio.raw.read(sys.argv[1], layer=name)
    rows = zip(*(column.tolist() for column in columns)) if len(columns) else ()
    found[name] = [dict(zip(meta["fields"].tolist(), row)) for row in rows]
print(json.dumps(found))
"""


def layers(body: bytes, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The tile's features by layer as GDAL reads them, in a process of its own: in ours it opens no tiles."""
    path = folder / "0.mvt"
    path.write_bytes(body)
    run = subprocess.run([sys.executable, "-c", _READ, str(path)], capture_output=True, check=True)
    found: dict[str, list[dict[str, Any]]] = json.loads(run.stdout)
    return found


def test_the_ground_shows_what_its_zoom_has_room_for(town: Town, client: Client, tmp_path: Path) -> None:
    far = layers(client.get(address("ground", 11)).content, tmp_path)
    near = layers(client.get(address("ground", 16)).content, tmp_path)
    assert set(far) == {"land", "water", "communities"}
    assert {"compounds", "labels", "streets", "communities"} <= set(near)
    street = near["streets"][0]
    assert street["rank"] in StreetRank.values
    assert street["width"] > 0
    assert street["name"]


def test_a_compound_carries_its_name_in_one_tile_only(town: Town, tmp_path: Path) -> None:
    """A label is one point, in the one tile that holds it, though the compound itself lies in several."""
    z = 17
    columns, rows = zip(*(over(WEST + CELL * i, SOUTH + CELL * i, z) for i in (0, 3)), strict=True)
    seen: list[str] = []
    drawn = 0
    for x in range(columns[0] - 1, columns[1] + 2):
        for y in range(rows[1] - 1, rows[0] + 2):
            if body := tiles.build("ground", z, x, y):
                found = layers(body, tmp_path)
                seen += [row["name"] for row in found.get("labels", []) if row["kind"] == "compound"]
                drawn += len(found.get("compounds", []))
    names = sorted(compound.name for line in town.compounds for compound in line)
    assert sorted(seen) == names
    assert drawn > len(names)


def test_numbers_come_with_the_last_zoom(town: Town, client: Client, tmp_path: Path) -> None:
    building = town.buildings[1][1][0]
    at = {"lon": building.point.x, "lat": building.point.y}
    assert "numbers" not in layers(client.get(address("buildings", 16, **at)).content, tmp_path)
    near = layers(client.get(address("buildings", 17, **at)).content, tmp_path)
    assert building.number in [row["number"] for row in near["numbers"]]
    assert town.compounds[1][1].pk in [row["compound"] for row in near["buildings"]]


def test_a_building_that_is_gone_is_not_drawn(town: Town, client: Client) -> None:
    path = address("buildings", 16)
    assert client.get(path).status_code == 200
    Building.objects.update(existed="[2000-01-01,2010-01-01)")
    raise_editions(BUILDINGS)
    assert client.get(path).status_code == 204


def test_tiles_hold_nothing_about_people(town: Town) -> None:
    names = set(Resident.objects.values_list("name", flat=True))
    assert names
    for layer, zooms in tiles.ZOOMS.items():
        for z in zooms:
            body = tiles.build(layer, z, *over(WEST + CELL * 1.5, SOUTH + CELL * 1.5, z))
            assert not [name for name in names if name.encode() in body]


def test_a_street_in_pieces_is_drawn_whole(town: Town, tmp_path: Path) -> None:
    """ST_LineMerge drops a multiline inside a collection: the street's name would end at every joint."""
    Street.objects.all().delete()
    west, south = WEST + CELL * 1.2, SOUTH + CELL * 1.5
    middle, east = west + CELL * 0.1, west + CELL * 0.2
    Street.objects.create(
        subdistrict=town.subdistrict,
        name="合缝街",
        rank=StreetRank.STREET,
        width_m=12,
        line=MultiLineString(
            LineString((west, south), (middle, south)), LineString((middle, south), (east, south)), srid=4326
        ),
    )
    found = layers(tiles.build("ground", 16, *over(middle, south, 16)), tmp_path)
    assert [row["name"] for row in found["streets"]] == ["合缝街"]


def test_a_wide_avenue_next_door_shows_its_near_half() -> None:
    """60 m at zoom 17 are 115 pixels: the tile must reach 58 pixels over its edge, 64 it does."""
    half = 30 / (40075016.7 * math.cos(math.radians(30.7)) / 2**17 / tiles.EXTENT)
    assert tiles.buffer(17) >= half
    assert tiles.buffer(8) == 96


@pytest.mark.parametrize(
    "path",
    ["/tiles/ground/7/1/1.mvt", "/tiles/ground/18/1/1.mvt", "/tiles/buildings/14/1/1.mvt",
     "/tiles/ground/14/16384/1.mvt", "/tiles/people/14/1/1.mvt", "/tiles/ground/99/1/1.mvt"],
)  # fmt: skip
def test_a_tile_that_cannot_be_is_not_found_and_costs_nothing(
    path: str, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert client.get(path).status_code == 404


def test_empty_ground_is_204(town: Town, client: Client) -> None:
    answer = client.get("/tiles/ground/14/0/0.mvt")
    assert answer.status_code == 204
    assert not answer.content
    assert answer.headers["ETag"]


def test_a_tile_asked_for_again_is_one_query_and_304(
    town: Town, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    path = address("ground", 16)
    with django_assert_num_queries(2):
        first = client.get(path)
    with django_assert_num_queries(1):
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    raise_editions("ground")
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_a_tile_is_the_same_for_everybody(town: Town, client: Client) -> None:
    client.cookies["sessionid"] = "somebody"
    answer = client.get(address("ground", 16))
    assert "Cookie" not in answer.headers["Vary"]
    assert not answer.cookies
    assert answer.headers["Cache-Control"] == "public, no-cache"


def test_gzip_where_it_is_understood(town: Town, client: Client) -> None:
    plain = client.get(address("ground", 16))
    packed = client.get(address("ground", 16), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content)
