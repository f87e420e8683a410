"""Putting a plan in force, and taking that back while it has not begun. Every write of a publication goes through here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.types.range import TimestamptzRange

from boundaries.actions.editions import GRIDS, raise_editions
from boundaries.actions.placements import place_buildings
from boundaries.actions.places import refresh_places
from boundaries.findings import RIM_M, Finding, coverage, outlines_of
from boundaries.models import Building, Community, Outline, Plan, Publication, PublicationState
from boundaries.models.constraints import since

__all__ = ["RIM_M", "SOON", "PublishError", "Published", "Withdrawn", "lock", "publish", "soon", "withdraw"]

SOON: Final = timedelta(seconds=10)
"""«At once» where a plan is in force already: a little ahead, so that the change lies in the future when it is
written, and nothing that was answered meanwhile becomes untrue."""


class PublishError(ValueError):
    """The plan cannot be put in force, or not be withdrawn; the message says why and where.

    `findings` are the errors that hold it up, where there are any.
    """

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did. `windows` maps a community's id to the time for which the plan now holds there."""

    publications: list[Publication]
    placements: int
    windows: dict[int, TimestamptzRange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What taking back did."""

    publications: list[Publication]
    placements: int


def soon() -> datetime:
    """The next whole second that is at least `SOON` away."""
    return (timezone.now() + SOON + timedelta(seconds=1)).replace(microsecond=0)


def lock(plan: Plan, communities: Collection[Community]) -> tuple[Plan, list[Community]]:
    """The plan and the communities, read again and held until the transaction ends.

    Always in this order, the communities by id: two planners who publish for one community wait for each other, and
    an edit of the draft, which holds the plan's row, happens before or after.
    """
    held = (
        Plan.objects.select_for_update(no_key=True, of=("self",))
        .select_related("subdistrict")
        .get(pk=plan.pk)
    )
    locked = list(
        Community.objects.select_for_update(no_key=True)
        .filter(pk__in=[community.pk for community in communities])
        .order_by("pk")
    )
    return held, locked


@transaction.atomic
def publish(
    *,
    plan: Plan,
    communities: Sequence[Community],
    at: datetime | None,
    released: Collection[int] = (),
    by: AbstractBaseUser | None,
) -> Published:
    """Put the plan's outlines of `communities` in force from `at` on.

    The publication in force at `at` ends there; one that was already scheduled for later stays and ends the
    new one. A community's first plan may begin in the past, any other not before now.

    Parameters
    ----------
    at : datetime or None
        With its time zone; None is at once, see `SOON`.
    released : collection of int
        Buildings set by hand to another grid that follow their ground from then on.

    Raises
    ------
    PublishError
        No outlines for a community, ground that is covered twice or not at all, or a start in the past.
    """
    held, locked = lock(plan, communities)
    if not locked:
        raise PublishError(_("Choose at least one community to publish."))
    if held.discarded_at is not None:
        raise PublishError(_("“%(plan)s” was put away. Take it back first.") % {"plan": held.name})
    outlines = outlines_of(held, locked)
    for community in locked:
        if faults := coverage(held, community, outlines[community.pk]):
            raise PublishError(faults[0].message, faults)
    start = at or soon()
    publications = [_put_in_force(held, community, start, by) for community in locked]
    for publication in publications:
        _let_go(publication, released)
    if held.frozen_at is None:
        held.frozen_at = timezone.now()
        held.save(update_fields=["frozen_at"])
    plan.frozen_at = held.frozen_at
    placed = place_buildings(communities=[each.pk for each in locked], since=start)
    _refresh(held, locked, start)
    windows = {publication.community_id: publication.period for publication in publications}
    return Published(publications, placed, windows)


def _put_in_force(plan: Plan, community: Community, at: datetime, by: AbstractBaseUser | None) -> Publication:
    standing = Publication.objects.filter(community=community, state=PublicationState.STANDING)
    if at < timezone.now() and standing.exists():
        raise PublishError(
            _("%(community)s already has a plan in force: a new one cannot begin in the past.")
            % {"community": community.title}
        )
    if standing.filter(period__startswith=at).exists():
        raise PublishError(
            _("Another plan of %(community)s begins at the very same time; withdraw it first.")
            % {"community": community.title}
        )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE boundaries_publication SET period = tstzrange(lower(period), %(at)s)
            WHERE community_id = %(community)s AND state = 'standing' AND period @> %(at)s
            """,
            {"at": at, "community": community.pk},
        )
    following = standing.filter(period__startswith__gt=at).order_by("period__startswith").first()
    period = since(at)
    if following is not None:
        period = type(period)(at, following.period.lower, "[)")
    publisher = None if by is None else by.pk
    return Publication.objects.create(
        plan=plan, community=community, period=period, published_by_id=publisher
    )


def _let_go(publication: Publication, released: Collection[int]) -> None:
    """Buildings of the community that follow their ground from this publication on, while it stands."""
    if released:
        own = Q(community=publication.community_id) | Q(community=None)
        publication.released.set(Building.objects.filter(own, pk__in=list(released)))


@transaction.atomic
def withdraw(*, publications: Sequence[Publication], by: AbstractBaseUser | None) -> Withdrawn:
    """Take back publications of one plan that have not begun: what held before them holds on.

    The predecessor's time reaches as far as the withdrawn one's did; the grids of buildings follow.

    Raises
    ------
    PublishError
        One has begun already, or was withdrawn before.
    """
    ids = [publication.pk for publication in publications]
    rows = Publication.objects.filter(pk__in=ids).select_related("plan", "community").order_by("community")
    found = list(rows)
    if not found:
        raise PublishError(_("There is nothing to withdraw."))
    plan, locked = lock(found[0].plan, [each.community for each in found])
    found = list(rows.all())  # as they are now that nobody else may change them
    now = timezone.now()
    for publication in found:
        words = {"plan": plan.name, "community": publication.community.title}
        if publication.state != PublicationState.STANDING:
            raise PublishError(_("“%(plan)s” was withdrawn already in %(community)s.") % words)
        if publication.period.lower is None or publication.period.lower <= now:
            raise PublishError(
                _(
                    "“%(plan)s” is in force in %(community)s already. To go back, publish the earlier plan again:"
                    " it keeps the record of what held meanwhile."
                )
                % words
            )
    for publication in found:
        _take_back(publication)
    start = min(publication.period.lower for publication in found)
    placed = place_buildings(communities=[each.pk for each in locked], since=start)
    _refresh(plan, locked, start)
    return Withdrawn(found, placed)


def _take_back(publication: Publication) -> None:
    publication.state = PublicationState.WITHDRAWN
    publication.save(update_fields=["state"])
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE boundaries_publication SET period = tstzrange(lower(period), %(until)s)
            WHERE community_id = %(community)s AND state = 'standing' AND upper(period) = %(start)s
            """,
            {
                "start": publication.period.lower,
                "until": publication.period.upper,
                "community": publication.community_id,
            },
        )


def _refresh(plan: Plan, communities: Sequence[Community], start: datetime) -> None:
    """Bring the search box up to date with what holds from `start` on, and wake the maps."""
    held = Q(
        plan__publications__community=F("community"),
        plan__publications__period__overlap=since(start - timedelta(microseconds=1)),
    )
    touched = Outline.objects.filter(held | Q(plan=plan), community__in=communities)
    refresh_places(plan.subdistrict, grids=list(touched.values_list("grid", flat=True).distinct()))
    raise_editions(GRIDS)
