"""What every page of a plan begins with: the plan, if the visitor may know of it."""

from django.http import Http404, HttpRequest
from django.utils import timezone

from boundaries.models import Plan
from gridmap.models import User
from gridmap.permissions import Permission, visible_plans
from gridmap.views.visitor import user_of


def plan_for(
    request: HttpRequest, pk: int, *needs: Permission, drafts_only: bool = False
) -> tuple[User, Plan]:
    """The signed-in visitor and the plan, if the visitor may see it and do any of `needs` (VIEW_PLAN) to it.

    Raises
    ------
    Http404
        There is no such plan, or none for this visitor; with `drafts_only` also one that is fixed or put away.
    """
    user = user_of(request)
    plan = (
        visible_plans(user, timezone.now())
        .select_related("subdistrict", "base")
        .defer("subdistrict__outline")
        .filter(pk=pk)
        .first()
    )
    if plan is None or not any(user.has_perm(need, plan) for need in needs or (Permission.VIEW_PLAN,)):
        raise Http404
    if drafts_only and (plan.frozen_at is not None or plan.discarded_at is not None):
        raise Http404
    return user, plan
