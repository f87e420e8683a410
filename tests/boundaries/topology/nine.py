"""Nine squares of 0.002 degrees (about 191 m x 222 m) on which the examples are drawn.

::

    3 +---+---+---+
      | g | h | i |
    2 +---+---+---+      Places are given in squares from the lower left corner: (1.5, 1.5) is the middle of e.
      | d | e | f |
    1 +---+---+---+
      | a | b | c |
    0 +---+---+---+
      0   1   2   3
"""

from collections.abc import Callable
from typing import Any

import pytest
import shapely

from boundaries import topology
from boundaries.topology import TopologyError
from tests.boundaries.topology.grounds import Areas
from tests.boundaries.topology.invariants import require_sound

WEST, SOUTH, CELL = 103.83, 30.70, 0.002
M = 1 / 191.6  # a metre east, in squares


def at(x: float, y: float) -> tuple[float, float]:
    """A place in degrees, on the lattice."""
    return round(WEST + CELL * x, 8), round(SOUTH + CELL * y, 8)


def line(*places: tuple[float, float]) -> shapely.Geometry:
    return shapely.LineString([at(*place) for place in places])


def area(*places: tuple[float, float]) -> shapely.Geometry:
    return shapely.Polygon([at(*place) for place in places])


def box(x0: float, y0: float, x1: float, y1: float) -> shapely.Geometry:
    return area((x0, y0), (x1, y0), (x1, y1), (x0, y1))


NINE = {letter: box(i % 3, i // 3, i % 3 + 1, i // 3 + 1) for i, letter in enumerate("abcdefghi")}


def nine() -> Areas:
    """The nine squares; the same objects each time."""
    return dict(NINE)


RIM = box(0, 0, 3, 3)


def sound(after: Areas, before: Areas | None = None) -> Areas:
    before = before or nine()
    require_sound(after, before, before, shapely.union_all(list(before.values())))
    return after


def share(shape: shapely.Geometry) -> float:
    """Area in squares."""
    return float(shape.area / CELL**2)


def refused(reason: str, call: Callable[[], Any]) -> TopologyError:
    """The refusal, which must have a sentence and name only what it is known to name."""
    with pytest.raises(TopologyError) as caught:
        call()
    error = caught.value
    assert error.reason == reason, str(error)
    assert str(error).endswith(".")
    assert set(error.details) <= set(topology.REASONS[reason])
    return error
