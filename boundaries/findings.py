"""What must be right about a plan's ground before it is put in force, each finding with its place on the map.

Codes, errors first; a warning does not hold a plan up:

=============  =======  ======================================================================================
empty          error    the plan holds no grid of the community
overlap        error    two grids share ground
gap            error    ground of the community belongs to no grid
overhang       error    grids reach beyond the community's surveyed outline
edges          error    neighbours do not share every corner (warning in a first plan, and in one that held before)
rim            error    the rim leaves the surveyed outline by more than 2 mm (warning likewise)
torn           error    a grid in several pieces that was in fewer (warning in a community's first plan)
homeless       error    a building whose point lies in no grid (warning in a community's first plan)
by_hand        error    a building set by hand to another grid than its ground, until confirmed (then warning)
code_taken     error    a code that another grid has or had
elsewhere      error    a grid that is in force in a community outside this publication
narrow         warning  a grid, or a neck of it, thinner than the subdistrict's least width
on_border      warning  a building whose point lies on a border: the lowest code has it
=============  =======  ======================================================================================
"""

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import shapely
from django.db import connection
from django.db.models import F, Q
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from boundaries.locating import metres_per_degree
from boundaries.models import Building, Community, Outline, Plan, Publication, PublicationState
from boundaries.topology import check

RIM_M: Final = 0.002
"""How far outlines may stand off the community's surveyed outline, in metres."""
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


def geography(
    plan: Plan,
    communities: Sequence[Community],
    *,
    at: datetime,
    confirmed: Collection[int] = (),
    released: Collection[int] = (),
    grids: BuildingGrids | None = None,
) -> list[Finding]:
    """Everything about the ground, errors first, then by community and grid.

    Parameters
    ----------
    communities
        Those for which the plan is to be published, with their outlines.
    at : datetime
        When it is to take effect, with its time zone.
    confirmed : collection of int
        Buildings whose grid, set by hand, was looked at again and stays.
    released : collection of int
        Buildings set by hand that shall follow their ground from then on.
    grids : BuildingGrids, optional
        `building_grids` of the same plan, communities and time, where the caller has it already.
    """
    found: list[Finding] = []
    outlines = outlines_of(plan, communities)
    settled = set(
        Publication.objects.filter(community__in=communities, state=PublicationState.STANDING)
        .values_list("community", flat=True)
        .distinct()
    )
    for community in communities:
        found += coverage(plan, community, outlines[community.pk])
        is_old = plan.frozen_at is not None or community.pk not in settled
        found += _matching(community, outlines[community.pk], WARNING if is_old else ERROR)
        found += _pieces(community, outlines[community.pk], at, is_founding=community.pk not in settled)
        found += _narrow(plan, community, outlines[community.pk])
    placed = building_grids(outlines, at) if grids is None else grids
    found += _buildings(placed, communities, outlines, settled, confirmed, released)
    found += _codes(plan, communities, outlines)
    found += _elsewhere(communities, outlines, at)
    return in_order(found)


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Errors before warnings, then by community, grid and kind."""
    return sorted(found, key=lambda each: (each.level != ERROR, each.community, each.grid, each.code))


def outlines_of(plan: Plan, communities: Sequence[Community]) -> dict[int, list[Outline]]:
    """The plan's outlines of each community, by code: one query."""
    found: dict[int, list[Outline]] = {community.pk: [] for community in communities}
    for outline in Outline.objects.filter(plan=plan, community__in=found).order_by("code"):
        found[outline.community_id].append(outline)
    return found


# --- The ground ----------------------------------------------------------------------------------------------


def coverage(plan: Plan, community: Community, outlines: Sequence[Outline]) -> list[Finding]:
    """Every place of the community belongs to exactly one outline, and the rim is the surveyed one."""
    code = community.code
    if not outlines:
        text = _("The plan “%(plan)s” holds no grid of %(community)s.")
        message = text % {"plan": plan.name, "community": community.title}
        return [Finding(ERROR, "empty", message, code, **_at(_shape(community.outline)))]
    to_m, to_deg = _scales(community)
    polygons = [shapely.transform(_shape(outline.polygon), to_m) for outline in outlines]
    found = []
    for a, b, shared in _overlaps(polygons):
        message = _("Grids %(a)s and %(b)s of %(community)s overlap by %(area)s m².") % {
            "a": outlines[a].code, "b": outlines[b].code, "community": community.title,
            "area": f"{shared.area:,.2f}",
        }  # fmt: skip
        place = _at(shapely.transform(shared, to_deg))
        found.append(Finding(ERROR, "overlap", message, code, outlines[a].code, outlines[a].grid_id, **place))
    surveyed = shapely.transform(_shape(community.outline), to_m)
    covered = shapely.union_all(polygons)
    allowed = RIM_M * surveyed.length
    for kind, ground, text in (
        (
            "gap",
            surveyed.difference(covered),
            _("%(area)s m² of %(community)s belong to no grid of the plan."),
        ),
        (
            "overhang",
            covered.difference(surveyed),
            _("Grids reach %(area)s m² beyond the outline of %(community)s."),
        ),
    ):
        if ground.area > allowed:
            message = text % {"area": f"{ground.area:,.1f}", "community": community.title}
            found.append(
                Finding(ERROR, kind, message, code, **_at(shapely.transform(_largest(ground), to_deg)))
            )
    return found


def _overlaps(polygons: list[shapely.Geometry]) -> list[tuple[int, int, shapely.Geometry]]:
    """Pairs that share more ground than their rims may differ by, with that ground."""
    left, right = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    found = []
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        if a < b:
            shared = polygons[a].intersection(polygons[b])
            if shared.area > RIM_M * shared.length:
                found.append((a, b, _largest(shared)))
    return found


def _matching(community: Community, outlines: Sequence[Outline], level: str) -> list[Finding]:
    """Corners that neighbours do not share, and a rim that leaves the surveyed one, where the ground is covered."""
    by_code = {outline.code: outline for outline in outlines}
    shapes: dict[Hashable, Any] = {code: _shape(outline.polygon) for code, outline in by_code.items()}
    words = {
        "edges": _("The border of grid %(grid)s does not share every corner with its neighbours."),
        "rim": _("The rim of grid %(grid)s leaves the surveyed outline of its community."),
    }
    return [
        Finding(
            level,
            problem.kind,
            words[problem.kind] % {"grid": problem.codes[0]},
            community.code,
            str(problem.codes[0]),
            by_code[str(problem.codes[0])].grid_id,
            *problem.place,
        )
        for problem in check(shapes, _shape(community.outline))
        if problem.kind in words
    ]


def _pieces(
    community: Community, outlines: Sequence[Outline], at: datetime, *, is_founding: bool
) -> list[Finding]:
    """Grids in several pieces: an error where the plan in force had fewer."""
    torn = [outline for outline in outlines if len(outline.polygon) > 1]
    if not torn:
        return []
    before = {
        outline.grid_id: len(outline.polygon)
        for outline in Outline.objects.in_force(at).filter(grid__in=[outline.grid_id for outline in torn])
    }
    found = []
    for outline in torn:
        pieces = sorted(shapely.get_parts(_shape(outline.polygon)), key=lambda piece: piece.area)
        known = is_founding or before.get(outline.grid_id, 1) >= len(pieces)
        message = _("Grid %(grid)s is in %(count)s pieces. Give the smaller ones to their neighbours.") % {
            "grid": outline.code,
            "count": len(pieces),
        }
        place = _at(pieces[0])
        level = WARNING if known else ERROR
        found.append(Finding(level, "torn", message, community.code, outline.code, outline.grid_id, **place))
    return found


def _narrow(plan: Plan, community: Community, outlines: Sequence[Outline]) -> list[Finding]:
    """Pieces, and necks between parts of one piece, that a circle of the least width does not pass.

    ::

        +--------+            +------+           eroded by half the width, this falls in two:
        |        +------------+      |           the strip between is the neck
        |        +------------+      |
        +--------+            +------+
    """
    least = float(plan.subdistrict.narrowest_m)
    to_m, to_deg = _scales(community)
    found = []
    for outline in outlines:
        for piece in shapely.get_parts(shapely.transform(_shape(outline.polygon), to_m)):
            core = piece.buffer(-least / 2, join_style="mitre")
            if shapely.get_num_geometries(core) == 1 and not core.is_empty:
                continue
            rest = piece.difference(core.buffer(least / 2 * 1.01, join_style="mitre"))
            place = _largest(rest if not rest.is_empty else piece)
            message = _("Grid %(grid)s is narrower than %(least)s m here.") % {
                "grid": outline.code,
                "least": f"{least:g}",
            }
            where = _at(shapely.transform(place, to_deg))
            found.append(
                Finding(WARNING, "narrow", message, community.code, outline.code, outline.grid_id, **where)
            )
    return found


# --- Buildings -----------------------------------------------------------------------------------------------

_STANDING: Final = """
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
                   WHERE p.building_id = b.id AND p.is_override AND upper_inf(p.period)
                   ORDER BY lower(p.period) DESC NULLS LAST LIMIT 1) h ON true
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
        shapes = [_shape(outline.polygon) for outline in listed]
        which, inside = shapely.STRtree(points[here]).query(shapes, predicate="intersects")
        # Of several outlines that hold a point the one with the lowest code has it: it is written last.
        order = np.argsort(-which, kind="stable")
        ids = np.array([outline.grid_id for outline in listed], dtype=np.int64)
        grid[here[inside[order]]] = ids[which[order]]
        on_border[here] = np.bincount(inside, minlength=len(here)) > 1
    alive = np.array([each.grid_id for listed in outlines.values() for each in listed], dtype=np.int64)
    by_hand = np.where(np.isin(by_hand, alive), by_hand, 0)
    return BuildingGrids(building, community, rows[:, 2], rows[:, 3], grid, on_border, by_hand)


def _buildings(
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


# --- Codes and identities ------------------------------------------------------------------------------------


def _codes(plan: Plan, communities: Sequence[Community], outlines: dict[int, list[Outline]]) -> list[Finding]:
    """Codes that another grid has or had in a plan that stands or stood: a code is never used again."""
    mine = {outline.code: outline for listed in outlines.values() for outline in listed}
    areas = {community.pk: community.code for community in communities}
    others = (
        Outline.objects.filter(
            code__in=mine,
            grid__subdistrict=plan.subdistrict_id,
            plan__publications__state=PublicationState.STANDING,
            plan__publications__community=F("community"),
        )
        .values_list("code", "grid")
        .distinct()
        .order_by("code")
    )
    found = []
    for code in dict.fromkeys(code for code, grid in others if grid != mine[code].grid_id):
        outline = mine[code]
        message = _(
            "Code %(code)s belongs or belonged to another grid. Give this one the next free code."
        ) % {"code": code}
        place = _at(_shape(outline.polygon))
        found.append(
            Finding(ERROR, "code_taken", message, areas[outline.community_id], code, outline.grid_id, **place)
        )
    return found


def _elsewhere(
    communities: Sequence[Community], outlines: dict[int, list[Outline]], at: datetime
) -> list[Finding]:
    """Grids that a community outside this publication would still have in force: a grid belongs to one community."""
    mine = {outline.grid_id: outline for listed in outlines.values() for outline in listed}
    areas = {community.pk: community.code for community in communities}
    still = (
        Outline.objects.filter(
            Q(plan__publications__period__endswith=None) | Q(plan__publications__period__endswith__gt=at),
            grid__in=mine,
            plan__publications__community=F("community"),
            plan__publications__state=PublicationState.STANDING,
        )
        .exclude(community__in=communities)
        .select_related("community")
        .defer("community__outline", "polygon")
    )
    found = []
    for other in {each.grid_id: each for each in still}.values():
        outline = mine[other.grid_id]
        message = _("Grid %(grid)s is in force in %(community)s, which is not published with this plan.") % {
            "grid": outline.code,
            "community": other.community.title,
        }
        place = _at(_shape(outline.polygon))
        area = areas[outline.community_id]
        found.append(Finding(ERROR, "elsewhere", message, area, outline.code, outline.grid_id, **place))
    return found


# --- Shapes --------------------------------------------------------------------------------------------------


def _shape(geometry: Any) -> Any:
    """A geometry of the database as Shapely's."""
    return shapely.from_wkb(bytes(geometry.wkb))


def _scales(community: Community) -> tuple[Any, Any]:
    """Functions that take coordinates from degrees to metres and back, around the community's middle."""
    metres = np.array(metres_per_degree(community.outline.centroid.y))
    return (lambda xy: xy * metres), (lambda xy: xy / metres)


def _largest(ground: Any) -> Any:
    """The largest part of a geometry."""
    return max(shapely.get_parts(ground), key=lambda part: (part.area, part.length))


def _at(ground: Any) -> dict[str, Any]:
    """A place in the ground, as `lon` and `lat`."""
    point = shapely.point_on_surface(ground)
    return {"lon": float(point.x), "lat": float(point.y)}
