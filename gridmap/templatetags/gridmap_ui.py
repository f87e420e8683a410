"""Template tags of the pages: icons, bars, pagers, telephone links."""

import re
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from boundaries.models.constraints import local_name
from gridmap.templatetags.icons import ICONS

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 20) -> SafeString:
    """Inline SVG of the icon `name`, `size` pixels wide; silent for screen readers, so put a word beside it."""
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        '<path d="{1}"/></svg>',
        size,
        ICONS[name],
    )


@register.simple_tag
def bar(value: float, target: float, ceiling: float | None = None, load_class: int | str = "") -> SafeString:
    """A bar for `value` with a tick at `target`; 0 to `ceiling` (twice the target unless given).

    Drawn as SVG because the content security policy allows no style attributes. The figure itself must
    stand beside it: the bar is silent for screen readers.
    """
    top = ceiling or target * 2 or 1
    width = max(0.0, min(100.0, 100 * value / top))
    tick = max(0.0, min(99.0, 100 * target / top))
    return format_html(
        '<svg class="bar" aria-hidden="true" focusable="false"><rect class="bar__track" width="100%" height="6"/>'
        '<rect class="bar__value{}" width="{}%" height="6"/>'
        '<rect class="bar__target" x="{}%" width="1.5" height="6"/></svg>',
        f" bar__value--{load_class}" if load_class else "",
        f"{width:.1f}",
        f"{tick:.1f}",
    )


@register.filter
def tel(number: str) -> str:
    """The `tel:` address of a telephone number: digits and a leading plus only."""
    digits = re.sub(r"[^0-9]", "", number or "")
    return f"tel:+{digits}" if (number or "").lstrip().startswith("+") else f"tel:{digits}"


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with `changes`; None or an empty value drops a key. Starts with `?`."""
    request: HttpRequest = context["request"]
    values = request.GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            values.pop(key, None)
        else:
            values[key] = str(value)
    return f"?{values.urlencode()}"


@register.filter
def local(value: dict[str, Any] | None, key: str = "name") -> str:
    """The reader's language of a mapping with `key` and `key_en`, e.g. {{ answer.grid|local }}."""
    if not value:
        return ""
    return local_name(value.get(key) or "", value.get(f"{key}_en") or "")
