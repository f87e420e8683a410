"""What each grid of a state carries, who leads it, and how far its households are."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import shapely

from boundaries import comparing
from boundaries.comparing import NOWHERE, Floats, Ids, Reach, Stock
from boundaries.models import Community
from gridmap.comparison.changes import Figures, Side
from gridmap.models import Absence, Assignment, Part, ServiceCentre, Specialist
from gridmap.workload import BuildingLoads, GridLoad, Target


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Buildings with what they hold: columns of one length, in the order of `stock`.

    `places` are metres east and north in the projection `srid`, (n, 2).
    """

    stock: Stock
    households: Ids
    people: Ids
    workload: Ids
    places: Floats
    srid: int

    @classmethod
    def of(cls, stock: Stock, loads: BuildingLoads, srid: int) -> "Counted":
        """Put the loads beside the buildings; one of which no load is known holds nobody."""
        found = np.searchsorted(loads.id, stock.ids)
        found[found == len(loads)] = 0
        known = loads.id[found] == stock.ids if len(loads) else np.zeros(len(stock), bool)

        def column(values: Ids) -> Ids:
            return np.where(known, values[found], 0) if len(loads) else np.zeros(len(stock), np.int64)

        places = comparing.points_in_metres(stock.lon, stock.lat, srid)
        return cls(
            stock, column(loads.households), column(loads.people), column(loads.workload), places, srid
        )

    def by_grid(self, grid_of: Ids, value: Mapping[int, int]) -> Ids:
        """The value of each building's grid; 0 where it has none."""
        keys, position = np.unique(grid_of, return_inverse=True)
        values = np.array([value.get(key, NOWHERE) for key in keys.tolist()], np.int64)
        return values[position]

    def loads(self, side: Side, staff: "Staff", communities: Iterable[Community]) -> list[GridLoad]:
        """The load of each grid of a state, by code."""
        names = {each.pk: each for each in communities}
        keys, position, buildings = np.unique(side.grid_of, return_inverse=True, return_counts=True)
        households = np.bincount(position, self.households, len(keys)).astype(int)
        people = np.bincount(position, self.people, len(keys)).astype(int)
        counts = {
            key: (int(buildings[at]), int(households[at]), int(people[at]))
            for at, key in enumerate(keys.tolist())
        }
        found = []
        for grid, drawn in side.state.items():
            community, lead = names[drawn.community_id], staff.people.get(side.leads.get(grid, NOWHERE))
            held = counts.get(grid, (0, 0, 0))
            found.append(
                GridLoad(
                    grid_id=grid,
                    code=drawn.code,
                    name=drawn.name,
                    name_en=drawn.name_en,
                    kind=drawn.kind,
                    community_id=community.pk,
                    community_code=community.code,
                    community_name=community.name,
                    community_name_en=community.name_en,
                    buildings=held[0],
                    households=held[1],
                    people=held[2],
                    specialist_id=lead.pk if lead else None,
                    specialist_name=lead.public_name if lead else None,
                    specialist_name_en=lead.public_name_en if lead else None,
                    lead_is_away=bool(lead and lead.pk in staff.away),
                )
            )
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Staff:
    """Who leads which grid before and after, who of them is away, and where they set out from.

    `centres` are the service centres of each community, `bases` of each specialist, in metres; (2,) arrays.
    """

    before: dict[int, int]
    after: dict[int, int]
    people: dict[int, Specialist]
    away: frozenset[int]
    bases: dict[int, Floats]
    centres: dict[int, list[Floats]]


def staff_of(
    at: datetime,
    grids: Collection[int],
    communities: Iterable[Community],
    leads: Mapping[int, int | None],
    srid: int,
) -> Staff:
    """Who leads these grids at `at`, and afterwards where `leads` says otherwise. Four queries."""
    assigned = Assignment.objects.in_force(at).filter(
        grid__in=grids, part=Part.LEAD, specialist__employed__contains=at
    )
    before = dict(assigned.values_list("grid", "specialist"))
    after: dict[int, int] = before | {grid: who for grid, who in leads.items() if who is not None}
    for grid, who in leads.items():
        if who is None:
            after.pop(grid, None)
    keys = set(before.values()) | set(after.values())
    people = Specialist.objects.select_related("centre").in_bulk(keys)
    away = Absence.objects.filter(specialist__in=keys, period__contains=at, revoked_at=None)
    served = ServiceCentre.communities.through.objects.filter(
        community__in=[each.pk for each in communities]
    ).order_by("servicecentre_id")
    centres: dict[int, list[Floats]] = {}
    for community, point in served.values_list("community", "servicecentre__point"):
        centres.setdefault(community, []).append(_metres(point.x, point.y, srid))
    bases = {
        key: _metres(person.centre.point.x, person.centre.point.y, srid)
        for key, person in people.items()
        if person.centre is not None
    }
    gone = frozenset(away.values_list("specialist", flat=True))
    return Staff(before, after, people, gone, bases, centres)


def _metres(lon: float, lat: float, srid: int) -> Floats:
    return np.asarray(comparing.points_in_metres(np.array([lon]), np.array([lat]), srid)[0])


def figures(
    side: Side,
    counted: Counted,
    staff: Staff,
    communities: Iterable[Community],
    aim: Target,
    measured: Collection[int],
) -> dict[int, Figures]:
    """The figures of each grid of a state; shapes and distances of those in `measured` only."""
    keys, position = np.unique(side.grid_of, return_inverse=True)
    sums = np.bincount(position, counted.workload, len(keys))
    workload = dict(zip(keys.tolist(), np.rint(sums).astype(int).tolist(), strict=True))
    found = {
        load.grid_id: Figures(load, workload.get(load.grid_id, 0), aim.deviation(load))
        for load in counted.loads(side, staff, communities)
    }
    chosen = [grid for grid in side.state if grid in measured]
    shapes = comparing.shapes([side.state[grid].ground for grid in chosen], counted.srid)
    bases = _bases(side, staff, counted.srid, chosen)
    for grid, shape in zip(chosen, shapes, strict=True):
        inside = side.grid_of == grid
        places, households = counted.places[inside], counted.households[inside].astype(float)
        middle = comparing.reach(
            places, households, np.broadcast_to(comparing.middle(places, households), places.shape)
        )
        found[grid] = replace(
            found[grid],
            shape=shape,
            walk=comparing.reach(places, households, np.broadcast_to(bases[grid], places.shape)),
            round_m=middle.mean_m if middle else None,
        )
    return found


def walk_of_all(side: Side, counted: Counted, staff: Staff) -> Reach | None:
    """How far all households live from the bases of those who lead their grids."""
    bases = _bases(side, staff, counted.srid, list(side.state))
    keys, position = np.unique(side.grid_of, return_inverse=True)
    nowhere = np.full(2, np.nan)
    table = np.array([bases.get(key, nowhere) for key in keys.tolist()]).reshape(-1, 2)
    return comparing.reach(counted.places, counted.households.astype(float), table[position])


def _bases(side: Side, staff: Staff, srid: int, grids: list[int]) -> dict[int, Floats]:
    """Where the lead of each grid sets out from: see the package's docstring. NaN where nobody knows."""
    found = {}
    for grid in grids:
        drawn = side.state[grid]
        base = staff.bases.get(side.leads.get(grid, NOWHERE))
        if base is None:
            centres = staff.centres.get(drawn.community_id, [])
            base = centres[0] if centres else np.full(2, np.nan)
            if len(centres) > 1:
                spot = shapely.point_on_surface(drawn.ground)
                here = _metres(spot.x, spot.y, srid)
                base = min(centres, key=lambda centre: float(np.hypot(*(centre - here))))
        found[grid] = base
    return found
