"""Settling a draft with what was published since it began. Middle row of the tiny town: a | b | c."""

from datetime import timedelta
from typing import Any

import pytest
import shapely
from django.utils import timezone

from boundaries.actions.draft_errors import Conflict, DraftError
from boundaries.actions.heads import redo, undo
from boundaries.actions.settling import Preference, Side, must_settle, settle, unsettled
from boundaries.models import Basis, Outline, Plan, Publication, Revision
from boundaries.models.constraints import since
from tests import factories
from tests.boundaries.draft_town import (
    across,
    area,
    done,
    draft_of,
    faults,
    ground,
    put_in_force,
    spot,
    state,
)
from tests.factories import Town


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def grids(town: Town) -> tuple[int, int, int]:
    a, b, c = (grid.pk for grid in town.grids[1])
    return a, b, c


def published(town: Town, *commands: tuple[str, dict[str, Any]]) -> Plan:
    """Another planner's draft of the middle community, edited and in force."""
    plan = draft_of(town, 1, name="Theirs")
    for command, more in commands:
        done(plan, command, **more)
    put_in_force(plan, town.communities[1])
    return plan


def base_of(draft: Plan, town: Town) -> int | None:
    return Basis.objects.get(plan=draft, community=town.communities[1]).base_id


def test_nothing_to_settle_until_something_is_published(town: Town) -> None:
    a, _b, _c = grids(town)
    draft = draft_of(town)
    assert (must_settle(draft), unsettled(draft)) == ([], [])
    with pytest.raises(DraftError) as refusal:
        settle(plan=draft, community=town.communities[1], head=None, by=None)
    assert refusal.value.code == "settled"
    theirs = published(town, ("split", {"grid": a, "line": across(1, 0.5)}))
    assert must_settle(draft) == [town.communities[1]]
    (one,) = unsettled(draft)
    assert (one.base, one.theirs, one.disputes) == (town.plan.pk, theirs.pk, [])
    assert sum(change.area_m2 for change in one.changed) == pytest.approx(191 * 222 / 2, rel=0.02)
    assert must_settle(draft_of(town)) == []


def test_both_changes_stand_where_they_do_not_meet(town: Town) -> None:
    a, b, c = grids(town)
    draft = draft_of(town)
    done(draft, "transfer", to=c, area=area(1, 1.7, 2.1))
    done(draft, "rename", grid=c, name="丙")
    theirs = published(
        town, ("split", {"grid": a, "line": across(1, 0.5)}), ("rename", {"grid": b, "name": "乙"})
    )
    elsewhere = {grid: row for grid, row in state(draft).items() if row[4] != town.communities[1].pk}
    before = state(draft)
    draft.refresh_from_db()
    head = draft.head_id
    told = settle(plan=draft, community=town.communities[1], head=head, by=None)
    assert (told.disputes, told.lost) == ([], [])
    (new,) = set(state(theirs)) - set(state(town.plan))
    assert state(draft)[new][:4] == state(theirs)[new][:4]
    assert ground(draft, c).area > 1.2 * ground(town.plan, c).area
    names = dict(Outline.objects.filter(plan=draft).values_list("grid", "name"))
    assert (names[b], names[c]) == ("乙", "丙")
    assert not faults(draft)
    assert base_of(draft, town) == theirs.pk
    assert must_settle(draft) == []
    assert {grid: row for grid, row in state(draft).items() if grid in elsewhere} == elsewhere
    after = state(draft)
    undo(plan=draft, head=told.edited.head, by=None)
    assert state(draft) == before
    assert base_of(draft, town) == town.plan.pk
    assert must_settle(draft) == [town.communities[1]]
    redo(plan=draft, head=head, by=None)
    assert state(draft) == after
    assert base_of(draft, town) == theirs.pk


@pytest.mark.parametrize("side", ["mine", "theirs"])
def test_disputed_ground_goes_as_the_planner_says(town: Town, side: Side) -> None:
    a, b, c = grids(town)
    draft = draft_of(town)
    done(draft, "transfer", to=c, area=area(1, 1.4, 2.1, 0.3, 0.7))
    published(town, ("transfer", {"to": a, "area": area(1, 0.9, 1.6, 0.3, 0.7)}))
    (one,) = unsettled(draft)
    (dispute,) = one.disputes
    assert (dispute.base, dispute.theirs, dispute.mine) == (b, a, c)
    assert dispute.area_m2 == pytest.approx(0.2 * 191.4 * 0.4 * 221.7, rel=0.01)
    draft.refresh_from_db()
    preference = Preference("mine" if side == "theirs" else "theirs", {(b, a, c): side})
    told = settle(plan=draft, community=town.communities[1], prefer=preference, head=draft.head_id, by=None)
    middle = shapely.Point(spot(1, 1.5, 0.5))
    assert ground(draft, c if side == "mine" else a).contains(middle)
    assert ground(draft, a).contains(shapely.Point(spot(1, 1.3, 0.5)))
    assert ground(draft, c).contains(shapely.Point(spot(1, 1.7, 0.5)))
    assert [each.prefer for each in told.disputes] == [side]
    assert not faults(draft)


def test_a_merge_of_theirs_and_a_split_of_mine(town: Town) -> None:
    a, b, c = grids(town)
    draft = draft_of(town)
    done(draft, "split", grid=c, line=across(1, 2.5))
    published(town, ("merge", {"grids": [a, b], "into": a}))
    draft.refresh_from_db()
    settle(plan=draft, community=town.communities[1], head=draft.head_id, by=None)
    assert b not in state(draft)
    assert len([row for row in state(draft).values() if row[4] == town.communities[1].pk]) == 3
    assert not faults(draft)


def test_a_dry_run_writes_nothing(town: Town) -> None:
    a, _b, _c = grids(town)
    draft = draft_of(town)
    published(town, ("split", {"grid": a, "line": across(1, 0.5)}))
    before = state(draft)
    told = settle(plan=draft, community=town.communities[1], head=None, by=None, dry_run=True)
    assert told.edited.dry
    assert len([cell for cell in told.edited.after.values() if cell]) >= 2
    assert state(draft) == before
    assert base_of(draft, town) == town.plan.pk
    assert not Revision.objects.filter(plan=draft).exists()


def test_a_scheduled_plan_counts_as_published(town: Town) -> None:
    a, _b, _c = grids(town)
    draft, theirs = draft_of(town), draft_of(town, 1)
    done(theirs, "split", grid=a, line=across(1, 0.5))
    later = timezone.now() + timedelta(days=3)
    standing = Publication.objects.get(community=town.communities[1])
    standing.period = factories.during(standing.period.lower, later)
    standing.save()
    Publication.objects.create(plan=theirs, community=town.communities[1], period=since(later))
    settle(plan=draft, community=town.communities[1], head=None, by=None)
    assert base_of(draft, town) == theirs.pk


def test_settling_respects_locks(town: Town) -> None:
    a, _b, _c = grids(town)
    draft = draft_of(town)
    done(draft, "lock", grids=[a])
    published(town, ("split", {"grid": a, "line": across(1, 0.5)}))
    before = state(draft)
    draft.refresh_from_db()
    with pytest.raises(DraftError) as refusal:
        settle(plan=draft, community=town.communities[1], head=draft.head_id, by=None)
    assert refusal.value.code == "topology.locked"
    assert state(draft) == before


def test_settling_from_an_older_head_is_refused(town: Town) -> None:
    a, b, _c = grids(town)
    draft = draft_of(town)
    published(town, ("split", {"grid": a, "line": across(1, 0.5)}))
    done(draft, "rename", grid=b, name="乙")
    with pytest.raises(Conflict) as refusal:
        settle(plan=draft, community=town.communities[1], head=None, by=None)
    assert refusal.value.code == "stale"


def test_a_code_that_both_gave_is_not_given_twice(town: Town) -> None:
    a, b, _c = grids(town)
    draft = draft_of(town)
    code = f"{town.communities[1].code}060"
    theirs = draft_of(town, 1, name="Theirs")
    Outline.objects.filter(plan=theirs, grid=a).update(code=code)
    put_in_force(theirs, town.communities[1])
    Outline.objects.filter(plan=draft, grid=b).update(code=code)
    with pytest.raises(DraftError) as refusal:
        settle(plan=draft, community=town.communities[1], head=None, by=None)
    assert refusal.value.code == "code_taken"
