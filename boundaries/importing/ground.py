"""Streets, water and open land from a file: the map under the grids when no foreign tiles are loaded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries.importing import suspicions
from boundaries.importing.areas import Town
from boundaries.importing.buildings import is_openstreetmap, osm_reference
from boundaries.importing.report import Progress, Report, no_progress
from boundaries.importing.rows import Options, Row, parts_of, reader
from boundaries.importing.shapes import polygons_of, reproject, snapped

GroundKind = Literal["street", "water", "land"]
GROUND_KINDS: Final[tuple[GroundKind, ...]] = ("street", "water", "land")

_ANY: Final = {"ref": "ground.ref", "name": "ground.name", "name_en": "name_en"}
ROLES: Final[dict[GroundKind, dict[str, str]]] = {
    "street": {**_ANY, "rank": "rank", "width": "width"},
    "water": {**_ANY, "kind": "kind"},
    "land": {**_ANY, "kind": "kind"},
}
"""Roles that columns of a file fill (OpenStreetMap's are known), and their lists of usual names in ``columns.ROLES``."""

# Rank and width in metres by OpenStreetMap's class, and by the words of Chinese road registers
STREETS: Final[dict[str, tuple[str, float]]] = {
    "motorway": ("motorway", 26), "trunk": ("motorway", 22), "motorway_link": ("motorway", 9), "trunk_link": ("motorway", 8),
    "primary": ("avenue", 18), "primary_link": ("avenue", 8), "secondary": ("avenue", 14), "secondary_link": ("avenue", 7),
    "tertiary": ("street", 10), "tertiary_link": ("street", 6), "unclassified": ("street", 6), "residential": ("street", 7),
    "road": ("street", 6), "living_street": ("lane", 5), "busway": ("street", 7), "service": ("service", 4), "track": ("path", 3),
    "pedestrian": ("lane", 6), "path": ("path", 1.5), "footway": ("path", 2), "cycleway": ("path", 2.5), "bridleway": ("path", 2),
    "steps": ("path", 2), "corridor": ("path", 2), "rail": ("rail", 4), "light_rail": ("rail", 4), "subway": ("rail", 4),
    "tram": ("rail", 3), "avenue": ("avenue", 18), "street": ("street", 8), "lane": ("lane", 5),
    "高速": ("motorway", 26), "高速公路": ("motorway", 26), "快速路": ("motorway", 22), "主干路": ("avenue",
        24), "主干道": ("avenue", 24),
    "次干路": ("avenue", 14), "次干道": ("avenue", 14), "支路": ("street", 8), "街": ("street", 8),
    "巷": ("lane", 4), "小区路": ("service", 4),
}  # fmt: skip
_SUFFIXES: Final = (
    ("高速", "高速"),
    ("大道", "主干路"),
    ("路", "支路"),
    ("街", "支路"),
    ("巷", "巷"),
    ("弄", "巷"),
)
_WATERWAYS: Final = {"river": ("river", 12.0), "canal": ("canal", 8.0), "stream": ("river", 2.0)}
_UNDERGROUND: Final = ("yes", "culvert", "flooded")
_LAND: Final = {
    ("leisure", "park"): "park", ("leisure", "garden"): "park", ("leisure", "common"): "park",
    ("landuse", "village_green"): "park", ("landuse", "recreation_ground"): "park", ("landuse", "grass"): "park",
    ("landuse", "farmland"): "field", ("landuse", "meadow"): "field", ("landuse", "orchard"): "field",
    ("landuse", "vineyard"): "field", ("landuse", "allotments"): "field", ("landuse", "farm"): "field",
    ("landuse", "forest"): "wood", ("natural", "wood"): "wood", ("natural", "scrub"): "wood",
    ("leisure", "pitch"): "sports", ("leisure", "sports_centre"): "sports", ("leisure", "track"): "sports",
    ("leisure", "stadium"): "sports", ("leisure", "golf_course"): "sports", ("place", "square"): "square",
    ("landuse", "construction"): "site",
}  # fmt: skip
_LAND_WORDS: Final = {
    "公园": "park", "绿地": "park", "滨河绿地": "riverside", "农田": "field", "耕地": "field", "林地": "wood",
    "体育": "sports", "广场": "square", "工地": "site",
    **{kind: kind for kind in ("park", "riverside", "field", "wood", "sports", "square", "site")},
}  # fmt: skip
_WATER_WORDS: Final = {
    "河": "river", "河流": "river", "江": "river", "渠": "canal", "运河": "canal", "湖": "lake", "水库": "lake", "池塘": "lake",
    "river": "river", "canal": "canal", "lake": "lake", "pond": "lake", "reservoir": "lake",
}  # fmt: skip


@dataclass(slots=True)
class GroundRow:
    """A street, water or piece of land that can be stored; its kind is the rank of a street."""

    row: int
    ref: str
    name: str
    name_en: str
    kind: str
    shape: BaseGeometry
    width_m: float = 0.0


def read_ground(
    path: Path | str, kind: GroundKind, town: Town, options: Options, progress: Progress = no_progress
) -> tuple[list[GroundRow], Report]:
    """Read a file of streets, water or open land; of OpenStreetMap's everything of that kind.

    Parameters
    ----------
    path : Path or str
    kind : {"street", "water", "land"}
    town : Town
    options : Options
    progress : callable, optional

    Returns
    -------
    list of GroundRow, Report
    """
    osm = is_openstreetmap(path)
    found: list[GroundRow] = []
    report: Report | None = None
    for layer, want, roles, only in _passes(kind, osm):
        with reader(
            path, kind, roles, options, layer=layer, town=town.outline, metric_srid=town.metric_srid, progress=progress,
            report=report,
        ) as opened:  # fmt: skip
            report = opened.report
            for rows in opened.rows("line" if want == "line" else "polygon", only):
                for row in parts_of(rows, options.multipart, "ref"):
                    if kind == "water" and row.get("tunnel") in _UNDERGROUND:
                        _leave_underground(row, report)
                        continue
                    found.append(_classify(row, kind, want, osm=osm, srid=town.metric_srid))
    assert report is not None, "there is at least one pass"
    shapes = np.array([row.shape for row in found], dtype=object)
    for one in suspicions.suspect_place(shapes, town.outline, town.metric_srid):
        report.add(one.code, one.reason, severity="warning" if options.accept else "error", place=one.place)
    for made, shape in zip(found, snapped(shapes), strict=True):
        made.shape = shape
        report.count(made.kind)
    return _once(found, report), report


def _passes(
    kind: GroundKind, osm: bool
) -> Iterable[tuple[str | None, Literal["line", "polygon"], dict[str, str], str | None]]:
    if not osm:
        return [(None, "line" if kind == "street" else "polygon", ROLES[kind], None)]
    lines = {"way": "osm.relation", "name": "ground.name", "name_en": "name_en", "width": "width"}
    fields = {"relation": "osm.relation", "way": "osm.way", "name": "ground.name", "name_en": "name_en"}
    tags = {name: f"osm.{name}" for name in ("landuse", "leisure", "natural", "water", "waterway", "place")}
    if kind == "street":
        return [
            ("lines", "line", {**lines, "rank": "osm.highway", "railway": "osm.railway", "tunnel": "osm.tunnel"},
             "\"highway\" IS NOT NULL OR \"railway\" IN ('rail', 'light_rail', 'subway', 'tram')")
        ]  # fmt: skip
    if kind == "water":
        return [
            ("multipolygons", "polygon", {**fields, **tags},
             "\"natural\" = 'water' OR \"waterway\" IN ('riverbank', 'dock') OR \"landuse\" IN ('reservoir', 'basin')"),
            ("lines", "line", {**lines, "waterway": "osm.waterway", "tunnel": "osm.tunnel"},
             "\"waterway\" IN ('river', 'canal', 'stream')"),
        ]  # fmt: skip
    wanted: dict[str, list[str]] = {}
    for tag, value in _LAND:
        wanted.setdefault(tag, []).append(f"'{value}'")
    only = " OR ".join(f'"{tag}" IN ({", ".join(values)})' for tag, values in wanted.items())
    return [("multipolygons", "polygon", {**fields, **tags}, only)]


def _classify(row: Row, kind: GroundKind, want: str, *, osm: bool, srid: int) -> GroundRow:
    ref, name, name_en = (
        (row.get("ref") or osm_reference(row))[:128],
        row.get("name")[:100],
        row.get("name_en")[:150],
    )
    if kind == "street":
        rank, width = street_class(row.get("rank") or row.get("railway"), name)
        told = width_in_metres(row.get("width"))
        return GroundRow(row.number, ref, name, name_en, rank, row.shape, told or width)
    if kind == "land":
        found = next((made for (tag, value), made in _LAND.items() if row.get(tag) == value), None)
        word = row.get("kind").lower()
        return GroundRow(row.number, ref, name, name_en, found or _LAND_WORDS.get(word, "park"), row.shape)
    if want == "line":
        water, width = _WATERWAYS[row.get("waterway")]
        bed = reproject(row.shape, 4326, srid).buffer(
            (width_in_metres(row.get("width")) or width) / 2, quad_segs=4
        )
        area = polygons_of(reproject(bed, srid, 4326))
        assert area is not None, "a line with a width has an area"
        return GroundRow(row.number, ref, name, name_en, water, area)
    word = (row.get("water") or row.get("kind")).lower()
    water = "river" if row.get("waterway") == "riverbank" else _WATER_WORDS.get(word, "lake")
    if not osm and not word and name.endswith(("河", "江", "溪")):
        water = "river"
    return GroundRow(row.number, ref, name, name_en, water, row.shape)


def _leave_underground(row: Row, report: Report) -> None:
    report.count("underground")
    report.add(
        "underground",
        _("%(name)s runs in a tunnel or culvert (tunnel=%(tunnel)s); the map shows water that is seen. Left out.")
        % {"name": row.get("name") or osm_reference(row) or _("The water"), "tunnel": row.get("tunnel")},
        severity="note", row=row.number, subject=row.get("name") or osm_reference(row) or None, place=row.shape,
    )  # fmt: skip


def street_class(word: str, name: str) -> tuple[str, float]:
    """Rank and usual width in metres of a street, by its class, else by its name's last character."""
    found = STREETS.get(word.strip().lower())
    if found is not None:
        return found
    for suffix, like in _SUFFIXES:
        if name.endswith(suffix):
            return STREETS[like]
    return STREETS["street"] if not word else ("path", 2.0)


def width_in_metres(text: str) -> float | None:
    """A width such as «7», «7.5 m» or «7米»; None where it is none or absurd."""
    found = re.match(r"^\s*(\d+(?:[.,]\d+)?)\s*(?:m|米)?\s*$", text)
    value = float(found[1].replace(",", ".")) if found else 0.0
    return value if 0.5 <= value <= 200 else None


def _once(rows: list[GroundRow], report: Report) -> list[GroundRow]:
    seen: dict[str, int] = {}
    taken = []
    for row in rows:
        if row.row in report.bad_rows:
            continue
        if row.ref and row.ref in seen:
            report.add(
                "duplicate-code",
                _("The reference %(ref)s stands in row %(first)s already.") % {"ref": row.ref, "first": seen[row.ref]},
                row=row.row, field="ref", subject=row.ref, place=row.shape.centroid,
            )  # fmt: skip
            continue
        seen[row.ref] = row.row
        taken.append(row)
    return taken
