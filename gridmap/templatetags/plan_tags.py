"""What every page of a plan says at its head: the state it is in, and the tabs that lead to its other pages."""

from dataclasses import dataclass
from typing import Any, Final

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from boundaries.models import Plan
from gridmap.models import User
from gridmap.permissions import Permission
from gridmap.plan_states import PlanState, state_of

register = template.Library()


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: `key` is what a page calls itself; open to whoever may do any of `needs`, for drafts only if told."""

    key: str
    url_name: str
    label: str | Promise
    icon: str
    needs: tuple[Permission, ...]
    drafts_only: bool = False


TABS: Final = (
    Tab("edit", "plan-edit", _("Redraw"), "pencil", (Permission.REDRAW_PLAN,), drafts_only=True),
    Tab("compare", "plan-compare", _("Compare"), "layers", (Permission.VIEW_WORKLOAD,)),
    Tab("publish", "plan-publish", _("Publish"), "check", (Permission.VIEW_PLAN,)),
    Tab("scheme", "plan-scheme", _("Scheme"), "list", (Permission.VIEW_PLAN,)),
    Tab("boards", "plan-boards", _("Boards"), "file", (Permission.VIEW_PLAN,)),
    Tab("export", "plan-export", _("Export"), "download", (Permission.VIEW_PLAN,)),
)


@register.simple_tag
def plan_state(plan: Plan) -> PlanState:
    """The state of the plan: its code, its words, and since when. Two small queries."""
    return state_of(plan)


@register.simple_tag(takes_context=True)
def plan_tabs(context: dict[str, Any], plan: Plan, here: str = "") -> list[dict[str, Any]]:
    """The tabs that the visitor may open; `here` is the key of the page that asks."""
    user = context["request"].user
    found = []
    for tab in TABS:
        if tab.drafts_only and (plan.frozen_at is not None or plan.discarded_at is not None):
            continue
        if not isinstance(user, User) or not any(user.has_perm(need, plan) for need in tab.needs):
            continue
        try:
            url = reverse(tab.url_name, args=[plan.pk])
        except NoReverseMatch:
            continue
        found.append({"label": tab.label, "icon": tab.icon, "url": url, "is_here": tab.key == here})
    return found
