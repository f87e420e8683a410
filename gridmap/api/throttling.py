"""How often the public may call. Counted per address of the visitor and per process, in memory."""

import ipaddress
import time
from typing import Final

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
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


class PublicRate(BaseThrottle):
    """At most `settings.PUBLIC_RATE` calls by one address without a login, in each whole period of the clock."""

    def allow_request(self, request: HttpRequest) -> bool:
        """Count the call."""
        if isinstance(getattr(request, "auth", None), User):
            return True
        calls, seconds = parse_rate(settings.PUBLIC_RATE)
        now = time.time()
        key = f"rate:{client_address(request)}:{seconds}:{int(now // seconds)}"
        counts = caches["rates"]
        counts.add(key, 0, timeout=seconds)
        try:
            count = counts.incr(key)
        except ValueError:
            # Dropped between the two calls, at the turn of the period or because the cache is full.
            return True
        return count <= calls

    def wait(self) -> float | None:
        """Seconds to the end of the period: the same for everybody."""
        _calls, seconds = parse_rate(settings.PUBLIC_RATE)
        return seconds - time.time() % seconds + 1
