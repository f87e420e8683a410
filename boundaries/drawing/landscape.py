"""Streets, water, open land, compounds and buildings of a stretch of ground, as columns of shapes in EPSG:4326."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection

Shapes = npt.NDArray[np.object_]

_BOX: Final = "ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)"
# kind, name, name in English, a number (width of a street), shape. Widest streets last, so that they lie on top.
_ROWS: Final = {
    "land": f"SELECT kind, name, name_en, 0, ST_AsBinary(area) FROM boundaries_land WHERE area && {_BOX} ORDER BY id",
    "water": f"SELECT kind, name, name_en, 0, ST_AsBinary(area) FROM boundaries_water WHERE area && {_BOX} ORDER BY id",
    "compounds": f"""SELECT kind, name, name_en, 0, ST_AsBinary(outline) FROM boundaries_compound
                     WHERE outline && {_BOX} ORDER BY ST_Area(outline) DESC, id""",
    "streets": f"""SELECT rank, name, name_en, width_m, ST_AsBinary(line) FROM boundaries_street
                   WHERE line && {_BOX} ORDER BY width_m, id""",
    "buildings": f"""SELECT use, number, number, 0, ST_AsBinary(footprint) FROM boundaries_building
                     WHERE footprint && {_BOX} AND existed @> %(at)s ORDER BY id""",
    "communities": f"""SELECT '', name, name_en, 0, ST_AsBinary(ST_Boundary(outline)) FROM boundaries_community
                       WHERE outline && {_BOX} ORDER BY id""",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """Things of one sort: columns of one length."""

    kinds: list[str]
    names: list[tuple[str, str]]
    numbers: list[float]
    shapes: Shapes

    def within(self, west: float, south: float, east: float, north: float) -> "Layer":
        """Those that meet a box in degrees, whole."""
        found = np.sort(shapely.STRtree(self.shapes).query(shapely.box(west, south, east, north)))
        return Layer(
            [self.kinds[at] for at in found],
            [self.names[at] for at in found],
            [self.numbers[at] for at in found],
            self.shapes[found],
        )


@dataclass(frozen=True, slots=True)
class Landscape:
    """What is drawn under the grids. `communities` are their rims as lines."""

    land: Layer
    water: Layer
    compounds: Layer
    streets: Layer
    buildings: Layer
    communities: Layer


def landscape(box: Sequence[float], at: datetime) -> Landscape:
    """Everything that meets a box (west, south, east, north, in degrees); buildings that stand at `at`. Six queries."""
    west, south, east, north = (float(value) for value in box)
    values: dict[str, Any] = {"west": west, "south": south, "east": east, "north": north, "at": at}
    layers = {}
    with connection.cursor() as cursor:
        for name, statement in _ROWS.items():
            cursor.execute(statement, values)
            rows = cursor.fetchall()
            layers[name] = Layer(
                [row[0] for row in rows],
                [(row[1], row[2]) for row in rows],
                [float(row[3]) for row in rows],
                np.asarray(shapely.from_wkb([bytes(row[4]) for row in rows]), dtype=object),
            )
    return Landscape(**layers)
