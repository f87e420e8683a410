"""A grid's map for print: vector graphics in millimetres, from the town's own ground."""

from boundaries.drawing.landscape import Landscape, landscape
from boundaries.drawing.plate import Neighbour, Plate, draw

__all__ = ["Landscape", "Neighbour", "Plate", "draw", "landscape"]
