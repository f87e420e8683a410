"""The rows of an opened file in batches, whatever kind of file it is: cells as they stand, shapes as Shapely's.

A `Source` comes from `opening.open_source`. What is wrong with a row becomes a fault that names it; coordinates are
in the file's own system, longitude (or easting) first.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import pyogrio.raw
import pyproj
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from boundaries.importing import drivers, encoding, tables, xlsx
from boundaries.importing.archives import short
from boundaries.importing.encoding import Guess
from boundaries.importing.report import ImportFileError

OSM_CONFIG: Final = Path(__file__).with_name("osmconf.ini")
BATCH: Final = 20_000
# Drivers that go to a given row without reading all before it
_SEEKABLE: Final = frozenset({"GPKG", "ESRI Shapefile", "FlatGeobuf"})
_GDAL_ERRORS: Final = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError,
    IndexError,
    UnicodeDecodeError,
    ValueError,
)
Cells = Sequence[Any] | NDArray[Any]


@dataclass(slots=True)
class Batch:
    """Some rows of a file.

    Attributes
    ----------
    rows : list of int
        Number of each row; 1 is the first, in tables the line with the headings.
    columns : dict of str to sequence
        Cells by column, texts or numbers or None.
    shapes : ndarray of object
        Shapely geometries in the source's own coordinates, or None.
    faults : dict of int to (str, str)
        Code and reason of what is wrong with a row, by its number.
    """

    rows: list[int]
    columns: dict[str, Cells]
    shapes: NDArray[np.object_]
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)

    def text(self, column: str | None, index: int) -> str:
        """The cell as stripped text; empty where the column or the cell is missing."""
        if column is None:
            return ""
        value = self.columns[column][index]
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return ""
        if isinstance(value, np.generic):
            value = value.item()
        return xlsx.as_text(value)

    def renumber(self, by: int) -> None:
        """Add to the numbers of all rows."""
        if by:
            self.rows = [row + by for row in self.rows]
            self.faults = {row + by: fault for row, fault in self.faults.items()}


@dataclass(slots=True)
class Source:
    """An opened file; use it within `open_source`."""

    file: str
    driver: str
    layer: str | None
    fields: list[str]
    crs: pyproj.CRS | None
    encoding: str | None
    total: int | None
    notes: list[tuple[str, str]] = field(default_factory=list)
    has_shapes: bool = True
    path: Path = field(default=Path(), repr=False)
    table: tables.CsvFile | xlsx.Workbook | None = field(default=None, repr=False)
    guess: Guess | None = field(default=None, repr=False)
    place: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_table(self) -> bool:
        """A CSV or Excel file, whose places come from columns if at all."""
        return self.table is not None

    def batches(self, size: int = BATCH, only: str | None = None) -> Iterator[Batch]:
        """Yield the rows.

        Parameters
        ----------
        size : int
            Rows at a time, where the format allows it.
        only : str, optional
            OGR attribute filter, for formats with one big layer of everything (OpenStreetMap).
        """
        if self.table is not None:
            yield from self._table_batches(self.table, size)
            return
        start, step = 0, size if self.driver in _SEEKABLE else None
        while True:
            batch = self._gdal_batch(start, step, only)
            if not batch.rows:
                return
            yield batch
            start += len(batch.rows)
            if step is None or len(batch.rows) < step:
                return

    def head(self, count: int) -> Batch | None:
        """Read the first rows only, for a preview; None where there are none."""
        if self.table is not None:
            return next(self._table_batches(self.table, count), None)
        return self._gdal_batch(0, count, None)

    def _gdal_batch(self, start: int, step: int | None, only: str | None) -> Batch:
        options: dict[str, Any] = {}
        if self.driver == "OSM":
            options["CONFIG_FILE"] = str(OSM_CONFIG)
        elif self.driver in {"GeoJSON", "GeoJSONSeq"}:
            # a grid that is called “12:30:00” is not a time
            options["DATE_AS_STRING"] = "YES"
        with gdal_errors(self.file, self.notes):
            meta, fids, wkb, data = pyogrio.raw.read(
                self.path,
                layer=self.layer,
                encoding="ISO-8859-1" if self.guess is not None else None,
                force_2d=True,
                skip_features=start,
                max_features=step,
                where=only,
                return_fids=True,
                datetime_as_string=True,
                **options,
            )
        names = self.decode_names([str(name) for name in meta["fields"]])
        count = len(fids)
        # Shapefiles leave deleted rows out: their row is the record, not the place among those that are left
        rows = (
            [int(fid) + 1 for fid in fids]
            if self.driver == "ESRI Shapefile"
            else list(range(start + 1, start + count + 1))
        )
        batch = Batch(rows, {}, np.full(count, None, dtype=object))
        for name, values in zip(names, data, strict=True):
            batch.columns[name] = values if self.guess is None else self._decode(values, batch, name)
        if wkb is not None:
            _unpack(wkb, batch)
        return batch

    def decode_names(self, names: list[str]) -> list[str]:
        """Names of columns in the encoding that was found, each once."""
        found: list[str] = []
        for name in names:
            if self.guess is not None:
                name = encoding.decode_value(name.encode("latin-1", "replace"), self.guess.name)[0]
            found.append(tables.unique(name, found))
        return found

    def _decode(self, values: NDArray[Any], batch: Batch, name: str) -> Cells:
        if values.dtype != object or self.guess is None:
            return values
        found: list[Any] = []
        for row, value in zip(batch.rows, values, strict=True):
            if isinstance(value, str):
                text, right = encoding.decode_value(value.encode("latin-1", "replace"), self.guess.name)
                if not right:
                    batch.faults.setdefault(
                        row,
                        (
                            "bad-text",
                            _("The text in column “%(column)s” is not in %(encoding)s.")
                            % {"column": name, "encoding": self.guess.label},
                        ),
                    )
                found.append(text)
            else:
                found.append(value)
        return found

    def _table_batches(self, table: tables.CsvFile | xlsx.Workbook, size: int) -> Iterator[Batch]:
        lines: list[tables.Line] = []
        for line in table.lines():
            lines.append(line)
            if len(lines) >= size:
                yield self._table_batch(lines)
                lines = []
        if lines:
            yield self._table_batch(lines)

    def _table_batch(self, lines: list[tables.Line]) -> Batch:
        cells: dict[str, Cells] = {
            name: [line.cells[index] for line in lines] for index, name in enumerate(self.fields)
        }
        batch = Batch([line.number for line in lines], cells, np.full(len(lines), None, dtype=object))
        batch.faults.update({line.number: line.fault for line in lines if line.fault is not None})
        if "wkt" in self.place:
            for index, text in enumerate(cells[self.place["wkt"]]):
                if not text:
                    continue
                try:
                    batch.shapes[index] = shapely.force_2d(shapely.from_wkt(text))
                except shapely.errors.GEOSException as error:
                    batch.faults.setdefault(
                        batch.rows[index],
                        ("bad-geometry", _("The WKT cannot be read: %(error)s") % {"error": short(error)}),
                    )
        elif self.place:
            x_name, y_name = self.place["x"], self.place["y"]
            for index, (x_text, y_text) in enumerate(zip(cells[x_name], cells[y_name], strict=True)):
                if not x_text and not y_text:
                    continue
                try:
                    batch.shapes[index] = shapely.Point(float(x_text), float(y_text))
                except ValueError:
                    batch.faults.setdefault(
                        batch.rows[index],
                        (
                            "bad-coordinates",
                            _("“%(x)s, %(y)s” is no pair of numbers.") % {"x": x_text, "y": y_text},
                        ),
                    )
        return batch


def _unpack(wkb: NDArray[Any], batch: Batch) -> None:
    """Turn WKB into shapes; rings that no geometry can be made of become faults."""
    present = np.array([value is not None for value in wkb], dtype=bool)
    shapes = np.full(len(wkb), None, dtype=object)
    shapes[present] = shapely.from_wkb(wkb[present], on_invalid="ignore")
    for index in np.flatnonzero(present & shapely.is_missing(shapes)):
        row = batch.rows[int(index)]
        try:
            shapely.from_wkb(wkb[index], on_invalid="raise")
            reason = ""
        except shapely.errors.GEOSException as error:
            reason = short(error)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mended = shapely.from_wkb(wkb[index], on_invalid="fix")
        if mended is not None and not mended.is_empty and shapely.area(mended) > 0:
            shapes[index] = mended
            batch.faults[row] = (
                "open-ring",
                _("A ring is not closed (%(reason)s); it was closed.") % {"reason": reason},
            )
        else:
            batch.faults[row] = (
                "invalid-ring",
                _("The geometry cannot be built: %(reason)s.") % {"reason": reason},
            )
    batch.shapes = shapely.force_2d(shapes)


@contextmanager
def gdal_errors(file: str, notes: list[tuple[str, str]]) -> Iterator[None]:
    """Turn what GDAL raises into one sentence, and what it warns of into notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with drivers.no_way_out():
                yield
        except _GDAL_ERRORS as error:
            raise ImportFileError(
                _("%(file)s cannot be read: %(reason)s.") % {"file": file, "reason": short(error, file)}
            ) from None
    for warning in caught:
        text = short(Exception(str(warning.message)))
        if "Measured" in text:
            note = ("dropped-m", _("The file holds measures (M); they were dropped."))
        elif "Non closed ring" in text:
            note = ("open-ring", _("The file holds rings that are not closed; they were closed."))
        else:
            note = ("reader", text)
        if note not in notes:
            notes.append(note)
