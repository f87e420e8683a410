"""Errors as application/problem+json (RFC 9457): what happened, where, and what to do, in the reader's language."""

import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from boundaries.locating import PlaceError
from gridmap.actions.audit import NoPurpose
from gridmap.actions.incidents import IncidentError, StaleIncident

PREFIX: Final = "/api/v1"
MEDIA_TYPE: Final = "application/problem+json"
log = logging.getLogger(__name__)


class Fault(Schema):
    """One input that will not do."""

    field: str
    code: str
    detail: str


class Problem(Schema):
    """An error. `code` is short and stable, `detail` is for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault] = []


class ApiError(Exception):
    """Any error with a status, a stable code and a sentence for people."""

    def __init__(self, status: int, code: str, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.field = status, code, detail, field


TITLES: Final[Mapping[int, str | Promise]] = {
    400: gettext_lazy("The request cannot be read"),
    401: gettext_lazy("Sign-in needed"),
    403: gettext_lazy("Not permitted"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("Not possible here"),
    409: gettext_lazy("Changed meanwhile"),
    412: gettext_lazy("Changed meanwhile"),
    413: gettext_lazy("Too much at once"),
    415: gettext_lazy("Unknown kind of content"),
    422: gettext_lazy("Some input will not do"),
    428: gettext_lazy("A condition is needed"),
    429: gettext_lazy("Too many requests"),
    500: gettext_lazy("Our fault"),
    503: gettext_lazy("Not available right now"),
}

DETAILS: Final[Mapping[int, str | Promise]] = {
    400: gettext_lazy("The request is not well formed. Compare it with /api/v1/openapi.json."),
    401: gettext_lazy("Sign in, or send a token: “Authorization: Bearer gm_…”."),
    403: gettext_lazy("Your roles do not permit this. Ask your administrator if they should."),
    404: gettext_lazy("There is nothing at this address that you may see."),
    405: gettext_lazy("This address does not take this method. The header Allow names those it takes."),
    413: gettext_lazy("The request is too large. Send it in parts."),
    429: gettext_lazy("Wait as long as the header Retry-After says, then go on."),
    500: gettext_lazy(
        "Something failed in the service. It was logged; try again, then tell your administrator."
    ),
}

# What the validation of parameters says, in our words. Anything else is "not valid".
FAULTS: Final[Mapping[str, str | Promise]] = {
    "missing": gettext_lazy("This value is missing."),
    "float_parsing": gettext_lazy("This must be a number with a decimal point."),
    "float_type": gettext_lazy("This must be a number with a decimal point."),
    "int_parsing": gettext_lazy("This must be a whole number."),
    "int_type": gettext_lazy("This must be a whole number."),
    "int_from_float": gettext_lazy("This must be a whole number."),
    "int_parsing_size": gettext_lazy("This number is too large."),
    "bool_parsing": gettext_lazy("This must be true or false."),
    "string_type": gettext_lazy("This must be a text."),
    "string_too_short": gettext_lazy("This text is too short."),
    "string_too_long": gettext_lazy("This text is too long."),
    "greater_than": gettext_lazy("This number is too small."),
    "greater_than_equal": gettext_lazy("This number is too small."),
    "less_than": gettext_lazy("This number is too large."),
    "less_than_equal": gettext_lazy("This number is too large."),
    "literal_error": gettext_lazy("This is none of the known values."),
    "enum": gettext_lazy("This is none of the known values."),
    "finite_number": gettext_lazy("This must be a finite number."),
    "nul": gettext_lazy("This text holds a NUL character. Leave it out."),
    "string_unicode": gettext_lazy("This text holds half a character (a lone surrogate). Leave it out."),
    "json_invalid": gettext_lazy("The body is not JSON."),
}


def problem(
    status: int,
    *,
    detail: str = "",
    code: str = "",
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpResponse:
    """The answer for an error."""
    words = HTTPStatus(status)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": str(TITLES.get(status, words.phrase)),
        "status": status,
        "detail": detail or str(DETAILS.get(status, words.description)),
        "code": code or words.name.lower(),
    }
    if errors:
        body["errors"] = errors
    response = HttpResponse(
        json.dumps(body | more, ensure_ascii=False), status=status, content_type=MEDIA_TYPE, headers=headers
    )
    response["Cache-Control"] = "no-store"
    return response


def _fault(error: Mapping[str, Any]) -> dict[str, str]:
    kind = str(error.get("type", "invalid"))
    place = [str(part) for part in error.get("loc", ())]
    # (query, lon) or (body, body, text): where it stood, then the name of the parameter
    name = ".".join(place[1:] if place[:1] != ["body"] else place[2:]) or ".".join(place)
    return {"field": name, "code": kind, "detail": str(FAULTS.get(kind, _("This value is not valid.")))}


def unprocessable(*faults: Mapping[str, str]) -> HttpResponse:
    """A 422 that names each input."""
    named = [dict(fault) for fault in faults]
    detail = " ".join(f"{fault['field']}: {fault['detail']}" for fault in named[:3])
    code = named[0]["code"] if len(named) == 1 else "invalid"
    return problem(422, detail=detail, code=code, errors=named)


def register(api: NinjaAPI) -> None:
    """Answer every exception of the API with a problem."""

    @api.exception_handler(ValidationError)
    def invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
        return unprocessable(*[_fault(each) for each in error.errors])

    @api.exception_handler(PlaceError)
    def no_place(_request: HttpRequest, error: PlaceError) -> HttpResponse:
        named = {"datum": "datum", "accuracy": "accuracy_m"}.get(error.code, "lon")
        return problem(
            422,
            detail=str(error),
            code=error.code,
            errors=[{"field": named, "code": error.code, "detail": str(error)}],
        )

    @api.exception_handler(IncidentError)
    def no_incident(_request: HttpRequest, error: IncidentError) -> HttpResponse:
        return unprocessable({"field": error.field, "code": "invalid", "detail": str(error)})

    @api.exception_handler(NoPurpose)
    def no_purpose(_request: HttpRequest, error: NoPurpose) -> HttpResponse:
        return unprocessable({"field": "purpose", "code": "purpose", "detail": str(error)})

    @api.exception_handler(StaleIncident)
    def stale(_request: HttpRequest, error: StaleIncident) -> HttpResponse:
        now = error.incident
        return problem(409, detail=str(error), code="stale", version=now.version, state=now.state)

    @api.exception_handler(ApiError)
    def ours(_request: HttpRequest, error: ApiError) -> HttpResponse:
        fault = {"field": error.field, "code": error.code, "detail": error.detail}
        return problem(
            error.status, detail=error.detail, code=error.code, errors=[fault] if error.field else None
        )

    @api.exception_handler(AuthenticationError)
    def unknown(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
        return problem(401, headers={"WWW-Authenticate": "Bearer"})

    @api.exception_handler(Throttled)
    def too_many(_request: HttpRequest, error: Throttled) -> HttpResponse:
        return problem(429, headers={"Retry-After": str(int(max(1, error.wait or 1)))})

    @api.exception_handler(RequestDataTooBig)
    def too_big(_request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
        return problem(413)

    @api.exception_handler(PermissionDenied)
    def forbidden(_request: HttpRequest, _error: PermissionDenied) -> HttpResponse:
        return problem(403)

    @api.exception_handler(Http404)
    def nothing(_request: HttpRequest, _error: Http404) -> HttpResponse:
        return problem(404)

    @api.exception_handler(HttpError)
    def other(_request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem(error.status_code)

    @api.exception_handler(Exception)
    def failed(request: HttpRequest, error: Exception) -> HttpResponse:
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return problem(500)


class ProblemMiddleware:
    """Errors below the API's address that the API itself never sees: unknown address, wrong method, bad host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path.startswith(f"{PREFIX}/"):
            return response
        if response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
            return response
        kept = {name: response[name] for name in ("Allow", "Retry-After") if name in response}
        return problem(response.status_code, headers=kept)
