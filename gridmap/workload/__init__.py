"""Who carries how much: buildings, households, people and workload, by grid and by building."""

from gridmap.workload.buildings import BuildingLoads, building_loads, loads_of_buildings
from gridmap.workload.grids import (
    GridLoad,
    GroupLoad,
    Target,
    by_community,
    by_specialist,
    grid_loads,
    target,
)

__all__ = [
    "BuildingLoads",
    "GridLoad",
    "GroupLoad",
    "Target",
    "building_loads",
    "by_community",
    "by_specialist",
    "grid_loads",
    "loads_of_buildings",
    "target",
]
