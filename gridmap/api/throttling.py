"""How often the public may call. Counted per address of the visitor and per process, in memory."""

import ipaddress
import math
import time
from typing import Final

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from ninja.errors import Throttled
from ninja.throttling import BaseThrottle

from gridmap.models import User

SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def client_address(request: HttpRequest) -> str:
    """The visitor's address; of X-Forwarded-For only what our own proxies added is believed.

    With n trusted proxies the n-th entry from the right is the one that the outermost of them saw. An IPv6 visitor is
    taken by the /64 network, since one household commands all of it.
    """
    address = str(request.META.get("REMOTE_ADDR") or "")
    if settings.TRUSTED_PROXIES > 0:
        seen = [
            part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()
        ]
        if seen:
            address = seen[-min(settings.TRUSTED_PROXIES, len(seen))]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def parse_rate(rate: str) -> tuple[int, int]:
    """«120/m» as calls and seconds."""
    calls, _, unit = rate.partition("/")
    return int(calls), SECONDS[unit[:1].lower()]


def count(key: str, calls: int, seconds: int) -> bool:
    """Count one call under `key`; whether no more than `calls` were made in this period of the clock."""
    key = f"rate:{key}:{seconds}:{int(time.time() // seconds)}"
    counts = caches["rates"]
    counts.add(key, 0, timeout=seconds)
    try:
        return bool(counts.incr(key) <= calls)
    except ValueError:
        # Dropped between the two calls, at the turn of the period or because the cache is full.
        return True


def require_rate(request: HttpRequest, *, kind: str = "", times: int = 1) -> None:
    """Count a call by the visitor's address, at most `times` as often as `settings.PUBLIC_RATE` says.

    Parameters
    ----------
    kind : str
        What is counted by itself; the same count as that of the public API if not given.

    Raises
    ------
    ninja.errors.Throttled
        The visitor called too often; `wait` is in seconds.
    """
    calls, seconds = parse_rate(settings.PUBLIC_RATE)
    if not count(f"{kind}{client_address(request)}", calls * times, seconds):
        raise Throttled(wait=seconds_left())


def seconds_left() -> int:
    """Seconds to the end of the period: the same for everybody."""
    _calls, seconds = parse_rate(settings.PUBLIC_RATE)
    return math.ceil(seconds - time.time() % seconds + 1)


def is_signed_in(request: HttpRequest) -> bool:
    """Whether the visitor has a session; one without its cookie costs neither a query nor `Vary: Cookie`."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated


class PublicRate(BaseThrottle):
    """At most `settings.PUBLIC_RATE` calls by one address without a login, in each whole period of the clock."""

    def allow_request(self, request: HttpRequest) -> bool:
        """Count the call."""
        if isinstance(getattr(request, "auth", None), User):
            return True
        try:
            require_rate(request)
        except Throttled:
            return False
        return True

    def wait(self) -> float | None:
        """Seconds to the end of the period."""
        return seconds_left()
