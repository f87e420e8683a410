"""All plans: drafts, what waits for approval, what is in force and what was."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from boundaries.actions.draft_errors import DraftError
from boundaries.models import Basis, Community, Outline, Plan, Publication, PublicationState
from gridmap.actions import drafts
from gridmap.models import User
from gridmap.permissions import Permission, scope, visible_plans
from gridmap.plan_states import PlanState, states_of
from gridmap.views.plan_pages import plan_for
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
    unsettled: bool = False
    """Another plan of one of its communities was published since it was begun."""

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


@login_required
@require_POST
def plan_start(request: HttpRequest) -> HttpResponse:
    """Start a draft of the communities chosen, from what is in force or from another plan."""
    user = require(request, Permission.REDRAW_PLAN)
    codes = set(request.POST.getlist("community"))
    chosen = [community for community in startable(user) if community.code in codes]
    base, given = None, request.POST.get("base", "")
    if given:
        base = get_object_or_404(visible_plans(user, timezone.now()), pk=given if given.isdecimal() else 0)
    name = request.POST.get("name", "")
    try:
        if not chosen:
            raise DraftError("communities", _("Choose one or more communities."))
        draft = drafts.start_draft(
            subdistrict=chosen[0].subdistrict, communities=chosen, base=base, name=name, by=user
        )
    except DraftError as error:
        told = {"fault": str(error), "name": name, "codes": codes, "base_chosen": given}
        return render(request, "plans/plans.html", page_context(request, user) | told, status=422)
    return redirect(first_page(draft))


@login_required
@require_POST
def plan_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Copy, rename, put away or take back one plan."""
    user, plan = plan_for(request, pk, Permission.REDRAW_PLAN)
    act, name = request.POST.get("act", ""), request.POST.get("name", "")
    try:
        if act == "copy":
            return redirect(first_page(drafts.copy_draft(plan=plan, name=name, by=user)))
        if act == "rename":
            drafts.describe_draft(plan=plan, name=name, by=user)
        elif act in {"put_away", "take_back"}:
            drafts.put_away(plan=plan, away=act == "put_away", by=user)
        else:
            raise Http404
    except DraftError as error:
        return render(
            request, "plans/plans.html", page_context(request, user) | {"list_fault": str(error)}, status=422
        )
    if act == "put_away":
        messages.success(request, _("“%(plan)s” was put away. It can be taken back.") % {"plan": plan.name})
    return redirect("plans")


def first_page(plan: Plan) -> str:
    """Where one goes on with a draft: the editor, where this installation has it."""
    try:
        return reverse("plan-edit", args=[plan.pk])
    except NoReverseMatch:
        return reverse("plan-publish", args=[plan.pk])


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
    for plan_id in _published_over([plan for plan in plans_ if plan.frozen_at is None]):
        rows[plan_id].unsettled = True
    return rows


def _published_over(drafts_: list[Plan]) -> set[int]:
    """Drafts of which a community was published over since they took it over. Two queries."""
    bases = list(
        Basis.objects.filter(plan__in=drafts_, base__isnull=False).values_list("plan", "community", "base")
    )
    standing = Publication.objects.filter(
        community__in={community for _plan, community, _base in bases}, state=PublicationState.STANDING
    )
    newest = dict(standing.order_by("period").values_list("community", "plan"))
    return {plan for plan, community, base in bases if newest.get(community, base) != base}
