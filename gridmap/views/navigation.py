"""The places of the service, and which of them a user may open."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gridmap.models import Role, User
from gridmap.permissions import Permission, grants


@dataclass(frozen=True)
class Place:
    """One entry of the rail: `url_name` without arguments, open to whoever may do any of `needs` (empty: all)."""

    url_name: str
    label: str | Promise
    icon: str
    summary: str | Promise
    needs: tuple[Permission, ...] = ()

    @property
    def url(self) -> str:
        """Where it is; empty where this installation does not have the page."""
        try:
            return reverse(self.url_name)
        except NoReverseMatch:
            return ""


PLACES = (
    Place("map", _("Map"), "map", _("The whole town: who is responsible where.")),
    Place(
        "specialist",
        _("My grids"),
        "walk",
        _("The households you cover today, on the map and as a list."),
        (Permission.VIEW_HOUSEHOLD,),
    ),
    Place(
        "dispatcher",
        _("Desk"),
        "window",
        _("Take in what happened and see every case through."),
        (Permission.REPORT_INCIDENT, Permission.VIEW_INCIDENT),
    ),
    Place(
        "planner",
        _("Loads"),
        "scale",
        _("The load of each grid and specialist beside the map."),
        (Permission.VIEW_WORKLOAD,),
    ),
    Place(
        "plans",
        _("Plans"),
        "layers",
        _("Drafts, what waits for approval, what is in force and what was."),
        (Permission.VIEW_PLAN,),
    ),
    Place(
        "today",
        _("Today"),
        "people",
        _("Who is on duty, who is away, which grids are vacant."),
        (Permission.MANAGE_STAFF,),
    ),
    Place(
        "imports",
        _("Imports"),
        "upload",
        _("Bring in files: check them first, then write them."),
        (Permission.IMPORT_AREAS, Permission.IMPORT_HOUSEHOLDS, Permission.MANAGE_STAFF),
    ),
    Place(
        "admin:index",
        _("Manage"),
        "gear",
        _("Reference data, users and their roles."),
        (Permission.USE_ADMIN,),
    ),
)

# Where a role's day begins, in the order of precedence for those who hold several.
WORKPLACES = (
    (Role.SPECIALIST, "specialist"),
    (Role.DISPATCHER, "dispatcher"),
    (Role.CLERK, "dispatcher"),
    (Role.PLANNER, "planner"),
    (Role.SUPERVISOR, "today"),
)


def roles_of(user: AbstractBaseUser | AnonymousUser) -> set[str]:
    """The roles that `user` holds now. One query a request, shared with the permissions."""
    return {held.role for held in grants(user, timezone.now())}


def places_for(user: AbstractBaseUser | AnonymousUser) -> list[Place]:
    """The places that `user` may open and that this installation has."""
    return [
        place
        for place in PLACES
        if (not place.needs or (isinstance(user, User) and any(user.has_perm(need) for need in place.needs)))
        and place.url
    ]


def workplace(roles: set[str], places: list[Place]) -> Place | None:
    """Where a holder of `roles` starts the day; None where the map is as good as anything."""
    names = {place.url_name: place for place in places}
    return next((names[name] for role, name in WORKPLACES if role in roles and name in names), None)
