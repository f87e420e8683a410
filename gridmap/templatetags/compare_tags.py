"""How the figures of a comparison are written: signed percentages, metres, hectares; a dash for what is not known."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from gridmap.comparison import Whole

register = template.Library()

NONE = "–"


def _rounded(value: float, digits: int) -> str:
    # number_format alone cuts off what does not fit
    return number_format(round(value, digits), digits)


@register.filter
def percent(share: object) -> str:
    """A deviation as people read it: 0.123 is «+12 %»"""
    if not isinstance(share, int | float):
        return NONE
    return f"{round(share * 100):+d} %".replace("-", "−")


@register.filter
def span(whole: Whole) -> str:
    """The least and the largest deviation of the grids of one state: «−97 % … +12 %»; one where they read alike."""
    least, worst = percent(whole.least), percent(whole.worst)
    return worst if least == worst else f"{least} … {worst}"


@register.filter
def metres(length: object) -> str:
    """A length with its unit, whole metres"""
    if not isinstance(length, int | float):
        return NONE
    return _("%(length)s m") % {"length": number_format(round(length))}


@register.filter
def hectares(area_m2: object) -> str:
    """An area given in square metres with its unit: hectares, and square metres below a tenth of one"""
    if not isinstance(area_m2, int | float):
        return NONE
    if area_m2 < 1000:
        return _("%(area)s m²") % {"area": number_format(round(area_m2))}
    return _("%(area)s ha") % {"area": _rounded(area_m2 / 10_000, 1 if area_m2 >= 100_000 else 2)}


@register.filter
def signed(number: int) -> str:
    """A difference with its sign and separators: «+1,204», «−37», «0»."""
    text = number_format(abs(number))
    return f"+{text}" if number > 0 else f"−{text}" if number < 0 else "0"


@register.filter
def ratio(value: object) -> str:
    """A measure between 0 and 1 with two decimals"""
    return _rounded(value, 2) if isinstance(value, int | float) else NONE


@register.simple_tag
def pair(before: str, after: str) -> str:
    """Two figures in words with an arrow between them; one where they read alike or nothing was before."""
    return after if before in {"", after} else f"{before} → {after or NONE}"
