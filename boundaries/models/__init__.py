"""Geography over time. Coordinates are longitude and latitude in EPSG:4326."""

from boundaries.models.areas import Community, Compound, CompoundKind, Norm, Subdistrict
from boundaries.models.buildings import Building, BuildingUse, Placement
from boundaries.models.drafts import Basis, GridCode, HeadMove, MoveKind
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
from boundaries.models.search import KeyForm, Place, PlaceKey, PlaceKind

__all__ = [
    "Basis",
    "Building",
    "BuildingUse",
    "Community",
    "Compound",
    "CompoundKind",
    "Edition",
    "Grid",
    "GridCode",
    "GridKind",
    "HeadMove",
    "KeyForm",
    "Land",
    "LandKind",
    "MoveKind",
    "Norm",
    "Outline",
    "Place",
    "PlaceKey",
    "PlaceKind",
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
