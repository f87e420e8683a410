"""Where a plan stands on its way: draft, submitted, scheduled, in force, earlier."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from boundaries.models import Plan, Publication, PublicationState
from gridmap.models import Submission, SubmissionState


@dataclass(frozen=True, slots=True)
class PlanState:
    """`code` is one of draft, submitted, refused, discarded, scheduled, in_force, earlier, withdrawn.

    `badge` colours it (accent, notice or empty), `at` is when it takes or took effect, or was submitted.
    """

    code: str
    label: str
    badge: str = ""
    at: datetime | None = None

    @property
    def is_draft(self) -> bool:
        """Whether it can still be edited."""
        return self.code in {"draft", "submitted", "refused"}


def state_of(plan: Plan, at: datetime | None = None) -> PlanState:
    """The state of one plan at `at` (now); two small queries at most."""
    return states_of([plan], at)[plan.pk]


def states_of(plans: Iterable[Plan], at: datetime | None = None) -> dict[int, PlanState]:
    """The state of each plan by its id: two queries however many plans."""
    found, now = list(plans), at or timezone.now()
    ids = [plan.pk for plan in found]
    publications: dict[int, list[Publication]] = {}
    for publication in Publication.objects.filter(plan__in=ids).order_by("period").defer("published_at"):
        publications.setdefault(publication.plan_id, []).append(publication)
    latest = {
        each.plan_id: each for each in Submission.objects.filter(plan__in=ids).order_by("id").only(
            "plan", "state", "submitted_at", "head"
        )
    }  # fmt: skip
    return {
        plan.pk: _frozen(publications.get(plan.pk, []), plan, now)
        if plan.frozen_at is not None
        else _draft(plan, latest.get(plan.pk))
        for plan in found
    }


def _draft(plan: Plan, latest: Submission | None) -> PlanState:
    if plan.discarded_at is not None:
        return PlanState("discarded", _("put away"), "", plan.discarded_at)
    if latest is not None and latest.state == SubmissionState.WAITING:
        if latest.head_id != plan.head_id:
            return PlanState("draft", _("changed after it was submitted"), "notice", latest.submitted_at)
        return PlanState("submitted", _("waiting for approval"), "notice", latest.submitted_at)
    if latest is not None and latest.state == SubmissionState.REFUSED:
        return PlanState("refused", _("refused"), "notice", latest.submitted_at)
    return PlanState("draft", _("draft"))


def _frozen(publications: list[Publication], plan: Plan, now: datetime) -> PlanState:
    standing = [each for each in publications if each.state == PublicationState.STANDING]
    if any(now in each.period for each in standing):
        since = [each.period.lower for each in standing if now in each.period]
        begun = max((each for each in since if each is not None), default=None)
        if begun is None:
            return PlanState("in_force", _("in force"), "accent")
        return PlanState(
            "in_force", _("in force since %(date)s") % {"date": _day(plan, begun)}, "accent", begun
        )
    coming = [each.period.lower for each in standing if each.period.lower and each.period.lower > now]
    if coming:
        starts = min(coming)
        return PlanState(
            "scheduled", _("in force from %(time)s") % {"time": _minute(plan, starts)}, "", starts
        )
    if standing:
        ended = max((each.period.upper for each in standing if each.period.upper), default=now)
        return PlanState("earlier", _("in force until %(date)s") % {"date": _day(plan, ended)}, "", ended)
    return PlanState("withdrawn", _("withdrawn"))


def _day(plan: Plan, at: datetime) -> str:
    return date_format(at.astimezone(plan.subdistrict.zone), "Y-m-d")


def _minute(plan: Plan, at: datetime) -> str:
    return date_format(at.astimezone(plan.subdistrict.zone), "Y-m-d H:i")
