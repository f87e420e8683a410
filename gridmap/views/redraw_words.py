"""The editor's tools, and the words that its script says: translated here, so that one catalogue holds all."""

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext


@dataclass(frozen=True, slots=True)
class Tool:
    """One button of the strip: `key` is its shortcut, `hint` what to do first."""

    name: str
    key: str
    icon: str
    label: str | Promise


TOOLS: Final = (
    Tool("select", "v", "pointer", gettext_lazy("Select")),
    Tool("split", "s", "split", gettext_lazy("Split by a line")),
    Tool("merge", "m", "merge", gettext_lazy("Merge neighbours")),
    Tool("border", "b", "border", gettext_lazy("Pull a border")),
    Tool("give", "g", "area", gettext_lazy("Give an area to a grid")),
    Tool("move", "w", "building", gettext_lazy("Move buildings")),
    Tool("carve", "d", "carve", gettext_lazy("Carve a dedicated grid")),
)


def redraw_words() -> dict[str, object]:
    """For `json_script` as «redraw-words». `%s`, `%n`, `%a`, `%b` are filled in by the browser."""
    return {
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "hints": {
            "select": _("Click a grid to see what it holds. Keys: ? lists them."),
            "splitPick": _("Click the grid to split."),
            "splitAny": _(
                "Draw a line across a grid, from border to border. A double click or Enter ends it."
            ),
            "split": _("Draw a line across %s, from border to border. A double click or Enter ends it."),
            "merge": _("Click the neighbours that join %s. Enter merges them."),
            "mergeTaken": _(
                "%s was selected and stays: click the neighbours that join it, or Esc to choose another grid."
            ),
            "mergePick": _("Click the grid that stays; then the neighbours that join it."),
            "border": _("Click a border, or two neighbours one after the other."),
            "borderNext": _("Now click the neighbour of %s."),
            "borderTaken": _("%s was selected: click its neighbour, or Esc to choose another border."),
            "borderPull": _("Pull the handles of the border between %a and %b. Enter saves."),
            "borderDraw": _(
                "Draw the new border between %a and %b; begin and end on the old one, or on their rim."
            ),
            "givePick": _("Click the grid that shall get ground."),
            "give": _("Draw the area that %s shall get. A click on the first corner or Enter ends it."),
            "move": _("Click buildings, or press Box (X) and pull a box around them. Enter goes on."),
            "moveBox": _("Draw a box: press and pull, or click two corners."),
            "moveTo": _("Buildings chosen: %n. Click the grid that gets them."),
            "moveReady": _("Buildings that go to %s: %n. Enter moves them; or click another grid."),
            "carve": _("Click a compound, or draw the area of the new grid."),
            "carveDraw": _("Draw the area of the new grid. A click on the first corner or Enter ends it."),
            "carveName": _("Name the new grid."),
            "fixed": _("This plan is fixed. It can be looked at, not changed."),
        },
        # Where there are no keys, only fingers, these stand instead.
        "touch": {
            "select": _("Tap a grid to see what it holds."),
            "splitAny": _("Draw a line across a grid, from border to border, then tap Finish."),
            "split": _("Draw a line across %s, from border to border, then tap Finish."),
            "merge": _("Tap the neighbours that join %s, then Merge."),
            "mergeTaken": _(
                "%s was selected and stays: tap the neighbours that join it, or Cancel to choose another grid."
            ),
            "borderTaken": _("%s was selected: tap its neighbour, or Cancel to choose another border."),
            "borderPull": _("Pull the handles of the border between %a and %b, then tap Save."),
            "give": _("Draw the area that %s shall get, then tap Finish."),
            "move": _("Tap buildings, or tap Box and pull a box around them."),
            "moveReady": _("Buildings that go to %s: %n. Tap Move, or another grid."),
            "carveDraw": _("Draw the area of the new grid, then tap Finish."),
        },
        "refused": {
            "locked": _("%s is locked: unlock it before it is merged."),
            "community": _("%a and %b lie in different communities: only grids of one community are merged."),
            "apart": _("%b shares no border with %a: only neighbours are merged."),
        },
        "buttons": {
            "finish": _("Finish"),
            "cancel": _("Cancel"),
            "back": _("Take the last point back"),
            "merge": _("Merge"),
            "save": _("Save"),
            "drawAnew": _("Draw the new course"),
            "box": _("Box"),
            "next": _("Choose the grid"),
            "draw": _("Draw an area"),
            "again": _("Try again"),
            "drop": _("Drop my edit"),
            "onNew": _("Try again on the new map"),
            "signIn": _("Sign in again"),
            "close": _("Close"),
            "to": _("To the grid"),
        },
        "head": {
            "households": _("Households"),
            "people": _("People"),
            "workload": _("Workload"),
            "buildings": _("Buildings"),
            "deviation": _("Deviation"),
            "grid": _("Grid"),
        },
        "live": {
            "new": _("new grid"),
            "gone": _("joins the other"),
            "same": _("Nothing would change hands yet."),
            "chosen": _("chosen"),
            "differs": _("The server counts otherwise; its figures stand."),
        },
        "state": {
            "loading": _("Loading the draft…"),
            "failed": _("The draft could not be loaded. Check the connection and try again."),
            "saving": _("Saving…"),
            "saved": _("Saved"),
            "rebased": _("Saved on top of what others did meanwhile."),
            "others": _("%s changed this draft; the map is up to date."),
            "lost": _("The connection is lost. Your edit is kept here; it has not been saved yet."),
            "broken": _("The server could not answer. Your edit is kept here; try again in a moment."),
            "session": _(
                "Your session has ended. Sign in again in another tab, then try again: your edit is kept."
            ),
            "conflict": _(
                "The ground you changed has changed hands meanwhile (hatched). Your drawing is kept."
            ),
            "stale": _("Others have edited meanwhile; the map is up to date now. Look, then try again."),
            "waitsOne": _("1 edit waits"),
            "waits": _("%s edits wait"),
            "unknown": _("The edit was refused."),
            "groundLost": _("Streets and compounds could not be loaded: lines snap to grids only."),
        },
        "names": {
            "empty": _("Nothing is drawn in this draft yet."),
            "noGrid": _("No grid of that name or code."),
            "grids": _("%s grids"),
            "norm": _("Norm: at most %n %m a grid"),
            "mean": _("Compared with the mean: %n %m a grid"),
            "measures": {
                "people": pgettext("after a number", "people"),
                "households": pgettext("after a number", "households"),
                "workload": pgettext("after a number", "of workload"),
            },
            "locked": _("locked"),
            "lock": _("Lock"),
            "unlock": _("Unlock"),
            "dedicated": _("dedicated"),
            "overrides": _("%s buildings given by hand"),
            "nobody": _("somebody"),
            "building": _("building %s"),
            "undo": _("Undo: %s"),
            "redo": _("Redo: %s"),
            "nothingToUndo": _("Nothing to undo"),
            "nothingToRedo": _("Nothing to redo"),
            "beginning": _("The draft as it began"),
            "here": _("here now"),
            "branch": _("another branch"),
            "noHistory": _(
                "Nothing has been edited yet. Each edit will stand here, and can be gone back to."
            ),
            "goTo": _("Go to this state"),
            "copied": _("The link to this view is copied."),
            "copyOf": _("%s, redrawn"),
        },
        "card": {
            "all": _("all-purpose grid"),
            "dedicated": _("dedicated grid"),
            "name": pgettext("grid", "Name"),
            "name_en": _("English name"),
            "code": _("Code"),
            "kind": _("Kind"),
            "rename": _("Edit name, code, kind"),
            "mergeWith": _("Neighbour that joins this grid"),
            "move": _("Move"),
        },
        "commands": {
            "split": _("split %s"),
            "merge": _("merged into %s"),
            "transfer": _("gave ground to %s"),
            "reshape": _("pulled the border of %s"),
            "move_buildings": _("moved buildings to %s"),
            "carve": _("carved %s"),
            "rename": _("renamed %s"),
            "recode": _("gave %s another code"),
            "set_kind": _("changed the kind of %s"),
            "lock": _("locked %s"),
            "unlock": _("unlocked %s"),
            "settle": _("settled with what was published"),
        },
    }
