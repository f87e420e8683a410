"""What the page of publishing is told: which communities, from when on, who leads which grid."""

import re
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.actions.plans import PublishError
from boundaries.models import Community, Plan
from gridmap.carrying_over import Choices
from gridmap.models import Submission

LEAD = re.compile(r"lead-(\d{1,18})")
HAND = re.compile(r"hand-(\d{1,18})")
OPENING = time(8)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Read from a form. `at` None is at once; `local` is what the field for the time shows, in the town's zone."""

    communities: list[Community]
    at: datetime | None
    local: str
    choices: Choices = field(default_factory=Choices)
    confirmed: frozenset[int] = frozenset()
    note: str = ""
    head: int | None = None
    fault: str = ""

    @property
    def is_now(self) -> bool:
        """Whether it shall take effect as soon as it can."""
        return self.at is None


def of_submission(submission: Submission) -> Inputs:
    """As the planner submitted it."""
    return Inputs(
        communities=list(submission.communities.order_by("code")),
        at=submission.effective_at,
        local="",
        choices=Choices.from_json(submission.choices),
        confirmed=frozenset(submission.confirmed),
        note=submission.note,
        head=submission.head_id,
    )


def read(data: QueryDict, plan: Plan, communities: list[Community]) -> Inputs:
    """What a form says, or the page's defaults; a fault in words where it makes no sense."""
    sent = "when" in data
    chosen = set(data.getlist("community"))
    listed = [community for community in communities if not sent or community.code in chosen]
    local, fault, at = data.get("at", "") or tomorrow(plan), "", None
    if data.get("when") == "at" or not sent:
        try:
            at = datetime.fromisoformat(local).replace(tzinfo=plan.subdistrict.zone)
        except ValueError:
            fault = _("Give the time as 2026-11-30 08:00.")
    leads: dict[int, int | None] = {}
    released: set[int] = set()
    kept: set[int] = set()
    for name, value in data.items():
        if (match := LEAD.fullmatch(name)) and isinstance(value, str) and value != "keep":
            leads[int(match[1])] = int(value) if value.isdecimal() and len(value) < 19 else None
        if match := HAND.fullmatch(name):
            (released if value == "follow" else kept).add(int(match[1]))
    head = data.get("head", "")
    return Inputs(
        communities=listed,
        at=at,
        local=local,
        choices=Choices(leads, frozenset(released)),
        confirmed=frozenset(kept),
        note=data.get("note", "") or "",
        head=int(head) if head.isdecimal() and len(head) < 19 else None,
        fault=fault,
    )


def tomorrow(plan: Plan) -> str:
    """Tomorrow morning in the town, as a field for date and time takes it."""
    day = timezone.now().astimezone(plan.subdistrict.zone).date() + timedelta(days=1)
    return datetime.combine(day, OPENING).isoformat(timespec="minutes")


def require_sound(inputs: Inputs) -> None:
    """Raise PublishError where the form made no sense."""
    if inputs.fault:
        raise PublishError(inputs.fault)
