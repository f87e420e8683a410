"""Buildings from a file, and which of them the town has already: a building keeps its identity on re-import."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from django.utils.translation import gettext as _
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries.importing import numbers, suspicions
from boundaries.importing.areas import Town
from boundaries.importing.report import Decision, Progress, Report, as_geojson, no_progress
from boundaries.importing.rows import Options, Reader, Row, parts_of, reader
from boundaries.importing.shapes import Shapes, snapped

SAME: Final = 0.7
"""Share of common ground (intersection over union) from which two footprints are one building."""
TOUCHED: Final = 0.1
ROLES: Final = {
    "ref": "building.ref", "name": "building.name", "name_en": "name_en", "number": "number",
    "house_number": "house_number", "street": "street", "compound": "compound", "use": "use", "floors": "floors",
    "entrances": "entrances",
}  # fmt: skip
_OSM: Final = {
    "relation": "osm.relation", "way": "osm.way", "name": "building.name", "name_en": "name_en", "use": "use",
    "house_number": "house_number", "street": "street", "floors": "floors",
}  # fmt: skip

USES: Final = {
    "home": "house residential apartments detached terrace dormitory semidetached_house home 住宅 居住 住房 公寓 宿舍",
    "farm": "farm farm_auxiliary barn 农房 农家",
    "shop": "retail commercial supermarket kiosk shop 商业 商铺 商场 店铺",
    "mixed": "mixed 商住 商住两用 综合",
    "office": "office government 办公 写字楼 机关",
    "school": "school university kindergarten college 学校 教育 幼儿园",
    "health": "hospital clinic 医院 医疗 卫生",
    "industry": "industrial warehouse factory manufacture hangar industry 工业 厂房 仓库",
    "public": "public civic church chapel mosque temple train_station fire_station townhall 公共 公建 寺庙",
}  # fmt: skip
_USE_OF: Final = {word: use for use, words in USES.items() for word in [use, *words.split()]}


@dataclass(slots=True)
class BuildingRow:
    """One building that can be stored; ``point`` lies inside ``footprint``, both EPSG:4326."""

    row: int
    ref: str
    footprint: BaseGeometry
    point: BaseGeometry
    name: str = ""
    name_en: str = ""
    number: str = ""
    house_number: str = ""
    street: str = ""
    compound: str = ""
    use: str = "other"
    floors: int | None = None
    entrances: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A building that the town has: identity, reference in its source, footprint in EPSG:4326."""

    id: int
    source: str
    ref: str
    footprint: BaseGeometry


@dataclass(slots=True)
class Matching:
    """Which row is which building.

    Attributes
    ----------
    same : dict of int to int
        Index of a row to the identity of its building.
    new : list of int
        Indices of rows that no building is like.
    decisions : list of Decision
        Split, merged, gone and ambiguous ones.
    """

    same: dict[int, int] = field(default_factory=dict)
    new: list[int] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


def read_buildings(
    path: Path | str,
    town: Town,
    known: Sequence[Standing],
    options: Options,
    progress: Progress = no_progress,
) -> tuple[list[BuildingRow], Report]:
    """Read a file of building footprints and say everything about it.

    Parameters
    ----------
    path : Path or str
    town : Town
    known : sequence of Standing
        Buildings of the town, to compare the place of the whole file with.
    options : Options
    progress : callable, optional

    Returns
    -------
    list of BuildingRow, Report

    Raises
    ------
    ImportFileError
        The file cannot be taken as a whole.
    """
    is_osm = is_openstreetmap(path)
    with reader(
        path, "building", _OSM if is_osm else ROLES, options, layer="multipolygons" if is_osm else None,
        town=town.outline, metric_srid=town.metric_srid, progress=progress,
    ) as opened:  # fmt: skip
        found: list[BuildingRow] = []
        seen: dict[str, int] = {}
        only = '"building" IS NOT NULL AND "building" <> \'no\'' if is_osm else None
        for rows in opened.rows("polygon", only):
            for row in parts_of(rows, options.multipart, "ref"):
                made = _building(row, opened.report)
                if made.ref and made.ref in seen:
                    opened.report.add(
                        "duplicate-code",
                        _("The reference %(ref)s stands in row %(first)s already.")
                        % {"ref": made.ref, "first": seen[made.ref]},
                        row=row.number, field="ref", subject=made.ref, place=row.shape.centroid,
                    )  # fmt: skip
                    continue
                seen[made.ref] = row.number
                found.append(made)
        _place_all(found)
        _suspect(opened, found, town, known)
        _report_outside(found, town, opened.report)
        _report_doubles(found, opened.report)
    return [row for row in found if row.row not in opened.report.bad_rows], opened.report


def is_openstreetmap(path: Path | str) -> bool:
    """Tell by its name whether a file is OpenStreetMap's."""
    return Path(path).name.lower().endswith((".osm", ".osm.gz", ".pbf", ".osm.bz2"))


def osm_reference(row: Row) -> str:
    """Reference of an OpenStreetMap feature: ``w123`` for a way, ``r123`` for a relation."""
    return (
        f"w{row.get('way')}" if row.get("way") else f"r{row.get('relation')}" if row.get("relation") else ""
    )


def _building(row: Row, report: Report) -> BuildingRow:
    floors = numbers.whole(row.get("floors").partition(".")[0]) if row.get("floors") else None
    if row.get("floors") and (floors is None or floors > 300):
        report.add(
            "bad-number", _("“%(text)s” is no number of floors.") % {"text": row.get("floors")},
            severity="warning", row=row.number, field="floors", place=row.shape.centroid,
        )  # fmt: skip
        floors = None
    entrances = numbers.whole(row.get("entrances"))
    return BuildingRow(
        row.number, (row.get("ref") or osm_reference(row))[:128], row.shape, row.shape, row.get("name")[:100],
        row.get("name_en")[:150], numbers.number_of(row.get("number"))[:24], house_number(row.get("house_number")),
        row.get("street"), row.get("compound"), _USE_OF.get(row.get("use").lower(), "other"), floors,
        entrances if entrances is None or entrances <= 99 else None,
    )  # fmt: skip


def house_number(text: str) -> str:
    """A house number without 号: «12号» is 12, «12号附3号» is 12号附3."""
    return numbers.narrow(text).removesuffix("号").removesuffix("號")[:24]


def _place_all(rows: list[BuildingRow]) -> None:
    """Put footprints on the grid and choose a point inside each."""
    if not rows:
        return
    shapes = snapped(np.array([row.footprint for row in rows], dtype=object))
    points = np.asarray(shapely.point_on_surface(shapes), dtype=object)
    # on a footprint a few centimetres wide, rounding may push the point out: then it keeps all its digits
    rounded = shapely.set_precision(points, 1e-8)
    points = np.where(shapely.intersects(shapes, rounded), rounded, points)
    for row, shape, point in zip(rows, shapes, points, strict=True):
        row.footprint, row.point = shape, point


def _suspect(opened: Reader, rows: list[BuildingRow], town: Town, known: Sequence[Standing]) -> None:
    shapes = np.array([row.footprint for row in rows], dtype=object)
    elsewhere = suspicions.suspect_place(shapes, town.outline, town.metric_srid)
    for one in elsewhere:
        if not opened.report.has_file_error:
            opened.suspect(one)
    if not elsewhere and known:
        standing = np.array([one.footprint for one in known], dtype=object)
        for one in suspicions.suspect_datum_by_overlap(
            shapes, standing, town.metric_srid, opened.options.datum, rng=np.random.default_rng(0)
        ):
            opened.suspect(one)


def _report_outside(rows: list[BuildingRow], town: Town, report: Report) -> None:
    if town.outline is None or not rows or report.has_file_error:
        return
    shapely.prepare(town.outline)
    inside = shapely.intersects(town.outline, np.array([row.point for row in rows], dtype=object))
    for index in np.flatnonzero(~inside):
        row = rows[int(index)]
        report.add(
            "outside", _("The building lies outside the subdistrict."),
            row=row.row, subject=row.ref or row.number or None, place=row.point,
        )  # fmt: skip


def _report_doubles(rows: list[BuildingRow], report: Report) -> None:
    if not rows:
        return
    shapes = np.array([row.footprint for row in rows], dtype=object)
    for one, other, share in _overlaps(shapes, shapes, once=True):
        if share >= SAME:
            report.add(
                "double", _("The building lies on that of row %(row)s: %(share).0f %% of their ground is common.")
                % {"row": rows[one].row, "share": share * 100},
                severity="warning", row=rows[other].row, subject=rows[other].ref or None, place=rows[other].point,
            )  # fmt: skip


def _overlaps(one: Shapes, two: Shapes, *, once: bool = False) -> list[tuple[int, int, float]]:
    """Pairs with common ground, and its share (intersection over union; a ratio, so degrees will do).

    With ``once`` both arrays are the same: each pair comes once, none with itself.
    """
    pairs = STRtree(two).query(one, predicate="intersects")
    if once:
        pairs = pairs[:, pairs[0] < pairs[1]]
    common = shapely.area(shapely.intersection(one[pairs[0]], two[pairs[1]]))
    share = common / np.maximum(shapely.area(one)[pairs[0]] + shapely.area(two)[pairs[1]] - common, 1e-300)
    return [(int(a), int(b), float(s)) for a, b, s in zip(*pairs, share, strict=True) if s > 0]


def match(rows: Sequence[BuildingRow], known: Sequence[Standing], source: str) -> Matching:
    """Find for each row the building that it is: by reference first, then by footprint, one to one.

    Parameters
    ----------
    rows : sequence of BuildingRow
    known : sequence of Standing
    source : str
        Name of the source; a reference means the same building only within one source.

    Returns
    -------
    Matching
        What is neither the same nor new is a decision for a person and stays as it is.
    """
    found = Matching()
    by_ref = {one.ref: index for index, one in enumerate(known) if one.source == source and one.ref}
    taken: set[int] = set()
    open_rows: list[int] = []
    for index, row in enumerate(rows):
        hit = by_ref.get(row.ref) if row.ref else None
        if hit is None:
            open_rows.append(index)
        else:
            found.same[index] = known[hit].id
            taken.add(hit)
    open_known = [index for index in range(len(known)) if index not in taken]
    _match_ground(rows, known, open_rows, open_known, found)
    return found


def _match_ground(
    rows: Sequence[BuildingRow],
    known: Sequence[Standing],
    open_rows: list[int],
    open_known: list[int],
    found: Matching,
) -> None:
    here = np.array([rows[index].footprint for index in open_rows], dtype=object)
    there = np.array([known[index].footprint for index in open_known], dtype=object)
    pairs = _overlaps(here, there) if len(here) and len(there) else []
    matched_rows: set[int] = set()
    matched_known: set[int] = set()
    for row, building, share in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        if share < SAME:
            break
        if row not in matched_rows and building not in matched_known:
            matched_rows.add(row)
            matched_known.add(building)
            found.same[open_rows[row]] = known[open_known[building]].id
    rows_of: dict[int, list[int]] = defaultdict(list)
    buildings_of: dict[int, list[int]] = defaultdict(list)
    for row, building, _share in pairs:
        if row in matched_rows or building in matched_known:
            continue
        # touching by a sliver is being neighbours, not being the same
        common = shapely.area(shapely.intersection(here[row], there[building]))
        if common >= TOUCHED * min(here[row].area, there[building].area):
            rows_of[building].append(row)
            buildings_of[row].append(building)
    undecided = set(buildings_of)
    _decide(rows, known, open_rows, open_known, rows_of, buildings_of, found)
    found.new = [
        open_rows[row] for row in range(len(open_rows)) if row not in matched_rows and row not in undecided
    ]
    if not rows:
        return
    reach = shapely.box(*shapely.total_bounds(np.array([row.footprint for row in rows], dtype=object)))
    for building, index in enumerate(open_known):
        if building not in matched_known and building not in rows_of and reach.intersects(there[building]):
            found.decisions.append(
                Decision(
                    "gone",
                    _("A building of the town is not in the file. Is it gone?"),
                    [known[index].id],
                    place=as_geojson(there[building]),
                )
            )


def _decide(
    rows: Sequence[BuildingRow],
    known: Sequence[Standing],
    open_rows: list[int],
    open_known: list[int],
    rows_of: dict[int, list[int]],
    buildings_of: dict[int, list[int]],
    found: Matching,
) -> None:
    seen: set[int] = set()
    for start in buildings_of:
        if start in seen:
            continue
        # everything that hangs together by common ground is one question
        group_rows, group_known, waiting = {start}, set[int](), [start]
        while waiting:
            for building in buildings_of[waiting.pop()]:
                group_known.add(building)
                for row in rows_of[building]:
                    if row not in group_rows:
                        group_rows.add(row)
                        waiting.append(row)
        seen |= group_rows
        many_rows, many_known = len(group_rows) > 1, len(group_known) > 1
        code = "ambiguous" if many_rows == many_known else "split" if many_rows else "merged"
        reason = {
            "split": _("One building of the town is %(rows)s in the file. Was it split?"),
            "merged": _("%(known)s buildings of the town are one in the file. Were they merged?"),
            "ambiguous": _(
                "%(known)s buildings of the town and %(rows)s of the file share ground, but less "
                "than 70 %%. Which is which?"
            ),
        }[code] % {"rows": len(group_rows), "known": len(group_known)}  # fmt: skip
        found.decisions.append(
            Decision(
                code,
                reason,
                sorted(known[open_known[one]].id for one in group_known),
                sorted(rows[open_rows[one]].row for one in group_rows),
                as_geojson(shapely.union_all([rows[open_rows[one]].footprint for one in group_rows])),
            )
        )
