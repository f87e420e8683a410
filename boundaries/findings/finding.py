"""One finding, and the shapes that findings are made from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from boundaries.locating import metres_per_degree
from boundaries.models import Community, Outline, Plan

ERROR: Final = "error"
WARNING: Final = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to put right (`error`) or to know (`warning`), and where.

    `lon`, `lat` are degrees (EPSG:4326), None where there is no one place; `grid` and `community` are codes.
    """

    level: str
    code: str
    message: str
    community: str = ""
    grid: str = ""
    grid_id: int | None = None
    lon: float | None = None
    lat: float | None = None
    building: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For the page's map and the API."""
        place = None if self.lon is None or self.lat is None else [round(self.lon, 6), round(self.lat, 6)]
        return {
            "level": self.level, "code": self.code, "message": self.message, "community": self.community,
            "grid": self.grid, "grid_id": self.grid_id, "place": place, "building": self.building,
        }  # fmt: skip


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Errors before warnings, then by community, grid and kind."""
    return sorted(found, key=lambda each: (each.level != ERROR, each.community, each.grid, each.code))


def outlines_of(plan: Plan, communities: Sequence[Community]) -> dict[int, list[Outline]]:
    """The plan's outlines of each community, by code: one query."""
    found: dict[int, list[Outline]] = {community.pk: [] for community in communities}
    for outline in Outline.objects.filter(plan=plan, community__in=found).order_by("code"):
        found[outline.community_id].append(outline)
    return found


def shape(geometry: Any) -> Any:
    """A geometry of the database as Shapely's."""
    return shapely.from_wkb(bytes(geometry.wkb))


def scales(community: Community) -> tuple[Any, Any]:
    """Functions that take coordinates from degrees to metres and back, around the community's middle."""
    metres = np.array(metres_per_degree(community.outline.centroid.y))
    return (lambda xy: xy * metres), (lambda xy: xy / metres)


def largest(ground: Any) -> Any:
    """The largest part of a geometry."""
    return max(shapely.get_parts(ground), key=lambda part: (part.area, part.length))


def place(ground: Any) -> dict[str, Any]:
    """A place in the ground, as `lon` and `lat`."""
    point = shapely.point_on_surface(ground)
    return {"lon": float(point.x), "lat": float(point.y)}
