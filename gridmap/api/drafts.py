"""Drafts: starting, copying, naming, putting away; their history, what changed since a head, their buildings."""

import gzip
import hashlib
import json
from typing import Annotated, Any, Final

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from boundaries.actions.heads import named, newer, path, ways
from boundaries.models import Community, Compound, Plan
from gridmap.actions import drafts
from gridmap.api.areas import Id
from gridmap.api.auth import SIGNED_IN, account
from gridmap.api.draft_answers import DRAFT_ERRORS, as_text, etag, plan_for, removed, steps
from gridmap.api.plans import router as plans
from gridmap.api.problems import ApiError
from gridmap.api.shapes import FeatureCollection, Text
from gridmap.draft_numbers import changed_numbers, draft_buildings, target_of
from gridmap.models import User
from gridmap.permissions import Permission, scope, visible_plans

# One address is one router's: what is done at the addresses of plans stands in theirs.
router = Router(tags=["Drafts"], auth=SIGNED_IN)
MEDIA_TYPE: Final = "application/json; charset=utf-8"


class DraftIn(Schema):
    """A draft to start: communities by code; from the plan in force unless `base` names another."""

    name: Annotated[Text, Field(max_length=100)]
    communities: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    base: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None


class CopyIn(Schema):
    """What the copy is called."""

    name: Annotated[Text, Field(max_length=100)]


class DraftChange(Schema):
    """What is not given stays."""

    name: Annotated[Text, Field(max_length=100)] | None = None
    note: Annotated[Text, Field(max_length=4000)] | None = None
    discarded: bool | None = None


class DraftOut(Schema):
    """A draft in short; `GET /plans/{id}` has its grids."""

    id: int
    name: str
    note: str
    head: int | None
    base: int | None
    discarded: bool


class RevisionOut(Schema):
    """One edit. `current`: it lies on the way from the beginning to the head."""

    id: int
    parent: int | None
    command: str
    by: str
    at: str
    grids: list[int]
    parameters: dict[str, Any]
    current: bool


class HistoryOut(Schema):
    """The newest edits of a draft, those of all branches; `tips` are the ends of the branches."""

    head: int | None
    can_undo: bool
    redo: int | None
    tips: list[int]
    revisions: list[RevisionOut]
    next: int | None


class ChangesOut(Schema):
    """What changed since a head."""

    head: int | None
    grids: FeatureCollection
    removed: list[int]
    numbers: dict[str, Any]
    moved: dict[str, int | None]
    revisions: list[dict[str, Any]]


@plans.post(
    "/plans",
    response={201: DraftOut} | DRAFT_ERRORS,
    auth=SIGNED_IN,
    tags=["Drafts"],
    summary="Start a draft",
)
def start(request: HttpRequest, body: DraftIn, response: HttpResponse) -> Status[dict[str, Any]]:
    """Start a draft of communities on the caller's ground, from what is in force or from another plan."""
    user = account(request)
    rows = _redrawn_by(user).filter(code__in=body.communities)
    chosen = list(
        rows.select_related("subdistrict").defer("outline", "subdistrict__outline").order_by("code")
    )
    if len(chosen) != len(set(body.communities)):
        raise ApiError(
            422,
            "communities",
            _("Choose communities on your own ground by their codes."),
            field="communities",
        )
    base = None
    if body.base is not None:
        base = visible_plans(user, timezone.now()).filter(pk=body.base).first()
        if base is None:
            raise ApiError(422, "base", _("There is no such plan to start from."), field="base")
    draft = drafts.start_draft(
        subdistrict=chosen[0].subdistrict, communities=chosen, base=base, name=body.name, by=user
    )
    response["Location"] = f"{request.path}/{draft.pk}"
    return Status(201, _short(draft))


@router.post("/plans/{id}/copy", response={201: DraftOut} | DRAFT_ERRORS, summary="Copy a draft")
def copy(request: HttpRequest, id: Id, body: CopyIn) -> Status[dict[str, Any]]:  # noqa: A002
    """A draft that stands where this plan or draft stands now; its history begins anew."""
    user, plan = plan_for(request, id, Permission.REDRAW_PLAN)
    return Status(201, _short(drafts.copy_draft(plan=plan, name=body.name, by=user)))


@plans.patch(
    "/plans/{id}", response={200: DraftOut} | DRAFT_ERRORS, auth=SIGNED_IN, tags=["Drafts"],
    summary="Name a draft, put it away",
)  # fmt: skip
def change(request: HttpRequest, id: Id, body: DraftChange) -> dict[str, Any]:  # noqa: A002
    """Name, note, put away or take back. A published plan is fixed: 409."""
    user, plan = plan_for(request, id, Permission.REDRAW_PLAN)
    if body.name is not None or body.note is not None:
        drafts.describe_draft(plan=plan, name=body.name, note=body.note, by=user)
    if body.discarded is not None:
        drafts.put_away(plan=plan, away=body.discarded, by=user)
    return _short(plan)


@router.get("/plans/{id}/history", response={200: HistoryOut} | DRAFT_ERRORS, summary="History of a draft")
def history(
    request: HttpRequest,
    id: Id,  # noqa: A002
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next` of the page before.")] = None,
) -> dict[str, Any]:
    """Edits, the newest first, of all branches."""
    _user, plan = plan_for(request, id, Permission.VIEW_PLAN)
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, {"plan": plan.pk, "before": before or 2**63 - 1, "limit": limit + 1})
        rows = cursor.fetchall()
        cursor.execute(_LINE, {"head": plan.head_id, "oldest": rows[-1][0] if rows else 0})
        line = {row[0] for row in cursor.fetchall()}
        cursor.execute(_TIPS, {"plan": plan.pk})
        tips = [row[0] for row in cursor.fetchall()]
    names = dict(User.objects.filter(pk__in={row[3] for row in rows}).values_list("pk", "username"))
    return {
        "head": plan.head_id, "can_undo": ways(plan.pk, plan.head_id)[0], "redo": newer(plan.pk, plan.head_id),
        "tips": tips,
        "revisions": [
            {
                "id": row[0], "parent": row[1], "command": row[2], "by": names.get(row[3], ""),
                "at": row[4].isoformat(), "grids": sorted(int(key) for key in row[5]),
                "parameters": json.loads(row[6]), "current": row[0] in line,
            }
            for row in rows[:limit]
        ],
        "next": rows[limit - 1][0] if len(rows) > limit else None,
    }  # fmt: skip


_HISTORY = """
    SELECT r.id, r.parent_id, r.command, r.made_by_id, r.made_at,
           ARRAY(SELECT jsonb_object_keys(r.after)), r.parameters - 'line' - 'area'
    FROM boundaries_revision r WHERE r.plan_id = %(plan)s AND r.id < %(before)s ORDER BY r.id DESC LIMIT %(limit)s
"""
_LINE = """
    WITH RECURSIVE line AS (
      SELECT id, parent_id FROM boundaries_revision WHERE id = %(head)s
      UNION ALL
      SELECT r.id, r.parent_id FROM line l JOIN boundaries_revision r ON r.id = l.parent_id AND r.id >= %(oldest)s
    ) SELECT id FROM line
"""
_TIPS = """
    SELECT r.id FROM boundaries_revision r
    WHERE r.plan_id = %(plan)s AND NOT EXISTS (SELECT FROM boundaries_revision c WHERE c.parent_id = r.id)
    ORDER BY r.id DESC LIMIT 100
"""


@router.get(
    "/plans/{id}/changes", response={200: ChangesOut} | DRAFT_ERRORS, summary="What changed since a head"
)
def changes(
    request: HttpRequest,
    id: Id,  # noqa: A002
    since: Annotated[
        int, Query(ge=0, le=2**63 - 1, description="The head that the caller knows; 0 for none.")
    ],
) -> HttpResponseBase:
    """Grids, numbers and buildings that differ between that head and the head now, and what was done."""
    user, plan = plan_for(request, id, Permission.VIEW_PLAN)
    if not all(user.has_perm(one, plan) for one in (Permission.VIEW_ADDRESS, Permission.VIEW_WORKLOAD)):
        raise PermissionDenied
    between = path(plan.pk, since or None, plan.head_id)
    numbers = changed_numbers(plan, between.before, between.changes)
    body = as_text(
        {
            "head": plan.head_id, "removed": removed(between.changes),
            "numbers": {str(grid): each.as_json() for grid, each in numbers.grids.items()},
            "moved": {str(building): grid for building, grid in numbers.moved.items()},
            "revisions": steps(named(between.steps)),
        },
        between.changes,
    )  # fmt: skip
    response = HttpResponse(body, content_type=MEDIA_TYPE)
    response["ETag"] = etag(plan.head_id)
    return response


@router.get(
    "/plans/{id}/buildings", response={200: dict[str, Any]} | DRAFT_ERRORS, summary="Buildings of a draft"
)
def buildings(request: HttpRequest, id: Id) -> HttpResponseBase:  # noqa: A002
    """Every building of the plan's communities by columns: where it lies, the grid it would belong to, what it holds.
    `override` is the grid that a person gave it to, null otherwise. No names."""
    user, plan = plan_for(request, id, Permission.VIEW_PLAN)
    if not all(user.has_perm(one, plan) for one in (Permission.VIEW_ADDRESS, Permission.VIEW_WORKLOAD)):
        raise PermissionDenied
    found = draft_buildings(plan)
    aim = target_of(plan)
    columns = found.loads.columns()
    used = {key for key in columns["compound"] if key}
    named = Compound.objects.filter(pk__in=used).values_list("pk", "name", "name_en")
    body = {
        "head": plan.head_id,
        "target": {"measure": aim.measure, "value": aim.value, "is_norm": aim.is_norm},
        "buildings": {
            "id": columns["id"], "lon": columns["lon"], "lat": columns["lat"],
            "grid": [key or None for key in found.grid.tolist()],
            "households": columns["households"], "people": columns["people"], "workload": columns["workload"],
            "compound": columns["compound"], "override": [key or None for key in found.by_hand.tolist()],
        },
        "compounds": {key: {"name": name, "name_en": name_en} for key, name, name_en in named},
    }  # fmt: skip
    return packed(request, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def packed(request: HttpRequest, body: bytes) -> HttpResponseBase:
    """The answer, compressed where the caller takes that; 304 where the caller holds it already."""
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    same = get_conditional_response(request, etag=tag)
    if same is not None and same.status_code == 304:
        response: HttpResponseBase = same
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        small = gzip.compress(body, compresslevel=3, mtime=0)
        response = HttpResponse(small, content_type=MEDIA_TYPE, headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(body, content_type=MEDIA_TYPE)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Encoding", "Cookie"])
    return response


def _redrawn_by(user: User) -> QuerySet[Community]:
    """Communities that the user may redraw."""
    return Community.objects.filter(scope(user, Permission.REDRAW_PLAN).rows(community="pk"))


def _short(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.pk,
        "name": plan.name,
        "note": plan.note,
        "head": plan.head_id,
        "base": plan.base_id,
        "discarded": plan.discarded_at is not None,
    }
