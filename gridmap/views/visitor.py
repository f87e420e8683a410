"""Who asks."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from gridmap.models import User


def user_of(request: HttpRequest) -> User:
    """The account that is signed in; for views behind `login_required`."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def require(request: HttpRequest, *permissions: str) -> User:
    """The account that is signed in, if it holds any of `permissions` anywhere.

    Raises
    ------
    PermissionDenied
        It holds none of them.
    """
    user = user_of(request)
    if not any(user.has_perm(permission) for permission in permissions):
        raise PermissionDenied
    return user
