"""Publishing over HTTP: what the checks find, submitting, deciding, withdrawing."""

from typing import Annotated, Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Field, NinjaAPI, Query, Router, Schema, Status

from boundaries.actions.plans import PublishError, soon
from boundaries.models import Community, Plan
from gridmap.actions import plans as actions
from gridmap.api.areas import Id
from gridmap.api.auth import SIGNED_IN
from gridmap.api.draft_answers import DRAFT_ERRORS, IfMatch, head_of, plan_for
from gridmap.api.inputs import At, moment
from gridmap.api.problems import ApiError, problem
from gridmap.api.shapes import Text
from gridmap.carrying_over import Choices, propose
from gridmap.models import Release, Submission
from gridmap.permissions import Permission
from gridmap.plan_checks import check

router = Router(tags=["Publishing"], auth=SIGNED_IN)
Key = Annotated[int, Field(ge=1, le=2**63 - 1)]


class FindingOut(Schema):
    """An error holds the plan up, a warning does not. `place` is [lon, lat] in WGS 84 degrees."""

    level: str
    code: str
    message: str
    community: str
    grid: str
    grid_id: int | None
    place: tuple[float, float] | None
    building: int | None


class PostsOut(Schema):
    """Who would hold which part in a grid: ids of specialists. `change` is kept, new, returns or gone."""

    grid: int
    code: str
    change: str
    origin: str
    lead: int | None
    stand_in: int | None
    members: list[int]
    buildings: int
    households: int


class ChecksOut(Schema):
    """What publishing at `at` would find and do. `candidates`: specialists to choose from, by community code."""

    head: int | None
    at: str
    needs_approval: bool
    findings: list[FindingOut]
    posts: list[PostsOut]
    candidates: dict[str, list[int]]


class PublishIn(Schema):
    """All communities of the plan unless some are named, at once unless a time is given.

    `leads` maps ids of grids to specialists (null: vacant) where the proposal is not what you want; `confirmed` and
    `released` are buildings set by hand that stay, and that follow their ground again.
    """

    communities: list[Text] | None = None
    at: Annotated[Text, Field(max_length=40)] | None = None
    note: Annotated[Text, Field(max_length=2000)] = ""
    leads: dict[Key, Key | None] = {}
    confirmed: Annotated[list[Key], Field(max_length=10_000)] = []
    released: Annotated[list[Key], Field(max_length=10_000)] = []


class PublishOut(Schema):
    """`state` is submitted (a supervisor decides) or published (it takes effect at `effective_at`)."""

    state: str
    submission: int | None = None
    release: int | None = None
    effective_at: str | None = None
    placements: int | None = None
    posts: int | None = None


class SubmissionIn(Schema):
    """The submission that is decided; `answer` says why it is refused."""

    submission: Key
    answer: Annotated[Text, Field(max_length=2000)] = ""


class ReleaseIn(Schema):
    """What is withdrawn."""

    release: Key


@router.get(
    "/plans/{id}/checks", response={200: ChecksOut} | DRAFT_ERRORS, summary="What publishing would find"
)
def checks(
    request: HttpRequest,
    id: Id,  # noqa: A002  # the address says id
    at: At = None,
    community: Annotated[list[Text] | None, Query(description="Codes; all of the plan if not given.")] = None,
) -> dict[str, Any]:
    """Findings with their places, and who would go with which grid. Nothing is written."""
    _user, plan = plan_for(request, id, Permission.VIEW_PLAN, Permission.VIEW_STAFF, Permission.VIEW_WORKLOAD)
    chosen = _communities(plan, community)
    when = moment(at) if at else soon()
    proposal = propose(plan, chosen, at=when)
    codes = {each.pk: each.code for each in chosen}
    return {
        "head": plan.head_id,
        "at": when.isoformat(),
        "needs_approval": actions.needs_approval(plan, chosen),
        "findings": [finding.as_json() for finding in check(plan, chosen, proposal).findings],
        "posts": [
            {
                "grid": each.grid_id,
                "code": each.code,
                "change": each.change,
                "origin": each.origin,
                "lead": each.lead,
                "stand_in": each.stand_in,
                "members": list(each.members),
                "buildings": each.buildings,
                "households": each.households,
            }
            for each in proposal.grids
        ],
        "candidates": {
            codes[key]: [person.pk for person in people] for key, people in proposal.candidates.items()
        },
    }


@router.post(
    "/plans/{id}/publish", response={201: PublishOut} | DRAFT_ERRORS, summary="Submit or publish a plan"
)
def publish(
    request: HttpRequest,
    id: Id,  # noqa: A002
    body: PublishIn,
    if_match: IfMatch = None,
) -> Status[dict[str, Any]]:
    """Submit the plan as it is at the head in If-Match; where nobody has to approve, publish it."""
    user, plan = plan_for(request, id, Permission.PUBLISH_PLAN)
    head, chosen = head_of(if_match), _communities(plan, body.communities)
    at = moment(body.at) if body.at else None
    choices = Choices(body.leads, frozenset(body.released))
    if actions.needs_approval(plan, chosen):
        submission = actions.submit(
            plan=plan,
            communities=chosen,
            head=head,
            effective_at=at,
            note=body.note,
            choices=choices,
            confirmed=body.confirmed,
            by=user,
        )
        return Status(201, {"state": "submitted", "submission": submission.pk})
    if plan.head_id != head:
        raise ApiError(
            412, "stale", _("“%(plan)s” was edited meanwhile. Look at it again.") % {"plan": plan.name}
        )
    done = actions.publish_plan(
        plan=plan, communities=chosen, at=at, choices=choices, confirmed=body.confirmed, by=user
    )
    return Status(201, _published(done))


@router.post("/plans/{id}/approve", response={201: PublishOut} | DRAFT_ERRORS, summary="Approve a submission")
def approve(request: HttpRequest, id: Id, body: SubmissionIn) -> Status[dict[str, Any]]:  # noqa: A002
    """Approving publishes, in one transaction. Never an own submission."""
    user, plan = plan_for(request, id, Permission.APPROVE_PLAN)
    found = _one(Submission.objects.select_related("plan").filter(plan=plan), body.submission)
    return Status(201, _published(actions.approve(submission=found, by=user)))


@router.post("/plans/{id}/refuse", response={204: None} | DRAFT_ERRORS, summary="Refuse a submission")
def refuse(request: HttpRequest, id: Id, body: SubmissionIn) -> Status[None]:  # noqa: A002
    """With a note that says what has to change."""
    user, plan = plan_for(request, id, Permission.APPROVE_PLAN)
    found = _one(Submission.objects.select_related("plan").filter(plan=plan), body.submission)
    actions.refuse(submission=found, answer=body.answer, by=user)
    return Status(204, None)


@router.post(
    "/plans/{id}/withdraw", response={204: None} | DRAFT_ERRORS, summary="Withdraw what has not begun"
)
def withdraw(request: HttpRequest, id: Id, body: ReleaseIn) -> Status[None]:  # noqa: A002
    """The plan before holds on, with its buildings and its people. Whoever may publish or approve may withdraw."""
    user, plan = plan_for(request, id, Permission.VIEW_PLAN)
    if not any(user.has_perm(one, plan) for one in (Permission.PUBLISH_PLAN, Permission.APPROVE_PLAN)):
        raise PermissionDenied
    actions.withdraw(release=_one(Release.objects.filter(plan=plan), body.release), by=user)
    return Status(204, None)


@router.post("/plans/{id}/take-back", response={204: None} | DRAFT_ERRORS, summary="Take a submission back")
def take_back(request: HttpRequest, id: Id, body: SubmissionIn) -> Status[None]:  # noqa: A002
    """The draft is as it was, to be worked on."""
    user, plan = plan_for(request, id, Permission.PUBLISH_PLAN)
    found = _one(Submission.objects.select_related("plan").filter(plan=plan), body.submission)
    actions.take_back(submission=found, by=user)
    return Status(204, None)


def register(api: NinjaAPI) -> None:
    """Answer what holds a plan up with a problem that carries the findings."""

    @api.exception_handler(PublishError)
    def held_up(_request: HttpRequest, error: PublishError) -> HttpResponse:
        found = [finding.as_json() for finding in error.findings]
        code = f"check.{error.findings[0].code}" if error.findings else "publish"
        return problem(409, detail=str(error), code=code, findings=found)


def _communities(plan: Plan, codes: list[str] | None) -> list[Community]:
    inside = Community.objects.filter(outlines__plan=plan).select_related("subdistrict").distinct()
    found = list((inside if codes is None else inside.filter(code__in=codes)).order_by("code"))
    if not found or (codes is not None and len(found) != len(set(codes))):
        raise ApiError(
            422, "communities", _("Choose communities of this plan by their codes."), field="communities"
        )
    return found


def _one(rows: "QuerySet[Any]", key: int) -> Any:
    found = rows.filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def _published(done: actions.Released) -> dict[str, Any]:
    return {
        "state": "published",
        "submission": done.release.submission_id,
        "release": done.release.pk,
        "effective_at": done.release.effective_at.isoformat(),
        "placements": done.placements,
        "posts": done.posts,
    }
