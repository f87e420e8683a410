"""Two drafts for the demo town, made through the same actions as a planner's: one being drawn, one waiting for approval."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

import shapely
from django.db import transaction
from django.utils import timezone

from boundaries.actions.draft_errors import DraftError
from boundaries.actions.editing import edit
from boundaries.actions.plans import PublishError
from boundaries.models import Community, GridKind, Outline, Plan, Subdistrict
from gridmap.actions.drafts import start_draft
from gridmap.actions.plans import submit
from gridmap.models import User
from gridmap.workload import building_loads, grid_loads

OPEN: Final = ("044", "004")
"""Guanghua, which has the largest grids, and Nanjie."""
Command = Mapping[str, Any]


def make_drafts(*, subdistrict: Subdistrict, by: User) -> list[Plan]:
    """Start an open draft of two communities with four edits, and a submitted one of a third. About half a second.

    Where the town is too small for an edit it is left out; no draft is begun of communities that are not there.
    """
    found = {
        community.code[-3:]: community
        for community in Community.objects.filter(subdistrict=subdistrict).order_by("code")
    }
    several = ([code for code in OPEN if code in found] + [code for code in found if code not in OPEN])[:2]
    made = [_open_draft(subdistrict, [found[code] for code in several], by)] if several else []
    uneven = _most_uneven([found[code] for code in found if code not in several])
    return made + ([_submitted(subdistrict, *uneven, by)] if uneven else [])


def _open_draft(subdistrict: Subdistrict, communities: list[Community], by: User) -> Plan:
    """In each community the grid with most people is split, and the two neighbours with fewest are merged."""
    names = "、".join(community.name for community in communities)
    plan = start_draft(subdistrict=subdistrict, communities=communities, name=f"{names}网格调整", by=by)
    for community in communities:
        people = _people(community)
        _first(plan, _halves(_grids(plan, community, people)), by)
        _first(plan, _pairs(_grids(plan, community, people), people), by)
    return plan


def _submitted(
    subdistrict: Subdistrict, community: Community, giver: Outline, taker: Outline, by: User
) -> Plan:
    """A populous grid gives buildings to its neighbour from next week on; the supervisor has yet to say so."""
    plan = start_draft(
        subdistrict=subdistrict, communities=[community], name=f"{community.name}减负方案", by=by
    )
    _first(plan, _reliefs(giver, taker, _people(community)), by)
    plan.refresh_from_db(fields=["head"])
    day = timezone.now().astimezone(subdistrict.zone).date() + timedelta(days=7)
    try:
        with transaction.atomic():
            submit(
                plan=plan,
                communities=[community],
                head=plan.head_id,
                effective_at=datetime.combine(day, time(8), subdistrict.zone),
                note="人口最多的网格把靠边的几栋楼划给相邻网格,其余不变。",
                by=by,
            )
    except PublishError:
        pass  # a town cut small may not pass the checks: the draft stays open
    return plan


def _people(community: Community) -> dict[int, int]:
    """People in each grid in force, by its id."""
    return {load.grid_id: load.people for load in grid_loads(timezone.now(), communities=[community.pk])}


def _grids(plan: Plan, community: Community, people: Mapping[int, int]) -> list[Outline]:
    """All-purpose grids of the draft that were in force, most people first."""
    rows = Outline.objects.filter(
        plan=plan, community=community, kind=GridKind.ALL_PURPOSE, grid__in=people
    ).order_by("code")
    return sorted(rows, key=lambda outline: -people[outline.grid_id])


def _halves(grids: Iterable[Outline]) -> Iterator[Command]:
    """Cuts across the longer side, through the middle of the ground."""
    for outline in grids:
        ground = _ground(outline)
        west, south, east, north = ground.bounds
        x, y, reach = ground.centroid.x, ground.centroid.y, 0.0005
        line = (
            [(x, south - reach), (x, north + reach)]
            if east - west > north - south
            else [(west - reach, y), (east + reach, y)]
        )
        yield {
            "command": "split",
            "grid": outline.grid_id,
            "line": {"type": "LineString", "coordinates": [list(point) for point in line]},
            "snap_m": 8.0,
        }


def _pairs(grids: Sequence[Outline], people: Mapping[int, int]) -> Iterator[Command]:
    """Neighbours, those with fewest people together first."""
    shapes = {outline.grid_id: _ground(outline) for outline in grids}
    pairs = itertools.combinations(sorted(shapes), 2)
    for grid, other in sorted(pairs, key=lambda pair: people[pair[0]] + people[pair[1]]):
        if shapes[grid].intersection(shapes[other]).length > 0:
            yield {"command": "merge", "grids": [grid, other], "into": grid}


def _most_uneven(communities: list[Community]) -> tuple[Community, Outline, Outline] | None:
    """The grid with most people and its neighbour with fewest: who gives and who takes."""
    by_key = {community.pk: community for community in communities}
    people = {load.grid_id: load.people for load in grid_loads(timezone.now(), communities=by_key)}
    grids = list(
        Outline.objects.in_force(timezone.now())
        .filter(community__in=by_key, kind=GridKind.ALL_PURPOSE)
        .order_by("code")
    )
    grids.sort(key=lambda outline: -people[outline.grid_id])
    shapes = {outline.grid_id: _ground(outline) for outline in grids}
    for giver in grids:
        ground = shapes[giver.grid_id]
        for taker in reversed(grids):
            same = taker.community_id == giver.community_id and taker is not giver
            if same and ground.intersection(shapes[taker.grid_id]).length > 0:
                return by_key[giver.community_id], giver, taker
    return None


def _reliefs(giver: Outline, taker: Outline, people: Mapping[int, int]) -> Iterator[Command]:
    """Buildings that stand closest to the neighbour: with half of the difference in people, then fewer and fewer."""
    near = _ground(taker)
    loads = building_loads(timezone.now(), [giver.community_id])
    inside = shapely.contains_xy(_ground(giver), loads.lon, loads.lat)
    order = sorted(
        (near.distance(shapely.Point(lon, lat)), pk, count)
        for lon, lat, pk, count, here in zip(
            loads.lon.tolist(),
            loads.lat.tolist(),
            loads.id.tolist(),
            loads.people.tolist(),
            inside.tolist(),
            strict=True,
        )
        if here
    )
    for share in (2, 4, 8):
        chosen, moved = [], 0
        for _distance, pk, count in order[:-1]:
            if moved + count > (people[giver.grid_id] - people[taker.grid_id]) / share:
                break
            chosen.append(pk)
            moved += count
        if chosen:
            yield {"command": "move_buildings", "buildings": chosen, "to": taker.grid_id}


def _ground(outline: Outline) -> Any:
    return shapely.from_wkb(bytes(outline.polygon.wkb))


def _first(plan: Plan, commands: Iterator[Command], by: User) -> None:
    """Make the first of these edits that can be made."""
    for command in commands:
        head = Plan.objects.values_list("head", flat=True).get(pk=plan.pk)
        try:
            edit(plan=plan, command=command, head=head, by=by)
        except DraftError:
            continue
        return
