"""Households, people and workload by building; and that a workload gives no household away."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pytest_django import DjangoAssertNumQueries

from boundaries.models import Building
from boundaries.models.constraints import since
from gridmap.models import AuditEntry, Factor, Household, Tag, WorkloadWeight
from gridmap.workload import building_loads, loads_of_buildings
from gridmap.workload.buildings import FEWEST, LEFT_OPEN, shared_out
from tests import factories
from tests.factories import Town
from tests.gridmap.conftest import Cast

TAGGED = [Tag.ELDER_ALONE.value]


def weigh(town: Town, **weights: float) -> None:
    for factor, weight in weights.items():
        WorkloadWeight.objects.update_or_create(
            subdistrict=town.subdistrict, factor=factor, defaults={"weight": weight}
        )


def all_of(town: Town) -> Any:
    return building_loads(timezone.now(), [community.pk for community in town.communities])


def crowd(building: Building, households: int) -> None:
    """More households of two behind further doors."""
    Household.objects.bulk_create(
        Household(building=building, entrance="9", room=str(number), point=building.point, head_count=2)
        for number in range(households)
    )


def test_every_building_is_counted_in_one_query(
    town: Town, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    communities = [community.pk for community in town.communities]
    with django_assert_num_queries(1):
        loads = building_loads(timezone.now(), communities)
    assert len(loads) == 18
    assert set(loads.households) == {2}
    assert set(loads.people) == {4}
    assert set(loads.workload) == {2}, "without weights a household counts 1 and nothing else counts"
    first = town.buildings[0][0][0]
    place = loads.id.tolist().index(first.pk)
    assert (loads.lon[place], loads.lat[place]) == (first.point.x, first.point.y)
    assert (loads.community[place], loads.compound[place]) == (first.community_id, first.compound_id)


def test_only_the_communities_that_were_asked_for(town: Town) -> None:
    loads = building_loads(timezone.now(), [town.communities[1].pk])
    assert set(loads.id) == {building.pk for cell in town.buildings[1] for building in cell}
    assert len(building_loads(timezone.now(), [])) == 0


def test_a_building_without_a_community_belongs_where_its_point_lies(town: Town) -> None:
    building = town.buildings[1][1][0]
    Building.objects.filter(pk=building.pk).update(community=None, compound=None)
    loads = building_loads(timezone.now(), [town.communities[1].pk]).of([building.pk])
    assert loads.columns()["community"] == [town.communities[1].pk]
    assert loads.columns()["compound"] == [None]
    assert len(building_loads(timezone.now(), [town.communities[0].pk]).of([building.pk])) == 0
    assert loads_of_buildings(timezone.now(), [building.pk]).columns() == loads.columns()


def test_what_is_over_or_to_come_does_not_count(town: Town) -> None:
    now = timezone.now()
    gone, coming, torn_down = (town.buildings[0][0][0], town.buildings[0][0][1], town.buildings[0][1][0])
    Household.objects.filter(building=gone).update(existed=factories.during(None, now))
    Household.objects.filter(building=coming).update(existed=since(now + timedelta(days=1)))
    Building.objects.filter(pk=torn_down.pk).update(existed=factories.during(None, now))
    loads = building_loads(now, [town.communities[0].pk])
    assert torn_down.pk not in loads.id
    assert loads.of([gone.pk, coming.pk]).households.tolist() == [0, 0]
    assert loads.of([gone.pk]).workload.tolist() == [0]


def test_weights_of_households_and_people(town: Town) -> None:
    weigh(town, household=0.5, person=1.25)
    assert set(all_of(town).workload) == {6}


def test_tags_add_to_a_large_building(town: Town) -> None:
    weigh(town, elder_alone=3)
    building = town.buildings[0][0][0]
    crowd(building, 18)
    for tagged in Household.objects.filter(building=building)[:2]:
        Household.objects.filter(pk=tagged.pk).update(tags=TAGGED)
    assert all_of(town).of([building.pk]).workload.tolist() == [20 + 2 * 3]


def test_a_small_building_does_not_tell_of_its_tags(town: Town) -> None:
    """Whichever household of the community's small buildings has the tag, every number is the same."""
    weigh(town, elder_alone=5)
    seen = []
    for building in (town.buildings[0][0][0], town.buildings[0][1][1], town.buildings[0][2][0]):
        Household.objects.update(tags=[])
        one = Household.objects.filter(building=building).first()
        assert one is not None
        Household.objects.filter(pk=one.pk).update(tags=TAGGED)
        seen.append(building_loads(timezone.now(), [town.communities[0].pk]).workload.tolist())
    assert seen[0] == seen[1] == seen[2]
    assert sum(seen[0]) == 12 + 5, "the community's sum is kept"


def test_where_a_whole_community_is_small_tags_do_not_count(town: Town) -> None:
    weigh(town, elder_alone=5)
    Household.objects.filter(building__in=[b.pk for cell in town.buildings[0][1:] for b in cell]).delete()
    Household.objects.update(tags=TAGGED)
    loads = building_loads(timezone.now(), [town.communities[0].pk])
    assert loads.households.sum() == 4 < FEWEST
    assert loads.workload.tolist() == loads.households.tolist()


def test_health_has_no_weight(town: Town) -> None:
    assert set(Tag.values) - set(Factor.values) == {Tag.QUARANTINE}
    weigh(town, **{factor: 1 for factor in Factor.values if factor in Tag.values})
    Household.objects.update(tags=[Tag.QUARANTINE.value])
    loads = all_of(town)
    assert loads.workload.tolist() == loads.households.tolist()


def test_some_buildings_have_the_numbers_that_they_have_among_all(
    town: Town, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    crowd(town.buildings[2][0][0], 20)
    for household in Household.objects.all()[::3]:
        Household.objects.filter(pk=household.pk).update(tags=TAGGED)
    chosen = [town.buildings[row][1][0].pk for row in range(3)]
    with django_assert_num_queries(1):
        loads_of_buildings(now, chosen)
    weigh(town, elder_alone=4, person=0.3)
    full = all_of(town)
    for some in (chosen, chosen[:1], [town.buildings[2][0][0].pk], [], [0]):
        assert loads_of_buildings(now, some).columns() == full.of(some).columns()


@st.composite
def _town(draw: st.DrawFn) -> tuple[NDArray[Any], ...]:
    size = draw(st.integers(1, 40))
    households = np.array(draw(st.lists(st.integers(0, 25), min_size=size, max_size=size)))
    community = np.array(draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)))
    compound = np.array(draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    with_tag = np.array([draw(st.integers(0, int(count))) for count in households])
    return community, compound, households, with_tag


@given(_town(), st.sampled_from([0.01, 0.5, 1.0, 2.5, 100.0]))
def test_nothing_tells_whether_a_household_has_a_tag(town: tuple[NDArray[Any], ...], weight: float) -> None:
    """Recomputed by hand: what tags add depends on sums over groups of ten only, and never says that all have one."""
    community, compound, households, with_tag = town
    count = households.astype(float)
    most = np.full(len(count), weight)

    def answer(tagged: NDArray[Any]) -> NDArray[Any]:
        return shared_out((community, compound), households, count, tagged * weight, most)

    added = answer(with_tag) - households
    pools: dict[tuple[int, ...], list[int]] = {}
    small = [place for place, held in enumerate(households) if held < FEWEST]
    for place in small:
        pools.setdefault((int(community[place]), int(compound[place])), []).append(place)
    pooled: dict[tuple[int, ...], list[int]] = {}
    for name, places in pools.items():
        whole = name[1] > 0 and households[places].sum() >= FEWEST
        pooled.setdefault(name if whole else name[:1], []).extend(places)
    for place in set(range(len(count))) - set(small):
        pooled[(-1, place)] = [place]
    for name, places in pooled.items():
        held, tags = int(households[places].sum()), int(with_tag[places].sum())
        if held < FEWEST or name[0] == 0:
            assert not added[places].any(), "too few to be counted"
            continue
        assert added[places].sum() == pytest.approx(min(tags, held - LEFT_OPEN) * weight, abs=0.51)
        # the same tags on other doors of the group: the same numbers
        moved, left = with_tag.copy(), tags
        for place in sorted(places, reverse=True):
            moved[place] = min(left, int(households[place]))
            left -= moved[place]
        assert (answer(moved) - households)[places].tolist() == added[places].tolist()


def test_administrators_decide_the_weights_and_each_change_is_on_record(cast: Cast) -> None:
    client = Client()
    address = "/admin/gridmap/workloadweight/add/"
    filled = {"subdistrict": cast.town.subdistrict.pk, "factor": "elder_alone", "weight": "1.5"}
    for name in ("planner", "supervisor", "auditor", "lead", "stranger", "administrator_0", "administrator"):
        client.force_login(cast.user(name))
        answer = client.post(address, filled)
        assert WorkloadWeight.objects.exists() == (name == "administrator"), (name, answer.status_code)
    row = WorkloadWeight.objects.get()
    client.post(f"/admin/gridmap/workloadweight/{row.pk}/change/", filled | {"weight": "2"})
    first, second = AuditEntry.objects.filter(noun="workloadweight").order_by("id")
    assert (first.verb, second.verb) == ("create", "change")
    assert second.details == {"fields": ["weight"], "factor": "elder_alone", "weight": "2", "before": "1.50"}
    assert second.by == cast.user("administrator")
    refused = client.post(address, filled | {"factor": "quarantine"})
    assert refused.status_code == 200
    assert WorkloadWeight.objects.count() == 1
