"""Plans published and withdrawn in any order: in the end everybody holds what they held, and in between nobody is missing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boundaries.actions.plans import PublishError
from boundaries.models import Grid, Outline, Plan
from gridmap.actions import giving_back, plans
from gridmap.actions.plans import publish_plan, withdraw
from gridmap.carrying_over import Choices
from gridmap.models import Assignment, CarriedPost, Part, Release
from tests import factories
from tests.factories import Town
from tests.gridmap import publishing_town as redrawn

State = list[tuple[int, int, str]]
DAYS = (0, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 400)
"""Instants that are looked at; plans take effect on other days."""


@dataclass
class Scene:
    """Community 1 of the tiny town: one lead to each of its three grids, a stand-in and a member besides."""

    town: Town = field(default_factory=lambda: factories.make_town(homes=False))
    now: datetime = field(default_factory=timezone.now)
    codes: Iterator[int] = field(default_factory=lambda: count(10))

    def __post_init__(self) -> None:
        self.who = [factories.make_specialist(self.town, f"{number:03}") for number in range(6)]
        self.grids = self.town.grids[1]
        for grid, lead in zip(self.grids, self.who, strict=False):
            factories.assign(lead, grid)
        factories.assign(self.who[0], self.grids[1], part=Part.STAND_IN)
        factories.assign(self.who[4], self.grids[1], part=Part.MEMBER)
        self.plans = [self.town.plan]

    def at(self, days: float) -> datetime:
        return self.now + timedelta(days=days)

    def leads_until(self, column: int, days: float, then: int) -> None:
        """Arranged by people: the lead gives the grid to another on a day to come."""
        grid = self.grids[column]
        held = Assignment.objects.filter(grid=grid, part=Part.LEAD)
        held.update(period=factories.during(factories.FOUNDED, self.at(days)))
        factories.assign(self.who[then], grid, period=factories.during(self.at(days), None))

    def draft(self, base: Plan | None = None) -> Plan:
        """A copy of a plan's outlines for the community, as from a file: nothing has to be settled."""
        plan = Plan.objects.create(subdistrict=self.town.subdistrict, name=f"Plan {len(self.plans)}")
        for outline in Outline.objects.filter(
            plan=base or self.town.plan, community=self.town.communities[1]
        ):
            outline.pk, outline.plan = None, plan
            outline.save()
        self.plans.append(plan)
        return plan

    def cells(self, plan: Plan) -> list[tuple[float, float, Outline]]:
        """West and east of each grid, in cells, from west to east."""
        listed = Outline.objects.filter(plan=plan, community=self.town.communities[1])
        found = [
            ((each.polygon.extent[0] - factories.WEST) / factories.CELL,
             (each.polygon.extent[2] - factories.WEST) / factories.CELL, each)
            for each in listed
        ]  # fmt: skip
        return sorted(found, key=lambda each: each[0])

    def split(self, plan: Plan, place: int) -> Grid:
        """The east half of a grid becomes one of its own."""
        cells = self.cells(plan)
        west, east, outline = cells[place % len(cells)]
        middle = (west + east) / 2
        redrawn.reshape(plan, outline.grid, redrawn.strip(1, west, middle))
        grid = Grid.objects.create(subdistrict=self.town.subdistrict)
        Outline.objects.create(
            grid=grid, plan=plan, community=outline.community, name="新网格", kind=outline.kind,
            code=f"{outline.community.code}{next(self.codes):03}", polygon=redrawn.strip(1, middle, east),
        )  # fmt: skip
        return grid

    def merge(self, plan: Plan, place: int, *, from_west: bool = False) -> Grid | None:
        """A grid is merged away into its neighbour in the east, or that into it."""
        cells = self.cells(plan)
        if len(cells) == 1:
            return None
        place %= len(cells) - 1
        gone, stays = cells[place][2], cells[place + 1][2]
        if from_west:
            gone, stays = stays, gone
        gone.delete()
        redrawn.reshape(plan, stays.grid, redrawn.strip(1, cells[place][0], cells[place + 1][1]))
        return gone.grid

    def recode(self, plan: Plan, place: int) -> None:
        cells = self.cells(plan)
        outline = cells[place % len(cells)][2]
        outline.code = f"{outline.community.code}{next(self.codes):03}"
        outline.save()

    def publish(self, plan: Plan, days: float, leads: dict[int, int | None] | None = None) -> Release:
        return publish_plan(
            plan=plan, communities=[self.town.communities[1]], at=self.at(days), choices=Choices(leads or {}), by=None
        ).release  # fmt: skip

    def posts(self) -> list[State]:
        return [
            sorted(Assignment.objects.in_force(self.at(days)).values_list("grid", "specialist", "part"))
            for days in DAYS
        ]

    def check(self) -> None:
        """At no time is a grid without its lead, has it two, or does a release's lead stay on a grid that is gone."""
        carried = set(CarriedPost.objects.exclude(now=None).values_list("now", flat=True))
        for days in DAYS:
            held = Outline.objects.in_force(self.at(days)).filter(community=self.town.communities[1])
            grids = set(held.values_list("grid", flat=True))
            posts = Assignment.objects.in_force(self.at(days)).filter(grid__subdistrict=self.town.subdistrict)
            leads = posts.filter(part=Part.LEAD).values_list("grid", flat=True)
            assert sorted(grid for grid in leads if grid in grids) == sorted(grids), f"vacant on day {days}"
            stale = [post for post in posts if post.grid_id not in grids and post.pk in carried]
            assert not stale, f"posts of grids that are gone on day {days}: {stale}"


@pytest.fixture
def scene(db: None) -> Scene:
    return Scene()


def taken_back(scene: Scene, before: list[State], *releases: Release) -> None:
    """Withdraw in this order, looking each time; then all is as it was."""
    scene.check()
    for release in releases:
        withdraw(release=release, by=None)
        scene.check()
    assert scene.posts() == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_plan_twice(scene: Scene, order: tuple[int, int]) -> None:
    """A merge for day 20, then for day 10 as well; the grid merged away has its lead back for good."""
    before, plan = scene.posts(), scene.draft()
    scene.merge(plan, 0)
    done = [scene.publish(plan, 20), scene.publish(plan, 10)]
    taken_back(scene, before, *(done[each] for each in order))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_merge_and_the_way_back(scene: Scene, order: tuple[int, int]) -> None:
    before, plan = scene.posts(), scene.draft()
    scene.merge(plan, 0)
    done = [scene.publish(plan, 10), scene.publish(scene.town.plan, 20)]
    taken_back(scene, before, *(done[each] for each in order))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("shape", ["split", "merge"])
def test_put_in_before_what_was_scheduled(scene: Scene, shape: str, order: tuple[int, int]) -> None:
    """A plan for day 20; then a split or merge for day 10, which holds on when the later one is withdrawn."""
    before, later, sooner = scene.posts(), scene.draft(), scene.draft()
    scene.split(later, 2)
    getattr(scene, shape)(sooner, 0)
    done = [scene.publish(later, 20), scene.publish(sooner, 10)]
    taken_back(scene, before, *(done[each] for each in order))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_a_chain_of_three(scene: Scene, order: tuple[int, ...]) -> None:
    """Each drafted from the one before, each with one split more."""
    before, base, done = scene.posts(), scene.town.plan, []
    for days in (8, 13, 18):
        base = scene.draft(base)
        scene.split(base, -1)
        done.append(scene.publish(base, days))
    taken_back(scene, before, *(done[each] for each in order))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_who_was_to_lead_later_still_is(scene: Scene, order: tuple[int, int]) -> None:
    """From day 15 on another leads the grid that is merged away on day 10 and comes back on day 20."""
    scene.leads_until(0, 15, then=5)
    before, plan = scene.posts(), scene.draft()
    scene.merge(plan, 0)
    done = [scene.publish(plan, 10), scene.publish(scene.town.plan, 20)]
    taken_back(scene, before, *(done[each] for each in order))


def test_a_chosen_lead_holds_on_where_the_plan_does(scene: Scene) -> None:
    """Chosen for day 10 with another plan on day 20 already there: when that is withdrawn, the choice stands."""
    before, later, sooner = scene.posts(), scene.draft(), scene.draft()
    scene.split(later, 2)
    scene.recode(sooner, 1)
    grid = scene.grids[0]
    done = [scene.publish(later, 20), scene.publish(sooner, 10, {grid.pk: scene.who[4].pk})]
    assert [redrawn.lead(grid, scene.at(days)) for days in (9, 11, 21)] == [
        scene.who[each].pk for each in (0, 4, 0)
    ]
    withdraw(release=done[0], by=None)
    assert [redrawn.lead(grid, scene.at(days)) for days in (9, 11, 21)] == [
        scene.who[each].pk for each in (0, 4, 4)
    ]
    taken_back(scene, before, done[1])


def test_somebody_arranged_inside_the_window_stays(scene: Scene) -> None:
    """While the grid was to be merged away, a person gave it to another for days 12 to 17: the lead has the rest."""
    plan, grid = scene.draft(), scene.grids[0]
    scene.merge(plan, 0)
    done = scene.publish(plan, 10)
    factories.assign(scene.who[5], grid, period=factories.during(scene.at(12), scene.at(17)))
    withdraw(release=done, by=None)
    assert [redrawn.lead(grid, scene.at(days)) for days in (9, 11, 14, 16, 19, 400)] == [
        scene.who[each].pk for each in (0, 0, 5, 5, 0, 0)
    ]


def test_somebody_assigned_in_the_same_moment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses the second of both: nothing is withdrawn, and the reader is told to look again."""
    plan = scene.draft()
    scene.merge(plan, 0)
    done = scene.publish(plan, 10)
    restore = giving_back.restore_posts

    def raced(**given: object) -> int:
        changed = restore(**given)  # type: ignore[arg-type]
        factories.assign(scene.who[5], scene.grids[0], period=factories.during(scene.at(12), None))
        return changed

    monkeypatch.setattr(plans, "restore_posts", raced)
    with pytest.raises(PublishError, match="changed meanwhile") as caught, transaction.atomic():
        withdraw(release=done, by=None)
    assert isinstance(caught.value.__cause__, IntegrityError)
    done.refresh_from_db()
    assert done.withdrawn_at is None
    assert redrawn.lead(scene.grids[0], scene.at(11)) is None


# --- Any order -----------------------------------------------------------------------------------------------

KINDS = ["split", "merge", "merge_west", "recode", "both", "again", "back", "choose"]
STEP = st.tuples(
    st.sampled_from(KINDS), st.sampled_from((5, 10, 15, 20, 25)), st.integers(0, 9), st.integers(0, 9)
)
Step = tuple[str, int, int, int]


def run(steps: list[Step], order: list[int], is_arranged: bool) -> None:
    """Publish one after the other, withdraw in another order; in a transaction that is undone."""
    with transaction.atomic():
        scene = Scene()
        if is_arranged:
            scene.leads_until(0, 12, then=5)
        before, done, used = scene.posts(), [], set()
        for kind, days, first, place in steps:
            if days in used:
                continue  # two plans cannot begin at the same time
            used.add(days)
            base = scene.plans[first % len(scene.plans)]
            leads: dict[int, int | None] = {}
            if kind == "again":
                plan = base
            elif kind == "back":
                plan = scene.town.plan
            else:
                plan = scene.draft(base)
            if kind in {"split", "both"}:
                scene.split(plan, place)
            if kind in {"merge", "both"}:
                scene.merge(plan, place)
            if kind == "merge_west":
                scene.merge(plan, place, from_west=True)
            if kind == "recode":
                scene.recode(plan, place)
            if kind == "choose":
                cells = scene.cells(plan)
                leads = {cells[place % len(cells)][2].grid_id: scene.who[3 + place % 3].pk}
            done.append(scene.publish(plan, days, leads))
            scene.check()
        taken_back(scene, before, *(done[each] for each in order if each < len(done)))
        transaction.set_rollback(True)


quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
SEQUENCE = {
    "steps": st.lists(STEP, min_size=2, max_size=5),
    "order": st.permutations(range(5)),
    "is_arranged": st.booleans(),
}


@given(**SEQUENCE)
@settings(max_examples=12, deadline=None, suppress_health_check=quiet)
def test_withdrawn_in_any_order(db: None, steps: list[Step], order: list[int], is_arranged: bool) -> None:
    run(steps, order, is_arranged)


@pytest.mark.soak
@given(**SEQUENCE)
@settings(max_examples=500, deadline=None, suppress_health_check=quiet)
def test_withdrawn_in_any_order_at_length(
    db: None, steps: list[Step], order: list[int], is_arranged: bool
) -> None:
    run(steps, order, is_arranged)
