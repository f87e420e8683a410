"""What cannot be done to a coverage, and why."""

from collections.abc import Mapping
from typing import Any, Final

REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    # what was given
    "bad_line": (),  # no line, empty, no length, not finite
    "bad_area": (),  # no area, empty, no ground, not finite
    "bad_coverage": ("code",),  # a grid is empty or faulty, or grids overlap: see `check`
    "too_many_corners": ("corners", "most"),
    "too_large": (),  # the grids stretch over more than ten degrees
    "too_fine": (),  # lines too intricate to be noded
    "crosses_itself": (),
    "unknown_code": ("code",),
    "code_taken": ("code",),
    "same_grid": ("code",),
    "too_few_grids": (),
    "too_few_codes": ("code", "pieces", "codes"),
    "unknown_building": ("buildings",),
    # where it was drawn
    "misses": ("code", "codes"),  # `code` from split, `codes` (two) from reshape
    "touches": ("code",),
    "ends_inside": ("code",),
    "loose_end": ("codes",),
    "outside": ("buildings", "code"),  # the area lies in no grid; both details where it is buildings
    "no_change": ("code",),
    "too_thin": ("code", "width_m"),  # `code` from split and carve
    # what would come of it
    "locked": ("codes",),
    "empties": ("code",),
    "tears": ("code", "area_m2"),
    "apart": ("code", "area_m2"),  # ground that would not hang together with the grid it is given to
    "several_pieces": ("code", "pieces"),
    "pinches": ("code",),  # a grid would touch itself in one point of the rim
    "not_neighbours": ("codes",),
    "same_place": ("buildings",),
    "too_close": ("buildings", "code"),
}
"""Every reason, with the names of the details that come with it (a reason may leave some out)."""


class TopologyError(ValueError):
    """A redraw that cannot be done. Nothing was changed.

    Attributes
    ----------
    reason : str
        A short stable code such as ``"misses"``; the service has a translated sentence for each.
    details : dict
        What the sentence names: keys of grids, lengths in metres.
    place : tuple of (lon, lat) or None
        Where on the map it went wrong, EPSG:4326.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        place: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.details = dict(details or {})
        self.place = place
