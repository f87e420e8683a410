"""Publishing a plan, with its record of who did it. Grids keep their identity, so their people go with them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from boundaries.actions import plans
from boundaries.actions.plans import Published
from boundaries.models import Community, Plan
from gridmap.models import AuditEntry, User


@transaction.atomic
def publish_plan(*, plan: Plan, communities: Sequence[Community], at: datetime, by: User | None) -> Published:
    """Put a plan's outlines in force for `communities` from `at` on.

    Raises
    ------
    PublishError
        See `boundaries.actions.plans.publish`.
    """
    published = plans.publish(plan=plan, communities=communities, at=at, by=by)
    AuditEntry.objects.create(
        by=by,
        verb="publish",
        noun="plan",
        object_id=str(plan.pk),
        details={
            "communities": sorted(community.code for community in communities),
            "at": at.isoformat(),
            "placements": published.placements,
        },
    )
    return published
