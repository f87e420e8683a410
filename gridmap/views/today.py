"""Today: who is away, who stands in, which grids nobody leads."""

from collections import defaultdict
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from boundaries.models import Subdistrict
from boundaries.models.constraints import in_force
from gridmap.models import Absence, Assignment, Part
from gridmap.permissions import Permission, scope
from gridmap.views import hand_overs
from gridmap.views.context import map_data
from gridmap.views.visible_loads import visible_loads
from gridmap.views.visitor import require
from gridmap.workload import GridLoad


@login_required
@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """The supervisor's morning: grids without a lead, and absences with who answers for each grid."""
    user, now = require(request, Permission.MANAGE_STAFF), timezone.now()
    allowed = scope(user, Permission.MANAGE_STAFF, now)
    found = visible_loads(user, Permission.MANAGE_STAFF, now)
    by_lead: dict[int, list[GridLoad]] = defaultdict(list)
    for load in found:
        if load.lead_is_away and load.specialist_id is not None:
            by_lead[load.specialist_id].append(load)
    absences = (
        Absence.objects.filter(
            in_force(now), allowed.rows("specialist__subdistrict", "specialist__community")
        )
        .select_related("specialist__community")
        .order_by("specialist__staff_number")
    )
    stand_ins = _stand_ins([load.grid_id for load in found])
    rows = [
        {
            "absence": absence,
            "grids": [(load, stand_ins.get(load.grid_id)) for load in by_lead.get(absence.specialist_id, [])],
        }
        for absence in absences
    ]
    vacant = [(load, stand_ins.get(load.grid_id)) for load in found if load.is_vacant]
    led = [load for loads in by_lead.values() for load in loads]
    uncovered = sum(load.grid_id not in stand_ins for load in led)
    context: dict[str, Any] = {
        "map_data": map_data(Subdistrict.objects.order_by("code").first()),
        "rows": rows,
        "vacant": vacant,
        "uncovered": uncovered + sum(person is None for _load, person in vacant),
        "grids": len(found),
        "now": now,
        "lit": {
            "vacant": [load.grid_id for load, _person in vacant],
            "away": [load.grid_id for load in led],
        },
    }
    context |= hand_overs.for_supervisor(user, now)
    return render(request, "today/today.html", context)


def _stand_ins(grids: list[int]) -> dict[int, str]:
    """Who stands in for each grid and is on duty."""
    now = timezone.now()
    posts = (
        Assignment.objects.in_force(now)
        .filter(part=Part.STAND_IN, grid__in=grids, specialist__employed__contains=now)
        .exclude(specialist__in=Absence.objects.filter(in_force(now)).values("specialist"))
        .select_related("specialist")
    )
    return {post.grid_id: post.specialist.public_title for post in posts}
