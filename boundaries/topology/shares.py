"""Rules for faces that change hands: slivers, grids left empty or torn."""

from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import Faces
from boundaries.topology.linework import Coverage, Key
from boundaries.topology.measures import count_parts


def give_slivers(faces: Faces, label: list[Key], to: Key, width: float) -> None:
    """Let slivers go where they make sense; changes `label`.

    Ground taken from a grid that is thinner than `width` everywhere goes back to it, if more is taken elsewhere. A
    piece of a grid that would be left thinner than `width` goes to `to` if that lies beside it, else to the neighbour with the
    longest common border.
    """
    taken = [name == to and faces.key(face) != to for face, name in enumerate(label)]
    groups = [
        group
        for group in faces.pieces([(faces.key(face), taken[face]) for face in range(len(label))])
        if taken[group[0]]
    ]
    slivers = [group for group in groups if faces.thin(group, width)]
    if len(slivers) < len(groups):
        for group in slivers:
            for face in group:
                label[face] = faces.key(face)
    for _again in range(len(label)):
        thin = next((piece for piece in _narrow(faces, label, width) if label[piece[0]] != to), None)
        if thin is None:
            return
        lengths: dict[Key, float] = {}
        for other, length in faces.borders(thin).items():
            lengths[label[other]] = lengths.get(label[other], 0.0) + length
        best = to if to in lengths else max(lengths, key=lambda name: (lengths[name], str(name)))
        for face in thin:
            label[face] = best


def _narrow(faces: Faces, label: list[Key], width: float) -> list[list[int]]:
    """Pieces thinner than `width` that the lines have made: not those that were a piece before."""
    before = {tuple(piece) for piece in faces.pieces(faces.owners())}
    return [
        piece
        for piece in faces.pieces(label)
        if tuple(piece) not in before and faces.borders(piece) and faces.thin(piece, width)
    ]


def require_whole(
    faces: Faces,
    label: list[Key],
    coverage: Coverage,
    gainer: Key | None = None,
    advice: str = "draw the area up to its border",
) -> None:
    """Refuse labels that leave a grid empty or in more pieces than it had.

    `advice` says what to do where the gainer would fall into pieces.

    Raises
    ------
    TopologyError
        ``empties``, ``tears``; of the gainer ``apart`` (it was there before) or ``several_pieces``.
    """
    pieces: dict[Key, list[list[int]]] = {}
    for piece in faces.pieces(label):
        pieces.setdefault(label[piece[0]], []).append(piece)
    for donor in faces.donors:
        key = faces.linework.keys[donor]
        if key not in pieces:
            raise TopologyError(
                "empties",
                f"Nothing would be left of grid {key}; merge it instead.",
                details={"code": key},
                place=faces.spot(face for face in range(len(label)) if faces.owner[face] == donor),
            )
    for key, found in pieces.items():
        before = count_parts(coverage[key]) if key in coverage else 1
        if len(found) <= before:
            continue
        found.sort(key=lambda piece: -faces.size(piece))
        spot, size = faces.spot(found[before]), faces.size(found[before])
        if key != gainer:
            raise TopologyError(
                "tears",
                f"This would tear grid {key} in two: a piece of {size:,.0f} m² would be cut off;"
                " take that piece too, or leave a way to it.",
                details={"code": key, "area_m2": size},
                place=spot,
            )
        if key in coverage:
            raise TopologyError(
                "apart",
                f"A piece of {size:,.0f} m² does not border on grid {key}; {advice}.",
                details={"code": key, "area_m2": size},
                place=spot,
            )
        raise TopologyError(
            "several_pieces",
            f"The new grid would fall into {len(found)} pieces; draw it in one.",
            details={"code": key, "pieces": len(found)},
            place=spot,
        )


def require_wide(faces: Faces, label: list[Key], width: float) -> None:
    """Refuse labels that leave a piece thinner than `width` metres, but for one that only won ground.

    Raises
    ------
    TopologyError
        ``too_thin``.
    """
    before = [set(piece) for piece in faces.pieces(faces.owners())]
    for piece in _narrow(faces, label, width):
        key = label[piece[0]]
        if any(old <= set(piece) and faces.key(min(old)) == key for old in before):
            continue
        raise TopologyError(
            "too_thin",
            f"A piece of grid {key} would be left less than {width:g} m wide; leave more of it, or all to one grid.",
            details={"code": key, "width_m": width},
            place=faces.spot(piece),
        )
