"""Buildings change grid, and the ground around them with them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import Faces
from boundaries.topology.linework import Coverage, Key
from boundaries.topology.measures import Shapes, metres_per_degree
from boundaries.topology.neighbourhood import Locked, divided, known, unlocked
from boundaries.topology.shares import give_slivers, require_whole, require_wide

Place = tuple[float, float]
Building = Any
"""What buildings go by. Hashable."""

COARSEST_M = 16.0
"""The tolerance with which a new border is straightened at first, in metres; halved until no building changes side."""
_FINEST_M = 0.25


def move(
    coverage: Coverage,
    places: Mapping[Building, Place],
    chosen: Iterable[Building],
    to: Key,
    *,
    locked: Locked = (),
    precision: float = 1e-8,
    min_width_m: float = 1.0,
    outline: BaseGeometry | None = None,
) -> dict[Key, BaseGeometry]:
    """Give buildings to a grid, with the ground that lies nearer to them than to other buildings of their grid.

    ::

        +-------+-----------+       The cells of the chosen buildings (x) in their own grid go; the new border
        |  to   |x  x/ o    |       between them and the others (o) is straightened as far as no building changes
        |       |   /    o  |       side. All chosen buildings change grid, no other does.
        +-------+--+--------+

    Parameters
    ----------
    places : mapping of building to (lon, lat)
        Points of all buildings of the grids concerned, the chosen ones among them; others do no harm.
    chosen : iterable of buildings
    to : key

    Raises
    ------
    TopologyError
        ``unknown_code``, ``locked``, ``unknown_building``, ``no_change``, ``outside``, ``same_place``, ``empties``,
        ``tears``, ``apart``, ``too_thin``, ``too_close``.
    """
    known(coverage, to)
    unlocked(coverage, locked, to)
    wanted = list(dict.fromkeys(chosen))
    strange = [building for building in wanted if building not in places]
    if strange or not wanted:
        raise TopologyError(
            "unknown_building", "Choose buildings that are on the map.", details={"buildings": strange}
        )
    at_home = _homes(coverage, places, to, wanted)
    moving = {building for building in wanted if at_home[building] != to}
    if not moving:
        raise TopologyError(
            "no_change", f"These buildings belong to grid {to} already.", details={"code": to}
        )
    donors = list(dict.fromkeys(at_home[building] for building in wanted if building in moving))
    unlocked(coverage, locked, *donors)
    areas = [_cells(coverage, donor, places, at_home, moving) for donor in donors]
    lines = shapely.multilinestrings(
        [
            part
            for donor, cells in zip(donors, areas, strict=True)
            for part in shapely.get_parts(shapely.intersection(cells.boundary, coverage[donor]))
            if part.geom_type == "LineString"
        ]
    )
    faces = divided(coverage, donors, lines, also=[to], precision=precision, outline=outline, locked=locked)
    own = dict(zip(donors, areas, strict=True))
    label = _labels(faces, own, places, at_home, moving, to)
    give_slivers(faces, label, to, min_width_m)
    require_whole(
        faces, label, coverage, gainer=to, advice=f"choose the buildings between them and grid {to} as well"
    )
    require_wide(faces, label, min_width_m)
    result = faces.assembled(coverage, label)
    _require_all(result, places, at_home, moving, to, donors)
    return result


def _homes(
    coverage: Coverage, places: Mapping[Building, Place], to: Key, wanted: list[Building]
) -> dict[Building, Key]:
    """The grid of each building; on a border the first grid."""
    keys = list(coverage)
    buildings = list(places)
    points = shapely.points(np.array([places[building] for building in buildings], dtype=np.float64))
    found: dict[Building, Key] = {}
    tree = shapely.STRtree(np.array([coverage[key] for key in keys], dtype=object))
    for at, index in sorted(map(tuple, tree.query(points, predicate="intersects").T.tolist())):
        found.setdefault(buildings[at], keys[index])
    for building in wanted:
        if building not in found:
            raise TopologyError(
                "outside",
                "A building lies outside all grids; it cannot be moved with its ground.",
                details={"buildings": [building], "code": to},
                place=places[building],
            )
    return found


def _cells(
    coverage: Coverage,
    donor: Key,
    places: Mapping[Building, Place],
    at_home: Mapping[Building, Key],
    moving: set[Building],
) -> BaseGeometry:
    """The ground nearer to the moving buildings of a grid than to its others, with a straightened border."""
    residents = [building for building, key in at_home.items() if key == donor]
    metres = metres_per_degree(places[residents[0]][1])
    corner = np.array(coverage[donor].bounds[:2])
    points = (np.array([places[building] for building in residents]) - corner) * metres
    spots, spot_of = np.unique(np.round(points, 3), axis=0, return_inverse=True)
    goes = np.array([building in moving for building in residents])
    leaves = np.zeros(len(spots), dtype=bool)
    stays = np.zeros(len(spots), dtype=bool)
    np.logical_or.at(leaves, spot_of, goes)
    np.logical_or.at(stays, spot_of, ~goes)
    if (leaves & stays).any():
        both = spot_of == int(np.argmax(leaves & stays))
        same = [residents[index] for index in np.flatnonzero(both)]
        raise TopologyError(
            "same_place",
            "Two buildings stand at the same place; choose both.",
            details={"buildings": same},
            place=places[same[0]],
        )
    if not stays.any():
        raise TopologyError(
            "empties",
            f"Nothing would be left of grid {donor}: all its buildings are chosen; merge it instead.",
            details={"code": donor},
            place=places[residents[0]],
        )
    ground = shapely.transform(coverage[donor], lambda xy: (xy - corner) * metres)
    frame = shapely.box(*ground.bounds).buffer(50.0)
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(spots), extend_to=frame, ordered=True)
    )
    rough = shapely.union_all(cells[leaves])
    fine = _straightened(rough, shapely.points(spots[leaves]), shapely.points(spots[stays]))
    return shapely.transform(fine, lambda xy: xy / metres + corner)


def _straightened(rough: BaseGeometry, inside: Shapes, outside: Shapes) -> BaseGeometry:
    """The area with as few corners as leave every point on its side and off the border."""
    points = np.append(inside, outside)
    room = np.minimum(shapely.distance(rough.boundary, points) / 2.0, 1.0)
    tolerance = COARSEST_M
    while tolerance >= _FINEST_M:
        simpler = shapely.simplify(rough, tolerance, preserve_topology=True)
        shapely.prepare(simpler)
        if (
            simpler.is_valid
            and shapely.contains(simpler, inside).all()
            and not shapely.intersects(simpler, outside).any()
            and (shapely.distance(simpler.boundary, points) >= room).all()
        ):
            return simpler
        tolerance /= 2.0
    return rough


def _labels(
    faces: Faces,
    own: Mapping[Key, BaseGeometry],
    places: Mapping[Building, Place],
    at_home: Mapping[Building, Key],
    moving: set[Building],
    to: Key,
) -> list[Key]:
    """Faces of moving buildings go, faces of others stay; empty ones follow where they would be cut off."""
    spots = faces.spots()
    label: list[Key] = []
    for face, spot in enumerate(spots):
        key = faces.key(face)
        label.append(to if key in own and own[key].intersects(spot) else key)
    holds = _holders(faces, places, at_home)
    for face, residents in holds.items():
        if residents:
            label[face] = to if any(building in moving for building in residents) else faces.key(face)
    for piece in faces.pieces([(name, faces.owner[face]) for face, name in enumerate(label)]):
        if any(holds.get(face) for face in piece) or faces.key(piece[0]) == to:
            continue
        home = faces.key(piece[0])
        around = {label[other] for other in faces.borders(piece)}
        settled = label[piece[0]]
        others = [other for other in faces.borders(piece) if other not in piece and label[other] == settled]
        if not others and around:
            new = to if settled == home and to in around else home
            for face in piece:
                label[face] = new
    return label


def _holders(
    faces: Faces, places: Mapping[Building, Place], at_home: Mapping[Building, Key]
) -> dict[int, list[Building]]:
    """The buildings in each face; on a border those of the grid to which the face belongs."""
    owners = faces.owners()
    concerned = set(owners)
    members = [building for building, key in at_home.items() if key in concerned]
    degrees = np.array([places[building] for building in members], dtype=np.float64).reshape(-1, 2)
    points = shapely.points(faces.lattice.steps(degrees))
    found: dict[int, list[Building]] = {}
    for at, face in shapely.STRtree(faces.shapes).query(points, predicate="intersects").T.tolist():
        if owners[face] == at_home[members[at]]:
            found.setdefault(face, []).append(members[at])
    return found


def _require_all(
    result: Coverage,
    places: Mapping[Building, Place],
    at_home: Mapping[Building, Key],
    moving: set[Building],
    to: Key,
    donors: list[Key],
) -> None:
    """All moving buildings lie in `to` now and no other building has changed grid."""
    for building, home in at_home.items():
        if home != to and home not in donors:
            continue
        expected = to if building in moving else home
        if not result[expected].intersects(shapely.Point(places[building])):
            raise TopologyError(
                "too_close",
                "Buildings stand too close together for a border between them; choose both or neither.",
                details={"buildings": [building], "code": expected},
                place=places[building],
            )
