"""One way into every file: GeoPackage, GeoJSON, Shapefile, OpenStreetMap, CSV, Excel and what else GDAL reads.

A file becomes a `reading.Source`: its columns, its coordinate system, its rows in batches. Whatever is wrong with the
file as a whole ends in an `ImportFileError` with one clear sentence.
"""

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import pyogrio
import pyproj
from django.utils.translation import gettext as _

from boundaries.importing import archives, columns, shapefile, systems, tables, xlsx
from boundaries.importing.reading import OSM_CONFIG, Source, gdal_errors
from boundaries.importing.report import ImportFileError

_SHAPEFILE_PARTS: Final = (".shp", ".dbf", ".shx", ".prj", ".cpg")
_CURVED: Final = ("Curve", "Surface", "Circular", "Compound")


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
                name, "XLSX", book.sheet, book.fields, None, None, book.rows, path=path, table=book
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
    source = Source(name, "CSV", None, table.fields, None, table.guess.label, None, path=path, table=table)
    _find_place(source, mapping)
    return source


def _find_place(source: Source, mapping: dict[str, str]) -> None:
    told = {role: column for role, column in mapping.items() if role in ("lon", "lat", "x", "y", "wkt")}
    found = columns.choose(
        source.fields, {role: role for role in ("wkt", "lon", "lat", "x", "y")}, told, file=source.file
    )
    if "wkt" in found:
        source.place = {"wkt": found["wkt"]}
    elif "lon" in found and "lat" in found:
        source.place = {"x": found["lon"], "y": found["lat"]}
        source.crs = pyproj.CRS.from_epsg(4326)
    elif "x" in found and "y" in found:
        source.place = {"x": found["x"], "y": found["y"]}
    source.has_shapes = bool(source.place)


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
    source.guess = guess
    source.encoding = guess.label
    doubled = [str(one) for one in source.fields]
    source.fields = source.decode_names(doubled)
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
    with gdal_errors(name, notes):
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
    with gdal_errors(name, notes):
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
        path=path,
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
