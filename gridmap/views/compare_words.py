"""What the script of the comparison says, translated here so that one catalogue holds all."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def compare_words(after: str, before: str) -> dict[str, object]:
    """For `json_script` as «compare-words»; `%s` and the like are filled in by the browser."""
    return {
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "lost": _("The map's ground cannot be loaded: the connection is lost. It goes on by itself."),
        "failed": _("The comparison could not be drawn. Check the connection; the tables still work."),
        "again": _("Try again"),
        "copied": _("The link to this view is copied."),
        "before": before,
        "after": after,
        "households": pgettext("after a number", "households"),
        "people": pgettext("after a number", "people"),
        "buildings": pgettext("after a number", "buildings"),
        "nobody": _("no grid"),
        "hectares": _("%s ha"),
        "fromTo": _("from %a to %b"),
    }
