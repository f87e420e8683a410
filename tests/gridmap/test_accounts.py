"""Accounts, grants and tokens: who may hand out what, what is recorded, and what stays on record."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Barrier, BrokenBarrierError, Thread

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from gridmap.actions import accounts
from gridmap.actions.accounts import AccountError
from gridmap.models import ApiToken, AuditEntry, Role, RoleGrant, User
from gridmap.permissions import visible_households
from tests import factories
from tests.gridmap.conftest import Cast


def test_roles_are_granted_within_ones_own_ground(cast: Cast) -> None:
    town, target = cast.town, cast.user("stranger")
    first, second = town.communities[0], town.communities[1]

    def may(name: str, community: object) -> bool:
        try:
            accounts.grant_role(
                user=target,
                role=Role.CLERK,
                subdistrict=town.subdistrict,
                community=community,  # type: ignore[arg-type]
                by=cast.user(name),
            )
        except PermissionDenied:
            return False
        RoleGrant.objects.filter(user=target).delete()
        return True

    assert [may("administrator", ground) for ground in (None, first, second)] == [True, True, True]
    assert [may("administrator_0", ground) for ground in (None, first, second)] == [False, True, False]
    assert [may("planner", ground) for ground in (None, first, second)] == [False, False, False]


def test_grant_takes_effect_at_once_and_is_not_doubled(cast: Cast) -> None:
    user, by, town = cast.user("stranger"), cast.user("administrator"), cast.town
    assert not user.has_perm("boundaries.redraw_plan", town.communities[0])
    accounts.grant_role(user=user, role=Role.PLANNER, subdistrict=town.subdistrict, by=by)
    assert user.has_perm("boundaries.redraw_plan", town.communities[0])
    for values, field in (
        ({}, "role"),
        ({"community": town.communities[0], "end": timezone.now() - timedelta(days=1)}, "end"),
    ):
        with pytest.raises(AccountError) as caught:
            accounts.grant_role(
                user=user,
                role=Role.PLANNER,
                subdistrict=town.subdistrict,
                by=by,
                **values,  # type: ignore[arg-type]
            )
        assert caught.value.field == field
    elsewhere = factories.make_subdistrict("510115009", "别处")
    with pytest.raises(AccountError) as caught:
        accounts.grant_role(
            user=user, role=Role.PLANNER, subdistrict=elsewhere, community=town.communities[0], by=None
        )
    assert caught.value.field == "community"


def test_revoking_ends_the_grant_and_keeps_its_past(cast: Cast) -> None:
    user, town = cast.user("planner"), cast.town
    before = timezone.now()
    past = accounts.revoke_role(grant=user.role_grants.get(), by=cast.user("administrator"))
    assert past is not None
    assert not user.has_perm("boundaries.redraw_plan", town.communities[0])
    assert RoleGrant.objects.held_by(user, before - timedelta(days=1)).get() == past
    assert not RoleGrant.objects.held_by(user, timezone.now()).exists()
    for gone in user.role_grants.all():
        with pytest.raises(AccountError):
            accounts.revoke_role(grant=gone, by=None)
    future = accounts.grant_role(
        user=user,
        role=Role.PLANNER,
        subdistrict=town.subdistrict,
        start=timezone.now() + timedelta(days=2),
        by=None,
    )
    assert accounts.revoke_role(grant=future, by=None) is None


def test_the_last_administrator_stays(cast: Cast) -> None:
    grant = cast.user("administrator").role_grants.get()
    with pytest.raises(AccountError):
        accounts.revoke_role(grant=grant, by=cast.user("administrator"))
    accounts.grant_role(
        user=cast.user("stranger"), role=Role.ADMINISTRATOR, subdistrict=cast.town.subdistrict, by=None
    )
    accounts.revoke_role(grant=grant, by=cast.user("administrator"))
    assert not cast.user("administrator").has_perm("gridmap.use_admin")


def test_tokens_are_shown_once_and_stored_as_digests(cast: Cast) -> None:
    user = cast.user("dispatcher")
    token, secret = accounts.make_token(user=user, name="hotline", by=user)
    assert secret.startswith("gm_")
    assert token.digest == ApiToken.digest_of(secret)
    assert secret not in str(list(ApiToken.objects.values())) + str(list(AuditEntry.objects.values()))
    with pytest.raises(PermissionDenied):
        accounts.make_token(user=user, name="theft", by=cast.user("administrator_0"))
    with pytest.raises(PermissionDenied):
        accounts.revoke_token(token=token, by=cast.user("planner"))
    accounts.make_token(user=user, name="by the administrator", by=cast.user("administrator"))
    for name, expires_at, field in (("", None, "name"), ("x", timezone.now(), "expires_at")):
        with pytest.raises(AccountError) as caught:
            accounts.make_token(user=user, name=name, expires_at=expires_at, by=user)
        assert caught.value.field == field
    accounts.revoke_token(token=token, by=user)
    token.refresh_from_db()
    assert token.revoked_at is not None


@pytest.mark.parametrize("step", ["grant_role", "revoke_role", "make_token"])
def test_nothing_is_saved_without_its_audit_entry(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def broken(**_values: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(AuditEntry.objects, "create", broken)
    counts = [model._default_manager.count() for model in (User, RoleGrant, ApiToken)]
    user, by = cast.user("planner"), cast.user("administrator")
    steps: dict[str, Callable[[], object]] = {
        "grant_role": lambda: accounts.grant_role(
            user=user, role=Role.CLERK, subdistrict=cast.town.subdistrict, by=by
        ),
        "revoke_role": lambda: accounts.revoke_role(grant=user.role_grants.get(), by=by),
        "make_token": lambda: accounts.make_token(user=user, name="x", by=user),
    }
    with pytest.raises(RuntimeError):
        steps[step]()
    assert [model._default_manager.count() for model in (User, RoleGrant, ApiToken)] == counts
    assert not RoleGrant.objects.exclude(revoked_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_revoke_each_other_leave_one(monkeypatch: pytest.MonkeyPatch) -> None:
    subdistrict = factories.make_subdistrict()
    users = [factories.make_user(name) for name in ("first", "second")]
    held = [factories.grant(user, Role.ADMINISTRATOR, subdistrict) for user in users]
    honest, both_asked = accounts._another_administrator, Barrier(2)

    def slowly(grant: RoleGrant, now: datetime) -> bool:
        found = honest(grant, now)
        # Where nothing holds the second one back, both have asked before either writes.
        with suppress(BrokenBarrierError):
            both_asked.wait(timeout=2)
        return found

    monkeypatch.setattr(accounts, "_another_administrator", slowly)
    refusals: list[str] = []

    def revoke(number: int) -> None:
        try:
            accounts.revoke_role(grant=held[number], by=User.objects.get(pk=users[1 - number].pk))
        except (AccountError, PermissionDenied) as error:
            refusals.append(type(error).__name__)
        finally:
            connection.close()

    threads = [Thread(target=revoke, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    now = timezone.now()
    assert (
        RoleGrant.objects.filter(role=Role.ADMINISTRATOR, revoked_at=None, period__contains=now).count() == 1
    )
    assert len(refusals) == 1


def test_accounts_that_open_households_make_their_own_tokens(cast: Cast) -> None:
    administrator, lead = cast.user("administrator"), cast.user("lead")
    with pytest.raises(PermissionDenied):
        accounts.make_token(user=lead, name="in another's name", by=administrator)
    accounts.make_token(user=lead, name="my own", by=lead)
    # nor does a token that was made before the role came
    fresh = cast.user("stranger")
    _, secret = accounts.make_token(user=fresh, name="kept", by=administrator)
    accounts.grant_role(user=fresh, role=Role.CLERK, subdistrict=cast.town.subdistrict, by=administrator)
    assert ApiToken.objects.get(digest=ApiToken.digest_of(secret)).revoked_at is None
    accounts.grant_role(user=fresh, role=Role.SPECIALIST, subdistrict=cast.town.subdistrict, by=administrator)
    assert ApiToken.objects.get(digest=ApiToken.digest_of(secret)).revoked_at is not None
    _, later = accounts.make_token(user=lead, name="another", by=lead)
    accounts.grant_role(
        user=lead,
        role=Role.SPECIALIST,
        subdistrict=cast.town.subdistrict,
        community=cast.town.communities[1],
        by=administrator,
    )
    assert ApiToken.objects.get(digest=ApiToken.digest_of(later)).revoked_at is None, "held the role already"


def test_nobody_makes_himself_a_specialist(cast: Cast) -> None:
    administrator = cast.user("administrator")
    with pytest.raises(AccountError, match="ask a colleague") as caught:
        accounts.grant_role(
            user=administrator, role=Role.SPECIALIST, subdistrict=cast.town.subdistrict, by=administrator
        )
    assert caught.value.field == "role"
    accounts.grant_role(
        user=administrator, role=Role.CLERK, subdistrict=cast.town.subdistrict, by=administrator
    )


def test_a_password_that_another_chose_opens_no_role(cast: Cast) -> None:
    at, administrator, lead = timezone.now(), cast.user("administrator"), cast.user("lead")
    _, secret = accounts.make_token(user=lead, name="mine", by=lead)
    assert visible_households(lead, at).exists()
    accounts.password_set_by_another(user=lead, by=administrator)
    assert not visible_households(lead, at).exists()
    assert not lead.get_all_permissions()
    assert ApiToken.objects.get(digest=ApiToken.digest_of(secret)).revoked_at is not None
    accounts.chose_password(user=lead)
    assert visible_households(lead, at).exists()
    for by in (cast.user("administrator_0"), lead):
        with pytest.raises(PermissionDenied):
            accounts.password_set_by_another(user=lead, by=by)
    told = AuditEntry.objects.filter(noun="password").order_by("id").values_list("verb", "object_id", "by")
    assert list(told) == [("set", str(lead.pk), administrator.pk), ("choose", str(lead.pk), lead.pk)]
