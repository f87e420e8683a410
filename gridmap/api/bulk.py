"""Many places at once: read in batches, answered by an index in memory, written while reading.

The index is kept per process and compared with the database at every call (one query), so that no answer is older
than the plan in force. A call costs two queries whatever the number of places: that comparison and the roster.
"""

import json
import math
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

import numpy as np
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from boundaries import locating
from boundaries.bulk import BulkIndex, Match
from boundaries.datum import to_wgs84
from boundaries.indexing import NoPlan, load_index
from boundaries.locating import PlaceError
from gridmap.api.problems import ApiError
from gridmap.responsibility import Json, Responsible
from gridmap.roster import roster

MAX_POINTS: Final = 10_000
MAX_LINES: Final = 1_000_000
MAX_LINE_BYTES: Final = 4096
BATCH: Final = 5_000
INDICES_KEPT: Final = 2
NDJSON: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
JSON: Final = frozenset({"application/json", "application/geo+json", ""})
Format = Literal["list", "geojson", "ndjson"]

_POINT: Final = {
    "type": "object",
    "required": ["lon", "lat"],
    "properties": {
        "id": {"type": ["string", "integer", "null"], "description": "Comes back with the answer."},
        "lon": {"type": "number"},
        "lat": {"type": "number"},
        "accuracy_m": {"type": "number", "minimum": 0, "maximum": 500},
    },
}
REQUEST_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["points"],
                    "properties": {"points": {"type": "array", "maxItems": MAX_POINTS, "items": _POINT}},
                },
                "example": {"points": [{"id": 1, "lon": 103.8353, "lat": 30.7012}]},
            },
            "application/geo+json": {"schema": {"type": "object"}},
            "application/x-ndjson": {"schema": _POINT},
        },
    },
}

# What the index depends on: layers that were written, and the last moment until then at which something came into
# force by the clock alone.
_EPOCH: Final = """
SELECT (SELECT string_agg(layer || ':' || number, ' ' ORDER BY layer) FROM boundaries_edition
        WHERE layer IN ('grids', 'buildings')),
       (SELECT max(t) FROM boundaries_publication, LATERAL (VALUES (lower(period)), (upper(period))) AS b (t)
        WHERE t <= %(at)s),
       (SELECT max(t) FROM boundaries_placement, LATERAL (VALUES (lower(period)), (upper(period))) AS b (t)
        WHERE t <= %(at)s),
       (SELECT max(t) FROM boundaries_building, LATERAL (VALUES (lower(existed)), (upper(existed))) AS b (t)
        WHERE t <= %(at)s)
"""


class Indices:
    """The indices in use, by what they depend on. One is built at a time, so that a burst of calls builds one."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], BulkIndex | None] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, at: datetime) -> BulkIndex | None:
        """The index of what is in force at `at`, None where nothing is. One query; two more where it is built."""
        with connection.cursor() as cursor:
            cursor.execute(_EPOCH, {"at": at})
            epoch = (connection.settings_dict["NAME"], *(cursor.fetchone() or ()))
        with self._lock:
            if epoch not in self._known:
                try:
                    self._known[epoch] = load_index(at)
                except NoPlan:
                    self._known[epoch] = None
                while len(self._known) > INDICES_KEPT:
                    self._known.popitem(last=False)
            self._known.move_to_end(epoch)
            return self._known[epoch]


INDICES: Final = Indices()


@dataclass(frozen=True, slots=True)
class Asked:
    """One place as it was sent; NaN where a number is missing. `fault` says why it cannot be read at all."""

    id: Any
    lon: float = math.nan
    lat: float = math.nan
    accuracy_m: float = math.nan
    fault: str = ""


def answer(request: HttpRequest, *, at: datetime, datum: str, accuracy_m: float | None) -> HttpResponseBase:
    """Read the places, answer them, in the format that they came in.

    Raises
    ------
    ApiError
        The content is of another kind, is no JSON, or holds too much.
    PlaceError
        The accuracy or datum for all of them will not do.
    """
    locating.place(0.0, 0.0, datum=datum, accuracy_m=accuracy_m)
    kind = request.content_type or ""
    accuracy = math.nan if accuracy_m is None else accuracy_m
    asked: Iterable[Asked]
    shape: Format
    if kind in NDJSON:
        shape, asked = "ndjson", _lines(request, accuracy)
    elif kind in JSON:
        shape, asked = _document(request.body, accuracy)
    else:
        raise ApiError(
            415,
            "content_type",
            _("Send application/json, application/geo+json or application/x-ndjson, not “%(kind)s”.")
            % {"kind": kind[:60]},
        )
    index = INDICES.at(at)
    people = {code: _shown(each) for code, each in roster(at).items()}
    found = _all_outside(asked, datum) if index is None else _answers(index, people, asked, datum)
    text = _written(shape, found, at)
    media = {"list": "application/json", "geojson": "application/geo+json", "ndjson": "application/x-ndjson"}
    stream = _unblocked(text) if isinstance(request, ASGIRequest) else text
    return StreamingHttpResponse(stream, content_type=media[shape], headers={"Cache-Control": "no-store"})


async def _unblocked(text: Iterator[str]) -> AsyncIterator[str]:
    """The same, worked out beside the event loop: a plain iterator would be read to its end first."""

    def further() -> str | None:
        return next(text, None)

    while (chunk := await sync_to_async(further)()) is not None:
        yield chunk


# --- Reading --------------------------------------------------------------------------------------------------


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _refused(constant: str) -> Any:
    """NaN and Infinity are no JSON: what came in as such could not be sent back either."""
    raise ValueError(constant)


def _fault_of(identity: Any) -> str:
    """Why an id cannot come back with its answer; empty where it can."""
    if identity is None or (isinstance(identity, int) and not isinstance(identity, bool)):
        return ""
    if not isinstance(identity, str):
        return _("An id is a text or a whole number.")
    if any("\ud800" <= letter <= "\udfff" for letter in identity):
        return _("The id holds half a character (a lone surrogate).")
    return ""


def _asked(item: Any, accuracy: float) -> Asked:
    if not isinstance(item, dict):
        return Asked(None, fault=_("Each place is an object with “lon” and “lat”."))
    if fault := _fault_of(item.get("id")):
        return Asked(None, fault=fault)
    stated = _number(item["accuracy_m"]) if item.get("accuracy_m") is not None else accuracy
    return Asked(item.get("id"), _number(item.get("lon")), _number(item.get("lat")), stated)


def _feature(item: Any, accuracy: float) -> Asked:
    if isinstance(item, dict) and (fault := _fault_of(item.get("id"))):
        return Asked(None, fault=fault)
    geometry = item.get("geometry") if isinstance(item, dict) else None
    spot = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or geometry.get("type") != "Point" or not isinstance(spot, list):
        identity = item.get("id") if isinstance(item, dict) else None
        return Asked(identity, fault=_("Each feature needs a geometry of the type Point."))
    lon, lat = (_number(spot[0]), _number(spot[1])) if len(spot) >= 2 else (math.nan, math.nan)
    return Asked(item.get("id"), lon, lat, accuracy)


def _document(body: bytes, accuracy: float) -> tuple[Format, list[Asked]]:
    try:
        document = json.loads(body, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise ApiError(422, "json_invalid", _("The body is not JSON."), field="body") from None
    shape: Format = "list"
    items = document
    if isinstance(document, dict):
        if document.get("type") == "FeatureCollection":
            shape, items = "geojson", document.get("features")
        else:
            items = document.get("points")
    if not isinstance(items, list):
        raise ApiError(
            422,
            "points",
            _("Send {“points”: [{“lon”: …, “lat”: …}]}, a list of such, or a GeoJSON FeatureCollection."),
            field="points",
        )
    if len(items) > MAX_POINTS:
        raise ApiError(
            413,
            "too_many",
            _("%(count)s places are too many for one JSON document; %(most)s are taken. Send NDJSON instead.")
            % {"count": len(items), "most": MAX_POINTS},
        )
    read = _feature if shape == "geojson" else _asked
    return shape, [read(item, accuracy) for item in items]


def _lines(request: HttpRequest, accuracy: float) -> Iterator[Asked]:
    number = 0
    while line := request.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES or number > MAX_LINES:
            yield Asked(
                None, fault=_("Stopped at line %(line)s: too long, or too many lines.") % {"line": number}
            )
            return
        if not line.strip():
            continue
        try:
            yield _asked(json.loads(line, parse_constant=_refused), accuracy)
        except (ValueError, RecursionError):
            yield Asked(None, fault=_("Line %(line)s is not JSON.") % {"line": number})


# --- Answering ------------------------------------------------------------------------------------------------


def _shown(grid: Responsible) -> Json:
    """What everybody may know of a grid: the same words as in the answer for one place."""
    person = grid.specialist
    return {
        "community": grid.community,
        "grid": grid.grid,
        "specialist": person.as_json("public") if person else None,
        "answers": grid.answers,
        "duty_telephone": grid.duty_telephone,
        "plan": grid.plan,
    }


NOBODY: Final[Json] = {
    "community": None,
    "grid": None,
    "specialist": None,
    "answers": "nobody",
    "duty_telephone": None,
    "plan": None,
}


def _answers(
    index: BulkIndex, people: Mapping[str, Json], asked: Iterable[Asked], datum: str
) -> Iterator[Json]:
    remaining = iter(asked)
    while batch := list(islice(remaining, BATCH)):
        sent_x = np.array([each.lon for each in batch])
        sent_y = np.array([each.lat for each in batch])
        x, y = (sent_x, sent_y) if datum in {"wgs84", "cgcs2000"} else to_wgs84(sent_x, sent_y, datum)
        found = index.locate(x, y, np.array([each.accuracy_m for each in batch]))
        for i, each in enumerate(batch):
            if each.fault or found.match[i] == Match.INVALID:
                yield {"id": each.id, "match": "invalid", "error": _fault(each, datum)}
                continue
            grids = [index.codes[g] for g in found.candidates(i).tolist()]
            first, last = found.starts[i], found.starts[i + 1]
            metres = found.candidate_distance[first:last].tolist() or [found.distance[i]]
            chosen = index.codes[found.grid[i]] if found.grid[i] >= 0 else ""
            yield {
                "id": each.id,
                "match": Match(found.match[i]).name.lower(),
                "distance_m": round(float(found.distance[i]), 2) if chosen else 0.0,
                "point": {"lon": float(x[i]), "lat": float(y[i]), "datum": "wgs84"},
                **people.get(chosen, NOBODY),
                "candidates": [
                    {
                        "grid": people.get(code, NOBODY)["grid"],
                        "community": people.get(code, NOBODY)["community"],
                        "distance_m": round(float(far), 2),
                    }
                    for code, far in zip(grids, metres, strict=False)
                ],
            }


def _outside(each: Asked, datum: str) -> Json:
    """The answer where no plan is in force: the same as for one place."""
    try:
        if each.fault:
            raise PlaceError("format", each.fault)
        accuracy = None if math.isnan(each.accuracy_m) else each.accuracy_m
        spot = locating.place(each.lon, each.lat, datum=datum, accuracy_m=accuracy)
    except PlaceError as error:
        return {"id": each.id, "match": "invalid", "error": {"code": error.code, "detail": str(error)}}
    point = {"lon": spot.lon, "lat": spot.lat, "datum": "wgs84"}
    return {"id": each.id, "match": "outside", "distance_m": 0.0, "point": point, **NOBODY, "candidates": []}


def _all_outside(asked: Iterable[Asked], datum: str) -> Iterator[Json]:
    for each in asked:
        yield _outside(each, datum)


def _fault(each: Asked, datum: str) -> dict[str, str]:
    """Why a place will not do, in the words that the call for one place uses."""
    if each.fault:
        return {"code": "format", "detail": each.fault}
    try:
        accuracy = None if math.isnan(each.accuracy_m) else each.accuracy_m
        locating.place(each.lon, each.lat, datum=datum, accuracy_m=accuracy)
    except PlaceError as error:
        return {"code": error.code, "detail": str(error)}
    return {"code": "swapped", "detail": locating.swapped_message(each.lon, each.lat)}


# --- Writing --------------------------------------------------------------------------------------------------


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _as_feature(found: Json) -> Json:
    place = found.get("point")
    geometry = {"type": "Point", "coordinates": [place["lon"], place["lat"]]} if place else None
    properties = {name: value for name, value in found.items() if name not in {"id", "point"}}
    return {"type": "Feature", "id": found["id"], "geometry": geometry, "properties": properties}


def _written(shape: Format, found: Iterator[Json], at: datetime) -> Iterator[str]:
    """The answer as text, some hundreds of places at a time."""
    if shape == "ndjson":
        while part := list(islice(found, 500)):
            yield "".join(f"{_dumped(each)}\n" for each in part)
        return
    head = {"datum": "wgs84", "at": at.isoformat()}
    if shape == "geojson":
        head = {"type": "FeatureCollection"} | head
        name, texts = "features", (_dumped(_as_feature(each)) for each in found)
    else:
        name, texts = "results", (_dumped(each) for each in found)
    yield f'{_dumped(head)[:-1]},"{name}":['
    comma = ""
    while parts := list(islice(texts, 500)):
        yield comma + ",".join(parts)
        comma = ","
    yield "]}"
