"""What the documents of a plan begin with: scheme, boards and export are open to whoever may see the plan, the public too."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest
from django.utils import timezone

from boundaries.models import Community, Plan
from gridmap.models import User
from gridmap.permissions import Ground, Permission, Visitor, scope, shown_communities, visible_plans


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for which plan, and the communities of it that may be shown, by code.

    `counted` and `staffed` are ids of those whose loads and whose colleagues the visitor may see.
    """

    visitor: Visitor
    plan: Plan
    communities: list[Community]
    counted: frozenset[int]
    staffed: frozenset[int]

    def only(self, code: str) -> list[Community]:
        """The community of that code, or all for an empty one.

        Raises
        ------
        Http404
            There is none of that code here.
        """
        if not code:
            return self.communities
        found = [each for each in self.communities if each.code == code]
        if not found:
            raise Http404
        return found


def document_of(request: HttpRequest, pk: int) -> Asked:
    """The plan, if the visitor may see it. Five small queries at most.

    Raises
    ------
    Http404
        There is no such plan, none for this visitor, or nothing of it is public yet.
    """
    visitor: Visitor = request.user
    now = timezone.now()
    plans = visible_plans(visitor, now).select_related("subdistrict", "base").defer("subdistrict__outline")
    plan = plans.filter(pk=pk).first()
    if plan is None:
        raise Http404
    communities = list(shown_communities(visitor, plan, now))
    if not communities and not (isinstance(visitor, User) and visitor.has_perm(Permission.VIEW_PLAN, plan)):
        raise Http404
    return Asked(
        visitor, plan, communities,
        _ground(visitor, Permission.VIEW_WORKLOAD, communities),
        _ground(visitor, Permission.VIEW_STAFF, communities),
    )  # fmt: skip


def _ground(visitor: Visitor, permission: Permission, communities: list[Community]) -> frozenset[int]:
    allowed = scope(visitor, permission)
    return frozenset(
        each.pk
        for each in communities
        if allowed and allowed.covers(Ground(each.subdistrict_id, frozenset({each.pk})))
    )
