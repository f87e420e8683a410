"""Publishing a plan: checks, people, approval, the time from which it holds."""

import json
from math import ceil
from typing import Any

import shapely
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from boundaries import features
from boundaries.actions import settling
from boundaries.actions.draft_errors import DraftError
from boundaries.actions.plans import PublishError, soon
from boundaries.findings import ERROR
from boundaries.models import Community, Plan, Publication, PublicationState
from gridmap.actions import plans as actions
from gridmap.carrying_over import KEPT, propose
from gridmap.comparison import summary
from gridmap.models import HandOver, Release, Submission, SubmissionState, User
from gridmap.permissions import Permission
from gridmap.plan_checks import Checked, check
from gridmap.plan_states import state_of
from gridmap.views.context import map_data
from gridmap.views.plan_pages import plan_for
from gridmap.views.publishing_inputs import Inputs, of_submission, read, require_sound


@login_required
@require_GET
def plan_publish(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; asked by htmx, its body alone, with other communities or another time."""
    user, plan = plan_for(request, pk)
    context = page_context(request, user, plan)
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx
        return render(request, "plans/publish_body.html", context)
    return render(request, "plans/publish.html", context)


@login_required
@require_GET
def plan_grids(request: HttpRequest, pk: int) -> HttpResponse:
    """GET …/grids.geojson: the outlines of the plan, for its map."""
    _user, plan = plan_for(request, pk)
    response = HttpResponse(features.plan_collection(plan.pk), content_type="application/geo+json")
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def plan_submit(request: HttpRequest, pk: int) -> HttpResponse:
    """Submit the plan, or publish it where nobody has to approve."""
    user, plan = plan_for(request, pk, Permission.PUBLISH_PLAN)
    inputs = read(request.POST, plan, communities_of(plan))
    try:
        require_sound(inputs)
        if actions.needs_approval(plan, inputs.communities):
            actions.submit(
                plan=plan,
                communities=inputs.communities,
                head=inputs.head,
                effective_at=inputs.at,
                note=inputs.note,
                choices=inputs.choices,
                confirmed=inputs.confirmed,
                by=user,
            )
            messages.success(request, _("“%(plan)s” waits for approval.") % {"plan": plan.name})
        else:
            if plan.head_id != inputs.head:
                raise PublishError(
                    _("“%(plan)s” was edited meanwhile. Look at it again.") % {"plan": plan.name}
                )
            done = actions.publish_plan(
                plan=plan,
                communities=inputs.communities,
                at=inputs.at,
                choices=inputs.choices,
                confirmed=inputs.confirmed,
                by=user,
            )
            _say_published(request, done.release)
    except PublishError as error:
        return _refused(request, user, plan, error)
    return redirect("plan-publish", pk=pk)


@login_required
@require_POST
def plan_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve, refuse or take back the submission that the form names."""
    decision = request.POST.get("decision", "")
    need = Permission.PUBLISH_PLAN if decision == "take_back" else Permission.APPROVE_PLAN
    user, plan = plan_for(request, pk, need)
    number = request.POST.get("submission", "")
    submission = get_object_or_404(
        Submission.objects.select_related("plan"), pk=number if number.isdecimal() else 0, plan=plan
    )
    try:
        if decision == "approve":
            _say_published(request, actions.approve(submission=submission, by=user).release)
        elif decision == "refuse":
            actions.refuse(submission=submission, answer=request.POST.get("answer", ""), by=user)
            messages.success(request, _("Refused. The planner reads why."))
        elif decision == "take_back":
            actions.take_back(submission=submission, by=user)
            messages.success(request, _("Taken back: the draft is as it was."))
        else:
            raise Http404
    except PublishError as error:
        return _refused(request, user, plan, error)
    return redirect("plan-publish", pk=pk)


@login_required
@require_POST
def plan_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw what has not begun."""
    user, plan = plan_for(request, pk, Permission.PUBLISH_PLAN, Permission.APPROVE_PLAN)
    number = request.POST.get("release", "")
    release = get_object_or_404(Release, pk=number if number.isdecimal() else 0, plan=plan)
    try:
        actions.withdraw(release=release, by=user)
    except PublishError as error:
        return _refused(request, user, plan, error)
    messages.success(request, _("Withdrawn: what held before holds on, with its people."))
    return redirect("plan-publish", pk=pk)


@login_required
@require_POST
def plan_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Take over what others published in one community since the draft began."""
    user, plan = plan_for(request, pk, Permission.REDRAW_PLAN, drafts_only=True)
    head, code = request.POST.get("head", ""), request.POST.get("community", "")
    community = get_object_or_404(Community.objects.filter(outlines__plan=plan).distinct(), code=code)
    try:
        done = settling.settle(
            plan=plan,
            community=community,
            prefer="theirs" if request.POST.get("prefer") == "theirs" else "mine",
            head=int(head) if head.isdecimal() and len(head) < 19 else None,
            by=user,
        )
    except DraftError as error:
        return _refused(request, user, plan, PublishError(str(error)))
    area = sum(each.area_m2 for each in done.disputes)
    messages.success(
        request,
        _("%(community)s is settled; %(area)s m² were in dispute. It can be undone in the editor.")
        % {"community": community.title, "area": f"{area:,.0f}"},
    )
    return redirect("plan-publish", pk=pk)


def communities_of(plan: Plan) -> list[Community]:
    """The communities of which the plan holds grids, by code."""
    return list(
        Community.objects.filter(outlines__plan=plan)
        .select_related("subdistrict")
        .distinct()
        .order_by("code")
    )


def page_context(request: HttpRequest, user: User, plan: Plan) -> dict[str, Any]:
    """Everything that the page shows for the plan in its present state."""
    inside = communities_of(plan)
    if plan.frozen_at is not None:
        # Publishing again is for the communities in which something else holds.
        held = Publication.objects.begun(timezone.now()).filter(plan=plan, period__contains=timezone.now())
        here = set(held.values_list("community", flat=True))
        inside = [community for community in inside if community.pk not in here]
    sent = request.POST if request.method == "POST" else request.GET
    state = state_of(plan)
    latest = plan_submissions(plan)
    waiting = next((each for each in latest if each.state == SubmissionState.WAITING), None)
    if waiting is not None and waiting.head_id == plan.head_id:
        inputs = of_submission(waiting)
    else:
        inputs = read(sent, plan, inside)
        waiting = None
    releases = plan_releases(plan)
    coming = next((each for each in releases if _may_still_go(each)), None)
    may_submit = user.has_perm(Permission.PUBLISH_PLAN, plan)
    may_approve = user.has_perm(Permission.APPROVE_PLAN, plan)
    is_open = plan.discarded_at is None and bool(inside) and coming is None
    again = plan.frozen_at is not None and coming is None
    asks = is_open and (plan.frozen_at is None or waiting is not None or "again" in sent)
    context: dict[str, Any] = {
        "plan": plan,
        "state": state,
        "inputs": inputs,
        "inside": inside,
        "waiting": waiting,
        "is_own": waiting is not None and waiting.submitted_by_id == user.pk,
        "refused": next((each for each in latest[:1] if each.state == SubmissionState.REFUSED), None),
        "submissions": latest,
        "releases": releases,
        "coming": coming,
        "begins_in": ceil((coming.effective_at - timezone.now()).total_seconds()) if coming else 0,
        "may_submit": may_submit,
        "may_approve": may_approve,
        "may_again": again and may_submit and bool(inside) and "again" not in sent,
        "asks": asks,
        "needs_approval": actions.needs_approval(plan, inputs.communities),
        "map_data": map_data(plan.subdistrict),
        "hand_overs": hand_overs(releases),
        "may_compare": asks and user.has_perm(Permission.VIEW_WORKLOAD, plan),
        "is_editing": asks and waiting is None and may_submit,
        "may_copy": state.code in {"in_force", "earlier", "withdrawn"}
        and user.has_perm(Permission.REDRAW_PLAN, plan),
        "may_redraw": plan.frozen_at is None and user.has_perm(Permission.REDRAW_PLAN, plan),
    }
    if asks and inputs.communities:
        context |= looked_at(plan, inputs)
    return context


def looked_at(plan: Plan, inputs: Inputs) -> dict[str, Any]:
    """Findings, posts, what changes hands: as it would be if published as the form says."""
    at = inputs.at if inputs.at is not None and inputs.at > timezone.now() else soon()
    proposal = propose(plan, inputs.communities, at=at, choices=inputs.choices)
    checked: Checked = check(
        plan,
        inputs.communities,
        proposal,
        confirmed=inputs.confirmed,
        released=inputs.choices.released,
    )
    rows = [
        {
            "posts": posts,
            "lead": proposal.name(posts.lead),
            "before": proposal.name(posts.before),
            "stand_in": proposal.name(posts.stand_in),
            "members": [proposal.name(each) for each in posts.members],
            "candidates": proposal.candidates.get(posts.community_id, []),
        }
        for posts in proposal.grids
        if posts.needs_look
    ]
    titles = {posts.grid_id: posts for posts in proposal.grids}
    over = any(each.code == "unsettled" and each.level == ERROR for each in checked.errors)
    open_ground = settling.unsettled(plan) if over and plan.frozen_at is None else []
    return {
        "open_ground": open_ground,
        "open_features": ground_features(open_ground),
        "at": at,
        "is_late": inputs.at is not None and inputs.at <= timezone.now(),
        "checked": checked,
        "by_hand": [each for each in checked.findings if each.code == "by_hand"],
        "rows": rows,
        "kept": sum(posts.change == KEPT for posts in proposal.grids),
        "gifts": [
            {
                "giver": proposal.name(gift.giver),
                "taker": proposal.name(gift.taker),
                "grid": titles[gift.grid_id],
                "buildings": gift.buildings,
                "households": gift.households,
            }
            for gift in proposal.gifts
        ],
        "summary": summary(plan, at=at, leads=proposal.leads()),
        "found": [finding.as_json() for finding in checked.findings],
    }


def ground_features(open_ground: list[settling.Unsettled]) -> list[dict[str, Any]]:
    """Ground that others changed since, and ground in dispute, for the map."""
    return [
        {
            "type": "Feature",
            "geometry": json.loads(shapely.to_geojson(part.ground)),
            "properties": {"kind": kind},
        }
        for one in open_ground
        for kind, parts in (("changed", one.changed), ("disputed", one.disputes))
        for part in parts
    ]


def plan_submissions(plan: Plan) -> list[Submission]:
    """The plan's submissions, the newest first."""
    return list(
        Submission.objects.filter(plan=plan)
        .select_related("submitted_by", "decided_by")
        .prefetch_related("communities")
        .order_by("-id")[:50]
    )


def plan_releases(plan: Plan) -> list[Release]:
    """The plan's releases with their publications, the newest first."""
    rows = Publication.objects.select_related("community").order_by("community__code")
    return list(
        Release.objects.filter(plan=plan)
        .select_related("made_by", "withdrawn_by")
        .prefetch_related(Prefetch("publications", queryset=rows))
        .order_by("-id")[:50]
    )


def hand_overs(releases: list[Release]) -> list[HandOver]:
    """What these releases ask specialists to hand over; only whether the note is there, never what it says."""
    standing = [release.pk for release in releases if release.withdrawn_at is None]
    return list(
        HandOver.objects.filter(release__in=standing)
        .select_related("giver", "taker", "release")
        .defer("note")
        .order_by("-release", "id")
    )


def _may_still_go(release: Release) -> bool:
    """Whether it can be withdrawn: it stands, and none of it has begun."""
    return (
        release.withdrawn_at is None
        and release.effective_at > timezone.now()
        and all(each.state == PublicationState.STANDING for each in release.publications.all())
    )


def _say_published(request: HttpRequest, release: Release) -> None:
    at = date_format(release.effective_at.astimezone(release.plan.subdistrict.zone), "Y-m-d H:i")
    messages.success(
        request,
        _("“%(plan)s” takes effect on %(at)s.") % {"plan": release.plan.name, "at": at},
    )


def _refused(request: HttpRequest, user: User, plan: Plan, error: PublishError) -> HttpResponse:
    """The page with what holds it up; nothing was written."""
    plan.refresh_from_db(fields=["head", "frozen_at", "discarded_at"])
    context = page_context(request, user, plan) | {"fault": str(error)}
    return render(request, "plans/publish.html", context, status=422)
