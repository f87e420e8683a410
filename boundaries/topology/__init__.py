"""Redrawing a coverage so that a gap or an overlap cannot happen: pure functions, Shapely only."""

from boundaries.topology.errors import TopologyError

__all__ = ["TopologyError"]
