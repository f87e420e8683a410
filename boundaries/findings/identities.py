"""Codes, grids and ground that others published meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from boundaries.findings.finding import ERROR, WARNING, Finding, place, shape
from boundaries.models import Basis, Community, Outline, Plan, Publication, PublicationState
from boundaries.topology import changed_ground


def codes(plan: Plan, communities: Sequence[Community], outlines: dict[int, list[Outline]]) -> list[Finding]:
    """Codes that another grid has or had in a plan that stands or stood: a code is never used again."""
    mine = {outline.code: outline for listed in outlines.values() for outline in listed}
    areas = {community.pk: community.code for community in communities}
    others = (
        Outline.objects.filter(
            code__in=mine,
            grid__subdistrict=plan.subdistrict_id,
            plan__publications__state=PublicationState.STANDING,
            plan__publications__community=F("community"),
        )
        .values_list("code", "grid")
        .distinct()
        .order_by("code")
    )
    found = []
    for code in dict.fromkeys(code for code, grid in others if grid != mine[code].grid_id):
        outline = mine[code]
        message = _(
            "Code %(code)s belongs or belonged to another grid. Give this one the next free code."
        ) % {"code": code}
        where = place(shape(outline.polygon))
        found.append(
            Finding(ERROR, "code_taken", message, areas[outline.community_id], code, outline.grid_id, **where)
        )
    return found


def elsewhere(
    communities: Sequence[Community], outlines: dict[int, list[Outline]], at: datetime
) -> list[Finding]:
    """Grids that a community outside this publication would still have in force: a grid belongs to one community."""
    mine = {outline.grid_id: outline for listed in outlines.values() for outline in listed}
    areas = {community.pk: community.code for community in communities}
    still = (
        Outline.objects.filter(
            Q(plan__publications__period__endswith=None) | Q(plan__publications__period__endswith__gt=at),
            grid__in=mine,
            plan__publications__community=F("community"),
            plan__publications__state=PublicationState.STANDING,
        )
        .exclude(community__in=communities)
        .select_related("community")
        .defer("community__outline", "polygon")
    )
    found = []
    for other in {each.grid_id: each for each in still}.values():
        outline = mine[other.grid_id]
        message = _("Grid %(grid)s is in force in %(community)s, which is not published with this plan.") % {
            "grid": outline.code,
            "community": other.community.title,
        }
        where = place(shape(outline.polygon))
        area = areas[outline.community_id]
        found.append(Finding(ERROR, "elsewhere", message, area, outline.code, outline.grid_id, **where))
    return found


def unsettled(plan: Plan, communities: Sequence[Community], at: datetime) -> list[Finding]:
    """Ground that others have published since the draft took it over: it must be settled first, or would be undone.

    ::

        plan A in force ──────── B is published ─────────────▶
              └─ draft of A ───────────────────── publish?  only once it knows what B changed

    A plan that was in force before may be published again as it is: that is what rolling back means. One brought in from a
    file took nothing over: what it replaces is said, no more.
    """
    bases = {
        basis.community_id: basis for basis in Basis.objects.filter(plan=plan, community__in=communities)
    }
    standing = Publication.objects.filter(community__in=communities, state=PublicationState.STANDING)
    was_in_force = set(standing.filter(plan=plan).values_list("community", flat=True))
    begun = {
        (each.plan_id, each.community_id): each.period.lower
        for each in standing.filter(plan__in=[basis.base_id for basis in bases.values()]).order_by("period")
    }
    found = []
    for publication in standing.filter(period__contains=at).select_related("plan").order_by("community"):
        community = next(each for each in communities if each.pk == publication.community_id)
        basis = bases.get(community.pk)
        base = basis.base_id if basis is not None else None
        if community.pk in was_in_force or publication.plan_id in {base, plan.pk}:
            continue
        if base is None and publication.published_at < plan.created_at:
            continue
        if base is not None and _is_newer(begun.get((base, community.pk)), publication):
            continue  # settled with one that is scheduled for later, and which knew this one
        words = {"plan": publication.plan.name, "community": community.title}
        if base is None:
            text = _(
                "“%(plan)s” was published in %(community)s since this plan was brought in: it would be replaced."
            )
            found.append(Finding(WARNING, "unsettled", text % words, community.code))
            continue
        spot = _first_change(base, publication.plan_id, community)
        if spot is None:
            continue
        text = (
            _(
                "“%(plan)s” was published in %(community)s since this draft was begun. Settle what it changed first."
            )
            if plan.frozen_at is None
            else _(
                "“%(plan)s” was published in %(community)s meanwhile. Copy this plan into a draft and settle it."
            )
        )
        found.append(Finding(ERROR, "unsettled", text % words, community.code, **spot))
    return found


def _is_newer(begins: datetime | None, publication: Publication) -> bool:
    """Whether a plan that begins then follows the publication."""
    return begins is not None and (publication.period.lower is None or begins > publication.period.lower)


def followed(communities: Sequence[Community], at: datetime) -> list[Finding]:
    """Plans that are scheduled to follow: they end this one, whatever it changed."""
    found = []
    for publication in (
        Publication.objects.filter(
            community__in=communities, state=PublicationState.STANDING, period__startswith__gt=at
        )
        .select_related("plan__subdistrict", "community")
        .defer("plan__subdistrict__outline")
        .order_by("community__code", "period")
    ):
        starts = publication.period.lower.astimezone(publication.plan.subdistrict.zone)
        message = _(
            "“%(plan)s” is scheduled to follow in %(community)s on %(time)s and ends this plan then."
        ) % {
            "plan": publication.plan.name,
            "community": publication.community.title,
            "time": date_format(starts, "Y-m-d H:i"),
        }
        where = place(shape(publication.community.outline))
        found.append(Finding(WARNING, "followed", message, publication.community.code, **where))
    return found


def _first_change(base: int, now: int, community: Community) -> dict[str, Any] | None:
    """A place where two plans of a community differ, the largest ground first; None where they do not."""
    before, after = (
        {outline.grid_id: outline for outline in Outline.objects.filter(plan=plan, community=community)}
        for plan in (base, now)
    )
    changes = changed_ground(
        {grid: shape(outline.polygon) for grid, outline in before.items()},
        {grid: shape(outline.polygon) for grid, outline in after.items()},
    )
    if changes:
        return place(max(changes, key=lambda change: change.area_m2).ground)
    said = [
        {grid: (each.code, each.name, each.name_en, each.kind) for grid, each in outlines.items()}
        for outlines in (before, after)
    ]
    odd = next((grid for grid in said[0] if said[0][grid] != said[1].get(grid)), None)
    return None if odd is None else place(shape(before[odd].polygon))
