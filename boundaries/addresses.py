"""Reading what people type for an address: a name, a number and perhaps an entrance. Pure: no Django, no database.

    成都市温江区 | 柳台大道 12 号 | 依云镇 3 栋 | 2 单元 | 501 室
    context        street + house   compound + building, entrance, room

路, 街, 大道 and 巷 belong to the name before them; 弄 does too when a number with 号 follows. The same text may be
read in several ways: all readings are returned, the likeliest first, and the search decides by what exists.
"""

import re
from dataclasses import dataclass

from boundaries.spelling import HAN, counted, plain, squash

MAX_LENGTH = 80

_NUMBER = r"(?:[0-9]+[a-z]?(?:(?:\s*-\s*|附)[0-9]+[a-z]?)*|[a-z](?:-?[0-9]+)?(?=\s*栋))"
_COUNTED = re.compile(
    rf"(?<![0-9a-z])(?P<number>{_NUMBER})\s*(?P<counter>栋|单元|号|弄|室|层|楼)?"
    rf"|(?<=[a-z])(?P<close>[0-9]+[a-z]?(?![a-z])(?:-[0-9]+)*)\s*(?P<close_counter>栋|单元|号|弄|室|层|楼)?"
)
# Counters in pinyin and English; at the very end also half-typed, for the box searches at every key.
_LATIN_COUNTERS = (
    (re.compile(r"(?<=[0-9])\s*(?:hao\s*lou|hao\s*dong|dong|zhuang|zuo)(?![a-z])"), "栋"),
    (re.compile(r"(?<=[0-9])\s*(?:dan\s*yuan|unit|men)(?![a-z])"), "单元"),
    (re.compile(r"(?<=[0-9])\s*(?:hao)(?![a-z])"), "号"),
    (re.compile(r"(?<=[0-9])\s*(?:nong)(?![a-z])"), "弄"),
    (re.compile(r"(?<=[0-9])\s*(?:shi)(?![a-z])"), "室"),
    (re.compile(r"(?<=[0-9])(?:don?|haol?o?)$"), "栋"),
    (re.compile(r"(?<=[0-9])(?:ha?)$"), "号"),
    (re.compile(r"(?<=[0-9])(?:dany?u?a?|单)$"), "单元"),
    (re.compile(r"(?:building|bldg\.?|block|tower)\s*#?([0-9]+[a-z]?)(?![0-9a-z])"), r"\1栋"),
    (re.compile(r"(?:unit|entrance)\s*#?([0-9]+)(?![0-9a-z])"), r"\1单元"),
    (re.compile(r"(?:room|flat)\s*#?([0-9]+)(?![0-9a-z])"), r"\1室"),
    (re.compile(r"(?<![a-z])no\.?\s*([0-9]+)(?![0-9a-z])"), r"\1号"),
    (re.compile(r"#\s*([0-9]+)(?![0-9a-z])"), r"\1栋"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text: the place called `base`, and in it the building `number`.

    Parameters
    ----------
    base
        Squashed name, empty where only a number was typed.
    number
        Digits and letters, parts joined by "-"; empty where the whole text is a name.
    counter
        "栋" (number in a compound), "号" or "弄" (number on a street), "" (not said).
    entrance
        Entrance (单元) asked for, or empty.
    penalty
        How much less likely than the first reading.
    words
        The words of `base` where it was typed with spaces.
    """

    base: str
    number: str = ""
    counter: str = ""
    entrance: str = ""
    penalty: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    end: int
    number: str
    counter: str


def number_key(text: str) -> str:
    """A building's or house number as it is compared: without its counter, no leading zeros, 附 as a dash.

    >>> [number_key(text) for text in ("03", "3栋", "十二号", "58号附3号", "Ａ座", "3-02")]
    ['3', '3', '12', '58-3', 'a', '3-2']
    """
    text = counted(plain(text))
    text = re.sub(r"号(?=附)", "", text).replace("附", "-")
    text = re.sub(r"[^0-9a-z-]+", "", text) if re.search(r"[0-9a-z]", text) else squash(text)
    return "-".join(part.lstrip("0") or "0" for part in text.split("-") if part)


def house_value(number: str) -> int | None:
    """The count that a number key begins with, by which the nearest is found."""
    match = re.match(r"[0-9]{1,8}", number)
    return int(match[0]) if match else None


def tidy(text: str) -> str:
    """What was typed, cut to a sane length, plain, its counters in one form; spaces are single."""
    text = plain(text.replace("\x00", " ")[: 2 * MAX_LENGTH])[:MAX_LENGTH]
    text = re.sub(r"[‐-―−–—－~～]+", "-", text)
    for pattern, counter in _LATIN_COUNTERS:
        text = pattern.sub(counter, text)
    text = re.sub(r"号(?=附[0-9])", "", counted(text))
    return re.sub(r"\s+", " ", text).strip()


def _parts(text: str) -> list[_Part]:
    """Numbers that count something, or stand at either end of `text`."""
    found = []
    for match in _COUNTED.finditer(text):
        number = match["number"] or match["close"] or ""
        counter = match["counter"] or match["close_counter"] or ""
        at_the_end = not squash(text[match.end() :])
        if counter or at_the_end:
            found.append(_Part(match.start(), match.end(), number_key(number), counter))
    return found


def readings(text: str) -> list[Reading]:
    """All ways to read `text`, the whole text as a name first.

    Parameters
    ----------
    text
        Anything; see `tidy`, which is applied first.

    Examples
    --------
    >>> readings("依云镇三幢2单元")[1]
    Reading(base='依云镇', number='3', counter='栋', entrance='2', penalty=0, words=())
    >>> [(r.base, r.number, r.entrance) for r in readings("依云镇12-3-2")[1:]]
    [('依云镇', '12-3-2', ''), ('依云镇', '12', '3'), ('依云镇', '12-3', '2')]
    >>> [(r.base, r.number, r.counter) for r in readings("柳台大道12号依云镇3栋")[1:]]
    [('依云镇', '3', '栋'), ('柳台大道', '12', '号')]
    """
    text = tidy(text)
    whole = squash(text)
    if not whole:
        return []
    found = [Reading(whole, words=_words(text))]
    parts = _parts(text)
    entrance = next((part.number for part in reversed(parts) if part.counter == "单元"), "")
    named = [part for part in parts if part.counter not in {"单元", "室", "层", "楼"}]
    if parts and not named:
        found.append(
            Reading(squash(text[: parts[0].start]), penalty=20, words=_words(text[: parts[0].start]))
        )
    for place in range(len(named) - 1, -1, -1):
        part = named[place]
        before = named[place - 1].end if place else 0
        # «123弄5号»: the lane with its number is the name of the place in which 5 is a building.
        if place and named[place - 1].counter == "弄":
            lane = named[place - 2].end if place > 1 else 0
            found += _numbered(text[lane : part.start], part, entrance, 0)
            continue
        base = text[before : part.start]
        if not squash(base) and place:
            # «柳台大道12号3栋»: the compound is known by its own address.
            earlier = named[place - 2].end if place > 1 else 0
            base = text[earlier : part.start]
        penalty = 40 * (len(named) - 1 - place)
        if not squash(base) and squash(text[part.end :]):
            # «Building 3, Yiyun Town»: English puts the number first.
            base, penalty = text[part.end :], penalty + 10
        found += _numbered(base, part, entrance, penalty)
    if (front := re.match(r"([0-9]+[a-z]?)\s+(?=[a-z])", text)) and not named:
        name = text[front.end() :]
        found.append(Reading(squash(name), number_key(front[1]), "", entrance, 10, _words(name)))
    return [reading for reading in dict.fromkeys(found) if reading.base or reading.number]


def _numbered(text: str, part: _Part, entrance: str, penalty: int) -> list[Reading]:
    """Readings of a number after the name `text`; «12-3-2» may also be building 12, entrance 3."""
    base, words = squash(text), _words(text)
    found = [Reading(base, part.number, part.counter, entrance, penalty, words)]
    pieces = part.number.split("-")
    if len(pieces) > 1 and not entrance and part.counter != "号":
        for cut in range(1, len(pieces)):
            number = "-".join(pieces[:cut])
            found.append(Reading(base, number, part.counter, pieces[cut], penalty + 10, words))
    elif half_typed := re.fullmatch(r"([0-9]+)[dh]", part.number):
        # The first letter of dong or hao, unless there is a building 3d.
        found.append(Reading(base, half_typed[1], part.counter, entrance, penalty + 10, words))
    return [reading for reading in found if reading.number]


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word for part in text.split() if (word := squash(part)))
    return words if len(words) > 1 else ()


def is_chinese(text: str) -> bool:
    """Whether any Chinese character is in `text`."""
    return HAN.search(text) is not None
