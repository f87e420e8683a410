"""Accounts, role grants and API tokens."""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.types.range import Range

from boundaries.models import Community, Subdistrict
from boundaries.models.constraints import in_force
from gridmap.actions.audit import record
from gridmap.models import ApiToken, Role, RoleGrant, User
from gridmap.permissions import (
    ROLES,
    Permission,
    forget_grants,
    is_trusted_with_households,
    may_administer,
)

MAX_TOKENS = 20


class AccountError(ValueError):
    """The step cannot be taken as asked; `field` names the input, the message is for a person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def password_set_by_another(*, user: User, by: User) -> None:
    """Note that `by` chose the password of `user`: its tokens end, and its roles rest until it has chosen another.

    Its sessions end by themselves: they are signed with the password.

    Raises
    ------
    PermissionDenied
        `by` does not administer the account.
    """
    if by == user or not may_administer(by, user):
        raise PermissionDenied
    user.must_change_password = True
    user.save(update_fields=["must_change_password"])
    _end_tokens(user)
    record(verb="set", noun="password", object_id=user.pk, by=by)
    forget_grants(user)


@transaction.atomic
def chose_password(*, user: User) -> None:
    """Note that `user` chose its own password: its roles open (again)."""
    user.must_change_password = False
    user.save(update_fields=["must_change_password"])
    record(verb="choose", noun="password", object_id=user.pk, by=user)
    forget_grants(user)


def _end_tokens(user: User) -> None:
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())


@transaction.atomic
def grant_role(
    *,
    user: User,
    role: Role | str,
    subdistrict: Subdistrict,
    community: Community | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    by: User | None,
) -> RoleGrant:
    """Give `user` a role in the subdistrict, or in one community of it, from `start` (now) until `end` (open).

    A first role that opens households ends the tokens of the account: others may have made and kept them.

    Raises
    ------
    AccountError
        The community is of another subdistrict, the end comes before the start, the user holds this already, or it
        opens households and `by` would give it to himself or herself.
    PermissionDenied
        `by` does not administer that ground.
    """
    if by is not None and not by.has_perm(Permission.GRANT_ROLE, community or subdistrict):
        raise PermissionDenied
    User.objects.select_for_update().get(pk=user.pk)
    period = check_grant(
        user=user, role=role, subdistrict=subdistrict, community=community, start=start, end=end, by=by
    )
    if by is not None and ROLES[role].covered and not is_trusted_with_households(user):
        _end_tokens(user)
    made = RoleGrant.objects.create(
        user=user, role=role, subdistrict=subdistrict, community=community, period=period, granted_by=by
    )
    record(
        verb="grant",
        noun="role",
        object_id=made.pk,
        details={
            "user": user.pk,
            "role": made.role,
            "subdistrict": subdistrict.code,
            "community": community.code if community else None,
        },
        by=by,
    )
    forget_grants(user)
    return made


def check_grant(
    *,
    user: User,
    role: Role | str,
    subdistrict: Subdistrict,
    community: Community | None,
    start: datetime | None = None,
    end: datetime | None = None,
    by: User | None = None,
) -> Range[datetime]:
    """The period of such a grant, if it may be made; a form can ask before.

    Raises
    ------
    AccountError
        See `grant_role`.
    """
    start = start or timezone.now()
    if community is not None and community.subdistrict_id != subdistrict.pk:
        raise AccountError("community", _("The community lies in another subdistrict."))
    if end is not None and end <= start:
        raise AccountError("end", _("The end comes before the start."))
    period = Range(start, end, "[)")
    if by is not None and by == user and ROLES[role].covered:
        raise AccountError(
            "role", _("This role opens households. Nobody gives it to himself or herself: ask a colleague.")
        )
    same = RoleGrant.objects.filter(
        user=user, role=role, subdistrict=subdistrict, community=community, revoked_at=None
    )
    if same.filter(period__overlap=period).exists():
        raise AccountError("role", _("This user holds this role there already."))
    return period


@transaction.atomic
def revoke_role(*, grant: RoleGrant, by: User | None) -> RoleGrant | None:
    """End a grant now. What was in force until now stays on record as a row of its own, which is returned.

    Raises
    ------
    AccountError
        It was revoked or had ended already, or it is the last administrator's own.
    PermissionDenied
        `by` does not administer that ground.
    """
    ground = grant.community or grant.subdistrict
    if by is not None and not by.has_perm(Permission.GRANT_ROLE, ground):
        raise PermissionDenied
    # Two administrators who revoke each other at once must not both find that the other one stays.
    Subdistrict.objects.select_for_update().only("pk").get(pk=grant.subdistrict_id)
    now = timezone.now()
    held = RoleGrant.objects.select_for_update().get(pk=grant.pk)
    lower, upper = held.period.lower, held.period.upper
    if held.revoked_at is not None or (upper is not None and upper <= now):
        raise AccountError("grant", _("This grant has ended already."))
    if held.role == Role.ADMINISTRATOR and not _another_administrator(held, now):
        raise AccountError(
            "grant", _("This is the last administrator of the subdistrict. Make somebody else one first.")
        )
    held.revoked_at = now
    held.save(update_fields=["revoked_at"])
    past = None
    if lower is None or lower < now:
        past = RoleGrant.objects.create(
            user_id=held.user_id,
            role=held.role,
            subdistrict_id=held.subdistrict_id,
            community_id=held.community_id,
            period=Range(lower, now, "[)"),
            granted_by_id=held.granted_by_id,
        )
    record(
        verb="revoke",
        noun="role",
        object_id=held.pk,
        details={"user": held.user_id, "role": held.role},
        by=by,
    )
    forget_grants(grant.user)
    return past


def _another_administrator(held: RoleGrant, now: datetime) -> bool:
    if held.community_id is not None:
        return True
    others = RoleGrant.objects.filter(
        in_force(now), role=Role.ADMINISTRATOR, subdistrict=held.subdistrict_id, community=None
    )
    if others.exclude(pk=held.pk).filter(user__is_active=True).exists():
        return True
    return User.objects.filter(is_superuser=True, is_active=True).exists()


@transaction.atomic
def make_token(
    *, user: User, name: str, expires_at: datetime | None = None, by: User | None
) -> tuple[ApiToken, str]:
    """Make an API token; returns it and the secret, which is shown once and stored nowhere.

    Raises
    ------
    AccountError
        No name, an end in the past, or too many tokens.
    PermissionDenied
        `by` is neither the user nor administers the account, or the account opens households: then only its own
        holder makes tokens for it.
    """
    _own_or_administered(user, by)
    if by is not None and by != user and is_trusted_with_households(user):
        raise PermissionDenied
    name, now = name.strip(), timezone.now()
    if not name or len(name) > 64:
        raise AccountError("name", _("Give the token a name of at most 64 characters."))
    if expires_at is not None and expires_at <= now:
        raise AccountError("expires_at", _("The token would have expired already."))
    if ApiToken.objects.filter(user=user, revoked_at=None).count() >= MAX_TOKENS:
        raise AccountError(
            "name", _("This user has %(most)s tokens. Revoke one first.") % {"most": MAX_TOKENS}
        )
    secret = ApiToken.new_secret()
    token = ApiToken.objects.create(
        user=user, name=name, digest=ApiToken.digest_of(secret), expires_at=expires_at
    )
    record(verb="make", noun="token", object_id=token.pk, details={"user": user.pk}, by=by)
    return token, secret


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User | None) -> None:
    """Refuse the token from now on.

    Raises
    ------
    PermissionDenied
        `by` is neither its user nor administers the account.
    """
    _own_or_administered(token.user, by)
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record(verb="revoke", noun="token", object_id=token.pk, details={"user": token.user_id}, by=by)


def _own_or_administered(user: User, by: User | None) -> None:
    if by is not None and by != user and not may_administer(by, user):
        raise PermissionDenied
