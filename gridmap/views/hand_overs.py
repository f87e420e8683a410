"""Hand-overs: what a redraw asks specialists to tell each other, and which notes the supervisor misses."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.db.models import F, Manager, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from boundaries.models import Outline
from gridmap.actions.hand_overs import HandOverError, read_note, write_note
from gridmap.models import HandOver, Submission, User
from gridmap.permissions import Permission, covered_grids, scope, visible_plans
from gridmap.views.visitor import require

SHOWN: Final = timedelta(days=90)
"""For so long after the redraw took effect a hand-over is listed; the row stays."""


def _gives(user: User, at: datetime) -> Q:
    return Q(giver__user=user, giver__employed__contains=at)


def _takes(user: User, at: datetime) -> Q:
    """Addressed to the user, or of a grid that he or she covers now, whoever was to take it."""
    addressed = Q(taker__user=user, taker__employed__contains=at)
    return addressed | Q(grid__in=covered_grids(user, at))


def current(at: datetime) -> QuerySet[HandOver]:
    """Hand-overs of plans that were not withdrawn, to come or not long ago, without what they say."""
    rows = HandOver.objects.filter(release__withdrawn_at=None, release__effective_at__gt=at - SHOWN)
    return _shown(rows).order_by("release__effective_at", "id")


def _shown(rows: QuerySet[HandOver] | Manager[HandOver]) -> QuerySet[HandOver]:
    joined = rows.select_related("giver", "taker", "release__plan__subdistrict")
    return joined.defer("note", "release__plan__subdistrict__outline")


def of(user: User, at: datetime) -> dict[str, list[Any]]:
    """What the user gives and takes: two lists, each hand-over with the `title` of the grid it enters. Two queries."""
    own: list[Any] = list(current(at).filter(_gives(user, at) | _takes(user, at)))
    titles = titles_of(own)
    covered = set(covered_grids(user, at).values_list("pk", flat=True)) if own else set()
    for each in own:
        each.title = titles.get((each.release.plan_id, each.grid_id), "")
        each.may_read = each.grid_id in covered and each.release.effective_at <= at
    return {
        "gives": [each for each in own if each.giver.user_id == user.pk],
        "takes": [each for each in own if each.giver.user_id != user.pk],
    }


def titles_of(hand_overs: list[HandOver]) -> dict[tuple[int, int], str]:
    """Names of the grids that are entered, by plan and grid."""
    rows = Outline.objects.filter(
        plan__in={each.release.plan_id for each in hand_overs}, grid__in={each.grid_id for each in hand_overs}
    ).only("plan", "grid", "name", "name_en")
    return {(outline.plan_id, outline.grid_id): outline.title for outline in rows}


def for_supervisor(user: User, at: datetime) -> dict[str, list[Any]]:
    """Plans that wait for the user's decision, and hand-overs without a note on the user's ground. Two queries."""
    may = scope(user, Permission.APPROVE_PLAN, at)
    waiting = Submission.objects.waiting().filter(
        Q(head=F("plan__head")) | Q(head=None, plan__head=None),
        plan__in=visible_plans(user, at),
        plan__discarded_at=None,
    )
    found = (
        waiting.select_related("plan__subdistrict", "submitted_by")
        .defer("plan__subdistrict__outline")
        .order_by("id")
    )
    allowed = scope(user, Permission.MANAGE_STAFF, at)
    missing = current(at).filter(allowed.rows("giver__subdistrict", "giver__community"), written_at=None)
    return {
        "submissions": [each for each in found if user.has_perm(Permission.APPROVE_PLAN, each.plan)]
        if may
        else [],
        "missing_notes": list(missing[:200]),
    }


@login_required
@require_POST
def write(request: HttpRequest, pk: int) -> HttpResponse:
    """Write the note of one's own hand-over."""
    user = require(request, Permission.VIEW_HOUSEHOLD)
    found = _own(pk, _gives(user, timezone.now()))
    context: dict[str, Any] = {"role": "gives"}
    try:
        found = write_note(hand_over=found, note=request.POST.get("note", ""), by=user)
    except HandOverError as error:
        context |= {"fault": str(error), "text": request.POST.get("note", "")}
    return _card(request, found.pk, context)


@login_required
@require_POST
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The note for the one who takes over, on record as read; for the giver to go on writing."""
    user = require(request, Permission.VIEW_HOUSEHOLD)
    at = timezone.now()
    found = _own(pk, _gives(user, at) | _takes(user, at))
    role = "gives" if found.giver.user_id == user.pk else "takes"
    try:
        text = read_note(hand_over=found, by=user)
    except HandOverError:
        # addressed, but not covered yet or no longer: as with the households themselves
        raise Http404 from None
    return _card(request, found.pk, {"is_open": True, "text": text, "role": role})


def _own(pk: int, who: Q) -> HandOver:
    rows = HandOver.objects.filter(who, release__withdrawn_at=None).select_related("giver", "taker")
    return get_object_or_404(rows, pk=pk)


def _card(request: HttpRequest, pk: int, context: dict[str, Any]) -> HttpResponse:
    each: Any = _shown(HandOver.objects).get(pk=pk)
    each.title = titles_of([each]).get((each.release.plan_id, each.grid_id), "")
    return render(request, "mine/hand_over.html", {"each": each, **context})
