"""The tiny town is what its picture says: other tests lean on it."""

import pytest
from django.contrib.gis.db.models import Union
from django.utils import timezone

from boundaries.models import Community, Outline, Placement
from gridmap.models import Household, Resident
from tests import factories
from tests.factories import Town
from tests.gridmap.conftest import Cast


@pytest.mark.django_db
def test_outlines_in_force_tile_each_community(town: Town) -> None:
    outlines = Outline.objects.in_force(timezone.now())
    assert outlines.count() == 9
    for community in Community.objects.all():
        united = outlines.filter(community=community).aggregate(whole=Union("polygon"))["whole"]
        assert united.equals(community.outline)
    assert not Outline.objects.in_force(factories.FOUNDED.replace(year=2018)).exists()


@pytest.mark.django_db
def test_every_building_stands_in_its_stored_grid(town: Town) -> None:
    for row in range(3):
        for column in range(3):
            for building in town.buildings[row][column]:
                assert factories.cell(row, column).contains(building.footprint)
                assert Placement.objects.get(building=building).grid == town.grids[row][column]
    assert (Household.objects.count(), Resident.objects.count()) == (36, 72)


def test_cast_has_everybody_once(cast: Cast) -> None:
    assert len({user.get_username() for user in cast.users.values()}) == len(cast.users)
