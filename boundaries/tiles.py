"""Vector tiles of the town's own ground: one SQL statement a tile, put together from named fragments.

A tile of zoom z is meant to be drawn on 512 CSS pixels (as MapLibre and protomaps-leaflet do), so it shows what a
map of 256-pixel tiles calls zoom z + 1. Coordinates are Web Mercator (EPSG:3857), 4096 units across.

CRS traps, and what is done about them:

- Tables hold degrees (4326) with a GiST index on them. The *tile's* envelope is transformed to degrees once and
  compared with the index; transforming the column would read the whole table.
- Simplification happens in degrees, before the costly transformation of every vertex. A degree of latitude is
  longer than one of longitude, so the tolerance is measured along the longitude, where a pixel is the same at every
  latitude of the Mercator map.
- A label is one point, in the one tile that holds it: computed from the whole shape, never from the clipped one,
  or every tile would carry its own copy of a park's name. Rivers are the exception, on purpose.

No tile holds personal data, so none asks who is looking: no session, the same bytes for everybody.
"""

import gzip
from functools import cache
from typing import Any, Final

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from boundaries.prepared import Statement

EXTENT: Final = 4096
PIXELS: Final = 512
MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"

# Zooms that a tile may have: below, the town is a dot; above, the client enlarges the last one.
ZOOMS: Final = {"ground": range(8, 18), "buildings": range(15, 18)}
FIRST_NUMBERS: Final = 17
"""Buildings carry their numbers from this zoom on."""

# --- Fragments ------------------------------------------------------------------------------------------------
# Materialised, or the planner would compute every geometry twice: once to see that it is not null.
# `reach` is the tile with its buffer and `tile` without, both in degrees; `px` is a pixel in degrees of longitude.
_TILE: Final = """
tile AS MATERIALIZED (
  SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS envelope,
         ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4326) AS body,
         ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => %(margin)s), 4326) AS reach,
         360.0 / (%(pixels)s * 2 ^ %(z)s) AS px
)"""

_SHAPE: Final = "ST_AsMVTGeom(ST_Transform(ST_Simplify({column}, tile.px * {slack}), 3857), tile.envelope, {extent}, {buffer})"

_WATER: Final = """
water AS MATERIALIZED (
  SELECT kind, {shape} AS geom
  FROM boundaries_water, tile
  WHERE area && tile.reach AND ST_XMax(area) - ST_XMin(area) + ST_YMax(area) - ST_YMin(area) > tile.px * 4
)"""

_LAND: Final = """
land AS MATERIALIZED (
  SELECT kind, {shape} AS geom
  FROM boundaries_land, tile
  WHERE area && tile.reach AND ST_XMax(area) - ST_XMin(area) + ST_YMax(area) - ST_YMin(area) > tile.px * 6
)"""

# One feature for all streets of a name, rank and width in the tile: their names then run on over crossings.
# Extracted, since ST_LineMerge loses multilines that stand inside a collection.
_STREETS: Final = """
street_lines AS (
  SELECT rank, width_m, name, name_en,
         ST_LineMerge(ST_CollectionExtract(ST_Collect(ST_ClipByBox2D(line, tile.reach)), 2)) AS line
  FROM boundaries_street, tile
  WHERE line && tile.reach AND rank = ANY(%(ranks)s)
  GROUP BY rank, width_m, name, name_en
), streets AS MATERIALIZED (
  SELECT rank, round(width_m::numeric, 1)::real AS width, {names}, {shape} AS geom
  FROM street_lines, tile
)"""

_COMPOUNDS: Final = """
compounds AS MATERIALIZED (
  SELECT id, kind, {shape} AS geom
  FROM boundaries_compound, tile
  WHERE outline && tile.reach AND ST_XMax(outline) - ST_XMin(outline) > tile.px * 8
)"""

_COMMUNITIES: Final = """
communities AS MATERIALIZED (
  SELECT id, {shape} AS geom
  FROM boundaries_community, tile
  WHERE outline && tile.reach
)"""

# `size` is the shape's extent in pixels: what is larger gets its label first, what is too small gets none.
_LABELS: Final = """
named AS (
  SELECT 'land' AS kind, name, name_en, area AS shape FROM boundaries_land, tile
  WHERE area && tile.body AND name <> '' AND ST_XMax(area) - ST_XMin(area) > tile.px * 40
  UNION ALL
  SELECT 'water', name, name_en, ST_Multi(ST_ClipByBox2D(area, tile.body)) FROM boundaries_water, tile
  WHERE area && tile.body AND name <> ''
  UNION ALL
  SELECT 'compound', name, name_en, outline FROM boundaries_compound, tile
  WHERE outline && tile.body AND ST_XMax(outline) - ST_XMin(outline) > tile.px * 36
), spots AS (
  SELECT kind, name, name_en, ST_PointOnSurface(shape) AS spot,
         ((ST_XMax(shape) - ST_XMin(shape) + ST_YMax(shape) - ST_YMin(shape)) / 2 / tile.px)::int AS size
  FROM named, tile WHERE NOT ST_IsEmpty(shape)
), labels AS MATERIALIZED (
  SELECT kind, name, name_en, size,
         ST_AsMVTGeom(ST_Transform(spot, 3857), tile.envelope, {extent}, 0, false) AS geom
  FROM spots, tile
  WHERE ST_X(spot) >= ST_XMin(tile.body) AND ST_X(spot) < ST_XMax(tile.body)
    AND ST_Y(spot) > ST_YMin(tile.body) AND ST_Y(spot) <= ST_YMax(tile.body) AND size > 24
  ORDER BY size DESC
)"""

_BUILDINGS: Final = """
buildings AS MATERIALIZED (
  SELECT use, compound_id AS compound, {shape} AS geom
  FROM boundaries_building, tile
  WHERE footprint && tile.reach AND existed @> now()
)"""

# Where numbers are shown the buildings are looked up once for both.
_NUMBERED: Final = """
standing AS MATERIALIZED (
  SELECT use, compound_id, number, house_number, point, footprint
  FROM boundaries_building, tile
  WHERE footprint && tile.reach AND existed @> now()
), buildings AS MATERIALIZED (
  SELECT use, compound_id AS compound, {shape} AS geom
  FROM standing, tile
), numbers AS MATERIALIZED (
  SELECT CASE WHEN number <> '' THEN number ELSE house_number END AS number,
         ST_AsMVTGeom(ST_Transform(point, 3857), tile.envelope, {extent}, 0, false) AS geom
  FROM standing, tile
  WHERE point && tile.body AND (number <> '' OR house_number <> '')
)"""

_PART: Final = "(SELECT ST_AsMVT({part}, '{part}', {extent}, 'geom') FROM {part} WHERE geom IS NOT NULL)"

_RANKS: Final = (
    (8, ["motorway", "rail"]),
    (10, ["avenue"]),
    (12, ["street"]),
    (13, ["lane"]),
    (14, ["service"]),
    (15, ["path"]),
)


def ranks(z: int) -> list[str]:
    """Ranks of streets that a tile of zoom `z` shows."""
    return [rank for first, group in _RANKS if z >= first for rank in group]


def buffer(z: int) -> int:
    """Units that a tile reaches over its edge: an avenue of 60 m whose middle lies next door must show its half here."""
    return max(96, min(512, 512 >> (17 - z))) if z >= 14 else 96


@cache
def statement(layer: str, z: int) -> Statement:
    """The SQL of a tile; parameters z, x, y, margin, pixels, ranks. One row, one bytea.

    Planning a dozen joins takes as long as reading a tile of close zoom, so that each connection keeps the plan.
    """

    def shape(column: str, slack: float) -> str:
        return _SHAPE.format(column=column, slack=slack, extent=EXTENT, buffer=buffer(z))

    # A quarter of a pixel where the client enlarges the tile, half a pixel elsewhere.
    slack = 0.15 if z == max(ZOOMS[layer]) else 0.5
    if layer == "buildings":
        numbered = z >= FIRST_NUMBERS
        fragment = _NUMBERED if numbered else _BUILDINGS
        fragments = [fragment.format(shape=shape("footprint", slack / 2), extent=EXTENT)]
        parts = ["buildings", "numbers"] if numbered else ["buildings"]
    else:
        names = "name, name_en" if z >= 13 else "'' AS name, '' AS name_en"
        fragments = [
            _WATER.format(shape=shape("area", slack)),
            _LAND.format(shape=shape("area", slack)),
            _STREETS.format(shape=shape("line", slack), names=names),
            _COMMUNITIES.format(shape=shape("ST_Boundary(outline)", slack)),
        ]
        parts = ["land", "water", "streets", "communities"]
        if z >= 13:
            fragments += [_COMPOUNDS.format(shape=shape("outline", slack)), _LABELS.format(extent=EXTENT)]
            parts += ["compounds", "labels"]
    body = " || ".join(f"coalesce({_PART.format(part=part, extent=EXTENT)}, '')" for part in parts)
    return Statement(f"WITH {_TILE}, {', '.join(fragments)} SELECT {body} AS tile")


def build(layer: str, z: int, x: int, y: int) -> bytes:
    """The tile as bytes; empty where there is nothing to see. One query, not cached."""
    parameters: dict[str, Any] = {
        "z": z,
        "x": x,
        "y": y,
        "margin": buffer(z) / EXTENT,
        "pixels": PIXELS,
        "ranks": ranks(z),
    }
    return bytes(statement(layer, z).rows(parameters)[0]["tile"])


def edition(layer: str) -> int:
    """How often the layer has changed; 0 where nothing was ever written. One query by primary key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM boundaries_edition WHERE layer = %s", [layer])
        row = cursor.fetchone()
    return row[0] if row else 0


def is_known(layer: str, z: int, x: int, y: int) -> bool:
    """Whether there can be such a tile."""
    return layer in ZOOMS and z in ZOOMS[layer] and 0 <= x < 2**z and 0 <= y < 2**z


def tile(request: HttpRequest, layer: str, z: int, x: int, y: int) -> HttpResponse:
    """GET /tiles/{layer}/{z}/{x}/{y}.mvt: 200, 204 without content, 304 where the browser has it, 404 if absurd.

    Browsers keep tiles and ask each time whether they still hold: one small query answers that.
    """
    if not is_known(layer, z, x, y):
        return HttpResponse(status=404, content_type=MEDIA_TYPE)
    etag = f'W/"{layer}-{edition(layer)}-{z}-{x}-{y}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = _answer(request, build(layer, z, x, y))
    response["ETag"] = etag
    response["Cache-Control"] = "public, no-cache"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _answer(request: HttpRequest, body: bytes) -> HttpResponse:
    if not body:
        return HttpResponse(status=204)
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return HttpResponse(body, content_type=MEDIA_TYPE)
    # Level 4: within a few per cent of the best size at a quarter of its time.
    response = HttpResponse(gzip.compress(body, 4, mtime=0), content_type=MEDIA_TYPE)
    response["Content-Encoding"] = "gzip"
    return response
