"""Redrawing a coverage so that a gap or an overlap cannot happen: pure functions, Shapely only."""

from boundaries.topology.changes import Change, changed_ground
from boundaries.topology.checking import Problem, check
from boundaries.topology.cutting import split
from boundaries.topology.errors import TopologyError
from boundaries.topology.giving import carve, transfer
from boundaries.topology.joining import merge
from boundaries.topology.moving import move
from boundaries.topology.reshaping import reshape
from boundaries.topology.snapping import snapped

__all__ = [
    "Change",
    "Problem",
    "TopologyError",
    "carve",
    "changed_ground",
    "check",
    "merge",
    "move",
    "reshape",
    "snapped",
    "split",
    "transfer",
]
