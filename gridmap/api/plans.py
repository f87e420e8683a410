"""Plans: what is or was in force for everybody, the rest for colleagues, drafts on their own ground only."""

import json
from typing import Any

from django.contrib.gis.db.models.functions import AsGeoJSON
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from boundaries.actions.heads import ways
from boundaries.models import Outline, Plan, Publication
from gridmap.api.areas import DRAWN, Id
from gridmap.api.auth import PUBLIC, PUBLIC_SECURITY, visitor
from gridmap.api.draft_answers import etag
from gridmap.api.inputs import ERRORS
from gridmap.api.shapes import PlanOut, PlanWithGrids
from gridmap.api.throttling import PublicRate
from gridmap.permissions import Permission, scope, visible_plans

router = Router(tags=["Plans"], auth=PUBLIC, throttle=PublicRate())


@router.get("/plans", response={200: list[PlanOut]} | ERRORS, openapi_extra=PUBLIC_SECURITY, summary="Plans")
def plans(request: HttpRequest) -> list[dict[str, Any]]:
    """The newest 200 plans that the caller may see, each with the times for which it was put in force."""
    return [_plan(plan) for plan in _visible(request)[:200]]


@router.get(
    "/plans/{id}",
    response={200: PlanWithGrids} | ERRORS,
    openapi_extra=PUBLIC_SECURITY,
    summary="A plan with its grids",
)
def plan(request: HttpRequest, response: HttpResponse, id: Id) -> dict[str, Any]:  # noqa: A002  # the address says id
    """One plan with the outlines of its grids as GeoJSON. `ETag` is the head of a draft, for `If-Match`."""
    found = _visible(request).filter(pk=id).first()
    if found is None:
        raise Http404
    rows = (
        _outlines(request, found)
        .select_related("community")
        .defer("polygon", "community__outline")
        .order_by("code")
    )
    features = [
        {
            "type": "Feature",
            "id": row.grid_id,
            "geometry": json.loads(getattr(row, DRAWN)),
            "properties": {
                "code": row.code,
                "name": row.name,
                "name_en": row.name_en,
                "kind": row.kind,
                "community": row.community.code,
                "locked": row.locked is not None,
            },
        }
        for row in rows.annotate(**{DRAWN: AsGeoJSON("polygon", precision=8)}).defer(
            "polygon", "community__outline"
        )
    ]
    response["ETag"] = etag(found.head_id)
    return _plan(found) | _draft(request, found) | {"grids": {"features": features}}


def _draft(request: HttpRequest, plan: Plan) -> dict[str, Any]:
    """What colleagues need to go on with a draft."""
    if plan.frozen_at is not None or not _is_colleague(request):
        return {}
    can_undo, can_redo = ways(plan.pk, plan.head_id)
    bases = plan.bases.order_by("community__code").values_list("community__code", "base")
    return {
        "note": plan.note,
        "discarded": plan.discarded_at is not None,
        "head": plan.head_id,
        "can_undo": can_undo,
        "can_redo": can_redo,
        "bases": [{"community": community, "base": base} for community, base in bases],
    }


def _visible(request: HttpRequest) -> QuerySet[Plan]:
    now = timezone.now()
    in_force = Publication.objects.select_related("community").defer("community__outline").order_by("period")
    if not _is_colleague(request):
        in_force = in_force.begun(now)
    rows = visible_plans(visitor(request), now).select_related("subdistrict")
    return rows.defer("subdistrict__outline").prefetch_related(Prefetch("publications", in_force))


def _is_colleague(request: HttpRequest) -> bool:
    return bool(scope(visitor(request), Permission.VIEW_STAFF, timezone.now()))


def _outlines(request: HttpRequest, plan: Plan) -> QuerySet[Outline]:
    """The plan's outlines; for the public those of communities for which it is or was in force."""
    rows = Outline.objects.filter(plan=plan)
    if _is_colleague(request):
        return rows
    begun = Publication.objects.begun(timezone.now()).filter(plan=plan, community=OuterRef("community"))
    return rows.filter(Exists(begun))


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.pk,
        "name": plan.name,
        "subdistrict": plan.subdistrict.code,
        "is_draft": plan.frozen_at is None,
        "created_at": plan.created_at,
        "frozen_at": plan.frozen_at,
        "publications": [
            {
                "community": each.community.code,
                "start": each.period.lower,
                "end": each.period.upper,
                "state": each.state,
            }
            for each in plan.publications.all()
        ],
    }
