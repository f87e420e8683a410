"""Redrawing a coverage so that a gap or an overlap cannot happen: pure functions, Shapely and NumPy only.

A coverage is a mapping of keys (codes, or any hashable) to Polygons or MultiPolygons in degrees that share every corner
of their common borders, on a fixed precision. Every function gives a new one and changes nothing in place; what it
does not touch are the same objects. How it works, and why: docs/decisions/0006-topology.md.
"""

from boundaries.topology.changes import Change, changed_ground
from boundaries.topology.checking import Problem, check
from boundaries.topology.cutting import split
from boundaries.topology.errors import REASONS, TopologyError
from boundaries.topology.giving import carve, transfer
from boundaries.topology.joining import merge
from boundaries.topology.moving import move
from boundaries.topology.reshaping import reshape
from boundaries.topology.settling import Conflict, Settled, settle
from boundaries.topology.snapping import snapped

__all__ = [
    "REASONS",
    "Change",
    "Conflict",
    "Problem",
    "Settled",
    "TopologyError",
    "carve",
    "changed_ground",
    "check",
    "merge",
    "move",
    "reshape",
    "settle",
    "snapped",
    "split",
    "transfer",
]
