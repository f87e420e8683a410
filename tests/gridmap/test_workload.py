"""Loads: one query, counted by hand on the tiny town."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from boundaries.models import Placement, Subdistrict
from boundaries.models.constraints import since
from gridmap.models import Household
from gridmap.workload import by_community, by_specialist, grid_loads, target
from tests import factories
from tests.gridmap.conftest import Cast


def test_every_grid_in_force_is_counted_in_one_query(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        loads = grid_loads(timezone.now())
    assert len(loads) == 9
    assert {(load.buildings, load.households, load.people) for load in loads} == {(2, 4, 8)}
    by_grid = {load.grid_id: load for load in loads}
    grids = cast.town.grids
    assert by_grid[grids[0][0].pk].specialist_id == cast.specialists["lead"].pk
    assert by_grid[grids[1][0].pk].lead_is_away
    assert not by_grid[grids[1][1].pk].lead_is_away
    vacant = {load.grid_id for load in loads if load.is_vacant}
    assert vacant == {grids[2][0].pk, grids[2][1].pk}


def test_a_grid_without_buildings_counts_zero(town: factories.Town) -> None:
    grid = town.grids[0][0]
    Placement.objects.filter(grid=grid).update(grid=town.grids[0][1])
    loads = {load.grid_id: load for load in grid_loads(timezone.now())}
    assert (loads[grid.pk].buildings, loads[grid.pk].households, loads[grid.pk].people) == (0, 0, 0)
    assert loads[town.grids[0][1].pk].households == 8


def test_what_is_over_or_to_come_does_not_count(town: factories.Town) -> None:
    now = timezone.now()
    gone, coming = Household.objects.filter(building=town.buildings[0][0][0]).order_by("pk")
    Household.objects.filter(pk=gone.pk).update(existed=factories.during(None, now))
    Household.objects.filter(pk=coming.pk).update(existed=since(now + timedelta(days=1)))
    loads = {load.grid_id: load for load in grid_loads(now)}
    assert loads[town.grids[0][0].pk].households == 2


def test_only_the_ground_that_was_asked_for(cast: Cast) -> None:
    now, town = timezone.now(), cast.town
    assert len(grid_loads(now, communities=[town.communities[0].pk])) == 3
    assert len(grid_loads(now, subdistricts=[town.subdistrict.pk])) == 9
    other = Subdistrict.objects.exclude(pk=town.subdistrict.pk).get()
    assert grid_loads(now, subdistricts=[other.pk]) == []
    assert grid_loads(now, subdistricts=[], communities=[]) == []


def test_grids_are_put_together_by_lead_and_by_community(cast: Cast) -> None:
    loads = grid_loads(timezone.now())
    groups = {group.key: group for group in by_specialist(loads)}
    neighbour = groups[cast.specialists["neighbour"].pk]
    assert (len(neighbour.grids), neighbour.households, neighbour.people) == (2, 8, 16)
    assert groups[cast.specialists["away"].pk].lead_is_away
    assert sum(len(group.grids) for group in groups.values()) == 7, "vacant grids belong to nobody"
    last = by_community(loads)[-1]
    assert (len(last.grids), last.people, last.vacant) == (3, 24, 2)


def test_the_norm_is_the_target_and_the_mean_where_there_is_none(town: factories.Town) -> None:
    loads = grid_loads(timezone.now())
    norm = target(town.subdistrict, loads)
    assert (norm.is_norm, norm.value) == (True, 2500)
    assert norm.deviation(loads[0]) == pytest.approx(8 / 2500 - 1)
    Household.objects.filter(building=town.buildings[0][0][0]).update(head_count=F("head_count") + 9)
    loads = grid_loads(timezone.now())
    mean = target(None, loads)
    assert not mean.is_norm
    assert mean.value == pytest.approx(10)
    assert mean.deviation(loads[0]) == pytest.approx(1.6)


def test_a_school_is_no_light_load_but_may_be_a_heavy_one(town: factories.Town) -> None:
    loads = grid_loads(timezone.now())
    school = replace(loads[0], kind="dedicated")
    aim = target(town.subdistrict, loads)
    assert aim.deviation(school) is None
    assert aim.deviation(replace(school, people=5000)) == pytest.approx(1.0)


def test_nothing_in_force_gives_no_target(db: None) -> None:
    aim = target(None, [])
    assert aim.value == 0
