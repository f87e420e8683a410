"""A scheme of grids as a file: GeoPackage, GeoJSON, Shapefile; and tables. It knows grids and buildings, nobody else.

What is written is the record itself: EPSG:4326, longitude first, every digit of the fixed grid of 1e-8 degree, names and
codes as texts in full. `import_areas --level grid` reads each of the three back to an equal coverage.
"""

from boundaries.exporting.documents import geojson
from boundaries.exporting.files import geopackage, shapefile
from boundaries.exporting.scheme import DATUM, ExportedGrid, ExportError, Scheme, file_stem
from boundaries.exporting.tables import csv_lines

__all__ = [
    "DATUM",
    "ExportError",
    "ExportedGrid",
    "Scheme",
    "csv_lines",
    "file_stem",
    "geojson",
    "geopackage",
    "shapefile",
]
