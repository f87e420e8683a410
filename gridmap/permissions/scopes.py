"""Role grants in force, and the ground on which a permission holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatch
from typing import Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, Q
from django.utils import timezone
from psycopg.types.range import Range

from boundaries.models import (
    Building,
    Community,
    Compound,
    Grid,
    Land,
    Outline,
    Placement,
    Plan,
    Publication,
    Street,
    Subdistrict,
    Water,
)
from boundaries.prepared import Statement
from gridmap.models import (
    Absence,
    Assignment,
    DutyTelephone,
    HostContact,
    Household,
    Incident,
    Resident,
    RoleGrant,
    ServiceCentre,
    Specialist,
    User,
    WorkloadWeight,
)
from gridmap.permissions.roles import (
    ROLES,
    Administrator,
    Permission,
)

Visitor = User | AnonymousUser | AbstractBaseUser
_CACHE: Final = "_role_grants"
# Asked at each request of whoever is signed in, hence prepared.
_DRAWN: Final = Statement("SELECT DISTINCT community_id FROM boundaries_outline WHERE plan_id = %(plan)s")
_GRANTS: Final = Statement(
    "SELECT role, subdistrict_id, community_id, period FROM gridmap_rolegrant"
    " WHERE user_id = %(user)s AND revoked_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a user holds on some ground for a time; `community_id` None is the whole subdistrict."""

    role: str
    subdistrict_id: int
    community_id: int | None
    period: Range[datetime]


def grants(user: Visitor, at: datetime) -> list[Held]:
    """Role grants of `user` in force at the instant `at`. One query per user object, none for the public."""
    if not isinstance(user, User) or not user.is_active or user.pk is None or user.must_change_password:
        # whoever chose the password of another must not be able to act as that person, by page, API or token
        return []
    known: list[Held] | None = getattr(user, _CACHE, None)
    if known is None:
        known = [Held(**row) for row in _GRANTS.rows({"user": user.pk})]
        # getattr and setattr reach through the lazy object that a request carries
        setattr(user, _CACHE, known)
    return [held for held in known if at in held.period]


def forget_grants(user: Visitor) -> None:
    """Have the grants of this user object read again, after they were changed."""
    if hasattr(user, _CACHE):
        delattr(user, _CACHE)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an object lies: communities of one subdistrict, or none named for the subdistrict as a whole."""

    subdistrict_id: int | None
    community_ids: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Scope:
    """Ground on which something is permitted: whole subdistricts, and single communities."""

    subdistrict_ids: frozenset[int] = field(default_factory=frozenset)
    community_ids: frozenset[int] = field(default_factory=frozenset)
    everywhere: bool = False

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.subdistrict_ids or self.community_ids)

    def covers(self, place: Ground) -> bool:
        """Whether all of `place` lies in this scope."""
        if self.everywhere or place.subdistrict_id in self.subdistrict_ids:
            return True
        return bool(place.community_ids) and place.community_ids <= self.community_ids

    def rows(self, subdistrict: str = "subdistrict", community: str | None = "community") -> Q:
        """The scope as a condition on rows, given the lookup paths to their subdistrict and community."""
        if self.everywhere:
            return Q()
        condition = Q(**{f"{subdistrict}__in": self.subdistrict_ids})
        if community is not None and self.community_ids:
            condition |= Q(**{f"{community}__in": self.community_ids})
        return condition


def scope(user: Visitor, permission: str, at: datetime | None = None) -> Scope:
    """The ground on which `user` may do `permission` by role; what depends on coverage is not in it."""
    if reigns(user) and permission in Administrator.permissions:
        return Scope(everywhere=True)
    found = [
        held for held in grants(user, at or timezone.now()) if permission in ROLES[held.role].permissions
    ]
    return _scope_of(found)


def windows(user: Visitor, at: datetime) -> set[int]:
    """Subdistricts whose window the user sits at. One window accepts everything that is brought from its subdistrict,
    whichever community the role was granted for."""
    return {
        held.subdistrict_id
        for held in grants(user, at)
        if Permission.REPORT_INCIDENT in ROLES[held.role].permissions
    }


def _scope_of(found: Iterable[Held]) -> Scope:
    whole, parts = set(), set()
    for held in found:
        if held.community_id is None:
            whole.add(held.subdistrict_id)
        else:
            parts.add(held.community_id)
    return Scope(frozenset(whole), frozenset(parts))


def reigns(user: Visitor) -> bool:
    """A superuser is an administrator everywhere, and no more than that: personal data stays closed."""
    return isinstance(user, User) and user.is_active and user.is_superuser and not user.must_change_password


@singledispatch
def ground_of(obj: Model) -> Ground:
    """Where an object lies, for the scope of grants."""
    raise TypeError(f"nobody has said where a {type(obj).__name__} lies")


def _in(subdistrict_id: int, community_id: int | None) -> Ground:
    return Ground(subdistrict_id, frozenset() if community_id is None else frozenset({community_id}))


@ground_of.register
def _(obj: Subdistrict) -> Ground:
    return Ground(obj.pk)


@ground_of.register
def _(obj: Community) -> Ground:
    return _in(obj.subdistrict_id, obj.pk)


@ground_of.register(Compound)
@ground_of.register(Outline)
@ground_of.register(Publication)
@ground_of.register(DutyTelephone)
def _(obj: Compound | Outline | Publication | DutyTelephone) -> Ground:
    return ground_of(obj.community)


@ground_of.register(Building)
@ground_of.register(Incident)
@ground_of.register(RoleGrant)
@ground_of.register(Specialist)
def _(obj: Building | Incident | RoleGrant | Specialist) -> Ground:
    return _in(obj.subdistrict_id, obj.community_id)


@ground_of.register(Street)
@ground_of.register(Water)
@ground_of.register(Land)
@ground_of.register(WorkloadWeight)
def _(obj: Street | Water | Land | WorkloadWeight) -> Ground:
    return Ground(obj.subdistrict_id)


@ground_of.register
def _(obj: ServiceCentre) -> Ground:
    served = obj.communities.values_list("pk", flat=True) if obj.pk else ()
    return Ground(obj.subdistrict_id, frozenset(served))


@ground_of.register
def _(obj: Plan) -> Ground:
    communities = _DRAWN.rows({"plan": obj.pk})
    return Ground(obj.subdistrict_id, frozenset(row["community_id"] for row in communities))


@ground_of.register
def _(obj: Grid) -> Ground:
    communities = Outline.objects.in_force(timezone.now()).filter(grid=obj).order_by()
    return Ground(obj.subdistrict_id, frozenset(communities.values_list("community_id", flat=True)))


@ground_of.register(Assignment)
@ground_of.register(HostContact)
def _(obj: Assignment | HostContact) -> Ground:
    return ground_of(obj.grid)


@ground_of.register
def _(obj: Absence) -> Ground:
    return ground_of(obj.specialist)


@ground_of.register
def _(obj: Placement) -> Ground:
    return ground_of(obj.building)


@ground_of.register
def _(obj: Household) -> Ground:
    return ground_of(obj.building)


@ground_of.register
def _(obj: Resident) -> Ground:
    return ground_of(obj.household)
