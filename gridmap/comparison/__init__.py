"""Two states of the grids side by side: who and what changes grid, and what that makes of each grid and specialist.

Buildings, households and specialists are counted on one day, on both sides alike, so that every difference comes from the
redraw and none from the calendar. Specialists go by their public names; no resident is read.

**Walking radius.** How far the households of a grid live from the base of the specialist who leads it, as the crow flies:
the mean over households, and the distance within which nine tenths of them live. The base is the service centre of the
lead; where the grid has no lead, or the lead no centre, the community's own service centre (the nearest to the grid, if it
has several). The **round** is the mean distance of the households from their common middle: how far apart they live, wherever
the specialist sets out from.

**Deviation** is from the norm in force, else from the mean of the grids of the same side.
"""

from gridmap.comparison.changes import (
    CHANGED,
    GONE,
    NEW,
    Comparison,
    CompoundChange,
    Figures,
    GridChange,
    Move,
    Side,
    SpecialistChange,
    Summary,
    Whole,
)
from gridmap.comparison.compare import communities_of, compare, summary, usual

__all__ = [
    "CHANGED",
    "GONE",
    "NEW",
    "Comparison",
    "CompoundChange",
    "Figures",
    "GridChange",
    "Move",
    "Side",
    "SpecialistChange",
    "Summary",
    "Whole",
    "communities_of",
    "compare",
    "summary",
    "usual",
]
