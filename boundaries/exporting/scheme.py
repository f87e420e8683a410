"""What is exported: the grids of a plan or of what is in force, and what every file says about itself."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

DATUM: Final = "WGS 84 (EPSG:4326), longitude then latitude in degrees"


class ExportError(ValueError):
    """The file cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ExportedGrid:
    """One grid as it is written. `community` is its community's code; `ground` is Polygon or MultiPolygon, EPSG:4326."""

    code: str
    name: str
    name_en: str
    kind: str
    community: str
    community_name: str
    ground: BaseGeometry


@dataclass(frozen=True, slots=True)
class Scheme:
    """Grids with what a file of them says about itself.

    `state` is for people («in force since 2019-08-27», «draft, not in force»); `at` is the instant of which the file
    tells, `made_at` when it was made; both with their time zone.
    """

    name: str
    subdistrict: str
    subdistrict_code: str
    state: str
    at: datetime
    made_at: datetime
    is_synthetic: bool
    grids: Sequence[ExportedGrid]

    def facts(self) -> dict[str, str]:
        """What every file says of itself; keys and values in English or as people named things, so that programs can rely
        on them."""
        said = {
            "plan": self.name,
            "subdistrict": f"{self.subdistrict} ({self.subdistrict_code})",
            "state": self.state,
            "as_of": self.at.isoformat(timespec="seconds"),
            "exported_at": self.made_at.isoformat(timespec="seconds"),
            "datum": DATUM,
            "grids": str(len(self.grids)),
        }
        if self.is_synthetic:
            said["data"] = "synthetic data: every person, telephone and household is invented"
        return said

    def grounds(self) -> NDArray[np.object_]:
        """The grounds as normalised MultiPolygons, rings as RFC 7946 wants them: counter-clockwise outside."""
        if not self.grids:
            return np.array([], dtype=object)
        given = np.array([each.ground for each in self.grids], dtype=object)
        single = shapely.get_type_id(given) == shapely.GeometryType.POLYGON
        given[single] = [shapely.MultiPolygon([each]) for each in given[single]]
        made: NDArray[np.object_] = np.asarray(shapely.orient_polygons(shapely.normalize(given)), object)
        return made


def file_stem(name: str) -> str:
    """A name that every file system takes, Chinese as it is, at most 80 characters.

    >>> file_stem("多网合一 / 初始方案: v1?")
    '多网合一-初始方案-v1'
    """
    text = unicodedata.normalize("NFC", name)
    text = "".join(" " if unicodedata.category(each)[0] == "C" else each for each in text)
    return re.sub(r'[\s<>:"/\\|?*\-]+', "-", text).strip("-. ")[:80].rstrip("-. ") or "plan"
