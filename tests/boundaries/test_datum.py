"""Chinese datums: the published test vector, the way back, and where nothing is displaced."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from boundaries import datum

IN_CHINA = {"lon": st.floats(73.5, 134.5), "lat": st.floats(3.0, 53.5)}
MICROMETRE = 1e-11  # degrees, at the equator


def test_the_published_vector() -> None:
    lon, lat = datum.wgs84_to_gcj02(120, 40)
    assert float(lon) == pytest.approx(120.0056757, abs=5e-8)
    assert float(lat) == pytest.approx(40.0013048, abs=5e-8)


def test_liucheng_is_shifted_by_a_grid() -> None:
    """About 360 m in GCJ-02 and 900 m in BD-09."""
    for name, metres in (("gcj02", 360), ("bd09", 900)):
        lon, lat = datum.from_wgs84(103.835, 30.70, name)
        shift = np.hypot((lon - 103.835) * 95_700, (lat - 30.70) * 110_870)
        assert float(shift) == pytest.approx(metres, rel=0.03)


@given(**IN_CHINA)
@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_there_and_back_within_a_few_micrometres(name: str, lon: float, lat: float) -> None:
    back = datum.to_wgs84(*datum.from_wgs84(lon, lat, name), name)
    assert abs(float(back[0]) - lon) < 5 * MICROMETRE
    assert abs(float(back[1]) - lat) < 5 * MICROMETRE


@given(**IN_CHINA)
def test_gcj_is_never_the_same_place(lon: float, lat: float) -> None:
    there = datum.wgs84_to_gcj02(lon, lat)
    assert 0.0002 < np.hypot(there[0] - lon, there[1] - lat) < 0.02


@pytest.mark.parametrize(
    ("lon", "lat"), [(11.58, 49.95), (-74.0, 40.7), (72.0, 30.0), (137.84, 30.0), (100.0, 56.0)]
)
def test_nothing_moves_outside_china(lon: float, lat: float) -> None:
    assert datum.outside_china(lon, lat)
    for name in datum.DATUMS:
        assert [float(value) for value in datum.from_wgs84(lon, lat, name)] == [lon, lat]
        assert [float(value) for value in datum.to_wgs84(lon, lat, name)] == [lon, lat]


def test_arrays_keep_their_shape_and_rows_their_own_rule() -> None:
    lon, lat = np.array([[120.0, 11.5], [103.8, np.nan]]), np.array([[40.0, 49.9], [30.7, 30.0]])
    x, y = datum.wgs84_to_gcj02(lon, lat)
    assert x.shape == (2, 2)
    assert x[0, 1] == 11.5
    assert y[0, 1] == 49.9
    assert x[0, 0] != 120.0
    assert np.isnan(x[1, 1])


def test_cgcs2000_is_wgs84() -> None:
    assert [float(value) for value in datum.to_wgs84(103.8, 30.7, "cgcs2000")] == [103.8, 30.7]


def test_an_unknown_datum_is_named_with_the_known_ones() -> None:
    with pytest.raises(datum.UnknownDatum, match=r"'beijing54'.*wgs84, cgcs2000, gcj02, bd09"):
        datum.to_wgs84(103.8, 30.7, "beijing54")
    with pytest.raises(datum.UnknownDatum):
        datum.from_wgs84(103.8, 30.7, "WGS-84")


def test_geometries_are_brought_back_whole() -> None:
    square = shapely.box(103.83, 30.70, 103.84, 30.71)
    written = shapely.transform(
        square, lambda xy: np.column_stack(datum.from_wgs84(xy[:, 0], xy[:, 1], "bd09"))
    )
    assert shapely.hausdorff_distance(datum.geometry_to_wgs84(written, "bd09"), square) < 1e-10
    assert datum.geometry_to_wgs84(square, "wgs84") is square
