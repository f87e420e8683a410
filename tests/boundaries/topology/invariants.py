"""What must hold of a coverage after each edit, found out without the code under test."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from pyproj import Geod

GEOD = Geod(ellps="WGS84")
RIM_M = 0.002
AREA = 1e-7
"""Of the community, or of a square kilometre where it is smaller: a corner on a rim edge of 400 m that lies a tenth of a
millimetre beside it moves 0.02 m2, however small the community is."""
LEAST_M2 = 1e6
Areas = Mapping[Any, shapely.Geometry]


@dataclass(frozen=True)
class Measured:
    """How far a coverage stands off: metres at the rim, and the relative change of its area."""

    rim_m: float
    drift: float


def metres(lat: float) -> np.ndarray:
    """Metres per degree of longitude and latitude, by geodesics."""
    east = GEOD.inv(0.0, lat, 1e-3, lat)[2] * 1e3
    north = GEOD.inv(0.0, lat - 5e-4, 0.0, lat + 5e-4)[2] * 1e3
    return np.array([east, north])


def plain(shape: Any, factors: np.ndarray) -> Any:
    """Degrees to metres."""
    return shapely.transform(shape, lambda xy: xy * factors)


def half_edges(areas: Areas) -> Counter[tuple[tuple[float, float], tuple[float, float]]]:
    """Directed edges of all rings, each with its grid on the left, and how often they stand."""
    found: Counter[tuple[tuple[float, float], tuple[float, float]]] = Counter()
    for shape in areas.values():
        for part in shapely.get_parts(shape):
            for ring, is_shell in [(part.exterior, True), *((hole, False) for hole in part.interiors)]:
                points = [tuple(point) for point in ring.coords]
                if ring.is_ccw != is_shell:
                    points.reverse()
                found.update(pairwise(points))
    return found


def require_sound(
    areas: Areas,
    before: Areas,
    start: Areas,
    outline: shapely.Geometry,
    *,
    min_width_m: float = 1.0,
    keeps_objects: bool = True,
    versions: Sequence[Areas] = (),
) -> Measured:
    """Assert everything that must hold after one edit.

    `start` is the coverage at the beginning of a sequence, `outline` its surveyed rim with holes, `versions` what was
    settled.
    """
    assert areas
    for key, shape in areas.items():
        assert shape.geom_type in {"Polygon", "MultiPolygon"}, key
        assert not shape.is_empty, key
        assert shape.is_valid, (key, shapely.is_valid_reason(shape))
        coordinates = shapely.get_coordinates(shape)
        assert np.array_equal(coordinates, np.round(coordinates * 1e8) / 1e8), key
    assert shapely.coverage_is_valid(list(areas.values()))
    edges = half_edges(areas)
    assert max(edges.values()) == 1
    rim = [edge for edge in edges if edge[::-1] not in edges]
    factors = metres(outline.centroid.y)
    measured = Measured(_off_rim(rim, outline, factors), _drift(areas, before))
    assert measured.rim_m <= RIM_M
    size = float(sum(plain(shape, factors).area for shape in before.values()))
    assert measured.drift <= AREA * max(1.0, LEAST_M2 / size)
    # holes on purpose are still open, and no new ones: the ground as a whole is the same but for the rim's rounding
    ground, surveyed = (plain(shapely.union_all(list(a.values())), factors) for a in (areas, start))
    assert ground.symmetric_difference(surveyed).area <= RIM_M * surveyed.length
    assert _rings(ground) == _rings(surveyed)
    _require_pieces(areas, before, factors, min_width_m, versions)
    for key, shape in areas.items():
        if keeps_objects and key in before and shape.equals_exact(before[key], 0.0, normalize=True):
            assert shape is before[key], f"{key} did not change"
    return measured


def _drift(areas: Areas, before: Areas) -> float:
    now, then = (sum(shape.area for shape in a.values()) for a in (areas, before))
    return float(abs(now - then) / then)


def _rings(shape: Any) -> int:
    return int(sum(1 + shapely.get_num_interior_rings(part) for part in shapely.get_parts(shape)))


def _off_rim(rim: list[Any], outline: shapely.Geometry, factors: np.ndarray) -> float:
    """Furthest distance in metres between the rim and the surveyed outline, both ways round."""
    edges = np.array(rim) * factors
    surveyed = plain(outline.boundary, factors)
    lines = shapely.linestrings(edges)
    probes = np.concatenate([edges[:, 0], edges.mean(axis=1)])
    there = shapely.distance(shapely.points(probes), surveyed).max()
    corners = shapely.points(shapely.get_coordinates(surveyed))
    back = shapely.STRtree(lines).query_nearest(corners, return_distance=True, all_matches=False)[1].max()
    return float(max(there, back))


def _require_pieces(
    areas: Areas, before: Areas, factors: np.ndarray, width: float, versions: Sequence[Areas]
) -> None:
    known = {part.normalize().wkb for shape in before.values() for part in shapely.get_parts(shape)}
    for key, shape in areas.items():
        if key in before and shape is before[key]:
            continue
        parts = shapely.get_parts(shape)
        # what was settled may have the pieces that it had in either version
        settled = [shapely.get_num_geometries(version[key]) for version in versions if key in version]
        assert len(parts) <= max(_allowed(key, shape, areas, before), *settled, 0), (
            f"{key} in {len(parts)} pieces"
        )
        for part in parts:
            if part.normalize().wkb not in known:
                wide = _width(plain(part, factors))
                assert wide >= width * 0.99 or _was_thin(part, before, factors, width), (
                    f"{key} is {wide:.3f} m wide"
                )


def _allowed(key: Any, shape: Any, areas: Areas, before: Areas) -> int:
    """Pieces that a grid may have: as many as before, or as those together that went into it."""
    gone = [old for other, old in before.items() if other not in areas and old.intersection(shape).area > 0]
    own = [before[key]] if key in before else []
    count = [shapely.get_num_geometries(old) for old in own + gone]
    return max(1, sum(count) - (len(count) - 1)) if count else 1


def _width(part: Any) -> float:
    return 2.0 * float(shapely.maximum_inscribed_circle(part, tolerance=1e-3).length)


def _was_thin(part: Any, before: Areas, factors: np.ndarray, width: float) -> bool:
    """Whether it is a piece that was thin already and only gained corners."""
    for shape in before.values():
        for old in shapely.get_parts(shape):
            if (
                old.intersects(part)
                and _width(plain(old, factors)) < width * 1.01
                and old.intersection(part).area > 0.5 * part.area
            ):
                return True
    return False
