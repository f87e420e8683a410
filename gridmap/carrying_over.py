"""Who goes with which grid when a plan is published: a proposal that the planner confirms or changes.

The rules (docs/decisions/0007-publishing.md)::

    kept      a grid that is in force before and after    keeps lead, stand-in and members, whatever its outline
    new       split off or carved out                     those of the grid that gives it most households
    returns   was in force once, as when rolling back     the lead it had last if still in service, else as new
    gone      merged away                                 its posts end; the grid that survives keeps its own

Nothing is written here; `gridmap.actions.posts` does that.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self

import shapely
from django.db.models import Q

from boundaries.findings import BuildingGrids, building_grids, outlines_of
from boundaries.models import Community, Outline, Placement, Plan
from gridmap.models import Assignment, Part, Specialist, SpecialistKind
from gridmap.workload.buildings import building_loads

KEPT: Final = "kept"
NEW: Final = "new"
RETURNS: Final = "returns"
GONE: Final = "gone"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the planner decides beyond the proposal.

    `leads` maps a grid's id to the specialist who shall lead it, None to leave it vacant; `released` are buildings,
    set by hand to another grid, that shall follow their ground.
    """

    leads: Mapping[int, int | None] = field(default_factory=dict)
    released: frozenset[int] = frozenset()

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what `as_json` wrote. Raises ValueError on anything else."""
        if not isinstance(value, dict):
            raise ValueError("not an object")
        leads, released = value.get("leads", {}), value.get("released", [])
        if not isinstance(leads, dict) or not isinstance(released, list):
            raise ValueError("leads must be an object, released a list")
        return cls(
            {int(grid): None if who is None else int(who) for grid, who in leads.items()},
            frozenset(int(building) for building in released),
        )

    def as_json(self) -> dict[str, Any]:
        """For the submission's column."""
        return {
            "leads": {str(grid): who for grid, who in sorted(self.leads.items())},
            "released": sorted(self.released),
        }


@dataclass(frozen=True, slots=True)
class GridPosts:
    """Who is to hold which part in one grid from the effective time on.

    `change` is kept, new, returns or gone; `origin` the code of the grid that gives it most; `before` its lead now.
    """

    grid_id: int
    code: str
    title: str
    kind: str
    community_id: int
    change: str
    origin: str = ""
    before: int | None = None
    lead: int | None = None
    stand_in: int | None = None
    members: tuple[int, ...] = ()
    buildings: int = 0
    households: int = 0
    is_chosen: bool = False
    heirs: tuple[tuple[str, int], ...] = ()
    """For a grid that goes: the names of those that take its buildings, and how many; most first."""

    @property
    def is_vacant(self) -> bool:
        """Nobody would lead a grid that is in force."""
        return self.change != GONE and self.lead is None

    @property
    def needs_look(self) -> bool:
        """Whether the planner has something to confirm."""
        return self.change != KEPT or self.is_vacant or self.is_chosen


@dataclass(frozen=True, slots=True)
class Gift:
    """What one specialist gives to another: buildings and households that enter one grid. `taker` None: it is vacant."""

    giver: int
    taker: int | None
    grid_id: int
    buildings: int
    households: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """Posts grid by grid in the order of their codes, who may be chosen, and what changes hands by that."""

    at: datetime
    grids: list[GridPosts]
    people: dict[int, Specialist]
    candidates: dict[int, list[Specialist]]
    gifts: list[Gift]
    placed: BuildingGrids
    holds: dict[int, tuple[int, int, int]]
    """Buildings, households and people by the id of the grid, once the plan holds."""

    def name(self, specialist: int | None) -> str:
        """The public name in the reader's language; empty for nobody."""
        return self.people[specialist].public_title if specialist in self.people else ""

    def leads(self) -> dict[int, int | None]:
        """Who would lead each grid of the plan, by its id."""
        return {posts.grid_id: posts.lead for posts in self.grids if posts.change != GONE}

    def by_id(self) -> dict[int, GridPosts]:
        """The posts by the id of the grid."""
        return {posts.grid_id: posts for posts in self.grids}


def propose(
    plan: Plan, communities: Sequence[Community], *, at: datetime, choices: Choices | None = None
) -> Proposal:
    """Distribute the posts as the rules say, and as the planner chose instead. Nine queries, nothing is written.

    Parameters
    ----------
    communities
        Those for which the plan is to be published, with their outlines.
    at : datetime
        When it is to take effect, with its time zone.
    """
    chosen = choices or Choices()
    new = outlines_of(plan, communities)
    after = {outline.grid_id: outline for listed in new.values() for outline in listed}
    before = {
        outline.grid_id: outline
        for outline in Outline.objects.in_force(at).filter(community__in=communities).order_by("code")
    }
    placed = building_grids(new, at)
    now_in = placed.settled(chosen.released)
    was_in = _placements(placed.building.tolist(), at)
    loads = building_loads(at, list(new))
    households = dict(zip(loads.id.tolist(), loads.households.tolist(), strict=True))
    people_in = dict(zip(loads.id.tolist(), loads.people.tolist(), strict=True))
    flows = _flows(placed, now_in, was_in, households)
    posts = _posts(before | after, at)
    past = _last_leads([grid for grid in after if grid not in before], at)
    people = {each.pk: each for each in _people(communities, posts, past, chosen, at)}
    grids = []
    for grid_id, outline in sorted((before | after).items(), key=lambda each: (each[1].code, each[0])):
        row = _row(outline, grid_id in before, grid_id in after, flows, before, posts, past, people)
        if grid_id in chosen.leads and row.change != GONE and chosen.leads[grid_id] != row.lead:
            row = _with_lead(row, chosen.leads[grid_id])
        grids.append(row)
    grids = [_with_heirs(row, was_in, placed, now_in, after) if row.change == GONE else row for row in grids]
    found = {row.grid_id: row for row in grids}
    leads_before = {grid: _of(posts, grid, Part.LEAD) for grid in before}
    gifts = _gifts(placed, now_in, was_in, households, leads_before, found)
    holds = _holds(placed, now_in, households, people_in)
    candidates = _candidates(communities, people, posts, before)
    return Proposal(at, grids, people, candidates, gifts, placed, holds)


def proposed_leads(plan: Plan, at: datetime) -> dict[int, int | None]:
    """Who would lead each grid of the plan if it were published at `at` as the rules say, by the grid's id."""
    communities = list(Community.objects.filter(outlines__plan=plan).distinct().order_by("code"))
    return propose(plan, communities, at=at).leads()


Posts = Mapping[int, Sequence[Assignment]]


def _row(
    outline: Outline,
    was: bool,
    stays: bool,
    flows: Mapping[int, Mapping[int, tuple[int, int]]],
    before: Mapping[int, Outline],
    posts: Posts,
    past: Mapping[int, int],
    people: Mapping[int, Specialist],
) -> GridPosts:
    grid = outline.grid_id
    enters = flows.get(grid, {})
    row = GridPosts(
        grid_id=grid,
        code=outline.code,
        title=outline.title,
        kind=outline.kind,
        community_id=outline.community_id,
        change=KEPT if was else NEW,
        before=_of(posts, grid, Part.LEAD),
        buildings=sum(buildings for buildings, _homes in enters.values()),
        households=sum(homes for _buildings, homes in enters.values()),
    )
    if not stays:
        return replace(row, change=GONE)
    if was or _of(posts, grid, Part.LEAD) is not None:
        # A grid of a first plan, or one to which somebody was assigned before it came into force.
        return _as_held(row, posts, grid)
    donor = _largest_donor(outline, enters, before)
    if donor is not None:
        row = replace(_as_held(row, posts, donor), origin=before[donor].code, before=None)
    last = past.get(grid)
    if last is not None:
        row = replace(row, change=RETURNS)
        if last in people:
            row = _with_lead(row, last, is_chosen=False)
    return row


def _as_held(row: GridPosts, posts: Posts, grid: int) -> GridPosts:
    """The row with those who hold the parts of `grid`."""
    members = tuple(post.specialist_id for post in posts.get(grid, ()) if post.part == Part.MEMBER)
    lead, stand_in = _of(posts, grid, Part.LEAD), _of(posts, grid, Part.STAND_IN)
    return replace(row, lead=lead, stand_in=stand_in, members=members)


def _with_lead(row: GridPosts, lead: int | None, *, is_chosen: bool = True) -> GridPosts:
    """Another lead; a person has one part in a grid."""
    return replace(
        row,
        lead=lead,
        stand_in=None if row.stand_in == lead else row.stand_in,
        members=tuple(each for each in row.members if each != lead),
        is_chosen=is_chosen,
    )


def _with_heirs(
    row: GridPosts,
    was_in: Mapping[int, int],
    placed: BuildingGrids,
    now_in: Any,
    after: Mapping[int, Outline],
) -> GridPosts:
    """What becomes of a grid that goes."""
    counts = Counter(
        grid
        for building, grid in zip(placed.building.tolist(), now_in.tolist(), strict=True)
        if was_in.get(building) == row.grid_id and grid in after
    )
    return replace(row, heirs=tuple((after[grid].title, count) for grid, count in counts.most_common()))


def _of(posts: Posts, grid: int, part: Part) -> int | None:
    return next((post.specialist_id for post in posts.get(grid, ()) if post.part == part), None)


def _largest_donor(
    outline: Outline, enters: Mapping[int, tuple[int, int]], before: Mapping[int, Outline]
) -> int | None:
    """The grid from which most households come, then most buildings; without any the one with most of the ground."""
    donors = [grid for grid in enters if grid in before]
    if donors:
        return min(donors, key=lambda grid: (-enters[grid][1], -enters[grid][0], before[grid].code))
    ground = shapely.from_wkb(bytes(outline.polygon.wkb))
    shared = {
        grid: ground.intersection(shapely.from_wkb(bytes(each.polygon.wkb))).area
        for grid, each in before.items()
        if each.community_id == outline.community_id
    }
    best = max(shared, key=lambda grid: shared[grid], default=None)
    return best if best is not None and shared[best] > 0 else None


# --- What there is ---------------------------------------------------------------------------------------------


def _placements(buildings: list[int], at: datetime) -> dict[int, int]:
    rows = Placement.objects.filter(building__in=buildings, period__contains=at)
    return dict(rows.values_list("building", "grid"))


def _flows(
    placed: BuildingGrids, now_in: Any, was_in: Mapping[int, int], households: Mapping[int, int]
) -> dict[int, dict[int, tuple[int, int]]]:
    """For each grid to be: from which grid how many buildings and households come; 0 is none."""
    found: dict[int, dict[int, tuple[int, int]]] = defaultdict(lambda: defaultdict(lambda: (0, 0)))
    for building, grid in zip(placed.building.tolist(), now_in.tolist(), strict=True):
        old = was_in.get(building, 0)
        buildings, homes = found[grid][old]
        found[grid][old] = (buildings + 1, homes + households.get(building, 0))
    return found


def _posts(grids: Collection[int], at: datetime) -> dict[int, list[Assignment]]:
    found: dict[int, list[Assignment]] = defaultdict(list)
    rows = Assignment.objects.in_force(at).filter(grid__in=grids, specialist__employed__contains=at)
    for post in rows.order_by("grid", "part", "id"):
        found[post.grid_id].append(post)
    return found


def _last_leads(grids: Collection[int], at: datetime) -> dict[int, int]:
    """Who led each of these grids last, before `at`."""
    rows = Assignment.objects.filter(
        grid__in=grids, part=Part.LEAD, revoked_at=None, period__endswith__lte=at
    ).order_by("period__endswith")
    return dict(rows.values_list("grid", "specialist"))


def _people(
    communities: Sequence[Community],
    posts: Posts,
    past: Mapping[int, int],
    chosen: Choices,
    at: datetime,
) -> list[Specialist]:
    """Everybody in service at `at` who is named or may be chosen."""
    named = {post.specialist_id for listed in posts.values() for post in listed}
    named |= set(past.values()) | {who for who in chosen.leads.values() if who is not None}
    return list(
        Specialist.objects.employed(at)
        .filter(
            Q(pk__in=named) | Q(Q(community__in=communities) | Q(community=None), kind=SpecialistKind.GRID),
            subdistrict__in={community.subdistrict_id for community in communities},
        )
        .order_by("staff_number")
    )


def _candidates(
    communities: Sequence[Community],
    people: Mapping[int, Specialist],
    posts: Posts,
    before: Mapping[int, Outline],
) -> dict[int, list[Specialist]]:
    """By community: its grid specialists, those of no one community, and whoever has a post in it already."""
    inside: dict[int, set[int]] = defaultdict(set)
    for grid, listed in posts.items():
        if grid in before:
            inside[before[grid].community_id] |= {post.specialist_id for post in listed}
    return {
        community.pk: [
            each
            for each in people.values()
            if each.kind == SpecialistKind.GRID
            and (each.community_id in {community.pk, None} or each.pk in inside[community.pk])
        ]
        for community in communities
    }


def _gifts(
    placed: BuildingGrids,
    now_in: Any,
    was_in: Mapping[int, int],
    households: Mapping[int, int],
    leads_before: Mapping[int, int | None],
    after: Mapping[int, GridPosts],
) -> list[Gift]:
    """Who gives households to whom. What has no household needs no hand-over."""
    found: dict[tuple[int, int | None, int], list[int]] = defaultdict(lambda: [0, 0])
    for building, grid in zip(placed.building.tolist(), now_in.tolist(), strict=True):
        giver = leads_before.get(was_in.get(building, 0))
        taker = after[grid].lead if grid in after else None
        if giver is not None and giver != taker and grid:
            sums = found[giver, taker, grid]
            sums[0] += 1
            sums[1] += households.get(building, 0)
    order = sorted(found.items(), key=lambda each: (each[0][0], each[0][2]))
    return [
        Gift(giver, taker, grid, buildings, homes)
        for (giver, taker, grid), (buildings, homes) in order
        if homes
    ]


def _holds(
    placed: BuildingGrids, now_in: Any, households: Mapping[int, int], people: Mapping[int, int]
) -> dict[int, tuple[int, int, int]]:
    found: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for building, grid in zip(placed.building.tolist(), now_in.tolist(), strict=True):
        sums = found[grid]
        sums[0] += 1
        sums[1] += households.get(building, 0)
        sums[2] += people.get(building, 0)
    return {grid: (sums[0], sums[1], sums[2]) for grid, sums in found.items()}
