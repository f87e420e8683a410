"""Packed files: a zip with one or several files in it, or a single one behind gzip."""

import gzip
import re
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from boundaries.importing import encoding
from boundaries.importing.report import ImportFileError

UNPACKED_LIMIT: Final = 8 << 30
_READABLE: Final = (
    ".gpkg",
    ".geojson",
    ".json",
    ".geojsonl",
    ".fgb",
    ".shp",
    ".gml",
    ".kml",
    ".csv",
    ".xlsx",
    ".osm",
    ".pbf",
)


def short(error: Exception, file: str | None = None) -> str:
    """An error of GEOS or GDAL without its class name, our temporary folder and its tail of advice."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    text = re.sub(r"^\w*Exception:\s*", "", text)
    text = re.sub(r"; It might help to specify.*$", "", text)
    text = re.sub(r"'?(?:/[^\s/']+)+/([^\s/']+)'?", lambda found: file or found[1], text)
    return text.rstrip(".")[:300]


def gunzip(path: Path, work: Path) -> Path:
    target = work / path.stem
    try:
        with gzip.open(path, "rb") as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
    except (OSError, EOFError, zlib.error) as error:
        raise ImportFileError(
            _("%(file)s cannot be unpacked: %(reason)s. Fetch the file again.")
            % {"file": path.name, "reason": short(error)}
        ) from None
    return target


def unzip(path: Path, work: Path, layer: str | None) -> tuple[Path, str | None]:
    """Unpack a zip and choose the file in it; ``layer`` may name one of several."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                one for one in archive.infolist() if not one.is_dir() and "__MACOSX" not in one.filename
            ]
            if sum(one.file_size for one in members) > UNPACKED_LIMIT:
                raise ImportFileError(_("%(file)s unpacks to more than 8 GiB.") % {"file": path.name})
            for one in members:
                # the name alone: a path in the archive must not lead out of the folder
                with archive.open(one) as packed, (work / _member_name(one)).open("wb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ImportFileError(
            _("%(file)s cannot be unpacked: %(reason)s. Pack it again, without a password.")
            % {"file": path.name, "reason": short(error)}
        ) from None
    found = sorted(one for one in work.iterdir() if one.is_file() and one.suffix.lower() in _READABLE)
    if not found:
        raise ImportFileError(
            _(
                "%(file)s holds no file that can be imported (GeoPackage, GeoJSON, Shapefile, CSV, Excel or OpenStreetMap)."
            )
            % {"file": path.name}
        )
    named = [one for one in found if layer in (one.stem, one.name)]
    if named:
        return named[0], None
    if len(found) > 1:
        raise ImportFileError(
            _("%(file)s holds several files; choose one with --layer: %(layers)s.")
            % {"file": path.name, "layers": ", ".join(one.name for one in found)}
        )
    return found[0], layer


def _member_name(member: zipfile.ZipInfo) -> str:
    """File name in an archive; Windows in China writes it in GBK without saying so."""
    name = member.filename
    if not member.flag_bits & 0x800 and not name.isascii():
        try:
            raw = name.encode("cp437")
            name = raw.decode(encoding.detect([raw]).name, "replace")
        except UnicodeEncodeError:
            pass
    return Path(name.replace("\\", "/")).name or "file"
