"""Where a layer that tiles a community meets the community's surveyed outline, which is the authority.

::

    outline  ----------+-----------     A layer drawn by other hands stops short of the outline here and sticks out
             ...A'.....c....B'.....     there. What sticks out is cut off. What is missing is given to the grid along
      rim    =======+=====+========     which it lies; where two of them meet, a cut (c) from their corner straight to
                 A  |  B                the outline divides it, so that none reaches along the rim of another.
"""

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries.importing.shapes import Shapes, reproject

_TOUCHING: Final = 1e-9
"""Degrees, far below the grid's step: nearer than this a corner lies on the outline."""


def cuts(given: Shapes, outline: BaseGeometry, metric_srid: int, width: float) -> list[BaseGeometry]:
    """Lines from corners where areas meet, near the outline but short of it, straight to the outline.

    Parameters
    ----------
    given : ndarray of Polygon or MultiPolygon
        EPSG:4326.
    outline : Polygon or MultiPolygon
        EPSG:4326.
    width : float
        Metres up to which ground at the rim is given to areas.

    Returns
    -------
    list of LineString
        EPSG:4326; both ends lie on the linework.
    """
    reach = width * 1.5
    plain = np.asarray(reproject(given, 4326, metric_srid), dtype=object)
    rim = reproject(outline, 4326, metric_srid).boundary
    shapely.prepare(rim)
    shapely.prepare(outline)
    metres, area_of = shapely.get_coordinates(plain, return_index=True)
    degrees = shapely.get_coordinates(given)
    corners = shapely.points(metres)
    near = shapely.dwithin(corners, rim, reach)
    # inside in degrees: a straight line there is a slightly bent one in metres
    where = np.flatnonzero(near)[shapely.intersects(outline, shapely.points(degrees[near]))]
    if not len(where):
        return []
    # a corner counts where another area is as near: only there has the ground to be divided
    found, others = STRtree(plain).query(corners[where], predicate="dwithin", distance=reach)
    meets = np.unique(found[others != area_of[where[found]]])
    rim_as_given = shapely.boundary(outline)
    starts = np.unique(degrees[where[meets]], axis=0)
    lines = shapely.shortest_line(shapely.points(starts), rim_as_given)
    # a line that runs through an area would only add corners to it
    middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    through = set(STRtree(given).query(middles, predicate="intersects")[0].tolist())
    return [line for index, line in enumerate(lines) if index not in through and line.length > _TOUCHING]


def depths(plain: Shapes, faces: NDArray[np.int64], outline: BaseGeometry) -> dict[int, float]:
    """How far each of the faces reaches away from the outline, in metres; both in one metric projection."""
    rim = outline.boundary
    shapely.prepare(rim)
    points, face_of = shapely.get_coordinates(plain[faces], return_index=True)
    away = shapely.distance(shapely.points(points), rim)
    found = np.zeros(len(faces))
    np.maximum.at(found, face_of, away)
    return {int(face): float(depth) for face, depth in zip(faces, found, strict=True)}
