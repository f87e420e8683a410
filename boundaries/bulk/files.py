"""Locating the rows of a CSV file of any length in constant memory.

The file is read in blocks that end with a record; threads parse, locate and write a block each, outside the
interpreter lock; blocks are written in their order. All columns of the input come out byte for byte, followed by
`ADDED`.
"""

import codecs
import csv
import io
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from boundaries.bulk import csvkernel
from boundaries.bulk.index import BulkIndex, Match, Reason
from boundaries.bulk.layout import Longs
from boundaries.datum import to_wgs84
from boundaries.importing import columns, encoding
from boundaries.importing.report import ImportFileError

ADDED: Final = (
    "match", "community_code", "grid_code", "grid_name", "distance_m", "candidates", "reason",
)  # fmt: skip
ROLES: Final = {"lon": "lon", "lat": "lat"}
ACCURACY_NAMES: Final = ("accuracy", "accuracym", "horizontalaccuracy", "精度", "定位精度")
BLOCK: Final = 1 << 21
LONGEST_RECORD: Final = 1 << 24
FIRST_FEW: Final = 20

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class FileProblem(Exception):
    """The file as a whole cannot be located; the message says what is wrong with it, where, and what to do."""


@dataclass
class FileReport:
    """What came of a file: numbers of rows by match and by reason, and the first rows that have no point.

    `first_invalid` holds (row, reason), the first row after the headings being 1.
    """

    rows: int = 0
    matches: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    first_invalid: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.matches[match.name.lower()]:,} {match.name.lower()}" for match in Match]
        lines = [
            _("%(rows)s rows in %(seconds)s s: ")
            % {"rows": f"{self.rows:,}", "seconds": f"{self.seconds:.1f}"}
        ]
        lines[0] += ", ".join(parts)
        if self.reasons:
            lines.append(
                _("Invalid rows by reason: ")
                + ", ".join(f"{reason} {n:,}" for reason, n in self.reasons.most_common())
            )
            lines.append(
                _("First of them: ") + ", ".join(f"{row} ({reason})" for row, reason in self.first_invalid)
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class _Texts:
    """The words that are written, as one array, with where each begins."""

    words: NDArray[np.uint8]
    match_at: Longs
    reason_at: Longs
    grid_at: Longs
    code_at: Longs
    separator: int
    quote_codes: bool
    line_end: NDArray[np.uint8]


@dataclass(frozen=True)
class _Layout:
    """How the file is written."""

    encoding: str
    delimiter: str
    headings: list[str]
    head: bytes  # the record with the headings, without its end
    body: bytes  # what was read behind it
    line_end: bytes
    wanted: NDArray[np.int32]  # columns with longitude, latitude and, if there is one, accuracy


def locate_file(
    index: BulkIndex,
    source: Path,
    target: Path,
    *,
    datum: str = "wgs84",
    lon_column: str | None = None,
    lat_column: str | None = None,
    accuracy_column: str | None = None,
    told_encoding: str | None = None,
    progress: Callable[[int], None] | None = None,
    threads: int | None = None,
) -> FileReport:
    """Answer every row of a CSV file.

    Parameters
    ----------
    source, target : Path
        ``-`` is standard input or output. `target` appears when it is complete, or not at all.
    datum : str
        Of the coordinates, degrees.
    lon_column, lat_column, accuracy_column : str, optional
        Headings; guessed if not given. Accuracy in metres may be missing.
    told_encoding : str, optional
        Found if not given; the output has the same (UTF-8 for UTF-16).
    progress : callable, optional
        Called with the number of rows so far; what it raises ends the work.
    threads : int, optional
        Default: as many as the process may use.

    Raises
    ------
    FileProblem
        No readable file, no such column, a quotation mark that is never closed, a name that the file's encoding
        lacks. Rows with a defect are no such problem: they come out ``invalid`` with the reason.
    """
    started = time.monotonic()
    report = FileReport()
    if str(source) != "-" and source.exists() and target.exists() and source.samefile(target):
        raise FileProblem(
            _("%(file)s cannot be read and written at once: name another file for the answers.")
            % {"file": source}
        )
    try:
        with _opened(source) as raw, _replacing(target) as out:
            layout, reader = _look(raw, source, told_encoding, lon_column, lat_column, accuracy_column)
            texts = _texts(index, layout)
            out.write(_headings(layout))
            for answers, output in _blocks(index, layout, texts, reader, source, datum, threads):
                out.write(output.data)
                _count(report, *answers)
                if progress is not None:
                    progress(report.rows)
    except OSError as error:
        raise FileProblem(
            _("%(file)s: %(error)s.") % {"file": error.filename or source, "error": error.strerror or error}
        ) from None
    except ImportFileError as error:
        raise FileProblem(str(error)) from None
    report.seconds = time.monotonic() - started
    return report


# --- reading ---


@contextmanager
def _opened(source: Path) -> Iterator[BinaryIO]:
    if str(source) == "-":
        yield sys.stdin.buffer
    else:
        with source.open("rb") as file:
            yield file


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target that takes its name once all is written."""
    if str(target) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class _Transcoded(io.RawIOBase):
    """A file in an encoding whose bytes are not ASCII's (UTF-16), read as UTF-8."""

    def __init__(self, raw: BinaryIO, begin: bytes, name: str) -> None:
        self.raw, self.decoder, self.begin = raw, codecs.getincrementaldecoder(name)("replace"), begin

    def read(self, size: int = -1) -> bytes:
        while True:
            block, self.begin = self.begin or self.raw.read(size), b""
            text = self.decoder.decode(block, final=not block)
            if text or not block:
                return text.encode()


def _look(
    raw: BinaryIO,
    source: Path,
    told_encoding: str | None,
    lon_column: str | None,
    lat_column: str | None,
    accuracy_column: str | None,
) -> tuple[_Layout, BinaryIO]:
    """Learn from the first block what the file is."""
    first = raw.read(BLOCK)
    name = next((name for mark, name in _BOMS if first.startswith(mark)), None)
    name = name or (
        encoding.named(told_encoding) if told_encoding else encoding.detect(first.splitlines()).name
    )
    reader = raw
    name = "utf-8" if name == "utf-8-sig" else name
    if 'a,\n"'.encode(name)[-4:] != b'a,\n"':
        reader = _Transcoded(raw, first, name)  # type: ignore[assignment]  # has the one method that is used
        first, name = reader.read(BLOCK), "utf-8"
    bom = codecs.BOM_UTF8 if first.startswith(codecs.BOM_UTF8) else b""
    body = first[len(bom) :].lstrip(b"\r\n")
    delimiter = max(",;\t|", key=lambda mark: body.split(b"\n", 1)[0].count(mark.encode()))
    while not (end := _first_record_end(body, delimiter)) and len(body) < LONGEST_RECORD:
        if not (block := reader.read(BLOCK)):
            break
        body += block
    if not body.strip():
        raise FileProblem(_("%(file)s is empty.") % {"file": source.name})
    if b"\0" in body:
        raise FileProblem(_("%(file)s is no text: it holds a zero byte.") % {"file": source.name})
    end = end or len(body)
    head, body = body[:end], body[end:]
    line_end = b"\r\n" if head.endswith(b"\r\n") else b"\n"
    head = head.rstrip(b"\r\n")
    headings = next(csv.reader([head.decode(name, "replace")], delimiter=delimiter))
    named = {"lon": lon_column, "lat": lat_column}
    told = {role: column for role, column in named.items() if column}
    roles = dict(ROLES) if told else {**ROLES, "x": "x", "y": "y"}
    found = columns.choose(headings, roles, told, file=source.name)
    if "lon" not in found and "lat" not in found and "x" in found and "y" in found:
        found |= {"lon": found["x"], "lat": found["y"]}
    missing = [role for role in ROLES if role not in found]
    if missing:
        raise FileProblem(
            _(
                "%(file)s has no column that looks like %(role)s. Its columns: %(columns)s. Name the one you mean."
            )
            % {
                "file": source.name,
                "role": " / ".join({"lon": _("longitude"), "lat": _("latitude")}[role] for role in missing),
                "columns": ", ".join(headings),
            }
        )
    wanted = [headings.index(found["lon"]), headings.index(found["lat"])]
    if accuracy_column is not None and accuracy_column not in headings:
        raise FileProblem(
            _("%(file)s has no column “%(column)s”.") % {"file": source.name, "column": accuracy_column}
        )
    for position, heading in enumerate(headings):
        if heading == accuracy_column or (
            accuracy_column is None and columns.plain(heading) in ACCURACY_NAMES
        ):
            wanted.append(position)
            break
    return _Layout(name, delimiter, headings, bom + head, body, line_end, np.array(wanted, np.int32)), reader


def _first_record_end(body: bytes, delimiter: str) -> int:
    """End of the first record: its line, or further if a heading holds a line break."""
    end = 0
    while end := body.find(b"\n", end) + 1:
        if _end_of_records(body[:end], ord(delimiter)) == end:
            return end
    return 0


def _end_of_records(block: bytes, delimiter: int) -> int:
    if b'"' not in block:
        return block.rfind(b"\n") + 1
    return csvkernel.last_record_end(np.frombuffer(block, np.uint8), delimiter)


def _records(layout: _Layout, reader: BinaryIO, source: Path) -> Iterator[bytes]:
    """Blocks that end where a record ends."""
    delimiter = ord(layout.delimiter)
    rest, ended = layout.body, False
    while not ended:
        block = reader.read(BLOCK)
        ended = not block
        rest += block
        end = len(rest) if ended else _end_of_records(rest, delimiter)
        if ended and b'"' in rest and _end_of_records(rest + b"\n", delimiter) != len(rest) + 1:
            raise FileProblem(_unclosed(source))
        if end == 0 and len(rest) > LONGEST_RECORD:
            raise FileProblem(_unclosed(source))
        if end:
            yield rest[:end]
            rest = rest[end:]


def _unclosed(source: Path) -> str:
    return _(
        "%(file)s: a quotation mark is opened near the end of what could be read and never closed. Correct that row, or"
        " save the file again as CSV."
    ) % {"file": source.name}


# --- answering ---

_Answers = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _blocks(
    index: BulkIndex,
    layout: _Layout,
    texts: _Texts,
    reader: BinaryIO,
    source: Path,
    datum: str,
    threads: int | None,
) -> Iterator[tuple[_Answers, NDArray[np.uint8]]]:
    """Matches, reasons and output of each block, in order; never more blocks in memory than threads and two."""
    workers = threads or len(os.sched_getaffinity(0))
    waiting: deque[Future[tuple[_Answers, NDArray[np.uint8]]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="locate") as pool:
        for block in _records(layout, reader, source):
            waiting.append(pool.submit(_answer, index, layout, texts, block, datum))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _answer(
    index: BulkIndex, layout: _Layout, texts: _Texts, block: bytes, datum: str
) -> tuple[_Answers, NDArray[np.uint8]]:
    text = np.frombuffer(block, np.uint8)
    delimiter, width = ord(layout.delimiter), len(layout.headings)
    most = block.count(b"\n") + 1
    rows, fields = np.empty((most, 4), np.int64), np.empty((most, len(layout.wanted), 2), np.int64)
    n = csvkernel.tokenise(text, delimiter, width, layout.wanted, rows, fields)
    rows, fields = rows[:n], fields[:n]

    values = np.empty((len(layout.wanted), n))
    unread = [_numbers(block, text, fields, k, values[k], layout.encoding) for k in range(len(values))]
    lon, lat = to_wgs84(values[0], values[1], datum)
    located = index.locate(lon, lat, values[2] if len(values) > 2 else None, threads=1)
    match, reason, grid = located.match, located.reason, located.grid
    wrong = [(where, Reason.ACCURACY) for where in unread[2:]]
    wrong += [(unread[0] | unread[1], Reason.NUMBER), (rows[:, 2] > width, Reason.COLUMNS)]
    for where, why in wrong:
        match[where], reason[where], grid[where] = Match.INVALID, why, -1
    counts = np.diff(located.starts)
    candidate, starts = located.candidate, located.starts
    if (bad := (match == Match.INVALID) & (counts > 0)).any():
        candidate = candidate[~np.repeat(bad, counts)]
        starts = np.concatenate([[0], np.cumsum(np.where(bad, 0, counts))])
    output = csvkernel.compose(
        text, rows, width, delimiter, texts.separator, texts.quote_codes, texts.line_end,
        match, reason, grid, located.distance, starts, candidate,
        texts.words, texts.match_at, texts.reason_at, texts.grid_at, texts.code_at,
    )  # fmt: skip
    return (match, reason), output


def _numbers(
    block: bytes,
    text: NDArray[np.uint8],
    fields: Longs,
    column: int,
    values: NDArray[np.float64],
    name: str,
) -> NDArray[np.bool_]:
    """Read a column into `values`, NaN where it is empty; returns which fields hold something that is no number."""
    status = np.empty(len(values), np.uint8)
    csvkernel.parse_column(text, fields, column, values, status)
    wrong = np.zeros(len(values), np.bool_)
    for i in np.flatnonzero(status == csvkernel.UNSURE).tolist():
        start, stop = fields[i, column].tolist()
        try:
            values[i] = float(block[start:stop].decode(name, "replace").strip().strip('"'))
        except ValueError:
            values[i], wrong[i] = np.nan, True
    return wrong


# --- writing ---


def _texts(index: BulkIndex, layout: _Layout) -> _Texts:
    def encoded(text: str) -> bytes:
        if any(mark in text for mark in ('"', "\n", "\r", layout.delimiter)):
            text = '"' + text.replace('"', '""') + '"'
        try:
            return text.encode(layout.encoding)
        except UnicodeEncodeError:
            raise FileProblem(
                _(
                    "“%(text)s” cannot be written in %(encoding)s, the file's encoding. Save the file as UTF-8 first."
                )
                % {"text": text, "encoding": encoding.Guess(layout.encoding).label}
            ) from None

    words = io.BytesIO()

    def places(texts: Sequence[bytes]) -> Longs:
        at = words.tell()
        words.writelines(texts)
        return np.cumsum([at, *map(len, texts)], dtype=np.int64)

    delimiter = layout.delimiter.encode()
    grids = zip(index.communities, index.codes, index.names, strict=True)
    separator = "|" if layout.delimiter != "|" else ";"
    at: dict[str, Any] = {
        "match_at": places([match.name.lower().encode() for match in Match]),
        "reason_at": places([b"", *(reason.name.lower().encode() for reason in Reason if reason)]),
        "grid_at": places([delimiter.join(map(encoded, grid)) for grid in grids]),
        "code_at": places([code.replace('"', '""').encode(layout.encoding) for code in index.codes]),
    }
    return _Texts(
        words=np.frombuffer(words.getvalue(), np.uint8),
        separator=ord(separator),
        quote_codes=any(encoded(code).startswith(b'"') for code in index.codes),
        line_end=np.frombuffer(layout.line_end, np.uint8),
        **at,
    )


def _headings(layout: _Layout) -> bytes:
    taken = list(layout.headings)
    for name in ADDED:  # a file that was located before has them already
        number = 1
        while (unique := name if number == 1 else f"{name}_{number}") in taken:
            number += 1
        taken.append(unique)
    added = "".join(layout.delimiter + name for name in taken[len(layout.headings) :])
    return layout.head + added.encode() + layout.line_end


def _count(report: FileReport, match: NDArray[np.uint8], reason: NDArray[np.uint8]) -> None:
    for code, n in zip(*np.unique(match, return_counts=True), strict=True):
        report.matches[Match(code).name.lower()] += int(n)
    invalid = np.flatnonzero(match == Match.INVALID)
    for code, n in zip(*np.unique(reason[invalid], return_counts=True), strict=True):
        report.reasons[Reason(code).name.lower()] += int(n)
    for i in invalid[: FIRST_FEW - len(report.first_invalid)].tolist():
        report.first_invalid.append((report.rows + i + 1, Reason(reason[i]).name.lower()))
    report.rows += len(match)
