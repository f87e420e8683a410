"""GeoPackage and Shapefile by pyogrio, which may write only the formats that `boundaries.importing.drivers` left in."""

import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio.raw
import shapely

from boundaries.exporting.scheme import DATUM, Scheme, file_stem

LAYER: Final = "grids"
TEXT_BYTES: Final = 254
"""What a cell of a dBase table holds."""
_ENDINGS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def geopackage(scheme: Scheme, path: Path) -> None:
    """Write a GeoPackage with one layer, `grids`; its metadata says what it is."""
    facts = scheme.facts()
    _write(
        scheme,
        path,
        "GPKG",
        _columns(scheme),
        layer_metadata=facts,
        layer_options={
            "GEOMETRY_NAME": "geom",
            "FID": "fid",
            "IDENTIFIER": scheme.name,
            "DESCRIPTION": _sentence(facts),
        },
    )


def shapefile(scheme: Scheme, path: Path) -> None:
    """Write a zip with a Shapefile in UTF-8, its .prj, .cpg and .shp.xml (what it is).

    A text that a cell does not hold goes on in further columns, `name_p2` and so on, which the import reads; nothing
    is cut off.
    """
    facts, stem = scheme.facts(), file_stem(scheme.name)
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        # a plain name for GDAL; people see theirs
        shp = Path(folder) / "layer.shp"
        columns: dict[str, list[str]] = {}
        for name, texts in _columns(scheme).items():
            columns |= _pieces(name, texts)
        _write(scheme, shp, "ESRI Shapefile", columns)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for ending in _ENDINGS:
                archive.write(shp.with_suffix(ending), f"{stem}{ending}")
            archive.writestr(f"{stem}.shp.xml", _described(scheme.name, facts))


def _columns(scheme: Scheme) -> dict[str, list[str]]:
    """Names of at most ten letters, the same in every format."""
    grids = scheme.grids
    return {
        "code": [each.code for each in grids],
        "name": [each.name for each in grids],
        "name_en": [each.name_en for each in grids],
        "kind": [each.kind for each in grids],
        "community": [each.community for each in grids],
        "comm_name": [each.community_name for each in grids],
    }


def _write(scheme: Scheme, path: Path, driver: str, columns: Mapping[str, list[str]], **options: Any) -> None:
    texts = [np.array(column, dtype=object) for column in columns.values()]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(scheme.grounds()),
        texts,
        np.array(list(columns), dtype=object),
        layer=LAYER if driver == "GPKG" else None,
        driver=driver,
        geometry_type="MultiPolygon",
        crs="EPSG:4326",
        encoding="UTF-8",
        **options,
    )


def _pieces(name: str, texts: Sequence[str]) -> dict[str, list[str]]:
    """A column, and as many after it as its longest text takes."""
    split = [_cut(text) for text in texts]
    most = max((len(each) for each in split), default=1)
    columns = [name, *(f"{name[:7]}_p{number}" for number in range(2, most + 1))]
    return {
        column: [each[place] if place < len(each) else "" for each in split]
        for place, column in enumerate(columns)
    }


def _cut(text: str) -> list[str]:
    """Pieces of at most 254 bytes. None begins or ends with a blank, which a dBase table does not keep."""
    found = []
    while len(text.encode()) > TEXT_BYTES:
        end = len(text.encode()[:TEXT_BYTES].decode(errors="ignore"))
        while end > 1 and (text[end - 1].isspace() or text[end].isspace()):
            end -= 1
        found.append(text[:end])
        text = text[end:]
    return [*found, text]


def _sentence(facts: Mapping[str, str]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in facts.items())


def _described(name: str, facts: Mapping[str, str]) -> bytes:
    """What a Shapefile is, in the shape that desktop programs look for beside it (FGDC's content standard)."""
    root = ElementTree.Element("metadata")
    about = ElementTree.SubElement(root, "idinfo")
    cited = ElementTree.SubElement(ElementTree.SubElement(about, "citation"), "citeinfo")
    ElementTree.SubElement(cited, "title").text = name
    ElementTree.SubElement(cited, "pubdate").text = facts["exported_at"][:10].replace("-", "")
    ElementTree.SubElement(ElementTree.SubElement(about, "descript"), "abstract").text = _sentence(facts)
    place = ElementTree.SubElement(ElementTree.SubElement(root, "spref"), "horizsys")
    ElementTree.SubElement(ElementTree.SubElement(place, "geodetic"), "horizdn").text = DATUM
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
