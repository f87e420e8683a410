"""Communities and grids as GeoJSON in the record's precision (1e-8 degree), WGS 84."""

import gzip
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final

from django.contrib.gis.db.models.functions import AsGeoJSON
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from ninja import Path, Query, Router

from boundaries.features import version
from boundaries.models import Community, Outline
from gridmap.api.auth import PUBLIC, PUBLIC_SECURITY, visitor
from gridmap.api.inputs import ERRORS, At, moment
from gridmap.api.shapes import Feature, FeatureCollection
from gridmap.api.throttling import PublicRate
from gridmap.permissions import audience
from gridmap.roster import roster

router = Router(tags=["Areas"], auth=PUBLIC, throttle=PublicRate())
MEDIA_TYPE: Final = "application/geo+json"
DRAWN: Final = "drawn"
Code = Annotated[str | None, Query(max_length=24, description="Only this one, by code.")]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get(
    "/communities",
    response={200: FeatureCollection} | ERRORS,
    openapi_extra=PUBLIC_SECURITY,
    summary="Communities by their surveyed outlines",
)
def communities(request: HttpRequest, at: At = None, subdistrict: Code = None) -> HttpResponseBase:
    """All communities. `ETag` and `If-None-Match` save the download where nothing changed. Two queries, else one."""
    when = moment(at)
    etag = _etag(when, subdistrict)
    if same := _unchanged(request, etag):
        return same
    rows = Community.objects.select_related("subdistrict").annotate(
        **{DRAWN: AsGeoJSON("outline", precision=8)}
    )
    if subdistrict:
        rows = rows.filter(subdistrict__code=subdistrict)
    features = (
        _feature(
            row.pk,
            getattr(row, DRAWN),
            {
                "code": row.code,
                "name": row.name,
                "name_en": row.name_en,
                "subdistrict": row.subdistrict.code,
                "synthetic": row.subdistrict.is_synthetic,
            },
        )
        for row in rows
    )
    return _collection(request, features, when, etag)


@router.get(
    "/grids",
    response={200: FeatureCollection} | ERRORS,
    openapi_extra=PUBLIC_SECURITY,
    summary="Grids in force at a time",
)
def grids(request: HttpRequest, at: At = None, community: Code = None) -> HttpResponseBase:
    """The grids that are in force at that time, past or future. Two queries, one where nothing changed."""
    when = moment(at)
    etag = _etag(when, community)
    if same := _unchanged(request, etag):
        return same
    rows = Outline.objects.in_force(when).select_related("community__subdistrict").order_by("code")
    if community:
        rows = rows.filter(community__code=community)
    drawn = rows.defer("polygon", "community__outline").annotate(**{DRAWN: AsGeoJSON("polygon", precision=8)})
    features = (_feature(row.grid_id, getattr(row, DRAWN), _properties(row)) for row in drawn)
    return _collection(request, features, when, etag)


@router.get(
    "/grids/{id}",
    response={200: Feature} | ERRORS,
    openapi_extra=PUBLIC_SECURITY,
    summary="A grid, and who answers for it",
)
def grid(request: HttpRequest, id: Id, at: At = None) -> HttpResponseBase:  # noqa: A002  # the address says id
    """The grid as it is drawn at that time and who answers then. Colleagues also see lead, members and stand-in."""
    when = moment(at)
    rows = Outline.objects.in_force(when).filter(grid=id).select_related("community__subdistrict")
    row = (
        rows.annotate(**{DRAWN: AsGeoJSON("polygon", precision=8)})
        .defer("polygon", "community__outline")
        .first()
    )
    people = roster(when, [id]) if row else {}
    if row is None or row.code not in people:
        raise Http404
    found = people[row.code]
    who = audience(visitor(request), found.community)
    person = found.specialist
    extra: dict[str, Any] = {
        "at": when.isoformat(),
        "datum": "wgs84",
        "community": found.community,
        "plan": found.plan,
        "answers": found.answers,
        "specialist": person.as_json(who) if person else None,
        "duty_telephone": found.duty_telephone,
    }
    if who == "staff":
        extra |= {
            "lead": found.lead.as_json(who) if found.lead else None,
            "members": [member.as_json(who) for member in found.members],
            "stand_in": found.stand_in.as_json(who) if found.stand_in else None,
            "host_contact": found.host_contact,
        }
    text = _feature(row.grid_id, getattr(row, DRAWN), _properties(row) | extra)
    return HttpResponse(text, content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _properties(row: Outline) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "name_en": row.name_en,
        "kind": row.kind,
        "community": row.community.code,
        "synthetic": row.community.subdistrict.is_synthetic,
    }


def _feature(identity: int, geometry: str, properties: dict[str, Any]) -> str:
    """A feature as text; the geometry is the database's own, not read and written again."""
    told = json.dumps(properties, ensure_ascii=False)
    return f'{{"type":"Feature","id":{identity},"geometry":{geometry},"properties":{told}}}'


def _etag(when: datetime, part: str | None) -> str:
    """Read before the data: a change in between makes the next comparison fail, not the data stale.

    Weak, since the compressed answer has other bytes.
    """
    return f'W/"{version(when)}-{(part or "").encode().hex()}"'


def _unchanged(request: HttpRequest, etag: str) -> HttpResponseBase | None:
    """304 where the caller holds what would be sent already."""
    answer = get_conditional_response(request, etag=etag)
    return answer if answer is not None and answer.status_code == 304 else None


def _collection(request: HttpRequest, features: Iterable[str], when: datetime, etag: str) -> HttpResponseBase:
    head = json.dumps({"type": "FeatureCollection", "datum": "wgs84", "at": when.isoformat()})[:-1]
    body = f'{head},"features":[{",".join(features)}]}}'.encode()
    response = HttpResponse(body, content_type=MEDIA_TYPE)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.content = gzip.compress(body, compresslevel=5, mtime=0)
        response["Content-Encoding"] = "gzip"
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response
