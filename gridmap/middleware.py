"""Security headers with the content security policy, what may be kept of an answer, and input that nothing takes."""

import secrets
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from gridmap.api.problems import PREFIX, unprocessable

# Leaflet and htmx set styles through the DOM, which a policy without 'unsafe-inline' allows; style attributes
# in markup it refuses, hence SVG bars. Tiles are drawn on canvas; `data:` is for small images in style sheets.
POLICY = (
    "default-src 'none'; script-src 'self' {script}; style-src 'self' {style}; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# The admin's geometry widgets (django-leaflet) write inline scripts and styles into their forms.
RELAXED = "/admin/"
NUL: Final = "\0"


class ContentSecurity:
    """Adds the policy and its companions to every HTML answer; `request.csp_nonce` is the nonce."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = SimpleLazyObject(lambda: secrets.token_urlsafe(16))
        request.csp_nonce = nonce  # type: ignore[attr-defined]  # HttpRequest is open for middleware
        response = self.get_response(request)
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        if request.path.startswith(RELAXED):
            policy = POLICY.format(script="'unsafe-inline'", style="'unsafe-inline'")
        else:
            policy = POLICY.format(script=f"'nonce-{nonce}'", style="")
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault(
            "Permissions-Policy", "geolocation=(self), camera=(), microphone=(), payment=(), usb=()"
        )
        return response


class PrivateAnswers:
    """What a signed-in visitor gets is kept nowhere, unless its view says otherwise.

    A session or a token is known by what the request carries: nothing here reads the session, so that the public's
    answers cost no query and can be kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        session = settings.SESSION_COOKIE_NAME
        if session in request.COOKIES or session in response.cookies or "Authorization" in request.headers:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class NoNul:
    """PostgreSQL stores no NUL character, so that no value can match one: 400, and 422 below the API's address.

    JSON bodies are checked where they are read: see `gridmap.api.shapes.Text`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if NUL in request.path or NUL in query or "%00" in query:
            return self._refused(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_arguments: Any) -> HttpResponse | None:
        """The form, after the check for forgery has read it."""
        if getattr(view, "reads_its_own_body", False):
            return None  # gridmap.uploads
        sent = request.POST.lists() if request.method == "POST" else ()
        if any(NUL in name or any(NUL in value for value in values) for name, values in sent):
            return self._refused(request)
        return None

    def _refused(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(f"{PREFIX}/"):
            text = _("The address holds a NUL character (%00). Leave it out.")
            return unprocessable({"field": "address", "code": "nul", "detail": text})
        return render(request, "400.html", status=400)
