"""A command as it was sent, read and checked before anything is locked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries.actions.around import compound_ground
from boundaries.actions.commands import COMMANDS, MOST_SNAP_M
from boundaries.actions.draft_errors import DraftError

MOST_GRIDS: Final = 1000
MOST_BUILDINGS: Final = 5000
MOST_CORNERS: Final = 20_000
_KINDS: Final = {
    "line": ("LineString", "MultiLineString"),
    "area": ("Polygon", "MultiPolygon"),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A command with its geometries in Shapely; `parameters` is what was sent, for the revision."""

    command: str
    parameters: dict[str, Any]
    values: dict[str, Any]
    grids: list[int]
    shape: BaseGeometry | None = None
    snap_m: float = 0.0
    buildings: Sequence[int] = field(default_factory=list)
    community: int | None = None

    @property
    def moves_ground(self) -> bool:
        """Whether outlines change, and not only names."""
        return not COMMANDS[self.command].attributes


def read(command: Mapping[str, Any]) -> Sent:
    """Read a command.

    Raises
    ------
    DraftError
        ``command``, ``parameters``, ``geometry``: it is not as docs/contracts.md says.
    """
    name = command.get("command")
    kind = COMMANDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise DraftError("command", _("There is no such command: %(command)s.") % {"command": name})
    assert isinstance(name, str)
    values = {key: value for key, value in command.items() if key != "command" and value is not None}
    # As the revision will hold it, so that an edit sent again is known by it.
    parameters = json.loads(json.dumps(values))
    community = None
    if name == "carve" and "area" not in values and "compound" in values:
        community, values["area"] = compound_ground(int(values["compound"]))
    shape = None
    if kind.drawn:
        shape = values.get(kind.drawn)
        if not isinstance(shape, BaseGeometry):
            shape = _shape(shape, _KINDS[kind.drawn])
        values[kind.drawn] = shape
    snap_m = float(values.get("snap_m", 0.0))
    if not 0.0 <= snap_m <= MOST_SNAP_M:
        raise DraftError(
            "parameters", _("Lines snap within 0 to %(most)s metres.") % {"most": f"{MOST_SNAP_M:g}"}
        )
    try:
        grids = kind.grids(values)
        buildings = list(dict.fromkeys(values["buildings"])) if name == "move_buildings" else []
        if name == "move_buildings" and not buildings:
            raise DraftError("parameters", _("Choose at least one building."))
    except (KeyError, TypeError):
        raise DraftError("parameters", _("The command lacks a parameter; see /api/v1/docs.")) from None
    if len(grids) > MOST_GRIDS or len(buildings) > MOST_BUILDINGS:
        raise DraftError("parameters", _("Too much at once. Send it in parts."))
    return Sent(name, parameters, values, grids, shape, snap_m, buildings, community)


def _shape(drawn: Any, kinds: tuple[str, ...]) -> BaseGeometry:
    """A drawn line or area from GeoJSON: two dimensions, finite, on earth."""
    wrong = DraftError(
        "geometry", _("The drawing must be GeoJSON in degrees: %(kinds)s.") % {"kinds": ", ".join(kinds)}
    )
    if not isinstance(drawn, Mapping) or drawn.get("type") not in kinds:
        raise wrong
    try:
        shape = shapely.from_geojson(json.dumps({"type": drawn["type"], "coordinates": drawn["coordinates"]}))
    except (KeyError, ValueError, TypeError, shapely.errors.GEOSException):
        raise wrong from None
    shape = shapely.force_2d(shape)
    corners = shapely.get_coordinates(shape)
    if len(corners) > MOST_CORNERS:
        raise DraftError("geometry", _("The drawing has too many corners. Simplify it first."))
    if not len(corners) or not np.isfinite(corners).all() or (abs(corners) > [180.0, 90.0]).any():
        raise wrong
    return shape
