"""A plan's way into force: submitted, refused or approved, published, withdrawn. Its people go with its grids.

Locks are taken in one order, so that no two of these stand in each other's way: the plan's row (which an edit of a
draft holds, too), its communities by id, then posts.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.actions import plans
from boundaries.actions.plans import PublishError
from boundaries.models import Community, Plan, Publication, PublicationState
from gridmap.actions.audit import record
from gridmap.actions.giving_back import restore_posts
from gridmap.actions.posts import carry_posts
from gridmap.carrying_over import Choices, Proposal, propose
from gridmap.models import HandOver, Release, Submission, SubmissionState, User
from gridmap.plan_checks import check


@dataclass(frozen=True, slots=True)
class Released:
    """What publishing did: the act itself, its publications, and how many buildings and posts changed."""

    release: Release
    publications: list[Publication]
    placements: int
    posts: int


def needs_approval(plan: Plan, communities: Collection[Community]) -> bool:
    """Whether a supervisor must approve: where the setting says so, and a community has a plan already."""
    return (
        plan.subdistrict.needs_approval
        and Publication.objects.filter(community__in=communities, state=PublicationState.STANDING).exists()
    )


@transaction.atomic
def publish_plan(
    *,
    plan: Plan,
    communities: Sequence[Community],
    at: datetime | None,
    choices: Choices | None = None,
    confirmed: Collection[int] = (),
    by: User | None,
) -> Released:
    """Put a plan's outlines for `communities` in force from `at` on, or at once, with the people of its grids.

    Without approval: a first plan, a subdistrict that asks for none, or the operator at the machine (`by` None).

    Raises
    ------
    PublishError
        A check finds an error (in `findings`), approval is needed, or see `boundaries.actions.plans.publish`.
    """
    held, locked = plans.lock(plan, communities)
    if by is not None and needs_approval(held, locked):
        raise PublishError(_("“%(plan)s” needs a supervisor's approval: submit it.") % {"plan": held.name})
    done = _release(held, locked, at, choices or Choices(), confirmed, None, by)
    plan.frozen_at = held.frozen_at
    return done


@transaction.atomic
def submit(
    *,
    plan: Plan,
    communities: Sequence[Community],
    head: int | None,
    effective_at: datetime | None,
    note: str = "",
    choices: Choices | None = None,
    confirmed: Collection[int] = (),
    by: User,
) -> Submission:
    """Lay a plan before the supervisor, as it is at `head`. An earlier submission of it is taken back.

    Parameters
    ----------
    head : int or None
        The revision that the planner has before the eyes.
    effective_at : datetime or None
        With its time zone; None: as soon as it is approved.

    Raises
    ------
    PublishError
        It was edited meanwhile, the time has passed, or a check finds an error (in `findings`).
    """
    held, locked = plans.lock(plan, communities)
    if held.head_id != head:
        raise PublishError(_("“%(plan)s” was edited meanwhile. Look at it again.") % {"plan": held.name})
    if held.discarded_at is not None:
        raise PublishError(_("“%(plan)s” was put away. Take it back first.") % {"plan": held.name})
    if not locked:
        raise PublishError(_("Choose at least one community to publish."))
    if effective_at is not None and effective_at <= timezone.now():
        raise PublishError(_("The time from which it shall hold has passed. Choose a later one."))
    chosen = choices or Choices()
    _refuse_errors(held, locked, effective_at or plans.soon(), chosen, confirmed)
    now = timezone.now()
    Submission.objects.waiting().filter(plan=held).update(
        state=SubmissionState.WITHDRAWN, decided_at=now, decided_by=by
    )
    submission = Submission.objects.create(
        plan=held,
        head_id=head,
        effective_at=effective_at,
        note=note.strip(),
        choices=chosen.as_json(),
        confirmed=sorted(confirmed),
        submitted_by=by,
    )
    submission.communities.set(locked)
    _record("submit", submission, by, head=head, communities=_codes(locked), at=effective_at)
    return submission


@transaction.atomic
def take_back(*, submission: Submission, by: User) -> Submission:
    """Take a submission back before it is decided; the draft stays as it is."""
    held, _plan = _waiting(submission)
    held.state, held.decided_at, held.decided_by = SubmissionState.WITHDRAWN, timezone.now(), by
    held.save(update_fields=["state", "decided_at", "decided_by"])
    _record("take_back", held, by)
    return held


@transaction.atomic
def refuse(*, submission: Submission, answer: str, by: User) -> Submission:
    """Refuse with a note that says why; the planner may go on with the draft and submit it again.

    Raises
    ------
    PublishError
        No note, an own submission, or it is decided already.
    """
    held, _plan = _waiting(submission)
    _refuse_own(held, by)
    if not answer.strip():
        raise PublishError(_("Say why, so that the planner knows what to change."))
    held.state, held.decided_at, held.decided_by = SubmissionState.REFUSED, timezone.now(), by
    held.answer = answer.strip()
    held.save(update_fields=["state", "decided_at", "decided_by", "answer"])
    _record("refuse", held, by)
    return held


@transaction.atomic
def approve(*, submission: Submission, by: User) -> Released:
    """Approve a submission, which publishes it: everything in this one transaction, or nothing.

    A time that passed while it waited becomes «at once».

    Raises
    ------
    PublishError
        An own submission, decided already, edited since, or something holds it up now (in `findings`).
    """
    held, plan = _waiting(submission)
    _refuse_own(held, by)
    if plan.head_id != held.head_id:
        raise PublishError(
            _("“%(plan)s” was edited after it was submitted. The planner must submit it again.")
            % {"plan": plan.name}
        )
    plan, locked = plans.lock(plan, list(held.communities.all()))
    # What would pass while it is written is «at once», too.
    is_ahead = held.effective_at is not None and held.effective_at > timezone.now() + plans.SOON
    at = held.effective_at if is_ahead else None
    done = _release(plan, locked, at, Choices.from_json(held.choices), held.confirmed, held, by)
    held.state, held.decided_at, held.decided_by = SubmissionState.APPROVED, timezone.now(), by
    held.save(update_fields=["state", "decided_at", "decided_by"])
    _record("approve", held, by, release=done.release.pk)
    return done


@transaction.atomic
def withdraw(*, release: Release, by: User | None) -> Release:
    """Take back what has not begun: the plan before holds on, with its buildings and its people.

    Raises
    ------
    PublishError
        It has begun, was withdrawn already, or somebody changed posts of its grids in the same moment.
    """
    publications = list(release.publications.select_related("community", "plan").order_by("community"))
    plans.lock(release.plan, [publication.community for publication in publications])
    held = Release.objects.select_for_update(no_key=True).get(pk=release.pk)
    if held.withdrawn_at is not None:
        raise PublishError(_("This was withdrawn already."))
    publications = list(release.publications.select_related("community", "plan").order_by("community"))
    done = plans.withdraw(publications=publications, by=by)
    with _told_of_others():
        posts = restore_posts(release=held, publications=publications, by=by)
    held.withdrawn_at, held.withdrawn_by = timezone.now(), by
    held.save(update_fields=["withdrawn_at", "withdrawn_by"])
    record(
        verb="withdraw",
        noun="plan",
        object_id=held.plan_id,
        details={"release": held.pk, "placements": done.placements, "posts": posts},
        by=by,
    )
    return held


def _release(
    plan: Plan,
    communities: Sequence[Community],
    at: datetime | None,
    choices: Choices,
    confirmed: Collection[int],
    submission: Submission | None,
    by: User | None,
) -> Released:
    """Outlines, grids of buildings, posts, hand-overs, audit. The plan and its communities are locked."""
    follows = Publication.objects.filter(community__in=communities, state=PublicationState.STANDING).exists()
    start = at or (plans.soon() if follows else timezone.now())
    proposal = _refuse_errors(plan, communities, start, choices, confirmed)
    published = plans.publish(plan=plan, communities=communities, at=start, released=choices.released, by=by)
    release = Release.objects.create(plan=plan, submission=submission, effective_at=start, made_by=by)
    release.publications.set(published.publications)
    with _told_of_others():
        posts = carry_posts(release=release, proposal=proposal, windows=published.windows, by=by)
    HandOver.objects.bulk_create(
        HandOver(
            release=release,
            giver_id=gift.giver,
            taker_id=gift.taker,
            grid_id=gift.grid_id,
            buildings=gift.buildings,
            households=gift.households,
        )
        for gift in proposal.gifts
    )
    record(
        verb="publish",
        noun="plan",
        object_id=plan.pk,
        details={
            "communities": _codes(communities),
            "at": start.isoformat(),
            "placements": published.placements,
            "posts": posts,
            "hand_overs": len(proposal.gifts),
            "release": release.pk,
            "submission": submission.pk if submission else None,
        },
        by=by,
    )
    return Released(release, published.publications, published.placements, posts)


def _refuse_errors(
    plan: Plan,
    communities: Sequence[Community],
    at: datetime,
    choices: Choices,
    confirmed: Collection[int],
) -> Proposal:
    proposal = propose(plan, communities, at=at, choices=choices)
    known = {row.grid_id: row for row in proposal.grids}
    for grid, who in choices.leads.items():
        if (
            who is not None
            and grid in known
            and who not in {each.pk for each in proposal.candidates[known[grid].community_id]}
        ):
            raise PublishError(
                _("The specialist chosen for %(grid)s is not in service there then. Choose another.")
                % {"grid": known[grid].code}
            )
    errors = check(plan, communities, proposal, confirmed=confirmed, released=choices.released).errors
    if errors:
        raise PublishError(errors[0].message, errors)
    return proposal


@contextmanager
def _told_of_others() -> Iterator[None]:
    """Somebody assigned one of these grids in the same moment: the database lets only one of both stand."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise PublishError(
            _("Posts of these grids were changed meanwhile. Look at them and try again.")
        ) from error


def _waiting(submission: Submission) -> tuple[Submission, Plan]:
    """The submission and its plan, held until the transaction ends.

    Raises
    ------
    PublishError
        It is decided already.
    """
    plan, _none = plans.lock(submission.plan, [])
    held = (
        Submission.objects.select_for_update(of=("self",)).select_related("decided_by").get(pk=submission.pk)
    )
    if held.state != SubmissionState.WAITING:
        raise PublishError(
            _("This submission is decided already: %(state)s.") % {"state": held.get_state_display()}
        )
    return held, plan


def _refuse_own(submission: Submission, by: User) -> None:
    if submission.submitted_by_id == by.pk:
        raise PublishError(_("You submitted this plan yourself: somebody else must decide."))
    if submission.plan.revisions.filter(made_by=by).exists():
        raise PublishError(_("You drew at this plan yourself: somebody else must decide."))


def _record(verb: str, submission: Submission, by: User, **details: object) -> None:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in details.items()
    }
    record(
        verb=verb,
        noun="plan",
        object_id=submission.plan_id,
        details={"submission": submission.pk, **values},
        by=by,
    )


def _codes(communities: Collection[Community]) -> list[str]:
    return sorted(community.code for community in communities)
