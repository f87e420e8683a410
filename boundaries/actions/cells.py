"""Grids of a draft in memory, and between there, the outlines and the revisions.

A polygon is kept as the database's own bytes beside its shape: what an edit does not touch is never written, and what is
undone is written back as the very bytes that stood there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import shapely
from django.db import connection
from shapely.geometry.base import BaseGeometry

Cells = dict[int, "Cell"]
Changes = dict[int, "Cell | None"]
"""Grids by id as they became; None for one that is gone."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A grid in one state of a draft. `ewkb` and `locked` are hexadecimal EWKB; `shape` is the same ground in Shapely."""

    code: str
    name: str
    name_en: str
    kind: str
    community: int
    ewkb: str
    locked: str | None
    shape: BaseGeometry = field(compare=False, repr=False)

    @property
    def is_locked(self) -> bool:
        """Whether nothing may move its ground or buildings."""
        return self.locked is not None

    def with_shape(self, shape: BaseGeometry) -> "Cell":
        """The same grid on other ground."""
        whole = as_multi(shape)
        return replace(self, ewkb=as_ewkb(whole), shape=whole)

    def as_json(self) -> dict[str, Any]:
        """As a revision keeps it."""
        return {
            "code": self.code, "name": self.name, "name_en": self.name_en, "kind": self.kind,
            "community": self.community, "ewkb": self.ewkb, "locked": self.locked,
        }  # fmt: skip


def as_multi(shape: BaseGeometry) -> BaseGeometry:
    """A MultiPolygon, as outlines are stored."""
    return shape if shape.geom_type == "MultiPolygon" else shapely.multipolygons([shape])


def as_ewkb(shape: BaseGeometry) -> str:
    """Hexadecimal EWKB with its SRID, byte for byte as PostGIS writes it."""
    return str(shapely.to_wkb(shapely.set_srid(shape, 4326), hex=True, include_srid=True, byte_order=1))


def from_json(kept: Mapping[str, Mapping[str, Any] | None]) -> Changes:
    """What a revision keeps, by grid id."""
    present = {int(key): value for key, value in kept.items() if value is not None}
    shapes = shapely.from_wkb([value["ewkb"] for value in present.values()])
    found: Changes = {int(key): None for key, value in kept.items() if value is None}
    for (key, value), shape in zip(present.items(), shapes, strict=True):
        found[key] = Cell(
            value["code"], value["name"], value["name_en"], value["kind"], value["community"],
            value["ewkb"], value.get("locked"), shape,
        )  # fmt: skip
    return found


# --- Reading --------------------------------------------------------------------------------------------------

_COLUMNS: Final = (
    "o.grid_id, o.code, o.name, o.name_en, o.kind, o.community_id, o.polygon::text, o.locked::text"
)
_NAMED: Final = (
    f"SELECT {_COLUMNS} FROM boundaries_outline o WHERE o.plan_id = %(plan)s AND o.grid_id = ANY(%(grids)s)"
)
_NEAR: Final = f"""
    SELECT {_COLUMNS} FROM boundaries_outline o
    WHERE o.plan_id = %(plan)s AND o.community_id = %(community)s
      AND o.polygon && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
"""
_WHOLE: Final = f"SELECT {_COLUMNS} FROM boundaries_outline o WHERE o.plan_id = %(plan)s"


def _read(statement: str, values: Mapping[str, Any]) -> Cells:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    shapes = shapely.from_wkb([row[6] for row in rows])
    found: Cells = {}
    for row, shape in zip(rows, shapes, strict=True):
        grid, code, name, name_en, kind, community, ewkb, locked = row
        found[grid] = Cell(code, name, name_en, kind, community, ewkb, locked, shape)
    return found


def named_cells(plan: int, grids: Iterable[int]) -> Cells:
    """The grids of these ids, as they stand in the plan."""
    return _read(_NAMED, {"plan": plan, "grids": list(grids)})


def cells_near(plan: int, community: int, bounds: Sequence[float]) -> Cells:
    """The grids of a community whose boxes meet the bounds (west, south, east, north; degrees)."""
    west, south, east, north = (float(value) for value in bounds)
    box = {"west": west, "south": south, "east": east, "north": north}
    return _read(_NEAR, {"plan": plan, "community": community, **box})


def cells_of(plan: int, communities: Iterable[int] | None = None) -> Cells:
    """All grids of the plan, or of some of its communities."""
    if communities is None:
        return _read(_WHOLE, {"plan": plan})
    chosen = {"plan": plan, "communities": list(communities)}
    return _read(f"{_WHOLE} AND o.community_id = ANY(%(communities)s)", chosen)


# --- Writing --------------------------------------------------------------------------------------------------

_GONE: Final = "DELETE FROM boundaries_outline WHERE plan_id = %(plan)s AND grid_id = ANY(%(grids)s)"
_VALUES: Final = """
    unnest(%(grid)s::bigint[], %(code)s::text[], %(name)s::text[], %(name_en)s::text[], %(kind)s::text[],
           %(community)s::bigint[], %(ewkb)s::text[], %(locked)s::text[])
    AS v (grid, code, name, name_en, kind, community, ewkb, locked)
"""
_CHANGED: Final = f"""
    UPDATE boundaries_outline o SET name = v.name, name_en = v.name_en, kind = v.kind, community_id = v.community,
           polygon = v.ewkb::geometry, locked = v.locked::geometry
    FROM {_VALUES} WHERE o.plan_id = %(plan)s AND o.grid_id = v.grid
"""
_NEW: Final = f"""
    INSERT INTO boundaries_outline (plan_id, grid_id, code, name, name_en, kind, community_id, polygon, locked)
    SELECT %(plan)s, v.grid, v.code, v.name, v.name_en, v.kind, v.community, v.ewkb::geometry, v.locked::geometry
    FROM {_VALUES}
"""


def write_cells(plan: int, before: Mapping[int, Cell | None], after: Changes) -> None:
    """Bring the outlines of the plan from `before` to `after`; only these grids are touched.

    A grid whose code changes leaves and comes back, so that two grids can exchange their codes.
    """
    recoded = {
        key
        for key, cell in after.items()
        if cell is not None and (was := before[key]) is not None and was.code != cell.code
    }
    gone = sorted(key for key, cell in after.items() if before[key] is not None and cell is None)
    present = {key: cell for key, cell in after.items() if cell is not None}
    changed = {key: cell for key, cell in present.items() if before[key] is not None and key not in recoded}
    new = {key: cell for key, cell in present.items() if before[key] is None or key in recoded}
    with connection.cursor() as cursor:
        if gone or recoded:
            cursor.execute(_GONE, {"plan": plan, "grids": [*gone, *sorted(recoded)]})
        for statement, cells in ((_CHANGED, changed), (_NEW, new)):
            if cells:
                cursor.execute(statement, {"plan": plan, **_columns(cells)})


def _columns(cells: Cells) -> dict[str, list[Any]]:
    names = ("code", "name", "name_en", "kind", "community", "ewkb", "locked")
    columns: dict[str, list[Any]] = {name: [getattr(cell, name) for cell in cells.values()] for name in names}
    return {"grid": list(cells), **columns}
