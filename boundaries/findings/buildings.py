"""Every building in exactly one grid."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import shapely
from django.db import connection
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from boundaries.by_hand import set_by_hand
from boundaries.findings.finding import ERROR, WARNING, Finding, shape
from boundaries.models import Building, Community, Outline


@dataclass(frozen=True, slots=True, eq=False)
class BuildingGrids:
    """In which grid of a plan each building would lie; columns of equal length, ordered by building.

    `grid` is 0 where no outline holds the point; `on_border` marks points in two outlines (the lowest code has
    them); `by_hand` is the grid set by hand that lives on in the plan, else 0.
    """

    building: NDArray[np.int64]
    community: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    grid: NDArray[np.int64]
    on_border: NDArray[np.bool_]
    by_hand: NDArray[np.int64]

    def settled(self, released: Collection[int] = ()) -> NDArray[np.int64]:
        """The grid of each building as publishing would store it, `released` buildings following their ground."""
        kept = self.by_hand > 0
        if released:
            kept &= ~np.isin(self.building, list(released))
        return np.where(kept, self.by_hand, self.grid)


_STANDING: Final = f"""
WITH chosen AS (
  SELECT b.id, b.community_id, b.point FROM boundaries_building b
  WHERE b.community_id = ANY(%(communities)s) AND b.existed @> %(at)s
  UNION ALL
  SELECT b.id, c.id, b.point FROM boundaries_building b
  CROSS JOIN LATERAL (SELECT c.id FROM boundaries_community c
                      WHERE ST_Intersects(c.outline, b.point) ORDER BY c.code LIMIT 1) c
  WHERE b.community_id IS NULL AND b.existed @> %(at)s AND c.id = ANY(%(communities)s)
)
SELECT b.id, b.community_id, ST_X(b.point), ST_Y(b.point), coalesce(h.grid_id, 0)
FROM chosen b
LEFT JOIN LATERAL (SELECT p.grid_id FROM boundaries_placement p
                   WHERE p.building_id = b.id AND {set_by_hand("p", "%(at)s")}) h ON true
ORDER BY b.id
"""


def building_grids(outlines: dict[int, list[Outline]], at: datetime) -> BuildingGrids:
    """In which grid each building of these communities would lie: one query, then points in polygons.

    Parameters
    ----------
    outlines : dict of int to list of Outline
        By community, as `outlines_of` gives them: in the order of their codes.
    at : datetime
        Buildings that stand at this time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"communities": list(outlines), "at": at})
        rows = np.array(cursor.fetchall(), dtype=np.float64).reshape(-1, 5)
    building, community, by_hand = (rows[:, column].astype(np.int64) for column in (0, 1, 4))
    grid = np.zeros(len(rows), dtype=np.int64)
    on_border = np.zeros(len(rows), dtype=np.bool_)
    points = shapely.points(rows[:, 2:4])
    for pk, listed in outlines.items():
        here = np.flatnonzero(community == pk)
        if not listed or not len(here):
            continue
        shapes = [shape(outline.polygon) for outline in listed]
        which, inside = shapely.STRtree(points[here]).query(shapes, predicate="intersects")
        # Of several outlines that hold a point the one with the lowest code has it: it is written last.
        order = np.argsort(-which, kind="stable")
        ids = np.array([outline.grid_id for outline in listed], dtype=np.int64)
        grid[here[inside[order]]] = ids[which[order]]
        on_border[here] = np.bincount(inside, minlength=len(here)) > 1
    alive = np.array([each.grid_id for listed in outlines.values() for each in listed], dtype=np.int64)
    by_hand = np.where(np.isin(by_hand, alive), by_hand, 0)
    return BuildingGrids(building, community, rows[:, 2], rows[:, 3], grid, on_border, by_hand)


def buildings(
    placed: BuildingGrids,
    communities: Sequence[Community],
    outlines: dict[int, list[Outline]],
    settled: Collection[int],
    confirmed: Collection[int],
    released: Collection[int],
) -> list[Finding]:
    """Buildings in no grid, on a border, or set by hand to another grid than their ground."""
    by_hand = (placed.settled(released) == placed.by_hand) & (placed.by_hand != placed.grid)
    odd = np.flatnonzero((placed.grid == 0) | placed.on_border | by_hand)
    if not len(odd):
        return []
    named = {
        building.pk: str(building)
        for building in Building.objects.filter(pk__in=placed.building[odd].tolist())
        .select_related("compound", "street")
        .defer("compound__outline", "street__line", "footprint")
    }
    codes = {outline.grid_id: outline.code for listed in outlines.values() for outline in listed}
    areas = {community.pk: community.code for community in communities}
    found = []
    for row in odd.tolist():
        pk, ground, hand = (
            int(placed.building[row]),
            int(placed.grid[row]),
            int(placed.by_hand[row]),
        )
        where: dict[str, Any] = {
            "community": areas[int(placed.community[row])],
            "lon": float(placed.lon[row]),
            "lat": float(placed.lat[row]),
            "building": pk,
        }
        words = {
            "building": named.get(pk, f"#{pk}"),
            "ground": codes.get(ground, "–"),
            "hand": codes.get(hand, "–"),
        }
        if by_hand[row]:
            text = _("%(building)s stands on the ground of %(ground)s but was given to %(hand)s by hand.")
            level = WARNING if pk in confirmed else ERROR
            found.append(Finding(level, "by_hand", text % words, grid=words["hand"], grid_id=hand, **where))
        elif ground == 0:
            text = _(
                "%(building)s lies in no grid: its point is outside its community. Correct the building."
            )
            level = ERROR if int(placed.community[row]) in settled else WARNING
            found.append(Finding(level, "homeless", text % words, **where))
        else:
            text = _("%(building)s lies on a border; %(ground)s has it. Move the border if that is wrong.")
            found.append(
                Finding(WARNING, "on_border", text % words, grid=words["ground"], grid_id=ground, **where)
            )
    return found
