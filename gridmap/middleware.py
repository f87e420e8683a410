"""Security headers, and the content security policy with a nonce for the one inline script: the import map."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

# Leaflet and htmx set styles through the DOM, which a policy without 'unsafe-inline' allows; style attributes
# in markup it refuses, hence SVG bars. Tiles are drawn on canvas; `data:` is for small images in style sheets.
POLICY = (
    "default-src 'none'; script-src 'self' {script}; style-src 'self' {style}; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# The admin's geometry widgets (django-leaflet) write inline scripts and styles into their forms.
RELAXED = "/admin/"


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
