"""Who may read the names of colleagues and host contacts: by the ground of the place asked about."""

from collections.abc import Callable
from typing import Any, Literal

from django.utils import timezone

from boundaries.models import Community
from gridmap.permissions.roles import Permission
from gridmap.permissions.scopes import Visitor, scope

Audience = Literal["public", "staff"]
AudienceOf = Callable[[dict[str, Any] | None], Audience]


def audience(who: Visitor, community: dict[str, Any] | None) -> Audience:
    """Whether the caller is a colleague on that ground. No query for the public, two at most for others."""
    return audience_of(who)(community)


def audience_of(who: Visitor) -> AudienceOf:
    """`audience` for several communities, e.g. those that meet at a border: each is looked up once.

    The function that is returned takes a community as `responsibility` writes it, or None for ground outside all.
    """
    allowed = scope(who, Permission.VIEW_STAFF, timezone.now())
    known: dict[str, Audience] = {}

    def ask(community: dict[str, Any] | None) -> Audience:
        if not allowed:
            return "public"
        if community is None:
            return "staff"
        code = community["code"]
        if code not in known:
            rows = Community.objects.filter(allowed.rows(community="pk"), code=code)
            known[code] = "staff" if rows.exists() else "public"
        return known[code]

    return ask
