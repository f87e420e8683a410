"""The ground of a plan: covered once, edge to edge, in one piece, wide enough."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any, Final

import shapely
from django.utils.translation import gettext as _

from boundaries.findings.finding import ERROR, WARNING, Finding, largest, place, scales, shape
from boundaries.models import Community, Outline, Plan
from boundaries.topology import check

RIM_M: Final = 0.002
"""How far outlines may stand off the community's surveyed outline, in metres."""


def coverage(plan: Plan, community: Community, outlines: Sequence[Outline]) -> list[Finding]:
    """Every place of the community belongs to exactly one outline, and the rim is the surveyed one."""
    code = community.code
    if not outlines:
        text = _("The plan “%(plan)s” holds no grid of %(community)s.")
        message = text % {"plan": plan.name, "community": community.title}
        return [Finding(ERROR, "empty", message, code, **place(shape(community.outline)))]
    to_m, to_deg = scales(community)
    polygons = [shapely.transform(shape(outline.polygon), to_m) for outline in outlines]
    found = []
    for a, b, shared in _overlaps(polygons):
        message = _("Grids %(a)s and %(b)s of %(community)s overlap by %(area)s m².") % {
            "a": outlines[a].code, "b": outlines[b].code, "community": community.title,
            "area": f"{shared.area:,.2f}",
        }  # fmt: skip
        where = place(shapely.transform(shared, to_deg))
        found.append(Finding(ERROR, "overlap", message, code, outlines[a].code, outlines[a].grid_id, **where))
    surveyed = shapely.transform(shape(community.outline), to_m)
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
                Finding(ERROR, kind, message, code, **place(shapely.transform(largest(ground), to_deg)))
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
                found.append((a, b, largest(shared)))
    return found


def matching(community: Community, outlines: Sequence[Outline], level: str) -> list[Finding]:
    """Corners that neighbours do not share, and a rim that leaves the surveyed one, where the ground is covered."""
    by_code = {outline.code: outline for outline in outlines}
    shapes: dict[Hashable, Any] = {code: shape(outline.polygon) for code, outline in by_code.items()}
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
        for problem in check(shapes, shape(community.outline))
        if problem.kind in words
    ]


def pieces(
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
        pieces = sorted(shapely.get_parts(shape(outline.polygon)), key=lambda piece: piece.area)
        known = is_founding or before.get(outline.grid_id, 1) >= len(pieces)
        message = _("Grid %(grid)s is in %(count)s pieces. Give the smaller ones to their neighbours.") % {
            "grid": outline.code,
            "count": len(pieces),
        }
        where = place(pieces[0])
        level = WARNING if known else ERROR
        found.append(Finding(level, "torn", message, community.code, outline.code, outline.grid_id, **where))
    return found


def narrow(plan: Plan, community: Community, outlines: Sequence[Outline]) -> list[Finding]:
    """Pieces, and necks between parts of one piece, that a circle of the least width does not pass.

    ::

        +--------+            +------+           eroded by half the width, this falls in two:
        |        +------------+      |           the strip between is the neck
        |        +------------+      |
        +--------+            +------+
    """
    least = float(plan.subdistrict.narrowest_m)
    to_m, to_deg = scales(community)
    found = []
    for outline in outlines:
        for piece in shapely.get_parts(shapely.transform(shape(outline.polygon), to_m)):
            core = piece.buffer(-least / 2, join_style="mitre")
            if shapely.get_num_geometries(core) == 1 and not core.is_empty:
                continue
            rest = piece.difference(core.buffer(least / 2 * 1.01, join_style="mitre"))
            spot = largest(rest if not rest.is_empty else piece)
            message = _("Grid %(grid)s is narrower than %(least)s m here.") % {
                "grid": outline.code,
                "least": f"{least:g}",
            }
            where = place(shapely.transform(spot, to_deg))
            found.append(
                Finding(WARNING, "narrow", message, community.code, outline.code, outline.grid_id, **where)
            )
    return found
