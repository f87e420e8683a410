"""Why a redraw cannot be done, in the planner's language: what happened, where, and what to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from boundaries.actions.cells import Cells
from boundaries.actions.draft_errors import DraftError
from boundaries.topology import TopologyError

_WORDS: Final[Mapping[str, Any]] = {
    "bad_line": gettext_lazy("The line has no length. Draw it from border to border."),
    "bad_area": gettext_lazy("The area has no ground. Draw it again."),
    "bad_coverage": gettext_lazy(
        "The outline of %(grid)s is faulty, so that it cannot be redrawn. Check the plan and bring it in again."
    ),
    "too_many_corners": gettext_lazy("The drawing has too many corners. Simplify it first."),
    "too_large": gettext_lazy("The grids stretch too far for one edit. Edit fewer at once."),
    "too_fine": gettext_lazy("The line is too intricate at one place. Draw it with fewer corners."),
    "crosses_itself": gettext_lazy("The line crosses itself. Draw it without loops."),
    "unknown_code": gettext_lazy("A grid of this edit is not in the draft. Load it again."),
    "code_taken": gettext_lazy("The code is taken. Choose another."),
    "same_grid": gettext_lazy("Choose two different grids."),
    "too_few_grids": gettext_lazy("Choose two or more grids to merge."),
    "too_few_codes": gettext_lazy(
        "The line would make %(pieces)s pieces of %(grid)s. Draw one that crosses it fewer times."
    ),
    "unknown_building": gettext_lazy("Choose buildings that stand on the map today."),
    "misses": gettext_lazy("The line misses %(grid)s. Draw it across."),
    "touches": gettext_lazy("The line only touches the border of %(grid)s. Draw it across."),
    "ends_inside": gettext_lazy("The line ends inside %(grid)s. Draw it on to the border."),
    "loose_end": gettext_lazy(
        "The line must start and end on a border of %(grid)s. Draw both ends up to the border."
    ),
    "outside": gettext_lazy("This lies outside all grids around. Draw it inside the community."),
    "no_change": gettext_lazy("This belongs to %(grid)s already: nothing would change."),
    "too_thin": gettext_lazy(
        "What would be cut off is thinner than %(width)s m. Draw it further from the border."
    ),
    "locked": gettext_lazy(
        "%(grid)s is locked: its ground and its buildings stay. Unlock it first, or draw around it."
    ),
    "empties": gettext_lazy("Nothing would be left of %(grid)s. Merge it instead."),
    "tears": gettext_lazy("This would tear %(grid)s apart. Draw so that each grid stays in one piece."),
    "apart": gettext_lazy(
        "The ground would not hang together with %(grid)s. Draw the area up to its border."
    ),
    "several_pieces": gettext_lazy("The new grid would fall into %(pieces)s pieces. Draw it in one."),
    "pinches": gettext_lazy(
        "A grid beside %(grid)s would touch itself in one point of the rim."
        " Draw the line a little aside, so that grids meet along a border or not at all."
    ),
    "not_neighbours": gettext_lazy("%(grid)s have no common border. Choose neighbours."),
    "same_place": gettext_lazy("Two of the buildings stand at the same place. Choose both."),
    "too_close": gettext_lazy(
        "Buildings stand too close together for a border between them. Choose both or neither."
    ),
}


def explain(error: TopologyError, cells: Cells) -> str:
    """The sentence for a planner; the grids by their codes."""
    named = (
        error.details.get("codes") or [error.details["code"]]
        if {"code", "codes"} & set(error.details)
        else []
    )
    if not isinstance(named, list | tuple):
        named = [error.details.get("code")]
    codes = [cells[key].code if key in cells else _("the new grid") for key in named]
    values = {
        "grid": _("Grid %(codes)s") % {"codes": ", ".join(codes)} if codes else _("the grid"),
        "pieces": error.details.get("pieces", ""),
        "width": f"{error.details.get('width_m', 0):g}",
    }
    return str(_WORDS[error.reason]) % values if error.reason in _WORDS else str(error)


@contextmanager
def refused(cells: Cells) -> Iterator[None]:
    """Turn a TopologyError into a DraftError ``topology.<reason>`` with its place."""
    try:
        yield
    except TopologyError as error:
        raise DraftError(f"topology.{error.reason}", explain(error, cells), error.place) from error
