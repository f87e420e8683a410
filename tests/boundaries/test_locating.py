"""The rule for a place, apart from the database."""

import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from boundaries.locating import (
    Near,
    PlaceError,
    instant,
    judge,
    metres_per_degree,
    place,
)

CHENGDU = ZoneInfo("Asia/Shanghai")


def near(
    grid: int, distance: float, *, holds: bool | None = None, houses: bool = False, reach: float = 50
) -> Near:
    return Near(grid, f"{grid:03}", distance, distance == 0 if holds is None else holds, houses, reach)


@pytest.mark.parametrize(
    ("found", "match", "answer", "candidates"),
    [
        ([], "outside", None, []),
        ([near(1, 0)], "inside", 1, [1]),
        ([near(1, 0), near(2, 1.001)], "inside", 1, [1]),
        ([near(1, 0), near(2, 1.0)], "edge", 1, [1, 2]),
        ([near(2, 0), near(1, 0)], "edge", 1, [1, 2]),
        ([near(3, 0.2), near(2, 0), near(1, 0.9)], "edge", 2, [2, 3, 1]),
        ([near(1, 0.5)], "edge", 1, [1]),
        ([near(1, 50.0)], "nearest", 1, [1]),
        ([near(2, 30), near(1, 30)], "nearest", 1, [1]),
        ([near(1, 50.1)], "outside", None, []),
        # a house decides, whoever holds the ground
        ([near(1, 0), near(2, 0.4, houses=True)], "edge", 2, [1, 2]),
        ([near(1, 0), near(2, 8, houses=True)], "inside", 2, [2, 1]),
        ([near(2, 700, houses=True)], "inside", 2, [2]),
        ([near(1, 20), near(2, 700, houses=True)], "inside", 2, [2]),
    ],
)
def test_rule(found: list[Near], match: str, answer: int | None, candidates: list[int]) -> None:
    verdict = judge(found, 1.0)
    assert verdict.match == match
    assert (None if verdict.answer is None else found[verdict.answer].grid_id) == answer
    assert [found[index].grid_id for index in verdict.candidates] == candidates


def test_stated_accuracy_widens_the_edge() -> None:
    found = [near(1, 0), near(2, 18)]
    assert judge(found, 1).match == "inside"
    assert judge(found, 20).match == "edge"


@given(st.permutations([near(1, 0), near(2, 0), near(3, 0.3), near(4, 0.3), near(5, 7)]))
def test_order_of_rows_never_matters(found: list[Near]) -> None:
    verdict = judge(found, 1)
    assert verdict.answer is not None
    assert found[verdict.answer].grid_id == 1
    assert [found[index].grid_id for index in verdict.candidates] == [1, 2, 3, 4]


@given(
    lon=st.floats(-179, 179),
    lat=st.floats(-60, 60),
    azimuth=st.floats(0, 360),
    metres=st.floats(0.01, 100),
)
def test_planar_metres_agree_with_geodesics(lon: float, lat: float, azimuth: float, metres: float) -> None:
    """The docstring's promise: below a millimetre within 100 m."""
    there_lon, there_lat, _back = Geod(ellps="WGS84").fwd(lon, lat, azimuth, metres)
    kx, ky = metres_per_degree(lat)
    assert math.hypot((there_lon - lon) * kx, (there_lat - lat) * ky) == pytest.approx(metres, abs=1.5e-3)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (30.7, 103.8, "swapped"),
        (30.7, -103.8, "swapped"),
        (370100.0, 3396000.0, "out_of_range"),
        (181, 0, "out_of_range"),
        (math.nan, 30, "not_a_number"),
        (103, math.inf, "not_a_number"),
    ],
)
def test_coordinates_that_are_none(lon: float, lat: float, code: str) -> None:
    with pytest.raises(PlaceError) as caught:
        place(lon, lat)
    assert caught.value.code == code
    assert len(str(caught.value)) > 20


def test_swapped_message_names_the_right_order() -> None:
    with pytest.raises(PlaceError, match=r"longitude 103\.8, latitude 30\.7\?"):
        place(30.7, 103.8)


def test_unknown_datum_and_accuracy() -> None:
    with pytest.raises(PlaceError) as caught:
        place(103.8, 30.7, datum="mars")
    assert caught.value.code == "datum"
    with pytest.raises(PlaceError) as caught:
        place(103.8, 30.7, accuracy_m=-1)
    assert caught.value.code == "accuracy"


def test_datum_is_brought_to_wgs84() -> None:
    """The known vector: WGS 84 (120, 40) reads (120.0056757, 40.0013048) on a GCJ-02 map."""
    where = place(120.0056757, 40.0013048, datum="gcj02")
    assert where.lon == pytest.approx(120, abs=1e-7)
    assert where.lat == pytest.approx(40, abs=1e-7)
    assert (where.input_lon, where.input_lat) == (120.0056757, 40.0013048)
    untouched = place(103.83, 30.7, datum="cgcs2000")
    assert (untouched.lon, untouched.lat) == (103.83, 30.7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-11-30", "2019-11-30T23:59:59.999999+08:00"),
        ("2019-11-30T14:30", "2019-11-30T14:30:00+08:00"),
        ("2019-11-30T14:30:00Z", "2019-11-30T14:30:00+00:00"),
        ("2019-11-30T14:30:00 08:00", "2019-11-30T14:30:00+08:00"),
        ("2019-11-30 14:30", "2019-11-30T14:30:00+08:00"),
        ("2019-11-30 14:30:05", "2019-11-30T14:30:05+08:00"),
    ],
)
def test_times(text: str, expected: str) -> None:
    """A naive time is the town's, a bare date the end of that day; a «+» lost in an address is put back."""
    assert instant(text, CHENGDU).isoformat() == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2019-13-01", "0001-01-01T00:00+14:00", "9999-12-31"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        instant(text, CHENGDU)
