"""Words that the map's JavaScript says: translated here, so that one catalogue holds all."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from boundaries.models.search import PlaceKind


def map_words() -> dict[str, object]:
    """For `json_script` as «map-words». `%s`, `%c` and `%g` are filled in by the browser."""
    return {
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "lost": _("The map's ground cannot be loaded: the connection is lost. It goes on by itself."),
        "gridsFailed": _("The grids could not be loaded. Check the connection."),
        "again": _("Try again"),
        "cardFailed": _("Who is responsible could not be asked. Check the connection and click again."),
        "copied": _("The link to this view is copied."),
        "none": _("Nothing found. Try a compound, a street with number, or a grid's code."),
        "failed": _("The search could not be asked. Check the connection."),
        "found": _("%s places found"),
        "figures": _("%c communities, %g grids in force"),
        "noPlan": _("No plan is in force yet."),
        "noGrid": _("No grid of that name or code."),
        "grids": _("%s grids"),
        "people": pgettext("after a number", "people"),
        "households": pgettext("after a number", "households"),
        "buildings": pgettext("after a number", "buildings"),
        "measures": {"people": _("people"), "households": _("households")},
        "norm": _("norm"),
        "mean": _("mean"),
        "deviation": _("%s against the target"),
        "byCommunity": _("Grids by community"),
        "borders": _("Borders"),
        "kind": _("Kind of grid"),
        "all": _("all-purpose grid"),
        "dedicated": _("dedicated grid"),
        "communityBorder": _("community border"),
        "gridBorder": _("grid border"),
        "kinds": {kind.value: str(kind.label) for kind in PlaceKind},
    }


def find_words() -> dict[str, object]:
    """For the public page: what its script says."""
    return {
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "none": _("Nothing found. Try your compound's name, or a street with number."),
        "failed": _("The search could not be asked. Check the connection."),
        "found": _("%s places found"),
        "tooWide": _("%s is large. Click where you live, or type a house number or a compound."),
        "locating": _("Finding where you are…"),
        "refused": _("Your device did not give its place. Type your address or click on the map."),
        "unavailable": _("Your device could not find its place. Type your address or click on the map."),
        "answerFailed": _("The answer could not be loaded. Check the connection and try again."),
        "copied": _("The link to this answer is copied."),
        "kinds": {kind.value: str(kind.label) for kind in PlaceKind},
    }
