"""What stops an edit of a draft, in words: a rule, a shape that cannot be done, or somebody who was quicker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shapely.geometry.base import BaseGeometry

from boundaries.actions.cells import Cell


class DraftError(ValueError):
    """A draft cannot be changed like this. Nothing was written.

    Attributes
    ----------
    code : str
        Short and stable: ``"frozen"``, ``"discarded"``, ``"code_taken"``, ``"topology.misses"`` ...
    place : tuple of (lon, lat) or None
        Where on the map, EPSG:4326.
    """

    def __init__(self, code: str, message: str, place: tuple[float, float] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.place = place


@dataclass(frozen=True, slots=True)
class Step:
    """A revision in one line, for those who must be told what happened meanwhile."""

    id: int
    command: str
    at: datetime
    by_id: int | None
    by: str = ""


class Conflict(DraftError):
    """Somebody else changed the same meanwhile.

    Attributes
    ----------
    head : int or None
        The head of the draft now.
    changes : mapping of grid id to Cell or None
        The grids that changed since the sender's head as they are now; None where a grid is gone.
    area : geometry or None
        The ground of the edit that changed hands meanwhile, EPSG:4326.
    revisions : sequence of Step
        What was done between the sender's head and the head now.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        head: int | None,
        changes: Mapping[int, Cell | None],
        area: BaseGeometry | None = None,
        revisions: Sequence[Step] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.head = head
        self.changes = dict(changes)
        self.area = area
        self.revisions = list(revisions)
        self.details = dict(details or {})
