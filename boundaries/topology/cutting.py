"""One grid becomes several along a drawn line."""

from collections.abc import Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import Faces
from boundaries.topology.linework import Coverage, Key
from boundaries.topology.neighbourhood import Locked, divided, free, known, reaching, sound_line, unlocked


def split(
    coverage: Coverage,
    code: Key,
    line: BaseGeometry,
    new_codes: Sequence[Key],
    *,
    precision: float = 1e-8,
    min_width_m: float = 1.0,
    outline: BaseGeometry | None = None,
    locked: Locked = (),
) -> dict[Key, BaseGeometry]:
    """Divide a grid along a line.

    ::

        +-----------+          What reaches beyond the grid is cut off. A line that crosses several times makes
        |   1       |          several pieces. The first code goes to the largest piece, the next to the next;
      --+----+   +--+--        pieces that would be thinner than `min_width_m` stay with the piece with which they
        | 2  |---|3 |          share the longest border. Parts of a grid of several parts that the line does not
        +----+   +--+          cut stay with the largest piece.

    Parameters
    ----------
    line : LineString or MultiLineString
        Degrees; from border to border (an end may stop up to two metres short), or closed.
    new_codes : sequence of keys
        For the pieces, the largest first; `code` itself may be among them. Surplus ones are ignored.

    Raises
    ------
    TopologyError
        ``unknown_code``, ``locked``, ``bad_line``, ``too_many_corners``, ``crosses_itself``, ``code_taken``,
        ``misses``, ``touches``, ``ends_inside``, ``too_thin``, ``too_few_codes``.
    """
    known(coverage, code)
    unlocked(coverage, locked, code)
    sound_line(line)
    codes = list(new_codes)
    free(coverage, codes, leaving=[code])
    grid = coverage[code]
    if not line.intersects(grid):
        raise TopologyError(
            "misses",
            f"The line misses the grid {code}; draw it across the grid.",
            details={"code": code},
            place=_middle(line),
        )
    longer = reaching(line, [grid.boundary], grid)
    faces = divided(coverage, [code], longer, precision=precision, outline=outline, locked=locked)
    if len(faces) <= shapely.get_num_geometries(grid):
        _refuse(line, grid, code)
    label = _without_slivers(faces, min_width_m)
    pieces = _pieces(faces, label)
    cut = [piece for piece in pieces if _is_cut(faces, piece)]
    if len(cut) < 2:
        raise TopologyError(
            "too_thin",
            f"The line runs so close to the border of grid {code} that only a strip thinner than"
            f" {min_width_m:g} m would be cut off; draw it further away.",
            details={"code": code, "width_m": min_width_m},
            place=_middle(line.intersection(grid)),
        )
    if len(cut) > len(codes):
        raise TopologyError(
            "too_few_codes",
            f"The line makes {len(cut)} pieces, and there are {len(codes)} codes; give more codes"
            " or draw a line that crosses the grid fewer times.",
            details={"code": code, "pieces": len(cut), "codes": len(codes)},
            place=faces.spot(cut[-1]),
        )
    named: list[Key] = [codes[0]] * len(faces)
    for piece, new in zip(cut, codes, strict=False):
        for face in piece:
            named[face] = new
    return faces.assembled(coverage, named)


def _without_slivers(faces: Faces, width: float) -> list[Key]:
    """A number for each face; thin ones get that of the neighbour with the longest common border."""
    label: list[Key] = list(range(len(faces)))
    sizes = faces.sizes().tolist()
    for face in sorted(range(len(label)), key=lambda face: (sizes[face], face)):
        piece = [other for other, name in enumerate(label) if name == label[face]]
        around = faces.borders(piece)
        if not around or not faces.thin(piece, width):
            continue
        lengths: dict[Key, float] = {}
        for other, length in around.items():
            lengths[label[other]] = lengths.get(label[other], 0.0) + length
        best = max(lengths, key=lambda name: (lengths[name], str(name)))
        for other in piece:
            label[other] = best
    return label


def _pieces(faces: Faces, label: list[Key]) -> list[list[int]]:
    """The faces of each piece, the largest piece first."""
    return sorted(faces.pieces(label), key=lambda piece: (-faces.size(piece), piece))


def _is_cut(faces: Faces, piece: list[int]) -> bool:
    return bool(faces.borders(piece))


def _refuse(line: BaseGeometry, grid: BaseGeometry, code: Key) -> None:
    inside = [
        part
        for part in shapely.get_parts(shapely.intersection(line, grid))
        if part.geom_type == "LineString" and not grid.boundary.covers(part)
    ]
    if not inside:
        raise TopologyError(
            "touches",
            f"The line only touches the border of grid {code}; draw it across the grid.",
            details={"code": code},
            place=_middle(line.intersection(grid)),
        )
    ends = shapely.points(shapely.get_coordinates(shapely.get_parts(line)[0])[[0, -1]])
    loose = next((end for end in ends if grid.contains(end)), None)
    raise TopologyError(
        "ends_inside",
        f"The line ends inside grid {code}; draw it on to the border.",
        details={"code": code},
        place=_middle(inside[0]) if loose is None else (float(loose.x), float(loose.y)),
    )


def _middle(shape: BaseGeometry) -> tuple[float, float]:
    point = shapely.point_on_surface(shape)
    return float(point.x), float(point.y)
