"""What calls on drafts share: who may, from which head, and how grids, edits and conflicts are written."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import shapely
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Header, NinjaAPI

from boundaries.actions.cells import Changes
from boundaries.actions.draft_errors import Conflict, DraftError, Step
from boundaries.actions.heads import Edited
from boundaries.models import Community, Plan, Subdistrict
from boundaries.prepared import Statement
from gridmap.api.auth import account
from gridmap.api.inputs import ERRORS
from gridmap.api.problems import ApiError, Problem, problem
from gridmap.draft_numbers import numbers_of
from gridmap.models import User
from gridmap.permissions import Permission, visible_plans

DRAFT_ERRORS: Final = ERRORS | {409: Problem, 412: Problem, 428: Problem}
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match", description='The head that the caller saw, as `"17"`; `"0"` where there was none.'
    ),
]
_SUBDISTRICT: Final = [field.column for field in Subdistrict._meta.concrete_fields if field.name != "outline"]
_PLAN: Final = Statement(
    f"SELECT {', '.join(f'p.{field.column}' for field in Plan._meta.concrete_fields)}, "
    f"{', '.join(f's.{column} AS s_{column}' for column in _SUBDISTRICT)} "
    "FROM boundaries_plan p JOIN boundaries_subdistrict s ON s.id = p.subdistrict_id WHERE p.id = %(plan)s"
)
_GONE: Final = {
    "frozen": 409,
    "discarded": 409,
    "nothing_to_undo": 409,
    "nothing_to_redo": 409,
    "unknown_head": 412,
}


def plan_for(request: HttpRequest, key: int, *permissions: Permission) -> tuple[User, Plan]:
    """The account and the plan on which it holds all the permissions.

    Raises
    ------
    Http404
        There is no such plan that the caller may see.
    PermissionDenied
        It may be seen, not touched.
    """
    user = account(request)
    plan = _read(key)
    if not all(user.has_perm(permission, plan) for permission in permissions):
        if visible_plans(user, timezone.now()).filter(pk=key).exists():
            raise PermissionDenied
        raise Http404
    return user, plan


def _read(key: int) -> Plan:
    """The plan with its subdistrict, the town's outline left where it is; kept as a prepared statement, for each edit asks."""
    rows = _PLAN.rows({"plan": key})
    if not rows:
        raise Http404
    (row,) = rows
    names = [name for name in row if not name.startswith("s_")]
    plan = Plan.from_db("default", names, [row[name] for name in names])
    names = [name for name in row if name.startswith("s_")]
    plan.subdistrict = Subdistrict.from_db(
        "default", [name.removeprefix("s_") for name in names], [row[name] for name in names]
    )
    return plan


def head_of(if_match: str | None) -> int | None:
    """The head of an `If-Match` header; None where the draft began.

    Raises
    ------
    ApiError
        428 without one, 422 where it is none of ours.
    """
    if if_match is None:
        raise ApiError(
            428,
            "head_missing",
            _('Send the head that you saw in If-Match, as "17", or "0" where there was none.'),
        )
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdigit() or not text.isascii() or len(text) > 18:
        raise ApiError(
            422, "head", _('If-Match must hold the number of a revision, as "17".'), field="If-Match"
        )
    return int(text) or None


def etag(head: int | None) -> str:
    """The head as an entity tag."""
    return f'"{head or 0}"'


def features(cells: Changes, codes: Mapping[int, str] | None = None) -> str:
    """Grids as a FeatureCollection in text; those that are gone are left out. One query unless `codes` are given."""
    present = {grid: cell for grid, cell in cells.items() if cell is not None}
    codes = codes or community_codes(cell.community for cell in present.values())
    drawn = shapely.to_geojson([cell.shape for cell in present.values()])
    parts = [
        f'{{"type":"Feature","id":{grid},"geometry":{geometry},"properties":'
        + json.dumps(
            {
                "code": cell.code, "name": cell.name, "name_en": cell.name_en, "kind": cell.kind,
                "community": codes[cell.community], "locked": cell.is_locked,
            },
            ensure_ascii=False,
        )
        + "}"
        for (grid, cell), geometry in zip(present.items(), drawn, strict=True)
    ]  # fmt: skip
    return f'{{"type":"FeatureCollection","datum":"wgs84","features":[{",".join(parts)}]}}'


def community_codes(keys: Iterable[int]) -> dict[int, str]:
    """Codes of communities by id: one query."""
    rows = Community.objects.order_by().filter(pk__in=set(keys)).values_list("pk", "code")
    return dict(rows)


def removed(cells: Changes) -> list[int]:
    """Ids of the grids that are gone."""
    return sorted(grid for grid, cell in cells.items() if cell is None)


def as_text(values: Mapping[str, Any], grids: Changes, codes: Mapping[int, str] | None = None) -> str:
    """An answer with its grids."""
    told = json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"))
    return f'{told[:-1]},"grids":{features(grids, codes)}}}'


def edited(plan: Plan, result: Edited, more: Mapping[str, Any] | None = None) -> HttpResponse:
    """The answer to an edit, undo, redo or jump; with `more` beside it."""
    numbers = numbers_of(plan, result)
    body = as_text(
        {
            "plan": result.plan, "head": result.head, "parent": result.parent, "command": result.command,
            "rebased": result.rebased, "dry_run": result.dry, "removed": removed(result.after),
            "numbers": {str(grid): each.as_json() for grid, each in numbers.grids.items()},
            "moved": {str(building): grid for building, grid in numbers.moved.items()},
            "can_undo": result.can_undo, "can_redo": result.can_redo,
            **(more or {}),
        },
        result.after,
        result.codes,
    )  # fmt: skip
    response = HttpResponse(body, content_type="application/json; charset=utf-8")
    response["ETag"] = etag(result.head)
    return response


def steps(found: Iterable[Step]) -> list[dict[str, Any]]:
    """Revisions in one line each."""
    return [{"id": one.id, "command": one.command, "by": one.by, "at": one.at.isoformat()} for one in found]


def register(api: NinjaAPI) -> None:
    """Answer what stops an edit with a problem."""

    @api.exception_handler(Conflict)
    def conflict(_request: HttpRequest, error: Conflict) -> HttpResponse:
        area = None if error.area is None else json.loads(shapely.to_geojson(error.area))
        changes = {"grids": json.loads(features(error.changes)), "removed": removed(error.changes)}
        return problem(
            412, detail=str(error), code=error.code, headers={"ETag": etag(error.head)}, head=error.head,
            changes=changes, area=area, revisions=steps(error.revisions),
        )  # fmt: skip

    @api.exception_handler(DraftError)
    def refused(_request: HttpRequest, error: DraftError) -> HttpResponse:
        more: dict[str, Any] = {} if error.place is None else {"place": list(error.place)}
        return problem(_GONE.get(error.code, 422), detail=str(error), code=error.code, **more)
