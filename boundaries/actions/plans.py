"""Putting a plan in force. Every write of a publication goes through here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.actions.editions import GRIDS, raise_editions
from boundaries.actions.placements import place_buildings
from boundaries.actions.places import refresh_places
from boundaries.locating import metres_per_degree
from boundaries.models import Community, Outline, Plan, Publication, PublicationState
from boundaries.models.constraints import since

RIM_M = 0.002
"""How far outlines may stand off the community's surveyed outline, in metres."""


class PublishError(ValueError):
    """The plan cannot be put in force; the message says why and where."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did."""

    publications: list[Publication]
    placements: int


@transaction.atomic
def publish(
    *, plan: Plan, communities: Sequence[Community], at: datetime, by: AbstractBaseUser | None
) -> Published:
    """Put the plan's outlines of `communities` in force from `at` on.

    The publication in force at `at` ends there; one that was already scheduled for later stays and ends the
    new one. A community's first plan may begin in the past, any other not before now.

    Raises
    ------
    PublishError
        No outlines for a community, ground that is covered twice or not at all, or a start in the past.
    """
    # Two planners who publish for one community wait for each other here, in one order.
    locked = list(
        Community.objects.select_for_update(no_key=True)
        .filter(pk__in=[community.pk for community in communities])
        .order_by("pk")
    )
    if not locked:
        raise PublishError(_("Choose at least one community to publish."))
    for community in locked:
        _require_coverage(plan, community)
    publications = [_put_in_force(plan, community, at, by) for community in locked]
    if plan.frozen_at is None:
        plan.frozen_at = timezone.now()
        plan.save(update_fields=["frozen_at"])
    placed = place_buildings(communities=[community.pk for community in locked], since=at)
    refresh_places(
        plan.subdistrict,
        grids=list(
            Outline.objects.filter(community__in=locked)
            .filter(Q(plan=plan) | Q(plan__publications__community__in=locked))
            .values_list("grid", flat=True)
            .distinct()
        ),
    )
    raise_editions(GRIDS)
    return Published(publications, placed)


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


def _require_coverage(plan: Plan, community: Community) -> None:
    """Every place of the community belongs to exactly one outline, and the rim is the surveyed one."""
    outlines = list(Outline.objects.filter(plan=plan, community=community).order_by("code"))
    if not outlines:
        raise PublishError(
            _("The plan “%(plan)s” holds no grid of %(community)s.")
            % {"plan": plan.name, "community": community.title}
        )
    kx, ky = metres_per_degree(community.outline.centroid.y)

    def metric(wkb: bytes) -> shapely.Geometry:
        return shapely.transform(shapely.from_wkb(wkb), lambda xy: xy * np.array([kx, ky]))

    polygons = [metric(bytes(outline.polygon.wkb)) for outline in outlines]
    for index, overlap in _overlaps(polygons):
        raise PublishError(
            _("Grids %(a)s and %(b)s of %(community)s overlap by %(area)s m².")
            % {
                "a": outlines[index[0]].code,
                "b": outlines[index[1]].code,
                "community": community.title,
                "area": f"{overlap:,.2f}",
            }
        )
    surveyed = metric(bytes(community.outline.wkb))
    covered = shapely.union_all(polygons)
    allowed = RIM_M * surveyed.length
    for ground, message in (
        (surveyed.difference(covered), _("%(area)s m² of %(community)s belong to no grid of the plan.")),
        (covered.difference(surveyed), _("Grids reach %(area)s m² beyond the outline of %(community)s.")),
    ):
        if ground.area > allowed:
            raise PublishError(message % {"area": f"{ground.area:,.1f}", "community": community.title})


def _overlaps(polygons: list[shapely.Geometry]) -> list[tuple[tuple[int, int], float]]:
    """Pairs that share more ground than their rims may differ by, with the area in square metres."""
    left, right = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    found = []
    for a, b in zip(left, right, strict=True):
        shared = polygons[a].intersection(polygons[b])
        if a < b and shared.area > RIM_M * shared.length:
            found.append(((int(a), int(b)), float(shared.area)))
    return found
