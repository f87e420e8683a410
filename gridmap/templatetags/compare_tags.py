"""How the figures of a comparison are written: signed percentages, metres, hectares."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()

NONE = "–"


@register.filter
def percent(share: float | None) -> str:
    """A deviation as people read it: 0.123 is «+12 %»; a dash for None."""
    if share is None:
        return NONE
    return f"{round(share * 100):+d} %".replace("-", "−")


@register.filter
def metres(length: float | None) -> str:
    """A length with its unit, whole metres; a dash for None."""
    return NONE if length is None else _("%(length)s m") % {"length": number_format(round(length))}


@register.filter
def hectares(area_m2: float | None) -> str:
    """An area given in square metres with its unit: hectares, and square metres below a tenth of one; a dash for None."""
    if area_m2 is None:
        return NONE
    if area_m2 < 1000:
        return _("%(area)s m²") % {"area": number_format(round(area_m2))}
    return _("%(area)s ha") % {"area": number_format(area_m2 / 10_000, 1 if area_m2 >= 100_000 else 2)}


@register.filter
def signed(number: int) -> str:
    """A difference with its sign and separators: «+1,204», «−37», «0»."""
    text = number_format(abs(number))
    return f"+{text}" if number > 0 else f"−{text}" if number < 0 else "0"


@register.filter
def ratio(value: float | None) -> str:
    """A measure between 0 and 1 with two decimals; a dash for None."""
    return NONE if value is None else number_format(value, 2)
