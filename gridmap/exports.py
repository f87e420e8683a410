"""Plans as files: GeoPackage, GeoJSON, Shapefile, and the table of buildings with their grids.

What is public of a plan may go out to anybody; numbers of households and people only for buildings whose numbers the one who
asks may see, and the names of colleagues as `contacts.named` says.
"""

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from django.utils import timezone

from boundaries import exporting
from boundaries.comparing import NOWHERE
from boundaries.exporting import DATUM, ExportedGrid, Scheme
from boundaries.models import Building
from boundaries.naming import address_en, address_zh
from gridmap.contacts import contacts, named
from gridmap.permissions import Ground, Permission, Visitor, grants, scope, visible_buildings
from gridmap.schemes import Contents
from gridmap.workload import building_loads


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its ending and media type."""

    key: str
    ending: str
    media_type: str


FORMATS: Final = {
    each.key: each
    for each in (
        Format("gpkg", ".gpkg", "application/geopackage+sqlite3"),
        Format("geojson", ".geojson", "application/geo+json"),
        Format("shp", ".zip", "application/zip"),
        Format("csv", ".csv", "text/csv; charset=utf-8"),
    )
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What whoever asks may see beyond what is public.

    `counted` are ids of buildings whose numbers may be seen, None for all; `staff_of` ids of communities whose colleagues
    are known by name, None for all.
    """

    counted: Collection[int] | None
    staff_of: Collection[int] | None


ALL: Final = Seen(None, None)
"""For commands: whoever may run them reads the database anyway."""
PUBLIC: Final = Seen((), ())


def seen_by(user: Visitor, contents: Contents, now: datetime) -> Seen:
    """What `user` may see beyond what is public. Two queries at most, none for the public."""
    homes = {each.pk for each in contents.communities}
    known = _ground(user, Permission.VIEW_STAFF, contents, now)
    counted: Collection[int] | None = None
    if _ground(user, Permission.VIEW_ADDRESS, contents, now) != homes:
        counted = (
            frozenset(visible_buildings(user, now).values_list("pk", flat=True)) if grants(user, now) else ()
        )
    return Seen(counted, known)


def _ground(user: Visitor, permission: Permission, contents: Contents, now: datetime) -> set[int]:
    """The communities of the contents on which the user may do `permission`."""
    allowed = scope(user, permission, now)
    return {
        each.pk
        for each in contents.communities
        if allowed and allowed.covers(Ground(each.subdistrict_id, frozenset({each.pk})))
    }


def file_name(contents: Contents, kind: Format) -> str:
    """«多网合一初始方案-2026-11-24.gpkg»; the buildings' table says so."""
    day = contents.at.astimezone(contents.subdistrict.zone).date().isoformat()
    what = "-buildings" if kind.key == "csv" else ""
    return f"{exporting.file_stem(contents.name)}{what}-{day}{kind.ending}"


def scheme(contents: Contents) -> Scheme:
    """The contents as `boundaries.exporting` writes them."""
    homes = {each.pk: each for each in contents.communities}
    return Scheme(
        name=contents.name,
        subdistrict=contents.subdistrict.name,
        subdistrict_code=contents.subdistrict.code,
        state=contents.states,
        at=contents.at.astimezone(contents.subdistrict.zone),
        made_at=timezone.now().astimezone(contents.subdistrict.zone),
        is_synthetic=contents.subdistrict.is_synthetic,
        grids=[
            ExportedGrid(
                each.code, each.name, each.name_en, each.kind,
                homes[each.community_id].code, homes[each.community_id].name, each.ground,
            )
            for each in contents.grids.values()
        ],
    )  # fmt: skip


def write(contents: Contents, kind: Format, seen: Seen, out: IO[bytes]) -> None:
    """Write the file.

    Parameters
    ----------
    contents : Contents
    kind : Format
        One of `FORMATS`.
    seen : Seen
        For the table of buildings.
    out : binary file, open for writing
    """
    if kind.key in {"geojson", "csv"}:
        pieces = exporting.geojson(scheme(contents)) if kind.key == "geojson" else buildings(contents, seen)
        for piece in pieces:
            out.write(piece)
        return
    writers: dict[str, Callable[[Scheme, Path], None]] = {
        "gpkg": exporting.geopackage,
        "shp": exporting.shapefile,
    }
    # GDAL writes a file by its name, and a GeoPackage needs its own journal beside it
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / f"plan{kind.ending}"
        writers[kind.key](scheme(contents), path)
        with path.open("rb") as made:
            while piece := made.read(1 << 20):
                out.write(piece)


def save(contents: Contents, kind: Format, seen: Seen, path: Path) -> int:
    """Write the file at `path`, whole or not at all; its size in bytes.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as made:
            write(contents, kind, seen, made)
            size = made.tell()
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return size


HEAD: Final = (
    "building", "address", "address_en", "compound", "longitude", "latitude", "community", "community_name",
    "grid", "grid_name", "grid_name_en", "grid_kind", "set_by_hand", "specialist", "specialist_en",
)  # fmt: skip
COUNTS: Final = ("households", "people")
ABOUT: Final = ("plan", "as_of", "datum", "synthetic")


def buildings(contents: Contents, seen: Seen) -> Iterator[bytes]:
    """Lines of the table: every building, its grid, and who looks after it. Seven queries, whatever the size.

    The columns of households and people are there only for whoever may see the numbers of some building, and empty for
    the others. The last columns say what the file is, in each row, so that programs need no special case.
    """
    head = [*HEAD, *(COUNTS if seen.counted is None or len(seen.counted) else ()), *ABOUT]
    return exporting.csv_lines(head, _rows(contents, seen))


def _rows(contents: Contents, seen: Seen) -> Iterator[list[Any]]:
    stock, grid_of = contents.homes()
    people = contacts(contents.at, {key: each.community_id for key, each in contents.grids.items()})
    homes = {each.pk: each for each in contents.communities}
    counts = _counts(contents, seen)
    facts = _about(contents)
    has_counts = seen.counted is None or bool(len(seen.counted))
    words = _addresses(contents)
    columns = (stock.ids, stock.lon, stock.lat, stock.community, grid_of, stock.by_hand)
    for key, lon, lat, home, grid, hand in zip(*(column.tolist() for column in columns), strict=True):
        drawn = contents.grids.get(grid) if grid != NOWHERE else None
        is_staff = seen.staff_of is None or home in seen.staff_of
        person = named(people.get(grid), is_staff=is_staff)
        row: list[Any] = [
            key, *words.get(key, ("", "", "")), f"{lon:.8f}", f"{lat:.8f}", homes[home].code, homes[home].name,
            drawn.code if drawn else "", drawn.name if drawn else "", drawn.name_en if drawn else "",
            drawn.kind if drawn else "", int(grid != NOWHERE and hand == grid),
            person.name if person else "", person.name_en if person else "",
        ]  # fmt: skip
        if has_counts:
            row += counts.get(key, ("", ""))
        yield row + facts


def _about(contents: Contents) -> list[str]:
    return [
        contents.name,
        contents.at.astimezone(contents.subdistrict.zone).isoformat(timespec="seconds"),
        DATUM,
        "synthetic data" if contents.subdistrict.is_synthetic else "",
    ]


def _counts(contents: Contents, seen: Seen) -> dict[int, tuple[int, int]]:
    if seen.counted is not None and not len(seen.counted):
        return {}
    loads = building_loads(contents.at, [each.pk for each in contents.communities])
    if seen.counted is not None:
        shown = np.isin(loads.id, np.fromiter(seen.counted, dtype=np.int64))
    else:
        shown = np.ones(len(loads), bool)
    columns = (loads.id[shown], loads.households[shown], loads.people[shown])
    return {
        key: (households, people)
        for key, households, people in zip(*(column.tolist() for column in columns), strict=True)
    }


def _addresses(contents: Contents) -> dict[int, tuple[str, str, str]]:
    """Address in Chinese and in English, and compound, of each building by id. One query."""
    columns = (
        "compound__name",
        "compound__name_en",
        "number",
        "street__name",
        "street__name_en",
        "house_number",
    )
    rows = Building.objects.standing(contents.at).filter(subdistrict=contents.subdistrict).order_by()
    found = {}
    for key, name, compound, compound_en, number, street, street_en, house_number in rows.values_list(
        "pk", "name", *columns
    ):
        address = address_zh(
            compound=compound or "", number=number, street=street or "", house_number=house_number
        )
        english = address_en(
            compound=compound_en or compound or "", number=number,
            street=street_en or street or "", house_number=house_number,
        )  # fmt: skip
        found[key] = (address or name, english, compound or "")
    return found
