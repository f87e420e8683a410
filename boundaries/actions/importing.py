"""Writing areas that were imported. Everything of one file in one transaction, or nothing."""

import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import shapely
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.actions.editions import BUILDINGS, GRIDS, GROUND, raise_editions
from boundaries.actions.places import refresh_places
from boundaries.actions.records import as_geos, as_shape, difference, note_change, saving
from boundaries.importing import areas
from boundaries.importing.areas import AreaRow, Level, Place, Town
from boundaries.importing.buildings import is_openstreetmap
from boundaries.importing.report import ImportFileError, Progress, Report, no_progress
from boundaries.importing.rows import Options
from boundaries.importing.shapes import multipolygon
from boundaries.models import (
    Basis,
    Community,
    Compound,
    Grid,
    Outline,
    Plan,
    Revision,
    Subdistrict,
)
from boundaries.projections import metric_srid_for

Written = Callable[[Report], None]
"""Called within the transaction after the rows were written: where a service keeps its own record of it."""

BATCH = 1000


@dataclass(frozen=True, slots=True)
class NewSubdistrict:
    """A subdistrict to be created with the first communities; the projection is suggested where none is given."""

    code: str
    name: str
    metric_srid: int | None = None


def town_of(subdistrict: Subdistrict, level: Level | None = None) -> Town:
    """What an import into a subdistrict is compared with."""
    communities = [
        Place(one.pk, one.code, one.name, as_shape(one.outline))
        for one in Community.objects.filter(subdistrict=subdistrict).order_by("code")
    ]
    known: list[Place] = []
    if level == "community":
        known = communities
    elif level == "compound":
        known = [
            Place(one.pk, one.source_ref, one.name, as_shape(one.outline))
            for one in Compound.objects.filter(community__subdistrict=subdistrict)
        ]
    elif level == "grid":
        known = [
            Place(one.grid_id, one.code, one.name, as_shape(one.polygon))
            for one in Outline.objects.filter(community__subdistrict=subdistrict).in_force(timezone.now())
        ]
    outline = None if subdistrict.outline is None else as_shape(subdistrict.outline)
    if outline is None and communities:
        outline = shapely.union_all([place.shape for place in communities])
    return Town(subdistrict.metric_srid, outline, communities, known)


def import_areas(
    path: Path | str,
    *,
    level: Level,
    subdistrict: Subdistrict | NewSubdistrict,
    options: Options,
    plan_name: str = "",
    progress: Progress = no_progress,
    on_written: Written | None = None,
    by: AbstractBaseUser | None,
) -> Report:
    """Import communities, compounds or grids.

    Parameters
    ----------
    path : Path or str
    level : {"community", "compound", "grid"}
        Grids go to a new draft plan (``report.measures["plan"]``) and keep the identity of the grid in force with
        the same code.
    subdistrict : Subdistrict or NewSubdistrict
    options : Options
        With ``dry_run`` nothing is written.
    plan_name : str
        For grids; the file's name otherwise.
    progress : callable, optional
    on_written : callable, optional
        Runs in the transaction.
    by : user or None

    Returns
    -------
    Report
        ``written`` tells whether anything was.

    Raises
    ------
    ImportFileError
        The file cannot be taken as a whole.
    """
    started = time.perf_counter()
    if isinstance(subdistrict, NewSubdistrict):
        if level != "community":
            raise ImportFileError(
                _("Import the communities of %(name)s first; compounds and grids lie in them.")
                % {"name": subdistrict.name}
            )
        town = None
    else:
        town = town_of(subdistrict, level)
        if level != "community" and not town.communities:
            raise ImportFileError(
                _("%(name)s has no communities yet. Import them first; compounds and grids lie in them.")
                % {"name": subdistrict.title}
            )
    rows, report = areas.read_areas(path, level, town, options, progress)
    progress(_("Checking"), 0, None)
    if level == "community":
        rows = _check_communities(rows, town, report, options)
    elif town is not None:
        rows = _check_within(path, rows, level, town, report, options)
    report.counts["good"] = len(rows)

    with saving(report):
        write = may_write(report, options) and not options.dry_run
        if level == "community":
            _write_communities(rows, subdistrict, report, write=write)
        elif isinstance(subdistrict, Subdistrict) and level == "compound":
            _write_compounds(rows, subdistrict, report, source_of(path, options), write=write)
        elif isinstance(subdistrict, Subdistrict):
            _write_grids(rows, subdistrict, report, plan_name or Path(path).stem, by, write=write)
        if write:
            finish(report, on_written)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def source_of(path: Path | str, options: Options) -> str:
    """Name under which references are remembered: as asked, else by the file's name."""
    return options.source[:64] if options.source else source_named(Path(path).name)


def source_named(file_name: str) -> str:
    """Name of the source by the name that a person knows the file by: ``osm``, or the file's name without endings.

    The page stores an upload under another name; asking here keeps it and the command line of one mind.
    """
    if is_openstreetmap(file_name):
        return "osm"
    # a Mac writes é as two characters, everybody else as one
    return unicodedata.normalize("NFC", file_name.split(".")[0].strip())[:64] or "file"


def may_write(report: Report, options: Options) -> bool:
    """Every row is sound, or the sound ones are to be taken without the others."""
    if report.has_file_error:
        return False
    return report.ok or (options.skip_bad and report.counts["good"] > 0)


def finish(report: Report, on_written: Written | None) -> None:
    """Say that it was written, and let the caller keep its record in the same transaction."""
    report.written = True
    if on_written is not None:
        on_written(report)


def _check_communities(
    rows: list[AreaRow], town: Town | None, report: Report, options: Options
) -> list[AreaRow]:
    if not rows or report.has_file_error:
        # where everything is misplaced, measuring it would only add nonsense
        return rows
    srid = town.metric_srid if town is not None else _suggested_srid(rows)
    # rows that turn out bad are in the file all the same
    codes = {row.code for row in rows}
    rows = areas.check_tiling(rows, srid, report, options)
    if town is not None:
        others = [place for place in town.known if place.code not in codes]
        areas.overlaps_with_known(rows, others, srid, report)
        report.counts["not_in_file"] = len(others)
    return rows


def _suggested_srid(rows: Sequence[AreaRow]) -> int:
    west, south, east, north = shapely.total_bounds(np.array([row.shape for row in rows], dtype=object))
    try:
        return metric_srid_for((west + east) / 2, (south + north) / 2)
    except ValueError:
        raise ImportFileError(
            _(
                "The rows lie at %(lon).3f, %(lat).3f, which is not on earth. Check the coordinate system (--crs)."
            )
            % {"lon": (west + east) / 2, "lat": (south + north) / 2}
        ) from None


def _check_within(
    path: Path | str, rows: list[AreaRow], level: Level, town: Town, report: Report, options: Options
) -> list[AreaRow]:
    if report.has_file_error:
        return rows
    wanted = {row.row: row.community for row in rows if row.community}
    rows = areas.locate_communities(rows, wanted, town, report)
    if level == "compound":
        areas.settled_alone(rows)
        names = {row.code or row.name for row in rows}
        others = [place for place in town.known if place.code not in names and place.name not in names]
        areas.overlaps_with_known(rows, others, town.metric_srid, report)
        return rows
    taken: list[AreaRow] = []
    for community in town.communities:
        own = [row for row in rows if row.community_id == community.id]
        if own:
            taken += areas.check_tiling(own, town.metric_srid, report, options, within=community.shape)
    return [row for row in taken if row.row not in report.bad_rows]


def _write_communities(
    rows: list[AreaRow], subdistrict: Subdistrict | NewSubdistrict, report: Report, *, write: bool
) -> None:
    if isinstance(subdistrict, NewSubdistrict):
        owner = Subdistrict(
            code=subdistrict.code,
            name=subdistrict.name,
            metric_srid=subdistrict.metric_srid
            or (_suggested_srid(rows) if rows and not report.has_file_error else 4544),
        )
        report.measures["metric_srid"] = owner.metric_srid
        if write:
            owner.save()
    else:
        owner = subdistrict
    known = {one.code: one for one in Community.objects.filter(code__in=[row.code for row in rows])}
    created: list[Community] = []
    changed: list[Community] = []
    for row in rows:
        values: dict[str, Any] = {"name": row.name, "outline": multipolygon(row.shape)}
        if row.name_en:
            values["name_en"] = row.name_en
        if row.households is not None:
            values["surveyed_households"] = row.households
        if row.people is not None:
            values["surveyed_people"] = row.people
        record = known.get(row.code)
        if record is None:
            record = Community(subdistrict=owner, code=row.code)
            difference(record, values)
            created.append(record)
            note_change(report, "created", row.row, row.code)
        elif record.subdistrict_id != owner.pk:
            report.add(
                "other-subdistrict",
                _("The code %(code)s belongs to a community of another subdistrict.") % {"code": row.code},
                row=row.row, field="code", subject=row.code, place=row.shape.centroid,
            )  # fmt: skip
        else:
            fields = difference(record, values)
            if fields:
                changed.append(record)
            note_change(report, "changed" if fields else "unchanged", row.row, row.code, fields)
    report.counts["households"] = sum(row.households or 0 for row in rows)
    report.counts["people"] = sum(row.people or 0 for row in rows)
    if not write:
        return
    if report.of("other-subdistrict"):
        raise ImportFileError(report.of("other-subdistrict")[0].reason)
    Community.objects.bulk_create(created, BATCH)
    Community.objects.bulk_update(
        changed, ["name", "name_en", "outline", "surveyed_households", "surveyed_people"], BATCH
    )
    if owner.outline is None:
        every = Community.objects.filter(subdistrict=owner).values_list("outline", flat=True)
        owner.outline = as_geos(multipolygon(shapely.union_all([as_shape(one) for one in every])))
        owner.save(update_fields=["outline"])
    refresh_places(owner)
    raise_editions(GRIDS, GROUND)


def _write_compounds(
    rows: list[AreaRow], subdistrict: Subdistrict, report: Report, source: str, *, write: bool
) -> None:
    every = list(Compound.objects.filter(community__subdistrict=subdistrict))
    by_ref = {one.source_ref: one for one in every if one.source_ref and one.source == source}
    by_name: dict[tuple[int | None, str], Compound] = {(one.community_id, one.name): one for one in every}
    created: list[Compound] = []
    changed: list[Compound] = []
    for row in rows:
        record = by_ref.get(row.code) if row.code else None
        record = record or by_name.get((row.community_id, row.name))
        values: dict[str, Any] = {
            "name": row.name, "community_id": row.community_id, "outline": multipolygon(row.shape), "kind": row.kind,
        }  # fmt: skip
        if row.name_en:
            values["name_en"] = row.name_en
        if row.address:
            values["address"] = row.address
        if record is None or not record.source_ref or record.source == source:
            values |= {"source": source, "source_ref": row.code}
        if record is None:
            record = Compound()
            difference(record, values)
            created.append(record)
            note_change(report, "created", row.row, row.code or row.name)
        else:
            fields = difference(record, values)
            if fields:
                changed.append(record)
            note_change(report, "changed" if fields else "unchanged", row.row, row.code or row.name, fields)
    if not write:
        return
    Compound.objects.bulk_create(created, BATCH)
    Compound.objects.bulk_update(
        changed, ["name", "name_en", "community", "outline", "kind", "address", "source", "source_ref"], BATCH
    )
    refresh_places(subdistrict)
    raise_editions(GROUND, BUILDINGS)


def _write_grids(
    rows: list[AreaRow],
    subdistrict: Subdistrict,
    report: Report,
    plan_name: str,
    by: AbstractBaseUser | None,
    *,
    write: bool,
) -> None:
    in_force = {
        one.code: one
        for one in Outline.objects.filter(community__subdistrict=subdistrict).in_force(timezone.now())
    }
    for row in rows:
        now = in_force.get(row.code)
        if now is None:
            note_change(report, "created", row.row, row.code)
            continue
        values = {
            "name": row.name,
            "kind": row.kind,
            "community_id": row.community_id,
            "polygon": multipolygon(row.shape),
        }
        fields = difference(now, values)
        note_change(report, "changed" if fields else "unchanged", row.row, row.code, fields)
    report.counts["not_in_file"] = len(set(in_force) - {row.code for row in rows})
    if not write:
        return
    grids = Grid.objects.bulk_create(
        [Grid(subdistrict=subdistrict) for row in rows if row.code not in in_force], BATCH
    )
    fresh = iter(grids)
    plan = Plan.objects.create(
        subdistrict=subdistrict, name=plan_name[:100], created_by_id=None if by is None else by.pk
    )
    outlines = [
        Outline(
            plan=plan,
            grid_id=in_force[row.code].grid_id if row.code in in_force else next(fresh).pk,
            community_id=cast("int", row.community_id), code=row.code, name=row.name, name_en=row.name_en, kind=row.kind,
            polygon=as_geos(multipolygon(row.shape)),
        )
        for row in rows
    ]  # fmt: skip
    Outline.objects.bulk_create(outlines, BATCH)
    Basis.objects.bulk_create(
        Basis(plan=plan, community_id=key) for key in sorted({one.community_id for one in outlines})
    )
    plan.head = Revision.objects.create(
        plan=plan,
        command="import",
        parameters={"file": report.file, "rows": len(rows), "repair": bool(report.movements)},
        before={str(outline.grid_id): None for outline in outlines},
        after={
            str(one.grid_id): {
                "code": one.code, "name": one.name, "name_en": one.name_en, "kind": one.kind,
                "community": one.community_id, "ewkb": one.polygon.hexewkb.decode(),
            }
            for one in outlines
        },
        made_by_id=None if by is None else by.pk,
    )  # fmt: skip
    plan.save(update_fields=["head"])
    report.measures["plan"] = plan.pk
    report.measures["communities"] = sorted({row.community_id for row in rows if row.community_id})
