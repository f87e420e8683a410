"""CSV files, row by row in constant memory: encoding, delimiter and headings found, defects named by line."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from django.utils.translation import gettext as _

from boundaries.importing import columns, encoding
from boundaries.importing.report import ImportFileError

_BLOCK: Final = 1 << 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HEADING_SEARCH: Final = 20
ALL_NAMES: Final = frozenset(columns.plain(name) for names in columns.ROLES.values() for name in names)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: its number in the file, its cells, and what is wrong with it."""

    number: int
    cells: Sequence[str]
    fault: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file whose encoding, delimiter and headings are known."""

    path: Path
    guess: encoding.Guess
    delimiter: str
    fields: list[str]
    heading_line: int

    def lines(self) -> Iterator[Line]:
        """Yield the rows below the headings; empty ones are passed over.

        Raises
        ------
        ImportFileError
            The text breaks off in a way that no row can be read after it.
        """
        width = len(self.fields)
        with self.path.open("r", encoding=self.guess.name, errors="replace", newline="") as opened:
            reader = csv.reader(opened, delimiter=self.delimiter)
            try:
                for cells in reader:
                    if reader.line_num <= self.heading_line or not any(cell.strip() for cell in cells):
                        continue
                    fault = None
                    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
                        fault = (
                            "too-many-cells",
                            _("The row has %(cells)s cells, the headings %(columns)s.")
                            % {"cells": len(cells), "columns": width},
                        )
                    elif any("\ufffd" in cell for cell in cells):
                        fault = (
                            "bad-text",
                            _("Some bytes of the row are no text in %(encoding)s.")
                            % {"encoding": self.guess.label},
                        )
                    padded = [cell.strip() for cell in cells[:width]]
                    padded.extend("" for _missing in range(width - len(padded)))
                    yield Line(reader.line_num, padded, fault)
            except csv.Error as error:
                raise ImportFileError(
                    _("%(file)s cannot be read after line %(line)s: %(error)s.")
                    % {"file": self.path.name, "line": reader.line_num, "error": error}
                ) from None


def open_csv(path: Path, told_encoding: str | None) -> CsvFile:
    """Look at a CSV file once to learn what it is.

    Parameters
    ----------
    path : Path
    told_encoding : str or None
        What the user said.

    Raises
    ------
    ImportFileError
        The file is empty, holds zero bytes, or is not in the encoding that was named.
    """
    if path.stat().st_size == 0:
        raise ImportFileError(_("%(file)s is empty.") % {"file": path.name})
    guess = _encoding_of(path, told_encoding)
    with path.open("r", encoding=guess.name, errors="replace", newline="") as opened:
        delimiter = _delimiter(opened)
        opened.seek(0)
        reader = csv.reader(opened, delimiter=delimiter)
        head: list[tuple[int, list[str]]] = []
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    head.append((reader.line_num, [cell.strip().lstrip("\ufeff") for cell in cells]))
                if len(head) >= HEADING_SEARCH:
                    break
        except csv.Error as error:
            raise ImportFileError(
                _("%(file)s is no table: %(error)s in line %(line)s.")
                % {"file": path.name, "error": error, "line": reader.line_num}
            ) from None
    if not head:
        raise ImportFileError(_("%(file)s holds no rows.") % {"file": path.name})
    heading_line, fields = heading(head)
    return CsvFile(path, guess, delimiter, fields, heading_line)


def heading(head: Sequence[tuple[int, Sequence[str]]]) -> tuple[int, list[str]]:
    """Choose the line with the headings: registers often start with a title.

    Parameters
    ----------
    head : sequence of (int, sequence of str)
        Number and cells of the first lines that hold anything.

    Returns
    -------
    int, list of str
        Number of the line (0 where there are no headings), and names made unique; a column without a name is called
        ``field_N``.
    """
    scores = [sum(columns.plain(cell) in ALL_NAMES for cell in cells if cell) for _number, cells in head]
    best = max(range(len(head)), key=lambda index: (scores[index], -index))
    number, cells = head[best] if scores[best] >= 2 else head[0]
    numeric = sum(re.fullmatch(r"-?[\d.]+", cell) is not None for cell in cells)
    if (numeric and not max(scores)) or (numeric * 2 >= len(cells) and scores[best] < 2):
        # Headings are not numbers: the table starts with its first row
        return 0, [f"field_{position}" for position in range(1, len(cells) + 1)]
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        name = cell or f"field_{position}"
        names.append(unique(name, names))
    return number, names


def unique(name: str, taken: Sequence[str]) -> str:
    """A name that is not among those taken: a second ``size`` becomes ``size_2``."""
    if name not in taken:
        return name
    count = 2
    while f"{name}_{count}" in taken:
        count += 1
    return f"{name}_{count}"


def _delimiter(opened: IO[str]) -> str:
    sample = "".join(line for line, _count in zip(opened, range(10), strict=False))[:20_000]
    counts = {mark: sample.count(mark) for mark in ",\t;|"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ","


def _encoding_of(path: Path, told: str | None) -> encoding.Guess:
    with path.open("rb") as opened:
        start = opened.read(4)
    if told is None:
        for mark, name in _BOMS:
            if start.startswith(mark):
                return encoding.Guess(name, found=True)
        guess = encoding.detect(_pieces(path))
    else:
        guess = encoding.Guess(encoding.named(told))
        if guess.name == "utf-8" and start.startswith(codecs.BOM_UTF8):
            return encoding.Guess("utf-8-sig")
    decoder = codecs.getincrementaldecoder(guess.name)("strict")
    at = 0
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK):
            zero = -1 if guess.name.startswith("utf-16") else block.find(0)
            if zero >= 0:
                raise ImportFileError(
                    _("%(file)s is no text: there is a zero byte at %(byte)s.")
                    % {"file": path.name, "byte": at + zero}
                )
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                if told is not None:
                    raise ImportFileError(
                        _(
                            "%(file)s is not in %(encoding)s: byte %(byte)s does not fit. Leave --encoding out to have it found."
                        )
                        % {"file": path.name, "encoding": guess.label, "byte": at + error.start}
                    ) from None
                # A few broken characters in a big file: the rows that hold them are named one by one
                return guess
            at += len(block)
    return guess


def _pieces(path: Path) -> Iterator[bytes]:
    """Lines of the file; a line is never cut within a character."""
    with path.open("rb") as opened:
        for line in opened:
            yield line.rstrip(b"\r\n")
