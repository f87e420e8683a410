"""One rule, two ways: the statement for one point and the compiled index for many must give the same answers."""

import random
from datetime import timedelta

import numpy as np
import pytest
from django.contrib.gis.geos import MultiPolygon
from django.utils import timezone

from boundaries.bulk import Match, PlanProblem
from boundaries.indexing import load_index
from boundaries.locating import metres_per_degree
from boundaries.models import Building, Outline, Placement
from gridmap.responsibility import locate
from tests import factories
from tests.factories import CELL, SOUTH, WEST, Town

PAST = factories.during(None, factories.FOUNDED - timedelta(days=300))
KX, KY = metres_per_degree(SOUTH)


@pytest.fixture
def town(db: None) -> Town:
    """The tiny town with what makes locating hard.

    - 0,0 / building 1: given by hand to 2,2, far away;
    - 0,1 / building 2: moved onto the border of 0,1 and 0,2, stored in 0,1;
    - 1,0: has a hole with nothing in it, wider than the reach, and a building in that hole stored in 1,0;
    - 2,1: overlaps 2,2 by about 10 m.
    """
    town = factories.make_town(homes=False, frozen=False)
    Placement.objects.filter(building=town.buildings[0][0][0]).update(grid=town.grids[2][2], is_override=True)
    west, south = WEST + 2 * CELL - 0.0001, SOUTH + 2.7 * CELL
    straddling = factories.box(west, south, west + 0.0003, south + 0.0002)
    Building.objects.filter(pk=town.buildings[0][1][1].pk).update(
        footprint=straddling, point=straddling.point_on_surface
    )
    holed = Outline.objects.get(grid=town.grids[1][0])
    ring = factories.box(WEST + 0.0002, SOUTH + CELL + 0.0002, WEST + 0.0016, SOUTH + 2 * CELL - 0.0002)
    holed.polygon = MultiPolygon(holed.polygon.difference(ring), srid=4326)
    holed.save()
    wide = Outline.objects.get(grid=town.grids[2][1])
    x0, y0, x1, y1 = wide.polygon.extent
    wide.polygon = factories.box(x0, y0, x1 + 0.0001, y1)
    wide.save()
    return town


def places() -> list[tuple[float, float]]:
    """Points anywhere, on and beside borders and corners, in buildings, and beyond the rim."""
    rng = random.Random(20191130)
    reach = 80 / KX
    found = [
        (
            rng.uniform(WEST - reach, WEST + 3 * CELL + reach),
            rng.uniform(SOUTH - reach, SOUTH + 3 * CELL + reach),
        )
        for _ in range(250)
    ]
    for _ in range(150):
        border = WEST + CELL * rng.randrange(4) + rng.choice([-1.2, -0.8, -1e-4, 0, 1e-4, 0.8, 1.2]) / KX
        found.append((border, rng.uniform(SOUTH - 3 / KY, SOUTH + 3 * CELL + 3 / KY)))
    for column in range(4):
        for row in range(4):
            for dx, dy in ((0, 0), (0.5, 0.5), (-0.9, 0.2), (0.71, -0.7)):
                found.append((WEST + CELL * column + dx / KX, SOUTH + CELL * row + dy / KY))
    for lon, lat in Building.objects.values_list("point", flat=True):
        found.append((lon, lat))
    return found


@pytest.mark.parametrize("accuracy", [None, 30.0])
def test_one_and_many_agree(town: Town, accuracy: float | None) -> None:
    points = np.array(places())
    at = timezone.now()
    index = load_index(at)
    many = index.locate(points[:, 0], points[:, 1], accuracy)
    seen = set()
    for i, (lon, lat) in enumerate(points):
        one = locate(float(lon), float(lat), at=at, accuracy_m=accuracy)
        said = (
            Match(many.match[i]).name.lower(),
            index.codes[many.grid[i]] if many.grid[i] >= 0 else None,
            sorted(index.codes[grid] for grid in many.candidates(i)),
        )
        expected = (
            one.match,
            one.answer.grid["code"] if one.answer else None,
            sorted(each.grid["code"] for each in one.candidates),
        )
        assert said == expected, f"at {lon:.8f} {lat:.8f}"
        if one.answer:
            assert many.distance[i] == pytest.approx(one.distance_m, abs=1e-3)
        seen.add(one.match)
    assert seen == {"inside", "edge", "nearest", "outside"}, "the points must meet every case"


def test_index_of_a_time_without_plan(town: Town) -> None:
    with pytest.raises(PlanProblem, match="No plan is in force"):
        load_index(factories.FOUNDED - timedelta(days=1))


def test_reach_is_each_subdistricts_own(town: Town) -> None:
    beyond = (WEST - 40 / KX, SOUTH + 0.5 * CELL)
    for reach, match in ((50, Match.NEAREST), (30, Match.OUTSIDE)):
        town.subdistrict.nearest_reach_m = reach
        town.subdistrict.save()
        many = load_index(timezone.now(), town.subdistrict).locate([beyond[0]], [beyond[1]])
        assert many.match[0] == match
        assert locate(*beyond).match == match.name.lower()


def test_building_without_a_grid_hides_what_is_below_it(town: Town) -> None:
    """Two footprints share a place: the older row decides, also where it has no grid."""
    below = town.buildings[0][0][0]
    Placement.objects.filter(building=below).update(building=town.buildings[0][0][1], period=PAST)
    Placement.objects.filter(building=town.buildings[0][2][1]).update(grid=town.grids[2][0])
    Building.objects.filter(pk=town.buildings[0][2][1].pk).update(
        footprint=below.footprint, point=below.point
    )
    one = locate(below.point.x, below.point.y)
    index = load_index(timezone.now())
    many = index.locate([below.point.x], [below.point.y])
    assert one.answer is not None
    assert one.answer.grid["code"] == index.codes[many.grid[0]] == "510115001001001"
