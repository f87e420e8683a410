"""Counting two states against each other."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import shapely
from django.utils import timezone

from boundaries import comparing
from boundaries.comparing import NOWHERE, Face, Ids, Reach, State
from boundaries.models import Community, Compound, Outline, Plan, Subdistrict
from gridmap.comparison.changes import (
    CHANGED,
    GONE,
    NEW,
    Comparison,
    CompoundChange,
    GridChange,
    Move,
    Side,
    SpecialistChange,
    Summary,
    Whole,
)
from gridmap.comparison.counting import Counted, Staff, figures, staff_of, walk_of_all
from gridmap.workload import building_loads, target


def communities_of(plan: Plan, against: Plan | None = None) -> tuple[list[Community], list[Community]]:
    """The communities that can be compared, and those of `plan` alone; each by code, without outline. Two queries."""
    plans = [plan.pk] if against is None else [plan.pk, against.pk]
    held: dict[int, set[int]] = {pk: set() for pk in plans}
    rows = Outline.objects.filter(plan__in=plans).order_by().values_list("plan", "community").distinct()
    for pk, community in rows:
        held[pk].add(community)
    both = set.intersection(*held.values())
    mine = list(Community.objects.filter(pk__in=held[plan.pk]).defer("outline").order_by("code"))
    return [each for each in mine if each.pk in both], [each for each in mine if each.pk not in both]


def usual(plan: Plan) -> Plan | None:
    """What a plan is compared with unless somebody says otherwise: a draft with what is in force (None), a published plan
    with the one that it was made from."""
    return plan.base if plan.frozen_at is not None else None


def compare(
    plan: Plan,
    against: Plan | None = None,
    *,
    at: datetime | None = None,
    leads: Mapping[int, int | None] | None = None,
) -> Comparison:
    """Compare a plan with another, or with what is in force in each of its communities. Ten queries, whatever the size.

    Parameters
    ----------
    plan : Plan
        What stands after; a draft at its head. Its subdistrict is read.
    against : Plan, optional
        What stands before; what is in force at `at` if not given. Only communities of both are compared.
    at : datetime, optional
        The aware instant at which buildings, households and specialists are counted, on both sides alike; now if not given.
    leads : mapping of int to int or None, optional
        Who is to lead grids afterwards: specialist (None for nobody) by grid. The others keep whoever leads them at `at`.
    """
    moment = at or timezone.now()
    communities, left_out = communities_of(plan, against)
    ids = [each.pk for each in communities]
    new = comparing.drawn_in(plan.pk, ids)
    old = comparing.drawn_in(against.pk, ids) if against else comparing.drawn_in_force(moment, ids)
    stock = comparing.stock_of(moment, ids)
    counted = Counted.of(stock, building_loads(moment, ids), plan.subdistrict.metric_srid)
    redrawn = comparing.differing(old, new)
    touched = {state[grid].community_id for state in (old, new) for grid in redrawn if grid in state}
    was = comparing.settled(old, stock) if against else stock.stored
    now = comparing.settled(new, stock, was, touched)
    staff = staff_of(moment, old.keys() | new.keys(), communities, leads or {}, counted.srid)

    before = Side(against, old, was, staff.before)
    after = Side(plan, new, now, staff.after)
    moved = np.flatnonzero(was != now)
    written = {grid for grid in old.keys() & new.keys() if old[grid].words != new[grid].words}
    looked_at = redrawn | written | set(was[moved].tolist()) | set(now[moved].tolist())
    before, after = (
        _figured(side, counted, staff, communities, plan.subdistrict, looked_at) for side in (before, after)
    )

    faces = comparing.changed_ground(old, new)
    areas = shapely.area(comparing.in_metres([face.ground for face in faces], counted.srid)).tolist()
    moves = [_move(counted, int(index), before, after) for index in moved]
    grids = _grids(before, after, looked_at, faces, moves)
    compounds = _compounds(counted, moved, before, after)
    specialists = _specialists(counted, before, after, staff)
    return Comparison(
        at=moment,
        srid=counted.srid,
        communities=communities,
        left_out=left_out,
        before=before,
        after=after,
        faces=faces,
        face_areas_m2=areas,
        grids=grids,
        moves=moves,
        compounds=compounds,
        specialists=specialists,
        people=staff.people,
        summary=_summary(
            (before, walk_of_all(before, counted, staff)),
            (after, walk_of_all(after, counted, staff)),
            grids, moves, compounds, specialists, sum(areas),
        ),
    )  # fmt: skip


def summary(
    plan: Plan,
    against: Plan | None = None,
    *,
    at: datetime | None = None,
    leads: Mapping[int, int | None] | None = None,
) -> Summary:
    """The figures of `compare` alone, for `templates/plans/compare_summary.html`."""
    return compare(plan, against, at=at, leads=leads).summary


def _figured(
    side: Side,
    counted: Counted,
    staff: Staff,
    communities: list[Community],
    town: Subdistrict,
    looked_at: Collection[int],
) -> Side:
    aim = target(town, counted.loads(side, staff, communities))
    return replace(side, target=aim, figures=figures(side, counted, staff, communities, aim, looked_at))


def _move(counted: Counted, index: int, before: Side, after: Side) -> Move:
    stock = counted.stock
    was, now = int(before.grid_of[index]), int(after.grid_of[index])
    return Move(
        building_id=int(stock.ids[index]),
        lon=float(stock.lon[index]),
        lat=float(stock.lat[index]),
        compound_id=int(stock.compound[index]) or None,
        before=was or None,
        after=now or None,
        households=int(counted.households[index]),
        people=int(counted.people[index]),
        is_by_hand=int(stock.by_hand[index]) in {was, now} - {NOWHERE},
    )


def _grids(
    before: Side, after: Side, looked_at: Iterable[int], faces: list[Face], moves: list[Move]
) -> list[GridChange]:
    redrawn = {grid for face in faces for grid in (face.before, face.after)}
    gained: Counter[int | None] = Counter()
    lost: Counter[int | None] = Counter()
    for move in moves:
        gained[move.after] += move.households
        lost[move.before] += move.households
    touched = {grid for move in moves for grid in (move.before, move.after)}
    found = []
    for grid in looked_at:
        old, new = before.state.get(grid), after.state.get(grid)
        if old is None and new is None:
            continue
        if old and new and grid not in redrawn | touched and old.words == new.words:
            continue  # only corners on its border
        found.append(
            GridChange(
                grid_id=grid,
                status=CHANGED if old and new else NEW if new else GONE,
                before=before.figures.get(grid),
                after=after.figures.get(grid),
                is_redrawn=grid in redrawn,
                gained=gained[grid],
                lost=lost[grid],
            )
        )
    return sorted(found, key=lambda each: (each.now.load.code, each.grid_id))


def _compounds(counted: Counted, moved: Ids, before: Side, after: Side) -> list[CompoundChange]:
    held = counted.stock.compound
    keys = np.unique(held[moved])
    keys = keys[keys != NOWHERE]
    names = {
        row[0]: row[1:] for row in Compound.objects.filter(pk__in=keys.tolist()).values_list("id", "name", "name_en")
    }  # fmt: skip
    found = []
    changes = before.grid_of != after.grid_of
    for key in keys.tolist():
        inside = held == key
        leaving = inside & changes
        found.append(
            CompoundChange(
                compound_id=key,
                name=names[key][0],
                name_en=names[key][1],
                buildings=int(leaving.sum()),
                all_buildings=int(inside.sum()),
                households=int(counted.households[leaving].sum()),
                all_households=int(counted.households[inside].sum()),
                people=int(counted.people[leaving].sum()),
                before=_by_code(before.grid_of[inside], before.state),
                after=_by_code(after.grid_of[inside], after.state),
            )
        )
    return sorted(found, key=lambda each: (-each.households, each.name, each.compound_id))


def _by_code(grids: Ids, state: State) -> tuple[int, ...]:
    known = [grid for grid in np.unique(grids).tolist() if grid in state]
    return tuple(sorted(known, key=lambda grid: state[grid].code))


def _specialists(counted: Counted, before: Side, after: Side, staff: Staff) -> list[SpecialistChange]:
    old, new = counted.by_grid(before.grid_of, before.leads), counted.by_grid(after.grid_of, after.leads)
    changes = old != new
    found = []
    for key in np.unique(np.concatenate([old[changes], new[changes]])).tolist():
        gains, loses = changes & (new == key), changes & (old == key)
        if not counted.households[gains | loses].any():
            continue
        person = staff.people.get(key)
        found.append(
            SpecialistChange(
                specialist_id=key or None,
                name=person.public_name if person else "",
                name_en=person.public_name_en if person else "",
                before=int(counted.households[old == key].sum()),
                gained=int(counted.households[gains].sum()),
                lost=int(counted.households[loses].sum()),
                people_before=int(counted.people[old == key].sum()),
                people_gained=int(counted.people[gains].sum()),
                people_lost=int(counted.people[loses].sum()),
                grids_before=_led_by(key, before),
                grids_after=_led_by(key, after),
            )
        )
    return sorted(found, key=lambda each: (-(each.gained + each.lost), each.specialist_id or 0))


def _led_by(specialist: int, side: Side) -> tuple[int, ...]:
    """Grids of one lead by code; of nobody for 0."""
    return tuple(grid for grid in side.state if side.leads.get(grid, NOWHERE) == specialist)


def _summary(
    before: tuple[Side, Reach | None],
    after: tuple[Side, Reach | None],
    grids: list[GridChange],
    moves: list[Move],
    compounds: list[CompoundChange],
    specialists: list[SpecialistChange],
    area_m2: float,
) -> Summary:
    changes = Counter(each.status for each in grids)
    return Summary(
        new=changes[NEW],
        gone=changes[GONE],
        changed=changes[CHANGED],
        area_m2=area_m2,
        buildings=len(moves),
        households=sum(move.households for move in moves),
        people=sum(move.people for move in moves),
        compounds=len(compounds),
        torn=sum(each.is_torn for each in compounds),
        handed_over=sum(each.gained for each in specialists),
        before=_whole(*before),
        after=_whole(*after),
        gainers=_most_first(specialists, lambda each: each.gained),
        losers=_most_first(specialists, lambda each: each.lost),
    )


def _whole(side: Side, walk: Reach | None) -> Whole:
    deviations = [each.deviation for each in side.figures.values() if each.deviation is not None]
    return Whole(
        grids=len(side.state),
        dedicated=sum(each.kind == "dedicated" for each in side.state.values()),
        vacant=sum(grid not in side.leads for grid in side.state),
        over=sum(each > 0 for each in deviations),
        worst=max(deviations, default=None),
        least=min(deviations, default=None),
        walk=walk,
    )


def _most_first(
    specialists: list[SpecialistChange], amount: Callable[[SpecialistChange], int]
) -> tuple[SpecialistChange, ...]:
    named = [each for each in specialists if each.specialist_id is not None and amount(each)]
    return tuple(sorted(named, key=amount, reverse=True))
