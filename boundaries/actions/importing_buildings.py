"""Writing buildings that were imported: each keeps its identity, doubtful ones are left to a person."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries.actions.copying import copy_changes, copy_new
from boundaries.actions.editions import BUILDINGS, raise_editions
from boundaries.actions.importing import Written, source_of, town_of
from boundaries.actions.placements import place_buildings
from boundaries.actions.places import refresh_places
from boundaries.actions.records import as_shape, difference, note_change, saving
from boundaries.importing.buildings import BuildingRow, Standing, match, read_buildings
from boundaries.importing.numbers import name_of
from boundaries.importing.report import Progress, Report, no_progress
from boundaries.importing.rows import Options
from boundaries.importing.shapes import multipolygon
from boundaries.models import Building, Compound, Street, Subdistrict

_NEW: Final = (
    "subdistrict", "community", "compound", "street", "name", "name_en", "number", "house_number", "use", "floors",
    "entrances", "footprint", "point", "existed", "source", "source_ref",
)  # fmt: skip
_FIELDS: Final = (
    "name", "name_en", "number", "house_number", "use", "floors", "entrances", "footprint", "point", "community",
    "compound", "street", "source", "source_ref",
)  # fmt: skip


def import_buildings(
    path: Path | str,
    *,
    subdistrict: Subdistrict,
    options: Options,
    progress: Progress = no_progress,
    on_written: Written | None = None,
    by: AbstractBaseUser | None,
) -> Report:
    """Import building footprints.

    A row is the building with the same reference in the same source, else the one with which it shares 70 % or more
    of the ground, one to one. Split, merged, gone and ambiguous ones become ``report.decisions`` and are not touched.

    Parameters
    ----------
    path : Path or str
    subdistrict : Subdistrict
    options : Options
        With ``dry_run`` nothing is written.
    progress : callable, optional
    on_written : callable, optional
        Runs in the transaction.
    by : user or None
        For the caller's own record.

    Returns
    -------
    Report

    Raises
    ------
    ImportFileError
        The file cannot be taken as a whole.
    """
    del by
    started = time.perf_counter()
    town = town_of(subdistrict)
    known = standing_buildings(subdistrict)
    rows, report = read_buildings(path, town, known, options, progress)
    source = source_of(path, options)
    report.counts["good"] = len(rows)
    if not report.has_file_error:
        found = match(rows, known, source)
        report.decisions = found.decisions
        report.counts["undecided"] = len(rows) - len(found.same) - len(found.new)
        places = _Places(subdistrict)
        values = places.values(rows, source)
        may_write = (report.ok or options.skip_bad) and not options.dry_run
        with saving(report):
            changed = _change(rows, values, found.same, report)
            for index in found.new:
                note_change(report, "created", rows[index].row, rows[index].ref or rows[index].number)
            if may_write and (found.new or changed or report.ok):
                _write(subdistrict, [values[index] for index in found.new], changed, progress)
                report.written = True
                if on_written is not None:
                    on_written(report)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def standing_buildings(subdistrict: Subdistrict) -> list[Standing]:
    """Buildings of a subdistrict that stand now."""
    found = (
        Building.objects.filter(subdistrict=subdistrict)
        .standing(timezone.now())
        .values_list("pk", "source", "source_ref", "footprint")
        .order_by("pk")
    )
    return [
        Standing(pk, source, ref, as_shape(footprint)) for pk, source, ref, footprint in found.iterator(5000)
    ]


class _Places:
    """Community, compound and street of each building, by where its point lies and what its columns say."""

    def __init__(self, subdistrict: Subdistrict) -> None:
        self.subdistrict = subdistrict
        town = town_of(subdistrict)
        self.communities = [place.id for place in town.communities]
        self._in_community = STRtree([place.shape for place in town.communities])
        compounds = list(Compound.objects.filter(community__subdistrict=subdistrict).order_by("pk"))
        self.compounds = [one.pk for one in compounds]
        self._in_compound = STRtree([as_shape(one.outline) for one in compounds])
        self._compound_named: dict[str, list[int]] = {}
        for one in compounds:
            self._compound_named.setdefault(name_of(one.name), []).append(one.pk)
        self._streets: dict[str, tuple[list[int], STRtree]] = {}
        by_name: dict[str, list[tuple[int, BaseGeometry]]] = {}
        for pk, name, line in (
            Street.objects.filter(subdistrict=subdistrict).exclude(name="").values_list("pk", "name", "line")
        ):
            by_name.setdefault(name_of(name), []).append((pk, as_shape(line)))
        for name, lines in by_name.items():
            self._streets[name] = ([pk for pk, _line in lines], STRtree([line for _pk, line in lines]))

    def values(self, rows: Sequence[BuildingRow], source: str) -> list[dict[str, Any]]:
        """Field values of each row, geometries as Shapely's."""
        points = np.array([row.point for row in rows], dtype=object)
        community = _first_hits(self._in_community, points, self.communities)
        compound = _first_hits(self._in_compound, points, self.compounds)
        found = []
        for index, row in enumerate(rows):
            named = self._compound_named.get(name_of(row.compound), []) if row.compound else []
            street = self._streets.get(name_of(row.street)) if row.street else None
            found.append(
                {
                    "name": row.name, "name_en": row.name_en, "number": row.number, "house_number": row.house_number,
                    "use": row.use, "floors": row.floors, "entrances": row.entrances,
                    "footprint": multipolygon(row.footprint), "point": row.point,
                    "community_id": community.get(index),
                    "compound_id": named[0] if len(named) == 1 else compound.get(index),
                    "street_id": None if street is None else street[0][int(street[1].nearest(row.point))],
                    "source": source, "source_ref": row.ref,
                }
            )  # fmt: skip
        return found


def _first_hits(tree: STRtree, points: np.ndarray, ids: list[int]) -> dict[int, int]:
    if not len(points) or not ids:
        return {}
    hits: dict[int, int] = {}
    for point, area in sorted(zip(*tree.query(points, predicate="intersects"), strict=True)):
        hits.setdefault(int(point), ids[int(area)])
    return hits


def _change(
    rows: Sequence[BuildingRow], values: list[dict[str, Any]], same: dict[int, int], report: Report
) -> list[Building]:
    """Set what the file says anew; what it is silent about stays."""
    changed: list[Building] = []
    pending = iter(sorted(same.items()))
    while part := list(islice(pending, 5000)):
        records = Building.objects.in_bulk([pk for _index, pk in part])
        for index, pk in part:
            record, new = records[pk], dict(values[index])
            for name in (
                "name",
                "name_en",
                "number",
                "house_number",
                "floors",
                "entrances",
                "compound_id",
                "street_id",
                "community_id",
            ):
                if not new[name]:
                    del new[name]
            if new["use"] == "other":
                del new["use"]
            if record.source_ref and record.source != new["source"]:
                # known by another source: its reference stays, or that source would not find its building again
                del new["source"], new["source_ref"]
            if record.footprint is not None and shapely.equals_exact(
                as_shape(record.footprint), new["footprint"], 5e-9, normalize=True
            ):
                del new["footprint"], new["point"]
            fields = difference(record, new)
            if fields:
                changed.append(record)
            subject = rows[index].ref or record.number or str(pk)
            note_change(report, "changed" if fields else "unchanged", rows[index].row, subject, fields)
    return changed


def _write(
    subdistrict: Subdistrict, created: list[dict[str, Any]], changed: list[Building], progress: Progress
) -> None:
    with connection.cursor() as cursor:
        # Two imports at once must not both take the other's new rows for their own.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('import_buildings'))")
    before = Building.objects.aggregate(last=Max("pk"))["last"] or 0
    copy_new(
        Building,
        _NEW,
        _lines(subdistrict.pk, created),
        lambda done: progress(_("Writing"), done, len(created)),
    )
    if changed:
        copy_changes(Building, _FIELDS, changed, lambda done: progress(_("Changing"), done, len(changed)))
    new_ids = list(
        Building.objects.filter(pk__gt=before, subdistrict=subdistrict).values_list("pk", flat=True)
    )
    if new_ids:
        place_buildings(buildings=new_ids)
    if not new_ids and not changed:
        return
    if changed:
        place_buildings(buildings=[one.pk for one in changed], since=timezone.now())
    progress(_("Indexing for search"), 0, None)
    refresh_places(subdistrict)
    raise_editions(BUILDINGS)


def _lines(subdistrict: int, created: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    if not created:
        return
    footprints = shapely.to_wkb(
        shapely.set_srid(np.array([one["footprint"] for one in created], dtype=object), 4326),
        hex=True,
        include_srid=True,
    )
    points = shapely.to_wkb(
        shapely.set_srid(np.array([one["point"] for one in created], dtype=object), 4326),
        hex=True,
        include_srid=True,
    )
    for one, footprint, point in zip(created, footprints, points, strict=True):
        yield (
            subdistrict, one["community_id"], one["compound_id"], one["street_id"], one["name"], one["name_en"], one["number"],
            one["house_number"], one["use"], one["floors"], one["entrances"], footprint, point, "(,)", one["source"],
            one["source_ref"],
        )  # fmt: skip
