"""Builds what the search box reads (`Place`, `PlaceKey`) from the record.

Whoever changes names, numbers, buildings or what is in force calls `refresh_places(subdistrict)` in the same
transaction; a scheduled publication needs no call when its time comes, since rows carry their own period.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection, transaction

from boundaries.addresses import house_value, number_key
from boundaries.addresses import readings as read_address
from boundaries.models import KeyForm, PlaceKind, Subdistrict
from boundaries.naming import address_en
from boundaries.spelling import HAN, counted, latinised, plain, readings, slips, sound, squash

Progress = Callable[[str, int], None]
Spelling = tuple[int, int, str]

MAX_KEY: Final = 120
MAX_TAILS: Final = 16
_LOCK: Final = 0x706C6163  # "plac": one refresh of a subdistrict at a time

PLACE_COLUMNS: Final = (
    "id", "subdistrict_id", "community_id", "kind", "object_id", "title", "title_en", "detail", "detail_en",
    "context", "code", "compound_id", "number", "street_id", "house_number", "house_value", "entrances",
    "point", "west", "south", "east", "north", "period",
)  # fmt: skip
KEY_COLUMNS: Final = ("place_id", "subdistrict_id", "kind", "form", "start", "key")

_BOX = "ST_XMin({0}), ST_YMin({0}), ST_XMax({0}), ST_YMax({0})"


@dataclass(slots=True)
class Names:
    """What is said of an area in the detail of the places inside it."""

    name: str = ""
    name_en: str = ""
    context: str = ""


@dataclass(slots=True)
class _Row:
    """One place before it has an id. `box` is west, south, east, north in degrees; `point` is EWKB in hexadecimal."""

    kind: str
    object_id: int
    title: str
    point: str
    box: tuple[float, float, float, float]
    title_en: str = ""
    community: int | None = None
    detail: str = ""
    detail_en: str = ""
    code: str = ""
    compound: int | None = None
    number: str = ""
    street: int | None = None
    house_number: str = ""
    entrances: int | None = None
    period: str = "(,)"
    names: list[str] = field(default_factory=list)
    name_en: str = ""
    addresses: list[str] = field(default_factory=list)


def rebuild_places(progress: Progress | None = None) -> int:
    """Build all places of all subdistricts anew, each subdistrict in its own transaction; returns their number."""
    total = 0
    for subdistrict in Subdistrict.objects.order_by("code"):
        total += refresh_places(subdistrict)
        if progress:
            progress(subdistrict.code, total)
    return total


def refresh_places(
    subdistrict: Subdistrict,
    *,
    buildings: Collection[int] | None = None,
    compounds: Collection[int] | None = None,
    grids: Collection[int] | None = None,
) -> int:
    """Bring the places of `subdistrict` up to date and return how many were written.

    Without further arguments everything is built anew: about a second for 12,000 buildings. With ids, only
    those buildings, compounds (with the buildings inside, which carry their name) and grids.

    Parameters
    ----------
    subdistrict
        The only one whose rows are touched.
    buildings, compounds, grids
        Ids of what changed, came or went; also ids that no longer exist.
    """
    partial = not (buildings is None and compounds is None and grids is None)
    only = _Only(partial, list(buildings or ()), list(compounds or ()), list(grids or ()))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, subdistrict.pk & 0x7FFFFFFF])
        _clear(cursor, subdistrict, only)
        rows = list(_rows(cursor, subdistrict, only))
        context = _area_names(cursor, subdistrict)
        _write(cursor, subdistrict, rows, context)
        if not partial and _owns_tables(cursor):
            # The application's role may not: there autovacuum does it within a minute.
            cursor.execute("ANALYZE boundaries_place, boundaries_placekey")
    return len(rows)


def _owns_tables(cursor: Any) -> bool:
    cursor.execute(
        "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class"
        " WHERE oid IN ('boundaries_place'::regclass, 'boundaries_placekey'::regclass)"
    )
    return bool(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Only:
    partial: bool
    buildings: list[int]
    compounds: list[int]
    grids: list[int]


def _clear(cursor: Any, subdistrict: Subdistrict, only: _Only) -> None:
    values = {"town": subdistrict.pk, "b": only.buildings, "c": only.compounds, "g": only.grids}
    doomed = "SELECT id FROM boundaries_place WHERE subdistrict_id = %(town)s"
    if only.partial:
        doomed += (
            " AND ((kind = 'building' AND (object_id = ANY(%(b)s) OR compound_id = ANY(%(c)s)))"
            " OR (kind = 'compound' AND object_id = ANY(%(c)s)) OR (kind = 'grid' AND object_id = ANY(%(g)s)))"
        )
    cursor.execute(
        f"WITH doomed AS MATERIALIZED ({doomed}), keys AS (DELETE FROM boundaries_placekey k USING doomed d"
        " WHERE k.place_id = d.id) DELETE FROM boundaries_place p USING doomed d WHERE p.id = d.id",
        values,
    )


def _area_names(cursor: Any, subdistrict: Subdistrict) -> dict[int | None, Names]:
    """Names of communities by id; None is the subdistrict itself."""
    city = "".join(plain(part) for part in (subdistrict.city, subdistrict.district, subdistrict.name))
    around = squash(city)
    names: dict[int | None, Names] = {
        None: Names(
            subdistrict.name, subdistrict.name_en or subdistrict.name, f"{around} {latinised(around)}"
        )
    }
    cursor.execute(
        "SELECT id, name, name_en FROM boundaries_community WHERE subdistrict_id = %s", [subdistrict.pk]
    )
    for pk, name, name_en in cursor.fetchall():
        full = around + squash(plain(community_title(name)))
        english = squash(plain(name_en))
        names[pk] = Names(community_title(name), name_en or name, f"{full} {latinised(full)} {english}")
    return names


def community_title(name: str) -> str:
    """光华 is called 光华社区; a name that already says what it is stays."""
    return name if not HAN.search(name) or name.endswith(("社区", "村", "居委会")) else f"{name}社区"


def _rows(cursor: Any, town: Subdistrict, only: _Only) -> Iterator[_Row]:
    streets = _streets(cursor, town)
    if not only.partial:
        yield from _communities(cursor, town)
        yield from (row for row, _ids in streets)
        yield from _ground(cursor, town)
    yield from _compounds(cursor, town, only, {row.title: row.object_id for row, _ids in streets})
    yield from _grids(cursor, town, only)
    yield from _buildings(cursor, town, only, streets)


def _communities(cursor: Any, town: Subdistrict) -> Iterator[_Row]:
    cursor.execute(
        "SELECT id, code, name, name_en, ST_PointOnSurface(outline)::text, "
        f"{_BOX.format('outline')} FROM boundaries_community WHERE subdistrict_id = %s",
        [town.pk],
    )
    for pk, code, name, name_en, point, *box in cursor.fetchall():
        full = community_title(name)
        yield _Row(
            PlaceKind.COMMUNITY,
            pk,
            full,
            point,
            tuple(box),
            title_en=name_en,
            community=pk,
            detail=town.name,
            detail_en=town.name_en or town.name,
            code=code,
            names=list(dict.fromkeys((name, full, full.removesuffix("社区")))),
            name_en=name_en,
        )


def _compounds(cursor: Any, town: Subdistrict, only: _Only, streets: dict[str, int]) -> Iterator[_Row]:
    """Compounds; one whose address is a number on a known street can be found as the nearest number there."""
    cursor.execute(
        "SELECT c.id, c.community_id, c.name, c.name_en, c.address, ST_PointOnSurface(c.outline)::text, "
        f"{_BOX.format('c.outline')} FROM boundaries_compound c"
        " JOIN boundaries_community m ON m.id = c.community_id WHERE m.subdistrict_id = %(town)s"
        + (" AND c.id = ANY(%(only)s)" if only.partial else ""),
        {"town": town.pk, "only": only.compounds},
    )
    by_key = {squash(counted(plain(name))): pk for name, pk in streets.items()}
    for pk, community, name, name_en, address, point, *box in cursor.fetchall():
        at = next((found for found in read_address(address)[1:] if found.base in by_key), None)
        yield _Row(
            PlaceKind.COMPOUND, pk, name, point, tuple(box), title_en=name_en, community=community,
            detail=address, detail_en=address, names=[name], name_en=name_en,
            addresses=[address] if address else [], street=by_key[at.base] if at else None,
            house_number=at.number[:24] if at else "",
        )  # fmt: skip


def _streets(cursor: Any, town: Subdistrict) -> list[tuple[_Row, list[int]]]:
    """Named streets with the ids of their rows: imported streets come in many pieces of one name."""
    cursor.execute(
        "SELECT min(id), array_agg(id), name, max(name_en),"
        " ST_ClosestPoint(ST_Collect(line), ST_Centroid(ST_Collect(line)))::text, "
        f"{_BOX.format('ST_Extent(line)')}"
        " FROM boundaries_street WHERE subdistrict_id = %s AND name <> '' GROUP BY name",
        [town.pk],
    )
    return [
        (_Row(PlaceKind.STREET, pk, name, point, tuple(box), title_en=name_en, detail=town.name,
              detail_en=town.name_en, names=[name], name_en=name_en), ids)
        for pk, ids, name, name_en, point, *box in cursor.fetchall()
    ]  # fmt: skip


def _ground(cursor: Any, town: Subdistrict) -> Iterator[_Row]:
    for kind in (PlaceKind.WATER, PlaceKind.LAND):
        cursor.execute(
            "SELECT min(id), name, max(name_en), ST_PointOnSurface((array_agg(area ORDER BY ST_Area(area) DESC))[1])"
            f"::text, {_BOX.format('ST_Extent(area)')} FROM boundaries_{kind.value}"
            " WHERE subdistrict_id = %s AND name <> '' GROUP BY name",
            [town.pk],
        )
        for pk, name, name_en, point, *box in cursor.fetchall():
            yield _Row(
                kind, pk, name, point, tuple(box), title_en=name_en, detail=town.name, detail_en=town.name_en,
                names=[name], name_en=name_en,
            )  # fmt: skip


def _grids(cursor: Any, town: Subdistrict, only: _Only) -> Iterator[_Row]:
    """One row for each code and name that a standing publication gave a grid, over the time it did."""
    cursor.execute(
        """
        WITH said AS (
          SELECT o.grid_id, o.community_id, o.code, o.name, o.name_en, range_agg(p.period) AS periods,
                 (array_agg(o.id ORDER BY p.period DESC))[1] AS newest
          FROM boundaries_outline o
          JOIN boundaries_grid g ON g.id = o.grid_id AND g.subdistrict_id = %(town)s
          JOIN boundaries_publication p ON p.plan_id = o.plan_id AND p.community_id = o.community_id
           AND p.state = 'standing'"""
        + (" WHERE o.grid_id = ANY(%(only)s)" if only.partial else "")
        + """
          GROUP BY 1, 2, 3, 4, 5)
        SELECT s.grid_id, s.community_id, s.code, s.name, s.name_en, unnest(s.periods)::text,
               ST_PointOnSurface(o.polygon)::text, """
        + _BOX.format("o.polygon")
        + " FROM said s JOIN boundaries_outline o ON o.id = s.newest",
        {"town": town.pk, "only": only.grids},
    )
    for pk, community, code, name, name_en, period, point, *box in cursor.fetchall():
        yield _Row(
            PlaceKind.GRID, pk, name, point, tuple(box), title_en=name_en, community=community, code=code,
            names=[name], name_en=name_en, period=period,
        )  # fmt: skip


def _buildings(
    cursor: Any, town: Subdistrict, only: _Only, streets: list[tuple[_Row, list[int]]]
) -> Iterator[_Row]:
    """Buildings that can be asked for: by a name of their own, a number in a compound or on a street."""
    main = {pk: row for row, ids in streets for pk in ids}
    cursor.execute(
        "SELECT b.id, COALESCE(b.community_id, c.community_id), b.compound_id, COALESCE(c.name, ''),"
        " COALESCE(c.name_en, ''), b.street_id, b.name, b.name_en, b.number, b.house_number, b.entrances,"
        f" b.existed::text, b.point::text, {_BOX.format('b.footprint')}"
        " FROM boundaries_building b LEFT JOIN boundaries_compound c ON c.id = b.compound_id"
        " WHERE b.subdistrict_id = %(town)s AND (b.name <> '' OR (b.compound_id IS NOT NULL AND b.number <> '')"
        " OR (b.street_id IS NOT NULL AND b.house_number <> ''))"
        + (" AND (b.id = ANY(%(b)s) OR b.compound_id = ANY(%(c)s))" if only.partial else ""),
        {"town": town.pk, "b": only.buildings, "c": only.compounds},
    )
    for (pk, community, compound, in_name, in_name_en, street_id, name, name_en, number, house, entrances,
         existed, point, *box) in cursor.fetchall():  # fmt: skip
        street = main.get(street_id)
        inside = _numbered(in_name, number, "栋") if compound and number else ""
        inside_en = address_en(compound=in_name_en or in_name, number=number) if inside else ""
        along = _numbered(street.title, house, "号") if street and house else ""
        along_en = (
            address_en(street=street.title_en or street.title, house_number=house) if street and house else ""
        )
        if not (name or inside or along):
            continue
        known = [text for text in (name, inside, along) if text]
        known_en = [text for text in (name_en or name, inside_en, along_en) if text]
        yield _Row(
            PlaceKind.BUILDING, pk, known[0], point, tuple(box), title_en=known_en[0], community=community,
            detail=" · ".join(known[1:]), detail_en=" · ".join(known_en[1:]), compound=compound,
            number=number_key(number)[:24] if compound else "", street=street.object_id if street else None,
            house_number=number_key(house)[:24] if street else "", entrances=entrances, period=existed,
            names=[name] if name else [], name_en=name_en if name else "",
            addresses=[in_name + name] if name and in_name and not name.startswith(in_name) else [],
        )  # fmt: skip


def _numbered(name: str, number: str, counter: str) -> str:
    """依云镇 3栋; a number that brings its counter keeps it."""
    return f"{name} {number}" if HAN.search(number) else f"{name} {number}{counter}"


def _write(cursor: Any, subdistrict: Subdistrict, rows: list[_Row], areas: dict[int | None, Names]) -> None:
    """COPY the rows and their keys."""
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence('boundaries_place', 'id')) FROM generate_series(1, %s)",
        [len(rows)],
    )
    ids = [pk for (pk,) in cursor.fetchall()]
    with cursor.copy(f"COPY boundaries_place ({', '.join(PLACE_COLUMNS)}) FROM STDIN") as copy:
        for pk, row in zip(ids, rows, strict=True):
            area = areas.get(row.community) or areas[None]
            plain_detail = row.kind == PlaceKind.COMMUNITY or row.community is None
            detail = row.detail if plain_detail else " · ".join(filter(None, (area.name, row.detail)))
            detail_en = (
                row.detail_en if plain_detail else " · ".join(filter(None, (area.name_en, row.detail_en)))
            )
            copy.write_row((
                pk, subdistrict.pk, row.community, row.kind, row.object_id, row.title[:200], row.title_en[:300],
                detail[:400], detail_en[:600], area.context[:400], row.code, row.compound, row.number, row.street,
                row.house_number, house_value(row.house_number), row.entrances, row.point, *row.box, row.period,
            ))  # fmt: skip
    with cursor.copy(f"COPY boundaries_placekey ({', '.join(KEY_COLUMNS)}) FROM STDIN") as copy:
        for pk, row in zip(ids, rows, strict=True):
            for form, start, key in spellings(row.names, row.name_en, row.code, row.addresses):
                copy.write_row((pk, subdistrict.pk, row.kind, form, start, key))


def spellings(
    names: Iterable[str], name_en: str, code: str = "", addresses: Iterable[str] = ()
) -> set[Spelling]:
    """All keys of a place as (form, start, key); `start` is 0 for a whole name, else where the tail begins.

    `names` are found from any character on, `addresses` (a compound's «柳台大道88号») only as a whole.
    """
    found: set[Spelling] = set()
    for name in names:
        found |= _name_keys(name)
    for address in addresses:
        said = plain(address)
        found |= {(KeyForm.ADDRESS, 0, squash(text)) for text in (said, counted(said))}
    if english := plain(name_en):
        words = [squash(word) for word in english.split()]
        found |= {(KeyForm.ENGLISH, at, tail) for at, tail in _tails(words)}
    if code:
        whole = squash(plain(code))
        found |= {(KeyForm.CODE, at, whole[at:]) for at in range(max(1, len(whole) - 2))}
    return {(int(form), start, key[:MAX_KEY]) for form, start, key in found if key}


def _name_keys(name: str) -> set[Spelling]:
    found: set[Spelling] = set()
    said = plain(name)
    for text in {squash(said), squash(counted(said))}:
        found |= {(KeyForm.NAME, at, tail) for at, tail in _tails(list(text))}
        found |= {(KeyForm.NAME_SLIP, 0, slip) for slip in slips(text, least=3)}
        for spoken in readings(text):
            found |= {(KeyForm.PINYIN, at, tail) for at, tail in _tails(list(spoken))}
            merged = {at: sound(tail) for at, tail in _tails(list(spoken))}
            found |= {(KeyForm.SOUND, at, tail) for at, tail in merged.items()}
            found |= {(KeyForm.SOUND_SLIP, 0, slip) for slip in slips(merged.get(0, ""), least=4)}
            if HAN.search(text):
                initials = [part[:1] for part in spoken]
                found |= {(KeyForm.INITIALS, at, tail) for at, tail in _tails(initials)}
    return found


def _tails(parts: list[str]) -> Iterator[tuple[int, str]]:
    """Each tail of a sequence, joined, with the place where it begins."""
    for at in itertools.islice(range(len(parts)), MAX_TAILS):
        yield at, "".join(parts[at:])
