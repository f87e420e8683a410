"""GeoJSON (RFC 7946): written grid by grid, so that a town of any size costs the memory of one grid."""

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from boundaries.exporting.scheme import Scheme

DECIMALS: Final = 9


def geojson(scheme: Scheme) -> Iterator[bytes]:
    """A FeatureCollection in UTF-8, in pieces. WGS 84, longitude first; at least nine decimals, and as many as it takes
    to lose nothing. `metadata` says what it is."""
    head = {"type": "FeatureCollection", "name": scheme.name, "metadata": scheme.facts()}
    yield _json(head).removesuffix("}").encode() + b',"features":['
    for index, (grid, ground) in enumerate(zip(scheme.grids, scheme.grounds(), strict=True)):
        properties = {
            "code": grid.code,
            "name": grid.name,
            "name_en": grid.name_en,
            "kind": grid.kind,
            "community": grid.community,
            "comm_name": grid.community_name,
        }
        begin = "\n" if index == 0 else ",\n"
        yield (
            f'{begin}{{"type":"Feature","properties":{_json(properties)},'
            f'"geometry":{{"type":"MultiPolygon","coordinates":{_coordinates(ground)}}}}}'
        ).encode()
    yield b"\n]}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _coordinates(ground: BaseGeometry) -> str:
    polygons = (
        ",".join(_ring(shapely.get_coordinates(ring)) for ring in shapely.get_rings(polygon))
        for polygon in shapely.get_parts(ground)
    )
    return "[" + ",".join(f"[{rings}]" for rings in polygons) + "]"


def _ring(points: NDArray[np.float64]) -> str:
    return "[" + ",".join(f"[{_number(x)},{_number(y)}]" for x, y in points.tolist()) + "]"


def _number(value: float) -> str:
    text = f"{value:.{DECIMALS}f}"
    # what lies off the record's grid (an outline that was surveyed elsewhere) keeps all its digits
    return text if float(text) == value else repr(value)
