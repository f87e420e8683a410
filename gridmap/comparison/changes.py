"""What a comparison is made of: one class for each kind of thing that changes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from boundaries.comparing import Face, Ids, Reach, Shape, State
from boundaries.models import Community, Plan
from boundaries.models.constraints import local_name
from gridmap.models import Specialist
from gridmap.workload import GridLoad, Target

NEW: Final = "new"
GONE: Final = "gone"
CHANGED: Final = "changed"
NO_TARGET: Final = Target("people", 0.0, is_norm=False)


@dataclass(frozen=True, slots=True)
class Figures:
    """A grid in one state. `shape`, `walk` and `round` are measured for grids that differ, and None for the others."""

    load: GridLoad
    workload: int
    deviation: float | None
    shape: Shape | None = None
    walk: Reach | None = None
    round_m: float | None = None


@dataclass(frozen=True, slots=True)
class GridChange:
    """A grid that is new, gone or changed. `gained` and `lost` are households that come to it and leave it."""

    grid_id: int
    status: str
    before: Figures | None
    after: Figures | None
    is_redrawn: bool
    """Its ground is another; otherwise only what is written of it."""
    gained: int
    lost: int

    @property
    def now(self) -> Figures:
        """The side that has it; the later one where both have."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Move:
    """A building that changes grid; None is no grid."""

    building_id: int
    lon: float
    lat: float
    compound_id: int | None
    before: int | None
    after: int | None
    households: int
    people: int
    is_by_hand: bool


@dataclass(frozen=True, slots=True)
class CompoundChange:
    """A compound of which buildings change grid: `buildings` of `all_buildings`, `households` of `all_households`."""

    compound_id: int
    name: str
    name_en: str
    buildings: int
    all_buildings: int
    households: int
    all_households: int
    people: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    """Grids that hold it, by code."""

    @property
    def title(self) -> str:
        """Its name in the reader's language."""
        return local_name(self.name, self.name_en)

    @property
    def is_whole(self) -> bool:
        """All of its buildings change grid."""
        return self.buildings == self.all_buildings

    @property
    def is_torn(self) -> bool:
        """More grids hold it than did."""
        return len(self.after) > len(self.before)


@dataclass(frozen=True, slots=True)
class SpecialistChange:
    """A lead who gains or loses households; `specialist_id` None stands for grids that nobody leads."""

    specialist_id: int | None
    name: str
    name_en: str
    before: int
    gained: int
    lost: int
    people_before: int
    people_gained: int
    people_lost: int
    grids_before: tuple[int, ...]
    grids_after: tuple[int, ...]

    @property
    def title(self) -> str:
        """The public name in the reader's language; empty where nobody leads."""
        return local_name(self.name, self.name_en)

    @property
    def after(self) -> int:
        """Households afterwards."""
        return self.before + self.gained - self.lost

    @property
    def people_after(self) -> int:
        """People afterwards."""
        return self.people_before + self.people_gained - self.people_lost


@dataclass(frozen=True, slots=True)
class Whole:
    """All grids of one state together. `over` counts those above the target; deviations reach from `least` to `worst`."""

    grids: int
    dedicated: int
    vacant: int
    over: int
    worst: float | None
    least: float | None
    walk: Reach | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a reader needs before the details; see `templates/plans/compare_summary.html`."""

    new: int
    gone: int
    changed: int
    area_m2: float
    buildings: int
    households: int
    people: int
    compounds: int
    torn: int
    handed_over: int
    """Households that change specialist."""
    before: Whole
    after: Whole
    gainers: tuple[SpecialistChange, ...]
    losers: tuple[SpecialistChange, ...]
    """Those with the largest gain and loss first."""

    @property
    def is_empty(self) -> bool:
        """Nothing differs."""
        return not (self.new or self.gone or self.changed or self.buildings)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two states: what is drawn, where each building belongs, who leads, what that makes of each grid."""

    plan: Plan | None
    """None: what is in force."""
    state: State
    grid_of: Ids
    """A grid id for each counted building."""
    leads: dict[int, int]
    """Specialist by grid; a grid that nobody leads is absent."""
    target: Target = NO_TARGET
    """What its grids are compared with: the norm, else their own mean, as on the page of loads and in the editor."""
    figures: dict[int, Figures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two states of `communities`, counted at `at`, and what differs between them.

    `left_out` are communities of the later plan of which the earlier side holds nothing. `people` are the specialists who
    lead a grid on either side. Lists are ordered by code or name; moves by building.
    """

    at: datetime
    srid: int
    """The projection in metres in which it is measured."""
    communities: list[Community]
    left_out: list[Community]
    before: Side
    after: Side
    faces: list[Face]
    face_areas_m2: list[float]
    grids: list[GridChange]
    moves: list[Move]
    compounds: list[CompoundChange]
    specialists: list[SpecialistChange]
    people: dict[int, Specialist]
    summary: Summary
