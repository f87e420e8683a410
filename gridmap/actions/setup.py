"""The first steps of a new installation: its administrator, its subdistrict."""

import secrets
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from boundaries.models import Subdistrict
from gridmap.actions.audit import record
from gridmap.models import Role, RoleGrant, User

SALT: Final = "gridmap.first-run"
CODE_LIFETIME_S: Final = 3600
# Any number will do as long as nothing else in the product takes this lock.
_LOCK: Final = 510_115_001
FOUNDING_ROLES: Final = (Role.ADMINISTRATOR, Role.PLANNER)


class SetupRefused(Exception):
    """The step may not be taken (any more); the message is for a person."""


def has_administrator() -> bool:
    """Whether anybody but demo logins administers this installation."""
    return (
        User.objects.filter(is_active=True, is_demo=False)
        .filter(Q(is_superuser=True) | Q(role_grants__role=Role.ADMINISTRATOR))
        .exists()
    )


def is_untouched() -> bool:
    """Whether the first-run page comes first: nobody can sign in yet, or there is no subdistrict."""
    return not User.objects.exists() or not Subdistrict.objects.exists()


def own_code() -> str:
    """The code that `make up` made for this installation; empty where there is none."""
    code: str = settings.SETUP_CODE
    return code


def new_setup_code() -> str:
    """A code that works for an hour on this installation; nothing is stored."""
    return signing.TimestampSigner(salt=SALT).sign(secrets.token_urlsafe(6))


def is_setup_code(given: str) -> bool:
    """Whether `given` is the installation's own code or one that `manage.py setup_code` printed lately."""
    given = given.strip()
    own = own_code()
    if own and secrets.compare_digest(given.encode(), own.encode()):
        return True
    try:
        signing.TimestampSigner(salt=SALT).unsign(given, max_age=CODE_LIFETIME_S)
    except signing.BadSignature:
        return False
    return True


@transaction.atomic
def create_administrator(*, code: str, username: str, password: str) -> User:
    """Make the first account. Works once: an installation that has an administrator refuses.

    Raises
    ------
    SetupRefused
        There is an administrator already, or the code is wrong.
    ValidationError
        The name or the password will not do; keyed by field.
    """
    with connection.cursor() as cursor:
        # Two people who hold the code at the same time must not both become the administrator.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    if has_administrator():
        raise SetupRefused(_("This installation already has an administrator. Sign in, or ask that person."))
    if not is_setup_code(code):
        raise SetupRefused(
            _("The setup code is wrong or older than an hour. Make a new one and type it again.")
        )
    user = User(username=username.strip(), is_staff=True, is_superuser=True)
    faults: dict[str, Any] = {}
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        faults |= error.message_dict
    try:
        validate_password(password, user)
    except ValidationError as error:
        faults["password"] = error.messages
    if faults:
        raise ValidationError(faults)
    user.set_password(password)
    user.save()
    record(by=user, verb="create", noun="administrator", object_id=user.pk)
    return user


@transaction.atomic
def create_subdistrict(*, by: User, **values: Any) -> Subdistrict:
    """Found a subdistrict; `by` becomes its administrator, and its planner until somebody else is.

    Raises
    ------
    ValidationError
        A value will not do; keyed by field.
    """
    subdistrict = Subdistrict(**values)
    subdistrict.full_clean()
    subdistrict.save()
    for role in FOUNDING_ROLES:
        RoleGrant.objects.create(user=by, role=role, subdistrict=subdistrict, granted_by=by)
    record(
        by=by,
        verb="create",
        noun="subdistrict",
        object_id=subdistrict.pk,
        details={"code": subdistrict.code, "metric_srid": subdistrict.metric_srid},
    )
    return subdistrict
