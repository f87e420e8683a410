"""Files for the import tests: those of ../shared/data where they are, and files with defects made here."""

import json
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import shapely

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the reference files of ../shared/data are not here"
)


def geojson(path: Path, features: Sequence[tuple[Any, dict[str, Any]]], crs: str | None = None) -> Path:
    """A GeoJSON file of shapes (or raw geometry objects, or None) with properties."""
    found = []
    for shape, properties in features:
        geometry = shape
        if isinstance(shape, shapely.Geometry):
            geometry = json.loads(shapely.to_geojson(shape))
        found.append({"type": "Feature", "properties": properties, "geometry": geometry})
    whole: dict[str, Any] = {"type": "FeatureCollection", "features": found}
    if crs:
        whole["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def dbf(names: Sequence[bytes], rows: Sequence[Sequence[bytes]], width: int = 20, language: int = 0) -> bytes:
    """A dBase table of text columns, bytes as given."""
    header_size, row_size = 32 + 32 * len(names) + 1, 1 + width * len(names)
    head = struct.pack("<BBBBIHH16xBBH", 3, 119, 1, 1, len(rows), header_size, row_size, 0, language, 0)
    fields = b"".join(
        name.ljust(11, b"\0")[:11] + b"C" + b"\0" * 4 + bytes([width, 0]) + b"\0" * 14 for name in names
    )
    body = b"".join(b" " + b"".join(value[:width].ljust(width) for value in row) for row in rows)
    return head + fields + b"\r" + body + b"\x1a"


def shp(boxes: Sequence[tuple[float, float, float, float]]) -> bytes:
    """A .shp of rectangles (west, south, east, north)."""
    records = b""
    for number, (west, south, east, north) in enumerate(boxes, start=1):
        ring = [(west, south), (west, north), (east, north), (east, south), (west, south)]
        content = struct.pack("<i4d2ii", 5, west, south, east, north, 1, 5, 0)
        content += b"".join(struct.pack("<2d", *corner) for corner in ring)
        records += struct.pack(">ii", number, len(content) // 2) + content
    bounds = (
        *(min(box[i] for box in boxes) for i in (0, 1)),
        *(max(box[i] for box in boxes) for i in (2, 3)),
    )
    head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(records)) // 2)
    return head + struct.pack("<ii8d", 1000, 5, *bounds, 0, 0, 0, 0) + records


def shapefile_zip(path: Path, parts: dict[str, bytes], stem: str = "layer") -> Path:
    """A zip of files by their endings."""
    with zipfile.ZipFile(path, "w") as archive:
        for ending, content in parts.items():
            archive.writestr(f"{stem}.{ending}", content)
    return path


WGS84_PRJ = (
    b'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    b'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)
