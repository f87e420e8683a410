"""Everything that is looked at before a plan may take effect: its ground, its people, its norm."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import shapely
from django.utils.translation import gettext as _

from boundaries.findings import ERROR, WARNING, Finding, geography, in_order
from boundaries.models import Community, Norm, Outline, Plan
from gridmap.carrying_over import Proposal


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found, errors first."""

    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        """What holds the plan up."""
        return [finding for finding in self.findings if finding.level == ERROR]

    @property
    def warnings(self) -> list[Finding]:
        """What to know before deciding."""
        return [finding for finding in self.findings if finding.level == WARNING]


def check(
    plan: Plan,
    communities: Sequence[Community],
    proposal: Proposal,
    *,
    confirmed: Collection[int] = (),
    released: Collection[int] = (),
) -> Checked:
    """Check the plan as it would be published for `communities` at the time of the proposal.

    Parameters
    ----------
    proposal
        Who would hold which post, with the planner's choices, see `gridmap.carrying_over.propose`.
    confirmed, released : collection of int
        Buildings set by hand: looked at and staying, and those that follow their ground again.
    """
    found = geography(
        plan,
        communities,
        at=proposal.at,
        confirmed=confirmed,
        released=released,
        grids=proposal.placed,
    )
    places = _places(plan, [row.grid_id for row in proposal.grids])
    areas = {community.pk: community.code for community in communities}
    found += _vacancies(proposal, places, areas)
    found += _over_norm(plan, proposal, places, areas)
    return Checked(in_order(found))


Places = dict[int, tuple[float, float]]


def _places(plan: Plan, grids: Collection[int]) -> Places:
    rows = Outline.objects.filter(plan=plan, grid__in=grids).values_list("grid", "polygon")
    points = {grid: shapely.point_on_surface(shapely.from_wkb(bytes(polygon.wkb))) for grid, polygon in rows}
    return {grid: (float(point.x), float(point.y)) for grid, point in points.items()}


def _vacancies(proposal: Proposal, places: Places, areas: dict[int, str]) -> list[Finding]:
    """Grids that nobody would lead: a fact to live with for a while, so a warning."""
    found = []
    for row in proposal.grids:
        if row.is_vacant and row.grid_id in places:
            lon, lat = places[row.grid_id]
            message = _("Grid %(grid)s has no lead from then on. Choose one below, or assign one later.") % {
                "grid": row.code
            }
            area = areas[row.community_id]
            found.append(Finding(WARNING, "vacant", message, area, row.code, row.grid_id, lon, lat))
    return found


def _over_norm(plan: Plan, proposal: Proposal, places: Places, areas: dict[int, str]) -> list[Finding]:
    """Grids that hold more than the subdistrict's norm allows."""
    town = plan.subdistrict
    if not town.norm or not town.norm_limit:
        return []
    found = []
    for row in proposal.grids:
        _buildings, households, people = proposal.holds.get(row.grid_id, (0, 0, 0))
        held = households if town.norm == Norm.HOUSEHOLDS else people
        if row.grid_id not in places or held <= town.norm_limit:
            continue
        lon, lat = places[row.grid_id]
        text = (
            _("Grid %(grid)s would hold %(held)s households; the norm is at most %(most)s.")
            if town.norm == Norm.HOUSEHOLDS
            else _("Grid %(grid)s would hold %(held)s people; the norm is at most %(most)s.")
        )
        words = {"grid": row.code, "held": f"{held:,}", "most": f"{town.norm_limit:,}"}
        area = areas[row.community_id]
        found.append(Finding(WARNING, "norm", text % words, area, row.code, row.grid_id, lon, lat))
    return found
