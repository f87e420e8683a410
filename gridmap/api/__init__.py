"""The API under /api/v1: GeoJSON in and out, errors as problem+json, an OpenAPI document at openapi.json."""

from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.renderers import JSONRenderer

from gridmap.api import (
    areas,
    comparisons,
    draft_answers,
    drafts,
    edits,
    exports,
    households,
    incidents,
    locate,
    me,
    plans,
    problems,
    publishing,
    search,
    settling,
)


class _Renderer(JSONRenderer):
    """JSON with Chinese characters as they are."""

    json_dumps_params = {"ensure_ascii": False, "separators": (",", ":")}  # the library's own shape

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> Any:
        """As the library does."""
        return super().render(request, data, response_status=response_status)


DESCRIPTION = """
Who is responsible here? Places, grids, plans, incidents and, for the specialists who cover them, households.

* **Coordinates** are longitude and latitude. Answers are in WGS 84 and say so (`"datum": "wgs84"`); what is sent
  names its own datum in `datum`.
* **Times** carry an offset in answers. In questions a time without one is read in the town's time zone, and a bare
  date means the end of that day there.
* **Sign-in**: the session of the pages (with the header `X-CSRFToken` where something is changed), or
  `Authorization: Bearer gm_…`. What needs none is limited per visitor: see `Retry-After` of a 429.
* **Errors** are `application/problem+json`: `code` is for programs and stable, `detail` is for people, in the language of
  `Accept-Language`, and `errors` names each input that will not do.
* What you may not see is a 404, as if it did not exist.
"""

api = NinjaAPI(
    title="Gridmap",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api-v1",
    openapi_url="/openapi.json",
    docs_url="/docs",
    renderer=_Renderer(),
)
problems.register(api)
draft_answers.register(api)
publishing.register(api)
_ROUTERS = (
    locate,
    search,
    areas,
    plans,
    exports,
    drafts,
    edits,
    settling,
    publishing,
    comparisons,
    incidents,
    households,
    me,
)
for _each in _ROUTERS:
    api.add_router("", _each.router)
