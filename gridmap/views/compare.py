"""Comparing a plan with what is in force or with another plan: the page, its map, its files. Counts, and no residents."""

import csv
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import shapely
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from boundaries.locating import instant
from boundaries.models import Outline, Plan
from gridmap.comparison import Comparison, communities_of, usual
from gridmap.comparison.drawing import document
from gridmap.models import User
from gridmap.permissions import Permission, visible_plans
from gridmap.plan_states import PlanState, states_of
from gridmap.reports import POLICY, compared, comparison_html, plan_html
from gridmap.views.compare_tables import TABLES, sizes, table_of
from gridmap.views.compare_words import compare_words
from gridmap.views.plan_pages import plan_for

PAGE: Final = 200
IN_FORCE: Final = "in-force"
MOST_CHOICES: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. `against` None is what is in force."""

    user: User
    plan: Plan
    against: Plan | None
    at: datetime | None
    bad_date: str = ""

    def comparison(self) -> Comparison:
        """The comparison; a dozen queries."""
        return compared(self.plan, self.against, at=self.at)

    @property
    def key(self) -> str:
        """What `with` says for the other side."""
        return str(self.against.pk) if self.against else IN_FORCE


def asked(request: HttpRequest, pk: int) -> Asked:
    """Read ?with= (a plan's id or `in-force`) and ?at= (a date); both may be left out.

    Raises
    ------
    Http404
        A plan that the visitor may not see, or whose numbers are not the visitor's to see.
    """
    user, plan = plan_for(request, pk)
    if not user.has_perm(Permission.VIEW_WORKLOAD, plan):
        raise Http404
    against = _against(request.GET.get("with", ""), user, plan)
    text = request.GET.get("at", "").strip()
    try:
        at = instant(text, plan.subdistrict.zone) if text else None
    except ValueError:
        return Asked(user, plan, against, None, text)
    return Asked(user, plan, against, at)


def _against(text: str, user: User, plan: Plan) -> Plan | None:
    known = visible_plans(user, timezone.now()).filter(subdistrict=plan.subdistrict_id)
    if text == IN_FORCE:
        return None
    if text:
        found = (
            known.filter(pk=int(text)).first()
            if text.isascii() and text.isdigit() and len(text) < 19
            else None
        )
        if found is None:
            raise Http404
        return found
    other = usual(plan)
    if other is None or not known.filter(pk=other.pk).exists() or not communities_of(plan, other)[0]:
        return None
    return other


@login_required
@require_safe
def plan_compare(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; with htmx the tables alone."""
    asks = asked(request, pk)
    found = asks.comparison()
    key = request.GET.get("table", "grids")
    table = table_of(found, key if key in TABLES else "grids")
    rows = table.sorted_by(request.GET.get("sort", ""))
    chosen = request.GET.get("select", "")
    page = Paginator(rows, PAGE).get_page(
        request.GET.get("page") or _page_of(chosen, [row.key for row in rows])
    )
    context: dict[str, Any] = {
        "plan": asks.plan,
        "against": asks.against,
        "asked": asks,
        "comparison": found,
        "summary": found.summary,
        "table": table,
        "tables": [(name, label, sizes(found)[name]) for name, label in TABLES.items()],
        "page": page,
        "sort": request.GET.get("sort", ""),
        "chosen": chosen,
        "rows": {row.key: {"grids": row.grids, "points": row.points} for row in page},
    }
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx
        return render(request, "plans/compare_tables.html", context)
    context |= {
        "choices": choices(asks),
        "view": "side" if request.GET.get("view") == "side" else "overlay",
        "map_data": {
            "box": _box(found),
            "tiles": "/tiles",
            "compared": _address("plan-compare-map", asks, request),
        },
        "report": _address("plan-compare-report", asks, request),
        "left_out": ", ".join(each.title for each in found.left_out),
        "words": compare_words(asks.plan.name, asks.against.name if asks.against else _("what is in force")),
    }
    return render(request, "plans/compare.html", context)


def _box(comparison: Comparison) -> list[float] | None:
    """West, south, east, north of all that is compared."""
    drawn = [each.ground for side in (comparison.before, comparison.after) for each in side.state.values()]
    return [round(float(value), 5) for value in shapely.total_bounds(drawn)] if drawn else None


def _page_of(key: str, keys: list[str]) -> int:
    """The page that holds the selected row."""
    return keys.index(key) // PAGE + 1 if key in keys else 1


def _address(name: str, asks: Asked, request: HttpRequest, *more: Any) -> str:
    query = request.GET.copy()
    for key in set(query) - {"at"}:
        del query[key]
    query["with"] = asks.key
    return f"{reverse(name, args=[asks.plan.pk, *more])}?{query.urlencode()}"


def choices(asks: Asked) -> list[tuple[Plan, PlanState]]:
    """Plans to compare with: those that draw one of the plan's communities, newest first, with their states."""
    mine = Outline.objects.filter(plan=asks.plan).values("community")
    theirs = Outline.objects.filter(plan=OuterRef("pk"), community__in=mine)
    found = list(
        visible_plans(asks.user, timezone.now())
        .filter(Exists(theirs), subdistrict=asks.plan.subdistrict_id, discarded_at=None)
        .exclude(pk=asks.plan.pk)
        .select_related("subdistrict")
        .defer("subdistrict__outline")
        .order_by("-id")[:MOST_CHOICES]
    )
    if asks.against is not None and asks.against.pk not in {each.pk for each in found}:
        found.append(asks.against)
    states = states_of(found)
    return [(each, states[each.pk]) for each in found]


@login_required
@require_safe
def plan_compare_map(request: HttpRequest, pk: int) -> JsonResponse:
    """Both states, the ground between them and the buildings that change grid, as GeoJSON features."""
    return JsonResponse(
        document(asked(request, pk).comparison()), json_dumps_params={"separators": (",", ":")}
    )


@login_required
@require_safe
def plan_compare_csv(request: HttpRequest, pk: int, table: str) -> HttpResponse:
    """One table as a file that spreadsheets open."""
    asks = asked(request, pk)
    if table not in TABLES:
        raise Http404
    found = asks.comparison()
    content = table_of(found, table)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    day = timezone.localtime(found.at).date().isoformat()
    response["Content-Disposition"] = f'attachment; filename="{file_stem(asks)}-{table}-{day}.csv"'
    response.write("\ufeff")
    out = csv.writer(response)
    out.writerow(content.file_heads)
    out.writerows(row.file for row in content.sorted_by(request.GET.get("sort", "")))
    if asks.plan.subdistrict.is_synthetic:
        out.writerow([_("Synthetic data: every person, telephone and household here is invented.")])
    return response


@login_required
@require_safe
def plan_compare_report(request: HttpRequest, pk: int) -> HttpResponse:
    """The comparison as one HTML file that opens without a network."""
    asks = asked(request, pk)
    return _file(comparison_html(asks.comparison()), file_stem(asks))


@login_required
@require_safe
def plan_report(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan alone as one HTML file that opens without a network."""
    asks = asked(request, pk)
    return _file(plan_html(compared(asks.plan, asks.plan, at=asks.at)), f"plan-{asks.plan.pk}")


def _file(html: str, stem: str) -> HttpResponse:
    response = HttpResponse(html)
    # The file carries its own policy, which lets nothing out; the service's would keep its inline script from running.
    response["Content-Security-Policy"] = POLICY
    response["Content-Disposition"] = f'attachment; filename="{stem}-{timezone.localdate().isoformat()}.html"'
    return response


def file_stem(asks: Asked) -> str:
    """A name for files of this comparison, safe in every header and on every disk."""
    other = f"plan-{asks.against.pk}" if asks.against else IN_FORCE
    return slugify(f"plan-{asks.plan.pk}-against-{other}")
