"""Which encoding a file's bytes are in, when nothing says so: strict trials, then how likely the Chinese is."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import charset_normalizer
from django.utils.translation import gettext as _

from boundaries.importing.report import ImportFileError

TRIALS: Final = ("utf-8", "gb18030", "big5hkscs")
NAMES: Final = {
    "utf-8": "UTF-8",
    "gb18030": "GB18030 (GBK, GB2312)",
    "big5hkscs": "Big5",
    "cp1252": "Windows-1252",
    "iso8859-1": "ISO-8859-1",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
}
_ALIASES: Final = {
    "936": "gb18030", "cp936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "euc-cn": "gb18030",
    "ansi 936": "gb18030", "oem 936": "gb18030", "gb 2312": "gb18030",
    "950": "big5hkscs", "cp950": "big5hkscs", "big5": "big5hkscs", "big-5": "big5hkscs",
    "ansi 950": "big5hkscs", "oem 950": "big5hkscs",
    "65001": "utf-8", "utf8": "utf-8", "1252": "cp1252", "ansi 1252": "cp1252", "88591": "latin-1",
}  # fmt: skip
_ENOUGH: Final = 400_000

# The characters that Chinese place names and addresses are full of, simplified and traditional. A wrong guess between
# GB18030 and Big5 yields valid but rare characters, so a handful of these decides.
_COMMON: Final = frozenset(
    "的一是不在人有我他这中大来上国个到说们为子和地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日"
    "于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回"
    "二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真"
    "路街道社区村镇乡县市省区组网格号栋幢楼单元室户名称编码面积类型地址小区花园苑里弄巷居委会南北东西桥河江湖山石光华永宁"
    "和平金红黄绿青白春夏秋冬城府庭阁轩园广场银医院校简体国语繁汉字台湾香港黄德通安福兴林泉龙凤"
    "這個來說們為時國會過後對學還發當開無現長頭動兩樣將與進實點種聲全話兒問機給幾業間電門東號棟樓單元戶稱編碼積類區"
    "村裡鄰縣鎮鄉處園廣場銀醫興寧義聲衛黨眾員環橋龍鳳體語繁漢灣"
)
_RARE_PENALTY: Final = 0.5
_FEW: Final = 200


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding by its Python name, and whether it was told or found."""

    name: str
    found: bool = False

    @property
    def label(self) -> str:
        """For people."""
        return NAMES.get(self.name, self.name)


def named(name: str) -> str:
    """Turn what people and files call an encoding into its Python name.

    Raises
    ------
    ImportFileError
        Nobody knows the name.
    """
    wanted = _ALIASES.get(name.strip().lower(), name.strip())
    try:
        found = codecs.lookup(wanted).name
    except LookupError:
        raise ImportFileError(
            _("Unknown text encoding “%(name)s”. Use UTF-8, GBK, GB18030, Big5 or another common name.")
            % {"name": name}
        ) from None
    return {"gbk": "gb18030", "gb2312": "gb18030", "big5": "big5hkscs", "cp950": "big5hkscs"}.get(
        found, found
    )


def decodes(sample: bytes, name: str) -> bool:
    """Tell whether the bytes are text in the encoding, but for a last character that may be cut off."""
    try:
        codecs.getincrementaldecoder(name)("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True


def plausibility(text: str) -> float:
    """How much the non-ASCII part of a text looks like Chinese: the share of common characters, less odd ones."""
    wide = [char for char in text if ord(char) > 0x7F]
    if not wide:
        return 1.0
    score = 0.0
    for char in wide:
        point = ord(char)
        if char in _COMMON:
            score += 1.0
        elif 0x4E00 <= point <= 0x9FFF or 0x3000 <= point <= 0x303F or 0xFF00 <= point <= 0xFF5E:
            score += 0.1
        elif 0xE000 <= point <= 0xF8FF or 0x3040 <= point <= 0x30FF or 0x0370 <= point <= 0x04FF:
            score -= _RARE_PENALTY
    return score / len(wide)


def detect(samples: Iterable[bytes]) -> Guess:
    """Find the encoding of pieces of text, each whole but for a last character that may be cut off.

    Parameters
    ----------
    samples : iterable of bytes
        Values of a table, or lines of a file.

    Returns
    -------
    Guess
        UTF-8 where the bytes allow it, since other text hardly ever happens to be UTF-8; else the more plausible of
        GB18030 and Big5; else what charset-normalizer finds; else Windows-1252, which takes any byte.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in samples:
        if not piece.isascii():
            pieces.append(piece)
            size += len(piece)
            if size > _ENOUGH:
                break
    if not pieces or all(decodes(piece, "utf-8") for piece in pieces):
        return Guess("utf-8", found=True)
    best, best_score = "", 0.0
    for name in TRIALS[1:] if _looks_double(pieces) else ():
        if all(decodes(piece, name) for piece in pieces):
            text = "".join(piece.decode(name, "ignore") for piece in pieces)
            # GB18030 can read nearly all Big5, hence the plausibility; on a draw it is the likelier of the two
            score = plausibility(text)
            if score > best_score:
                best, best_score = name, score
    if best:
        return Guess(best, found=True)
    # statistics need something to count; a few accented letters are most likely Western
    other = charset_normalizer.from_bytes(b"\n".join(pieces)).best() if size > _FEW else None
    return Guess(codecs.lookup(other.encoding).name if other is not None else "cp1252", found=True)


def _looks_double(pieces: list[bytes]) -> bool:
    """Tell whether high bytes come in company, as in Chinese; in Western text they stand alone among letters."""
    high = alone = 0
    for piece in pieces:
        for at, byte in enumerate(piece):
            if byte >= 0x80:
                high += 1
                before, after = piece[at - 1 : at], piece[at + 1 : at + 2]
                alone += not (before and before[0] >= 0x80) and not (after and after[0] >= 0x80)
    return alone <= 0.7 * high


def decode_value(value: bytes, name: str) -> tuple[str, bool]:
    """Decode a value; a last character that a too narrow column cut off is dropped.

    Returns
    -------
    str, bool
        The text, and whether the bytes were right (but for the cut).
    """
    try:
        return value.decode(name), True
    except UnicodeDecodeError as error:
        if error.end >= len(value) or len(value) - error.start <= 3:
            return value[: error.start].decode(name, "replace"), True
        return value.decode(name, "replace"), False
