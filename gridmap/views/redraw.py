"""The editor: a plan's grids on the map, to be redrawn where it is a draft, to be looked at where it is fixed."""

import json
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.contrib.gis.db.models.functions import AsGeoJSON
from django.contrib.gis.geos import Polygon
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from boundaries.models import Building, Community, Compound, Plan, Street, StreetRank
from gridmap.models import Submission, SubmissionState
from gridmap.permissions import Permission
from gridmap.plan_states import state_of
from gridmap.views.plan_pages import plan_for
from gridmap.views.redraw_words import TOOLS, redraw_words

_DRAWN: Final = "drawn"
_PRECISION: Final = 8
# What nobody takes for a border: footpaths cross compounds, and rails run below them.
_NO_BORDERS: Final = (StreetRank.PATH, StreetRank.RAIL)


@login_required
@require_safe
def plan_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The page. Whoever may see the plan may look; who may redraw it, and while it is a draft, may edit."""
    user, plan = plan_for(request, pk, Permission.REDRAW_PLAN, Permission.VIEW_WORKLOAD)
    redraws = user.has_perm(Permission.REDRAW_PLAN, plan)
    state = state_of(plan)
    context = {
        "plan": plan,
        "state": state,
        "tools": TOOLS,
        "redraws": redraws,
        "editable": redraws and state.is_draft,
        "map_data": {
            "api": f"/api/v1/plans/{plan.pk}",
            "ground": reverse("plan-edit-ground", args=[plan.pk]),
            "page": reverse("plan-edit", args=[0]),
            "sign_in": f"{reverse('sign-in')}?next={request.path}",
            "tiles": "/tiles",
            "box": _box(plan),
            "name": plan.name,
            "editable": redraws and state.is_draft,
            "waiting": _waiting(plan) if redraws and state.is_draft else None,
        },
        "words": redraw_words(),
    }
    return render(request, "plans/edit.html", context)


def _waiting(plan: Plan) -> dict[str, object] | None:
    """The submission that waits for approval: its head, and the draft's state at that head and at any other."""
    last = Submission.objects.filter(plan=plan).order_by("-id").only("state", "head").first()
    if last is None or last.state != SubmissionState.WAITING:
        return None
    return {
        "head": last.head_id,
        "submitted": _("waiting for approval"),
        "changed": _("changed after it was submitted"),
    }


@login_required
@require_safe
def plan_edit_ground(request: HttpRequest, pk: int) -> HttpResponse:
    """What the editor draws on and snaps to: community outlines, street lines, compounds, numbers of buildings.

    Nothing about people."""
    _user, plan = plan_for(request, pk, Permission.REDRAW_PLAN, Permission.VIEW_WORKLOAD)
    communities = _communities(plan)
    box = _box(plan)
    streets: QuerySet[Street] = Street.objects.none()
    if box is not None:
        around = (box[0], box[1], box[2], box[3])
        streets = Street.objects.filter(
            subdistrict=plan.subdistrict_id, line__bboverlaps=Polygon.from_bbox(around)
        )
    body = {
        "communities": [
            {"type": "Feature", "geometry": json.loads(drawn),
             "properties": {"layer": "community", "code": code, "name": name, "name_en": name_en}}
            for code, name, name_en, drawn in _drawn(communities, "outline", "code", "name", "name_en")
        ],
        "streets": [
            json.loads(drawn)["coordinates"]
            for (drawn,) in _drawn(streets.exclude(rank__in=_NO_BORDERS), "line")
        ],
        "compounds": [
            {"id": key, "name": name, "name_en": name_en, "geometry": json.loads(drawn)}
            for key, name, name_en, drawn in _drawn(
                Compound.objects.filter(community__in=communities, outline__isnull=False), "outline",
                "pk", "name", "name_en",
            )
        ],
        "numbers": dict(
            Building.objects.filter(community__in=communities).exclude(number="").values_list("pk", "number")
        ),
    }  # fmt: skip
    response = HttpResponse(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        content_type="application/json; charset=utf-8",
    )
    response["Cache-Control"] = "private, no-cache"
    return response


def _communities(plan: Plan) -> QuerySet[Community]:
    return Community.objects.filter(outlines__plan=plan).distinct().order_by("code")


def _box(plan: Plan) -> list[float] | None:
    """[west, south, east, north] of the plan's communities, or of its subdistrict; None where neither has ground."""
    boxes = [community.outline.extent for community in _communities(plan) if community.outline]
    if not boxes:
        return None
    west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
    east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return [round(value, 5) for value in (west, south, east, north)]


def _drawn(rows: QuerySet[Any], column: str, *names: str) -> list[tuple[Any, ...]]:
    """The named columns, and `column` as GeoJSON text after them."""
    drawn = rows.annotate(**{_DRAWN: AsGeoJSON(column, precision=_PRECISION)})
    return list(drawn.values_list(*names, _DRAWN))
