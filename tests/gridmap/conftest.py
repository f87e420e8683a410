"""The fixed cast: everybody whom the permission tests ask about. Who holds what is drawn in `Cast`."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from gridmap.models import Part, Role, Specialist, SpecialistKind, User
from tests import factories
from tests.factories import Town


@dataclass
class Cast:
    """Accounts by the name of their part; `cast["lead"]`.

    Grids of the town (row, column) and who answers there now:

        +-----------------------+-----------------------+-----------------------+
        | 0,0 lead              | 0,1 neighbour         | 0,2 neighbour,        |
        |                       |                       |     member: member    |
        +-----------------------+-----------------------+-----------------------+
        | 1,0 away (on leave),  | 1,1 busy (on duty),   | 1,2 stand_in is lead  |
        |     stand_in answers  |     stand_in waits    |                       |
        +-----------------------+-----------------------+-----------------------+
        | 2,0 vacant since      | 2,1 vacant            | 2,2 dedicated, busy   |
        |     former left       |                       |                       |
        +-----------------------+-----------------------+-----------------------+

    Office roles exist twice: for the subdistrict (`dispatcher`) and for community 0 only (`dispatcher_0`).
    `former` still has an account and, by mistake, the role; `ex_planner` had the role until yesterday;
    `stranger` has an account and no role; `outsider` is a planner of another subdistrict.
    """

    town: Town
    users: dict[str, User | AnonymousUser]
    specialists: dict[str, Specialist]

    def __getitem__(self, name: str) -> User | AnonymousUser:
        return self.users[name]

    def user(self, name: str) -> User:
        """The account of that name; not for `anonymous`."""
        found = self.users[name]
        assert isinstance(found, User)
        return found


OFFICE = (Role.PLANNER, Role.CLERK, Role.DISPATCHER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
FIELD = ("lead", "neighbour", "member", "away", "busy", "stand_in", "former")


@pytest.fixture
def town(db: None) -> Town:
    """The tiny town with households."""
    return factories.make_town()


@pytest.fixture
def cast(town: Town) -> Cast:
    """The town with everybody of the fixed cast."""
    users: dict[str, User | AnonymousUser] = {"anonymous": AnonymousUser()}
    specialists: dict[str, Specialist] = {}
    now = timezone.now()
    for role in OFFICE:
        users[role.value] = user = factories.make_user(role.value)
        factories.grant(user, role, town.subdistrict)
        users[f"{role.value}_0"] = user = factories.make_user(f"{role.value}_0")
        factories.grant(user, role, town.subdistrict, town.communities[0])
    for number, name in enumerate(FIELD, start=1):
        users[name] = user = factories.make_user(name)
        factories.grant(user, Role.SPECIALIST, town.subdistrict)
        left = name == "former"
        specialists[name] = factories.make_specialist(
            town,
            f"{number:03}",
            user=user,
            employed=factories.during(None, now - timedelta(days=30)) if left else None,
        )
    specialists["clerk"] = factories.make_specialist(
        town, "099", user=_account(users["clerk"]), kind=SpecialistKind.SERVICE
    )
    users["stranger"] = factories.make_user("stranger")
    users["ex_planner"] = factories.make_user("ex_planner")
    factories.grant(
        _account(users["ex_planner"]),
        Role.PLANNER,
        town.subdistrict,
        period=factories.during(None, now - timedelta(days=1)),
    )
    elsewhere = factories.make_subdistrict("510115002", "邻近街道", "Elsewhere")
    users["outsider"] = factories.make_user("outsider")
    factories.grant(_account(users["outsider"]), Role.PLANNER, elsewhere)
    _duties(town, specialists)
    return Cast(town, users, specialists)


def _account(user: User | AnonymousUser) -> User:
    assert isinstance(user, User)
    return user


def _duties(town: Town, who: dict[str, Specialist]) -> None:
    grids = town.grids
    factories.assign(who["lead"], grids[0][0])
    factories.assign(who["neighbour"], grids[0][1], grids[0][2])
    factories.assign(who["member"], grids[0][2], part=Part.MEMBER)
    factories.assign(who["away"], grids[1][0])
    factories.send_away(who["away"])
    factories.assign(who["busy"], grids[1][1], grids[2][2])
    factories.assign(who["stand_in"], grids[1][2])
    factories.assign(who["stand_in"], grids[1][0], grids[1][1], part=Part.STAND_IN)
    left = timezone.now() - timedelta(days=30)
    factories.assign(who["former"], grids[2][0], period=factories.during(factories.FOUNDED, left))
