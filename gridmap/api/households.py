"""Households of the grids that a specialist covers today. Every reading states its purpose and is recorded."""

from typing import Annotated, Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Router

from boundaries.models import Placement
from gridmap.actions import audit
from gridmap.api.areas import Id
from gridmap.api.auth import SIGNED_IN, account
from gridmap.api.inputs import ERRORS
from gridmap.api.shapes import Feature, Page
from gridmap.models import Household, Resident, Tag, User
from gridmap.permissions import Permission, visible_households

router = Router(tags=["Households"], auth=SIGNED_IN)
FIELDS: Final = ("door", "tags", "head_count", "residents.name", "residents.birth_year", "residents.tags")
Purpose = Annotated[
    str, Query(max_length=200, description="What it is needed for. Recorded with the caller's name.")
]


@router.get("/households", response={200: Page} | ERRORS, summary="Households that the caller covers today")
def households(
    request: HttpRequest,
    purpose: Purpose,
    grid: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Id of the grid.")] = None,
    building: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Id of the building.")] = None,
    tag: Tag | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before.")] = 0,
) -> dict[str, Any]:
    """By building and door, with their residents, at most 200 a page."""
    user = account(request)
    if not user.has_perm(Permission.VIEW_HOUSEHOLD):
        raise PermissionDenied
    rows = visible_households(user, timezone.now()).filter(pk__gt=after)
    if grid:
        rows = rows.filter(
            building__in=Placement.objects.filter(grid=grid, period__contains=timezone.now()).values(
                "building"
            )
        )
    if building:
        rows = rows.filter(building=building)
    if tag:
        rows = rows.filter(tags__contains=[tag.value])
    page, more = _read(rows.order_by("pk"), limit, purpose, user)
    return {"features": [_feature(each) for each in page], "next": str(page[-1].pk) if more else None}


@router.get("/households/{id}", response={200: Feature} | ERRORS, summary="One household")
def household(request: HttpRequest, id: Id, purpose: Purpose) -> dict[str, Any]:  # noqa: A002  # the address says id
    """A household; 404 for one that the caller does not cover today."""
    user = account(request)
    page, _ = _read(visible_households(user, timezone.now()).filter(pk=id), 1, purpose, user)
    if not page:
        raise Http404
    return _feature(page[0])


@transaction.atomic
def _read(rows: QuerySet[Household], limit: int, purpose: str, user: User) -> tuple[list[Household], bool]:
    """Fetch and record in one transaction: what was not recorded is not shown."""
    living = Resident.objects.filter(period__contains=timezone.now())
    joined = rows.select_related("building__compound", "building__street")
    slim = joined.defer("building__footprint", "building__compound__outline", "building__street__line")
    page = list(slim.prefetch_related(Prefetch("residents", living))[: limit + 1])
    shown = page[:limit]
    if shown:
        audit.read(
            noun="household", object_ids=[each.pk for each in shown], fields=FIELDS, purpose=purpose, by=user
        )
    elif not purpose.strip():
        raise audit.NoPurpose(audit.purpose_needed())
    return shown, len(page) > limit


def _feature(household: Household) -> dict[str, Any]:
    return {
        "id": household.pk,
        "geometry": {"type": "Point", "coordinates": [household.point.x, household.point.y]},
        "properties": {
            "datum": "wgs84",
            "building": household.building_id,
            "address": household.building.address,
            "address_en": household.building.address_en,
            "door": household.door,
            "door_en": household.door_en,
            "floor": household.floor,
            "tags": household.tags,
            "head_count": household.head_count,
            "residents": [
                {"name": each.name, "birth_year": each.birth_year, "tags": each.tags}
                for each in household.residents.all()
            ],
        },
    }
