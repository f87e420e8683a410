"""Settling a draft with what others published since: what that is, and taking it over."""

import json
from typing import Annotated, Any, Literal

import shapely
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema

from boundaries import topology
from boundaries.actions import settling
from boundaries.models import Community
from gridmap.api.areas import Id
from gridmap.api.auth import SIGNED_IN
from gridmap.api.draft_answers import DRAFT_ERRORS, IfMatch, edited, head_of, plan_for
from gridmap.api.edits import EditedOut, Key
from gridmap.api.problems import ApiError
from gridmap.api.shapes import Text
from gridmap.permissions import Permission

router = Router(tags=["Drafts"], auth=SIGNED_IN)
Side = Literal["mine", "theirs"]


class Dispute(Schema):
    """Disputed ground by the grids it belonged to, and whose change counts there."""

    base: Key | None
    theirs: Key | None
    mine: Key | None
    prefer: Side


class SettleIn(Schema):
    """Which community, and whose change counts on disputed ground: for all, and for single disputes."""

    community: Text
    prefer: Side = "mine"
    disputes: list[Dispute] = []


class ChangeOut(Schema):
    """Ground that changed hands (GeoJSON), grids by id."""

    before: int | None
    after: int | None
    area_m2: float
    ground: dict[str, Any]


class DisputeOut(Schema):
    """Ground that both gave to different grids."""

    base: int | None
    theirs: int | None
    mine: int | None
    prefer: Side
    area_m2: float
    ground: dict[str, Any]


class UnsettledOut(Schema):
    """A community over which another plan was published."""

    community: str
    base: int
    theirs: int
    changed: list[ChangeOut]
    disputes: list[DisputeOut]


class SettledOut(EditedOut):
    """The draft afterwards; the disputes as decided, slivers that were given to neighbours, grids that went."""

    disputes: list[DisputeOut]
    mended: list[ChangeOut]
    lost: list[int]


@router.get(
    "/plans/{id}/unsettled",
    response={200: list[UnsettledOut]} | DRAFT_ERRORS,
    summary="What others published since the draft began",
)
def unsettled(request: HttpRequest, id: Id) -> list[dict[str, Any]]:  # noqa: A002  # the address says id
    """By community: the ground that changed hands, and where the draft gave it to yet another grid. Empty: nothing to do."""
    _user, plan = plan_for(request, id, Permission.VIEW_PLAN)
    return [
        {
            "community": one.community.code,
            "base": one.base,
            "theirs": one.theirs,
            "changed": [_change(each) for each in one.changed],
            "disputes": [_dispute(each) for each in one.disputes],
        }
        for one in settling.unsettled(plan)
    ]


@router.post(
    "/plans/{id}/settle",
    response={200: SettledOut} | DRAFT_ERRORS,
    summary="Take over what others published",
)
def settle(
    request: HttpRequest,
    id: Id,  # noqa: A002
    body: SettleIn,
    if_match: IfMatch = None,
    dry_run: Annotated[bool, Query(description="Only say what would come of it.")] = False,
) -> HttpResponse:
    """One revision, which can be undone. If-Match must be the head now."""
    user, plan = plan_for(request, id, Permission.REDRAW_PLAN)
    community = (
        Community.objects.filter(code=body.community, pk__in=plan.bases.values("community"))
        .defer("outline")
        .first()
    )
    if community is None:
        raise ApiError(422, "community", _("The draft has no such community."), field="community")
    sides: Any = {(each.base, each.theirs, each.mine): each.prefer for each in body.disputes}
    prefer = settling.Preference(body.prefer, sides)
    result = settling.settle(
        plan=plan, community=community, prefer=prefer, head=head_of(if_match), by=user, dry_run=dry_run
    )
    more = {
        "disputes": [_dispute(each) for each in result.disputes],
        "mended": [_change(each) for each in result.mended],
        "lost": result.lost,
    }
    return edited(plan, result.edited, more)


def _change(change: topology.Change) -> dict[str, Any]:
    return {
        "before": change.before,
        "after": change.after,
        "area_m2": round(change.area_m2, 2),
        "ground": json.loads(shapely.to_geojson(change.ground)),
    }


def _dispute(dispute: topology.Conflict) -> dict[str, Any]:
    return {
        "base": dispute.base,
        "theirs": dispute.theirs,
        "mine": dispute.mine,
        "prefer": dispute.prefer,
        "area_m2": round(dispute.area_m2, 2),
        "ground": json.loads(shapely.to_geojson(dispute.ground)),
    }
