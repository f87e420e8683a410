"""Everything that is looked at before a plan may take effect: its ground, its people, its norm.

To the findings about the ground (`boundaries.findings`) come warnings: `vacant` (nobody leads the grid), `norm` (it holds more
than the norm allows), `nobody` (an all-purpose grid without a home), `compound` (a compound torn apart that is whole now).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import shapely
from django.utils.translation import gettext as _

from boundaries.findings import ERROR, WARNING, Finding, geography, in_order
from boundaries.models import Building, Community, Compound, GridKind, Norm, Outline, Placement, Plan
from boundaries.models.constraints import local_name
from gridmap.carrying_over import GONE, GridPosts, Proposal


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
    found += _nobody(proposal, places, areas)
    found += _torn_compounds(proposal, areas, released)
    return Checked(in_order(found))


Places = dict[int, tuple[float, float]]


def _places(plan: Plan, grids: Collection[int]) -> Places:
    rows = Outline.objects.filter(plan=plan, grid__in=grids).values_list("grid", "polygon")
    points = {grid: shapely.point_on_surface(shapely.from_wkb(bytes(polygon.wkb))) for grid, polygon in rows}
    return {grid: (float(point.x), float(point.y)) for grid, point in points.items()}


def _named(row: GridPosts) -> str:
    """A grid as people know it, and the code that tells it from all others."""
    return f"{row.title} ({row.code})" if row.title else row.code


def _vacancies(proposal: Proposal, places: Places, areas: dict[int, str]) -> list[Finding]:
    """Grids that nobody would lead: a fact to live with for a while, so a warning."""
    found = []
    for row in proposal.grids:
        if row.is_vacant and row.grid_id in places:
            lon, lat = places[row.grid_id]
            message = _("%(grid)s has no lead from then on. Choose one below, or assign one later.") % {
                "grid": _named(row)
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
            _("%(grid)s would hold %(held)s households; the norm is at most %(most)s.")
            if town.norm == Norm.HOUSEHOLDS
            else _("%(grid)s would hold %(held)s people; the norm is at most %(most)s.")
        )
        words = {"grid": _named(row), "held": f"{held:,}", "most": f"{town.norm_limit:,}"}
        area = areas[row.community_id]
        found.append(Finding(WARNING, "norm", text % words, area, row.code, row.grid_id, lon, lat))
    return found


def _nobody(proposal: Proposal, places: Places, areas: dict[int, str]) -> list[Finding]:
    """All-purpose grids without a single home. Nothing to say before households are on record."""
    if not any(households for _buildings, households, _people in proposal.holds.values()):
        return []
    found = []
    for row in proposal.grids:
        _buildings, households, _people = proposal.holds.get(row.grid_id, (0, 0, 0))
        if row.change == GONE or row.kind != GridKind.ALL_PURPOSE or households or row.grid_id not in places:
            continue
        lon, lat = places[row.grid_id]
        message = _("%(grid)s would hold nobody. Give it ground with homes, or merge it.") % {
            "grid": _named(row)
        }
        area = areas[row.community_id]
        found.append(Finding(WARNING, "nobody", message, area, row.code, row.grid_id, lon, lat))
    return found


def _torn_compounds(proposal: Proposal, areas: dict[int, str], released: Collection[int]) -> list[Finding]:
    """Compounds whose buildings lie in one grid now and would lie in several. Three queries, whatever the size."""
    placed = proposal.placed
    chosen = placed.building.tolist()
    compound_of = dict(
        Building.objects.filter(pk__in=chosen, compound__isnull=False).values_list("pk", "compound")
    )
    stored = Placement.objects.filter(building__in=list(compound_of), period__contains=proposal.at)
    grid_of = dict(stored.values_list("building", "grid"))
    before: dict[int, set[int]] = defaultdict(set)
    after: dict[int, set[int]] = defaultdict(set)
    lies_in: dict[int, int] = {}
    rows = zip(chosen, placed.community.tolist(), placed.settled(released).tolist(), strict=True)
    for building, community, grid in rows:
        compound = compound_of.get(building)
        if compound is None or not grid:
            continue
        lies_in.setdefault(compound, community)
        after[compound].add(grid)
        if building in grid_of:
            before[compound].add(grid_of[building])
    torn = [compound for compound, grids in after.items() if len(grids) > 1 and len(before[compound]) == 1]
    names = {row.grid_id: row.title or row.code for row in proposal.grids}
    found = []
    for key, name, name_en, outline in (
        Compound.objects.filter(pk__in=torn)
        .order_by("name", "pk")
        .values_list("pk", "name", "name_en", "outline")
    ):
        point = shapely.point_on_surface(shapely.from_wkb(bytes(outline.wkb)))
        message = _("%(compound)s, in one grid now, would be torn apart between %(grids)s.") % {
            "compound": local_name(name, name_en),
            "grids": ", ".join(sorted(names.get(grid, str(grid)) for grid in after[key])),
        }
        area = areas.get(lies_in[key], "")
        found.append(Finding(WARNING, "compound", message, area, lon=float(point.x), lat=float(point.y)))
    return found
