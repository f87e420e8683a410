"""Geometries and periods of the admin's forms."""

import json
from typing import Any

import pytest
from django.contrib.gis import gdal
from psycopg.types.range import TimestamptzRange

from boundaries.admin_fields import GeometryWidget, OpenRange

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
LINK = {"type": "link", "properties": {"href": "http://127.0.0.1:9/evil.prj", "type": "proj4"}}


@pytest.fixture
def no_gdal(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_values: object) -> None:
        raise AssertionError("GDAL was given text from outside")

    monkeypatch.setattr(gdal.OGRGeometry, "from_json", asked)
    monkeypatch.setattr(gdal.SpatialReference, "__init__", asked)


@pytest.mark.usefixtures("no_gdal")
def test_a_link_to_a_coordinate_system_is_not_followed() -> None:
    found = GeometryWidget().deserialize(json.dumps(SQUARE | {"crs": LINK}))
    assert found is not None
    assert (found.geom_type, found.srid, found.num_coords) == ("Polygon", 4326, 4)


@pytest.mark.usefixtures("no_gdal")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "3",
        "[]",
        "null",
        "[" * 5000,
        '{"type": "Polygon"}',
        '{"type": "Polygon", "coordinates": [[[0, 0]]]}',
    ],
)
def test_what_is_no_geometry_is_none(text: str) -> None:
    assert GeometryWidget().deserialize(text) is None


def test_both_ends_may_be_open() -> None:
    field = OpenRange(required=True)
    values: list[Any] = [None, None]
    assert field.clean(values) == TimestamptzRange(None, None, "[)")
    assert field.clean(["2020-01-01 00:00", ""]).upper is None
