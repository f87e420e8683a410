"""Who calls: a session from the pages, a token from a machine, or anybody.

`Token` costs one query. `Session` costs two (session and user) and asks for the CSRF token on unsafe methods. A caller
without cookie and without token costs none.
"""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from gridmap.api.problems import ApiError
from gridmap.api.throttling import require_rate
from gridmap.models import ApiToken, User
from gridmap.permissions import GridmapBackend

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Token(HttpBearer):
    """`Authorization: Bearer gm_...`. Only the digest is compared; a token that will not do is a 401."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        """The account of the token."""
        found = (
            ApiToken.objects.select_related("user")
            .filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
            .filter(digest=ApiToken.digest_of(token), revoked_at=None)
            .first()
        )
        if found is None or not GridmapBackend().user_can_authenticate(found.user):
            # Whoever tries tokens is counted as the public is: an account is what is not limited.
            require_rate(request, kind="token:")
            raise ApiError(
                401,
                "token",
                _("The token is unknown, expired or revoked. Ask your administrator for a new one."),
            )
        request.user = found.user
        return found.user


class Session(APIKeyCookie):
    """The session cookie of the pages."""

    def __init__(self, *, csrf: bool = True) -> None:
        self.param_name = settings.SESSION_COOKIE_NAME
        super().__init__(csrf=csrf)

    def __call__(self, request: HttpRequest) -> Any:
        if self.param_name not in request.COOKIES or not request.user.is_authenticated:
            return None
        if self.csrf and request.method not in SAFE and check_csrf(request) is not None:
            raise ApiError(
                403, "csrf", _("The page is out of date or the call came from elsewhere. Reload the page.")
            )
        return request.user

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """Not used: Django's own middleware has read the session."""
        return None


def anyone(_request: HttpRequest) -> AnonymousUser:
    """The public."""
    return AnonymousUser()


SIGNED_IN: Final = [Token(), Session()]
# Reading asks for no CSRF token, not even by POST: nothing is changed and no other site can read the answer.
PUBLIC: Final = [Token(), Session(csrf=False), anyone]
# Added to the ways of signing in: or none at all.
PUBLIC_SECURITY: Final[dict[str, Any]] = {"security": [{}]}


def visitor(request: HttpRequest) -> User | AnonymousUser:
    """The account that calls, or the public."""
    found: User | AnonymousUser = getattr(request, "auth", None) or AnonymousUser()
    return found


def account(request: HttpRequest) -> User:
    """The account that calls, where one is needed."""
    found = visitor(request)
    if not isinstance(found, User):
        raise AuthenticationError
    return found
