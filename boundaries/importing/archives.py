"""Packed files: a zip with one or several files in it, or a single one behind gzip."""

import gzip
import re
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from django.utils.translation import gettext as _

from boundaries.importing import encoding
from boundaries.importing.report import ImportFileError

UNPACKED_LIMIT: Final = 8 << 30
"""Bytes that all files of an archive may have together; half of the free disk where that is less."""
_PIECE: Final = 1 << 20
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


@dataclass(slots=True)
class _Room:
    """How much may still be unpacked, whatever the archive says of itself."""

    file: str
    left: int

    @classmethod
    def of(cls, path: Path, work: Path) -> "_Room":
        return cls(path.name, min(UNPACKED_LIMIT, shutil.disk_usage(work).free // 2))

    def need(self, size: int) -> None:
        """Refuse what will not fit.

        Raises
        ------
        ImportFileError
            It is more than is left.
        """
        if size > self.left:
            raise ImportFileError(
                _(
                    "%(file)s unpacks to more than there is room for (at most 8 GiB, and half of the free disk). Split it, or "
                    "ask your administrator for room."
                )
                % {"file": self.file}
            )

    def copy(self, packed: IO[bytes] | gzip.GzipFile, target: Path) -> None:
        """Unpack one file, counting; what was written of one that is too large is removed at once."""
        with target.open("wb") as out:
            try:
                while piece := packed.read(_PIECE):
                    self.need(len(piece))
                    self.left -= len(piece)
                    out.write(piece)
            except ImportFileError:
                target.unlink()
                raise


def gunzip(path: Path, work: Path) -> Path:
    target = work / path.stem
    room = _Room.of(path, work)
    try:
        with gzip.open(path, "rb") as packed:
            room.copy(packed, target)
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
            room = _Room.of(path, work)
            room.need(sum(one.file_size for one in members))
            for one in members:
                # the name alone: a path in the archive must not lead out of the folder
                with archive.open(one) as packed:
                    room.copy(packed, work / _member_name(one))
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
