"""The load of each grid, specialist and community beside the map. Counts only, never a resident's name."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from boundaries.models import Subdistrict
from gridmap.models import User
from gridmap.permissions import Permission
from gridmap.views.context import map_data
from gridmap.views.visible_loads import visible_loads
from gridmap.views.visitor import require
from gridmap.workload import GridLoad, GroupLoad, Target, by_community, by_specialist, target

PAGE: Final = 500
GROUPINGS: Final = {
    "grid": gettext_lazy("By grid"),
    "specialist": gettext_lazy("By specialist"),
    "community": gettext_lazy("By community"),
}
HEADS: Final = {
    "name": gettext_lazy("name"),
    "buildings": gettext_lazy("buildings"),
    "households": gettext_lazy("households"),
    "people": gettext_lazy("people"),
    "deviation": gettext_lazy("deviation"),
}
SORTS: Final[dict[str, Callable[["Line"], Any]]] = {
    "name": lambda line: (line.code, line.title),
    "buildings": lambda line: line.load.buildings,
    "households": lambda line: line.load.households,
    "people": lambda line: line.load.people,
    "deviation": lambda line: line.deviation or 0.0,
}
# Deviations at which the five classes of load meet: those of js/map/colours.js.
LIMITS: Final = (-0.25, -0.1, 0.1, 0.25)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `key` stands in the address; `grids` are lit on the map."""

    key: str
    code: str
    title: str
    subtitle: str
    load: GridLoad | GroupLoad
    deviation: float | None
    grids: tuple[int, ...]
    vacant: int
    is_away: bool
    is_dedicated: bool = False
    measure: str = "people"

    @property
    def value(self) -> int:
        """What is compared with the target."""
        return self.load.households if self.measure == "households" else self.load.people

    @property
    def percent(self) -> str:
        """The deviation as people read it: +12 %."""
        return "–" if self.deviation is None else f"{round(self.deviation * 100):+d} %".replace("-", "−")

    @property
    def load_class(self) -> int:
        """1 (far under) to 5 (far over)."""
        found = self.deviation
        if found is None:
            return 3
        return 1 + sum(found >= limit if limit < 0 else found > limit for limit in LIMITS)


@login_required
@require_GET
def loads(request: HttpRequest) -> HttpResponse:
    """The page."""
    user = require(request, Permission.VIEW_WORKLOAD)
    grouping, lines, aim = lines_for(request, user)
    page = Paginator(lines, PAGE).get_page(request.GET.get("page"))
    town = Subdistrict.objects.order_by("code").first()
    context = {
        "map_data": map_data(town),
        "grouping": grouping,
        "groupings": GROUPINGS,
        "heads": HEADS.items(),
        "sort": request.GET.get("sort", "name"),
        "page": page,
        "aim": aim,
        "chosen": request.GET.get("row", ""),
        "vacant": sum(line.vacant for line in lines),
        "totals": {
            name: sum(getattr(line.load, name) for line in lines) for name in ("households", "people")
        },
        "rows": {
            line.key: {"grids": line.grids, "class": line.load_class, "label": f"{line.title} {line.percent}"}
            for line in page
        },
    }
    return render(request, "planner/table.html" if request.htmx else "planner/loads.html", context)  # type: ignore[attr-defined]  # set by django-htmx


@login_required
@require_GET
def loads_csv(request: HttpRequest) -> HttpResponse:
    """The same table as a file that spreadsheets open."""
    user = require(request, Permission.VIEW_WORKLOAD)
    grouping, lines, aim = lines_for(request, user)
    today = timezone.localdate().isoformat()
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="loads-{grouping}-{today}.csv"'
    response.write("\ufeff")
    out = csv.writer(response)
    head = [_("code"), _("name"), _("of"), _("buildings"), _("households"), _("people")]
    out.writerow(
        [
            *head,
            _("deviation from %(target)s") % {"target": round(aim.value)},
            _("grids"),
            _("vacant"),
            _("date"),
        ]
    )
    for line in lines:
        numbers = (line.load.buildings, line.load.households, line.load.people)
        deviation = "" if line.deviation is None else round(line.deviation, 4)
        out.writerow(
            [
                line.code,
                plain(line.title),
                plain(line.subtitle),
                *numbers,
                deviation,
                len(line.grids),
                line.vacant,
                today,
            ]
        )
    if Subdistrict.objects.filter(is_synthetic=True).exists():
        out.writerow([_("Synthetic data: every person, telephone and household here is invented.")])
    return response


def lines_for(request: HttpRequest, user: User) -> tuple[str, list[Line], Target]:
    """Grouping, sorted rows and what they are compared with, as the address asks. One query and the grants."""
    found = visible_loads(user, Permission.VIEW_WORKLOAD, timezone.now())
    grouping = request.GET.get("by", "grid")
    town = Subdistrict.objects.defer("outline").first()
    if grouping == "specialist":
        groups = by_specialist(found)
        lines = [_group_line(group, target(None, groups)) for group in groups]
        aim = target(None, groups)
    elif grouping == "community":
        groups = by_community(found)
        aim = target(None, groups)
        lines = [_group_line(group, aim) for group in groups]
    else:
        grouping, aim = "grid", target(town, found)
        lines = [_grid_line(load, aim) for load in found]
    sort = request.GET.get("sort", "name")
    key = SORTS.get(sort.removeprefix("-"), SORTS["name"])
    lines.sort(key=key, reverse=sort.startswith("-"))
    if sort.removeprefix("-") == "deviation":
        # What is compared with nothing comes last either way.
        lines.sort(key=lambda line: line.deviation is None)
    return grouping, lines, aim


def _grid_line(load: GridLoad, aim: Target) -> Line:
    return Line(
        key=str(load.grid_id),
        code=load.code,
        title=load.title,
        subtitle=load.specialist_title or _("vacant"),
        load=load,
        deviation=aim.deviation(load),
        grids=(load.grid_id,),
        vacant=int(load.is_vacant),
        is_away=load.lead_is_away,
        is_dedicated=load.kind == "dedicated",
        measure=aim.measure,
    )


def _group_line(group: GroupLoad, aim: Target) -> Line:
    return Line(
        key=str(group.key),
        code="",
        title=group.title,
        subtitle=_("%(count)s grids") % {"count": len(group.grids)},
        load=group,
        deviation=aim.deviation(group),
        grids=tuple(load.grid_id for load in group.grids),
        vacant=group.vacant,
        is_away=group.lead_is_away,
    )


def plain(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
