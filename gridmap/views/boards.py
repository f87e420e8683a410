"""Notice boards of a plan's grids as pages to print, A4 or A3."""

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from boundaries.models import Community, Outline
from gridmap.boards import boards
from gridmap.schemes import contents_of
from gridmap.views.plan_documents import Asked, document_of

PAPERS: Final = {"a4": "A4", "a3": "A3"}
SIDE_NAMES: Final = {"east": _("East"), "south": _("South"), "west": _("West"), "north": _("North")}
_LOCAL: Final = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}  # noqa: S104  # compared with, not listened on


@require_safe
def plan_boards(request: HttpRequest, pk: int) -> HttpResponse:
    """GET /planner/plans/<id>/boards/[?community=code][&grid=id][&paper=a4|a3]: the boards of one community, or one."""
    asked = document_of(request, pk)
    grid, community = _chosen(request, asked)
    context: dict[str, Any] = {
        "plan": asked.plan,
        "communities": asked.communities,
        "community": community,
        "paper": request.GET.get("paper", "") if request.GET.get("paper", "") in PAPERS else "a4",
        "papers": PAPERS.items(),
        "side_names": SIDE_NAMES,
        "chosen_grid": grid,
    }
    if community is not None:
        contents = contents_of(asked.plan, [community])
        address = find_address(request)
        context |= {
            "contents": contents,
            "grids": contents.grids.values(),
            "boards": boards(
                contents,
                community,
                grids=None if grid is None else [grid],
                staffed=community.pk in asked.staffed,
                address=address,
            ),
            "unreachable": address if urlsplit(address).hostname in _LOCAL else "",
        }
    return render(request, "plans/boards.html", context)


def find_address(request: HttpRequest) -> str:
    """Where residents find «find my grid specialist»: the address of this installation, or the one that was asked."""
    page = reverse("find")
    return f"{settings.PUBLIC_URL}{page}" if settings.PUBLIC_URL else request.build_absolute_uri(page)


def _chosen(request: HttpRequest, asked: Asked) -> tuple[int | None, Community | None]:
    """The grid and the community that the address names; the first community where it names none."""
    text = request.GET.get("grid", "")
    if text:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
        homes = {each.pk: each for each in asked.communities}
        row = (
            Outline.objects.filter(plan=asked.plan, grid=number, community__in=homes)
            .only("community")
            .first()
        )
        if row is None:
            raise Http404
        return number, homes[row.community_id]
    found = asked.only(request.GET.get("community", ""))
    return None, found[0] if found else None
