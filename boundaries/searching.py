"""One box: text -> places, best first, in one indexed statement. How it works: docs/decisions/ on searching.

What was typed is read in every sensible way (`boundaries.addresses`), each reading is spelt in every form
(`boundaries.spelling`), and each spelling asks the index for one range of keys:

    "yiyun 3"  ->  base yiyun, number 3  ->  PINYIN yiyun.., INITIALS yiyun.., SOUND yiyul.., ENGLISH yiyun..
                                         ->  compounds and streets  ->  their building 3

Buildings outnumber names by far, so they are never searched by text: an address is a name and a number.
Slips and similar spellings are asked for only when nothing was found, in the same statement.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from boundaries.addresses import Reading, house_value, is_chinese
from boundaries.addresses import readings as read
from boundaries.models import KeyForm, PlaceKind, Subdistrict
from boundaries.models.constraints import local_name
from boundaries.spelling import latinised, slips, sound

LAST: Final = "\U0010ffff"  # above every character: [key, key + LAST) are the keys that begin with key
ONLY: Final = "\x01"  # [key, key + ONLY) is the key alone
MAX_LIMIT: Final = 50
MAX_READINGS: Final = 6
MAX_PART: Final = 24


@dataclass(frozen=True, slots=True)
class Hit:
    """A place found.

    Attributes
    ----------
    kind, id
        One of `PlaceKind` and the id of that object; for a street, water or land the first of its rows.
    title, title_en, detail
        Its name, in English where known, and where it is, in the reader's language.
    code
        Code of a grid (the one in force) or community, else empty.
    lon, lat, bbox
        A point in it and west, south, east, north: degrees, EPSG:4326.
    note
        What the reader must know: the entrance, that the number is the nearest, a former code. May be empty.
    score
        About 1000 for a whole code, 950 for a whole name, 300 for a guess.
    """

    kind: str
    id: int
    title: str
    title_en: str
    detail: str
    code: str
    lon: float
    lat: float
    bbox: tuple[float, float, float, float]
    note: str
    score: float

    def as_json(self) -> dict[str, Any]:
        """The hit as the API serves it."""
        return {**asdict(self), "bbox": list(self.bbox)}


@dataclass(frozen=True, slots=True)
class _Ask:
    """One range of keys, and what a key in it is worth: whole, at the head, at the tail, or inside a name."""

    stage: int
    reading: int
    form: int
    key: str
    upto: str
    whole: int
    head: int = 0
    tail: int = 0
    inside: int = 0
    context: str = ""


def search(
    q: str,
    *,
    limit: int = 10,
    near: tuple[float, float] | None = None,
    at: datetime | None = None,
    subdistrict: Subdistrict | int | None = None,
    kinds: Collection[str] | None = None,
) -> list[Hit]:
    """Places that `q` may mean, the likeliest first; an empty list where there is none. One database query.

    Parameters
    ----------
    q
        Anything: Chinese, pinyin, initials, English, a code or its end, an address. Read up to 80 characters.
    limit
        At most so many hits (1 to 50).
    near
        Longitude and latitude (EPSG:4326) of the map's middle: of equal hits the nearer comes first, and
        «3栋» alone means the ones around it.
    at
        Buildings standing and grids in force at this time; now where omitted.
    subdistrict
        Search in this one only.
    kinds
        Only these of `PlaceKind`.
    """
    readings = read(q)[:MAX_READINGS]
    if not readings or (kinds is not None and not kinds):
        return []
    asks = _asks(readings)
    values: dict[str, Any] = {
        **{name: [getattr(ask, name) for ask in asks] for name in _Ask.__slots__},
        "r": list(range(len(readings))),
        "number": [reading.number[:24] for reading in readings],
        "counter": [reading.counter for reading in readings],
        "value": [house_value(reading.number) for reading in readings],
        "bare": [not reading.base for reading in readings],
        "at": at or timezone.now(),
        "limit": max(1, min(limit, MAX_LIMIT)),
        "town": subdistrict.pk if isinstance(subdistrict, Subdistrict) else subdistrict,
        "kinds": None if kinds is None else list(kinds),
        "lon": near[0] if near else None,
        "lat": near[1] if near else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement(scoped=subdistrict is not None, near=near is not None), values)
        return [_hit(row, readings) for row in cursor.fetchall()]


def _asks(readings: Sequence[Reading]) -> list[_Ask]:
    asks: list[_Ask] = []
    for number, reading in enumerate(readings):
        if reading.base:
            asks += _strict(number, reading)
            asks += _loose(number, reading)
    # Similar spellings cost most (some ms): asked once, for the name without its number where there is one.
    number = min(1, len(readings) - 1)
    key = sound(latinised(readings[number].base))
    if len(key) >= 4 and not key.isdigit():
        asks.append(_Ask(3, number, KeyForm.SOUND, key, "", 200))
    return asks


def _strict(number: int, reading: Reading) -> list[_Ask]:
    """What is spelt as it was typed, or sounds the same."""
    base, less = reading.base, reading.penalty

    def ask(form: int, key: str, whole: int, head: int, tail: int = 0, inside: int = 0) -> _Ask:
        whole, head, tail, inside = (max(0, level - less) for level in (whole, head, tail, inside))
        return _Ask(1, number, form, key, key + LAST, whole, head, tail, inside)

    chinese = is_chinese(base)
    asks = [ask(KeyForm.NAME, base, 950, 850, 760, 740)]
    asks.append(_Ask(1, number, KeyForm.ADDRESS, base, base + ONLY, max(1, 945 - less)))
    if not chinese and not reading.number and any(char.isdigit() for char in base):
        long_enough = len(base) >= 3
        asks.append(ask(KeyForm.CODE, base, 1000, 640, 800 if long_enough else 0, 320 if long_enough else 0))
    latin = latinised(base)
    if chinese:
        if len(base) >= 2:
            asks.append(ask(KeyForm.PINYIN, latin, 700, 560))
            asks.append(ask(KeyForm.SOUND, sound(latin), 520, 440))
    elif not base.isdigit():
        asks.append(ask(KeyForm.ENGLISH, base, 930, 800, 700, 690))
        asks.append(ask(KeyForm.PINYIN, latin, 900, 780, 620, 600))
        if len(base) >= 2:
            asks.append(ask(KeyForm.INITIALS, base, 720, 660, 520, 500))
        if len(base) >= 3:
            asks.append(ask(KeyForm.SOUND, sound(latin), 610, 540, 430, 420))
    return asks


def _loose(number: int, reading: Reading) -> list[_Ask]:
    """Slips of the pen, and known names within a longer text."""
    base, less = reading.base, reading.penalty
    if base.isdigit():
        return []
    latin = sound(latinised(base))

    def exactly(form: int, key: str, score: int) -> _Ask:
        return _Ask(2, number, form, key, key + ONLY, max(1, score - less))

    asks: list[_Ask] = []
    for form, slip_form, text, least, score in (
        (KeyForm.NAME, KeyForm.NAME_SLIP, base, 3, 400),
        (KeyForm.SOUND, KeyForm.SOUND_SLIP, latin, 4, 380),
    ):
        # A character too many was typed, too few, or another one (also two swapped).
        asks += [exactly(form, slip, score) for slip in slips(text, least=least)]
        asks += [exactly(slip_form, key, score) for key in (text, *slips(text, least=least)) if len(key) >= 2]
    asks += _parts(number, reading)
    return asks


def _parts(number: int, reading: Reading) -> list[_Ask]:
    """Known names in a text that says more: 光华社区依云镇门口, guanghua yiyun.

    The longer and the later a name stands the better, since people go from the large to the small; best of
    all if what stands around it is where the place is (`context`).
    """
    asks: list[_Ask] = []
    if reading.words:
        last = len(reading.words)
        for start in range(last):
            for end in range(start + 1, last + 1):
                if (start, end) == (0, last):
                    continue
                text = "".join(reading.words[start:end])
                around = "".join(reading.words[:start]) or "".join(reading.words[end:])
                score = 320 + 30 * (end - start) + 20 * end - reading.penalty
                latin = latinised(text)
                for form, key in ((KeyForm.NAME, text), (KeyForm.ENGLISH, text), (KeyForm.PINYIN, latin)):
                    if len(key) >= 2:
                        asks.append(_Ask(2, number, form, key, key + LAST, score, score - 60, 0, 0, around))
        return asks
    text = reading.base[-MAX_PART:]
    if not is_chinese(text):
        return []
    for start in range(len(text)):
        for end in range(start + 2, len(text) + 1):
            if end - start < len(text):
                score = 300 + 10 * (end - start) + 12 * end - reading.penalty
                around = text[:start] or text[end:]
                part = text[start:end]
                asks.append(_Ask(2, number, KeyForm.NAME, part, part + ONLY, score, 0, 0, 0, around))
    return asks


_WEIGHT = (
    "CASE k.kind WHEN 'community' THEN 14 WHEN 'compound' THEN 12 WHEN 'street' THEN 10 WHEN 'grid' THEN 6"
    " WHEN 'building' THEN 4 ELSE 3 END"
)
# What a key is worth to an ask; a key that is worth nothing there is no hit.
_LEVEL = (
    "CASE WHEN k.start = 0 AND k.key = a.key THEN a.whole WHEN k.start = 0 THEN a.head"
    " WHEN k.key = a.key THEN a.tail ELSE a.inside END"
)
_SCORE = f"{_LEVEL} + {_WEIGHT} + 20.0 * length(a.key) / (length(k.key) + k.start)"
# The cap bounds what one or two letters cost in a large town. In the order of keys the key itself comes first, so
# that a whole name is never cut off.
MOST_KEYS: Final = 800
_RANGE = """
  SELECT a.reading, k.place_id, max({score}{context}) AS score
  FROM ask a CROSS JOIN LATERAL (
    SELECT k.place_id, k.start, k.key, k.kind FROM boundaries_placekey k
    WHERE k.form = a.form AND k.key >= a.key AND k.key < a.upto {town} ORDER BY k.key LIMIT {most}) k {join}
  WHERE a.stage = {stage} AND {level} > 0 {guard}
  GROUP BY 1, 2"""


def statement(*, scoped: bool, near: bool) -> str:
    """The SQL of `search`, composed of fixed fragments only; values go in as parameters."""
    town = "AND k.subdistrict_id = %(town)s" if scoped else ""
    strict = _RANGE.format(
        score=_SCORE, level=_LEVEL, context="", town=town, join="", stage=1, guard="", most=MOST_KEYS
    )
    loose = _RANGE.format(
        score=_SCORE,
        level=_LEVEL,
        # Both ways about: 光华 stands in the community's name, or the community's name stands in what was typed.
        context=" + CASE WHEN a.context <> '' AND strpos(p.context, a.context) > 0 THEN 80 ELSE 0 END",
        town=town,
        join="JOIN boundaries_place p ON p.id = k.place_id",
        stage=2,
        most=MOST_KEYS // 4,
        guard="AND NOT (SELECT found FROM any_strict)",
    )
    middle = "ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)"
    distance = f"ST_Distance(p.point, {middle})" if near else "0"
    around = f"""
  UNION ALL
  (SELECT p.id, r.r, 400 + CASE WHEN p.number = r.number THEN 10 ELSE 0 END, '' AS how, true
   FROM reading r CROSS JOIN LATERAL (
     SELECT p.id, p.number FROM boundaries_place p
     WHERE p.kind = 'building' AND p.point && ST_Expand({middle}, 0.012)
       AND ((r.counter IN ('栋', '号', '') AND p.number = r.number)
         OR (r.counter IN ('号', '弄', '') AND p.house_number = r.number))
       AND p.period @> %(at)s {town.replace("k.", "p.")}
     ORDER BY p.point <-> {middle} LIMIT %(limit)s) p
   WHERE r.bare)""" if near else ""  # fmt: skip
    return f"""
WITH ask AS MATERIALIZED (
  SELECT * FROM unnest(%(stage)s::int[], %(reading)s::int[], %(form)s::int[], %(key)s::text[], %(upto)s::text[],
    %(whole)s::int[], %(head)s::int[], %(tail)s::int[], %(inside)s::int[], %(context)s::text[])
    AS a(stage, reading, form, key, upto, whole, head, tail, inside, context)),
reading AS MATERIALIZED (
  SELECT * FROM unnest(%(r)s::int[], %(number)s::text[], %(counter)s::text[], %(value)s::int[], %(bare)s::bool[])
    AS r(r, number, counter, value, bare)),
strict AS MATERIALIZED ({strict}),
any_strict AS MATERIALIZED (SELECT EXISTS (SELECT FROM strict) AS found),
loose AS MATERIALIZED ({loose}),
any_loose AS MATERIALIZED (SELECT (SELECT found FROM any_strict) OR EXISTS (SELECT FROM loose) AS found),
alike AS MATERIALIZED (
  SELECT a.reading, k.place_id, max(a.whole + 150 * similarity(a.key, k.key) + {_WEIGHT}) AS score
  FROM ask a CROSS JOIN LATERAL (
    SELECT k.place_id, k.key, k.kind FROM boundaries_placekey k
    WHERE k.form IN ({KeyForm.ENGLISH:d}, {KeyForm.SOUND:d}) AND k.start = 0 AND k.key %%> a.key {town}
    ORDER BY similarity(a.key, k.key) DESC LIMIT 20) k
  WHERE a.stage = 3 AND NOT (SELECT found FROM any_loose)
  GROUP BY 1, 2),
base AS MATERIALIZED (
  SELECT * FROM (
    SELECT b.*, r.number, r.counter, r.value,
           row_number() OVER (PARTITION BY r.r ORDER BY b.score DESC, b.place_id) AS rank
    FROM (SELECT * FROM strict UNION ALL SELECT * FROM loose UNION ALL SELECT * FROM alike) b
    JOIN reading r ON r.r = b.reading) b
  WHERE rank <= CASE WHEN number = '' THEN 60 ELSE 12 END),
housed AS MATERIALIZED (
  SELECT b.reading, b.place_id, b.score + n.more AS score, n.id, n.how
  FROM base b JOIN boundaries_place p ON p.id = b.place_id CROSS JOIN LATERAL (
    (SELECT c.id, 30 AS more, '' AS how FROM boundaries_place c
     WHERE p.kind = 'compound' AND c.compound_id = p.object_id AND c.number = b.number
       AND b.counter IN ('栋', '号', '') AND c.period @> %(at)s LIMIT 5)
    UNION ALL
    (SELECT c.id, -60, 'more' FROM boundaries_place c
     WHERE p.kind = 'compound' AND c.compound_id = p.object_id AND b.counter = ''
       AND c.number > b.number AND c.number < b.number || '{LAST}' AND c.period @> %(at)s
     ORDER BY c.number LIMIT 5)
    UNION ALL
    (SELECT c.id, 30, '' FROM boundaries_place c
     WHERE p.kind = 'street' AND c.street_id = p.object_id AND c.house_value = b.value
       AND c.house_number = b.number AND b.counter IN ('号', '弄', '') AND c.period @> %(at)s LIMIT 5)
    UNION ALL
    (SELECT c.id, -20, 'nearest' FROM (
       (SELECT c.id, c.house_value FROM boundaries_place c
        WHERE p.kind = 'street' AND c.street_id = p.object_id AND c.house_value >= b.value
          AND c.period @> %(at)s ORDER BY c.house_value LIMIT 2)
       UNION ALL
       (SELECT c.id, c.house_value FROM boundaries_place c
        WHERE p.kind = 'street' AND c.street_id = p.object_id AND c.house_value < b.value
          AND c.period @> %(at)s ORDER BY c.house_value DESC LIMIT 2)) c
     WHERE b.counter IN ('号', '弄', '')
       AND NOT EXISTS (SELECT FROM boundaries_place d WHERE p.kind = 'street' AND d.street_id = p.object_id
                       AND d.house_value = b.value AND d.house_number = b.number AND d.period @> %(at)s)
     -- Even and odd numbers face each other: of two as near, the one on the same side.
     ORDER BY abs(c.house_value - b.value), (c.house_value - b.value) %% 2 <> 0, c.house_value LIMIT 1)) n
  WHERE b.number <> ''),
hit(id, reading, score, how, numbered) AS (
  SELECT place_id, reading, score - CASE WHEN number = '' THEN 0 ELSE 40 END,
         CASE WHEN number <> '' AND NOT EXISTS (SELECT FROM housed h WHERE h.reading = base.reading
                                                AND h.place_id = base.place_id AND h.how <> 'more')
              THEN 'absent' ELSE '' END, false FROM base
  UNION ALL
  SELECT id, reading, score, how, true FROM housed {around}),
best AS (
  SELECT DISTINCT ON (p.kind, p.object_id) p.*, h.reading, h.how, h.numbered,
         h.score - CASE WHEN p.period @> %(at)s THEN 0 ELSE 100 END AS score
  FROM hit h JOIN boundaries_place p ON p.id = h.id
  WHERE (p.period @> %(at)s OR (p.kind = 'grid' AND upper(p.period) <= %(at)s))
    AND (%(kinds)s::text[] IS NULL OR p.kind = ANY(%(kinds)s::text[]))
  ORDER BY p.kind, p.object_id, h.score - CASE WHEN p.period @> %(at)s THEN 0 ELSE 100 END DESC, upper(p.period) DESC)
SELECT p.kind, p.object_id, p.title, p.title_en, p.detail, p.detail_en, p.code, ST_X(p.point), ST_Y(p.point),
       p.west, p.south, p.east, p.north, p.score, p.reading, p.how, p.numbered, p.number, p.house_number,
       p.entrances, p.period @> %(at)s, upper(p.period),
       c.title, c.title_en, c.detail, c.detail_en, c.code, ST_X(c.point), ST_Y(c.point),
       c.west, c.south, c.east, c.north, heir.code, heir.name, heir.name_en
FROM (SELECT p.*, {distance} AS far FROM best p ORDER BY score DESC, far, title, id LIMIT %(limit)s) p
LEFT JOIN boundaries_place c ON NOT p.period @> %(at)s AND c.kind = 'grid' AND c.object_id = p.object_id
  AND c.period @> %(at)s
-- A grid that was closed: whose ground it is now.
LEFT JOIN LATERAL (
  SELECT o.code, o.name, o.name_en FROM boundaries_outline o
  JOIN boundaries_publication b ON b.plan_id = o.plan_id AND b.community_id = o.community_id
   AND b.state = 'standing' AND b.period @> %(at)s
  WHERE p.kind = 'grid' AND c.id IS NULL AND NOT p.period @> %(at)s AND ST_Intersects(o.polygon, p.point)
  ORDER BY o.code LIMIT 1) heir ON true
ORDER BY p.score DESC, p.far, p.title, p.id"""


def _hit(row: Sequence[Any], readings: Sequence[Reading]) -> Hit:
    (kind, pk, title, title_en, detail, detail_en, code, lon, lat, west, south, east, north, score, r, how,
     numbered, number, house_number, entrances, current, ended, *now) = row  # fmt: skip
    reading = readings[r]
    note = ""
    if not current:
        note = _former(code, title, ended, now)
        if now[0] is not None:
            title, title_en, detail, detail_en, code, lon, lat, west, south, east, north = now[:11]
    elif numbered:
        note = _about_number(reading, how, number, house_number, entrances)
    elif how == "absent" and kind in (PlaceKind.COMPOUND, PlaceKind.STREET):
        note = _("no number %(number)s is known here") % {"number": reading.number}
    chinese = (get_language() or "").startswith("zh")
    return Hit(
        kind, pk, title, title_en, detail if chinese else detail_en or detail, code, lon, lat,
        (west, south, east, north), note, round(score, 1),
    )  # fmt: skip


def _former(code: str, title: str, ended: datetime, now: Sequence[Any]) -> str:
    """What to say of a grid that was found by a code or name of an earlier plan."""
    until = date_format(timezone.localtime(ended), "Y-m-d")
    if now[0] is None:
        heir, name, name_en = now[11:]
        if heir is None:
            return _("closed since %(date)s") % {"date": until}
        words = {"date": until, "grid": local_name(name, name_en), "code": heir}
        return _("closed since %(date)s; its middle belongs to %(grid)s (%(code)s) now") % words
    if now[4] != code:
        return _("former code %(code)s, until %(date)s") % {"code": code, "date": until}
    return _("formerly %(name)s, until %(date)s") % {"name": title, "date": until}


def _about_number(reading: Reading, how: str, number: str, house_number: str, entrances: int | None) -> str:
    """The entrance asked for, or that the house number is the nearest one known."""
    if how == "nearest":
        return _("nearest to number %(asked)s, which is not known") % {"asked": reading.number}
    if not reading.entrance:
        return ""
    if entrances and reading.entrance.isdigit() and int(reading.entrance) > entrances:
        return _("no entrance %(entrance)s is known: it has %(count)d") % {
            "entrance": reading.entrance,
            "count": entrances,
        }
    return _("entrance %(entrance)s") % {"entrance": reading.entrance}
