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
unsettled      error    ground that others published since the draft took it over
followed       warning  another plan is scheduled to follow and ends this one
narrow         warning  a grid, or a neck of it, thinner than the subdistrict's least width
on_border      warning  a building whose point lies on a border: the lowest code has it
=============  =======  ======================================================================================
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from boundaries.findings.buildings import BuildingGrids, building_grids, buildings
from boundaries.findings.finding import ERROR, WARNING, Finding, in_order, outlines_of
from boundaries.findings.ground import RIM_M, coverage, matching, narrow, pieces
from boundaries.findings.identities import codes, elsewhere, followed, unsettled
from boundaries.models import Community, Plan, Publication, PublicationState

__all__ = [
    "ERROR",
    "RIM_M",
    "WARNING",
    "BuildingGrids",
    "Finding",
    "building_grids",
    "coverage",
    "geography",
    "in_order",
    "outlines_of",
]


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
        uncovered = coverage(plan, community, outlines[community.pk])
        found += uncovered
        is_old = plan.frozen_at is not None or community.pk not in settled
        if not uncovered:
            # where ground is missing, rims and corners are out of place as well: that says nothing more
            found += matching(community, outlines[community.pk], WARNING if is_old else ERROR)
        found += pieces(community, outlines[community.pk], at, is_founding=community.pk not in settled)
        found += narrow(plan, community, outlines[community.pk])
    placed = building_grids(outlines, at) if grids is None else grids
    found += buildings(placed, communities, outlines, settled, confirmed, released)
    found += codes(plan, communities, outlines)
    found += elsewhere(communities, outlines, at)
    found += unsettled(plan, communities, at)
    found += followed(communities, at)
    return in_order(found)
