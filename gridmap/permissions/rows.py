"""Which rows a user may see: one queryset for each kind."""

from datetime import datetime

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from boundaries.models import (
    Building,
    Community,
    Grid,
    Outline,
    Placement,
    Plan,
    Publication,
)
from boundaries.models.constraints import in_force
from gridmap.models import (
    Absence,
    AccessRecord,
    Assignment,
    AuditEntry,
    Household,
    Incident,
    IncidentState,
    Part,
    Resident,
    Role,
    RoleGrant,
    User,
)
from gridmap.permissions.roles import (
    ROLES,
    Permission,
)
from gridmap.permissions.scopes import (
    Visitor,
    _scope_of,
    grants,
    ground_of,
    reigns,
    scope,
)


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
    return Incident.objects.filter(condition | _incidents_by_coverage(user, at))


def _incidents_by_coverage(user: Visitor, at: datetime) -> Q:
    """What the role of a specialist opens by itself, whatever other roles the user holds."""
    if not any(held.role == Role.SPECIALIST for held in grants(user, at)):
        return Q(pk__in=[])
    own = Q(state=IncidentState.OPEN, specialist__user=user, specialist__employed__contains=at)
    return Q(grid__in=covered_grids(user, at)) | own


def visible_plans(user: Visitor, at: datetime) -> QuerySet[Plan]:
    """Plans of which something is or was in force: those are public. Colleagues see what is to come, and drafts on
    their own ground."""
    published = Publication.objects.filter(plan=OuterRef("pk"))
    if not scope(user, Permission.VIEW_STAFF, at):
        published = published.begun(at)
    allowed = scope(user, Permission.VIEW_PLAN, at)
    if allowed.everywhere:
        return Plan.objects.all()
    condition = Q(Exists(published)) | allowed.rows(community=None)
    if allowed.community_ids:
        outlines = Outline.objects.filter(plan=OuterRef("pk"))
        inside = outlines.filter(community__in=allowed.community_ids)
        condition |= Q(Exists(inside)) & ~Q(Exists(outlines.exclude(community__in=allowed.community_ids)))
    return Plan.objects.filter(condition)


def shown_communities(user: Visitor, plan: Plan, at: datetime) -> QuerySet[Community]:
    """The communities of a visible plan whose grids the user may see: all for colleagues, for the public those in which
    the plan is or was in force. By code, without their outlines."""
    drawn = Outline.objects.filter(plan=plan)
    if not scope(user, Permission.VIEW_STAFF, at):
        begun = Publication.objects.begun(at).filter(plan=plan, community=OuterRef("community"))
        drawn = drawn.filter(Exists(begun))
    communities = Community.objects.filter(pk__in=drawn.order_by().values("community"))
    return communities.defer("outline").order_by("code")


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


def sees_by_coverage(user: Visitor, obj: Model, at: datetime) -> bool:
    """Whether the object lies in a grid that the user covers."""
    match obj:
        case Household():
            return visible_households(user, at).filter(pk=obj.pk).exists()
        case Resident():
            return visible_residents(user, at).filter(pk=obj.pk).exists()
        case Incident():
            # Not `visible_incidents`: what another role lets one see, this one does not let one close.
            return Incident.objects.filter(_incidents_by_coverage(user, at), pk=obj.pk).exists()
        case Building():
            return Placement.objects.filter(
                building=obj, period__contains=at, grid__in=covered_grids(user, at)
            ).exists()
        case Grid():
            return covered_grids(user, at).filter(pk=obj.pk).exists()
    return False


def is_trusted_with_households(account: User) -> bool:
    """Whether a standing grant, in force or to come, opens what is opened by coverage only."""
    roles = [name for name, kind in ROLES.items() if kind.covered]
    return RoleGrant.objects.filter(
        Q(period__endswith=None) | Q(period__endswith__gt=timezone.now()),
        user=account,
        revoked_at=None,
        role__in=roles,
    ).exists()


def may_administer(user: Visitor, account: User, at: datetime | None = None) -> bool:
    """Whether `user` may change the account: all of its standing grants lie on the ground that `user` administers.

    Superusers are changed by superusers only.
    """
    if account.is_superuser:
        return reigns(user)
    allowed = scope(user, Permission.GRANT_ROLE, at)
    held = RoleGrant.objects.filter(user=account, revoked_at=None) if account.pk else RoleGrant.objects.none()
    return bool(allowed) and all(allowed.covers(ground_of(grant)) for grant in held)
