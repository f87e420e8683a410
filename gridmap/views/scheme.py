"""The scheme as a document: every grid of a plan with its bounds in words, to be printed or downloaded as a table."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from boundaries import comparing, exporting
from boundaries.comparing import Drawn
from boundaries.describing import Bounds, bounds_en, bounds_zh
from boundaries.models import Community, GridKind
from gridmap.contacts import contacts, named
from gridmap.responsibility import Person
from gridmap.schemes import Contents, Standing, bounds_of, contents_of
from gridmap.views.plan_documents import Asked, document_of
from gridmap.workload import building_loads

NUMBERS: Final = ("buildings", "households", "people")


@dataclass(frozen=True, slots=True)
class Row:
    """One grid. Households and people are None where the visitor may not see them; `bounds` is in the reader's language."""

    grid: Drawn
    bounds: str
    hectares: float
    buildings: int
    households: int | None
    people: int | None
    specialist: Person | None

    @property
    def is_dedicated(self) -> bool:
        """Whether it is a dedicated grid."""
        return self.grid.kind == GridKind.DEDICATED


@dataclass(slots=True)
class Section:
    """One community with its grids by code."""

    community: Community
    standing: Standing
    state: str
    has_loads: bool
    rows: list[Row] = field(default_factory=list)

    @property
    def dedicated(self) -> int:
        """How many of its grids are dedicated."""
        return sum(row.is_dedicated for row in self.rows)

    @property
    def totals(self) -> dict[str, Any]:
        """Sums of the section; those of loads None where they may not be seen."""
        return totals(self.rows, has_loads=self.has_loads)


@require_safe
def plan_scheme(request: HttpRequest, pk: int) -> HttpResponse:
    """GET /planner/plans/<id>/scheme/[?community=code][&format=csv|html]."""
    asked = document_of(request, pk)
    chosen = asked.only(request.GET.get("community", ""))
    contents = contents_of(asked.plan, chosen)
    found = sections(contents, asked)
    if request.GET.get("format") == "csv":
        return _as_csv(contents, found)
    rows = [row for section in found for row in section.rows]
    has_loads = bool(found) and all(section.has_loads for section in found)
    context = {
        "plan": asked.plan,
        "contents": contents,
        "sections": found,
        "totals": totals(rows, has_loads=has_loads),
        "has_loads": any(section.has_loads for section in found),
        "columns": 9 if any(section.has_loads for section in found) else 7,
        "communities": asked.communities,
        "chosen": request.GET.get("community", ""),
        "is_draft": asked.plan.frozen_at is None,
        "printed_at": timezone.now().astimezone(asked.plan.subdistrict.zone),
    }
    if request.GET.get("format") == "html":
        response = render(request, "plans/scheme_file.html", context)
        response["Content-Disposition"] = _disposition(contents, ".html")
        return response
    return render(request, "plans/scheme.html", context)


def sections(contents: Contents, asked: Asked) -> list[Section]:
    """The contents community by community. A dozen queries, whatever the size."""
    words = bounds_of(contents)
    areas = _hectares(contents)
    loads = _loads(contents, asked)
    people = contacts(contents.at, {key: each.community_id for key, each in contents.grids.items()})
    found = {
        each.pk: Section(
            each,
            contents.standing.get(each.pk, Standing()),
            contents.standing.get(each.pk, Standing()).words(contents.subdistrict),
            each.pk in asked.counted,
        )
        for each in contents.communities
    }
    for key, grid in contents.grids.items():
        section = found[grid.community_id]
        buildings, households, residents = loads[key]
        seen = section.has_loads
        section.rows.append(
            Row(
                grid, in_words(words[key], section.community), areas[key], buildings,
                households if seen else None, residents if seen else None,
                named(people.get(key), is_staff=grid.community_id in asked.staffed),
            )
        )  # fmt: skip
    return [section for section in found.values() if section.rows]


def in_words(bounds: Bounds, community: Community) -> str:
    """The bounds in the reader's language."""
    if (get_language() or "").startswith("zh"):
        return bounds_zh(bounds, community.name)
    return bounds_en(bounds, community.name_en)


def totals(rows: Iterable[Row], *, has_loads: bool) -> dict[str, Any]:
    """Grids, hectares, buildings and, where they may be seen, households and people together."""
    every = list(rows)
    return {
        "grids": len(every),
        "hectares": math.fsum(row.hectares for row in every),
        "buildings": sum(row.buildings for row in every),
        "households": sum(row.households or 0 for row in every) if has_loads else None,
        "people": sum(row.people or 0 for row in every) if has_loads else None,
    }


def _hectares(contents: Contents) -> dict[int, float]:
    grounds = [each.ground for each in contents.grids.values()]
    areas = shapely.area(comparing.in_metres(grounds, contents.subdistrict.metric_srid)) if grounds else []
    return {key: float(area) / 10_000 for key, area in zip(contents.grids, areas, strict=True)}


def _loads(contents: Contents, asked: Asked) -> dict[int, tuple[int, int, int]]:
    """Buildings, households and people of each grid; nobody is counted where the visitor may see none of it."""
    stock, grid_of = contents.homes()
    keys = np.array(list(contents.grids), np.int64)
    order = np.argsort(keys)
    at = np.searchsorted(keys[order], grid_of)
    at[at == len(keys)] = 0
    place = order[at] if len(keys) else at
    inside = keys[place] == grid_of if len(keys) else np.zeros(len(grid_of), bool)
    columns = [np.ones(len(stock)), np.zeros(len(stock)), np.zeros(len(stock))]
    counted = [each.pk for each in contents.communities if each.pk in asked.counted]
    if counted and len(stock):
        loads = building_loads(contents.at, counted)
        where = np.searchsorted(stock.ids, loads.id)
        where[where == len(stock)] = 0
        known = stock.ids[where] == loads.id
        columns[1][where[known]] = loads.households[known]
        columns[2][where[known]] = loads.people[known]
    sums = [np.bincount(place[inside], column[inside], len(keys)).astype(int) for column in columns]
    return {int(key): (int(a), int(b), int(c)) for key, a, b, c in zip(keys, *sums, strict=True)}


def _as_csv(contents: Contents, found: list[Section]) -> HttpResponse:
    has_loads = any(section.has_loads for section in found)
    head = [_("community"), _("code"), _("name"), _("kind"), _("bounds"), _("hectares"), _("buildings")]
    head += [_("households"), _("people")] if has_loads else []
    head += [_("specialist"), _("state"), _("plan"), _("date")]
    day = contents.at.astimezone(contents.subdistrict.zone).date().isoformat()
    synthetic = contents.subdistrict.is_synthetic
    rows = []
    for section in found:
        for row in section.rows:
            loads = [row.households, row.people] if has_loads else []
            rows.append(
                [
                    section.community.title, row.grid.code, row.grid.title, GridKind(row.grid.kind).label, row.bounds,
                    f"{row.hectares:.2f}", row.buildings, *("" if each is None else each for each in loads),
                    row.specialist.title if row.specialist else "", section.state, contents.name, day,
                    *([_("synthetic data")] if synthetic else []),
                ]
            )  # fmt: skip
    head += [_("data")] if synthetic else []
    response = HttpResponse(b"".join(exporting.csv_lines(head, rows)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = _disposition(contents, ".csv")
    return response


def _disposition(contents: Contents, ending: str) -> str:
    day = contents.at.astimezone(contents.subdistrict.zone).date().isoformat()
    name = f"{exporting.file_stem(contents.name)}-{_('scheme')}-{day}{ending}"
    return content_disposition_header(as_attachment=True, filename=name) or ""
