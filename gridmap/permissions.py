"""Roles, what each may do, which rows each may see.

Three questions, three answers:

- *May this user do that, to this object?* `user.has_perm("boundaries.redraw_plan", plan)`, answered by
  `GridmapBackend`. Without an object: anywhere at all.
- *On which ground?* `scope(user, permission, at)`: subdistricts and communities.
- *Which rows?* `covered_grids`, `visible_households`, `visible_incidents` ...: one queryset each. Look a row up
  in the queryset and answer 404 when it is not there: a 403 would tell that it exists.

A specialist sees households of the grids that he or she covers at the moment, and nobody else sees any. `at` is
always the present where a request is served: a past date would open grids that were handed over since.

Grants are read once per user object, and Django makes one user object per request: one query a request.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import singledispatch
from typing import Any, ClassVar, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
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
from boundaries.models.constraints import in_force
from gridmap.models import (
    Absence,
    AccessRecord,
    ApiToken,
    Assignment,
    AuditEntry,
    DutyTelephone,
    HostContact,
    Household,
    Incident,
    IncidentState,
    Part,
    Resident,
    Role,
    RoleGrant,
    ServiceCentre,
    Specialist,
    User,
)

Visitor = User | AnonymousUser | AbstractBaseUser
_CACHE: Final = "_role_grants"


class Permission(StrEnum):
    """What may be done. The first part names the package that asks."""

    VIEW_PLAN = "boundaries.view_plan"
    REDRAW_PLAN = "boundaries.redraw_plan"
    PUBLISH_PLAN = "boundaries.publish_plan"
    IMPORT_AREAS = "boundaries.import_areas"
    IMPORT_HOUSEHOLDS = "gridmap.import_households"
    VIEW_WORKLOAD = "gridmap.view_workload"
    VIEW_ADDRESS = "gridmap.view_address"
    """Buildings with their numbers of households and people; no names."""
    VIEW_HOUSEHOLD = "gridmap.view_household"
    """Doors, names, tags. Only ever by coverage."""
    VIEW_STAFF = "gridmap.view_staff"
    """Lead, members, stand-in and host contact of a grid; the public learns only who answers now."""
    MANAGE_STAFF = "gridmap.manage_staff"
    VIEW_INCIDENT = "gridmap.view_incident"
    REPORT_INCIDENT = "gridmap.report_incident"
    CLOSE_INCIDENT = "gridmap.close_incident"
    VIEW_AUDIT = "gridmap.view_audit"
    USE_ADMIN = "gridmap.use_admin"
    GRANT_ROLE = "gridmap.grant_role"


def _on(app: str, actions: str, *models: str) -> frozenset[str]:
    """Permissions by the names that Django's admin asks for."""
    return frozenset(f"{app}.{action}_{model}" for action in actions.split() for model in models)


class RoleType:
    """What a role may do: `permissions` on the ground of the grant, `covered` only on grids covered at the moment."""

    role: ClassVar[Role]
    permissions: ClassVar[frozenset[str]] = frozenset()
    covered: ClassVar[frozenset[str]] = frozenset()


class Planner(RoleType):
    """Draws and publishes plans, brings files in; sees addresses and counts, never a name."""

    role = Role.PLANNER
    permissions = frozenset(
        {
            Permission.VIEW_PLAN,
            Permission.REDRAW_PLAN,
            Permission.PUBLISH_PLAN,
            Permission.IMPORT_AREAS,
            Permission.IMPORT_HOUSEHOLDS,
            Permission.VIEW_WORKLOAD,
            Permission.VIEW_ADDRESS,
            Permission.VIEW_STAFF,
        }
    )


class GridSpecialist(RoleType):
    """Works in the compounds: knows the households of the grids covered today."""

    role = Role.SPECIALIST
    permissions = frozenset({Permission.VIEW_STAFF, Permission.REPORT_INCIDENT})
    covered = frozenset(
        {
            Permission.VIEW_ADDRESS,
            Permission.VIEW_HOUSEHOLD,
            Permission.VIEW_INCIDENT,
            Permission.CLOSE_INCIDENT,
        }
    )


class Clerk(RoleType):
    """Accepts at the window whatever is brought and sees it through."""

    role = Role.CLERK
    permissions = frozenset(
        {
            Permission.VIEW_ADDRESS,
            Permission.VIEW_STAFF,
            Permission.VIEW_INCIDENT,
            Permission.REPORT_INCIDENT,
        }
    )


class Dispatcher(RoleType):
    """Takes incidents in, gives them to whoever is responsible, closes them."""

    role = Role.DISPATCHER
    permissions = frozenset(
        {
            Permission.VIEW_ADDRESS,
            Permission.VIEW_STAFF,
            Permission.VIEW_INCIDENT,
            Permission.REPORT_INCIDENT,
            Permission.CLOSE_INCIDENT,
        }
    )


class Supervisor(RoleType):
    """Looks after the staff: assignments, absences, load; sees cases, no households."""

    role = Role.SUPERVISOR
    permissions = frozenset(
        {
            Permission.VIEW_PLAN,
            Permission.VIEW_WORKLOAD,
            Permission.VIEW_ADDRESS,
            Permission.VIEW_STAFF,
            Permission.MANAGE_STAFF,
            Permission.VIEW_INCIDENT,
            Permission.CLOSE_INCIDENT,
        }
    )


class Administrator(RoleType):
    """Looks after accounts and reference data; sees no household and no case."""

    role = Role.ADMINISTRATOR
    permissions = (
        frozenset(
            {
                Permission.VIEW_PLAN,
                Permission.IMPORT_AREAS,
                Permission.IMPORT_HOUSEHOLDS,
                Permission.VIEW_STAFF,
                Permission.MANAGE_STAFF,
                Permission.USE_ADMIN,
                Permission.GRANT_ROLE,
            }
        )
        | _on("boundaries", "view add change", "subdistrict", "community", "compound", "building")
        | _on("boundaries", "view add change delete", "street", "water", "land")
        | _on("boundaries", "view", "grid", "outline", "publication", "revision", "placement", "edition")
        | _on("gridmap", "view add change", "user", "servicecentre", "specialist")
        | _on("gridmap", "view add", "rolegrant", "assignment", "absence", "hostcontact", "dutytelephone")
        | _on("gridmap", "view", "apitoken", "auditentry")
        | _on("procrastinate", "view", "procrastinatejob")
    )


class Auditor(RoleType):
    """Reads who did what and who read whom; no names of residents."""

    role = Role.AUDITOR
    permissions = frozenset({Permission.VIEW_AUDIT, Permission.USE_ADMIN}) | _on(
        "gridmap", "view", "auditentry", "accessrecord"
    )


ROLES: Final[dict[str, type[RoleType]]] = {
    kind.role.value: kind
    for kind in (Planner, GridSpecialist, Clerk, Dispatcher, Supervisor, Administrator, Auditor)
}


# --- Grants and ground ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a user holds on some ground for a time; `community_id` None is the whole subdistrict."""

    role: str
    subdistrict_id: int
    community_id: int | None
    period: Range[datetime]


def grants(user: Visitor, at: datetime) -> list[Held]:
    """Role grants of `user` in force at the instant `at`. One query per user object, none for the public."""
    if not isinstance(user, User) or not user.is_active or user.pk is None:
        return []
    known: list[Held] | None = getattr(user, _CACHE, None)
    if known is None:
        rows = RoleGrant.objects.filter(user=user, revoked_at=None)
        known = [Held(*row) for row in rows.values_list("role", "subdistrict_id", "community_id", "period")]
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
    if _reigns(user) and permission in Administrator.permissions:
        return Scope(everywhere=True)
    found = [
        held for held in grants(user, at or timezone.now()) if permission in ROLES[held.role].permissions
    ]
    return _scope_of(found)


def _scope_of(found: Iterable[Held]) -> Scope:
    whole, parts = set(), set()
    for held in found:
        if held.community_id is None:
            whole.add(held.subdistrict_id)
        else:
            parts.add(held.community_id)
    return Scope(frozenset(whole), frozenset(parts))


def _reigns(user: Visitor) -> bool:
    """A superuser is an administrator everywhere, and no more than that: personal data stays closed."""
    return isinstance(user, User) and user.is_active and user.is_superuser


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
def _(obj: Street | Water | Land) -> Ground:
    return Ground(obj.subdistrict_id)


@ground_of.register
def _(obj: ServiceCentre) -> Ground:
    served = obj.communities.values_list("pk", flat=True) if obj.pk else ()
    return Ground(obj.subdistrict_id, frozenset(served))


@ground_of.register
def _(obj: Plan) -> Ground:
    communities = obj.outlines.order_by().values_list("community_id", flat=True).distinct()
    return Ground(obj.subdistrict_id, frozenset(communities))


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


# --- Rows -----------------------------------------------------------------------------------------------------


def covered_grids(user: Visitor, at: datetime) -> QuerySet[Grid]:
    """Grids that the user covers as a specialist at the instant `at`.

    Lead or member; or stand-in where no lead is on duty: none assigned, out of service, or absent. It takes a
    specialist's role grant whose ground holds the grid, and a post that has not ended.
    """
    held = [grant for grant in grants(user, at) if grant.role == Role.SPECIALIST]
    if not held or not isinstance(user, User):
        return Grid.objects.none()
    own = Assignment.objects.in_force(at).filter(
        specialist__user=user, specialist__employed__contains=at, grid=OuterRef("pk")
    )
    away = Absence.objects.filter(in_force(at), specialist=OuterRef("specialist"))
    lead_on_duty = Assignment.objects.in_force(at).filter(
        ~Exists(away), grid=OuterRef("pk"), part=Part.LEAD, specialist__employed__contains=at
    )
    allowed = _scope_of(held)
    ground = Q(subdistrict__in=allowed.subdistrict_ids)
    if allowed.community_ids:
        outlines = Outline.objects.in_force(at).filter(community__in=allowed.community_ids)
        ground |= Q(Exists(outlines.filter(grid=OuterRef("pk"))))
    return Grid.objects.filter(
        Exists(own.filter(part__in=[Part.LEAD, Part.MEMBER]))
        | (Exists(own.filter(part=Part.STAND_IN)) & ~Exists(lead_on_duty)),
        ground,
    )


def visible_households(user: Visitor, at: datetime) -> QuerySet[Household]:
    """Households that the user may see with their names: those in buildings of covered grids at `at`."""
    return Household.objects.filter(
        existed__contains=at,
        building__placements__period__contains=at,
        building__placements__grid__in=covered_grids(user, at),
    )


def visible_residents(user: Visitor, at: datetime) -> QuerySet[Resident]:
    """Residents of the visible households who live there at `at`."""
    return Resident.objects.filter(period__contains=at, household__in=visible_households(user, at))


def visible_buildings(user: Visitor, at: datetime) -> QuerySet[Building]:
    """Buildings whose numbers of households and people the user may see."""
    condition = scope(user, Permission.VIEW_ADDRESS, at).rows()
    own = Placement.objects.filter(
        building=OuterRef("pk"), period__contains=at, grid__in=covered_grids(user, at)
    )
    return Building.objects.standing(at).filter(condition | Q(Exists(own)))


def visible_incidents(user: Visitor, at: datetime) -> QuerySet[Incident]:
    """Incidents on the ground of the user's roles; for a specialist those of covered grids and open ones of his own."""
    condition = scope(user, Permission.VIEW_INCIDENT, at).rows()
    if any(held.role == Role.SPECIALIST for held in grants(user, at)):
        condition |= Q(grid__in=covered_grids(user, at))
        condition |= Q(state=IncidentState.OPEN, specialist__user=user, specialist__employed__contains=at)
    return Incident.objects.filter(condition)


def visible_plans(user: Visitor, at: datetime) -> QuerySet[Plan]:
    """Drafts on the user's ground, and every plan that was ever published: those are public."""
    published = Publication.objects.filter(plan=OuterRef("pk"))
    allowed = scope(user, Permission.VIEW_PLAN, at)
    condition = Q(Exists(published)) | allowed.rows(community=None)
    if allowed.community_ids:
        outlines = Outline.objects.filter(plan=OuterRef("pk"))
        inside = outlines.filter(community__in=allowed.community_ids)
        condition |= Q(Exists(inside)) & ~Q(Exists(outlines.exclude(community__in=allowed.community_ids)))
    return Plan.objects.filter(condition)


def _colleagues(user: Visitor, permission: str, at: datetime) -> Q:
    """Rows with a column `by` written by people who hold or held a role on the user's ground."""
    allowed = scope(user, permission, at)
    if allowed.everywhere:
        return Q()
    return Q(by__in=RoleGrant.objects.filter(allowed.rows()).values("user"))


def visible_audit(user: Visitor, at: datetime) -> QuerySet[AuditEntry]:
    """What was done by people of the auditor's ground, and by the machinery for auditors of a subdistrict."""
    allowed = scope(user, Permission.VIEW_AUDIT, at)
    if not allowed:
        return AuditEntry.objects.none()
    condition = _colleagues(user, Permission.VIEW_AUDIT, at)
    return AuditEntry.objects.filter(condition | Q(by=None) if allowed.subdistrict_ids else condition)


def visible_access(user: Visitor, at: datetime) -> QuerySet[AccessRecord]:
    """Who among the people of the auditor's ground read whom; ids, no names."""
    if not scope(user, Permission.VIEW_AUDIT, at):
        return AccessRecord.objects.none()
    return AccessRecord.objects.filter(_colleagues(user, Permission.VIEW_AUDIT, at))


def _sees_by_coverage(user: Visitor, obj: Model, at: datetime) -> bool:
    """Whether the object lies in a grid that the user covers."""
    match obj:
        case Household():
            return visible_households(user, at).filter(pk=obj.pk).exists()
        case Resident():
            return visible_residents(user, at).filter(pk=obj.pk).exists()
        case Incident():
            return visible_incidents(user, at).filter(pk=obj.pk).exists()
        case Building():
            return Placement.objects.filter(
                building=obj, period__contains=at, grid__in=covered_grids(user, at)
            ).exists()
        case Grid():
            return covered_grids(user, at).filter(pk=obj.pk).exists()
    return False


def may_administer(user: Visitor, account: User, at: datetime | None = None) -> bool:
    """Whether `user` may change the account: all of its standing grants lie on the ground that `user` administers.

    Superusers are changed by superusers only.
    """
    if account.is_superuser:
        return _reigns(user)
    allowed = scope(user, Permission.GRANT_ROLE, at)
    held = RoleGrant.objects.filter(user=account, revoked_at=None) if account.pk else RoleGrant.objects.none()
    return bool(allowed) and all(allowed.covers(ground_of(grant)) for grant in held)


# --- The backend ----------------------------------------------------------------------------------------------


class GridmapBackend(ModelBackend):
    """Sign-in by password, and permissions from role grants. Django's own permission tables are not asked."""

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
        if any(perm in ROLES[held.role].covered for held in grants(user_obj, at)) and _sees_by_coverage(
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
        found: set[str] = set(Administrator.permissions) if _reigns(user_obj) else set()
        for held in grants(user_obj, timezone.now()):
            found |= ROLES[held.role].permissions | ROLES[held.role].covered
        return found if obj is None else {perm for perm in found if self.has_perm(user_obj, perm, obj)}

    async def ahas_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        """`has_perm` for async callers."""
        return await sync_to_async(self.has_perm)(user_obj, perm, obj)

    async def aget_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """`get_all_permissions` for async callers."""
        return await sync_to_async(self.get_all_permissions)(user_obj, obj)
