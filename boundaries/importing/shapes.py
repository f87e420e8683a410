"""From what a file holds to what the town is made of: two dimensions, degrees of WGS-84, valid, of one type."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
import pyproj
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from boundaries import datum as datums
from boundaries.importing.report import ImportFileError

Wanted = Literal["polygon", "line", "point"]
Shapes = NDArray[np.object_]

PRECISION: Final = 1e-8
"""Degrees, about a millimetre: the grid on which stored coverages lie."""
_DIMENSION: Final = {"point": 0, "line": 1, "polygon": 2}
_AT: Final = re.compile(r"^(?P<why>[^\[]+)\[(?P<x>\S+) (?P<y>\S+)\]$")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one shape: code, reason, place (in the coordinates given), and whether it was put right."""

    index: int
    code: str
    reason: str
    place: BaseGeometry | None = None
    repaired: bool = False


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> pyproj.Transformer:
    """A transformer between two systems given as WKT or EPSG code, longitude or easting first."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def reproject(shapes: Any, source: pyproj.CRS | int, target: pyproj.CRS | int) -> Any:
    """Bring one shape or an array of them from one coordinate system to another.

    Coordinates that the projection does not know become infinite; `sound` then reports them.
    """
    start, end = pyproj.CRS.from_user_input(source), pyproj.CRS.from_user_input(target)
    if start.equals(end, ignore_axis_order=True):
        return shapes
    move = transformer(start.to_wkt(), end.to_wkt())

    def shift(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(move.transform(points[:, 0], points[:, 1]))

    return shapely.transform(shapes, shift)


def to_wgs84(shapes: Shapes, crs: pyproj.CRS, datum: str) -> Shapes:
    """Bring shapes of any system and Chinese datum to EPSG:4326.

    The shift of GCJ-02 and BD-09 is undone after the projection: data in them are degrees, or a projection of such
    degrees that was made as if they were WGS-84.
    """
    try:
        found = reproject(shapes, crs, 4326)
    except pyproj.exceptions.ProjError as error:
        raise ImportFileError(
            _("The coordinates cannot be brought from %(crs)s to degrees: %(error)s")
            % {"crs": crs.name, "error": error}
        ) from None
    moved: Shapes = np.asarray(datums.geometry_to_wgs84(found, datum), dtype=object)
    return moved


def shift_accuracy(crs: pyproj.CRS) -> float | None:
    """Metres to which the way from a system to WGS-84 is known; None where nobody says."""
    accuracy = transformer(crs.to_wkt(), pyproj.CRS.from_epsg(4326).to_wkt()).accuracy
    return accuracy if accuracy is not None and accuracy >= 0 else None


def sound(shapes: Shapes, want: Wanted, *, repair: bool) -> tuple[Shapes, list[Fault]]:
    """Check every shape and mend what can be mended.

    Parameters
    ----------
    shapes : ndarray of object
        Shapely geometries or None, two-dimensional.
    want : {"polygon", "line", "point"}
        What the rows must be.
    repair : bool
        Mend invalid rings; otherwise they are refused.

    Returns
    -------
    ndarray of object, list of Fault
        Shapes of the wanted type (multi where needed), None where there is none to use; and what was found. The input
        is not changed.
    """
    found = shapes.copy()
    faults: list[Fault] = []
    missing = shapely.is_missing(found) | shapely.is_empty(found)
    faults += [
        Fault(int(index), "no-geometry", _("The row has no geometry.")) for index in np.flatnonzero(missing)
    ]
    found[missing] = None

    bounds = shapely.bounds(found)
    endless = ~missing & ~np.isfinite(bounds).all(axis=1)
    nowhere = _("The geometry has coordinates that are no numbers or lie off the projection.")
    faults += [Fault(int(index), "bad-coordinates", nowhere) for index in np.flatnonzero(endless)]
    found[endless] = None

    _keep_dimension(found, want, faults)
    if want == "polygon":
        _mend(found, faults, repair=repair)
    return found, faults


def _keep_dimension(found: Shapes, want: Wanted, faults: list[Fault]) -> None:
    here = ~shapely.is_missing(found)
    dimension = shapely.get_dimensions(found)
    collection = shapely.get_type_id(found) == 7
    for index in np.flatnonzero(here & ((dimension != _DIMENSION[want]) | collection)):
        shape = found[index]
        parts = [part for part in _leaves(shape) if shapely.get_dimensions(part) == _DIMENSION[want]]
        if not parts:
            reason = _("The row holds a %(type)s where a %(want)s is needed.") % {
                "type": shape.geom_type,
                "want": {"polygon": _("polygon"), "line": _("line"), "point": _("point")}[want],
            }
            faults.append(Fault(int(index), "wrong-type", reason, shape.centroid))
            found[index] = None
            continue
        found[index] = joined(parts)
        if len(parts) < len(_leaves(shape)):
            reason = _(
                "Of a collection of several types only the polygons and lines that are needed were taken."
            )
            faults.append(Fault(int(index), "collection", reason, shape.centroid, repaired=True))


def _leaves(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = list(shapely.get_parts(shape))
    while any(part.geom_type.startswith(("Multi", "GeometryCollection")) for part in parts):
        parts = [leaf for part in parts for leaf in shapely.get_parts(part)]
    return parts


def joined(parts: Sequence[BaseGeometry]) -> BaseGeometry:
    """One simple or multi geometry of parts of one type, as they are."""
    if len(parts) == 1:
        return parts[0]
    kinds = {0: shapely.multipoints, 1: shapely.multilinestrings, 2: shapely.multipolygons}
    made: BaseGeometry = kinds[int(shapely.get_dimensions(parts[0]))](parts)
    return made


def _mend(found: Shapes, faults: list[Fault], *, repair: bool) -> None:
    here = ~shapely.is_missing(found)
    for index in np.flatnonzero(here & ~shapely.is_valid(found)):
        shape = found[index]
        why, place = why_invalid(shape)
        mended = polygons_of(shapely.make_valid(shape, method="structure", keep_collapsed=False))
        usable = mended is not None and mended.area > 0
        if repair and usable:
            faults.append(
                Fault(
                    int(index),
                    "invalid-ring",
                    _("%(why)s; it was repaired.") % {"why": why},
                    place,
                    repaired=True,
                )
            )
            found[index] = mended
        else:
            reason = _("%(why)s.") % {"why": why}
            if usable:
                reason = _("%(why)s. --invalid repair mends it.") % {"why": why}
            faults.append(Fault(int(index), "invalid-ring", reason, place))
            found[index] = None
    here = ~shapely.is_missing(found)
    for index in np.flatnonzero(here & (shapely.area(found) == 0)):
        faults.append(Fault(int(index), "no-area", _("The polygon has no area."), found[index].centroid))
        found[index] = None


def why_invalid(shape: BaseGeometry) -> tuple[str, BaseGeometry | None]:
    """Reason and place for which a polygon is invalid, in words for people."""
    found = _AT.match(shapely.is_valid_reason(shape))
    why = found["why"].strip() if found else shapely.is_valid_reason(shape)
    words = {
        "Self-intersection": _("The outline crosses itself"),
        "Ring Self-intersection": _("A ring touches or crosses itself"),
        "Hole lies outside shell": _("A hole lies outside the outline"),
        "Holes are nested": _("A hole lies in another hole"),
        "Nested shells": _("A part lies in another part"),
        "Duplicate Rings": _("A ring stands twice"),
        "Too few points in geometry component": _("A ring has too few points"),
        "Interior is disconnected": _("Holes cut the polygon into pieces"),
    }
    place = shapely.Point(float(found["x"]), float(found["y"])) if found else None
    return str(words.get(why, why)), place


def polygons_of(shape: BaseGeometry | None) -> BaseGeometry | None:
    """The polygons of whatever it is, as Polygon or MultiPolygon; None where there are none."""
    if shape is None or shape.is_empty:
        return None
    parts = [part for part in _leaves(shape) if part.geom_type == "Polygon" and part.area > 0]
    return joined(parts) if parts else None


def multipolygon(shape: BaseGeometry) -> shapely.MultiPolygon:
    """Polygon or MultiPolygon as MultiPolygon."""
    return shape if isinstance(shape, shapely.MultiPolygon) else shapely.MultiPolygon([shape])


def snapped(shapes: Shapes) -> Shapes:
    """Shapes each on the 1e-8 degree grid and valid; for shapes that need not meet (buildings, lines)."""
    if not len(shapes):
        return shapes
    found: Shapes = np.asarray(shapely.transform(shapes, lambda points: np.round(points, 8)), dtype=object)
    # plain rounding is enough for nearly all; where it makes a ring touch itself, the overlay is worth its time
    odd = ~shapely.is_valid(found)
    if odd.any():
        found[odd] = shapely.set_precision(shapes[odd], PRECISION)
        lost = shapely.is_empty(found) & ~shapely.is_empty(shapes)
        found[lost] = shapes[lost]
    return found
