"""The page from which a plan's files are downloaded; the files themselves come from the API."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from gridmap.models import User
from gridmap.permissions import Permission, scope
from gridmap.views.plan_documents import Asked, document_of

FILES: Final = (
    ("gpkg", _("GeoPackage"), ".gpkg", _("Grids, for QGIS and other GIS. One file that keeps everything.")),
    ("geojson", _("GeoJSON"), ".geojson", _("Grids, for web maps and programs (RFC 7946).")),
    ("shp", _("Shapefile"), ".zip", _("Grids, for older GIS. Text in UTF-8.")),
    (
        "csv",
        _("Buildings by grid"),
        ".csv",
        _("Each building with its address, its grid and its specialist."),
    ),
)


@require_safe
def plan_export(request: HttpRequest, pk: int) -> HttpResponse:
    """GET /planner/plans/<id>/export/."""
    asked = document_of(request, pk)
    address = reverse("api-v1:export", args=[pk])
    context: dict[str, Any] = {
        "plan": asked.plan,
        "files": [(title, ending, text, f"{address}?format={key}") for key, title, ending, text in FILES],
        "report": reverse("plan-report", args=[pk]) if _may_count(asked) else "",
        "communities": len(asked.communities),
        "has_counts": bool(scope(asked.visitor, Permission.VIEW_ADDRESS)),
    }
    return render(request, "plans/export.html", context)


def _may_count(asked: Asked) -> bool:
    """Whether the file with the map and its counts is open to the visitor, as on the page of comparing."""
    return isinstance(asked.visitor, User) and asked.visitor.has_perm(Permission.VIEW_WORKLOAD, asked.plan)
