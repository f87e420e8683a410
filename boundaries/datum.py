"""Chinese datums: WGS-84 and CGCS2000, GCJ-02 (AMap, Tencent) and BD-09 (Baidu).

GCJ-02 displaces every point in China by some hundreds of metres, BD-09 displaces GCJ-02 once more. Taking one for
another moves an incident about one whole grid, so every input of the system names its datum and passes here.

CGCS2000 and WGS-84 differ by less than the error of any survey of a town (centimetres): the shift is null.

Outside China nothing is displaced. The rule is the one that the published algorithm uses, a box in the coordinate that
is handed in: 72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271. It is coarser than the border; a place in a
neighbouring country but in the box is displaced as well, by this module and by the maps that use the datum.

All functions are vectorised: arrays in, arrays of the same shape out, in degrees, longitude first.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, get_args

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]

DATUMS: Final[tuple[Datum, ...]] = get_args(Datum)
CHINA: Final = (72.004, 0.8293, 137.8347, 55.8271)
ITERATIONS: Final = 4

# Krasovsky 1940, which the displacement was computed on
_A: Final = 6378245.0
_EE: Final = 0.00669342162296594323
_X_PI: Final = np.pi * 3000.0 / 180.0


class UnknownDatum(ValueError):
    """The datum has a name that is none of ``DATUMS``."""

    def __init__(self, name: object) -> None:
        super().__init__(f"Unknown datum {name!r}; known are {', '.join(DATUMS)}.")


def outside_china(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Tell which points lie outside the box in which GCJ-02 displaces.

    Parameters
    ----------
    lon, lat : array_like
        Degrees.

    Returns
    -------
    ndarray of bool
        Points that are not numbers count as outside.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    west, south, east, north = CHINA
    return np.asarray(~((x >= west) & (x <= east) & (y >= south) & (y <= north)))


def _displacement(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Offset in degrees from a WGS-84 point to its GCJ-02 point, without the rule about China."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _EE * np.sin(phi) ** 2
    meridian = _A * (1.0 - _EE) / (magic * np.sqrt(magic))
    parallel = _A / np.sqrt(magic) * np.cos(phi)
    return np.degrees(east / parallel), np.degrees(north / meridian)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Displace WGS-84 degrees to GCJ-02; points outside China are returned as they came."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    east, north = _displacement(x, y)
    away = outside_china(x, y)
    return np.where(away, x, x + east), np.where(away, y, y + north)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Take the GCJ-02 displacement back, to a micrometre or so.

    The displacement has no closed inverse. It varies slowly from place to place, so after the first estimate each
    step of the fixed point ``wgs = gcj - displacement(wgs)`` wins two digits. Three steps do nearly everywhere; the
    displacement has a cusp along 105° E, where the fourth brings 9 micrometres down to 1.4.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    east, north = _displacement(x, y)
    wgs_x, wgs_y = x - east, y - north
    for _ in range(ITERATIONS):
        east, north = _displacement(wgs_x, wgs_y)
        wgs_x, wgs_y = x - east, y - north
    away = outside_china(x, y)
    return np.where(away, x, wgs_x), np.where(away, y, wgs_y)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Displace GCJ-02 degrees to BD-09; points outside China are returned as they came."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _X_PI)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _X_PI)
    away = outside_china(x, y)
    return (
        np.where(away, x, radius * np.cos(angle) + 0.0065),
        np.where(away, y, radius * np.sin(angle) + 0.006),
    )


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Take the BD-09 displacement back, by the same fixed point as for GCJ-02.

    The inverse that is usually copied about is off by up to half a metre.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    flat_x, flat_y = x - 0.0065, y - 0.006
    radius, angle = np.hypot(flat_x, flat_y), np.arctan2(flat_y, flat_x)
    gcj_x, gcj_y = flat_x, flat_y
    for _ in range(ITERATIONS):
        near_radius = radius - 0.00002 * np.sin(gcj_y * _X_PI)
        near_angle = angle - 0.000003 * np.cos(gcj_x * _X_PI)
        gcj_x, gcj_y = near_radius * np.cos(near_angle), near_radius * np.sin(near_angle)
    away = outside_china(x, y)
    return np.where(away, x, gcj_x), np.where(away, y, gcj_y)


def _same(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def _bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


Shift = Callable[[ArrayLike, ArrayLike], tuple[Floats, Floats]]

_TO_WGS84: Final[dict[str, Shift]] = {
    "wgs84": _same,
    "cgcs2000": _same,
    "gcj02": gcj02_to_wgs84,
    "bd09": _bd09_to_wgs84,
}
_FROM_WGS84: Final[dict[str, Shift]] = {
    "wgs84": _same,
    "cgcs2000": _same,
    "gcj02": wgs84_to_gcj02,
    "bd09": _wgs84_to_bd09,
}


def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[Floats, Floats]:
    """Bring degrees of any known datum to WGS-84.

    Parameters
    ----------
    lon, lat : array_like
        Degrees in ``datum``.
    datum : str
        One of ``DATUMS``.

    Returns
    -------
    tuple of ndarray
        Longitudes and latitudes, WGS-84.

    Raises
    ------
    UnknownDatum
        The name is none of ``DATUMS``.
    """
    try:
        shift = _TO_WGS84[datum]
    except KeyError:
        raise UnknownDatum(datum) from None
    return shift(lon, lat)


def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[Floats, Floats]:
    """Bring WGS-84 degrees to any known datum; the reverse of `to_wgs84`."""
    try:
        shift = _FROM_WGS84[datum]
    except KeyError:
        raise UnknownDatum(datum) from None
    return shift(lon, lat)


def geometry_to_wgs84(geometry: Any, datum: str) -> Any:
    """Bring a Shapely geometry, or an array of them, from ``datum`` to WGS-84; Z is dropped."""
    if datum in ("wgs84", "cgcs2000"):
        return geometry

    def shift(points: Floats) -> Floats:
        return np.column_stack(to_wgs84(points[:, 0], points[:, 1], datum))

    return shapely.transform(geometry, shift)
