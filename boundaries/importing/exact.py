"""Areas that tile their ground already, to the last digit: an exported plan that comes back.

Noding such a layer anew against the surveyed outline would put the outline's own corners into its rim and take others out,
all within two millimetres and for no gain. What is exact stays as it is.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.importing.coverage import edge_faults, half_edge_faults
from boundaries.topology.measures import metres_per_degree, scaled

RIM_M: Final = 0.002
"""How far the rim may stand off the surveyed outline, in metres: as far as where a plan is put in force."""
DIGITS: Final = 8


def is_exact(areas: Mapping[Any, BaseGeometry], outline: BaseGeometry) -> bool:
    """Whether areas on the record's grid share every corner with their neighbours, and fill the outline.

    Parameters
    ----------
    areas : mapping of key to Polygon or MultiPolygon
        EPSG:4326, valid one by one.
    outline : Polygon or MultiPolygon
        What they should fill, EPSG:4326.
    """
    shapes = np.array(list(areas.values()), dtype=object)
    points = shapely.get_coordinates(shapes)
    if not len(points) or (np.round(points, DIGITS) != points).any():
        return False
    if edge_faults(areas) or half_edge_faults(areas):
        return False
    covered = shapely.coverage_union_all(shapes)
    # straight in degrees is bent in a projection: 2 mm in the middle of a side of 400 m, where a new corner may lie
    factors = metres_per_degree(float(shapely.get_y(outline.centroid)))
    ours, theirs = (scaled(each.boundary, factors) for each in (covered, outline))
    return _lies_along(ours, theirs) and _lies_along(theirs, ours)


def _lies_along(line: BaseGeometry, other: BaseGeometry) -> bool:
    """Whether no corner of `line`, and no middle between two, stands off `other`. Asked both ways, nothing does: the
    sides of a slit have their ends on the rim, but not their middles."""
    shapely.prepare(other)
    points, string = shapely.get_coordinates(shapely.get_parts(line), return_index=True)
    same = string[:-1] == string[1:]
    middles = (points[:-1][same] + points[1:][same]) / 2
    return bool(shapely.dwithin(shapely.points(np.vstack([points, middles])), other, RIM_M).all())
