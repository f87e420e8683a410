"""Household registers: rows find their door, the rest waits for a person; a second import updates."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from boundaries.actions.copying import copy_changes, copy_new
from boundaries.actions.editions import BUILDINGS, GRIDS, raise_editions
from boundaries.actions.importing import Written, source_of, town_of
from boundaries.actions.records import note_change, saving
from boundaries.importing import suspicions
from boundaries.importing.numbers import narrow, whole
from boundaries.importing.report import ImportFileError, Progress, Report, no_progress
from boundaries.importing.rows import Options, Reader, reader
from boundaries.importing.shapes import to_wgs84
from boundaries.models import Building, Subdistrict
from gridmap.actions.import_history import import_recorder
from gridmap.models import Household, RegisterRow, User
from gridmap.registers import ROLES, Buildings, Claim, door_of, names_people

_NEW: Final = (
    "building", "entrance", "floor", "room", "point", "tags", "head_count", "existed", "source", "source_ref",
)  # fmt: skip
_CHANGED: Final = ("head_count", "floor", "source", "source_ref")
_BATCH: Final = 1000
_FAR_M: Final = 100.0


@dataclass(slots=True)
class _Standing:
    """A household that the town has."""

    id: int
    building: int
    entrance: str
    floor: int | None
    room: str
    people: int
    residents: int
    source: str
    ref: str


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    created: list[tuple[Claim, int]] = field(default_factory=list)
    changed: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    waiting: list[tuple[Claim, str]] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)


def import_households(
    path: Path | str,
    *,
    subdistrict: Subdistrict,
    options: Options,
    progress: Progress = no_progress,
    on_written: Written | None = None,
    by: User | None,
) -> Report:
    """Import a register of households.

    A row is the household with the same reference in the same source, else the one behind the same door. A row that
    matches no building is no error: it is kept (`RegisterRow`) until a person places it. Names are never read.

    Parameters
    ----------
    path : Path or str
        XLSX, CSV, or a file of points.
    subdistrict : Subdistrict
    options : Options
        With ``dry_run`` nothing is written.
    progress : callable, optional
    on_written : callable, optional
        Runs in the transaction, instead of the history row that is written otherwise.
    by : User or None

    Returns
    -------
    Report
        Its counts hold ``waiting``, the rows that wait for a place, and ``not_in_file``.

    Raises
    ------
    ImportFileError
        The file cannot be taken as a whole.
    """
    started = time.perf_counter()
    town = town_of(subdistrict)
    with reader(
        path,
        "household",
        ROLES,
        options,
        town=town.outline,
        metric_srid=town.metric_srid,
        progress=progress,
        needs_crs=False,
    ) as opened:
        _need_columns(opened)
        claims = _claims(opened)
        report = opened.report
    claims = _once(claims, report, counted="members" in report.mapping)
    source = source_of(path, options)
    report.counts["good"] = len(claims)
    progress(_("Matching"), 0, None)
    with transaction.atomic():
        if not options.dry_run:
            # Two imports at once would each find the same doors missing: the second waits here and sees the first's.
            Subdistrict.objects.select_for_update(no_key=True).only("pk").get(pk=subdistrict.pk)
        plan = _match(claims, subdistrict, source, report, town.metric_srid)
        if not options.dry_run and not report.has_file_error and (report.ok or (options.skip_bad and claims)):
            with saving(report):
                _write(plan, subdistrict, source, progress)
                report.written = True
                history = on_written or import_recorder(subdistrict=subdistrict.code, source=source, by=by)
                history(report)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def _need_columns(opened: Reader) -> None:
    has = opened.mapping
    for column in has.values():
        # The report quotes cells of the columns that are read: none of them may be about a person.
        if names_people(column):
            raise ImportFileError(
                _(
                    "Column “%(column)s” holds personal data, which a register is read without. Choose another column for "
                    "it, or none."
                )
                % {"column": column}
            )
    if "room" not in has and "address" not in has and not opened.source.has_shapes:
        raise ImportFileError(
            _(
                "%(file)s has no column for the room and none for a whole address. Name one with --map room=COLUMN or "
                "--map address=COLUMN; its columns: %(columns)s."
            )
            % {"file": opened.source.file, "columns": ", ".join(opened.source.fields) or "–"}
        )
    if not any(role in has for role in ("compound", "address", "street")) and not opened.source.has_shapes:
        raise ImportFileError(
            _("%(file)s has no column for the compound or the address. Name one with --map compound=COLUMN.")
            % {"file": opened.source.file}
        )
    if opened.source.has_shapes and opened.source.crs is None:
        raise ImportFileError(
            _(
                "%(file)s has coordinates, but does not say in which system. Name it with --crs, for example EPSG:4490."
            )
            % {"file": opened.source.file}
        )


def _claims(opened: Reader) -> list[Claim]:
    source, report = opened.source, opened.report
    found: list[Claim] = []
    done = 0
    for batch in source.batches():
        done += len(batch.rows)
        report.count("read", len(batch.rows))
        shapes = batch.shapes
        if source.has_shapes and source.crs is not None:
            raw = shapes
            if opened.options.swap_axes:
                raw = np.asarray(shapely.transform(raw, lambda points: points[:, ::-1]), dtype=object)
            if not found:
                here = raw[~shapely.is_missing(raw)]
                for one in suspicions.suspect_coordinates(
                    here, source.crs, opened.town, metric_srid=opened.metric_srid
                ):
                    opened.suspect(one)
            shapes = shapely.centroid(to_wgs84(raw, source.crs, opened.options.datum))
        for number, (code, reason) in batch.faults.items():
            report.add(code, reason, row=number)
        for index, row in enumerate(batch.rows):
            if row not in batch.faults:
                values = {role: batch.text(column, index) for role, column in opened.mapping.items()}
                claim = _claim(row, values, shapes[index], report)
                if claim is not None:
                    found.append(claim)
        opened.progress(_("Reading"), done, source.total)
    for code, reason in source.notes:
        report.add(code, reason, severity="note")
    points = np.array([one.point for one in found if one.point is not None], dtype=object)
    if len(points) and opened.metric_srid is not None and not report.has_file_error:
        for one in suspicions.suspect_place(points, opened.town, opened.metric_srid):
            opened.suspect(one)
    return found


def _claim(row: int, values: dict[str, str], shape: Any, report: Report) -> Claim | None:
    get = values.get
    door = door_of(
        get("compound", ""),
        get("building", ""),
        get("unit", ""),
        get("floor", ""),
        get("room", ""),
        get("address", ""),
    )
    people: int | None = None
    if text := get("members", ""):
        people = whole(text)
        if people is None or people > 1000:
            report.add(
                "bad-number", _("“%(text)s” is no number of people.") % {"text": text},
                severity="warning", row=row, field="members", subject=door.room,
            )  # fmt: skip
            people = None
    point = (
        shape
        if shape is not None and not shape.is_empty and np.isfinite(shapely.get_coordinates(shape)).all()
        else None
    )
    claim = Claim(
        row,
        get("ref", ""),
        door,
        get("community", ""),
        get("street", ""),
        narrow(get("house_number", "")),
        people,
        point,
    )
    if not door.room and not door.compound and not claim.street and point is None:
        report.add("empty-door", _("The row says nothing of where the household lives."), row=row)
        return None
    if (long := claim.too_long) is not None:
        role, text, limit = long
        report.add(
            "too-long",
            _("“%(text)s…” has %(count)s characters, and %(limit)s is the most. Shorten it in the file.")
            % {"text": text[:40], "count": len(text), "limit": limit},
            row=row, field=role,
        )  # fmt: skip
        return None
    if get("floor") and door.floor is None:
        report.add(
            "bad-number", _("“%(text)s” is no floor.") % {"text": get("floor")},
            severity="warning", row=row, field="floor", subject=claim.label,
        )  # fmt: skip
    return claim


def _once(claims: list[Claim], report: Report, *, counted: bool) -> list[Claim]:
    """One claim a door. In a register without numbers of people, more rows of a door are more people."""
    first: dict[str, Claim] = {}
    repeated: set[str] = set()
    for claim in claims:
        held = first.get(claim.key)
        if held is None:
            first[claim.key] = claim
        elif counted:
            report.add(
                "duplicate-door", _("The door stands in row %(row)s already.") % {"row": held.row},
                row=claim.row, subject=claim.label,
            )  # fmt: skip
        else:
            held.people = (held.people or 1) + 1
            repeated.add(claim.key)
            report.count("further_people")
    if repeated:
        for claim in first.values():
            claim.people = claim.people or 1
        report.add(
            "row-per-person",
            _("The register has a row for each person: %(count)s doors stand several times, their rows were counted as people.")
            % {"count": len(repeated)},
            severity="note",
        )  # fmt: skip
    return list(first.values())


def _match(claims: list[Claim], subdistrict: Subdistrict, source: str, report: Report, srid: int) -> _Plan:
    buildings = Buildings.of(subdistrict, places=any(claim.point is not None for claim in claims))
    households = _standing(subdistrict)
    by_ref = {one.ref: one for one in households if one.ref and one.source == source}
    by_door: dict[tuple[int, str, str, int | None], _Standing] = {}
    for one in households:
        by_door[one.building, one.entrance, one.room, None if one.room else one.floor] = one
    placed = dict(
        RegisterRow.objects.filter(subdistrict=subdistrict, source=source, placed_as__existed__endswith=None)
        .exclude(placed_as=None)
        .values_list("source_ref", "placed_as_id")
    )
    by_id = {one.id: one for one in households}
    plan, seen = _Plan(), set[int]()
    taken: dict[tuple[int, str, str, int | None], int] = {}
    for claim in claims:
        known = by_ref.get(claim.key) or by_id.get(placed.get(claim.key, 0))
        if known is None:
            match = buildings.find(claim)
            if match.building is None:
                plan.waiting.append((claim, match.reason))
                report.count("waiting")
                report.add(
                    "no-match",
                    match.reason,
                    severity="warning",
                    row=claim.row,
                    subject=claim.label,
                    place=claim.point,
                )
                continue
            door = claim.door
            key = (match.building, door.unit, door.room, None if door.room else door.floor)
            if key in taken:
                report.add(
                    "duplicate-door", _("The door stands in row %(row)s already.") % {"row": taken[key]},
                    row=claim.row, subject=claim.label,
                )  # fmt: skip
                continue
            taken[key] = claim.row
            known = by_door.get(key)
            if known is None:
                _warn_far(claim, buildings, match.building, report)
                plan.created.append((claim, match.building))
                note_change(report, "created", claim.row, claim.label)
                continue
        if known.id in seen:
            report.add(
                "duplicate-door",
                _("An earlier row is the same household."),
                row=claim.row,
                subject=claim.label,
            )
            continue
        seen.add(known.id)
        plan.found[claim.key] = known.id
        fields = _differences(claim, known, source, report)
        if fields:
            plan.changed.append((known.id, fields))
        note_change(report, "changed" if fields else "unchanged", claim.row, claim.label, sorted(fields))
    report.counts["not_in_file"] = sum(one.source == source and one.id not in seen for one in households)
    return plan


def _standing(subdistrict: Subdistrict) -> list[_Standing]:
    rows = (
        Household.objects.filter(building__subdistrict=subdistrict, existed__endswith=None)
        .annotate(named=Count("residents"))
        .values_list(
            "pk", "building_id", "entrance", "floor", "room", "head_count", "named", "source", "source_ref"
        )
    )
    return [_Standing(*row) for row in rows.iterator(10_000)]


def _differences(claim: Claim, known: _Standing, source: str, report: Report) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if claim.people is not None and claim.people != known.people:
        if known.residents:
            report.add(
                "count-differs",
                _("The register counts %(register)s people; %(known)s are known by name. The known count stays.")
                % {"register": claim.people, "known": known.residents},
                severity="warning", row=claim.row, field="members", subject=claim.label,
            )  # fmt: skip
        else:
            fields["head_count"] = claim.people
    if claim.door.floor is not None and known.floor is None and known.room:
        fields["floor"] = claim.door.floor
    if claim.ref and not known.ref:
        fields |= {"source": source, "source_ref": claim.key}
    return fields


def _warn_far(claim: Claim, buildings: Buildings, building: int, report: Report) -> None:
    if claim.point is None:
        return
    there = buildings.points[building]
    east = (claim.point.x - there.x) * 111_320 * np.cos(np.radians(there.y))
    distance = float(np.hypot(east, (claim.point.y - there.y) * 110_950))
    if distance > _FAR_M:
        report.add(
            "far-from-building",
            _("The coordinate lies %(distance).0f m from the building that the words name; the building was taken.")
            % {"distance": distance},
            severity="warning", row=claim.row, subject=claim.label, place=claim.point,
        )  # fmt: skip


def _write(plan: _Plan, subdistrict: Subdistrict, source: str, progress: Progress) -> None:
    points = dict(
        Building.objects.filter(pk__in={building for _claim, building in plan.created}).values_list(
            "pk", "point"
        )
    )
    copy_new(
        Household,
        _NEW,
        (_line(claim, building, points[building], source) for claim, building in plan.created),
        lambda done: progress(_("Writing"), done, len(plan.created)),
    )
    if plan.changed:
        records = Household.objects.in_bulk([pk for pk, _fields in plan.changed])
        for pk, fields in plan.changed:
            for name, value in fields.items():
                setattr(records[pk], name, value)
        copy_changes(
            Household,
            _CHANGED,
            records.values(),
            lambda done: progress(_("Changing"), done, len(plan.changed)),
        )
    _keep_waiting(plan, subdistrict, source)
    raise_editions(GRIDS, BUILDINGS)


def _line(claim: Claim, building: int, at: GEOSGeometry, source: str) -> tuple[Any, ...]:
    door = claim.door
    ref = claim.key if claim.ref else ""
    return (
        building, door.unit, door.floor, door.room, at.hexewkb.decode(), "{}", claim.people or 0, "(,)", source, ref,
    )  # fmt: skip


def _keep_waiting(plan: _Plan, subdistrict: Subdistrict, source: str) -> None:
    """Keep rows without a place; forget those that have found theirs by now."""
    waiting = [
        RegisterRow(
            subdistrict=subdistrict, source=source, row_number=claim.row, source_ref=claim.key,
            compound=(claim.door.compound or f"{claim.street} {claim.house_number}".strip())[:100],
            building=claim.door.building[:50], entrance=claim.door.unit, floor=claim.door.floor,
            room=claim.door.room, head_count=claim.people or 0, reason=reason[:200],
        )
        for claim, reason in plan.waiting
    ]  # fmt: skip
    RegisterRow.objects.bulk_create(
        waiting, _BATCH, update_conflicts=True, unique_fields=["subdistrict", "source", "source_ref"],
        update_fields=["row_number", "compound", "building", "entrance", "floor", "room", "head_count", "reason"],
    )  # fmt: skip
    settled: Iterable[str] = {*plan.found, *(claim.key for claim, _building in plan.created)}
    RegisterRow.objects.filter(
        subdistrict=subdistrict, source=source, placed_as=None, source_ref__in=list(settled)
    ).delete()
