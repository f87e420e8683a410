"""Several grids become one."""

from collections.abc import Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.topology.errors import TopologyError
from boundaries.topology.faces import refuse_pinches
from boundaries.topology.linework import Coverage, Key
from boundaries.topology.measures import count_parts
from boundaries.topology.neighbourhood import Locked, free, known, place_of, unlocked


def merge(
    coverage: Coverage,
    codes: Sequence[Key],
    into: Key,
    *,
    precision: float = 1e-8,
    min_width_m: float = 1.0,
    outline: BaseGeometry | None = None,
    locked: Locked = (),
) -> dict[Key, BaseGeometry]:
    """Join grids into one.

    Parameters
    ----------
    codes : sequence of keys
        At least two grids that hang together along common borders.
    into : key
        One of them, or a new code.

    Raises
    ------
    TopologyError
        ``unknown_code``, ``too_few_grids``, ``code_taken``, ``locked``, ``not_neighbours``, ``pinches``.
    """
    del precision, min_width_m, outline  # no line is added
    chosen = list(dict.fromkeys(codes))
    known(coverage, *chosen)
    if len(chosen) < 2:
        raise TopologyError("too_few_grids", "Choose two or more grids to merge.")
    unlocked(coverage, locked, *chosen)
    free(coverage, [into], leaving=chosen)
    shapes = [coverage[code] for code in chosen]
    joined = shapely.coverage_union_all(shapes)
    if count_parts(joined) > sum(map(count_parts, shapes)) - len(chosen) + 1:
        _not_neighbours(coverage, chosen, joined)
    result = {key: shape for key, shape in coverage.items() if key not in chosen or key == into}
    result[into] = shapely.normalize(joined)
    box = joined.bounds
    near = [
        key
        for key, (west, south, east, north) in zip(
            result, shapely.bounds(list(result.values())).tolist(), strict=True
        )
        if west <= box[2] and east >= box[0] and south <= box[3] and north >= box[1]
    ]
    refuse_pinches(
        {key: coverage[key] for key in [*near, *chosen] if key in coverage},
        {key: result[key] for key in near},
    )
    return result


def _not_neighbours(coverage: Coverage, chosen: list[Key], joined: BaseGeometry) -> None:
    """Name a grid that does not hang together with the first."""
    parts = shapely.get_parts(joined)
    home = next(part for part in parts if part.intersects(shapely.point_on_surface(coverage[chosen[0]])))
    apart = next(
        (key for key in chosen if not home.intersects(shapely.point_on_surface(coverage[key]))), chosen[-1]
    )
    raise TopologyError(
        "not_neighbours",
        f"The grids {chosen[0]} and {apart} do not border on each other; choose grids with a common border.",
        details={"codes": [chosen[0], apart]},
        place=place_of(coverage[apart]),
    )
