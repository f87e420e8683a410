"""What GDAL may open: a handful of formats, and nothing but the file it is given.

GDAL chooses the format by what a file holds, not by its name. Among its formats are some whose files only say what else
to read (OGR_VRT, GDALG, WFS, HTTP): an upload would make the server hand out its own files, or call addresses inside the
network. So all but `DRIVERS` are taken out as pyogrio is loaded, before it opens anything; the system's own GDAL is
another library and not touched. The package loads this module before any that reads.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.exceptions import ImproperlyConfigured

DRIVERS: Final = frozenset(
    {"ESRI Shapefile", "FlatGeobuf", "GML", "GPKG", "GeoJSON", "GeoJSONSeq", "KML", "LIBKML", "MEM", "OSM"}
)
"""MEM reads no file; GDAL keeps intermediate results in it."""
# All others of pyogrio's own GDAL. One that a newer version brings along is found by `check` and belongs here.
_OTHERS: Final = (
    "ADBC", "AIVector", "AVCBin", "AVCE00", "AmigoCloud", "CSV", "CSW", "Carto", "DGN", "DXF", "EDIGEO", "EEDA", "ESRIJSON",
    "Elasticsearch", "GDALG", "GPSBabel", "GPX", "GTFS", "GeoRSS", "HTTP", "Idrisi", "JML", "JSONFG", "LVBAG", "MBTiles",
    "MVT", "MapInfo File", "MapML", "MiraMonVector", "NGW", "OAPIF", "ODS", "OGCAPI", "OGR_GMT", "OGR_PDS", "OGR_VRT",
    "OpenFileGDB", "PCIDSK", "PDF", "PDS4", "PGDUMP", "PLSCENES", "PMTiles", "S57", "SQLite", "SXF", "Selafin", "TopoJSON",
    "VDV", "VFK", "VICAR", "WAsP", "WFS", "XLSX",
)  # fmt: skip
_CONFIG: Final = {
    # No name ends so: /vsicurl/ and its kin open nothing.
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "GDAL_HTTP_MAX_RETRY": "0",
    # Whatever else would call an address (a GeoJSON with a link for its crs) calls a port where nobody listens.
    "GDAL_HTTP_PROXY": "http://127.0.0.1:9",
    "GDAL_HTTPS_PROXY": "http://127.0.0.1:9",
    # GML: no schemas from elsewhere, no links to other files.
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "LIBKML_RESOLVE_STYLE": "NO",
    # GeoPackage: no SQL that opens other files, no extensions named by the file.
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "OGR_SQLITE_LOAD_EXTENSIONS": "",
}


def _load() -> None:
    if "pyogrio" in sys.modules:
        return  # `check` says whether it was loaded as it must be
    before = os.environ.get("OGR_SKIP")
    os.environ["OGR_SKIP"] = ",".join(_OTHERS)
    try:
        __import__("pyogrio")
    finally:
        if before is None:
            del os.environ["OGR_SKIP"]
        else:
            os.environ["OGR_SKIP"] = before


_load()

import pyogrio  # noqa: E402  (only now: the formats are chosen as it is loaded)

pyogrio.set_gdal_config_options(_CONFIG)


def check() -> None:
    """Refuse to go on where GDAL could open more than `DRIVERS`.

    Raises
    ------
    ImproperlyConfigured
        pyogrio was loaded before this module, or its GDAL knows formats that are not listed here.
    """
    more = set(pyogrio.list_drivers()) - DRIVERS
    if more:
        raise ImproperlyConfigured(
            f"GDAL could open {', '.join(sorted(more))} as well, which may read other files. "
            "Import boundaries.importing before pyogrio, and list new formats in boundaries/importing/drivers.py."
        )


check()


class _Exceptions:
    """The exceptions in ``no_proxy``, put aside while any thread reads: the environment is one for all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: str | None = None

    def put_aside(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = os.environ.get("no_proxy")
                if self._before is not None or "NO_PROXY" in os.environ:
                    os.environ["no_proxy"] = "none.invalid"
            self._inside += 1

    def put_back(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside:
                return
            if self._before is not None:
                os.environ["no_proxy"] = self._before
            else:
                os.environ.pop("no_proxy", None)


_exceptions: Final = _Exceptions()


@contextmanager
def no_way_out() -> Iterator[None]:
    """While GDAL reads, no address is exempt from the proxy that does not exist."""
    _exceptions.put_aside()
    try:
        yield
    finally:
        _exceptions.put_back()
