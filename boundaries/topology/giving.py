"""Ground drawn by hand goes to a grid that is there, or becomes a grid of its own."""

import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import Faces
from boundaries.topology.linework import Coverage, Key
from boundaries.topology.measures import is_thin, metres_per_degree, scaled
from boundaries.topology.neighbourhood import Locked, divided, free, known, place_of, sound_area, unlocked
from boundaries.topology.shares import give_slivers, require_whole, require_wide


def transfer(
    coverage: Coverage,
    area: BaseGeometry,
    to: Key,
    *,
    locked: Locked = (),
    precision: float = 1e-8,
    min_width_m: float = 1.0,
    outline: BaseGeometry | None = None,
) -> dict[Key, BaseGeometry]:
    """Give an area drawn by hand to a grid, from whichever grids it covers.

    ::

        +------+-------+        What lies in `to` already, or outside all grids, does not count. Where the area
        |  to .|......s|        reaches less than `min_width_m` into a grid although it takes more from others,
        |     .| A   .s|        that grid keeps its ground; ground of a grid that would be left as a piece thinner
        +------+-------+        than that (s) goes with the area.

    Parameters
    ----------
    area : Polygon or MultiPolygon
        Degrees.
    locked : iterable of keys, or mapping of key to outline when locked
        Grids that may neither win nor lose ground; with outlines, new corners on their borders are put on these.

    Raises
    ------
    TopologyError
        ``unknown_code``, ``locked``, ``bad_area``, ``too_many_corners``, ``crosses_itself``, ``outside``,
        ``no_change``, ``too_thin``, ``empties``, ``tears``, ``apart``.
    """
    known(coverage, to)
    unlocked(coverage, locked, to)
    faces, label = _shared(coverage, area, to, locked, precision, min_width_m, outline)
    require_whole(faces, label, coverage, gainer=to)
    require_wide(faces, label, min_width_m)
    return faces.assembled(coverage, label)


def carve(
    coverage: Coverage,
    area: BaseGeometry,
    new_code: Key,
    *,
    locked: Locked = (),
    precision: float = 1e-8,
    min_width_m: float = 1.0,
    outline: BaseGeometry | None = None,
) -> dict[Key, BaseGeometry]:
    """Make a grid of its own of an area, from whichever grids it covers; slivers as in `transfer`.

    Raises
    ------
    TopologyError
        ``code_taken``, ``locked``, ``bad_area``, ``too_many_corners``, ``crosses_itself``, ``outside``, ``too_thin``,
        ``empties``, ``tears``, ``several_pieces``.
    """
    free(coverage, [new_code])
    faces, label = _shared(coverage, area, new_code, locked, precision, min_width_m, outline)
    require_whole(faces, label, coverage, gainer=new_code)
    require_wide(faces, label, min_width_m)
    return faces.assembled(coverage, label)


def _shared(
    coverage: Coverage,
    area: BaseGeometry,
    to: Key,
    locked: Locked,
    precision: float,
    width: float,
    outline: BaseGeometry | None,
) -> tuple[Faces, list[Key]]:
    sound_area(area)
    shapely.prepare(area)
    covered = {
        key: ground
        for key, shape in coverage.items()
        if key != to and area.intersects(shape) and (ground := area.intersection(shape)).area > 0.0
    }
    if not covered:
        if to in coverage and area.intersects(coverage[to]):
            raise TopologyError(
                "no_change",
                f"The area lies within grid {to} already.",
                details={"code": to},
                place=place_of(area),
            )
        raise TopologyError("outside", "The area lies outside all grids.", place=place_of(area))
    closed = set(locked)
    kept = {key: ground for key, ground in covered.items() if key in closed}
    _require_open(kept, width, alone=len(kept) == len(covered))
    donors = [key for key in covered if key not in closed]
    faces = divided(
        coverage,
        donors,
        area.boundary,
        also=[to] if to in coverage else [],
        precision=precision,
        outline=outline,
        locked=locked,
    )
    inside = shapely.intersects(area, faces.spots())
    label = [to if taken else faces.key(face) for face, taken in enumerate(inside.tolist())]
    give_slivers(faces, label, to, width)
    if all(name == faces.key(face) for face, name in enumerate(label)):
        raise TopologyError(
            "too_thin",
            f"The area is less than {width:g} m wide where it lies in other grids; draw it wider.",
            details={"width_m": width},
            place=place_of(area),
        )
    return faces, label


def _require_open(kept: dict[Key, BaseGeometry], width: float, *, alone: bool) -> None:
    """Refuse locked ground, but for slivers that stay where they are."""
    wide = [
        key
        for key, ground in kept.items()
        if alone or not is_thin(scaled(ground, metres_per_degree(ground.centroid.y)), width)
    ]
    if wide:
        names = ", ".join(map(str, wide))
        raise TopologyError(
            "locked",
            f"The area covers ground of locked grids ({names}); unlock them first or draw around them.",
            details={"codes": wide},
            place=place_of(kept[wide[0]]),
        )
