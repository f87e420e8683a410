"""What a plan changes: buildings, households, compounds and specialists counted by hand on the tiny town."""

import math
from datetime import timedelta

import pytest
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from boundaries.actions.editing import edit
from boundaries.actions.heads import undo
from boundaries.models import (
    Basis,
    Building,
    Compound,
    Outline,
    Placement,
    Plan,
    PublicationState,
    Subdistrict,
)
from boundaries.models.constraints import since
from gridmap.actions.drafts import start_draft
from gridmap.actions.plans import publish_plan
from gridmap.comparison import CHANGED, GONE, NEW, compare, summary, usual
from gridmap.comparison.drawing import document
from gridmap.draft_numbers import Carried, numbers_of
from gridmap.models import Assignment, ServiceCentre, WorkloadWeight
from gridmap.reports import compared
from tests import factories
from tests.factories import CELL, FOUNDED, SOUTH, WEST, Town
from tests.gridmap.comparing_town import carved, merged, pulled
from tests.gridmap.conftest import Cast
from tests.gridmap.publishing_town import draft as draft_of
from tests.gridmap.publishing_town import move_border


def test_a_border_that_was_pulled(cast: Cast) -> None:
    town = cast.town
    west, east = town.grids[0][0].pk, town.grids[0][1].pk
    found = compare(pulled(town))
    assert [(each.grid_id, each.status, each.is_redrawn) for each in found.grids] == [
        (west, CHANGED, True),
        (east, CHANGED, True),
    ]
    loser, winner = found.grids
    assert (loser.gained, loser.lost, winner.gained, winner.lost) == (0, 2, 2, 0)
    assert loser.before is not None
    assert loser.after is not None
    assert (loser.before.load.buildings, loser.before.load.households, loser.before.load.people) == (2, 4, 8)
    assert (loser.after.load.buildings, loser.after.load.households, loser.after.load.people) == (1, 2, 4)
    (move,) = found.moves
    assert (move.building_id, move.before, move.after) == (town.buildings[0][0][1].pk, west, east)
    assert (move.households, move.people, move.is_by_hand) == (2, 4, False)
    (compound,) = found.compounds
    assert (compound.buildings, compound.all_buildings, compound.households, compound.all_households) == (
        1,
        2,
        2,
        4,
    )
    assert not compound.is_whole
    assert compound.is_torn
    assert (compound.before, compound.after) == ((west,), (west, east))
    assert [(each.title, each.before, each.gained, each.lost, each.after) for each in found.specialists] == [
        ("Specialist 001", 4, 0, 2, 2),
        # leads two grids: 0,1 and 0,2
        ("Specialist 002", 8, 2, 0, 10),
    ]
    # half a cell: some 95.6 m by 221.7 m
    assert found.summary.area_m2 == pytest.approx(21_210, rel=0.01)
    assert (found.summary.households, found.summary.people, found.summary.handed_over) == (2, 4, 2)


def test_a_grid_that_is_carved_out_is_new(cast: Cast) -> None:
    draft, fresh = carved(cast.town)
    found = compare(draft)
    assert [(each.grid_id, each.status) for each in found.grids] == [
        (cast.town.grids[0][0].pk, CHANGED),
        (fresh.pk, NEW),
    ]
    new = found.grids[1]
    assert new.before is None
    assert new.after is not None
    assert new.after.load.kind == "dedicated"
    assert (new.gained, new.lost) == (2, 0)
    nobody = found.specialists[-1] if found.specialists[-1].specialist_id is None else found.specialists[0]
    assert (nobody.specialist_id, nobody.before, nobody.gained) == (None, 0, 2)
    assert (found.summary.before.vacant, found.summary.after.vacant) == (0, 1)
    assert (found.summary.before.dedicated, found.summary.after.dedicated) == (0, 1)


def test_a_new_grid_is_counted_with_the_lead_that_publication_gives_it(cast: Cast) -> None:
    draft, fresh = carved(cast.town)
    as_published = compared(draft)
    assert as_published.specialists == [], "the lead of the donor goes with the new grid"
    assert as_published.after.leads[fresh.pk] == cast.specialists["lead"].pk
    other = compare(draft, leads={fresh.pk: cast.specialists["member"].pk})
    assert {(each.title, each.gained, each.lost) for each in other.specialists} == {
        ("Specialist 001", 0, 2),
        ("Specialist 003", 2, 0),
    }
    vacated = compare(draft_of(cast.town, 0, name="Same"), leads={cast.town.grids[0][0].pk: None})
    assert [(each.specialist_id, each.gained, each.lost) for each in vacated.specialists] == [
        (None, 4, 0),
        (cast.specialists["lead"].pk, 0, 4),
    ]


def test_a_grid_that_was_merged_away_is_gone(cast: Cast) -> None:
    found = compare(merged(cast.town))
    statuses = {each.grid_id: each.status for each in found.grids}
    assert statuses == {cast.town.grids[1][1].pk: GONE, cast.town.grids[1][2].pk: CHANGED}
    gone = next(each for each in found.grids if each.status == GONE)
    assert gone.after is None
    assert (gone.gained, gone.lost) == (0, 4)
    assert gone.now.load.specialist_title == "Specialist 005"
    (compound,) = found.compounds
    assert compound.is_whole
    assert not compound.is_torn
    assert (found.summary.before.grids, found.summary.after.grids) == (3, 2)
    assert (found.summary.new, found.summary.gone, found.summary.changed) == (0, 1, 1)


def test_a_new_name_is_a_change_without_ground(cast: Cast) -> None:
    draft = draft_of(cast.town, 2)
    Outline.objects.filter(plan=draft, grid=cast.town.grids[2][0]).update(name="改名", name_en="Renamed")
    found = compare(draft)
    (grid,) = found.grids
    assert (grid.status, grid.is_redrawn, grid.gained, grid.lost) == (CHANGED, False, 0, 0)
    assert not found.summary.is_empty
    assert found.faces == []
    assert found.moves == []


def test_nothing_differs(cast: Cast) -> None:
    found = compare(draft_of(cast.town, 0, 1, 2))
    assert found.summary.is_empty
    assert (found.grids, found.moves, found.compounds, found.specialists, found.faces) == ([], [], [], [], [])
    assert found.summary.before == found.summary.after
    assert summary(cast.town.plan, cast.town.plan).is_empty


def test_only_communities_of_both_plans_are_compared(cast: Cast) -> None:
    town = cast.town
    north, middle = pulled(town), merged(town)
    found = compare(town.plan, north)
    assert [each.pk for each in found.communities] == [town.communities[0].pk]
    assert [each.pk for each in found.left_out] == [each.pk for each in town.communities[1:]]
    assert found.summary.households == 2
    apart = compare(north, middle)
    assert apart.communities == []
    assert apart.summary.is_empty
    assert apart.before.state == {}


def test_two_drafts_of_one_community(cast: Cast) -> None:
    town = cast.town
    one, (other, fresh) = pulled(town), carved(town)
    found = compare(other, one)
    assert {(move.before, move.after) for move in found.moves} == {(town.grids[0][1].pk, fresh.pk)}
    assert {each.grid_id: each.status for each in found.grids} == {
        town.grids[0][1].pk: CHANGED,
        fresh.pk: NEW,
    }


def test_plans_that_were_in_force_are_compared_as_they_stood(cast: Cast) -> None:
    """Neither is in force any more: their outlines stand against each other, with today's households."""
    town = cast.town
    first, second, third = pulled(town, "First"), merged(town, "Second"), draft_of(town, 0, 1, name="Third")
    for row, base in enumerate((first, second)):
        Basis.objects.filter(plan=third, community=town.communities[row]).update(base=base)
    start = timezone.now() + timedelta(seconds=60)
    for days, (plan, rows) in enumerate([(first, [0]), (second, [1]), (third, [0, 1])]):
        chosen = [town.communities[row] for row in rows]
        publish_plan(plan=plan, communities=chosen, at=start + timedelta(days=days), by=None)
    found = compare(first, town.plan)
    assert [(move.building_id, move.households) for move in found.moves] == [(town.buildings[0][0][1].pk, 2)]
    # what is in force at a time still to come, and at one before the founding
    assert compare(first, at=start + timedelta(hours=1)).summary.is_empty
    assert compare(first, at=start + timedelta(days=3)).summary.households == 2
    before_all = compare(first, at=FOUNDED - timedelta(days=1))
    assert {each.status for each in before_all.grids} == {NEW}
    assert before_all.before.state == {}


def test_what_a_plan_is_usually_compared_with(cast: Cast) -> None:
    draft = pulled(cast.town)
    assert usual(draft) is None
    publish_plan(
        plan=draft, communities=[cast.town.communities[0]], at=timezone.now() + timedelta(hours=1), by=None
    )
    assert usual(draft) == cast.town.plan
    assert usual(cast.town.plan) is None


def test_a_withdrawn_publication_is_not_what_is_in_force(cast: Cast) -> None:
    draft = pulled(cast.town)
    publish_plan(
        plan=draft, communities=[cast.town.communities[0]], at=timezone.now() + timedelta(hours=1), by=None
    )
    later = timezone.now() + timedelta(days=1)
    assert compare(draft, at=later).summary.is_empty
    draft.publications.update(state=PublicationState.WITHDRAWN)
    assert compare(draft, at=later).before.state == {}


def test_buildings_and_people_are_those_of_the_day(cast: Cast) -> None:
    town = cast.town
    yesterday = timezone.now() - timedelta(days=1)
    building = town.buildings[0][0][1]
    Building.objects.filter(pk=building.pk).update(existed=factories.during(None, yesterday))
    draft = pulled(town)
    assert compare(draft).moves == []
    assert len(compare(draft, at=yesterday - timedelta(hours=1)).moves) == 1
    Assignment.objects.filter(specialist=cast.specialists["lead"]).update(
        period=factories.during(yesterday, None)
    )
    early = compare(draft, at=yesterday - timedelta(hours=1))
    assert {each.title for each in early.specialists} == {"", "Specialist 002"}


def test_a_building_given_by_hand_stays_with_its_grid(cast: Cast) -> None:
    town = cast.town
    building = town.buildings[0][0][1]
    Placement.objects.filter(building=building).delete()
    Placement.objects.create(
        building=building, grid=town.grids[0][0], period=since(FOUNDED), is_override=True
    )
    found = compare(pulled(town))
    assert found.moves == [], "its ground moves, the building does not"
    assert len(found.faces) == 1
    Placement.objects.filter(building=building).update(grid=town.grids[0][2])
    draft = pulled(town, "Without its grid")
    Outline.objects.get(plan=draft, grid=town.grids[0][2]).delete()
    (move,) = [each for each in compare(draft).moves if each.building_id == building.pk]
    assert (move.before, move.after, move.is_by_hand) == (town.grids[0][2].pk, town.grids[0][1].pk, True)


def test_the_norm_is_the_target_and_otherwise_the_mean_of_the_same_side(cast: Cast) -> None:
    Subdistrict.objects.filter(pk=cast.town.subdistrict.pk).update(norm="", norm_limit=None)
    draft = Plan.objects.select_related("subdistrict").get(pk=merged(cast.town).pk)
    found = compare(draft)
    assert not found.after.target.is_norm
    assert (found.before.target.value, found.after.target.value) == (8.0, 12.0)
    grown = next(each for each in found.grids if each.status == CHANGED)
    assert grown.before is not None
    assert grown.after is not None
    assert grown.before.deviation == 0
    assert grown.after.deviation == pytest.approx(16 / 12 - 1)
    Subdistrict.objects.filter(pk=cast.town.subdistrict.pk).update(norm="households", norm_limit=5)
    draft = Plan.objects.select_related("subdistrict").get(pk=draft.pk)
    found = compare(draft)
    aim = found.after.target
    assert (aim.is_norm, aim.measure, aim.value) == (True, "households", 5.0)
    assert (found.summary.before.over, found.summary.after.over) == (0, 1)
    assert found.summary.after.worst == pytest.approx(8 / 5 - 1)
    assert found.summary.after.least == pytest.approx(4 / 5 - 1)


def test_workload_follows_the_weights_of_the_town(cast: Cast) -> None:
    WorkloadWeight.objects.update_or_create(
        subdistrict=cast.town.subdistrict, factor="person", defaults={"weight": 1}
    )
    loser = compare(pulled(cast.town)).grids[0]
    assert loser.before is not None
    assert loser.after is not None
    # a household weighs 1, and so does each of its two people
    assert (loser.before.workload, loser.after.workload) == (12, 6)


def test_walking_radius_from_the_centre_of_the_lead(cast: Cast) -> None:
    """The only centre stands in the middle of the town, on 1,1: building 1 of 0,0 is a cell north and 1.2 cells west of it."""
    town = cast.town
    found = compare(pulled(town))
    loser = found.grids[0]
    assert loser.after is not None
    assert loser.after.walk is not None
    east, north = 0.0024 * 95_750, 0.002 * 110_870
    assert loser.after.walk.mean_m == pytest.approx(math.hypot(east, north), rel=0.002)
    assert loser.after.walk.p90_m == pytest.approx(loser.after.walk.mean_m)
    assert loser.after.round_m == pytest.approx(0, abs=1e-6), "one building alone is its own middle"
    assert loser.before is not None
    # two buildings 0.0008 degrees apart, both 0.0004 from their middle
    assert loser.before.round_m == pytest.approx(0.0004 * 95_750, rel=0.002)
    near = ServiceCentre.objects.create(
        subdistrict=town.subdistrict, name="近", address="1", point=town.buildings[0][0][0].point
    )
    type(cast.specialists["lead"]).objects.filter(pk=cast.specialists["lead"].pk).update(centre=near)
    again = compare(pulled(town, "Again")).grids[0]
    assert again.after is not None
    assert again.after.walk is not None
    assert again.after.walk.mean_m == pytest.approx(0, abs=1e-6)


def test_without_a_lead_the_nearest_centre_of_the_community_counts(cast: Cast) -> None:
    town = cast.town
    near = ServiceCentre.objects.create(
        subdistrict=town.subdistrict, name="近", address="1", point=factories.middle(2, 1)
    )
    near.communities.set([town.communities[2]])
    draft = draft_of(town, 2)
    Outline.objects.filter(plan=draft, grid=town.grids[2][1]).update(name="改")
    (vacant,) = compare(draft).grids
    assert vacant.after is not None
    assert vacant.after.load.is_vacant
    assert vacant.after.walk is not None
    # the new centre is in the middle of the grid, its two buildings 0.0004 degrees beside it; the other a cell away
    assert vacant.after.walk.mean_m == pytest.approx(0.0004 * 95_750, rel=0.002)
    ServiceCentre.objects.all().delete()
    (vacant,) = compare(draft).grids
    assert vacant.after is not None
    assert vacant.after.walk is None


def test_queries_do_not_grow_with_the_town(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    small, large = pulled(cast.town), draft_of(cast.town, 0, 1, 2, name="Large")
    for row in range(3):
        move_border(cast.town, large, row=row, at=0.5)
    for number in range(3, 60):
        factories.make_building(cast.town, 1, 1, number, homes=False)
    for plan in (small, large):
        loaded = Plan.objects.select_related("subdistrict").get(pk=plan.pk)
        with django_assert_num_queries(11):
            compare(loaded)
        with django_assert_num_queries(11):
            compare(loaded, cast.town.plan)


def test_the_drawing_holds_each_grid_once_a_side(cast: Cast) -> None:
    found = document(compare(pulled(cast.town)))
    west, middle, east = (grid.pk for grid in cast.town.grids[0])
    assert [each["id"] for each in found["same"]] == [east]
    assert (
        {each["id"] for each in found["before"]} == {each["id"] for each in found["after"]} == {west, middle}
    )
    (ground,) = found["changed"]
    assert ground["properties"] == {
        "before": west, "after": middle, "area_m2": ground["properties"]["area_m2"], "buildings": 1,
        "households": 2, "people": 4,
    }  # fmt: skip
    assert [each["id"] for each in found["buildings"]] == [cast.town.buildings[0][0][1].pk]
    assert found["loads"]["before"][west] == (2, 4, 8)
    assert found["loads"]["after"][west] == (1, 2, 4)
    assert [each["properties"]["code"] for each in found["communities"]] == [cast.town.communities[0].code]


def test_the_numbers_are_those_that_the_editor_showed(cast: Cast) -> None:
    """A real draft, cut, merged and handed on by its commands; and what undoing leaves."""
    town, planner = cast.town, cast.user("planner")
    draft = start_draft(
        subdistrict=town.subdistrict, communities=town.communities[:2], name="Real", by=planner
    )
    west, middle_, east = (grid.pk for grid in town.grids[0])
    x = round(WEST + CELL / 2, 8)
    line = {
        "type": "LineString",
        "coordinates": [[x, SOUTH + 2 * CELL - 0.001], [x, SOUTH + 3 * CELL + 0.001]],
    }
    commands: list[dict[str, object]] = [
        {"command": "split", "grid": west, "line": line},
        {"command": "merge", "grids": [middle_, east], "into": east},
        {"command": "move_buildings", "buildings": [town.buildings[1][0][1].pk], "to": town.grids[1][1].pk},
    ]
    shown: dict[int, Carried] = {}
    moved: dict[int, int | None] = {}
    head: int | None = None
    for command in commands:
        edited = edit(plan=draft, command=command, head=head, by=planner)
        head = edited.head
        numbers = numbers_of(draft, edited)
        shown |= numbers.grids
        moved |= numbers.moved
    found = compare(Plan.objects.select_related("subdistrict").get(pk=draft.pk))
    statuses = {each.grid_id: each.status for each in found.grids}
    fresh = next(grid for grid, status in statuses.items() if status == NEW)
    assert statuses == {
        west: CHANGED, fresh: NEW, middle_: GONE, east: CHANGED,
        town.grids[1][0].pk: CHANGED, town.grids[1][1].pk: CHANGED,
    }  # fmt: skip
    told = {
        grid: Carried(
            each.load.buildings, each.load.households, each.load.people, each.workload, each.deviation
        )
        for grid, each in found.after.figures.items()
        if grid in shown
    }
    assert told == {grid: carried for grid, carried in shown.items() if grid in told}
    assert {move.building_id: move.after for move in found.moves} == moved
    assert (found.before.plan, len(found.moves)) == (None, 4)
    for _step in commands:
        edited = undo(plan=draft, head=head, by=planner)
        head = edited.head
    assert compare(Plan.objects.select_related("subdistrict").get(pk=draft.pk)).summary.is_empty


def test_names_are_in_the_reader_s_language(cast: Cast) -> None:
    found = compare(pulled(cast.town))
    with translation.override("zh-hans"):
        assert found.compounds[0].title == "和平小区1"
        assert found.specialists[0].title == "网格员001"
        assert found.grids[0].now.load.title == "和平第1网格"
    with translation.override("en"):
        assert found.compounds[0].title == "Heping Court 1"
    Compound.objects.update(name_en="")
    assert compare(pulled(cast.town, "Again")).compounds[0].title == "和平小区1"


def test_summary_names_whoever_gains_and_loses_most_first(town: Town) -> None:
    leads = [factories.make_specialist(town, f"{number:03}") for number in range(3)]
    for lead, grid in zip(leads, town.grids[0], strict=True):
        factories.assign(lead, grid)
    found = summary(pulled(town), leads={town.grids[0][2].pk: leads[0].pk})
    assert [(each.title, each.lost) for each in found.losers] == [
        ("Specialist 002", 4),
        ("Specialist 000", 2),
    ]
    assert [(each.title, each.gained) for each in found.gainers] == [
        ("Specialist 000", 4),
        ("Specialist 001", 2),
    ]
