"""Plans as files to download."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import IO, Annotated, Any, Final, Literal

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header
from ninja import Query, Router
from ninja.errors import Throttled

from boundaries.models import Plan
from gridmap.api.areas import Id
from gridmap.api.auth import PUBLIC, PUBLIC_SECURITY, visitor
from gridmap.api.inputs import ERRORS
from gridmap.api.throttling import PublicRate, client_address, count, seconds_left
from gridmap.exports import FORMATS, file_name, seen_by, write
from gridmap.models import User
from gridmap.permissions import shown_communities, visible_plans
from gridmap.schemes import contents_of

router = Router(tags=["Plans"], auth=PUBLIC, throttle=PublicRate())
PUBLIC_FILES: Final = 20
"""Files a minute for one address without a login: each is work for a second."""
PIECE: Final = 1 << 16
FILE: Final = {
    "responses": {
        200: {
            "description": "The file, with its name in `Content-Disposition`.",
            "content": {each.media_type: {"schema": {"type": "string", "format": "binary"}} for each in FORMATS.values()},
        }
    }
}  # fmt: skip
Kind = Annotated[
    Literal["gpkg", "geojson", "shp", "csv"],
    Query(
        description="GeoPackage, GeoJSON, Shapefile (zip), or the table of buildings with their grids.",
        examples=["gpkg"],
    ),
]


@router.get(
    "/plans/{id}/export", response=ERRORS, openapi_extra=PUBLIC_SECURITY | FILE, summary="A plan as a file"
)
def export(request: HttpRequest, id: Id, format: Kind) -> HttpResponseBase:  # noqa: A002  # names of the address
    """The grids of a plan (EPSG:4326, every digit of the record), or the table of its buildings.

    GeoPackage, GeoJSON and Shapefile come back to an equal plan through `import_areas --level grid`. The table holds
    households and people only for colleagues who see the numbers of buildings.
    """
    who = visitor(request)
    if not isinstance(who, User) and not count(f"export:{client_address(request)}", PUBLIC_FILES, 60):
        raise Throttled(wait=seconds_left())
    now = timezone.now()
    plans = visible_plans(who, now).select_related("subdistrict").defer("subdistrict__outline")
    plan: Plan | None = plans.filter(pk=id).first()
    if plan is None:
        raise Http404
    contents = contents_of(plan, list(shown_communities(who, plan, now)))
    kind = FORMATS[format]
    made: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the answer was sent
    write(contents, kind, seen_by(who, contents, now), made)
    return _download(request, made, file_name(contents, kind), kind.media_type)


def _download(request: HttpRequest, made: IO[bytes], name: str, media_type: str) -> HttpResponseBase:
    size = made.tell()
    made.seek(0)
    pieces: Any = _Later(made) if isinstance(request, ASGIRequest) else _Now(made)
    response = StreamingHttpResponse(pieces, content_type=media_type)
    response["Content-Length"] = str(size)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


class _Now:
    """A file in pieces, for WSGI; closed with the answer."""

    def __init__(self, made: IO[bytes]) -> None:
        self.made = made

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.made.read(PIECE):
            yield piece

    def close(self) -> None:
        """Let the file go; it has no name."""
        self.made.close()


class _Later:
    """The same for ASGI, which would gather what only iterates at once into memory."""

    def __init__(self, made: IO[bytes]) -> None:
        self.made = made

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := self.made.read(PIECE):
            yield piece

    def close(self) -> None:
        """Let the file go; it has no name."""
        self.made.close()
