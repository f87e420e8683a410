"""What others published since a draft took its ground over, and bringing the two together.

::

    plan A in force ------- B published (by another planner) ----------------------->
          \\                          \\ theirs
           +-- draft of A: edits ------+---- settle ---- edits ---- publish
          base               mine            one revision; the basis is B from here on, A again where it is undone

Ground that only B changed goes as in B, ground that only the draft changed stays as in the draft. Ground that both gave to
different grids is a dispute: the planner says whose counts. Names, codes and kinds go the same way, the draft's where both
changed them. Other communities of the draft are untouched.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import shapely
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries import topology
from boundaries.actions.around import home_of
from boundaries.actions.cells import Cell, Cells, Changes, as_multi, cells_of, write_cells
from boundaries.actions.draft_errors import DraftError
from boundaries.actions.editing import add_revision
from boundaries.actions.heads import Edited, current_draft, move_head
from boundaries.actions.reasons import refused
from boundaries.models import Basis, Community, MoveKind, Plan, Publication, PublicationState

Side = Literal["theirs", "mine"]
Owners = tuple[int | None, int | None, int | None]
ATTRIBUTES: Final = ("code", "name", "name_en", "kind")


@dataclass(frozen=True, slots=True)
class Preference:
    """Whose change counts on disputed ground: `side`, but for the disputes in `single` by (base, theirs, mine) grid ids."""

    side: Side = "mine"
    single: Mapping[Owners, Side] = field(default_factory=dict)

    def __call__(self, base: Any, theirs: Any, mine: Any) -> Side:
        """The answer for one dispute."""
        return self.single.get((base, theirs, mine), self.side)

    def as_json(self) -> dict[str, Any]:
        """As a revision keeps it."""
        return {"side": self.side, "single": [[*owners, side] for owners, side in self.single.items()]}


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A community over which another plan was published since the draft took it over.

    Attributes
    ----------
    base, theirs : int
        Plans: the one that was in force then, and the last one published since (it may begin later).
    changed : list of topology.Change
        The ground that changed hands between the two, by grid ids.
    disputes : list of topology.Conflict
        Ground that the draft gave to yet another grid: (base, theirs, mine) by grid ids.
    """

    community: Community
    base: int
    theirs: int
    changed: list[topology.Change]
    disputes: list[topology.Conflict]


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of settling: the edit, the disputes as they were decided, slivers given to neighbours, grids that went."""

    edited: Edited
    disputes: list[topology.Conflict]
    mended: list[topology.Change]
    lost: list[int]


def unsettled(plan: Plan) -> list[Unsettled]:
    """What has to be settled before the draft can be published; empty where nothing has.

    A draft whose community took nothing over (a scheme from a file) replaces what is there and has nothing to settle.
    """
    found = []
    for one in _open(plan):
        base, theirs, mine = _versions(plan.pk, one)
        changed = topology.changed_ground(_ground(base), _ground(theirs))
        tried = topology.settle(
            _ground(base), _ground(theirs), _ground(mine), "mine", outline=home_of(one.community.pk).outline
        )
        found.append(Unsettled(one.community, one.base, one.theirs, changed, tried.conflicts))
    return found


def must_settle(plan: Plan) -> list[Community]:
    """Communities of the draft over which another plan was published: two queries, no geometry."""
    return [one.community for one in _open(plan)]


@transaction.atomic
def settle(
    *,
    plan: Plan,
    community: Community,
    prefer: Preference | Side = "mine",
    head: int | None,
    by: AbstractBaseUser | None,
    dry_run: bool = False,
) -> Settled:
    """Take over what was published in a community since the draft began, as one revision that can be undone.

    Parameters
    ----------
    prefer : Preference, or "mine" or "theirs" for all

    Raises
    ------
    DraftError
        ``settled``: nothing to settle; ``topology.locked``: it would change a locked grid; ``code_taken``.
    Conflict
        ``stale``: `head` is not the draft's.
    """
    choice = Preference(prefer) if isinstance(prefer, str) else prefer
    draft = current_draft(plan, head, wait=not dry_run)
    chosen = next((one for one in _open(plan) if one.community.pk == community.pk), None)
    if chosen is None:
        raise DraftError(
            "settled", _("Nothing was published in this community since the draft took it over.")
        )
    base, theirs, mine = _versions(plan.pk, chosen)
    with refused(mine):
        result = topology.settle(
            _ground(base), _ground(theirs), _ground(mine), choice,
            min_width_m=draft.narrowest_m, outline=home_of(community.pk).outline,
        )  # fmt: skip
        _spare_locked(mine, result.coverage)
    after = _changes(base, theirs, mine, result.coverage)
    _require_free_codes(plan.pk, after)
    before: Changes = {grid: mine.get(grid) for grid in after}
    head_now = draft.head
    if not dry_run:
        write_cells(draft.plan, before, after)
        values = {
            "community": community.pk,
            "was": chosen.base,
            "base": chosen.theirs,
            "prefer": choice.as_json(),
        }
        head_now = add_revision(draft, "settle", values, before, after, None, by)
        Basis.objects.filter(plan=plan, community=community).update(base=chosen.theirs)
        move_head(draft.plan, MoveKind.EDIT, draft.head, head_now, by)
    edited = Edited(
        plan=draft.plan, head=head_now, parent=draft.head, command="settle", rebased=False,
        before=before, after=after, can_undo=True, can_redo=False, codes=draft.codes, dry=dry_run,
    )  # fmt: skip
    return Settled(
        edited, result.conflicts, result.mended, [key for key in result.lost if isinstance(key, int)]
    )


# --- Reading --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Open:
    """A community of the draft with the plan that was published over its base."""

    community: Community
    base: int
    theirs: int


def _open(plan: Plan) -> list[_Open]:
    bases = list(
        Basis.objects.filter(plan=plan, base__isnull=False)
        .select_related("community")
        .defer("community__outline")
        .order_by("community__code")
    )
    standing = (
        Publication.objects.filter(
            community__in=[basis.community_id for basis in bases], state=PublicationState.STANDING
        )
        .order_by("period")
        .values_list("community", "plan")
    )
    newest = dict(standing)
    return [
        _Open(basis.community, basis.base_id, newest[basis.community_id])
        for basis in bases
        if basis.base_id is not None
        and newest.get(basis.community_id, plan.pk) not in {basis.base_id, plan.pk}
    ]


def _versions(plan: int, one: _Open) -> tuple[Cells, Cells, Cells]:
    """The community as it was taken over, as it was published since, as the draft has it."""
    return tuple(cells_of(each, [one.community.pk]) for each in (one.base, one.theirs, plan))  # type: ignore[return-value]


def _ground(cells: Cells) -> dict[Hashable, BaseGeometry]:
    return {grid: cell.shape for grid, cell in cells.items()}


# --- Deciding -------------------------------------------------------------------------------------------------


def _changes(base: Cells, theirs: Cells, mine: Cells, result: Mapping[Any, BaseGeometry]) -> Changes:
    """What differs from the draft: ground as settled, attributes one by one."""
    found: Changes = {grid: None for grid in mine if grid not in result}
    for grid, shape in result.items():
        own, other = mine.get(grid), theirs.get(grid)
        cell = own or other
        assert cell is not None
        if own is not None and other is not None:
            cell = _merged(base.get(grid), other, own)
        if own is None or not _equal(own.shape, shape):
            cell = cell.with_shape(shape)
        if own is None:
            cell = replace(cell, locked=None)
        if cell != own:
            found[grid] = cell
    return found


def _merged(base: Cell | None, theirs: Cell, mine: Cell) -> Cell:
    """The draft's attributes, but for those that only they changed."""
    if base is None:
        return mine
    taken = {name: getattr(theirs, name) for name in ATTRIBUTES if getattr(mine, name) == getattr(base, name)}
    return replace(mine, **taken)


def _equal(a: BaseGeometry, b: BaseGeometry) -> bool:
    return bool(shapely.equals_exact(shapely.normalize(as_multi(a)), shapely.normalize(as_multi(b)), 0.0))


def _spare_locked(mine: Cells, result: Mapping[Any, BaseGeometry]) -> None:
    closed = {grid: cell for grid, cell in mine.items() if cell.is_locked}
    if not closed:
        return
    for change in topology.changed_ground(_ground(mine), result):
        for grid in (change.before, change.after):
            if grid in closed:
                spot = shapely.point_on_surface(change.ground)
                raise topology.TopologyError(
                    "locked", "A locked grid would change.", details={"codes": [grid]},
                    place=(float(spot.x), float(spot.y)),
                )  # fmt: skip


def _require_free_codes(plan: int, after: Changes) -> None:
    """A grid that comes with a code of the draft's own stops it: neither may lose its code unasked."""
    codes = {cell.code: grid for grid, cell in after.items() if cell is not None}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code FROM boundaries_outline WHERE plan_id = %s AND code = ANY(%s) AND grid_id <> ALL(%s)",
            [plan, list(codes), list(after)],
        )
        row = cursor.fetchone()
    if row or len(codes) < sum(cell is not None for cell in after.values()):
        raise DraftError(
            "code_taken",
            _(
                "Code %(code)s was given to another grid by what was published. Give the grid of this draft another."
            )
            % {"code": row[0] if row else ", ".join(sorted(codes))},
        )
