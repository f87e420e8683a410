"""Bringing files in: upload, choose columns, check, look at every problem on the map, write."""

import json
import re
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from boundaries.datum import DATUMS
from boundaries.importing.report import ImportFileError
from boundaries.models import Publication, Subdistrict
from gridmap.actions import imports
from gridmap.actions.import_kinds import KINDS, LABELS
from gridmap.actions.imports import ImportRefused, receive_file
from gridmap.models import ImportKind, ImportRun, ImportState, RegisterRow, User
from gridmap.permissions import Permission, Scope, scope
from gridmap.uploads import reads_its_own_body, takes_large_files
from gridmap.views.context import map_data
from gridmap.views.import_preview import Preview, preview
from gridmap.views.visitor import require, user_of

PAGE: Final = 100
STALLED_S: Final = 15
# Which permission opens which kind; what is not named needs IMPORT_AREAS.
NEEDS: Final = {
    ImportKind.HOUSEHOLDS: Permission.IMPORT_HOUSEHOLDS,
    ImportKind.STAFF: Permission.MANAGE_STAFF,
}
ANY: Final = (Permission.IMPORT_AREAS, Permission.IMPORT_HOUSEHOLDS, Permission.MANAGE_STAFF)
ENCODINGS: Final = ("UTF-8", "GBK", "GB18030", "Big5")
# What a reason says to those who type commands; on a page the options have labels of their own.
COMMAND_OPTION: Final = re.compile(r"\s*[(（]--[\w-]+[)）]")
SWITCHES: Final = ("skip_bad", "repair", "swap_axes", "accept")


def scope_for(user: User, kind: str) -> Scope:
    """Subdistricts into which `user` may import files of `kind`: a file is never about one community alone."""
    return scope(user, NEEDS.get(ImportKind(kind), Permission.IMPORT_AREAS))


def visible_runs(user: User) -> QuerySet[ImportRun]:
    """Uploads of the kinds and subdistricts that `user` may import."""
    condition = Q(pk__in=())
    for kind in KINDS:
        condition |= Q(kind=kind) & scope_for(user, kind).rows(community=None)
    return ImportRun.objects.filter(condition).select_related("created_by", "subdistrict")


def homes(user: User, kind: str) -> QuerySet[Subdistrict]:
    """Subdistricts that a file of `kind` may go to."""
    return Subdistrict.objects.filter(scope_for(user, kind).rows("pk", None)).defer("outline")


@reads_its_own_body
@csrf_exempt
@login_required
def import_list(request: HttpRequest) -> HttpResponse:
    """The latest uploads, and the form for another; a POST is that form.

    The check for forgery reads the body, so it comes second here: large files are taken from those who may import only.
    """
    require(request, *ANY)
    takes_large_files(request)
    return _import_list(request)


@csrf_protect
def _import_list(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    kinds = [(kind, ImportKind(kind).label) for kind in KINDS if scope_for(user, kind)]
    context: dict[str, Any] = {
        "kinds": kinds,
        "kind": request.GET.get("kind") or (kinds[0][0] if kinds else ""),
        "endings": ",".join(imports.ENDINGS),
        "limit": settings.IMPORT_MAX_BYTES // (1024 * 1024),
        "days": settings.IMPORT_KEEP_DAYS,
        "waiting_rows": RegisterRow.objects.filter(
            scope(user, Permission.IMPORT_HOUSEHOLDS).rows(community=None), placed_as=None
        ).count(),
        "is_first_run": not Publication.objects.exists(),
    }
    if request.method == "POST":
        try:
            return redirect("import", pk=_receive(request, user).pk)
        except ImportRefused as error:
            context |= {"fault": str(error), "kind": request.POST.get("kind", "")}
    page = Paginator(visible_runs(user).defer("report"), 30).get_page(request.GET.get("page"))
    return render(request, "imports/list.html", context | {"page": page})


def _receive(request: HttpRequest, user: User) -> ImportRun:
    if request.META.get("gridmap.upload_too_large"):
        raise ImportRefused(imports.too_large(_("The file")))
    upload, kind = request.FILES.get("file"), request.POST.get("kind", "")
    if upload is None:
        raise ImportRefused(_("Choose a file first."))
    if kind not in KINDS:
        raise ImportRefused(_("Say what the file holds."))
    possible = homes(user, kind)
    chosen = request.POST.get("subdistrict", "")
    subdistrict = possible.filter(pk=int(chosen)).first() if chosen.isdecimal() else possible.first()
    if subdistrict is None:
        raise PermissionDenied
    return receive_file(kind=kind, upload=upload, subdistrict=subdistrict, by=user)


@login_required
@require_GET
def import_run(request: HttpRequest, pk: int) -> HttpResponse:
    """One upload: its options before the check, its progress, its report."""
    run = get_object_or_404(visible_runs(require(request, *ANY)), pk=pk)
    context = run_context(request, run)
    if not run.is_busy and run.state != ImportState.DONE and run.file:
        context |= options_context(run)
    template = "imports/state.html" if request.headers.get("HX-Target") == "state" else "imports/run.html"
    return render(request, template, context)


def options_context(run: ImportRun) -> dict[str, Any]:
    """The form with options: what was chosen, else guessed from the file."""
    fault, found = "", None
    try:
        found = preview(run)
    except ImportFileError as error:
        fault = str(error)
    kind = KINDS[run.kind]
    return {
        "preview": found,
        "preview_fault": fault,
        "columns": _columns(run, found) if found else [],
        "kind_info": kind,
        "datums": DATUMS,
        "encodings": ENCODINGS,
        "options": run.options,
    }


def _columns(run: ImportRun, found: Preview) -> list[dict[str, Any]]:
    """One entry a role: what people call it, and the column chosen for it."""
    told: dict[str, str] = run.options.get("mapping") or {}
    return [
        {"role": role, "label": label, "column": told.get(role, found.guess.get(role, ""))}
        for role, label in KINDS[run.kind].words.items()
    ]


def run_context(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    """State, counts, and one page of problems."""
    report: dict[str, Any] = run.report or {}
    severity = request.GET.get("severity", "")
    numbered = [
        {
            **problem,
            "index": index,
            "field_title": LABELS.get(problem["field"], problem["field"]),
            "reason": COMMAND_OPTION.sub("", problem["reason"]),
        }
        for index, problem in enumerate(report.get("problems", []))
        if not severity or problem["severity"] == severity
    ]
    counts = report.get("counts", {})
    ok = bool(report.get("ok"))
    may_skip = bool(run.options.get("skip_bad")) and counts.get("good", 0) > 0
    return {
        "map_data": map_data(run.subdistrict),
        "run": run,
        "report": report,
        "counts": counts,
        "problems": Paginator(numbered, PAGE).get_page(request.GET.get("page")),
        "severity": severity,
        "severities": _severities(report),
        "may_write": run.state == ImportState.CHECKED and (ok or may_skip),
        "stalled": run.is_busy and (timezone.now() - run.touched_at).total_seconds() > STALLED_S,
        "percent": round(run.progress * 100),
    }


def _severities(report: dict[str, Any]) -> dict[str, int]:
    found = {"error": 0, "warning": 0, "note": 0}
    for problem in report.get("problems", []):
        found[problem["severity"]] += 1
    return {name: count for name, count in found.items() if count}


@login_required
@require_GET
def import_map(request: HttpRequest, pk: int) -> HttpResponse:
    """The places of the problems as GeoJSON; `id` is the problem's number in the report."""
    run = get_object_or_404(visible_runs(require(request, *ANY)), pk=pk)
    features = [
        {
            "type": "Feature",
            "id": index,
            "geometry": problem["place"],
            "properties": {
                "severity": problem["severity"],
                "label": COMMAND_OPTION.sub("", problem["reason"]),
                "row": problem["row"],
            },
        }
        for index, problem in enumerate((run.report or {}).get("problems", []))
        if problem["place"]
    ]
    body = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    return HttpResponse(body, content_type="application/geo+json")


@login_required
@require_POST
def import_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand the file to a worker to be checked with the options of the form."""
    user = require(request, *ANY)
    run = get_object_or_404(visible_runs(user), pk=pk)
    mapping = {
        role: request.POST[f"map-{role}"] for role in KINDS[run.kind].roles if f"map-{role}" in request.POST
    }
    datum = request.POST.get("datum", "wgs84")
    options = {
        "mapping": mapping,
        "datum": datum if datum in DATUMS else "wgs84",
        **{
            name: request.POST.get(name, "").strip()[:200]
            for name in ("crs", "encoding", "layer", "multipart")
        },
        **{name: name in request.POST for name in SWITCHES},
    }
    return _start(request, run, user, writing=False, options=options)


@login_required
@require_POST
def import_write(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand the checked file to a worker to be written."""
    user = require(request, *ANY)
    run = get_object_or_404(visible_runs(user), pk=pk)
    if not run_context(request, run)["may_write"]:
        messages.error(
            request, _("The file has rows with errors: mend them, or choose to leave bad rows out.")
        )
        return redirect("import", pk=pk)
    return _start(request, run, user, writing=True, options={})


def _start(
    request: HttpRequest, run: ImportRun, user: User, *, writing: bool, options: dict[str, Any]
) -> HttpResponse:
    try:
        imports.start(run=run, writing=writing, options=options, by=user)
    except ImportRefused as error:
        messages.error(request, str(error))
    return redirect("import", pk=run.pk)


@login_required
@require_POST
def import_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop the work on a file."""
    user = user_of(request)
    run = get_object_or_404(visible_runs(user), pk=pk)
    if not imports.cancel(run=run, by=user):
        messages.info(request, _("It was finished before it could be cancelled."))
    return redirect("import", pk=pk)
