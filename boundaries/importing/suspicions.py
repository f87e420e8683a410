"""Signs that a whole file is not where it claims to be: another datum, swapped axes, metres or feet for degrees.

Each test is about all rows together, for one wrong row is a wrong row, but a whole town 360 m away is a wrong datum.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries import datum as datums
from boundaries.importing.shapes import Shapes, reproject, transformer

FEW: Final = 3
_SAMPLE: Final = 400
_MOST: Final = 0.8
_FOOT: Final = 0.3048
_US_FOOT: Final = 1200 / 3937
_MAINLAND: Final = (73.0, 3.0, 136.0, 54.0)
_DATUM_NAMES: Final = {"gcj02": "GCJ-02 (AMap, Tencent)", "bd09": "BD-09 (Baidu)", "wgs84": "WGS-84"}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A sign that all rows are misplaced in one way.

    Attributes
    ----------
    code : str
        ``wrong-datum``, ``constant-offset``, ``swapped-axes``, ``metres-not-degrees``, ``feet-not-degrees``,
        ``degrees-not-metres``, ``feet-not-metres``, ``elsewhere``.
    reason : str
        A sentence with the evidence and what to do.
    place : BaseGeometry or None
        A line from where the data claim to be to where they seem to belong, EPSG:4326.
    """

    code: str
    reason: str
    place: BaseGeometry | None = None


def suspect_coordinates(
    shapes: Shapes, crs: pyproj.CRS, town: BaseGeometry | None, *, metric_srid: int | None = None
) -> list[Suspicion]:
    """Look at coordinates as they stand in the file, before they are projected.

    Parameters
    ----------
    shapes : ndarray of object
        In the file's own coordinates, longitude or easting first.
    crs : pyproj.CRS
        What the file claims.
    town : BaseGeometry or None
        Outline or extent of what is known of the town, EPSG:4326.
    metric_srid : int, optional
        The town's projection, tried first where metres are suspected.
    """
    middle = _middles(shapes)
    if not len(middle):
        return []
    x, y = middle[:, 0], middle[:, 1]
    if crs.is_geographic:
        if np.mean((np.abs(x) > 360) | (np.abs(y) > 360)) >= _MOST:
            return [_really_projected(middle, town, metric_srid)]
        swapped = _swapped(x, y, town)
        return [swapped] if swapped else []
    like_degrees = np.mean((np.abs(x) <= 180) & (np.abs(y) <= 90)) >= _MOST and np.ptp(x) < 30 > np.ptp(y)
    if like_degrees and (town is None or _near(np.column_stack([x, y]), town) >= _MOST):
        reason = _(
            "The file claims to be in %(crs)s, but its coordinates look like degrees (%(x).5f, %(y).5f). Try --crs EPSG:4490."
        ) % {"crs": crs.name, "x": np.median(x), "y": np.median(y)}
        return [Suspicion("degrees-not-metres", reason)]
    if town is not None:
        found = np.column_stack(transformer(crs.to_wkt(), _degrees()).transform(x, y))
        if _near(found, town) < 1 - _MOST:
            for name, foot in (("US feet", _US_FOOT), (_("feet"), _FOOT)):
                tried = np.column_stack(transformer(crs.to_wkt(), _degrees()).transform(x * foot, y * foot))
                if _near(tried, town) >= _MOST:
                    reason = _(
                        "Read as metres of %(crs)s the rows lie far from the town, read as %(unit)s they lie in it. "
                        "Choose with --crs the system in feet."
                    ) % {"crs": crs.name, "unit": name}
                    return [Suspicion("feet-not-metres", reason)]
    return []


def suspect_place(shapes: Shapes, town: BaseGeometry | None, metric_srid: int) -> list[Suspicion]:
    """Tell when hardly anything lies in or near the town.

    Parameters
    ----------
    shapes : ndarray of object
        EPSG:4326.
    town : BaseGeometry or None
        EPSG:4326.
    metric_srid : int
        For the distance in the sentence.
    """
    middle = _middles(shapes)
    if town is None or not len(middle) or _near(middle, town) >= 1 - _MOST:
        return []
    here = shapely.Point(np.median(middle[:, 0]), np.median(middle[:, 1]))
    distance = _distance(here, town)
    reason = _(
        "The rows lie %(distance).0f km from the town, around %(lon).4f, %(lat).4f. Check the coordinate system (--crs), the "
        "datum (--datum) and whether this is the right town."
    ) % {"distance": distance / 1000, "lon": here.x, "lat": here.y}
    return [Suspicion("elsewhere", reason, _line(here, town.centroid))]


def suspect_datum(
    shapes: Mapping[str, BaseGeometry], known: Mapping[str, BaseGeometry], metric_srid: int, claimed: str
) -> list[Suspicion]:
    """Compare with what the town already has under the same code or name.

    Parameters
    ----------
    shapes, known : mapping of str to geometry
        New and existing features by code or name, EPSG:4326.
    metric_srid : int
    claimed : str
        The datum that ``shapes`` were read in.

    Returns
    -------
    list of Suspicion
        One, when at least three common features are displaced by the same vector (within 15 m and a quarter of it).
    """
    common = [key for key in shapes if key in known]
    if len(common) < FEW:
        return []
    new = np.array([reproject(shapes[key], 4326, metric_srid).centroid.coords[0] for key in common])
    old = np.array([reproject(known[key], 4326, metric_srid).centroid.coords[0] for key in common])
    offsets = new - old
    offset = np.median(offsets, axis=0)
    size = float(np.hypot(*offset))
    spread = float(np.median(np.hypot(*(offsets - offset).T)))
    if size < 10 or spread > max(15.0, size / 4):
        return []
    at = old.mean(axis=0)
    there = reproject(shapely.Point(at), metric_srid, 4326)
    name = _datum_of(offset, there, metric_srid, claimed, tolerance=max(15.0, 3 * spread))
    away = reproject(shapely.Point(at + offset), metric_srid, 4326)
    facts = {
        "count": len(common), "distance": size, "bearing": _bearing(offset), "datum": _DATUM_NAMES.get(name or "", ""),
        "option": name,
    }  # fmt: skip
    if name is not None:
        reason = (
            _(
                "All of %(count)s rows that the town already has lie %(distance).0f m %(bearing)s of "
                "where they are known: that is "
                "the shift of %(datum)s. Try --datum %(option)s."
            )
            % facts
        )
        return [Suspicion("wrong-datum", reason, _line(away, there))]
    reason = (
        _(
            "All of %(count)s rows that the town already has lie %(distance).0f m %(bearing)s of where they are known. Check the "
            "coordinate system and the datum."
        )
        % facts
    )
    return [Suspicion("constant-offset", reason, _line(away, there))]


def suspect_datum_by_overlap(
    shapes: Shapes, known: Shapes, metric_srid: int, claimed: str, *, rng: np.random.Generator
) -> list[Suspicion]:
    """Compare with what the town already has where nothing can be matched by name: by the ground both cover.

    Parameters
    ----------
    shapes, known : ndarray of object
        New and existing polygons of one kind, EPSG:4326: buildings with buildings.
    metric_srid : int
    claimed : str
        The datum that ``shapes`` were read in.
    rng : numpy.random.Generator
        Draws the sample of 400.

    Returns
    -------
    list of Suspicion
        One, when the shift of a datum makes the common ground grow by half and cover at least half of the sample.
    """
    here = shapes[~shapely.is_missing(shapes)]
    known = known[~shapely.is_missing(known)]
    if len(here) < FEW or not len(known):
        return []
    sample = here[rng.permutation(len(here))[:_SAMPLE]]
    plain_known = np.asarray(reproject(known, 4326, metric_srid), dtype=object)
    tree = STRtree(plain_known)
    shares: dict[str, float] = {}
    middle_of: dict[str, BaseGeometry] = {}
    raw = _as_claimed(sample, claimed)
    for name in ("wgs84", "gcj02", "bd09"):
        tried = np.asarray(datums.geometry_to_wgs84(raw, name), dtype=object)
        shares[name] = _common_ground(
            np.asarray(reproject(tried, 4326, metric_srid), dtype=object), plain_known, tree
        )
        middle_of[name] = shapely.union_all(shapely.centroid(tried)).centroid
    now = shares["wgs84" if claimed == "cgcs2000" else claimed]
    best = max(shares, key=lambda name: shares[name])
    if shares[best] < 0.5 or shares[best] < 1.5 * now:
        return []
    reason = _(
        "Read in %(claimed)s, %(now).0f %% of the ground lies on what the town already has; read in "
        "%(datum)s it is %(then).0f %%. "
        "Try --datum %(option)s."
    ) % {
        "claimed": _DATUM_NAMES.get(claimed, claimed), "now": now * 100, "datum": _DATUM_NAMES[best],
        "then": shares[best] * 100, "option": best,
    }  # fmt: skip
    return [
        Suspicion(
            "wrong-datum",
            reason,
            _line(middle_of["wgs84" if claimed == "cgcs2000" else claimed], middle_of[best]),
        )
    ]


def suspect_datum_by_outline(
    shapes: Shapes, fields: Shapes, metric_srid: int, claimed: str
) -> list[Suspicion]:
    """Compare the ground that areas tile together with the communities that they should fill.

    Parameters
    ----------
    shapes : ndarray of object
        New areas that tile, EPSG:4326.
    fields : ndarray of object
        Outlines of the communities, EPSG:4326.
    metric_srid : int
    claimed : str
        The datum that ``shapes`` were read in.

    Returns
    -------
    list of Suspicion
        One, when in another datum the areas fill their communities to 95 % or more, and what differs is less than a
        third of what differs now.
    """
    here = shapes[~shapely.is_missing(shapes)]
    if not len(here) or not len(fields):
        return []
    raw = _as_claimed(here, claimed)
    plain = np.asarray(reproject(fields, 4326, metric_srid), dtype=object)
    agreement: dict[str, float] = {}
    middle_of: dict[str, BaseGeometry] = {}
    for name in ("wgs84", "gcj02", "bd09"):
        moved = np.asarray(reproject(datums.geometry_to_wgs84(raw, name), 4326, metric_srid), dtype=object)
        together = shapely.union_all(shapely.make_valid(moved))
        inside = shapely.area(shapely.intersection(plain, together)) / shapely.area(plain)
        field = shapely.union_all(plain[inside > 0.5])
        union = shapely.area(shapely.union(field, together))
        agreement[name] = float(shapely.area(shapely.intersection(field, together)) / union) if union else 0.0
        middle_of[name] = reproject(together.centroid, metric_srid, 4326)
    now_in = "wgs84" if claimed == "cgcs2000" else claimed
    best = max(agreement, key=lambda name: agreement[name])
    misfit = 1 - agreement[now_in]
    if misfit < 0.02 or agreement[best] < 0.95 or 3 * (1 - agreement[best]) > misfit:
        return []
    reason = _(
        "Read in %(claimed)s, the areas agree with the outlines of their communities to %(now).1f %%; read in %(datum)s, to "
        "%(then).1f %%. Try --datum %(option)s."
    ) % {
        "claimed": _DATUM_NAMES.get(claimed, claimed), "now": agreement[now_in] * 100, "datum": _DATUM_NAMES[best],
        "then": agreement[best] * 100, "option": best,
    }  # fmt: skip
    return [Suspicion("wrong-datum", reason, _line(middle_of[now_in], middle_of[best]))]


def _as_claimed(shapes: Shapes, claimed: str) -> Shapes:
    """Shapes as they stood in the file, in degrees of the datum that was claimed."""
    if claimed in ("wgs84", "cgcs2000"):
        return shapes

    def back(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(datums.from_wgs84(points[:, 0], points[:, 1], claimed))

    return np.asarray(shapely.transform(shapes, back), dtype=object)


def _common_ground(sample: Shapes, known: Shapes, tree: STRtree) -> float:
    total = float(shapely.area(sample).sum())
    if total <= 0:
        return 0.0
    pairs = tree.query(sample, predicate="intersects")
    if not pairs.size:
        return 0.0
    shared = shapely.area(shapely.intersection(sample[pairs[0]], known[pairs[1]])).sum()
    return min(1.0, float(shared) / total)


def _datum_of(
    offset: NDArray[np.float64], at: BaseGeometry, metric_srid: int, claimed: str, *, tolerance: float
) -> str | None:
    """The datum whose shift at a place is the offset, when data in it were read as another."""
    true = np.array(reproject(at, 4326, metric_srid).coords[0])
    best, best_error = None, tolerance
    for name in ("wgs84", "gcj02", "bd09"):
        if name == claimed or (name == "wgs84" and claimed == "cgcs2000"):
            continue
        written = datums.from_wgs84(at.x, at.y, name)
        read = datums.to_wgs84(*written, claimed)
        seen = np.array(reproject(shapely.Point(float(read[0]), float(read[1])), 4326, metric_srid).coords[0])
        error = float(np.hypot(*(seen - true - offset)))
        if error < best_error:
            best, best_error = name, error
    return best


def _really_projected(
    middle: NDArray[np.float64], town: BaseGeometry | None, metric_srid: int | None
) -> Suspicion:
    x, y = float(np.median(middle[:, 0])), float(np.median(middle[:, 1]))
    facts = {"x": x, "y": y}
    for srid in _projections(town, metric_srid):
        move = transformer(_srid_wkt(srid), _degrees())
        for unit in (1.0, _US_FOOT, _FOOT):
            for swap in (False, True):
                tried = middle[:, ::-1] if swap else middle
                found = np.column_stack(move.transform(tried[:, 0] * unit, tried[:, 1] * unit))
                if town is None or _near(found, town) < _MOST:
                    continue
                order = _(" with the axes swapped") if swap else ""
                if unit == 1.0:
                    reason = _(
                        "The file claims degrees, but holds values like %(x).1f, %(y).1f: metres. In "
                        "EPSG:%(srid)s%(order)s they lie in "
                        "the town: try --crs EPSG:%(srid)s."
                    )
                    return Suspicion("metres-not-degrees", reason % {**facts, "srid": srid, "order": order})
                reason = _(
                    "The file claims degrees, but holds values like %(x).1f, %(y).1f: feet. In "
                    "EPSG:%(srid)s counted in feet%(order)s they "
                    "lie in the town; choose that system with --crs."
                )
                return Suspicion("feet-not-degrees", reason % {**facts, "srid": srid, "order": order})
    reason = _(
        "The file claims degrees, but holds values like %(x).1f, %(y).1f: metres or feet. Name the projection with --crs."
    )
    return Suspicion("metres-not-degrees", reason % facts)


def _projections(town: BaseGeometry | None, metric_srid: int | None) -> list[int]:
    """Systems in metres that are likely for the town: its own, web maps, CGCS2000 by meridian and by zone, UTM."""
    found = [srid for srid in (metric_srid, 3857) if srid]
    if town is not None:
        lon, lat = town.centroid.x, town.centroid.y
        if 73.5 <= lon <= 136.5:
            meridian = round(lon / 3) * 3
            found += [4534 + (meridian - 75) // 3, 4513 + (meridian - 75) // 3]
        found.append((32600 if lat >= 0 else 32700) + min(60, int((lon + 180) // 6) + 1))
    return list(dict.fromkeys(found))


def _swapped(x: NDArray[np.float64], y: NDArray[np.float64], town: BaseGeometry | None) -> Suspicion | None:
    straight, turned = np.column_stack([x, y]), np.column_stack([y, x])
    impossible = np.mean((np.abs(y) > 90) & (np.abs(x) <= 90)) >= _MOST
    if town is not None:
        yes = _near(turned, town) >= _MOST and _near(straight, town) < 1 - _MOST
    else:
        yes = bool(np.mean(_in_box(turned)) >= _MOST and np.mean(_in_box(straight)) < 1 - _MOST)
    if not (impossible or yes):
        return None
    reason = _(
        "Longitude and latitude are swapped: the rows are around %(x).4f, %(y).4f, which should read "
        "%(y).4f, %(x).4f. Try --swap-axes."
    ) % {"x": np.median(x), "y": np.median(y)}
    return Suspicion("swapped-axes", reason)


def _in_box(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    west, south, east, north = _MAINLAND
    return np.asarray(
        (points[:, 0] >= west) & (points[:, 0] <= east) & (points[:, 1] >= south) & (points[:, 1] <= north)
    )


def _near(points: NDArray[np.float64], town: BaseGeometry) -> float:
    """Share of points within the town's extent, widened by half of it or 5 km."""
    west, south, east, north = town.bounds
    wide = max(0.05, (east - west) / 2)
    high = max(0.05, (north - south) / 2)
    inside = (
        (points[:, 0] >= west - wide) & (points[:, 0] <= east + wide)
        & (points[:, 1] >= south - high) & (points[:, 1] <= north + high)
    )  # fmt: skip
    return float(np.mean(inside))


def _middles(shapes: Shapes) -> NDArray[np.float64]:
    bounds = shapely.bounds(shapes)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    return np.column_stack([bounds[:, [0, 2]].mean(axis=1), bounds[:, [1, 3]].mean(axis=1)])


def _distance(here: BaseGeometry, town: BaseGeometry) -> float:
    one, two = shapely.get_coordinates(shapely.shortest_line(here, town))
    metres: float = pyproj.Geod(ellps="WGS84").inv(one[0], one[1], two[0], two[1])[2]
    return metres


def _bearing(offset: NDArray[np.float64]) -> str:
    names: Sequence[str] = (
        _("north"), _("north-east"), _("east"), _("south-east"), _("south"), _("south-west"), _("west"), _("north-west"),
    )  # fmt: skip
    return str(names[round(math.degrees(math.atan2(offset[0], offset[1])) / 45) % 8])


def _line(start: BaseGeometry, end: BaseGeometry) -> BaseGeometry:
    return shapely.LineString([start.coords[0], end.coords[0]])


def _degrees() -> str:
    return _srid_wkt(4326)


def _srid_wkt(srid: int) -> str:
    return str(pyproj.CRS.from_epsg(srid).to_wkt())
