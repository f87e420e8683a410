"""What a planner can do to a draft: each command as a function from the grids around to the grids that change.

A command is plain JSON as it is sent and as a revision keeps it. Here it runs on cells in memory; nothing is read or
written, so that the same command can be tried on the sender's state and on the head (`boundaries.actions.editing`).
New grids have negative ids until they are written.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import shapely
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries import topology
from boundaries.actions.cells import Cell, Cells, Changes
from boundaries.actions.draft_errors import DraftError
from boundaries.models import GridKind
from boundaries.models.areas import AREA_CODE

Parameters = Mapping[str, Any]
MOST_PIECES: Final = 32
"""New grids that one line may make."""
MOST_SNAP_M: Final = 50.0
_CODE: Final = re.compile(str(AREA_CODE.regex.pattern))  # type: ignore[union-attr]  # compiled on first use


@dataclass(frozen=True, slots=True)
class Home:
    """The community in which an edit happens; its surveyed outline is the authority at the rim."""

    id: int
    code: str
    name: str
    name_en: str
    outline: BaseGeometry


@dataclass(slots=True)
class Work:
    """What a command works on.

    Attributes
    ----------
    cells : mapping of grid id to Cell
        The named grids and those around them, of one community for a command that moves ground.
    places : mapping of building id to (lon, lat)
        For moving buildings: those of the grids concerned.
    targets : sequence of geometries
        What drawn lines snap to.
    """

    cells: Cells
    home: Home | None = None
    narrowest_m: float = 1.0
    places: Mapping[Any, tuple[float, float]] = field(default_factory=dict)
    targets: Sequence[BaseGeometry] = ()

    @property
    def coverage(self) -> dict[Any, BaseGeometry]:
        """Ground by grid."""
        return {key: cell.shape for key, cell in self.cells.items()}

    @property
    def rules(self) -> dict[str, Any]:
        """Keywords that every topology call takes."""
        closed = {key: cell for key, cell in self.cells.items() if cell.locked is not None}
        shapes = shapely.from_wkb([cell.locked for cell in closed.values()])
        return {
            "min_width_m": self.narrowest_m,
            "outline": self.home.outline if self.home else None,
            "locked": dict(zip(closed, shapes, strict=True)),
        }

    def changes(
        self, result: Mapping[Any, BaseGeometry], *, kind: str = "", like: int | None = None
    ) -> Changes:
        """What differs in a coverage that topology gave back."""
        found: Changes = {key: None for key in self.cells if key not in result}
        for key, shape in result.items():
            cell = self.cells.get(key)
            if cell is None:
                origin = self.cells[like] if like is not None else None
                community = self.home.id if self.home else 0
                kind = kind or (origin.kind if origin else GridKind.ALL_PURPOSE.value)
                found[key] = Cell("", "", "", kind, community, "", None, shape).with_shape(shape)
            elif cell.shape is not shape and (now := cell.with_shape(shape)).ewkb != cell.ewkb:
                found[key] = now
        return found


@dataclass(frozen=True, slots=True)
class Command:
    """How one command reads its parameters.

    Attributes
    ----------
    grids : callable
        Ids of the grids that it names.
    run : callable
        From the work to what changes.
    drawn : str
        The parameter that holds drawn ground or a line, if any.
    attributes : tuple of str
        What it changes where it moves no ground: names of `Cell` fields.
    """

    grids: Callable[[Parameters], list[int]]
    run: Callable[[Work, Parameters], Changes]
    drawn: str = ""
    attributes: tuple[str, ...] = ()


# --- Ground ---------------------------------------------------------------------------------------------------


def _split(work: Work, sent: Parameters) -> Changes:
    grid = sent["grid"]
    fresh = [-number for number in range(1, MOST_PIECES + 1)]
    result = topology.split(work.coverage, grid, _drawn(work, sent, "line"), [grid, *fresh], **work.rules)
    return work.changes(result, like=grid)


def _merge(work: Work, sent: Parameters) -> Changes:
    if sent["into"] not in sent["grids"]:
        raise DraftError("into", _("The grid that stays must be one of those that are merged."))
    return work.changes(topology.merge(work.coverage, sent["grids"], sent["into"], **work.rules))


def _transfer(work: Work, sent: Parameters) -> Changes:
    result = topology.transfer(work.coverage, _drawn(work, sent, "area"), sent["to"], **work.rules)
    return work.changes(result)


def _reshape(work: Work, sent: Parameters) -> Changes:
    line = _drawn(work, sent, "line")
    return work.changes(topology.reshape(work.coverage, sent["a"], sent["b"], line, **work.rules))


def _move_buildings(work: Work, sent: Parameters) -> Changes:
    result = topology.move(work.coverage, work.places, sent["buildings"], sent["to"], **work.rules)
    return work.changes(result)


def _carve(work: Work, sent: Parameters) -> Changes:
    name = _name(sent)
    result = topology.carve(work.coverage, _drawn(work, sent, "area"), -1, **work.rules)
    found = work.changes(result, kind=sent.get("kind") or GridKind.DEDICATED.value)
    made = found[-1]
    assert made is not None
    found[-1] = replace(made, name=name, name_en=sent.get("name_en", "").strip())
    return found


def _drawn(work: Work, sent: Parameters, name: str) -> BaseGeometry:
    shape: BaseGeometry = sent[name]
    return topology.snapped(shape, work.targets, sent["snap_m"]) if work.targets else shape


# --- Attributes -----------------------------------------------------------------------------------------------


def _rename(work: Work, sent: Parameters) -> Changes:
    return _each(work, [sent["grid"]], name=_name(sent), name_en=sent.get("name_en", "").strip())


def _recode(work: Work, sent: Parameters) -> Changes:
    code = sent["code"]
    if not isinstance(code, str) or len(code) > 32 or not _CODE.search(code):
        raise DraftError("code", str(AREA_CODE.message))
    return _each(work, [sent["grid"]], code=code)


def _set_kind(work: Work, sent: Parameters) -> Changes:
    if sent["kind"] not in GridKind.values:
        raise DraftError("kind", _("A grid is all-purpose or dedicated."))
    return _each(work, [sent["grid"]], kind=sent["kind"])


def _lock(work: Work, sent: Parameters) -> Changes:
    found: Changes = {}
    for key in sent["grids"]:
        cell = _known(work, key)
        if cell.locked is None:
            found[key] = replace(cell, locked=cell.ewkb)
    return found


def _unlock(work: Work, sent: Parameters) -> Changes:
    return _each(work, sent["grids"], locked=None)


def _each(work: Work, grids: Sequence[int], **values: Any) -> Changes:
    cells = {key: _known(work, key) for key in grids}
    changed = {key: replace(cell, **values) for key, cell in cells.items()}
    return {key: cell for key, cell in changed.items() if cell != cells[key]}


def _known(work: Work, key: int) -> Cell:
    if key not in work.cells:
        raise topology.TopologyError("unknown_code", f"There is no grid {key} here.", details={"code": key})
    return work.cells[key]


def _name(sent: Parameters) -> str:
    name = sent.get("name", "").strip()
    if not name:
        raise DraftError("name", _("Give the grid a name."))
    if len(name) > 100 or len(sent.get("name_en", "")) > 150:
        raise DraftError("name", _("The name is too long: at most 100 characters, 150 in English."))
    return str(name)


def _one(sent: Parameters) -> list[int]:
    return [sent["grid"]]


def _several(sent: Parameters) -> list[int]:
    return list(dict.fromkeys(sent["grids"]))


COMMANDS: Final[Mapping[str, Command]] = {
    "split": Command(_one, _split, drawn="line"),
    "merge": Command(lambda sent: list(dict.fromkeys([*sent["grids"], sent["into"]])), _merge),
    "transfer": Command(lambda sent: [sent["to"]], _transfer, drawn="area"),
    "reshape": Command(lambda sent: [sent["a"], sent["b"]], _reshape, drawn="line"),
    "move_buildings": Command(lambda sent: [sent["to"]], _move_buildings),
    "carve": Command(lambda _sent: [], _carve, drawn="area"),
    "rename": Command(_one, _rename, attributes=("name", "name_en")),
    "recode": Command(_one, _recode, attributes=("code",)),
    "set_kind": Command(_one, _set_kind, attributes=("kind",)),
    "lock": Command(_several, _lock, attributes=("locked",)),
    "unlock": Command(_several, _unlock, attributes=("locked",)),
}
