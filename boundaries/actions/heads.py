"""A draft's head: where it stands in the tree of revisions, and how it moves.

::

    (start) -- r1 -- r2 -- r3            undo from r3: the head stands at r2; r3 stays.
                      \\                  An edit there makes r4, a branch; r3 can still be gone to.
                       +--- r4           redo follows the branch that was left last.

Revisions only know what they changed. The state at another revision is the state at the head, with what lies between
taken back (`before`) up to the common ancestor, then done again (`after`) down to it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext as _

from boundaries.actions.cells import Changes, from_json, write_cells
from boundaries.actions.draft_errors import Conflict, DraftError, Step
from boundaries.models import Basis, MoveKind, Plan, Revision

START: Final = "import"
"""A revision that brought the grids of a plan in is where a draft begins: before it there is nothing to go back to."""


@dataclass(frozen=True, slots=True)
class Locked:
    """The row of a draft, held by this transaction."""

    plan: int
    subdistrict: int
    head: int | None
    narrowest_m: float
    code_scheme: str
    codes: dict[int, str]
    """Codes of the draft's communities by id, for the answer."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of a draft.

    Attributes
    ----------
    before, after : mapping of grid id to Cell or None
        The grids that differ between the sender's head and the head now, at either.
    codes : mapping of community id to code
    dry : bool
        Nothing was written; grids that would be made have negative ids.
    """

    plan: int
    head: int | None
    parent: int | None
    command: str
    rebased: bool
    before: Changes
    after: Changes
    can_undo: bool
    can_redo: bool
    codes: dict[int, str] = field(default_factory=dict)
    dry: bool = False


@dataclass(slots=True)
class Path:
    """From one revision to another: what was done between them, oldest last on the way up."""

    steps: list[Step] = field(default_factory=list)
    changes: Changes = field(default_factory=dict)
    """The grids touched on the way, as they stand at the goal."""
    before: Changes = field(default_factory=dict)
    """The same grids, as they stand at the origin."""
    bases: dict[int, int | None] = field(default_factory=dict)
    """Where ground was settled on the way: the plan that each community's basis is at the goal."""


# FOR NO KEY UPDATE is what updating the head takes anyway. Taken first, it is stronger than the FOR SHARE of the outlines'
# trigger, so that no two edits hold the weaker one and wait for each other.
_LOCK: Final = """
    SELECT p.head_id, p.frozen_at IS NOT NULL, p.discarded_at IS NOT NULL, s.narrowest_m, s.code_scheme, s.id,
           (SELECT jsonb_object_agg(c.id, c.code) FROM boundaries_community c WHERE c.subdistrict_id = s.id)
    FROM boundaries_plan p JOIN boundaries_subdistrict s ON s.id = p.subdistrict_id
    WHERE p.id = %s
"""
# The one that was made later steps back to its parent until both are the same: parents are always older.
_WALK: Final = """
    WITH RECURSIVE walk (a, b, up, down) AS (
      SELECT %(origin)s::bigint, %(goal)s::bigint, NULL::bigint, NULL::bigint
      UNION ALL
      SELECT CASE WHEN w.a > w.b THEN coalesce(r.parent_id, 0) ELSE w.a END,
             CASE WHEN w.b > w.a THEN coalesce(r.parent_id, 0) ELSE w.b END,
             CASE WHEN w.a > w.b THEN w.a END,
             CASE WHEN w.b > w.a THEN w.b END
      FROM walk w JOIN boundaries_revision r ON r.id = greatest(w.a, w.b) AND r.plan_id = %(plan)s
      WHERE w.a <> w.b
    )
    SELECT w.up IS NOT NULL, r.id, r.before, r.after, r.command, r.made_by_id, r.made_at,
           CASE WHEN r.command = 'settle' THEN r.parameters END
    FROM walk w JOIN boundaries_revision r ON r.id = coalesce(w.up, w.down)
"""
_NEWER: Final = """
    WITH RECURSIVE below AS (
      SELECT id, id AS child FROM boundaries_revision WHERE plan_id = %(plan)s AND {parent}
      UNION ALL
      SELECT r.id, b.child FROM below b JOIN boundaries_revision r ON r.parent_id = b.id
    )
    SELECT b.child FROM boundaries_headmove m JOIN below b ON b.id = m.origin_id
    WHERE m.plan_id = %(plan)s ORDER BY m.id DESC LIMIT 1
"""
_PLACE: Final = """
    SELECT r.parent_id, coalesce(r.id IS NOT NULL AND NOT (r.parent_id IS NULL AND r.command = %(start)s), false),
           EXISTS (SELECT FROM boundaries_revision c WHERE c.plan_id = %(plan)s AND c.{follows})
    FROM (SELECT 1) one LEFT JOIN boundaries_revision r ON r.id = %(head)s
"""


def lock_draft(plan: int, *, wait: bool = True) -> Locked:
    """Hold the row of a draft until the transaction ends, or only read it unless `wait`.

    Raises
    ------
    DraftError
        ``frozen`` or ``discarded``.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK + (" FOR NO KEY UPDATE OF p" if wait else ""), [plan])
        row = cursor.fetchone()
    if row is None:
        raise Plan.DoesNotExist
    head, frozen, discarded, narrowest, scheme, subdistrict, codes = row
    if frozen:
        raise DraftError(
            "frozen", _("This plan was published and is fixed for good. Make a copy to go on with.")
        )
    if discarded:
        raise DraftError("discarded", _("This draft was put away. Take it back first to go on with it."))
    named = {int(key): code for key, code in json.loads(codes or "{}").items()}
    return Locked(plan, subdistrict, head, narrowest, scheme, named)


def path(plan: int, origin: int | None, goal: int | None) -> Path:
    """What lies between two revisions of a plan; None is where it began. One query, as long as the way.

    Raises
    ------
    DraftError
        ``unknown_head``: no revision of this plan.
    """
    if origin == goal:
        return Path()
    require_known(plan, [one for one in (origin, goal) if one is not None])
    with connection.cursor() as cursor:
        cursor.execute(_WALK, {"plan": plan, "origin": origin or 0, "goal": goal or 0})
        rows = cursor.fetchall()
    up = sorted((row for row in rows if row[0]), key=lambda row: -row[1])
    down = sorted((row for row in rows if not row[0]), key=lambda row: row[1])
    # Folded as JSON first: of a grid that was redrawn a hundred times two outlines are read, not two hundred.
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    bases: dict[int, int | None] = {}
    for backwards, row in [(True, row) for row in up] + [(False, row) for row in down]:
        before, after = json.loads(row[2]), json.loads(row[3])
        left, reached = (after, before) if backwards else (before, after)
        first = left | first
        last |= reached
        if row[7] is not None:
            settled = json.loads(row[7])
            bases[settled["community"]] = settled["was" if backwards else "base"]
    same = {key for key in last if _whole(first[key]) == _whole(last[key])}
    found = Path(
        before=from_json({key: value for key, value in first.items() if key not in same}),
        changes=from_json({key: value for key, value in last.items() if key not in same}),
        bases=bases,
    )
    found.steps = [Step(row[1], row[4], row[6], row[5]) for row in sorted(up + down, key=lambda row: row[1])]
    return found


def _whole(kept: dict[str, Any] | None) -> dict[str, Any] | None:
    """A state of a grid; imports left `locked` out."""
    return None if kept is None else {"locked": None} | kept


def require_known(plan: int, revisions: Iterable[int]) -> None:
    """Raise DraftError unless all are revisions of this plan."""
    wanted = sorted(set(revisions))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM boundaries_revision WHERE plan_id = %s AND id = ANY(%s)", [plan, wanted]
        )
        if cursor.fetchone()[0] != len(wanted):
            raise DraftError("unknown_head", _("This draft has no such revision. Load it again."))


def named(steps: Iterable[Step]) -> list[Step]:
    """The steps with the names of those who made them. One query."""
    found = list(steps)
    wanted = {step.by_id for step in found if step.by_id is not None}
    people = {one.pk: one.get_username() for one in get_user_model().objects.filter(pk__in=wanted)}
    return [replace(step, by=people.get(step.by_id or 0, "")) for step in found]


# --- Moving the head ------------------------------------------------------------------------------------------


def newer(plan: int, head: int | None) -> int | None:
    """The revision that redo goes to: the one after `head` on the branch that was left last; None if there is none."""
    parent = "parent_id IS NULL" if head is None else "parent_id = %(head)s"
    with connection.cursor() as cursor:
        cursor.execute(_NEWER.format(parent=parent), {"plan": plan, "head": head})
        row = cursor.fetchone()
    return row[0] if row else None


def ways(plan: int, head: int | None) -> tuple[bool, bool]:
    """Whether there is something to undo, and something to redo."""
    _parent, can_undo, can_redo = _place(plan, head)
    return can_undo, can_redo


def _place(plan: int, head: int | None) -> tuple[int | None, bool, bool]:
    """The parent of a head, whether it can be undone, whether anything follows it."""
    follows = "parent_id IS NULL" if head is None else "parent_id = %(head)s"
    with connection.cursor() as cursor:
        cursor.execute(_PLACE.format(follows=follows), {"plan": plan, "head": head, "start": START})
        parent, can_undo, can_redo = cursor.fetchone()
    return parent, can_undo, can_redo


def move_head(
    plan: int, kind: MoveKind, origin: int | None, goal: int | None, by: AbstractBaseUser | None
) -> None:
    """Write where the head stands now and how it came there, and tell whoever listens, on commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH moved AS (
              INSERT INTO boundaries_headmove (plan_id, kind, origin_id, goal_id, moved_at, moved_by_id)
              VALUES (%(plan)s, %(kind)s, %(origin)s, %(goal)s, now(), %(by)s)
            ), set AS (UPDATE boundaries_plan SET head_id = %(goal)s WHERE id = %(plan)s)
            SELECT pg_notify('plans', %(news)s)
            """,
            {
                "plan": plan, "kind": kind.value, "origin": origin, "goal": goal,
                "by": None if by is None else by.pk, "news": f"plan {plan} {goal or 0}",
            },
        )  # fmt: skip


def stale(draft: Locked, head: int | None, message: str = "") -> Conflict:
    """The refusal for whoever started from another head, with what happened since."""
    try:
        between = path(draft.plan, head, draft.head)
    except DraftError:
        between = Path()
    return Conflict(
        "stale",
        message or _("The draft was changed meanwhile. Look at what changed, then try again."),
        head=draft.head,
        changes=between.changes,
        revisions=named(between.steps),
    )


@transaction.atomic
def undo(*, plan: Plan, head: int | None, by: AbstractBaseUser | None) -> Edited:
    """Take the newest edit back. The head goes to its parent; nothing is lost.

    Raises
    ------
    DraftError
        ``nothing_to_undo``, ``frozen``, ``discarded``; Conflict ``stale`` where `head` is not the draft's.
    """
    draft = current_draft(plan, head)
    parent, can_undo, _can_redo = _place(draft.plan, draft.head)
    if not can_undo:
        raise DraftError("nothing_to_undo", _("This is where the draft began: there is nothing to undo."))
    return _go(draft, parent, MoveKind.UNDO, by)


@transaction.atomic
def redo(*, plan: Plan, head: int | None, by: AbstractBaseUser | None) -> Edited:
    """Do again what was undone last.

    Raises
    ------
    DraftError
        ``nothing_to_redo``, ``frozen``, ``discarded``; Conflict ``stale`` where `head` is not the draft's.
    """
    draft = current_draft(plan, head)
    goal = newer(draft.plan, draft.head)
    if goal is None:
        raise DraftError("nothing_to_redo", _("There is nothing to redo here."))
    return _go(draft, goal, MoveKind.REDO, by)


@transaction.atomic
def go_to(*, plan: Plan, head: int | None, revision: int | None, by: AbstractBaseUser | None) -> Edited:
    """Go to any revision of the draft, on any branch; None is where it began.

    Raises
    ------
    DraftError
        ``unknown_head``, ``frozen``, ``discarded``; Conflict ``stale`` where `head` is not the draft's.
    """
    draft = current_draft(plan, head)
    if revision is None and Revision.objects.filter(plan=plan, parent=None, command=START).exists():
        raise DraftError("nothing_to_undo", _("This is where the draft began: there is nothing to undo."))
    return _go(draft, revision, MoveKind.JUMP, by)


def current_draft(plan: Plan, head: int | None, *, wait: bool = True) -> Locked:
    """Hold a draft whose head is the sender's.

    Raises
    ------
    DraftError
        ``frozen``, ``discarded``; Conflict ``stale`` where it is not.
    """
    draft = lock_draft(plan.pk, wait=wait)
    if head != draft.head:
        raise stale(draft, head)
    return draft


def _go(draft: Locked, goal: int | None, kind: MoveKind, by: AbstractBaseUser | None) -> Edited:
    between = path(draft.plan, draft.head, goal)
    write_cells(draft.plan, between.before, between.changes)
    if goal != draft.head:
        for community, base in between.bases.items():
            Basis.objects.filter(plan=draft.plan, community=community).update(base=base)
        move_head(draft.plan, kind, draft.head, goal, by)
    parent, can_undo, can_redo = _place(draft.plan, goal)
    return Edited(
        plan=draft.plan, head=goal, parent=parent, command=kind.value, rebased=False,
        before=between.before, after=between.changes, can_undo=can_undo, can_redo=can_redo, codes=draft.codes,
    )  # fmt: skip
