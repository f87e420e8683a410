"""Each finding about a plan's ground: that it is found, where, and when it is an error."""

from collections.abc import Collection
from datetime import timedelta

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.utils import timezone

from boundaries.actions.plans import publish
from boundaries.findings import Finding, building_grids, geography, outlines_of
from boundaries.models import Community, Grid, Outline, Placement, Plan, Publication
from tests import factories
from tests.factories import CELL, SOUTH, WEST, Town
from tests.gridmap import publishing_town as redrawn


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


@pytest.fixture
def plan(town: Town) -> Plan:
    return redrawn.draft(town, 1)


def found(
    town: Town, plan: Plan, *rows: int, confirmed: Collection[int] = (), released: Collection[int] = ()
) -> dict[str, Finding]:
    """The findings about communities of the plan tomorrow, by code; the first of each."""
    listed = geography(
        plan,
        [town.communities[row] for row in rows or (1,)],
        at=timezone.now() + timedelta(days=1),
        confirmed=confirmed,
        released=released,
    )
    assert [each.level for each in listed] == sorted(each.level for each in listed), "errors first"
    return {each.code: each for each in reversed(listed)}


def near(finding: Finding, lon: float, lat: float) -> bool:
    """Within about a metre."""
    assert finding.lon is not None
    assert finding.lat is not None
    return abs(finding.lon - lon) < 1e-5 and abs(finding.lat - lat) < 1e-5


def test_nothing_to_find_fault_with(town: Town, plan: Plan) -> None:
    assert found(town, plan) == {}
    redrawn.move_border(town, plan)
    redrawn.split(town, plan, 1, 2)
    assert found(town, plan) == {}


def test_gap_overlap_overhang_and_nothing_at_all(town: Town, plan: Plan) -> None:
    last, lat = town.grids[1][2], SOUTH + 1.5 * CELL
    redrawn.reshape(plan, last, redrawn.strip(1, 2.5, 3))
    gap = found(town, plan)["gap"]
    assert (gap.level, gap.community) == ("error", "510115001004")
    assert near(gap, WEST + 2.25 * CELL, lat)
    redrawn.reshape(plan, last, redrawn.strip(1, 1.5, 3))
    overlap = found(town, plan)["overlap"]
    assert overlap.grid == "510115001004002"
    assert near(overlap, WEST + 1.75 * CELL, lat)
    redrawn.reshape(plan, last, redrawn.strip(1, 2, 3.5))
    assert near(found(town, plan)["overhang"], WEST + 3.25 * CELL, lat)
    Outline.objects.filter(plan=plan).delete()
    assert set(found(town, plan)) >= {"empty"}


def test_corners_that_neighbours_do_not_share(town: Town, plan: Plan) -> None:
    """A corner in the middle of a straight border, on one side only: nothing shows, and the next edit would tear it."""
    west, south, east, north = redrawn.strip(1, 0, 1).extent
    ring = [
        (west, south),
        (east, south),
        (east, (south + north) / 2),
        (east, north),
        (west, north),
        (west, south),
    ]
    redrawn.reshape(plan, town.grids[1][0], MultiPolygon(Polygon(ring), srid=4326))
    finding = found(town, plan)["edges"]
    assert (finding.level, finding.grid) == ("error", "510115001004001")
    plan.frozen_at = timezone.now()
    plan.save()
    assert found(town, plan)["edges"].level == "warning", (
        "what is fixed cannot be mended: rolling back is possible"
    )


def test_a_grid_torn_apart(town: Town, plan: Plan) -> None:
    """1,0 takes the east half of 1,2: two pieces, where it was one."""
    both = [*redrawn.strip(1, 0, 1), *redrawn.strip(1, 2.4, 3)]
    redrawn.reshape(plan, town.grids[1][0], MultiPolygon(*both, srid=4326))
    redrawn.reshape(plan, town.grids[1][2], redrawn.strip(1, 2, 2.4))
    torn = found(town, plan)["torn"]
    assert (torn.level, torn.grid) == ("error", "510115001004001")
    assert near(torn, WEST + 2.7 * CELL, SOUTH + 1.5 * CELL), "the smaller piece"
    Placement.objects.all().delete()
    Publication.objects.all().delete()
    assert found(town, plan)["torn"].level == "warning", "a first plan is what it is"


def test_a_neck_and_a_strip_narrower_than_allowed(town: Town, plan: Plan) -> None:
    """Between two halves of 1,0 a neck of half a metre; 1,1 has the rest."""
    west, south, east, north = redrawn.strip(1, 0, 1).extent
    middle, half = (south + north) / 2, 0.5 / 111_000 / 2
    a, b = west + 0.0006, west + 0.0014
    hourglass = [
        (west, south), (a, south), (a, middle - half), (b, middle - half), (b, south), (east, south), (east, north),
        (b, north), (b, middle + half), (a, middle + half), (a, north), (west, north), (west, south),
    ]  # fmt: skip
    redrawn.reshape(plan, town.grids[1][0], MultiPolygon(Polygon(hourglass), srid=4326))
    neck = found(town, plan)["narrow"]
    assert (neck.level, neck.grid) == ("warning", "510115001004001")
    assert near(neck, (a + b) / 2, middle)
    town.subdistrict.narrowest_m = 0.4
    town.subdistrict.save()
    plan.refresh_from_db()
    assert "narrow" not in found(town, plan)


def test_buildings_without_a_grid_on_a_border_and_set_by_hand(town: Town, plan: Plan) -> None:
    outside, border, given = town.buildings[0][0][0], town.buildings[1][1][0], town.buildings[1][2][0]
    outside.community = town.communities[1]  # by mistake: it stands in community 0
    outside.save()
    homeless = found(town, plan)["homeless"]
    assert (homeless.level, homeless.building) == ("error", outside.pk)
    assert near(homeless, outside.point.x, outside.point.y)
    outside.community = town.communities[0]
    outside.save()

    at = (border.point.x - WEST) / CELL
    redrawn.reshape(plan, town.grids[1][0], redrawn.strip(1, 0, at))
    redrawn.reshape(plan, town.grids[1][1], redrawn.strip(1, at, 2))
    on_border = found(town, plan)["on_border"]
    assert (on_border.level, on_border.building, on_border.grid) == ("warning", border.pk, "510115001004001")
    redrawn.reshape(plan, town.grids[1][0], redrawn.strip(1, 0, 1))
    redrawn.reshape(plan, town.grids[1][1], redrawn.strip(1, 1, 2))

    Placement.objects.filter(building=given).update(grid=town.grids[1][0], is_override=True)
    by_hand = found(town, plan)["by_hand"]
    assert (by_hand.level, by_hand.building, by_hand.grid) == ("error", given.pk, "510115001004001")
    assert found(town, plan, confirmed={given.pk})["by_hand"].level == "warning"
    assert "by_hand" not in found(town, plan, released={given.pk})
    Outline.objects.filter(plan=plan, grid=town.grids[1][0]).delete()
    assert "by_hand" not in found(town, plan), "its grid is gone: it follows its ground"


def test_where_each_building_would_be(town: Town, plan: Plan) -> None:
    """The same as publishing stores, with what was set by hand and with what is let go."""
    redrawn.move_border(town, plan)
    given = town.buildings[1][2][0]
    Placement.objects.filter(building=given).update(grid=town.grids[1][0], is_override=True)
    at = timezone.now() + timedelta(days=1)
    placed = building_grids(outlines_of(plan, [town.communities[1]]), at)
    told = dict(zip(placed.building.tolist(), placed.settled().tolist(), strict=True))
    released = dict(zip(placed.building.tolist(), placed.settled({given.pk}).tolist(), strict=True))
    assert released == {**told, given.pk: town.grids[1][2].pk}
    publish(plan=plan, communities=[town.communities[1]], at=at, released=[given.pk], by=None)
    stored = Placement.objects.filter(building__in=told, period__contains=at)
    assert dict(stored.values_list("building", "grid")) == released
    assert dict(stored.values_list("building", "grid")) != told


def test_codes_that_others_have_or_had(town: Town, plan: Plan) -> None:
    """The code of a grid that was merged away is not used again; a grid may have its own back."""
    redrawn.merge(town, plan, 1, 2, into=1)
    publish(plan=plan, communities=[town.communities[1]], at=timezone.now() + timedelta(hours=1), by=None)
    second = redrawn.draft(town, 1, name="Second")
    Outline.objects.filter(plan=second, grid=town.grids[1][2]).delete()
    redrawn.reshape(second, town.grids[1][1], redrawn.strip(1, 1, 2))
    new = Grid.objects.create(subdistrict=town.subdistrict)
    Outline.objects.create(
        grid=new, plan=second, community=town.communities[1], code="510115001004003", name="新",
        polygon=redrawn.strip(1, 2, 3),
    )  # fmt: skip
    taken = found(town, second)["code_taken"]
    assert (taken.level, taken.grid) == ("error", "510115001004003")
    Outline.objects.filter(plan=second, grid=new).update(grid=town.grids[1][2])
    assert "code_taken" not in found(town, second)


def test_a_grid_of_another_community(town: Town, plan: Plan) -> None:
    """1,2 is drawn as a grid of community 1 while community 0 has it in force."""
    Outline.objects.filter(plan=plan, grid=town.grids[1][2]).update(grid=town.grids[0][0])
    elsewhere = found(town, plan)["elsewhere"]
    assert (elsewhere.level, elsewhere.grid) == ("error", "510115001004003")
    assert "Heping" in elsewhere.message


def test_ground_that_others_published_since(town: Town, plan: Plan) -> None:
    other, community = redrawn.draft(town, 1, name="Other"), [town.communities[1]]
    assert "unsettled" not in found(town, plan)
    redrawn.merge(town, other, 1, 2, into=1)
    publish(plan=other, communities=community, at=timezone.now() + timedelta(hours=1), by=None)
    finding = found(town, plan)["unsettled"]
    assert (finding.level, finding.community) == ("error", "510115001004")
    assert near(finding, WEST + 2.5 * CELL, SOUTH + 1.5 * CELL), "what changed hands"
    plan.bases.update(base=other)
    assert "unsettled" not in found(town, plan)
    plan.bases.update(base=None)
    assert found(town, plan)["unsettled"].level == "warning", "brought in from a file before"
    assert "unsettled" not in found(town, town.plan), "it held before: rolling back"
    third = redrawn.draft(town, 0, 1, name="Third")
    assert set(found(town, third, 0)) == set(), "another community is untouched"


def test_what_is_scheduled_to_follow(town: Town, plan: Plan) -> None:
    publish(plan=plan, communities=[town.communities[1]], at=timezone.now() + timedelta(days=9), by=None)
    other = redrawn.draft(town, 1, name="Sooner")
    followed = found(town, other)["followed"]
    assert followed.level == "warning"
    assert "“Redraw” is scheduled to follow" in followed.message


def test_questions_asked_of_the_database(
    town: Town, plan: Plan, django_assert_max_num_queries: object
) -> None:
    """No more for many communities than for one, but for what each costs in geometry."""
    everything = redrawn.draft(town, 0, 1, 2, name="All")
    communities = list(Community.objects.all())
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        assert geography(everything, communities, at=timezone.now()) == []
