"""Redrawing a coverage so that a gap or an overlap cannot happen: pure functions, Shapely only."""

from boundaries.topology.checking import Problem, check
from boundaries.topology.cutting import split
from boundaries.topology.errors import TopologyError
from boundaries.topology.giving import carve, transfer
from boundaries.topology.joining import merge
from boundaries.topology.reshaping import reshape

__all__ = ["Problem", "TopologyError", "carve", "check", "merge", "reshape", "split", "transfer"]
