"""Which projection in metres fits a place."""

from typing import Final

from boundaries.datum import CHINA

# EPSG codes of CGCS2000 / 3-degree Gauss-Kruger with the central meridian in the name run from 75° E (4534)
# to 135° E (4554), one for every three degrees.
_FIRST_MERIDIAN: Final = 75
_FIRST_CODE: Final = 4534
_LAST_MERIDIAN: Final = 135


def metric_srid_for(lon: float, lat: float) -> int:
    """Suggest the EPSG code of a projection in metres for a town at this place.

    Parameters
    ----------
    lon, lat : float
        Degrees, EPSG:4326.

    Returns
    -------
    int
        In China CGCS2000 / 3-degree Gauss-Kruger of the nearest central meridian (4544 at 105° E), elsewhere
        WGS 84 / UTM of the zone. Either stretches lengths by less than 0.05 % within a town.

    Raises
    ------
    ValueError
        The place is not on earth, or so near a pole that neither fits.
    """
    if not (-180 <= lon <= 180 and -80 <= lat <= 84):
        raise ValueError(f"No projection in metres for longitude {lon}, latitude {lat}.")
    west, south, east, north = CHINA
    if west <= lon <= east and south <= lat <= north:
        meridian = min(max(round(lon / 3) * 3, _FIRST_MERIDIAN), _LAST_MERIDIAN)
        return _FIRST_CODE + (meridian - _FIRST_MERIDIAN) // 3
    zone = min(int((lon + 180) // 6) + 1, 60)
    return (32600 if lat >= 0 else 32700) + zone
