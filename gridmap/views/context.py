"""What every page knows."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from boundaries.models import Subdistrict
from gridmap.views.navigation import places_for


def town(request: HttpRequest) -> dict[str, Any]:
    """Template context: `town` (first subdistrict or None), `is_synthetic`, `places`. All lazy: a page
    that does not use them asks nothing; one that does, two small queries."""
    towns: Any = SimpleLazyObject(lambda: list(Subdistrict.objects.defer("outline").order_by("code")[:200]))
    user = getattr(request, "user", AnonymousUser())
    places: Any = SimpleLazyObject(lambda: places_for(user))
    return {
        "town": SimpleLazyObject(lambda: towns[0] if towns else None),
        "is_synthetic": SimpleLazyObject(lambda: any(each.is_synthetic for each in towns)),
        "places": places,
        # The innermost place that holds this page: an import belongs to imports, not to loads.
        "here": SimpleLazyObject(
            lambda: max((p.url for p in places if request.path.startswith(p.url)), key=len, default="")
        ),
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }


def map_data(town: Subdistrict | None) -> dict[str, Any]:
    """What the map modules need to know; goes into the page with `json_script` as «map-data»."""
    box = town.outline.extent if town and town.outline else None
    return {
        "town": town.code if town else "",
        "box": [round(value, 5) for value in box] if box else None,
        "tiles": "/tiles",
        "grids": reverse("map-grids"),
        "search": "/api/v1/search",
    }
