"""Template tags of the documents that are printed."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def drawing(svg: str) -> SafeString:
    """SVG that `boundaries.drawing` or `gridmap.boards` made: every text in it was escaped there."""
    return mark_safe(svg)  # noqa: S308  # made by us, names and all other texts escaped


@register.filter
def of_key(values: Mapping[str, Any], key: str) -> Any:
    """The value of a key that is itself a variable."""
    return values.get(key, "")
