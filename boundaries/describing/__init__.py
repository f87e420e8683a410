"""Grids in words: what lies along their sides (四至)."""

from boundaries.describing.bounds import BORDER, SIDES, Along, Bounds, Ground, Named, bounds
from boundaries.describing.ground import communities_around, streets_and_waters
from boundaries.describing.words import bounds_en, bounds_zh, side_words

__all__ = [
    "BORDER",
    "SIDES",
    "Along",
    "Bounds",
    "Ground",
    "Named",
    "bounds",
    "bounds_en",
    "bounds_zh",
    "communities_around",
    "side_words",
    "streets_and_waters",
]
