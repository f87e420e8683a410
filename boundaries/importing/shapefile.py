"""The three files of a Shapefile, looked at byte by byte before GDAL sees them.

GDAL reports damage with an offset at best, needs the index (.shx) and guesses Latin-1 where the encoding is not
named. Here damage is named by row and byte, a missing index is made anew and raw text is taken for the guess.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from boundaries.importing import encoding
from boundaries.importing.report import ImportFileError

_HEADER: Final = 100
_POLYGONS: Final = frozenset({3, 5, 13, 15, 23, 25})  # lines and polygons share a layout
_POINTS: Final = {1: 20, 11: 28, 21: 28}
_KNOWN: Final = frozenset({0, 1, 3, 5, 8, 11, 13, 15, 18, 21, 23, 25, 28, 31})
# Code pages in the header of a .dbf that say more than "some Windows"
_LANGUAGES: Final = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: "big5hkscs", 0x78: "big5hkscs"}
_SAMPLED_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Table:
    """What the header of a .dbf says."""

    rows: int
    header_size: int
    row_size: int
    names: list[bytes]
    text_columns: list[tuple[int, int]]
    language: int


def sibling(path: Path, ending: str) -> Path | None:
    """Find the file of the same name with another ending, in whichever case."""
    for other in path.parent.iterdir():
        if other.stem == path.stem and other.suffix.lower() == ending:
            return other
    return None


def record_offsets(path: Path) -> list[tuple[int, int]]:
    """Walk through a .shp.

    Returns
    -------
    list of (int, int)
        Offset and content length of each record, in bytes.

    Raises
    ------
    ImportFileError
        With the record and the byte at which the file stops making sense.
    """
    data = memoryview(path.read_bytes())
    name = path.name
    if len(data) < _HEADER:
        raise ImportFileError(
            _("%(file)s is no Shapefile: it has %(size)s bytes, the header alone needs 100.")
            % {"file": name, "size": len(data)}
        )
    (magic,) = struct.unpack_from(">i", data, 0)
    (version, kind) = struct.unpack_from("<ii", data, 28)
    if magic != 9994 or version != 1000 or kind not in _KNOWN:
        raise ImportFileError(
            _(
                "%(file)s is no Shapefile: its first bytes are wrong. Perhaps another file was renamed to .shp."
            )
            % {"file": name}
        )
    found: list[tuple[int, int]] = []
    at = _HEADER
    while at < len(data):
        row = len(found) + 1
        if at + 12 > len(data):
            raise ImportFileError(
                _("%(file)s is cut off in row %(row)s, at byte %(byte)s. Ask for the file again.")
                % {"file": name, "row": row, "byte": at}
            )
        (words,) = struct.unpack_from(">i", data, at + 4)
        size = words * 2
        if size < 4 or at + 8 + size > len(data):
            raise ImportFileError(
                _(
                    "%(file)s is damaged or cut off: row %(row)s at byte %(byte)s claims %(claimed)s bytes, %(left)s are "
                    "left. Ask for the file again."
                )
                % {"file": name, "row": row, "byte": at, "claimed": size, "left": len(data) - at - 8}
            )
        (shape,) = struct.unpack_from("<i", data, at + 8)
        if not _fits(data, at + 8, size, shape):
            raise ImportFileError(
                _("%(file)s is damaged: row %(row)s at byte %(byte)s does not hold what it announces.")
                % {"file": name, "row": row, "byte": at}
            )
        found.append((at, size))
        at += 8 + size
    return found


def _fits(data: memoryview, at: int, size: int, shape: int) -> bool:
    """Tell whether a record's own counts agree with its length."""
    if shape not in _KNOWN:
        return False
    if shape in _POINTS:
        return size >= _POINTS[shape]
    if shape not in _POLYGONS:
        return True
    if size < 44:
        return False
    parts, points = struct.unpack_from("<ii", data, at + 36)
    if parts < 0 or points < 0 or 44 + 4 * parts + 16 * points > size:
        return False
    starts = struct.unpack_from(f"<{parts}i", data, at + 44)
    return all(0 <= start <= points for start in starts) and list(starts) == sorted(starts)


def write_index(path: Path, offsets: list[tuple[int, int]]) -> None:
    """Make the .shx of a .shp anew."""
    header = bytearray(path.read_bytes()[:_HEADER])
    struct.pack_into(">i", header, 24, (_HEADER + 8 * len(offsets)) // 2)
    body = b"".join(struct.pack(">ii", at // 2, size // 2) for at, size in offsets)
    path.with_suffix(".shx").write_bytes(bytes(header) + body)


def read_table(path: Path) -> Table:
    """Read the header of a .dbf and check the length of the file against it.

    Raises
    ------
    ImportFileError
        The file is no dBase table, or is cut off.
    """
    size = path.stat().st_size
    with path.open("rb") as opened:
        head = opened.read(32)
        if len(head) < 32:
            raise ImportFileError(
                _("%(file)s is no table: it has %(size)s bytes only.") % {"file": path.name, "size": size}
            )
        rows, header_size, row_size = struct.unpack_from("<IHH", head, 4)
        if header_size < 33 or row_size < 1 or header_size > size:
            raise ImportFileError(
                _("%(file)s is no dBase table: its header makes no sense.") % {"file": path.name}
            )
        described = opened.read(header_size - 32)
    names: list[bytes] = []
    text_columns: list[tuple[int, int]] = []
    at, start = 0, 1
    while at + 32 <= len(described) and described[at] != 0x0D:
        width = described[at + 16]
        kind = described[at + 11 : at + 12]
        if kind == b"C":
            # wide text columns keep the high byte of their width where numbers keep their decimals
            width += described[at + 17] * 256
            text_columns.append((start, width))
        names.append(described[at : at + 11].split(b"\0")[0])
        start += width
        at += 32
    held = max(0, (size - header_size) // row_size)
    if held < rows:
        raise ImportFileError(
            _(
                "%(file)s is cut off: it announces %(rows)s rows and holds %(held)s (the last byte "
                "is %(byte)s). Ask for the file again."
            )
            % {"file": path.name, "rows": rows, "held": held, "byte": size}
        )
    return Table(rows, header_size, row_size, names, text_columns, head[29])


def _text_values(path: Path, table: Table) -> Iterator[bytes]:
    yield from table.names
    with path.open("rb") as opened:
        opened.seek(table.header_size)
        for _row in range(min(table.rows, _SAMPLED_ROWS)):
            row = opened.read(table.row_size)
            for start, width in table.text_columns:
                value = row[start : start + width].rstrip(b" \0")
                if value:
                    yield value


def text_encoding(shp: Path, told: str | None) -> tuple[encoding.Guess, str | None]:
    """Decide how the text of a Shapefile is encoded.

    Parameters
    ----------
    shp : Path
        The .shp; its .dbf and .cpg lie beside it.
    told : str or None
        What the user said; goes before everything.

    Returns
    -------
    Guess, str or None
        The encoding, and a sentence when the file's own statement was wrong.
    """
    if told:
        return encoding.Guess(encoding.named(told)), None
    dbf, cpg = sibling(shp, ".dbf"), sibling(shp, ".cpg")
    if dbf is None:
        return encoding.Guess("utf-8"), None
    table = read_table(dbf)
    stated = ""
    if cpg is not None:
        stated = cpg.read_text("ascii", "ignore").strip()
    claim: str | None = None
    if stated:
        try:
            claim = encoding.named(stated)
        except ImportFileError:
            claim = None
    if claim is None:
        claim = _LANGUAGES.get(table.language)
    values = list(_text_values(dbf, table))
    if claim is not None and all(encoding.decode_value(value, claim)[1] for value in values):
        return encoding.Guess(claim), None
    found = encoding.detect(values)
    if stated:
        return found, _("The .cpg says “%(stated)s”, but the bytes are %(found)s; read as such.") % {
            "stated": stated,
            "found": found.label,
        }
    return found, None
