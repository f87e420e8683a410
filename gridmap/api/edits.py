"""Editing a draft: commands, undo, redo, going to any revision."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Body, Field, Header, Query, Router, Schema

from boundaries.actions import editing, heads
from gridmap.api.areas import Id
from gridmap.api.auth import SIGNED_IN
from gridmap.api.draft_answers import DRAFT_ERRORS, IfMatch, edited, head_of, plan_for
from gridmap.api.shapes import FeatureCollection, Text
from gridmap.permissions import Permission

router = Router(tags=["Drafts"], auth=SIGNED_IN)

Key = Annotated[int, Field(ge=1, le=2**63 - 1)]
Grids = Annotated[list[Key], Field(min_length=1, max_length=1000)]
Name = Annotated[Text, Field(max_length=100)]
NameEn = Annotated[Text, Field(max_length=150)]
Kind = Literal["all", "dedicated"]


class Line(Schema):
    """A drawn line (GeoJSON), degrees, WGS 84."""

    type: Literal["LineString", "MultiLineString"]
    coordinates: list[Any]


class Area(Schema):
    """A drawn area (GeoJSON), degrees, WGS 84."""

    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Any]


class _Drawn(Schema):
    snap_m: float | None = Field(
        None,
        ge=0,
        le=50,
        description="Metres within which what is drawn snaps to corners, streets, compound walls.",
    )


class Split(_Drawn):
    """Divide a grid along a line; the largest piece keeps the grid's identity."""

    command: Literal["split"]
    grid: Key
    line: Line


class Merge(Schema):
    """Join grids into one of them."""

    command: Literal["merge"]
    grids: Grids
    into: Key


class Transfer(_Drawn):
    """Give an area to a grid."""

    command: Literal["transfer"]
    area: Area
    to: Key


class Reshape(_Drawn):
    """Pull the common border of two grids to a line."""

    command: Literal["reshape"]
    a: Key
    b: Key
    line: Line


class MoveBuildings(Schema):
    """Give buildings to a grid, with the ground around them."""

    command: Literal["move_buildings"]
    buildings: Annotated[list[Key], Field(min_length=1, max_length=5000)]
    to: Key


class Carve(_Drawn):
    """Carve a new grid out of those around: from a drawn area, or from a compound's outline."""

    command: Literal["carve"]
    area: Area | None = None
    compound: Key | None = None
    name: Name
    name_en: NameEn = ""
    kind: Kind = "dedicated"


class Rename(Schema):
    """Give a grid other names."""

    command: Literal["rename"]
    grid: Key
    name: Name
    name_en: NameEn = ""


class Recode(Schema):
    """Give a grid another code."""

    command: Literal["recode"]
    grid: Key
    code: Annotated[Text, Field(max_length=32)]


class SetKind(Schema):
    """Make a grid all-purpose or dedicated."""

    command: Literal["set_kind"]
    grid: Key
    kind: Kind


class Lock(Schema):
    """Keep the ground and the buildings of grids as they are, or open them again."""

    command: Literal["lock", "unlock"]
    grids: Grids


AnyCommand = Split | Merge | Transfer | Reshape | MoveBuildings | Carve | Rename | Recode | SetKind | Lock


class Carried(Schema):
    """What a grid holds; `deviation` 0.1 is ten per cent above the target."""

    buildings: int
    households: int
    people: int
    workload: int
    deviation: float | None


class EditedOut(Schema):
    """What became of the draft. `grids` and `removed`: what differs from the head that the caller sent."""

    plan: int
    head: int | None
    parent: int | None
    command: str
    rebased: bool = Field(description="Others had edited meanwhile; the edit was run on theirs.")
    dry_run: bool = False
    grids: FeatureCollection
    removed: list[int]
    numbers: dict[str, Carried]
    moved: dict[str, int | None] = Field(description="Buildings that change grid, and where to.")
    can_undo: bool
    can_redo: bool


class HeadIn(Schema):
    """Where to go: a revision of this draft on any branch, or null for where it began."""

    revision: Key | None


@router.post("/plans/{id}/edits", response={200: EditedOut} | DRAFT_ERRORS, summary="Edit a draft")
def edit(
    request: HttpRequest,
    id: Id,  # noqa: A002  # the address says id
    command: Annotated[AnyCommand, Body(discriminator="command")],
    if_match: IfMatch = None,
    idempotency_key: Annotated[
        UUID | None, Header(alias="Idempotency-Key", description="The same edit sent twice is made once.")
    ] = None,
    dry_run: Annotated[bool, Query(description="Only say what would come of it.")] = False,
) -> HttpResponse:
    """Run one command. From an older head it is run on the newest one; where others changed hands of the same ground
    meanwhile it is 412 with what changed."""
    user, plan = plan_for(request, id, Permission.REDRAW_PLAN)
    result = editing.edit(
        plan=plan, command=command.model_dump(exclude_none=True), head=head_of(if_match), key=idempotency_key,
        by=user, dry_run=dry_run,
    )  # fmt: skip
    return edited(plan, result)


@router.post("/plans/{id}/undo", response={200: EditedOut} | DRAFT_ERRORS, summary="Undo")
def undo(request: HttpRequest, id: Id, if_match: IfMatch = None) -> HttpResponse:  # noqa: A002
    """Take the newest edit back. If-Match must be the head now."""
    user, plan = plan_for(request, id, Permission.REDRAW_PLAN)
    return edited(plan, heads.undo(plan=plan, head=head_of(if_match), by=user))


@router.post("/plans/{id}/redo", response={200: EditedOut} | DRAFT_ERRORS, summary="Redo")
def redo(request: HttpRequest, id: Id, if_match: IfMatch = None) -> HttpResponse:  # noqa: A002
    """Do again what was undone last. If-Match must be the head now."""
    user, plan = plan_for(request, id, Permission.REDRAW_PLAN)
    return edited(plan, heads.redo(plan=plan, head=head_of(if_match), by=user))


@router.post("/plans/{id}/head", response={200: EditedOut} | DRAFT_ERRORS, summary="Go to a revision")
def go_to(request: HttpRequest, id: Id, body: HeadIn, if_match: IfMatch = None) -> HttpResponse:  # noqa: A002
    """Go to any revision of the draft, on any branch. If-Match must be the head now."""
    user, plan = plan_for(request, id, Permission.REDRAW_PLAN)
    return edited(plan, heads.go_to(plan=plan, head=head_of(if_match), revision=body.revision, by=user))
