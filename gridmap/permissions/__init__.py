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

from gridmap.permissions.audience import audience, audience_of
from gridmap.permissions.backend import GridmapBackend
from gridmap.permissions.roles import (
    ROLES,
    Administrator,
    Auditor,
    Clerk,
    Dispatcher,
    GridSpecialist,
    Permission,
    Planner,
    RoleType,
    Supervisor,
)
from gridmap.permissions.rows import (
    covered_grids,
    is_trusted_with_households,
    may_administer,
    shown_communities,
    visible_access,
    visible_audit,
    visible_buildings,
    visible_households,
    visible_incidents,
    visible_plans,
    visible_residents,
)
from gridmap.permissions.scopes import (
    Ground,
    Scope,
    Visitor,
    forget_grants,
    grants,
    ground_of,
    scope,
    windows,
)

__all__ = [
    "ROLES",
    "Administrator",
    "Auditor",
    "Clerk",
    "Dispatcher",
    "GridSpecialist",
    "GridmapBackend",
    "Ground",
    "Permission",
    "Planner",
    "RoleType",
    "Scope",
    "Supervisor",
    "Visitor",
    "audience",
    "audience_of",
    "covered_grids",
    "forget_grants",
    "grants",
    "ground_of",
    "is_trusted_with_households",
    "may_administer",
    "scope",
    "shown_communities",
    "visible_access",
    "visible_audit",
    "visible_buildings",
    "visible_households",
    "visible_incidents",
    "visible_plans",
    "visible_residents",
    "windows",
]
