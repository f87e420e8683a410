"""Writing the ground under the areas: streets, water and open land from a file, in one transaction or not at all."""

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.contrib.auth.models import AbstractBaseUser
from shapely.geometry.base import BaseGeometry

from boundaries.actions.copying import copy_changes
from boundaries.actions.editions import GROUND, raise_editions
from boundaries.actions.importing import BATCH, Written, finish, may_write, source_of, town_of
from boundaries.actions.places import refresh_places
from boundaries.actions.records import as_shape, difference, note_change, saving
from boundaries.importing import ground
from boundaries.importing.report import Progress, Report, no_progress
from boundaries.importing.rows import Options
from boundaries.importing.shapes import multipolygon, reproject
from boundaries.models import Land, Street, Subdistrict, Water


def import_ground(
    path: Path | str,
    *,
    kind: ground.GroundKind,
    subdistrict: Subdistrict,
    options: Options,
    progress: Progress = no_progress,
    on_written: Written | None = None,
    by: AbstractBaseUser | None,
) -> Report:
    """Import streets, water or open land; the same reference of the same source is the same feature.

    Parameters and result are those of `import_areas`. What the source no longer has is counted, not deleted.
    """
    del by  # the ground has no history of its own; the caller keeps a record through on_written
    started = time.perf_counter()
    town = town_of(subdistrict)
    rows, report = ground.read_ground(path, kind, town, options, progress)
    report.counts["good"] = len(rows)
    source = source_of(path, options)
    models_of: dict[ground.GroundKind, type[Street | Water | Land]] = {
        "street": Street,
        "water": Water,
        "land": Land,
    }
    model = models_of[kind]
    known: dict[str, Any] = {}
    # what has no reference is known again by lying exactly where it lay, so that a second import does not double it
    in_place: dict[bytes, list[Any]] = defaultdict(list)
    for one in model._default_manager.filter(subdistrict=subdistrict, source=source).order_by("pk"):
        if one.source_ref:
            known[one.source_ref] = one
        else:
            in_place[_spot(as_shape(one.line if isinstance(one, Street) else one.area))].append(one)
    created: list[Any] = []
    changed: list[Any] = []
    for row in rows:
        values: dict[str, Any] = {"name": row.name, "name_en": row.name_en}
        if kind == "street":
            values |= {"rank": row.kind, "width_m": row.width_m, "line": _multiline(row.shape)}
        else:
            values |= {"kind": row.kind, "area": multipolygon(row.shape)}
        if row.ref:
            record = known.get(row.ref)
        else:
            same = in_place.get(_spot(_multiline(row.shape) if kind == "street" else multipolygon(row.shape)))
            record = same.pop(0) if same else None
        if record is None:
            fresh = model(subdistrict=subdistrict, source=source, source_ref=row.ref)
            difference(fresh, values)
            created.append(fresh)
            note_change(report, "created", row.row, row.name or row.ref)
        else:
            fields = difference(record, values)
            if fields:
                changed.append(record)
            note_change(report, "changed" if fields else "unchanged", row.row, row.name or row.ref, fields)
    report.counts["not_in_file"] = len(set(known) - {row.ref for row in rows}) + sum(
        map(len, in_place.values())
    )
    if kind == "street":
        report.measures["km"] = round(_length_km(rows, town.metric_srid), 1)
    if may_write(report, options) and not options.dry_run:
        with saving(report):
            model._default_manager.bulk_create(created, BATCH)
            names = (
                ["name", "name_en", "rank", "width_m", "line"]
                if kind == "street"
                else ["name", "name_en", "kind", "area"]
            )
            if changed:
                copy_changes(model, names, changed)
            refresh_places(subdistrict)
            raise_editions(GROUND)
            finish(report, on_written)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def _spot(shape: BaseGeometry) -> bytes:
    """The same bytes for the same ground, wherever its rings begin."""
    spot: bytes = shapely.to_wkb(shapely.set_precision(shapely.normalize(shape), 1e-8, mode="pointwise"))
    return spot


def _multiline(shape: BaseGeometry) -> BaseGeometry:
    return shape if shape.geom_type == "MultiLineString" else shapely.MultiLineString([shape])


def _length_km(rows: Sequence[ground.GroundRow], srid: int) -> float:
    if not rows:
        return 0.0
    plain = reproject(np.array([row.shape for row in rows], dtype=object), 4326, srid)
    return float(shapely.length(plain).sum()) / 1000
