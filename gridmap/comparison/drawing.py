"""A comparison as GeoJSON: both states, the ground between them, the buildings that change grid."""

import json
from typing import Any

import shapely
from django.contrib.gis.db.models.functions import AsGeoJSON
from shapely.geometry.base import BaseGeometry

from boundaries.comparing import Drawn, differing
from boundaries.models import Community
from gridmap.comparison.changes import Comparison, Side

Json = dict[str, Any]
DIGITS = 7
"""Decimals of a degree: about a centimetre, finer than any screen."""


def document(comparison: Comparison) -> Json:
    """What the page's map draws. One query, for the outlines of the communities.

    Returns
    -------
    dict
        `communities`, `same` (grids drawn alike on both sides), `before` and `after` (the others), `changed` (ground, one
        feature for each pair of grids) and `buildings` (points), each a list of GeoJSON features in EPSG:4326; `loads`
        with the figures of each side by grid, as [buildings, households, people], and the `targets`.
    """
    before, after = comparison.before, comparison.after
    apart = differing(before.state, after.state)
    codes = {each.pk: each.code for each in comparison.communities}
    return {
        "communities": _communities(comparison),
        "same": [_grid(each, codes) for each in after.state.values() if each.grid_id not in apart],
        "before": [_grid(each, codes) for each in before.state.values() if each.grid_id in apart],
        "after": [_grid(each, codes) for each in after.state.values() if each.grid_id in apart],
        "changed": changed(comparison),
        "buildings": [
            _feature(
                move.building_id,
                shapely.Point(move.lon, move.lat),
                {"before": move.before, "after": move.after, "households": move.households,
                 "people": move.people, "compound": move.compound_id},
            )
            for move in comparison.moves
        ],
        "loads": {
            "targets": {"before": before.target.value, "after": after.target.value},
            "measure": after.target.measure,
            "before": _loads(before),
            "after": _loads(after),
        },
    }  # fmt: skip


def changed(comparison: Comparison) -> list[Json]:
    """The ground that changes hands: features with grid ids `before` and `after` (None for none), `area_m2`, and the
    buildings, households and people that go the same way."""
    going: dict[tuple[int | None, int | None], list[int]] = {}
    for move in comparison.moves:
        sums = going.setdefault((move.before, move.after), [0, 0, 0])
        for index, amount in enumerate((1, move.households, move.people)):
            sums[index] += amount
    found = []
    for number, (face, area) in enumerate(zip(comparison.faces, comparison.face_areas_m2, strict=True)):
        buildings, households, people = going.get((face.before, face.after), (0, 0, 0))
        words = {"before": face.before, "after": face.after, "area_m2": round(area), "buildings": buildings,
                 "households": households, "people": people}  # fmt: skip
        found.append(_feature(number, face.ground, words))
    return found


def _grid(drawn: Drawn, codes: dict[int, str]) -> Json:
    words = {"layer": "grid", "code": drawn.code, "name": drawn.name, "name_en": drawn.name_en, "kind": drawn.kind,
             "community": codes[drawn.community_id]}  # fmt: skip
    return _feature(drawn.grid_id, drawn.ground, words)


def _communities(comparison: Comparison) -> list[Json]:
    rows = Community.objects.filter(pk__in=[each.pk for each in comparison.communities])
    drawn = rows.order_by("code").values_list(
        "pk", "code", "name", "name_en", AsGeoJSON("outline", precision=DIGITS)
    )
    return [
        {
            "type": "Feature",
            "id": pk,
            "geometry": json.loads(outline),
            "properties": {"layer": "community", "code": code, "name": name, "name_en": name_en},
        }
        for pk, code, name, name_en, outline in drawn
    ]


def _feature(key: int, ground: BaseGeometry, words: Json) -> Json:
    # The record is on 1e-8 degree; rounding each corner alike keeps shared borders shared.
    rounded = shapely.transform(ground, lambda xy: xy.round(DIGITS))
    return {"type": "Feature", "id": key, "geometry": rounded.__geo_interface__, "properties": words}


def _loads(side: Side) -> dict[int, tuple[int, int, int]]:
    return {
        grid: (each.load.buildings, each.load.households, each.load.people)
        for grid, each in side.figures.items()
    }
