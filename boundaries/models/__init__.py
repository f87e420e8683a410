"""Geography over time. Coordinates are longitude and latitude in EPSG:4326."""

from boundaries.models.areas import Community, Compound, CompoundKind, Norm, Subdistrict
from boundaries.models.buildings import Building, BuildingUse, Placement
from boundaries.models.ground import Edition, Land, LandKind, Street, StreetRank, Water, WaterKind
from boundaries.models.plans import (
    Grid,
    GridKind,
    Outline,
    Plan,
    Publication,
    PublicationState,
    Revision,
)

__all__ = [
    "Building",
    "BuildingUse",
    "Community",
    "Compound",
    "CompoundKind",
    "Edition",
    "Grid",
    "GridKind",
    "Land",
    "LandKind",
    "Norm",
    "Outline",
    "Placement",
    "Plan",
    "Publication",
    "PublicationState",
    "Revision",
    "Street",
    "StreetRank",
    "Subdistrict",
    "Water",
    "WaterKind",
]
