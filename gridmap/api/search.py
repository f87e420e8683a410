"""One box: addresses, compounds, buildings, communities, grids and codes. No persons."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router

from boundaries.locating import place
from boundaries.searching import search
from gridmap.api.auth import PUBLIC, PUBLIC_SECURITY
from gridmap.api.inputs import ERRORS
from gridmap.api.problems import ApiError
from gridmap.api.shapes import SearchOut
from gridmap.api.throttling import PublicRate

router = Router(tags=["Places"], auth=PUBLIC, throttle=PublicRate())


@router.get(
    "/search", response={200: SearchOut} | ERRORS, openapi_extra=PUBLIC_SECURITY, summary="Find a place"
)
def find_places(
    request: HttpRequest,
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="Chinese, pinyin, initials, English, a code or its end; the first 80 characters are read.",
            examples=["团结巷12号", "yiyun 3"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    near: Annotated[
        str | None,
        Query(
            max_length=60,
            description="“lon,lat” (wgs84) of the map's middle: of equal places the nearer comes first.",
            examples=["103.8353,30.7012"],
        ),
    ] = None,
) -> dict[str, Any]:
    """Places that a text may mean, the likeliest first. Small typing errors are forgiven. One query."""
    clean = q.replace("\x00", " ")
    return {"q": q, "results": [hit.as_json() for hit in search(clean, limit=limit, near=_near(near))]}


def _near(text: str | None) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise ApiError(
            422,
            "near",
            _("Send longitude and latitude with a comma between, e.g. 103.8353,30.7012."),
            field="near",
        ) from None
    found = place(lon, lat)
    return found.lon, found.lat
