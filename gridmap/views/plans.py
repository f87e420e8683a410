"""All plans: drafts, what waits for approval, what is in force and what was."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from boundaries.models import Community, Outline, Plan
from gridmap.models import User
from gridmap.permissions import Permission, scope, visible_plans
from gridmap.plan_states import PlanState, states_of
from gridmap.views.visitor import require

PAGE: Final = 50
SECTIONS: Final[tuple[tuple[str, str | Promise, frozenset[str]], ...]] = (
    ("submitted", gettext_lazy("Waiting for approval"), frozenset({"submitted"})),
    ("drafts", gettext_lazy("Drafts"), frozenset({"draft", "refused"})),
    ("scheduled", gettext_lazy("Scheduled"), frozenset({"scheduled"})),
    ("in-force", gettext_lazy("In force"), frozenset({"in_force"})),
)
PAST: Final[tuple[tuple[str, str | Promise, frozenset[str]], ...]] = (
    ("earlier", gettext_lazy("Earlier"), frozenset({"earlier", "withdrawn"})),
    ("put-away", gettext_lazy("Put away"), frozenset({"discarded"})),
)


@dataclass(slots=True)
class Row:
    """One plan of the list."""

    plan: Plan
    state: PlanState
    communities: list[str] = field(default_factory=list)
    grids: int = 0
    may_redraw: bool = False

    @property
    def few(self) -> list[str]:
        """The first communities by name."""
        return self.communities[:3]

    @property
    def more(self) -> int:
        """How many communities `few` leaves out."""
        return max(0, len(self.communities) - 3)


@login_required
@require_GET
def plans(request: HttpRequest) -> HttpResponse:
    """The page. Half a dozen queries, however many plans."""
    user = require(request, Permission.VIEW_PLAN)
    return render(request, "plans/plans.html", page_context(request, user))


def page_context(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the list shows: sections of rows, the past a page at a time."""
    now = timezone.now()
    found = list(
        visible_plans(user, now)
        .select_related("subdistrict", "base", "created_by")
        .defer("subdistrict__outline")
        .order_by("-id")
    )
    states = states_of(found, now)
    shown = request.GET.get("show", "")
    past = next((each for each in PAST if each[0] == shown), None)
    counts = {key: sum(states[plan.pk].code in codes for plan in found) for key, _title, codes in PAST}
    if past is None:
        sections = [
            (key, title, [plan for plan in found if states[plan.pk].code in codes])
            for key, title, codes in SECTIONS
        ]
        page = None
    else:
        page = Paginator([plan for plan in found if states[plan.pk].code in past[2]], PAGE).get_page(
            request.GET.get("page")
        )
        sections = [(past[0], past[1], list(page))]
    listed = [plan for _key, _title, plans_ in sections for plan in plans_]
    rows = _rows(listed, states, user)
    return {
        "sections": [(key, title, [rows[plan.pk] for plan in plans_]) for key, title, plans_ in sections],
        "past": [(key, title, counts[key]) for key, title, _codes in PAST],
        "shown": past[0] if past else "",
        "page": page,
        "is_empty": not found,
        "may_start": bool(scope(user, Permission.REDRAW_PLAN, now)),
        "communities": startable(user),
        "bases": [
            plan for plan in found if plan.frozen_at is not None and states[plan.pk].code != "withdrawn"
        ],
    }


def startable(user: User) -> list[Community]:
    """Communities of which the user may redraw a plan."""
    allowed = scope(user, Permission.REDRAW_PLAN, timezone.now())
    if not allowed:
        return []
    rows = Community.objects.filter(allowed.rows(community="pk")).defer("outline").order_by("code")
    return list(rows.select_related("subdistrict").defer("subdistrict__outline", "outline"))


def _rows(plans_: list[Plan], states: dict[int, PlanState], user: User) -> dict[int, Row]:
    rows = {plan.pk: Row(plan, states[plan.pk]) for plan in plans_}
    grounds: dict[int, set[int]] = {plan.pk: set() for plan in plans_}
    outlines = Outline.objects.filter(plan__in=rows).order_by("community__code")
    titles: dict[int, Community] = {}
    for plan_id, community_id in outlines.values_list("plan", "community"):
        rows[plan_id].grids += 1
        grounds[plan_id].add(community_id)
    for community in Community.objects.filter(pk__in=set().union(*grounds.values()) if grounds else ()).defer(
        "outline"
    ):
        titles[community.pk] = community
    allowed = scope(user, Permission.REDRAW_PLAN, timezone.now())
    for plan in plans_:
        inside = sorted((titles[pk] for pk in grounds[plan.pk]), key=lambda each: each.code)
        rows[plan.pk].communities = [community.title for community in inside]
        rows[plan.pk].may_redraw = (
            allowed.everywhere
            or plan.subdistrict_id in allowed.subdistrict_ids
            or (bool(grounds[plan.pk]) and grounds[plan.pk] <= allowed.community_ids)
        )
    return rows
