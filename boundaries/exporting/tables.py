"""Tables that spreadsheets open: UTF-8 with its mark, one line at a time."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class _Line:
    """What `csv` writes into: hands back the line it was given."""

    def write(self, text: str) -> str:
        """The line."""
        return text


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Lines of a CSV file, the first with the names of the columns.

    No text is taken for a formula: one that begins like one gets an apostrophe before it, as spreadsheets write it.
    """
    writer = csv.writer(_Line())
    yield b"\xef\xbb\xbf" + str(writer.writerow(head)).encode()
    for row in rows:
        yield str(writer.writerow([_plain(cell) for cell in row])).encode()


def _plain(cell: Any) -> Any:
    if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{cell}"
    return cell
