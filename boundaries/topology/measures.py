"""Metres, widths and pieces of shapes that stand in degrees."""

import math
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

# WGS 84
_A: Final = 6378137.0
_E2: Final = 6.69437999014e-3

Shapes = NDArray[np.object_]


def metres_per_degree(lat: float) -> NDArray[np.float64]:
    """Metres per degree of longitude and of latitude at the latitude `lat` on the WGS 84 ellipsoid."""
    sine = math.sin(math.radians(lat))
    w = math.sqrt(1.0 - _E2 * sine * sine)
    east = math.radians(_A / w * math.cos(math.radians(lat)))
    north = math.radians(_A * (1.0 - _E2) / w**3)
    return np.array([max(east, 1e-3), north])


def scaled(shapes: Any, factors: NDArray[np.float64]) -> Any:
    """A shape, or an array of shapes, with x and y multiplied: degrees or lattice steps to metres."""
    return shapely.transform(shapes, lambda xy: xy * factors)


def is_thin(shape: BaseGeometry, width: float) -> bool:
    """Whether no circle of the diameter `width` fits into the shape; both in metres."""
    if shape.area <= 0.0:
        return True
    # every point of a shape is within its inradius of the rim: area <= inradius * perimeter
    if 2.0 * shape.area >= width * shape.length:
        return False
    return bool(shapely.buffer(shape, -width / 2.0 * (1.0 - 1e-9), quad_segs=4).is_empty)


def width_of(shape: BaseGeometry) -> float:
    """Diameter of the largest circle in a shape, in its units."""
    tolerance = max(shape.area / max(shape.length, 1e-12) / 50.0, 1e-4)
    return 2.0 * float(shapely.maximum_inscribed_circle(shape, tolerance=tolerance).length)


def count_parts(shape: BaseGeometry) -> int:
    """Number of edge-connected pieces of a valid Polygon or MultiPolygon."""
    return int(shapely.get_num_geometries(shape))


def place_in(shape: BaseGeometry) -> tuple[float, float]:
    """A point within a shape, for the map."""
    point = shapely.point_on_surface(shape)
    return float(point.x), float(point.y)
