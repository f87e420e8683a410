"""Two states of the grids against each other: what a plan changes. Counts only, and public names of specialists."""

from typing import Annotated, Any, Final, Literal

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from boundaries.comparing import Reach, Shape
from boundaries.models import Plan
from gridmap.api.areas import Id
from gridmap.api.auth import SIGNED_IN, account
from gridmap.api.inputs import ERRORS, At, moment
from gridmap.api.shapes import CommunityOut, FeatureCollection
from gridmap.comparison import Comparison, Figures, GridChange
from gridmap.comparison.drawing import changed
from gridmap.models import User
from gridmap.permissions import Permission, visible_plans
from gridmap.reports import compared

router = Router(tags=["Plans"], auth=SIGNED_IN)

IN_FORCE: Final = "in-force"

With = Annotated[
    str,
    Query(
        alias="with",
        max_length=19,
        pattern=r"^(in-force|[0-9]{1,18})$",
        description="What stands before: another plan's id, or `in-force` for what is in force in each community.",
        examples=["in-force"],
    ),
]


class FiguresOut(Schema):
    """A grid in one state. Lengths in metres in the town's projection, areas in square metres.

    `deviation` is from the target: 0.1 is ten per cent above; null where a grid is compared with nothing. `walk_mean_m` and
    `walk_p90_m` are how far, as the crow flies, its households live from the service centre of its lead: on average, and nine of
    ten of them. `round_m` is their mean distance from their common middle.
    """

    code: str
    name: str
    name_en: str
    kind: Literal["all", "dedicated"]
    community: str
    specialist: str | None = Field(description="The public name of the lead; null where the grid is vacant.")
    buildings: int
    households: int
    people: int
    workload: int
    deviation: float | None
    area_m2: float | None
    perimeter_m: float | None
    polsby_popper: float | None
    reock: float | None
    walk_mean_m: float | None
    walk_p90_m: float | None
    round_m: float | None


class GridChangeOut(Schema):
    """A grid that is new, gone or changed; `gained` and `lost` are households."""

    id: int
    status: Literal["new", "gone", "changed"]
    redrawn: bool = Field(description="Its ground is another, not only what is written of it.")
    gained: int
    lost: int
    before: FiguresOut | None
    after: FiguresOut | None


class MoveOut(Schema):
    """A building that changes grid; ids, null for no grid."""

    id: int
    lon: float
    lat: float
    compound: int | None
    before: int | None
    after: int | None
    households: int
    people: int
    by_hand: bool


class CompoundChangeOut(Schema):
    """A compound of which `buildings` of `all_buildings` change grid; `before` and `after` are the grids that hold it."""

    id: int
    name: str
    name_en: str
    wholly: bool
    buildings: int
    all_buildings: int
    households: int
    all_households: int
    people: int
    before: list[int]
    after: list[int]


class SpecialistChangeOut(Schema):
    """A lead who gains or loses households; `id` null stands for grids that nobody leads."""

    id: int | None
    name: str
    name_en: str
    before: int
    gained: int
    lost: int
    after: int
    people_before: int
    people_gained: int
    people_lost: int
    people_after: int
    grids_before: list[int]
    grids_after: list[int]


class TargetOut(Schema):
    """What loads are compared with: the norm, else the mean of the grids of the same side."""

    measure: Literal["people", "households"]
    before: float
    after: float
    is_norm: bool


class ComparisonOut(Schema):
    """What differs. `against` null is what is in force; `changed` is the ground that changes hands, WGS 84, with the ids of the
    grids `before` and `after` and the counts that go the same way."""

    plan: int
    against: int | None
    at: str
    datum: Literal["wgs84"] = "wgs84"
    communities: list[CommunityOut]
    left_out: list[CommunityOut]
    target: TargetOut
    area_m2: float
    buildings: int
    households: int
    people: int
    handed_over: int = Field(description="Households that change specialist.")
    grids: list[GridChangeOut]
    moves: list[MoveOut]
    compounds: list[CompoundChangeOut]
    specialists: list[SpecialistChangeOut]
    changed: FeatureCollection
    synthetic: bool


@router.get("/plans/{id}/compare", response={200: ComparisonOut} | ERRORS, summary="What a plan changes")
def compare_plan(request: HttpRequest, id: Id, with_: With = IN_FORCE, at: At = None) -> dict[str, Any]:  # noqa: A002  # the address says id
    """The plan against another or against what is in force, counted on one day on both sides.

    For whoever may see the plan and the loads on all of its ground; otherwise 404. Only communities of both are compared.
    """
    user = account(request)
    plan = _plan(user, id)
    if not all(user.has_perm(need, plan) for need in (Permission.VIEW_PLAN, Permission.VIEW_WORKLOAD)):
        raise Http404
    other = None if with_ == IN_FORCE else _plan(user, int(with_), plan.subdistrict_id)
    return _document(compared(plan, other, at=moment(at)), plan)


def _plan(user: User, pk: int, subdistrict: int | None = None) -> Plan:
    rows = visible_plans(user, timezone.now()).select_related("subdistrict").defer("subdistrict__outline")
    found = rows.filter(pk=pk).first()
    if found is None or (subdistrict is not None and found.subdistrict_id != subdistrict):
        raise Http404
    return found


def _document(found: Comparison, plan: Plan) -> dict[str, Any]:
    summary = found.summary
    return {
        "plan": plan.pk,
        "against": found.before.plan.pk if found.before.plan else None,
        "at": found.at.isoformat(),
        "communities": found.communities,
        "left_out": found.left_out,
        "target": {
            "measure": found.after.target.measure,
            "before": found.before.target.value,
            "after": found.after.target.value,
            "is_norm": found.after.target.is_norm,
        },
        "area_m2": round(summary.area_m2, 1),
        "buildings": summary.buildings,
        "households": summary.households,
        "people": summary.people,
        "handed_over": summary.handed_over,
        "grids": [_grid(each) for each in found.grids],
        "moves": [
            {
                "id": move.building_id,
                "lon": move.lon,
                "lat": move.lat,
                "compound": move.compound_id,
                "before": move.before,
                "after": move.after,
                "households": move.households,
                "people": move.people,
                "by_hand": move.is_by_hand,
            }
            for move in found.moves
        ],
        "compounds": [_with(each, id=each.compound_id, wholly=each.is_whole) for each in found.compounds],
        "specialists": [
            _with(each, id=each.specialist_id, after=each.after, people_after=each.people_after)
            for each in found.specialists
        ],
        "changed": {"features": changed(found)},
        "synthetic": plan.subdistrict.is_synthetic,
    }


def _with(record: Any, **more: Any) -> dict[str, Any]:
    """The fields of a record, and some more."""
    return {name: getattr(record, name) for name in record.__slots__} | more


def _grid(each: GridChange) -> dict[str, Any]:
    return {
        "id": each.grid_id,
        "status": each.status,
        "redrawn": each.is_redrawn,
        "gained": each.gained,
        "lost": each.lost,
        "before": _figures(each.before),
        "after": _figures(each.after),
    }


def _figures(of: Figures | None) -> dict[str, Any] | None:
    if of is None:
        return None
    load = of.load
    shape: Shape | None = of.shape
    walk: Reach | None = of.walk
    return {
        "code": load.code,
        "name": load.name,
        "name_en": load.name_en,
        "kind": load.kind,
        "community": load.community_code,
        "specialist": load.specialist_title or None,
        "buildings": load.buildings,
        "households": load.households,
        "people": load.people,
        "workload": of.workload,
        "deviation": of.deviation,
        "area_m2": shape.area_m2 if shape else None,
        "perimeter_m": shape.perimeter_m if shape else None,
        "polsby_popper": shape.polsby_popper if shape else None,
        "reock": shape.reock if shape else None,
        "walk_mean_m": walk.mean_m if walk else None,
        "walk_p90_m": walk.p90_m if walk else None,
        "round_m": of.round_m,
    }
