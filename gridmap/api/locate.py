"""Who is responsible here? One place, or many."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router

from gridmap.api import bulk
from gridmap.api.auth import PUBLIC, PUBLIC_SECURITY, visitor
from gridmap.api.inputs import ERRORS, Accuracy, At, InDatum, Latitude, Longitude, moment
from gridmap.api.shapes import LocateOut
from gridmap.api.throttling import PublicRate
from gridmap.permissions import audience_of
from gridmap.responsibility import Json, locate

router = Router(tags=["Responsibility"], auth=PUBLIC, throttle=PublicRate())


@router.get(
    "/locate",
    response={200: LocateOut} | ERRORS,
    exclude_unset=True,
    openapi_extra=PUBLIC_SECURITY,
    summary="Who is responsible here?",
)
def locate_one(
    request: HttpRequest,
    lon: Longitude,
    lat: Latitude,
    at: At = None,
    datum: InDatum = "wgs84",
    accuracy_m: Accuracy = None,
) -> Json:
    """One place, as of any time.

    `match` is `inside`; `edge` where a border lies within one metre or the stated accuracy (one answer all the same,
    with all candidates); `nearest` outside every grid but within reach; else `outside`. The public is told who answers
    then: one public name and duty telephone.
    """
    answer = locate(lon, lat, at=moment(at), datum=datum, accuracy_m=accuracy_m)
    return answer.as_json(audience_of(visitor(request)))


@router.post(
    "/locate",
    response=ERRORS,
    openapi_extra=PUBLIC_SECURITY | bulk.REQUEST_BODY,
    summary="Who is responsible at these places?",
)
def locate_many(
    request: HttpRequest, at: At = None, datum: InDatum = "wgs84", accuracy_m: Accuracy = None
) -> HttpResponseBase:
    """Many places in one call, answered in the format they came in: a JSON list, GeoJSON points, or NDJSON.

    JSON and GeoJSON take up to 10,000 places. NDJSON (one JSON object a line) is answered while it is read and
    takes up to 1,000,000. Each answer is that of `GET /locate` without building and service centre; a place that
    will not do gets `"match": "invalid"` with an `error`, the others are answered all the same.
    """
    return bulk.answer(request, at=moment(at), datum=datum, accuracy_m=accuracy_m)
