"""Who goes with which grid: the rules, what the planner chooses instead, and that withdrawing gives everything back."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from boundaries.actions.plans import PublishError
from boundaries.models import Grid, GridKind, Outline, Placement, Plan
from gridmap.actions.plans import publish_plan, withdraw
from gridmap.carrying_over import GONE, KEPT, NEW, RETURNS, Choices, propose
from gridmap.models import Assignment, CarriedPost, HandOver, HostContact, Part
from gridmap.responsibility import locate
from tests import factories
from tests.gridmap import publishing_town as redrawn
from tests.gridmap.conftest import Cast


@pytest.fixture
def later() -> datetime:
    """Tomorrow."""
    return timezone.now() + timedelta(days=1)


def publish(
    cast: Cast, plan: Plan, at: datetime, *rows: int, leads: dict[int, int | None] | None = None
) -> object:
    """By the machine, so that nobody has to approve."""
    return publish_plan(
        plan=plan,
        communities=[cast.town.communities[row] for row in rows or (1,)],
        at=at,
        choices=Choices(leads or {}),
        by=None,
    )


def state(at: datetime) -> list[tuple[int, int, str]]:
    """All posts that hold at a time."""
    return sorted(Assignment.objects.in_force(at).values_list("grid", "specialist", "part"))


def test_kept_grids_keep_their_people_without_a_new_row(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 1)
    redrawn.move_border(cast.town, plan)
    rows = set(Assignment.objects.values_list("pk", "period", "revoked_at"))
    publish(cast, plan, later)
    assert set(Assignment.objects.values_list("pk", "period", "revoked_at")) == rows
    assert not CarriedPost.objects.exists()


def test_split_goes_with_the_people_of_its_origin(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 1)
    new = redrawn.split(cast.town, plan, 1, 0)
    away, stand_in = cast.specialists["away"].pk, cast.specialists["stand_in"].pk
    row = propose(plan, [cast.town.communities[1]], at=later).by_id()[new.pk]
    assert (row.change, row.origin, row.lead, row.stand_in) == (NEW, "510115001004001", away, stand_in)
    assert (row.buildings, row.households) == (1, 2)
    publish(cast, plan, later)
    assert redrawn.people(new, later) == {Part.LEAD: [away], Part.STAND_IN: [stand_in]}
    assert redrawn.people(new, later - timedelta(seconds=1)) == {}
    assert redrawn.people(cast.town.grids[1][0], later) == {Part.LEAD: [away], Part.STAND_IN: [stand_in]}


def test_carved_out_of_two_grids_goes_to_the_lead_of_the_larger_giver(cast: Cast, later: datetime) -> None:
    """One building of 1,0 with two households and one of 1,1 with three: 1,1 gives more."""
    town = cast.town
    factories.make_household(town.buildings[1][1][0], "103")
    plan = redrawn.draft(town, 1)
    redrawn.reshape(plan, town.grids[1][0], redrawn.strip(1, 0, 0.5))
    redrawn.reshape(plan, town.grids[1][1], redrawn.strip(1, 1.5, 2))
    school = Grid.objects.create(subdistrict=town.subdistrict)
    Outline.objects.create(
        grid=school, plan=plan, community=town.communities[1], code="510115001004009", name="学校",
        kind=GridKind.DEDICATED, polygon=redrawn.strip(1, 0.5, 1.5),
    )  # fmt: skip
    row = propose(plan, [town.communities[1]], at=later).by_id()[school.pk]
    assert (row.origin, row.lead) == ("510115001004002", cast.specialists["busy"].pk)
    assert (row.buildings, row.households) == (2, 5)


def test_merged_away_ends_and_the_survivor_keeps_its_lead(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 1)
    redrawn.merge(cast.town, plan, 1, 1, into=0)
    gone, stays = cast.town.grids[1][1], cast.town.grids[1][0]
    rows = propose(plan, [cast.town.communities[1]], at=later).by_id()
    assert (rows[gone.pk].change, rows[gone.pk].lead) == (GONE, None)
    assert (rows[stays.pk].change, rows[stays.pk].lead) == (KEPT, cast.specialists["away"].pk)
    publish(cast, plan, later)
    assert redrawn.people(gone, later) == {}
    assert redrawn.lead(gone, later - timedelta(seconds=1)) == cast.specialists["busy"].pk
    assert redrawn.lead(stays, later) == cast.specialists["away"].pk
    moved = HandOver.objects.get()
    assert (moved.giver, moved.taker) == (cast.specialists["busy"], cast.specialists["away"])
    assert (moved.grid, moved.buildings, moved.households) == (stays, 2, 4)


def test_the_planner_chooses_another_lead_or_none(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 1)
    new = redrawn.split(cast.town, plan, 1, 0)
    kept = cast.town.grids[1][2]
    busy, stand_in = cast.specialists["busy"].pk, cast.specialists["stand_in"].pk
    publish(cast, plan, later, leads={new.pk: None, kept.pk: busy})
    assert redrawn.people(new, later) == {Part.STAND_IN: [stand_in]}
    assert redrawn.lead(kept, later - timedelta(seconds=1)) == stand_in
    assert redrawn.lead(kept, later) == busy


def test_a_chosen_lead_gives_up_the_other_part_in_that_grid(cast: Cast, later: datetime) -> None:
    """The stand-in of 1,1 becomes its lead: one person, one part."""
    plan = redrawn.draft(cast.town, 1)
    grid, stand_in = cast.town.grids[1][1], cast.specialists["stand_in"].pk
    publish(cast, plan, later, leads={grid.pk: stand_in})
    assert redrawn.people(grid, later) == {Part.LEAD: [stand_in]}


def test_nobody_from_elsewhere_and_nobody_who_has_left(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 1)
    for who in ("former", "clerk"):
        with pytest.raises(PublishError, match="not in service there"):
            publish(cast, plan, later, leads={cast.town.grids[1][0].pk: cast.specialists[who].pk})


def test_a_lead_arranged_for_later_stays_arranged(cast: Cast, later: datetime) -> None:
    """From next week on somebody else leads 1,2: the chosen lead holds it until then."""
    grid, week = cast.town.grids[1][2], later + timedelta(days=7)
    Assignment.objects.filter(grid=grid).update(period=factories.during(factories.FOUNDED, week))
    factories.assign(cast.specialists["lead"], grid, period=factories.during(week, None))
    plan = redrawn.draft(cast.town, 1)
    publish(cast, plan, later, leads={grid.pk: cast.specialists["busy"].pk})
    assert redrawn.lead(grid, later) == cast.specialists["busy"].pk
    assert redrawn.lead(grid, week) == cast.specialists["lead"].pk


@pytest.mark.parametrize("shape", ["split", "merge", "choice"])
def test_withdrawing_gives_every_post_and_building_back(cast: Cast, later: datetime, shape: str) -> None:
    plan = redrawn.draft(cast.town, 1)
    leads: dict[int, int | None] = {}
    if shape == "split":
        redrawn.split(cast.town, plan, 1, 0)
    elif shape == "merge":
        redrawn.merge(cast.town, plan, 1, 1, into=0)
    else:
        redrawn.move_border(cast.town, plan)
        leads = {cast.town.grids[1][2].pk: cast.specialists["busy"].pk, cast.town.grids[1][1].pk: None}
    times = [timezone.now(), later - timedelta(seconds=1), later, later + timedelta(days=400)]
    posts = [state(at) for at in times]
    grids = [
        sorted(Placement.objects.filter(period__contains=at).values_list("building", "grid")) for at in times
    ]
    done = publish(cast, plan, later, leads=leads)
    assert [state(at) for at in times][:2] == posts[:2], "nothing changes before it takes effect"
    assert state(later) != posts[2]
    withdraw(release=done.release, by=None)  # type: ignore[attr-defined]
    assert [state(at) for at in times] == posts
    assert [
        sorted(Placement.objects.filter(period__contains=at).values_list("building", "grid")) for at in times
    ] == grids
    assert not HandOver.objects.filter(release__withdrawn_at=None).exists()


def test_withdrawing_leaves_what_was_arranged_since(cast: Cast, later: datetime) -> None:
    """The lead of 1,1, which is to be merged away, resigns meanwhile: withdrawing does not bring him back."""
    plan = redrawn.draft(cast.town, 1)
    redrawn.merge(cast.town, plan, 1, 1, into=0)
    done = publish(cast, plan, later)
    grid, noon = cast.town.grids[1][1], later - timedelta(hours=3)
    held = Assignment.objects.get(grid=grid, part=Part.LEAD, revoked_at=None)
    held.revoked_at = timezone.now()
    held.save()
    factories.assign(cast.specialists["busy"], grid, period=factories.during(None, noon))
    withdraw(release=done.release, by=None)  # type: ignore[attr-defined]
    assert redrawn.lead(grid, noon - timedelta(seconds=1)) == cast.specialists["busy"].pk
    assert redrawn.lead(grid, later) is None


def test_withdrawing_what_lies_between_two_others(cast: Cast, later: datetime) -> None:
    """Scheduled for 20 days: a merge. Squeezed in for 10 days: another lead. The window falls back, no more."""
    grid = cast.town.grids[1][1]
    ten, twenty = later + timedelta(days=10), later + timedelta(days=20)
    merged = redrawn.draft(cast.town, 1, name="Merged")
    redrawn.merge(cast.town, merged, 1, 1, into=0)
    publish(cast, merged, twenty)
    between = redrawn.draft(cast.town, 1, name="Between")
    done = publish(
        cast, between, ten, leads={grid.pk: cast.specialists["lead"].pk, cast.town.grids[1][2].pk: None}
    )
    assert redrawn.lead(grid, ten) == cast.specialists["lead"].pk
    assert redrawn.lead(cast.town.grids[1][2], ten) is None
    withdraw(release=done.release, by=None)  # type: ignore[attr-defined]
    assert redrawn.lead(grid, twenty - timedelta(seconds=1)) == cast.specialists["busy"].pk
    assert redrawn.lead(grid, twenty) is None
    assert redrawn.lead(cast.town.grids[1][2], ten) == cast.specialists["stand_in"].pk


def test_rolling_back_brings_grids_and_their_last_leads_back(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 1)
    redrawn.merge(cast.town, plan, 1, 1, into=0)
    publish(cast, plan, later)
    back = later + timedelta(days=30)
    grid = cast.town.grids[1][1]
    row = propose(cast.town.plan, [cast.town.communities[1]], at=back).by_id()[grid.pk]
    assert (row.change, row.lead) == (RETURNS, cast.specialists["busy"].pk)
    publish(cast, cast.town.plan, back)
    assert [redrawn.lead(grid, at) for at in (later - timedelta(seconds=1), later, back)] == [
        cast.specialists["busy"].pk,
        None,
        cast.specialists["busy"].pk,
    ]


def test_host_contacts_and_duty_telephones_are_left_alone(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 2)
    redrawn.merge(cast.town, plan, 2, 2, into=1)
    held = list(HostContact.objects.values_list("pk", "period", "revoked_at"))
    publish(cast, plan, later, 2)
    assert list(HostContact.objects.values_list("pk", "period", "revoked_at")) == held


def test_locate_answers_the_new_lead_from_the_effective_time_on(cast: Cast, later: datetime) -> None:
    plan = redrawn.draft(cast.town, 1)
    redrawn.merge(cast.town, plan, 1, 1, into=2)
    publish(cast, plan, later)
    spot = factories.middle(1, 1)

    def answer(at: datetime) -> tuple[str, str]:
        found = locate(spot.x, spot.y, at=at).as_json("staff")
        return found["grid"]["code"][-3:], found["lead"]["name_en"]

    assert answer(later - timedelta(microseconds=1)) == ("002", "Specialist 005")
    assert answer(later) == ("003", "Specialist 006")
