"""Permissions, and roles as plain classes that list them."""

from enum import StrEnum
from typing import ClassVar, Final

from gridmap.models import (
    Role,
)


class Permission(StrEnum):
    """What may be done. The first part names the package that asks."""

    VIEW_PLAN = "boundaries.view_plan"
    REDRAW_PLAN = "boundaries.redraw_plan"
    PUBLISH_PLAN = "boundaries.publish_plan"
    APPROVE_PLAN = "gridmap.approve_plan"
    """Refuse a submitted plan, or put it in force; never an own one."""
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
    """Looks after the staff: assignments, absences, load; approves plans; sees cases, no households."""

    role = Role.SUPERVISOR
    permissions = frozenset(
        {
            Permission.VIEW_PLAN,
            Permission.APPROVE_PLAN,
            Permission.VIEW_WORKLOAD,
            Permission.VIEW_ADDRESS,
            Permission.VIEW_STAFF,
            Permission.MANAGE_STAFF,
            Permission.VIEW_INCIDENT,
            Permission.CLOSE_INCIDENT,
        }
    )


class Administrator(RoleType):
    """Looks after accounts and reference data. The role itself opens no household and no case.

    It makes and unmakes those who may see them: not oneself, and not under another's name, see `actions.accounts`.
    An invented colleague is beyond that; each of its steps is recorded for the auditor.
    """

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
        | _on("gridmap", "view add change", "user", "servicecentre", "specialist", "workloadweight")
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
