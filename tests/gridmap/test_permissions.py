"""Truth tables: everybody of the fixed cast x what may be done x where."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth import authenticate
from django.contrib.gis.geos import Point
from django.db.models import Model
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from boundaries.models import Community, Plan
from boundaries.models.constraints import since
from gridmap import permissions
from gridmap.models import (
    AccessRecord,
    Assignment,
    AuditEntry,
    Household,
    Part,
    Resident,
    Role,
    SpecialistKind,
)
from gridmap.permissions import Permission
from tests import factories
from tests.factories import Town
from tests.gridmap.conftest import Cast

EVERYBODY = [
    *("anonymous", "stranger", "outsider", "ex_planner", "former"),
    *("lead", "neighbour", "member", "away", "busy", "stand_in"),
    *("planner", "planner_0", "clerk", "clerk_0", "dispatcher", "dispatcher_0", "supervisor", "supervisor_0"),
    *("administrator", "administrator_0", "auditor", "auditor_0"),
]
GRIDS = ["00", "01", "02", "10", "11", "12", "20", "21", "22"]

# Whose households (and residents) who sees, by grid. Everybody who is not named here sees none.
#            grid  0,0 0,1 0,2 1,0 1,1 1,2 2,0 2,1 2,2
HOUSEHOLDS = {
    "lead":      " x   .   .   .   .   .   .   .   . ",
    "neighbour": " .   x   x   .   .   .   .   .   . ",
    "member":    " .   .   x   .   .   .   .   .   . ",
    "away":      " .   .   .   x   .   .   .   .   . ",
    "busy":      " .   .   .   .   x   .   .   .   x ",
    "stand_in":  " .   .   .   x   .   x   .   .   . ",
}  # fmt: skip

# What the roles permit, asked of community 0 and of community 1 and of the subdistrict as a whole.
#  x = everywhere in the subdistrict, 0 = in community 0 only, . = nowhere
HOLDERS = ["planner", "planner_0", "clerk", "clerk_0", "dispatcher", "dispatcher_0", "supervisor", "supervisor_0",
           "administrator", "administrator_0", "auditor", "auditor_0", "lead", "former"]  # fmt: skip
#                                  planner  clerk  dispat. superv. admin.  auditor  lead former
BY_ROLE = {
    "boundaries.view_plan":        " x 0     . .     . .     x 0     x 0     . .     .     . ",
    "boundaries.redraw_plan":      " x 0     . .     . .     . .     . .     . .     .     . ",
    "boundaries.publish_plan":     " x 0     . .     . .     . .     . .     . .     .     . ",
    "gridmap.approve_plan":        " . .     . .     . .     x 0     . .     . .     .     . ",
    "boundaries.import_areas":     " x 0     . .     . .     . .     x 0     . .     .     . ",
    "gridmap.import_households":   " x 0     . .     . .     . .     x 0     . .     .     . ",
    "gridmap.view_workload":       " x 0     . .     . .     x 0     . .     . .     .     . ",
    "gridmap.view_address":        " x 0     x 0     x 0     x 0     . .     . .     .     . ",
    "gridmap.view_household":      " . .     . .     . .     . .     . .     . .     .     . ",
    "gridmap.view_staff":          " x 0     x 0     x 0     x 0     x 0     . .     x     x ",
    "gridmap.manage_staff":        " . .     . .     . .     x 0     x 0     . .     .     . ",
    "gridmap.view_incident":       " . .     x 0     x 0     x 0     . .     . .     .     . ",
    "gridmap.report_incident":     " . .     x 0     x 0     . .     . .     . .     x     x ",
    "gridmap.close_incident":      " . .     . .     x 0     x 0     . .     . .     .     . ",
    "gridmap.view_audit":          " . .     . .     . .     . .     . .     x 0     .     . ",
    "gridmap.use_admin":           " . .     . .     . .     . .     x 0     x 0     .     . ",
    "gridmap.grant_role":          " . .     . .     . .     . .     x 0     . .     .     . ",
    "boundaries.change_community": " . .     . .     . .     . .     x 0     . .     .     . ",
    "boundaries.change_plan":      " . .     . .     . .     . .     . .     . .     .     . ",
    "gridmap.view_auditentry":     " . .     . .     . .     . .     x 0     x 0     .     . ",
    "gridmap.view_accessrecord":   " . .     . .     . .     . .     . .     x 0     .     . ",
    "gridmap.view_resident":       " . .     . .     . .     . .     . .     . .     .     . ",
}  # fmt: skip

# Incidents seen, by the grid in which they happened; "out" is one outside every grid.
#                  grid  0,0 0,1 0,2 1,0 1,1 1,2 2,0 2,1 2,2 out
INCIDENTS = {
    "dispatcher":      " x   x   x   x   x   x   x   x   x   x ",
    "dispatcher_0":    " x   x   x   .   .   .   .   .   .   . ",
    "clerk":           " x   x   x   x   x   x   x   x   x   x ",
    "clerk_0":         " x   x   x   .   .   .   .   .   .   . ",
    "supervisor":      " x   x   x   x   x   x   x   x   x   x ",
    "supervisor_0":    " x   x   x   .   .   .   .   .   .   . ",
    "lead":            " x   .   .   .   .   .   .   .   .   . ",
    "neighbour":       " .   x   x   .   .   .   .   .   .   . ",
    "member":          " .   .   x   .   .   .   .   .   .   . ",
    "away":            " .   .   .   x   .   .   .   .   .   . ",
    "busy":            " .   .   .   .   x   .   .   .   x   . ",
    "stand_in":        " .   .   .   x   .   x   .   .   .   . ",
}  # fmt: skip


def test_tables_are_whole(cast: Cast) -> None:
    """Nobody and nothing was forgotten in the tables above."""
    assert set(EVERYBODY) == set(cast.users)
    assert set(Permission) <= set(BY_ROLE)
    assert all(len(row.split()) == len(HOLDERS) for row in BY_ROLE.values())


def test_households_by_grid(cast: Cast) -> None:
    at = timezone.now()
    for name in EVERYBODY:
        expected = set(_marked(HOUSEHOLDS.get(name, ""), GRIDS))
        user = cast[name]
        seen = permissions.visible_households(user, at).select_related("building")
        where = {_cell(cast, household.building.point) for household in seen}
        assert where == expected, name
        assert seen.count() == 4 * len(expected), name
        assert permissions.visible_residents(user, at).count() == 8 * len(expected), name


def test_has_perm_on_single_households_agrees_with_the_list(cast: Cast) -> None:
    at = timezone.now()
    for name in EVERYBODY:
        user = cast[name]
        listed = set(permissions.visible_households(user, at))
        asked = {each for each in Household.objects.all() if user.has_perm("gridmap.view_household", each)}
        assert asked == listed, name


@pytest.mark.parametrize("permission", BY_ROLE)
def test_permissions_by_role(cast: Cast, permission: str) -> None:
    marks = dict(zip(HOLDERS, BY_ROLE[permission].split(), strict=True))
    for name in EVERYBODY:
        # all grid specialists hold the same role as `lead`
        default = marks["lead"] if name in {"neighbour", "member", "away", "busy", "stand_in"} else "."
        mark = marks.get(name, default)
        places: tuple[Model, ...] = (
            cast.town.communities[0],
            cast.town.communities[1],
            cast.town.subdistrict,
        )
        if name == "outsider":
            places = (*places, cast.town.plan)
        got = [cast[name].has_perm(permission, place) for place in places]
        expected = {"x": [True, True, True], "0": [True, False, False], ".": [False] * 3}[mark]
        assert got[:3] == expected, name
        assert not any(got[3:]), name


def test_incidents_by_grid(cast: Cast) -> None:
    incidents = {}
    for cell in GRIDS:
        incident = factories.make_incident(cast.town, int(cell[0]), int(cell[1]))
        incidents[incident.pk] = cell
    outside = factories.make_incident(cast.town, 0, 0)
    outside.grid, outside.community, outside.match = None, None, "outside"
    outside.save()
    incidents[outside.pk] = "out"
    for name in EVERYBODY:
        expected = set(_marked(INCIDENTS.get(name, ""), [*GRIDS, "out"]))
        seen = permissions.visible_incidents(cast[name], timezone.now())
        assert {incidents[each.pk] for each in seen} == expected, name


def test_specialist_keeps_an_open_incident_after_the_grid_was_handed_over(cast: Cast) -> None:
    incident = factories.make_incident(cast.town, 2, 1, specialist=cast.specialists["lead"])
    at = timezone.now()
    assert permissions.visible_incidents(cast["lead"], at).get() == incident
    assert cast["lead"].has_perm("gridmap.close_incident", incident)
    assert not cast["neighbour"].has_perm("gridmap.close_incident", incident)
    incident.state, incident.closed_at = "closed", at
    incident.save()
    assert not permissions.visible_incidents(cast["lead"], at).exists()


def test_plans_drafts_on_own_ground_published_ones_for_all(cast: Cast) -> None:
    draft = Plan.objects.create(subdistrict=cast.town.subdistrict, name="Draft for community 0")
    _outline(draft, cast, 0)
    wide = Plan.objects.create(subdistrict=cast.town.subdistrict, name="Draft for two")
    _outline(wide, cast, 0)
    _outline(wide, cast, 1)
    seen = {
        name: set(permissions.visible_plans(cast[name], timezone.now()).values_list("name", flat=True))
        - {cast.town.plan.name}
        for name in EVERYBODY
    }
    both, first = {draft.name, wide.name}, {draft.name}
    expected = {name: set[str]() for name in EVERYBODY}
    expected |= {"planner": both, "supervisor": both, "administrator": both}
    expected |= {"planner_0": first, "supervisor_0": first, "administrator_0": first}
    assert seen == expected
    assert cast["planner_0"].has_perm("boundaries.redraw_plan", draft)
    assert not cast["planner_0"].has_perm("boundaries.redraw_plan", wide)
    assert cast["planner"].has_perm("boundaries.redraw_plan", wide)
    assert not cast["ex_planner"].has_perm("boundaries.redraw_plan", draft)


def test_stand_in_takes_over_a_vacant_grid_and_one_whose_lead_left(cast: Cast) -> None:
    at = timezone.now()
    grid = cast.town.grids[2][1]
    factories.assign(cast.specialists["stand_in"], grid, part=Part.STAND_IN)
    assert grid in permissions.covered_grids(cast["stand_in"], at)
    former = factories.assign(cast.specialists["former"], grid)[0]
    assert grid in permissions.covered_grids(cast["stand_in"], at)
    assert not permissions.covered_grids(cast["former"], at).exists()
    former.delete()
    factories.assign(cast.specialists["lead"], grid)
    assert grid not in permissions.covered_grids(cast["stand_in"], at)


def test_revoked_absence_and_revoked_assignment_do_not_count(cast: Cast) -> None:
    at = timezone.now()
    cast.specialists["away"].absences.update(revoked_at=at)
    assert cast.town.grids[1][0] not in permissions.covered_grids(cast["stand_in"], at)
    Assignment.objects.filter(specialist=cast.specialists["lead"]).update(revoked_at=at)
    assert not permissions.visible_households(cast["lead"], at).exists()


def test_published_redraw_moves_the_scope_at_its_effective_time(cast: Cast) -> None:
    """A building of grid 0,0 goes to grid 0,1 tomorrow: its households change hands then and not before."""
    now = timezone.now()
    tomorrow = now + timedelta(days=1)
    building = cast.town.buildings[0][0][1]
    old = building.placements.get()
    old.period = factories.during(factories.FOUNDED, tomorrow)
    old.save()
    building.placements.create(grid=cast.town.grids[0][1], period=since(tomorrow))

    def sees(name: str, at: datetime) -> bool:
        households = permissions.visible_households(cast[name], at)
        return households.filter(building=building).count() == 2

    moments = (now, tomorrow - timedelta(microseconds=1), tomorrow)
    assert [sees("lead", at) for at in moments] == [True, True, False]
    assert [sees("neighbour", at) for at in moments] == [False, False, True]


def test_specialists_grant_limits_coverage(cast: Cast) -> None:
    """Assignments in two communities, the role in one: only that one is open."""
    at = timezone.now()
    user = factories.make_user("two_communities")
    factories.grant(user, Role.SPECIALIST, cast.town.subdistrict, cast.town.communities[2])
    specialist = factories.make_specialist(cast.town, "050", user=user)
    factories.assign(specialist, cast.town.grids[2][1])
    factories.assign(specialist, cast.town.grids[0][0], part=Part.MEMBER)
    assert list(permissions.covered_grids(user, at)) == [cast.town.grids[2][1]]


def test_no_grant_no_household_whatever_the_assignment_says(cast: Cast) -> None:
    user = cast.user("lead")
    user.role_grants.update(revoked_at=timezone.now())
    permissions.forget_grants(user)
    assert not permissions.visible_households(user, timezone.now()).exists()


def test_superuser_administers_everywhere_and_sees_no_household(cast: Cast) -> None:
    root = factories.make_user("root")
    root.is_superuser = True
    root.save()
    assert root.has_perm("boundaries.change_community", cast.town.communities[0])
    assert root.has_perm("gridmap.grant_role", cast.town.subdistrict)
    household = Household.objects.all()[0]
    assert not root.has_perm("gridmap.view_household", household)
    assert not root.has_perm("gridmap.view_resident")
    assert not permissions.visible_households(root, timezone.now()).exists()
    assert not permissions.visible_incidents(root, timezone.now()).exists()


def test_accounts_are_administered_within_the_scope(cast: Cast) -> None:
    root = factories.make_user("root")
    root.is_superuser = True
    root.save()

    def may(name: str, target: str) -> bool:
        return cast[name].has_perm("gridmap.change_user", cast.user(target))

    assert may("administrator", "planner")
    assert may("administrator", "planner_0")
    assert may("administrator_0", "planner_0")
    assert not may("administrator_0", "planner")
    assert not may("administrator_0", "administrator")
    assert not may("administrator", "outsider")
    assert not may("planner", "planner_0")
    assert not cast["administrator"].has_perm("gridmap.change_user", root)
    assert root.has_perm("gridmap.change_user", root)


def test_audit_is_for_auditors_of_the_ground(cast: Cast) -> None:
    for name in ("lead", "dispatcher_0", "outsider"):
        AuditEntry.objects.create(by=cast.user(name), verb="close", noun="incident")
        AccessRecord.objects.create(
            by=cast.user(name), noun="household", object_ids=[1], fields=["name"], purpose="visit"
        )
    AuditEntry.objects.create(by=None, verb="purge", noun="care")
    at = timezone.now()
    seen = {name: permissions.visible_audit(cast[name], at).count() for name in EVERYBODY}
    read = {name: permissions.visible_access(cast[name], at).count() for name in EVERYBODY}
    assert {name: count for name, count in seen.items() if count} == {"auditor": 3, "auditor_0": 1}
    assert {name: count for name, count in read.items() if count} == {"auditor": 2, "auditor_0": 1}


def test_addresses_with_counts(cast: Cast) -> None:
    at = timezone.now()
    count = {name: permissions.visible_buildings(cast[name], at).count() for name in EVERYBODY}
    expected = dict.fromkeys(EVERYBODY, 0)
    for role in ("planner", "clerk", "dispatcher", "supervisor"):
        expected |= {role: 18, f"{role}_0": 6}
    expected |= {name: 2 * row.count("x") for name, row in HOUSEHOLDS.items()}
    assert count == expected


def test_queries_are_bounded(cast: Cast, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    user = cast["stand_in"]
    with django_assert_num_queries(2):
        households = list(permissions.visible_households(user, timezone.now()).select_related("building"))
    assert len(households) == 8
    with django_assert_num_queries(1):
        list(permissions.visible_households(user, timezone.now()))
    with django_assert_num_queries(0):
        assert user.has_perm("gridmap.view_household")
        assert user.has_perm("gridmap.view_staff", cast.town.subdistrict)
        assert not cast["anonymous"].has_perm("gridmap.view_household", households[0])
        assert not permissions.visible_households(cast["anonymous"], timezone.now())


def test_demo_logins_are_refused_outside_the_demo(cast: Cast) -> None:
    factories.make_user("demo_planner", is_demo=True)
    client = Client()
    with override_settings(TOWN="demo"):
        assert authenticate(username="demo_planner", password=factories.PASSWORD) is not None
        assert client.login(username="demo_planner", password=factories.PASSWORD)
    with override_settings(TOWN="empty"):
        assert authenticate(username="demo_planner", password=factories.PASSWORD) is None
        session_user = client.session["_auth_user_id"]
        assert permissions.GridmapBackend().get_user(session_user) is None, "an open session ends too"
        assert authenticate(username="planner", password=factories.PASSWORD) == cast["planner"]


def test_switched_off_account_may_nothing(cast: Cast) -> None:
    user = cast.user("planner")
    user.is_active = False
    user.save()
    assert authenticate(username="planner", password=factories.PASSWORD) is None
    assert not user.has_perm("boundaries.redraw_plan")
    assert not permissions.scope(user, Permission.REDRAW_PLAN)


def test_service_specialist_with_an_account_covers_nothing(cast: Cast) -> None:
    clerk = cast.specialists["clerk"]
    assert clerk.kind == SpecialistKind.SERVICE
    factories.assign(clerk, cast.town.grids[2][1])
    assert not permissions.visible_households(cast["clerk"], timezone.now()).exists()


@pytest.mark.parametrize("permission", sorted(permissions.GridSpecialist.covered))
def test_specialist_has_covered_permissions_without_object(cast: Cast, permission: str) -> None:
    """Asked without an object the answer opens the menu; rows are decided one by one."""
    assert cast["lead"].has_perm(permission)
    assert not cast["lead"].has_perm(permission, cast.town.communities[0])


def _marked(row: str, columns: list[str]) -> list[str]:
    return [column for column, mark in zip(columns, row.split(), strict=bool(row)) if mark == "x"]


def _cell(cast: Cast, point: Point) -> str:
    for row in range(3):
        for column in range(3):
            if factories.cell(row, column).contains(point):
                return f"{row}{column}"
    raise AssertionError(point)


def _outline(plan: Plan, cast: Cast, row: int) -> None:
    community: Community = cast.town.communities[row]
    plan.outlines.create(
        grid=cast.town.grids[row][0],
        community=community,
        code=f"{community.code}001",
        name="Draft grid",
        polygon=community.outline,
    )


def test_a_second_role_opens_nothing_for_the_first(cast: Cast) -> None:
    """A clerk sees cases and closes none; the role of a specialist who covers nothing adds nothing to that."""
    both = cast.user("clerk")
    factories.grant(both, Role.SPECIALIST, cast.town.subdistrict)
    incident = factories.make_incident(cast.town, 0, 0)
    assert both.has_perm(Permission.VIEW_INCIDENT, incident)
    assert not both.has_perm(Permission.CLOSE_INCIDENT, incident)
    own = factories.make_incident(cast.town, 1, 0, specialist=cast.specialists["clerk"])
    assert both.has_perm(Permission.CLOSE_INCIDENT, own), "handed to this very person"
    assert cast["lead"].has_perm(Permission.CLOSE_INCIDENT, incident)


def test_has_perm_on_single_residents(cast: Cast) -> None:
    at = timezone.now()
    for name in EVERYBODY:
        listed = set(permissions.visible_residents(cast[name], at))
        asked = {
            each for each in Resident.objects.all() if cast[name].has_perm("gridmap.view_household", each)
        }
        assert asked == listed, name
    for name, rows in (("planner", 3), ("planner_0", 1), ("auditor", 0)):
        # a permission of the ground, asked of a person who lives on it: an answer, no TypeError
        asked = {each for each in Resident.objects.all() if cast[name].has_perm("gridmap.view_address", each)}
        assert len(asked) == 24 * rows, name


def test_superuser_sees_drafts(town: Town) -> None:
    """Whoever founds the installation is bound to no ground, and publishes its first draft."""
    founder = factories.make_user("founder")
    founder.is_superuser = True
    founder.save()
    draft = Plan.objects.create(subdistrict=town.subdistrict, name="draft")
    assert draft in permissions.visible_plans(founder, timezone.now())
