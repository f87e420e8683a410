"""Registers kept in Excel: one sheet, read row by row, with merged cells spread over their rows."""

import datetime
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import openpyxl
from django.utils.translation import gettext as _
from openpyxl.utils.cell import range_boundaries

from boundaries.importing.report import ImportFileError
from boundaries.importing.tables import HEADING_SEARCH, Line, heading

_OLD: Final = b"\xd0\xcf\x11\xe0"
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(slots=True)
class Workbook:
    """One sheet of an Excel file whose headings are known."""

    path: Path
    sheet: str
    fields: list[str]
    heading_line: int
    rows: int | None
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)

    def lines(self) -> Iterator[Line]:
        """Yield the rows below the headings; empty ones are passed over."""
        width = len(self.fields)
        anchors = {(left, top): (right, bottom) for left, top, right, bottom in self.merged}
        spread: dict[int, tuple[int, str]] = {}  # column: last row it holds for, text
        book = _open(self.path)
        try:
            for number, values in enumerate(book[self.sheet].iter_rows(values_only=True), start=1):
                cells = [as_text(value) for value in values[:width]]
                cells.extend("" for _missing in range(width - len(cells)))
                own = any(cells)
                for column in range(width):
                    until, text = spread.get(column, (0, ""))
                    if number <= until and not cells[column]:
                        cells[column] = text
                    corner = anchors.get((column + 1, number))
                    if corner is not None:
                        for covered in range(column, min(corner[0], width)):
                            spread[covered] = (corner[1], cells[column])
                        for covered in range(column + 1, min(corner[0], width)):
                            cells[covered] = cells[covered] or cells[column]
                if number <= self.heading_line or not own:
                    continue
                fault = None
                broken = next(
                    (cell for cell in cells if cell.startswith("#") and cell.rstrip("!?/0AN") != cell), None
                )
                if broken is not None:
                    fault = (
                        "formula-error",
                        _("A cell holds the error “%(error)s” instead of a value.") % {"error": broken},
                    )
                yield Line(number, cells, fault)
        finally:
            book.close()


def open_xlsx(path: Path, sheet: str | None) -> Workbook:
    """Look at an Excel file once to learn what it is.

    Raises
    ------
    ImportFileError
        It is an old or locked file, no workbook at all, has no such sheet, or holds no rows.
    """
    book = _open(path)
    try:
        names = book.sheetnames
        if sheet is not None and sheet not in names:
            raise ImportFileError(
                _("%(file)s has no sheet “%(sheet)s”. Its sheets: %(sheets)s.")
                % {"file": path.name, "sheet": sheet, "sheets": ", ".join(names)}
            )
        chosen = sheet or next((name for name in names if _first_rows(book[name])), None)
        head = _first_rows(book[chosen]) if chosen else []
        if chosen is None or not head:
            raise ImportFileError(_("%(file)s holds no rows.") % {"file": path.name})
        heading_line, fields = heading(head)
        rows = book[chosen].max_row
        # openpyxl's row-by-row mode leaves merged ranges out, so they are read from the sheet's own XML
        part = getattr(book[chosen], "_worksheet_path", None)
    except ImportFileError:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl lets KeyError, XML errors and more through
        raise _broken(path, error) from None
    finally:
        book.close()
    merged = _merged(path, part) if isinstance(part, str) else []
    return Workbook(path, chosen, fields, heading_line, rows, merged)


def _first_rows(sheet: Any) -> list[tuple[int, list[str]]]:
    found = []
    for number, values in enumerate(sheet.iter_rows(values_only=True, max_row=3 * HEADING_SEARCH), start=1):
        cells = [as_text(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            found.append((number, cells))
        if len(found) >= HEADING_SEARCH:
            break
    return found


def as_text(value: object) -> str:
    """A cell as people see it: 101.0 is 101, a date is 2019-11-30."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    return str(value).strip()


def _open(path: Path) -> Any:
    with path.open("rb") as opened:
        start = opened.read(4)
    if start == _OLD:
        raise ImportFileError(
            _(
                "%(file)s is an old Excel file or locked with a password. Open it, save it as .xlsx without a password."
            )
            % {"file": path.name}
        )
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # noqa: BLE001 - openpyxl lets KeyError, BadZipFile, XML errors and more through
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> ImportFileError:
    detail = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
    return ImportFileError(
        _("%(file)s cannot be read as an Excel file (%(detail)s). Open it in Excel and save it again.")
        % {"file": path.name, "detail": detail}
    )


def _merged(path: Path, part: str) -> list[tuple[int, int, int, int]]:
    found: list[tuple[int, int, int, int]] = []
    with zipfile.ZipFile(path) as archive, archive.open(part.lstrip("/")) as opened:
        for _event, element in ElementTree.iterparse(opened):  # noqa: S314 - expat refuses entity bombs by itself
            if element.tag == f"{_MAIN}mergeCell":
                left, top, right, bottom = range_boundaries(element.get("ref", ""))
                if left and top and right and bottom:
                    found.append((left, top, right, bottom))
            elif element.tag == f"{_MAIN}row":
                element.clear()
    return found
