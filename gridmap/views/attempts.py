"""Guessing is slowed down: failures are counted by visitor and by user name, and waiting grows with them.

Kept in the process's memory, as the public's rates are. Nothing here knows whether an account exists: unknown names
are counted and locked like known ones.
"""

import hashlib
import math
import time
from dataclasses import dataclass
from typing import Final

from django.core.cache import caches
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gridmap.api.throttling import client_address

FREE_BY_NAME: Final = 5
# An office shares one address, so that this many of its people may mistype.
FREE_BY_ADDRESS: Final = 20
FIRST_WAIT_S: Final = 30
LONGEST_WAIT_S: Final = 15 * 60
FORGOTTEN_AFTER_S: Final = 3600


class Locked(Exception):
    """Too many failures; `wait` is in seconds, the message is for a person."""

    def __init__(self, wait: int) -> None:
        minutes = math.ceil(wait / 60)
        if wait < 60:
            text = ngettext(
                "Too many failed attempts. Try again in %(count)s second.",
                "Too many failed attempts. Try again in %(count)s seconds.",
                wait,
            ) % {"count": wait}
        else:
            text = ngettext(
                "Too many failed attempts. Try again in %(count)s minute.",
                "Too many failed attempts. Try again in %(count)s minutes.",
                minutes,
            ) % {"count": minutes}
        super().__init__(f"{text} {_('If you forgot the password, ask your administrator.')}")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, counted as a failure before it is known to be one: tries at the same time are all counted."""

    address: str
    name: str

    def succeeded(self) -> None:
        """Forget the failures of this name, and no others of the address: who has an account gets no more guesses."""
        counts = caches["rates"]
        if self.name:
            own = counts.get(f"{self.name}:count", 0)
            counts.delete_many([f"{self.name}:count", f"{self.name}:until"])
        else:
            own = counts.get(f"{self.address}:count", 0)
        left = max(0, counts.get(f"{self.address}:count", 0) - own)
        counts.set(f"{self.address}:count", left, FORGOTTEN_AFTER_S)
        if left < FREE_BY_ADDRESS:
            counts.delete(f"{self.address}:until")


def begin(request: HttpRequest, kind: str, name: str = "", *, free: int = FREE_BY_ADDRESS) -> Attempt:
    """Count a try to sign in as `name`, or with a code where there is no name.

    Raises
    ------
    Locked
        There were too many failures by this visitor or for this name; nothing may be compared now.
    """
    attempt = Attempt(
        f"attempt:{kind}:{client_address(request)}",
        # Names come at any length and in any script; the key of a cache may not.
        f"attempt:{kind}:{hashlib.sha256(name.strip().casefold().encode()).hexdigest()}" if name else "",
    )
    limits = {attempt.address: free} | ({attempt.name: FREE_BY_NAME} if name else {})
    counts, now = caches["rates"], time.time()
    wait = max(counts.get(f"{key}:until", 0.0) for key in limits) - now
    if wait > 0:
        raise Locked(math.ceil(wait))
    for key, most in limits.items():
        counts.add(f"{key}:count", 0, FORGOTTEN_AFTER_S)
        try:
            failures = counts.incr(f"{key}:count")
        except ValueError:
            # forgotten between the two calls
            continue
        counts.touch(f"{key}:count", FORGOTTEN_AFTER_S)
        if failures >= most:
            delay = min(FIRST_WAIT_S * 2 ** min(failures - most, 10), LONGEST_WAIT_S)
            counts.set(f"{key}:until", now + delay, delay)
    return attempt
