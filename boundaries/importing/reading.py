"""One way into every file: GeoPackage, GeoJSON, Shapefile, OpenStreetMap, CSV, Excel and what else GDAL reads.

A file becomes a `Source`: its columns, its coordinate system, its rows in batches. Whatever is wrong with it ends in
an `ImportFileError` with one clear sentence, or in a fault that names its row. The order is always longitude (or
easting) first.
"""

import re
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
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

from boundaries.importing import archives, columns, encoding, shapefile, systems, tables, xlsx
from boundaries.importing.archives import short
from boundaries.importing.encoding import Guess
from boundaries.importing.report import ImportFileError

OSM_CONFIG: Final = Path(__file__).with_name("osmconf.ini")
BATCH: Final = 20_000
_SHAPEFILE_PARTS: Final = (".shp", ".dbf", ".shx", ".prj", ".cpg")
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
_CURVED: Final = ("Curve", "Surface", "Circular", "Compound")
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
    _path: Path = field(default=Path(), repr=False)
    _table: tables.CsvFile | xlsx.Workbook | None = field(default=None, repr=False)
    _guess: Guess | None = field(default=None, repr=False)
    _place: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_table(self) -> bool:
        """A CSV or Excel file, whose places come from columns if at all."""
        return self._table is not None

    def batches(self, size: int = BATCH, only: str | None = None) -> Iterator[Batch]:
        """Yield the rows.

        Parameters
        ----------
        size : int
            Rows at a time, where the format allows it.
        only : str, optional
            OGR attribute filter, for formats with one big layer of everything (OpenStreetMap).
        """
        if self._table is not None:
            yield from self._table_batches(self._table, size)
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
        if self._table is not None:
            return next(self._table_batches(self._table, count), None)
        return self._gdal_batch(0, count, None)

    def _gdal_batch(self, start: int, step: int | None, only: str | None) -> Batch:
        options: dict[str, Any] = {}
        if self.driver == "OSM":
            options["CONFIG_FILE"] = str(OSM_CONFIG)
        with _gdal(self.file, self.notes):
            meta, fids, wkb, data = pyogrio.raw.read(
                self._path,
                layer=self.layer,
                encoding="ISO-8859-1" if self._guess is not None else None,
                force_2d=True,
                skip_features=start,
                max_features=step,
                where=only,
                return_fids=True,
                datetime_as_string=True,
                **options,
            )
        names = self._decode_names([str(name) for name in meta["fields"]])
        count = len(fids)
        # Shapefiles leave deleted rows out: their row is the record, not the place among those that are left
        rows = (
            [int(fid) + 1 for fid in fids]
            if self.driver == "ESRI Shapefile"
            else list(range(start + 1, start + count + 1))
        )
        batch = Batch(rows, {}, np.full(count, None, dtype=object))
        for name, values in zip(names, data, strict=True):
            batch.columns[name] = values if self._guess is None else self._decode(values, batch, name)
        if wkb is not None:
            _unpack(wkb, batch)
        return batch

    def _decode_names(self, names: list[str]) -> list[str]:
        found: list[str] = []
        for name in names:
            if self._guess is not None:
                name = encoding.decode_value(name.encode("latin-1", "replace"), self._guess.name)[0]
            found.append(tables.unique(name, found))
        return found

    def _decode(self, values: NDArray[Any], batch: Batch, name: str) -> Cells:
        if values.dtype != object or self._guess is None:
            return values
        found: list[Any] = []
        for row, value in zip(batch.rows, values, strict=True):
            if isinstance(value, str):
                text, right = encoding.decode_value(value.encode("latin-1", "replace"), self._guess.name)
                if not right:
                    batch.faults.setdefault(
                        row,
                        (
                            "bad-text",
                            _("The text in column “%(column)s” is not in %(encoding)s.")
                            % {"column": name, "encoding": self._guess.label},
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
        if "wkt" in self._place:
            for index, text in enumerate(cells[self._place["wkt"]]):
                if not text:
                    continue
                try:
                    batch.shapes[index] = shapely.force_2d(shapely.from_wkt(text))
                except shapely.errors.GEOSException as error:
                    batch.faults.setdefault(
                        batch.rows[index],
                        ("bad-geometry", _("The WKT cannot be read: %(error)s") % {"error": short(error)}),
                    )
        elif self._place:
            x_name, y_name = self._place["x"], self._place["y"]
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
def _gdal(file: str, notes: list[tuple[str, str]]) -> Iterator[None]:
    """Turn what GDAL raises into one sentence, and what it warns of into notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
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


@contextmanager
def open_source(
    path: Path | str,
    *,
    layer: str | None = None,
    crs: str | None = None,
    told_encoding: str | None = None,
    sheet: str | None = None,
    mapping: dict[str, str] | None = None,
    needs_crs: bool = True,
) -> Iterator[Source]:
    """Open a file of any kind.

    Parameters
    ----------
    path : Path or str
    layer : str, optional
        Needed where a file has several layers.
    crs : str, optional
        Coordinate system, as EPSG code or WKT; goes before what the file says.
    told_encoding, sheet : str, optional
        Text encoding; sheet of an Excel file.
    mapping : dict, optional
        ``lon``, ``lat``, ``x``, ``y`` and ``wkt`` of it tell where a table keeps its places.
    needs_crs : bool
        Refuse coordinates without a system.

    Raises
    ------
    ImportFileError
        With one sentence on what is wrong and what to do.
    """
    path = Path(path)
    if not path.exists():
        raise ImportFileError(_("There is no file %(file)s.") % {"file": path})
    if path.is_dir():
        raise ImportFileError(_("%(file)s is a folder; name a file in it.") % {"file": path})
    if path.stat().st_size == 0:
        raise ImportFileError(_("%(file)s is empty.") % {"file": path.name})
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="import-")))
        name = path.name
        layer_given = layer
        suffix = path.suffix.lower()
        if suffix == ".zip":
            path, layer = archives.unzip(path, work, layer)
        elif suffix == ".gz":
            path = archives.gunzip(path, work)
        suffix = path.suffix.lower()
        if suffix == ".xls":
            raise ImportFileError(
                _("%(file)s is an old Excel file. Open it and save it as .xlsx.") % {"file": name}
            )
        if suffix in (".csv", ".txt", ".tsv"):
            source = _csv(path, name, told_encoding, mapping or {})
        elif suffix == ".xlsx":
            book = xlsx.open_xlsx(path, sheet or layer_given)
            source = Source(
                name, "XLSX", book.sheet, book.fields, None, None, book.rows, _path=path, _table=book
            )
            _find_place(source, mapping or {})
        elif suffix in (".shp", ".dbf", ".shx"):
            source = _shapefile(path, name, work, told_encoding)
        else:
            source = _vector(path, name, layer)
        source.file = name
        source.crs = systems.settle(
            source.crs, crs, source.notes, file=name, required=needs_crs and source.has_shapes
        )
        yield source


def _csv(path: Path, name: str, told_encoding: str | None, mapping: dict[str, str]) -> Source:
    table = tables.open_csv(path, told_encoding)
    source = Source(name, "CSV", None, table.fields, None, table.guess.label, None, _path=path, _table=table)
    _find_place(source, mapping)
    return source


def _find_place(source: Source, mapping: dict[str, str]) -> None:
    told = {role: column for role, column in mapping.items() if role in ("lon", "lat", "x", "y", "wkt")}
    found = columns.choose(
        source.fields, {role: role for role in ("wkt", "lon", "lat", "x", "y")}, told, file=source.file
    )
    if "wkt" in found:
        source._place = {"wkt": found["wkt"]}
    elif "lon" in found and "lat" in found:
        source._place = {"x": found["lon"], "y": found["lat"]}
        source.crs = pyproj.CRS.from_epsg(4326)
    elif "x" in found and "y" in found:
        source._place = {"x": found["x"], "y": found["y"]}
    source.has_shapes = bool(source._place)


def _shapefile(path: Path, name: str, work: Path, told_encoding: str | None) -> Source:
    shp = shapefile.sibling(path, ".shp")
    if shp is None:
        if path.suffix.lower() == ".dbf":
            shapefile.read_table(path)  # a broken table is the more useful thing to be told
        raise ImportFileError(
            _(
                "%(file)s has no .shp beside it, so there are no places. Give the .shp, .dbf and .prj together, best as one zip."
            )
            % {"file": name}
        )
    notes: list[tuple[str, str]] = []
    offsets = shapefile.record_offsets(shp)
    target = work / "shapefile"
    target.mkdir(exist_ok=True)
    for ending in _SHAPEFILE_PARTS:
        part = shapefile.sibling(shp, ending)
        if part is not None:
            shutil.copyfile(part, target / f"layer{ending}")
    index = shapefile.sibling(shp, ".shx")
    if index is None or index.stat().st_size != 100 + 8 * len(offsets):
        shapefile.write_index(target / "layer.shp", offsets)
        notes.append(("no-index", _("The index (.shx) is missing or wrong; it was made anew.")))
    guess, remark = shapefile.text_encoding(shp, told_encoding)
    if remark:
        notes.append(("encoding", remark))
    dbf = shapefile.sibling(shp, ".dbf")
    if dbf is None:
        notes.append(("no-table", _("There is no .dbf: places without any attributes.")))
    else:
        rows = shapefile.read_table(dbf).rows
        if rows != len(offsets):
            raise ImportFileError(
                _("%(file)s does not fit together: %(shapes)s places in the .shp, %(rows)s rows in the .dbf.")
                % {"file": name, "shapes": len(offsets), "rows": rows}
            )
    source = _vector(target / "layer.shp", name, None)
    source._guess = guess
    source.encoding = guess.label
    doubled = [str(one) for one in source.fields]
    source.fields = source._decode_names(doubled)
    for given, made in zip(doubled, source.fields, strict=True):
        if doubled.count(given) > 1 and made not in doubled:
            notes.append(
                (
                    "double-column",
                    _("Column “%(name)s” stands twice; the second is called “%(new)s”.")
                    % {"name": given, "new": made},
                )
            )
    source.layer, source.notes = None, notes + source.notes
    return source


def _vector(path: Path, name: str, layer: str | None) -> Source:
    notes: list[tuple[str, str]] = []
    with _gdal(name, notes):
        layers = [(str(found), kind) for found, kind in pyogrio.list_layers(path)]
    if not layers:
        raise ImportFileError(_("%(file)s holds no layers.") % {"file": name})
    names = [found for found, _kind in layers]
    if layer is None:
        spatial = [found for found, kind in layers if kind is not None]
        if len(spatial) > 1 and not _is_osm(path):
            raise ImportFileError(
                _("%(file)s has several layers; choose one with --layer: %(layers)s.")
                % {"file": name, "layers": ", ".join(spatial)}
            )
        layer = (spatial or names)[0]
    elif layer not in names:
        raise ImportFileError(
            _("%(file)s has no layer “%(layer)s”. Its layers: %(layers)s.")
            % {"file": name, "layer": layer, "layers": ", ".join(names)}
        )
    with _gdal(name, notes):
        if _is_osm(path):
            info = pyogrio.read_info(path, layer=layer, CONFIG_FILE=str(OSM_CONFIG))
        else:
            # Latin-1 keeps every byte, so that the real encoding can be applied afterwards
            info = pyogrio.read_info(
                path, layer=layer, encoding="ISO-8859-1" if path.suffix == ".shp" else None
            )
    kind = str(info["geometry_type"])
    if any(word in kind for word in _CURVED) or _gpkg_has_curves(path, layer):
        notes.append(
            ("curves", _("The layer holds curves; they were turned into short straight lines (4° each)."))
        )
    if " Z" in kind or "3D" in kind or "2.5D" in kind:
        notes.append(("dropped-z", _("The layer holds heights (Z); they were dropped.")))
    if re.search(r"\bZ?M\b|Measured", kind):
        notes.append(("dropped-m", _("The file holds measures (M); they were dropped.")))
    crs = systems.parse(info["crs"], name)
    total = int(info["features"])
    return Source(
        name,
        str(info["driver"]),
        layer,
        [str(one) for one in info["fields"]],
        crs,
        None if info["driver"] == "OSM" else str(info["encoding"]),
        total if total >= 0 else None,
        notes,
        has_shapes=info["geometry_type"] is not None,
        _path=path,
    )


def _is_osm(path: Path) -> bool:
    return path.suffix.lower() in (".osm", ".pbf")


def _gpkg_has_curves(path: Path, layer: str) -> bool:
    """A layer of mixed types says nothing of curves, but the GeoPackage lists them among its extensions."""
    if path.suffix.lower() != ".gpkg":
        return False
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            found = base.execute(
                "SELECT count(*) FROM gpkg_extensions WHERE table_name = ? AND (extension_name LIKE 'gpkg_geom_%CURVE%'"
                " OR extension_name LIKE 'gpkg_geom_%SURFACE%' OR extension_name LIKE 'gpkg_geom_CIRCULAR%')",
                (layer,),
            ).fetchone()
    except sqlite3.Error:
        return False
    return bool(found[0])
