"""«Who is responsible here?» on real PostGIS, in the tiny town of tests.factories."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from boundaries.locating import PlaceError, metres_per_degree
from boundaries.models import Placement
from gridmap.models import Assignment, DutyTelephone
from gridmap.responsibility import locate, town_zone
from tests import factories
from tests.factories import CELL, SOUTH, WEST, Town
from tests.gridmap.conftest import Cast

KX, KY = metres_per_degree(SOUTH + 1.5 * CELL)


def centre(row: int, column: int) -> tuple[float, float]:
    point = factories.middle(row, column)
    return point.x, point.y


def test_inside_answers_with_the_lead(cast: Cast, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        answer = locate(*centre(0, 0))
    body = answer.as_json()
    assert body["match"] == "inside"
    assert body["community"]["name"] == "和平"
    assert body["grid"]["code"] == "510115001001001"
    assert body["specialist"] == {
        "name": "网格员001",
        "name_en": "Specialist 001",
        "telephone": "028-0000 1001",
        "part": "lead",
    }
    assert body["plan"]["name"] == "Founding scheme"
    assert body["centre"]["name"] == "和平党群服务中心"
    assert [each["grid"]["code"] for each in body["candidates"]] == ["510115001001001"]


def test_public_is_told_one_public_name_only(cast: Cast) -> None:
    """Full names, members, stand-ins and host contacts are for colleagues."""
    for row in range(3):
        for column in range(3):
            answer = locate(*centre(row, column))
            text = str(answer.as_json("public"))
            assert "职工本名" not in text
            assert "Legal Name" not in text
            assert "门卫老张" not in text
            assert not {"lead", "members", "host_contact"} & set(answer.as_json("public"))
    staff = locate(*centre(2, 2)).as_json("staff")
    assert staff["host_contact"]["name"] == "门卫老张"
    assert staff["lead"]["full_name"] == "职工本名005"


def test_lead_on_leave_is_answered_by_the_stand_in(cast: Cast) -> None:
    answer = locate(*centre(1, 0))
    assert answer.answers == "stand_in"
    assert answer.as_json()["specialist"]["name"] == "网格员006"
    assert answer.as_json("staff")["lead"]["name"] == "网格员004"


def test_public_hears_of_a_stand_in_only_while_it_answers(cast: Cast) -> None:
    assert locate(*centre(1, 0)).as_json("public")["stand_in"]["name"] == "网格员006"
    assert locate(*centre(1, 1)).as_json("public")["stand_in"] is None
    assert locate(*centre(1, 1)).as_json("staff")["stand_in"]["name"] == "网格员006"


def test_lead_on_duty_is_not_passed_over(cast: Cast) -> None:
    assert locate(*centre(1, 1)).as_json()["specialist"]["name"] == "网格员005"


def test_stand_in_also_away_leaves_the_duty_telephone(cast: Cast) -> None:
    factories.send_away(cast.specialists["stand_in"])
    answer = locate(*centre(1, 0))
    assert answer.answers == "duty_telephone"
    body = answer.as_json()
    assert body["specialist"] is None
    assert body["duty_telephone"]["number"] == "028-0000 0001"


def test_vacant_grid_is_never_an_empty_answer(cast: Cast) -> None:
    assert locate(*centre(2, 1)).answers == "duty_telephone"
    DutyTelephone.objects.all().delete()
    assert locate(*centre(2, 1)).answers == "nobody"


def test_past_and_future(cast: Cast) -> None:
    """Whoever was responsible then is the answer for then; leave that ends tomorrow ends tomorrow."""
    now = timezone.now()
    then = locate(*centre(2, 0), at=now - timedelta(days=60))
    assert then.as_json()["specialist"]["name"] == "网格员007", "the one who left a month ago"
    assert locate(*centre(2, 0), at=now).answers == "duty_telephone"
    assert locate(*centre(1, 0), at=now + timedelta(days=2)).answers == "lead"
    long_ago = datetime(2018, 1, 1, tzinfo=factories.ZONE)
    before = locate(*centre(0, 0), at=long_ago)
    assert before.match == "outside"
    assert before.community is not None, "the community stood before its first plan"
    assert before.community["name"] == "和平"


def test_revoked_rows_do_not_count(cast: Cast) -> None:
    Assignment.objects.filter(grid=cast.town.grids[0][0]).update(revoked_at=timezone.now())
    assert locate(*centre(0, 0)).answers == "duty_telephone"


def test_naive_instant_is_refused(town: Town) -> None:
    with pytest.raises(ValueError, match="time zone"):
        locate(*centre(0, 0), at=datetime(2020, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("east_m", "match", "answer", "candidates"),
    [
        (-1.01, "inside", "001", ["001"]),
        (-0.99, "edge", "001", ["001", "002"]),
        (0.0, "edge", "001", ["001", "002"]),
        (0.99, "edge", "002", ["002", "001"]),
        (1.01, "inside", "002", ["002"]),
    ],
)
def test_border_between_two_grids(
    town: Town, east_m: float, match: str, answer: str, candidates: list[str]
) -> None:
    body = locate(WEST + CELL + east_m / KX, centre(1, 0)[1]).as_json()
    assert body["match"] == match
    assert body["grid"]["code"][-3:] == answer
    assert [each["grid"]["code"][-3:] for each in body["candidates"]] == candidates


def test_corner_of_four(town: Town) -> None:
    """On the corner where four grids of two communities meet the lowest code answers, always."""
    answers = [locate(round(WEST + CELL, 8), round(SOUTH + CELL, 8)).as_json() for _ in range(3)]
    assert answers[0]["grid"]["code"] == "510115001004001"
    assert [each["grid"]["code"][-6:] for each in answers[0]["candidates"]] == [
        "004001",
        "004002",
        "044001",
        "044002",
    ]
    assert [answer["grid"] for answer in answers] == [answers[0]["grid"]] * 3


@pytest.mark.parametrize(
    ("west_m", "match", "distance"),
    [(0.5, "edge", 0.5), (12.0, "nearest", 12.0), (49.9, "nearest", 49.9), (50.1, "outside", 0.0)],
)
def test_beyond_the_rim(town: Town, west_m: float, match: str, distance: float) -> None:
    answer = locate(WEST - west_m / KX, centre(1, 0)[1])
    assert answer.match == match
    assert answer.distance_m == pytest.approx(distance, abs=0.01)
    assert (answer.answer is None) == (match == "outside")


def test_reach_is_a_setting_of_the_subdistrict(town: Town) -> None:
    town.subdistrict.nearest_reach_m = 200
    town.subdistrict.save()
    assert locate(WEST - 180 / KX, centre(1, 0)[1]).match == "nearest"


def test_stated_accuracy_makes_an_edge(town: Town) -> None:
    lon = WEST + CELL - 20 / KX
    assert locate(lon, centre(1, 0)[1]).match == "inside"
    assert locate(lon, centre(1, 0)[1], accuracy_m=25).match == "edge"


def test_building_under_the_point_is_named(town: Town) -> None:
    building = town.buildings[1][0][0]
    found = locate(building.point.x, building.point.y).as_json()["building"]
    assert found == {
        "id": building.pk,
        "address": "南街小区1 1栋",
        "address_en": "Building 1, Nanjie Court 1",
        "name": "",
        "name_en": "",
    }


def test_building_answers_with_its_stored_grid(town: Town) -> None:
    """A building given by hand to another grid takes the points in it along, near or far."""
    building, other = town.buildings[1][0][0], town.grids[1][2]
    Placement.objects.filter(building=building).update(grid=other, is_override=True)
    answer = locate(building.point.x, building.point.y)
    assert answer.match == "inside"
    assert answer.answer is not None
    assert answer.answer.grid_id == other.pk
    assert [each.grid_id for each in answer.candidates] == [other.pk, town.grids[1][0].pk]


def test_withdrawn_publication_is_not_in_force(town: Town) -> None:
    town.communities[1].outlines.get(grid=town.grids[1][1]).plan.publications.update(state="withdrawn")
    assert locate(*centre(1, 1)).match == "outside"


def test_exchanged_coordinates_are_recognised(town: Town) -> None:
    lon, lat = centre(1, 1)
    with pytest.raises(PlaceError) as caught:
        locate(lat, lon)
    assert caught.value.code == "swapped"


def test_exchanged_coordinates_in_range_are_recognised_by_the_town(town: Town) -> None:
    """Where both orders are on earth, the order that falls into the town is the one that was meant."""
    community = town.communities[0]
    community.outline = factories.box(10.0, 50.0, 10.01, 50.01)
    community.save()
    with pytest.raises(PlaceError) as caught:
        locate(50.005, 10.005)
    assert caught.value.code == "swapped"
    assert locate(12.0, 50.0).match == "outside"


def test_gcj02_click_lands_in_the_same_grid(town: Town) -> None:
    """The middle of 1,1 as a GCJ-02 map shows it; read as WGS 84 it would be another grid."""
    from_map = (103.8350 + 0.00246, 30.7030 - 0.00245)
    answer = locate(*from_map, datum="gcj02")
    naive = locate(*from_map)
    assert answer.where.lon != naive.where.lon
    assert answer.answer is not None
    assert naive.answer is None or naive.answer.grid_id != answer.answer.grid_id


def test_naive_times_are_read_in_the_towns_zone(town: Town) -> None:
    town.subdistrict.time_zone = "Europe/Berlin"
    town.subdistrict.save()
    assert town_zone().key == "Europe/Berlin"
