"""The authentication backend that answers for roles."""

from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.db.models import Model
from django.utils import timezone

from boundaries.prepared import Statement
from gridmap.models import (
    AccessRecord,
    ApiToken,
    AuditEntry,
    User,
)
from gridmap.permissions.roles import (
    ROLES,
    Administrator,
)
from gridmap.permissions.rows import (
    may_administer,
    sees_by_coverage,
)
from gridmap.permissions.scopes import (
    grants,
    ground_of,
    reigns,
    scope,
)

_FIELDS: Final = [field.attname for field in User._meta.concrete_fields]
_COLUMNS: Final = ", ".join(f'"{field.column}"' for field in User._meta.concrete_fields)
# Asked at each request of whoever is signed in, hence prepared.
_ACCOUNT: Final = Statement(f'SELECT {_COLUMNS} FROM "{User._meta.db_table}" WHERE id = %(id)s')


class GridmapBackend(ModelBackend):
    """Sign-in by password, and permissions from role grants. Django's own permission tables are not asked."""

    def get_user(self, user_id: Any) -> User | None:
        """The account of a session, unless it may not sign in any more."""
        for row in _ACCOUNT.rows({"id": int(user_id)}):
            user: User = User.from_db("default", _FIELDS, list(row.values()))
            return user if self.user_can_authenticate(user) else None
        return None

    def user_can_authenticate(self, user: Any) -> bool:
        """Nobody who was switched off, and no demo login outside the demo; asked at each request as well."""
        if getattr(user, "is_demo", False) and settings.TOWN != "demo":
            return False
        return super().user_can_authenticate(user)

    def has_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        """Whether the user may do `perm`: to `obj`, or anywhere at all."""
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        at = timezone.now()
        if obj is None:
            return perm in self.get_all_permissions(user_obj)
        if isinstance(obj, User):
            return bool(scope(user_obj, perm, at)) and may_administer(user_obj, obj, at)
        if isinstance(obj, ApiToken):
            return bool(scope(user_obj, perm, at)) and may_administer(user_obj, obj.user, at)
        if isinstance(obj, AuditEntry | AccessRecord):
            return bool(scope(user_obj, perm, at))
        if any(perm in ROLES[held.role].covered for held in grants(user_obj, at)) and sees_by_coverage(
            user_obj, obj, at
        ):
            return True
        allowed = scope(user_obj, perm, at)
        return bool(allowed) and allowed.covers(ground_of(obj))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the user may do anything in an app."""
        return any(perm.startswith(f"{app_label}.") for perm in self.get_all_permissions(user_obj))

    def get_user_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """None: permissions come with roles."""
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """None: permissions come with roles."""
        return set()

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """Everything that the user may do, to `obj` or anywhere."""
        found: set[str] = set(Administrator.permissions) if reigns(user_obj) else set()
        for held in grants(user_obj, timezone.now()):
            found |= ROLES[held.role].permissions | ROLES[held.role].covered
        return found if obj is None else {perm for perm in found if self.has_perm(user_obj, perm, obj)}

    async def ahas_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        """`has_perm` for async callers."""
        return await sync_to_async(self.has_perm)(user_obj, perm, obj)

    async def aget_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """`get_all_permissions` for async callers."""
        return await sync_to_async(self.get_all_permissions)(user_obj, obj)
