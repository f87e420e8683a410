"""Counts and door numbers as people write them: full width, Chinese numerals, with and without 栋, 单元, 室."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = {
    character: value
    for alike in (
        "〇一二三四五六七八九",
        "零壹贰叁肆伍陆柒捌玖",
        "零壹貳參肆伍陸柒捌玖",
        "零一两三四五六七八九",
        "零一兩三四五六七八九",
    )
    for value, character in enumerate(alike)
}
_UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "廿": 20, "卅": 30}
_NUMERAL: Final = re.compile(f"[{''.join(_DIGITS)}{''.join(_UNITS)}]+")
_TAIL: Final = re.compile(r"(号楼|號樓|栋|棟|幢|楼|樓|座|号|號|#|单元|單元|门|梯|层|層|室|房|户|戶)+$")
_ADDRESS: Final = re.compile(
    r"^(?P<compound>.*?)[\s,，]*"
    r"(?P<building>[0-9A-Za-z]+)(?:号楼|號樓|栋|棟|幢|座|楼|樓|#)[\s,，-]*"
    r"(?:(?P<unit>[0-9A-Za-z]+)(?:单元|單元|门|梯)[\s,，-]*)?"
    r"(?:(?P<floor>-?[0-9]+)(?:层|層|楼|樓|[fF])[\s,，-]*)?"
    r"(?:(?P<room>[0-9A-Za-z][0-9A-Za-z-]*)(?:室|房|号|號|户|戶)?)?$"
)
_DASHED: Final = re.compile(
    r"^(?P<compound>.*?[^0-9A-Za-z\s-])[\s,，]*(?P<building>[0-9A-Za-z]+)-(?:(?P<unit>[0-9A-Za-z]+)-)?(?P<room>[0-9A-Za-z]+)$"
)


def numeral(text: str) -> int:
    """Read a Chinese numeral: 二十三 is 23, 一二零三 is 1203."""
    if not any(char in _UNITS for char in text):
        return int("".join(str(_DIGITS[char]) for char in text))
    total, digit = 0, 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
            continue
        unit = _UNITS[char]
        total += unit if char in "廿卅" else (digit or 1) * unit
        digit = 0
    return total + digit


def narrow(text: str) -> str:
    """Text with full-width characters made narrow, blanks trimmed and dashes made one kind."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return re.sub(r"[‐-―−－—_/]", "-", plain)


def arabic(text: str) -> str:
    """Narrow text in which Chinese numerals are written as digits."""
    return _NUMERAL.sub(lambda found: str(numeral(found[0])), narrow(text))


def number_of(text: str) -> str:
    """The bare number of a building, unit or room: «３栋», «三幢», «3号楼», «03#» are all 3; «A座» is A."""
    plain = re.sub(r"\s+", "", arabic(text)).upper().removeprefix("第")
    plain = _TAIL.sub("", plain)
    return re.sub(r"^0+(?=\d)", "", plain)


def whole(text: str) -> int | None:
    """A count, «12», «１２人», «1,234» or «12.0»; None where it is none."""
    plain = re.sub(r"[\s,人户戶口个個]", "", arabic(text))
    found = re.fullmatch(r"(\d+)(?:\.0*)?", plain)
    return int(found[1]) if found else None


def floor_of(text: str) -> int | None:
    """A floor: «12层», «B1» is -1, «负一楼» is -1; None where there is none."""
    plain = re.sub(r"\s+", "", arabic(text)).upper()
    found = re.fullmatch(r"(B|负|地下|-)?(\d+)(?:层|層|楼|樓|F)?(?:\.0)?", plain)
    if not found:
        return None
    return -int(found[2]) if found[1] else int(found[2])


def name_of(text: str) -> str:
    """A compound's name for comparison: narrow, without blanks, brackets and case."""
    plain = re.sub(r"[(\[（【].*?[)\]）】]", "", narrow(text))
    return re.sub(r"[\s·•.,，。\-]+", "", plain).casefold()


@dataclass(frozen=True, slots=True)
class Door:
    """Where a register row says that a household lives; every part may be empty."""

    compound: str
    building: str
    unit: str = ""
    floor: int | None = None
    room: str = ""


def read_address(text: str) -> Door | None:
    """Take an address of one piece apart: «依云镇3栋2单元1203室», «依云镇 3-2-1203»; None where that fails."""
    plain = _numerals_before_words(narrow(text))
    found = _ADDRESS.match(plain) or _DASHED.match(plain)
    if not found:
        return None
    parts = found.groupdict()
    return Door(
        parts["compound"].strip(),
        number_of(parts["building"]),
        number_of(parts["unit"] or ""),
        floor_of(parts.get("floor") or ""),
        number_of(parts["room"] or ""),
    )


def _numerals_before_words(text: str) -> str:
    """Chinese numerals as digits, but only before a word such as 栋: names like 三圣花园 stay."""
    words = "号楼|號樓|栋|棟|幢|座|楼|樓|单元|單元|门|梯|层|層|室|房"
    pattern = re.compile(f"({_NUMERAL.pattern})(?={words})")
    return pattern.sub(lambda found: str(numeral(found[1])), text)
