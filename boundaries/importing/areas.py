"""Communities, compounds and grids from a file: rows that are sound one by one and, where they tile, together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import shapely
from django.utils.translation import gettext as _
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries.importing import coverage, suspicions
from boundaries.importing.exact import is_exact
from boundaries.importing.report import ImportFileError, Movement, Progress, Report, no_progress
from boundaries.importing.rows import Options, Reader, Row, parts_of, reader
from boundaries.importing.shapes import reproject, snapped
from boundaries.models import CompoundKind, GridKind

Level = Literal["community", "compound", "grid"]
LEVELS: Final[tuple[Level, ...]] = ("community", "compound", "grid")

ROLES: Final[dict[Level, dict[str, str]]] = {
    "community": {
        "code": "community.code", "name": "community.name", "name_en": "name_en",
        "households": "households", "people": "people",
    },
    "compound": {
        "code": "compound.code", "name": "compound.name", "name_en": "name_en",
        "community": "community", "kind": "kind", "address": "address",
    },
    "grid": {
        "code": "grid.code", "name": "grid.name", "name_en": "name_en",
        "community": "community", "kind": "grid.kind",
        "name_p2": "name_p2", "name_p3": "name_p3", "name_en_p2": "name_en_p2", "name_en_p3": "name_en_p3",
    },
}  # fmt: skip

COMPOUND_KINDS: Final = {
    "小区": "residential", "住宅": "residential", "住宅小区": "residential", "residential": "residential",
    "院落": "courtyard", "courtyard": "courtyard", "村": "village", "village": "village", "学校": "campus", "校园": "campus",
    "campus": "campus", "school": "campus", "医院": "hospital", "hospital": "hospital", "市场": "market", "market": "market",
    "园区": "works", "工业园": "works", "企业": "works", "works": "works", "机关": "office",
    "写字楼": "office", "office": "office",
}  # fmt: skip
GRID_KINDS: Final = {
    "all": "all", "全科": "all", "全科网格": "all", "一般网格": "all", "普通网格": "all", "all-purpose": "all", "通用网格": "all",
    "dedicated": "dedicated", "专属": "dedicated", "专属网格": "dedicated", "专用网格": "dedicated",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """An area that the town has: identity, code, name, ground in EPSG:4326."""

    id: int
    code: str
    name: str
    shape: BaseGeometry


@dataclass(frozen=True, slots=True)
class Town:
    """What an import has to know of the town.

    Attributes
    ----------
    metric_srid : int
        EPSG code for areas and distances.
    outline : BaseGeometry or None
        Outline of the subdistrict, or of all its communities.
    communities : list of Place
    known : list of Place
        Existing features of the kind that is imported.
    """

    metric_srid: int
    outline: BaseGeometry | None
    communities: list[Place] = field(default_factory=list)
    known: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class AreaRow:
    """One area that can be stored."""

    row: int
    code: str
    name: str
    shape: BaseGeometry
    name_en: str = ""
    kind: str = ""
    address: str = ""
    community: str = ""
    community_id: int | None = None
    households: int | None = None
    people: int | None = None


def read_areas(
    path: Path | str, level: Level, town: Town | None, options: Options, progress: Progress = no_progress
) -> tuple[list[AreaRow], Report]:
    """Read a file of areas and say everything about it.

    Parameters
    ----------
    path : Path or str
    level : {"community", "compound", "grid"}
    town : Town or None
        None where the subdistrict is not there yet: nothing is compared.
    options : Options
    progress : callable, optional

    Returns
    -------
    list of AreaRow, Report
        Rows without errors, and the report on all.

    Raises
    ------
    ImportFileError
        The file cannot be taken as a whole.
    """
    with reader(
        path, level, ROLES[level], options,
        town=None if town is None else town.outline,
        metric_srid=None if town is None else town.metric_srid,
        progress=progress,
    ) as opened:  # fmt: skip
        _need_columns(opened, level)
        rows = [row for batch in opened.rows("polygon") for row in batch]
        report = opened.report
        rows = _with_codes(parts_of(rows, options.multipart, "code"), level, report)
        if town is not None:
            _suspect(opened, rows, town)
    return [_area(row, level, report) for row in rows if row.number not in report.bad_rows], report


def check_tiling(
    rows: list[AreaRow],
    metric_srid: int,
    report: Report,
    options: Options,
    *,
    within: BaseGeometry | None = None,
) -> list[AreaRow]:
    """Check rows as a coverage, repair them if asked, and report what was found and moved.

    Overlaps, and gaps up to the width that a repair closes, are errors of the rows at their border unless they were
    repaired. Wider gaps are holes on purpose: a note.

    Parameters
    ----------
    rows : list of AreaRow
    metric_srid : int
    report : Report
    options : Options
    within : BaseGeometry, optional
        What they tile together, EPSG:4326.

    Returns
    -------
    list of AreaRow
        The rows with shapes that are edge-matched.
    """
    if not rows:
        return rows
    by_index: dict[int, BaseGeometry] = {index: row.shape for index, row in enumerate(rows)}
    if within is not None and is_exact(by_index, within):
        report.measures.setdefault("areas_with_faulty_edges", 0)
        return [row for row in rows if row.row not in report.bad_rows]
    faulty = coverage.edge_faults(by_index)
    report.measures["areas_with_faulty_edges"] = report.measures.get("areas_with_faulty_edges", 0) + len(
        faulty
    )
    tiling = coverage.settle(
        by_index, metric_srid, repair=options.repair, gap_width_m=options.gap_width_m, outline=within
    )
    for sliver in (*tiling.overlaps, *tiling.gaps):
        _report_sliver(sliver, rows, report, options, must_fill=within is not None)
    for sliver in tiling.overhangs:
        _report_overhang(sliver, rows, report, options)
    for key in tiling.lost:
        row = rows[key]
        report.add(
            "swallowed",
            _("%(name)s lies wholly on other areas or beyond the outline; nothing would be left of it.")
            % {"name": row.code or row.name},
            row=row.row, subject=row.code, place=row.shape,
        )  # fmt: skip
    for key, moved in tiling.moved.items():
        report.movements.append(
            Movement(
                rows[key].code or rows[key].name,
                round(moved.gained_m2, 3), round(moved.lost_m2, 3), round(moved.moved_m, 3),
            )
        )  # fmt: skip
    for key, shape in tiling.areas.items():
        rows[key].shape = shape
    return [row for index, row in enumerate(rows) if index in tiling.areas and row.row not in report.bad_rows]


def _report_sliver(
    sliver: coverage.Sliver, rows: list[AreaRow], report: Report, options: Options, *, must_fill: bool
) -> None:
    def label(key: int) -> str:
        row = rows[key]
        return row.code or row.name

    facts = {
        "area": sliver.area_m2,
        "width": sliver.width_m,
        "who": ", ".join(label(key) for key in (sliver.neighbours if sliver.is_gap else sliver.owners)[:4]),
        "to": "" if sliver.given_to is None else label(sliver.given_to),
    }
    repaired = sliver.given_to is not None
    if not sliver.is_gap:
        reason = _("%(who)s overlap by %(area).2f m2, at most %(width).2f m wide.")
        reason += " " + (_("Given to %(to)s.") if repaired else _("--repair settles it."))
        code = "overlap"
    elif repaired:
        reason = _("Gap of %(area).2f m2, at most %(width).2f m wide, between %(who)s. Given to %(to)s.")
        code = "gap"
    elif sliver.width_m <= options.gap_width_m:
        reason = _("Gap of %(area).2f m2, at most %(width).2f m wide, between %(who)s. --repair closes it.")
        code = "gap"
    elif must_fill:
        reason = _(
            "%(area).1f m2 of the community, %(width).1f m wide, belong to no grid (beside %(who)s). A repair closes "
            "no gap that wide. The plan cannot be put in force before they do."
        )
        code = "hole"
    else:
        reason = _("A hole of %(area).0f m2, %(width).0f m wide, belongs to nobody. It stays.")
        code = "hole"
    severity: Literal["error", "warning", "note"] = (
        "note" if code == "hole" and not must_fill else "warning" if repaired or code == "hole" else "error"
    )
    owners = sliver.owners or sliver.neighbours
    first = rows[owners[0]] if owners and code != "hole" else None
    others = [rows[key] for key in sliver.owners[1:]] if severity == "error" else []
    report.count({"overlap": "overlaps", "gap": "gaps", "hole": "holes"}[code])
    report.add(
        code, reason % facts, severity=severity, repaired=repaired, place=sliver.place, area_m2=sliver.area_m2,
        row=None if first is None else first.row, subject=None if first is None else first.code or first.name,
    )  # fmt: skip
    for row in others:
        report.mark_bad(row.row)


def _report_overhang(sliver: coverage.Sliver, rows: list[AreaRow], report: Report, options: Options) -> None:
    """Ground beyond the outline: cut off, an error while a repair would do so, or too wide for one."""
    stick_out = [rows[key] for key in sliver.owners]
    facts = {
        "area": sliver.area_m2,
        "width": sliver.width_m,
        "who": ", ".join(row.code or row.name for row in stick_out),
    }
    severity: Literal["error", "warning"] = "warning"
    if sliver.is_cut:
        reason = _(
            "%(who)s reach %(width).2f m beyond the outline of the community (%(area).2f m2). Cut off."
        )
    elif sliver.width_m <= options.gap_width_m:
        severity = "error"
        reason = _(
            "%(who)s reach %(width).2f m beyond the outline of the community (%(area).2f m2). --repair cuts it off."
        )
    else:
        reason = _(
            "%(who)s reach beyond the outline of the community by %(area).1f m2, %(width).1f m wide. A repair cuts off "
            "nothing that wide. The plan cannot be put in force before the border is redrawn."
        )
    report.count("overhangs")
    report.add(
        "overhang", reason % facts, severity=severity, repaired=sliver.is_cut, place=sliver.place,
        area_m2=sliver.area_m2, row=stick_out[0].row, subject=stick_out[0].code or stick_out[0].name,
    )  # fmt: skip
    for row in stick_out[1:] if severity == "error" else ():
        report.mark_bad(row.row)


def locate_communities(
    rows: list[AreaRow], wanted: Mapping[int, str], town: Town, report: Report
) -> list[AreaRow]:
    """Give each row its community: the one that its column names, else the one on which most of it lies.

    Parameters
    ----------
    rows : list of AreaRow
    wanted : mapping of int to str
        Community by row number as the file names it.
    town : Town
    report : Report
        Rows that lie in none, or elsewhere than they say, become errors.
    """
    by_name: dict[str, Place] = {}
    for place in town.communities:
        for name in (place.code, place.name, place.name.removesuffix("社区")):
            by_name.setdefault(name, place)
    tree = STRtree([place.shape for place in town.communities])
    taken = []
    for row in rows:
        named = by_name.get(wanted.get(row.row, "").removesuffix("社区")) or by_name.get(
            wanted.get(row.row, "")
        )
        shares = {
            int(index): shapely.area(shapely.intersection(row.shape, town.communities[int(index)].shape))
            / row.shape.area
            for index in tree.query(row.shape, predicate="intersects")
        }
        best = max(shares, key=lambda index: shares[index]) if shares else None
        subject = row.code or row.name
        if best is None or shares[best] < 0.5:
            outside = 1.0 - sum(shares.values())
            report.add(
                "outside",
                _("%(name)s lies outside the communities by %(share).0f %% of its ground.")
                % {"name": subject, "share": max(0.0, outside) * 100},
                row=row.row, subject=subject, place=row.shape,
            )  # fmt: skip
            continue
        place = town.communities[best]
        if wanted.get(row.row) and named is None:
            report.add(
                "unknown-community",
                _("There is no community “%(community)s”; %(name)s lies in %(place)s.")
                % {"community": wanted[row.row], "name": subject, "place": place.name},
                severity="warning", row=row.row, field="community", subject=subject,
            )  # fmt: skip
        elif named is not None and named.id != place.id:
            report.add(
                "other-community",
                _("%(name)s is said to belong to %(named)s, but lies in %(place)s.")
                % {"name": subject, "named": named.name, "place": place.name},
                row=row.row, field="community", subject=subject, place=row.shape,
            )  # fmt: skip
            continue
        row.community_id = place.id
        taken.append(row)
    return taken


def overlaps_with_known(rows: list[AreaRow], known: list[Place], metric_srid: int, report: Report) -> None:
    """Report rows that overlap features of the town that the file does not replace, and each other (compounds)."""
    if not known or not rows:
        return
    here = np.asarray(
        reproject(np.array([row.shape for row in rows], dtype=object), 4326, metric_srid), dtype=object
    )
    there = np.asarray(
        reproject(np.array([one.shape for one in known], dtype=object), 4326, metric_srid), dtype=object
    )
    pairs = STRtree(there).query(here, predicate="intersects")
    shared = shapely.intersection(here[pairs[0]], there[pairs[1]])
    for (row, other), ground in zip(pairs.T, shared, strict=True):
        # what is narrower than two millimetres along the whole border is rounding
        if ground.area > 0.1 and ground.area > 0.002 * ground.length:
            subject = rows[row].code or rows[row].name
            report.add(
                "overlap-existing",
                _("%(name)s overlaps %(other)s, which is in the town already, by %(area).1f m2.")
                % {"name": subject, "other": known[other].code or known[other].name, "area": ground.area},
                severity="warning", row=rows[row].row, subject=subject,
                place=reproject(ground, metric_srid, 4326), area_m2=ground.area,
            )  # fmt: skip


def _need_columns(opened: Reader, level: Level) -> None:
    needed = {"community": ("code",), "compound": ("name",), "grid": ("code",)}[level]
    for role in needed:
        if role not in opened.mapping:
            raise ImportFileError(
                _(
                    "No column of %(file)s looks like the %(role)s. Name it with --map %(role)s=COLUMN; its columns: %(columns)s."
                )
                % {
                    "file": opened.source.file,
                    "role": role,
                    "columns": ", ".join(opened.source.fields) or "–",
                }
            )


def _with_codes(rows: list[Row], level: Level, report: Report) -> list[Row]:
    key = "name" if level == "compound" else "code"
    seen: dict[str, int] = {}
    for row in rows:
        code = row.get(key)
        if not code:
            report.add(
                f"no-{key}",
                _("The row has no %(role)s.") % {"role": key},
                row=row.number,
                field=key,
                place=row.shape.centroid,
            )
        elif level != "compound" and not code.isascii():
            report.add(
                "bad-code", _("“%(code)s” is no code: letters and digits only.") % {"code": code},
                row=row.number, field="code", subject=code, place=row.shape.centroid,
            )  # fmt: skip
        elif level == "compound" and row.get("code"):
            code = row.get("code")
        if code in seen and (level != "compound" or row.get("code")):
            report.add(
                "duplicate-code",
                _("The code %(code)s stands in row %(first)s already. --multipart join makes one area of both.")
                % {"code": code, "first": seen[code]},
                row=row.number, field="code", subject=code, place=row.shape.centroid,
            )  # fmt: skip
        elif code:
            seen[code] = row.number
    return rows


def _area(row: Row, level: Level, report: Report) -> AreaRow:
    code = row.get("code")
    name = _whole(row, "name") or code
    kind = ""
    given = row.get("kind").strip()
    if level == "compound":
        kind = COMPOUND_KINDS.get(given.lower(), CompoundKind.RESIDENTIAL.value)
    elif level == "grid":
        kind = GRID_KINDS.get(given.lower(), GridKind.ALL_PURPOSE.value)
        if given and given.lower() not in GRID_KINDS:
            report.add(
                "unknown-kind",
                _("“%(kind)s” is no kind of grid that is known; taken as all-purpose.") % {"kind": given},
                severity="warning", row=row.number, field="kind", subject=code,
            )  # fmt: skip
    return AreaRow(
        row.number, code, name[:100], row.shape, _whole(row, "name_en")[:150], kind, row.get("address")[:200],
        row.get("community"), households=_count(row, "households", report), people=_count(row, "people", report),
    )  # fmt: skip


def _whole(row: Row, role: str) -> str:
    """A text that an exported Shapefile carries on in further columns, since a cell holds 254 bytes."""
    return row.get(role) + row.get(f"{role}_p2") + row.get(f"{role}_p3")


def _count(row: Row, role: str, report: Report) -> int | None:
    text = row.get(role)
    if not text:
        return None
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = -1.0
    if number < 0 or number != int(number) or number > 2_000_000_000:
        report.add(
            "bad-number", _("“%(text)s” is no count.") % {"text": text},
            severity="warning", row=row.number, field=role, subject=row.get("code"),
        )  # fmt: skip
        return None
    return int(number)


def _suspect(opened: Reader, rows: list[Row], town: Town) -> None:
    if not rows:
        return
    found = np.array([row.shape for row in rows], dtype=object)
    elsewhere = suspicions.suspect_place(found, town.outline, town.metric_srid)
    for one in elsewhere:
        if not opened.report.has_file_error:
            opened.suspect(one)
    new: dict[str, BaseGeometry] = {}
    for row in rows:
        for name in (row.get("code"), row.get("name")):
            if name:
                new.setdefault(name, row.shape)
    known: dict[str, BaseGeometry] = {}
    for place in (*town.known, *town.communities):
        for name in (place.code, place.name):
            if name:
                known.setdefault(name, place.shape)
    datum = opened.options.datum
    misplaced = suspicions.suspect_datum(new, known, town.metric_srid, datum)
    if not misplaced and not elsewhere and opened.report.kind != "compound" and town.communities:
        fields = np.array([place.shape for place in town.communities], dtype=object)
        misplaced = suspicions.suspect_datum_by_outline(found, fields, town.metric_srid, datum)
    for one in misplaced:
        opened.suspect(one)


def settled_alone(rows: list[AreaRow]) -> list[AreaRow]:
    """Put shapes that need not meet on the 1e-8 degree grid."""
    if rows:
        for row, shape in zip(
            rows, snapped(np.array([row.shape for row in rows], dtype=object)), strict=True
        ):
            row.shape = shape
    return rows
