"""Editing a draft: one transaction, one revision, nobody's work lost.

An edit says from which head it started. Where the draft has moved on since, it is run twice: where the sender stood, and
on the head. What the sender meant is the ground that changes hands there; it may stand only if nobody else changed hands
of that ground meanwhile::

     sender's head            meanwhile another planner       the sender's edit, on the head
    +-------+-------+         +-------+-------+               +-------+-------+
    |   1   |   2   |         |   1   |   2   |               |   1   |  2 |5 |    rebased: other ground,
    +-------+-------+   ->    +---+---+-------+      ->       +---+---+----+--+    corners that neighbours
    |   3   |   4   |         | 3 | 6 |   4   |               | 3 | 6 |   4   |    gained do not count
    +-------+-------+         +---+---+-------+               +---+---+-------+

                              +-------+----+--+               split of 2 along |: of the ground that it would
                              |   1   | 2  ~~~|      ->       move, ~~~ belongs to 4 by now: 412, and the sender
                              +-------+----+~~|               is shown ~~~, the grids as they are, who did what
                              |   3   |   4   |
                              +-------+-------+

An edit of a name, code, kind or lock conflicts only with a change of the same of the same grid; a merge also with a new
name, code or kind of a grid that would go. An edit that was
possible where the sender stood and is not on the head is a conflict too, not the sender's mistake.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import numpy as np
import shapely
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries import topology
from boundaries.actions.around import (
    building_places,
    community_under,
    home_of,
    snap_targets,
    widened,
)
from boundaries.actions.cells import Cell, Cells, Changes, cells_near, cells_of, named_cells, write_cells
from boundaries.actions.commands import COMMANDS, Home, Work
from boundaries.actions.draft_errors import Conflict, DraftError
from boundaries.actions.heads import Edited, Locked, Path, lock_draft, move_head, named, path, ways
from boundaries.actions.numbering import hold_numbers, next_codes, next_names, require_free, take_codes
from boundaries.actions.reading import Sent, read
from boundaries.actions.reasons import refused
from boundaries.by_hand import set_by_hand
from boundaries.models import MoveKind, Plan, Revision

log = logging.getLogger(__name__)
_REVISION: Final = """
    INSERT INTO boundaries_revision
      (plan_id, parent_id, command, parameters, before, after, key, made_at, made_by_id)
    VALUES (%(plan)s, %(parent)s, %(command)s, %(parameters)s, %(before)s, %(after)s, %(key)s, now(), %(by)s)
    RETURNING id
"""
_GRIDS: Final = """
    INSERT INTO boundaries_grid (subdistrict_id, created_at)
    SELECT %s, now() FROM generate_series(1, %s) RETURNING id
"""
# Buildings that were given by hand to a grid that goes fall back to the ground they stand on.
_FALLING: Final = f"""
    SELECT o.grid_id FROM boundaries_placement p
    JOIN boundaries_building b ON b.id = p.building_id AND b.existed @> now()
    JOIN boundaries_outline o ON o.plan_id = %(plan)s AND o.locked IS NOT NULL AND ST_Intersects(o.polygon, b.point)
    WHERE p.grid_id = ANY(%(gone)s) AND {set_by_hand("p", "statement_timestamp()")} LIMIT 1
"""


def edit(
    *,
    plan: Plan,
    command: Mapping[str, Any],
    head: int | None,
    key: UUID | None = None,
    by: AbstractBaseUser | None,
    dry_run: bool = False,
) -> Edited:
    """Run one command on a draft.

    Parameters
    ----------
    command : mapping
        As in `POST /plans/{id}/edits` (docs/contracts.md); geometries in GeoJSON, EPSG:4326.
    head : int or None
        The revision that the sender saw.
    key : UUID, optional
        The sender's own for this edit: sent twice, it is made once and answered alike.
    dry_run : bool
        Say what would come of it; nothing is written, nobody is waited for, new grids have negative ids.

    Raises
    ------
    DraftError
        ``frozen``, ``discarded``, ``topology.<reason>`` and what else stands in the way.
    Conflict
        Somebody else changed the same meanwhile.
    """
    sent = read(command)
    with transaction.atomic():
        draft = lock_draft(plan.pk, wait=not dry_run)
        if key is not None and not dry_run and (made := _made(draft, key, sent, head)):
            return made
        between = path(draft.plan, head, draft.head)
        sent = _with_ground(draft, sent)
        if head == draft.head:
            work, changes = _at_head(draft, sent)
        else:
            work, changes = _rebased(draft, sent, between)
        if not changes:
            raise DraftError("no_change", _("Nothing would change."))
        if sent.moves_ground:
            with refused(work.cells):
                require_sound(work, changes, sent.parameters)
        after = _finished(draft, sent, work, changes, dry=dry_run)
        before: Changes = {grid: work.cells.get(grid) for grid in after}
        _spare_locked(draft, before, after)
        revision = None
        if not dry_run:
            write_cells(draft.plan, before, after)
            revision = add_revision(draft, sent.command, sent.parameters, before, after, key, by)
            move_head(draft.plan, MoveKind.EDIT, draft.head, revision, by)
    told_before = between.before | {grid: cell for grid, cell in before.items() if grid not in between.before}
    return Edited(
        plan=draft.plan, head=draft.head if dry_run else revision, parent=draft.head, command=sent.command,
        rebased=head != draft.head, before=told_before, after=between.changes | after,
        can_undo=True, can_redo=False, codes=draft.codes, dry=dry_run,
    )  # fmt: skip


def _made(draft: Locked, key: UUID, sent: Sent, head: int | None) -> Edited | None:
    """The answer to an edit that was made under this key before: from where the sender stood to the draft as it is now."""
    revision = Revision.objects.filter(plan=draft.plan, key=key).first()
    if revision is None:
        return None
    if revision.command != sent.command or revision.parameters != sent.parameters:
        raise DraftError("key", _("This key belongs to another edit. Use a new one for each edit."))
    between = path(draft.plan, head, draft.head)
    can_undo, can_redo = ways(draft.plan, draft.head)
    return Edited(
        plan=draft.plan, head=draft.head, parent=revision.parent_id, command=revision.command,
        rebased=head != revision.parent_id, before=between.before, after=between.changes,
        can_undo=can_undo, can_redo=can_redo, codes=draft.codes,
    )  # fmt: skip


# --- Running --------------------------------------------------------------------------------------------------


def _with_ground(draft: Locked, sent: Sent) -> Sent:
    """Find the community of an edit that names no grid."""
    if sent.command == "carve" and sent.community is None and sent.shape is not None:
        return replace(sent, community=community_under(draft.plan, sent.shape))
    return sent


def _at_head(draft: Locked, sent: Sent) -> tuple[Work, Changes]:
    named = named_cells(draft.plan, sent.grids)
    work = Work(named, narrowest_m=draft.narrowest_m)
    if sent.moves_ground:
        home = home_of(_community(sent, named))
        bounds = _bounds(draft, sent, named)
        work.cells = cells_near(draft.plan, home.id, widened(bounds, 1.0)) | named
        _look_around(draft, sent, work, home)
    with refused(work.cells):
        return work, COMMANDS[sent.command].run(work, sent.values)


def _rebased(draft: Locked, sent: Sent, between: Path) -> tuple[Work, Changes]:
    """Run it where the sender stood, then on the head, and see whether it still means the same."""
    named = named_cells(draft.plan, sent.grids)
    known = named | {grid: cell for grid in sent.grids if (cell := between.before.get(grid)) is not None}
    then, now = dict(known), dict(named)
    home = None
    if sent.moves_ground:
        home = home_of(_community(sent, known))
        now = cells_of(draft.plan, [home.id])
        then = {grid: cell for grid, cell in now.items() if grid not in between.before}
        then |= {
            grid: cell
            for grid, cell in between.before.items()
            if cell is not None and cell.community == home.id
        }
    else:
        then = {grid: cell for grid, cell in known.items() if between.before.get(grid, cell) is not None}
    seen, current = (Work(cells, home, draft.narrowest_m) for cells in (then, now))
    for work in (seen, current):
        if home is not None:
            _look_around(draft, sent, work, home)
    run = COMMANDS[sent.command].run
    with refused(seen.cells):
        meant = run(seen, sent.values)
    try:
        with refused(current.cells):
            changes = run(current, sent.values)
    except DraftError as error:
        message = _("This is no longer possible, since the draft was changed meanwhile. %(reason)s")
        contested = _contested(seen, current, ((seen, meant),)) if sent.moves_ground else None
        raise _conflict(draft, between, message % {"reason": error}, contested) from None
    if COMMANDS[sent.command].attributes:
        _require_same_attributes(draft, sent.grids, between, COMMANDS[sent.command].attributes)
    else:
        if sent.command == "split":
            changes = _aligned(sent.grids[0], meant, changes)
        _require_same_ground(draft, between, seen, meant, current, changes)
        gone = [grid for grid, cell in changes.items() if cell is None]
        _require_same_attributes(draft, gone, between, ("name", "name_en", "code", "kind"))
    return current, changes


def _look_around(draft: Locked, sent: Sent, work: Work, home: Home) -> None:
    work.home = home
    work.narrowest_m = draft.narrowest_m
    if sent.buildings:
        boxes = shapely.total_bounds([cell.shape for cell in work.cells.values()])
        places, by_hand = building_places(draft.plan, home.id, boxes, sent.buildings)
        if given := [building for building in sent.buildings if building in by_hand]:
            raise DraftError(
                "by_hand",
                _(
                    "A building was given to its grid by hand: it stays there whatever ground it stands on. "
                    "Take that back in the administration first."
                ),
                places[given[0]],
            )
        work.places = places
    if sent.snap_m and sent.shape is not None:
        work.targets = snap_targets(sent.shape.bounds, work.cells, sent.snap_m)


def _community(sent: Sent, cells: Mapping[int, Cell]) -> int:
    for grid in sent.grids:
        if grid not in cells:
            raise DraftError(
                "topology.unknown_code", _("A grid of this edit is not in the draft. Load it again.")
            )
    found = {cells[grid].community for grid in sent.grids}
    if sent.community is not None:
        found.add(sent.community)
    if len(found) > 1:
        raise DraftError("communities", _("A grid belongs to one community: choose grids of the same one."))
    return found.pop()


def _bounds(draft: Locked, sent: Sent, named: Cells) -> Any:
    """The box of all ground that may change hands, in degrees."""
    shapes: list[BaseGeometry] = [cell.shape for cell in named.values()]
    if sent.command in {"transfer", "carve"} and sent.shape is not None:
        shapes.append(sent.shape)
    if sent.buildings:
        places, _hand = building_places(draft.plan, 0, (0, 0, 0, 0), sent.buildings)
        points = shapely.points(list(places.values())).tolist() if places else []
        community = _community(sent, named)
        if points:
            shapes += [
                cell.shape
                for cell in cells_near(draft.plan, community, shapely.total_bounds(points)).values()
            ]
    return shapely.total_bounds(shapes)


AREA_KEPT: Final = 1e-6
"""How far the ground of the grids around may change by an edit, as a share: corners at the rim move by a millimetre."""


def require_sound(work: Work, changes: Changes, parameters: Mapping[str, Any]) -> None:
    """The last gate before anything is written: no gap, no overlap among the grids around, whatever went wrong before.

    Raises
    ------
    TopologyError
        ``too_fine``; it is logged with what was sent, for it is a fault of ours.
    """
    before = work.coverage
    after = before | {grid: cell.shape for grid, cell in changes.items() if cell is not None}
    for grid in [grid for grid, cell in changes.items() if cell is None]:
        del after[grid]
    old, new = (np.array(list(coverage.values()), dtype=object) for coverage in (before, after))
    area = float(shapely.area(old).sum())
    kept = abs(float(shapely.area(new).sum()) - area) <= AREA_KEPT * area
    if kept and (shapely.coverage_is_valid(new) or not shapely.coverage_is_valid(old)):
        return
    log.error("an edit would have broken the coverage and was refused: %s", parameters)
    raise topology.TopologyError(
        "too_fine", "The line is too intricate at one place; draw it with fewer corners."
    )


# --- Conflicts ------------------------------------------------------------------------------------------------

OVERLAP_M: Final = 0.02
"""Ground of two edits that overlaps by less than this width, in metres, is rounding and no conflict."""


def _conflict(draft: Locked, between: Path, message: str, area: BaseGeometry | None = None) -> Conflict:
    return Conflict(
        "conflict",
        message,
        head=draft.head,
        changes=between.changes,
        area=area,
        revisions=named(between.steps),
    )


def _require_same_attributes(
    draft: Locked, grids: Iterable[int], between: Path, names: Iterable[str]
) -> None:
    """Refuse to write over, or to merge away, what somebody else gave one of these grids meanwhile."""
    for grid in grids:
        was, now = between.before.get(grid), between.changes.get(grid)
        if was is None or now is None:
            continue
        if any(getattr(was, name) != getattr(now, name) for name in names):
            raise _conflict(
                draft, between,
                _("Somebody else changed the same of grid %(grid)s meanwhile.") % {"grid": now.code},
            )  # fmt: skip


def _require_same_ground(
    draft: Locked, between: Path, seen: Work, meant: Changes, current: Work, changes: Changes
) -> None:
    """Refuse an edit of ground that changed hands since the sender looked."""
    both = _contested(seen, current, ((seen, meant), (current, changes)))
    if both is not None:
        message = _(
            "Somebody else gave away ground of this edit meanwhile. Look at what changed, then try again."
        )
        raise _conflict(draft, between, message, both)


def _contested(seen: Work, current: Work, runs: Iterable[tuple[Work, Changes]]) -> BaseGeometry | None:
    """Ground that changed hands between two states and that one of the runs would move; None for rounding."""
    meanwhile = _ground(seen.coverage, current.coverage)
    if meanwhile is None:
        return None
    found = []
    for work, changes in runs:
        after = work.coverage
        for grid, cell in changes.items():
            if cell is None:
                del after[grid]
            else:
                after[grid] = cell.shape
        ground = _ground(work.coverage, after)
        if ground is not None and (both := _wide(shapely.intersection(ground, meanwhile))) is not None:
            found.append(both)
    return shapely.union_all(found) if found else None


def _ground(before: Mapping[Any, BaseGeometry], after: Mapping[Any, BaseGeometry]) -> BaseGeometry | None:
    found = topology.changed_ground(before, after)
    return shapely.union_all([change.ground for change in found]) if found else None


def _wide(shape: BaseGeometry) -> BaseGeometry | None:
    """The parts of the overlap that are ground and not rounding."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    step = OVERLAP_M / 2 / 111_000
    wide = [part for part in parts if not part.buffer(-step, join_style="mitre").is_empty]
    return shapely.multipolygons(wide) if wide else None


def _aligned(grid: int, meant: Changes, changes: Changes) -> Changes:
    """A grid that was split keeps the piece that it kept where the sender stood, whichever is larger by now."""
    pieces = {key: cell for key, cell in changes.items() if cell is not None and (key == grid or key < 0)}
    kept = meant.get(grid)
    if kept is None or len(pieces) < 2:
        return changes
    best = max(pieces, key=lambda key: pieces[key].shape.intersection(kept.shape).area)
    if best == grid or grid not in pieces:
        return changes
    own, other = pieces[grid], pieces[best]
    return changes | {grid: own.with_shape(other.shape), best: other.with_shape(own.shape)}


# --- Writing --------------------------------------------------------------------------------------------------


def _finished(draft: Locked, sent: Sent, work: Work, changes: Changes, *, dry: bool) -> Changes:
    """New grids get their identity, code and name; a code that was chosen is looked at."""
    fresh = {key: cell for key, cell in sorted(changes.items(), reverse=True) if key < 0 and cell is not None}
    if sent.command == "recode":
        for grid, cell in changes.items():
            assert cell is not None
            hold_numbers(cell.community)
            require_free(plan=draft.plan, community=cell.community, grid=grid, code=cell.code)
            if not dry:
                take_codes(community=cell.community, codes={grid: cell.code})
    if not fresh:
        return changes
    home = work.home
    assert home is not None
    if not dry:
        hold_numbers(home.id)
    codes = next_codes(community=home.id, prefix=home.code, scheme=draft.code_scheme, count=len(fresh))
    origin = work.cells.get(sent.grids[0]) if sent.grids else None
    kind = next(iter(fresh.values())).kind
    names = next_names(home=home, kind=kind, origin=origin, count=len(fresh))
    keys = list(fresh) if dry else _new_grids(draft, len(fresh))
    named = {
        key: replace(cell, code=code, name=cell.name or name, name_en=cell.name_en if cell.name else name_en)
        for key, cell, code, (name, name_en) in zip(keys, fresh.values(), codes, names, strict=True)
    }
    if not dry:
        take_codes(community=home.id, codes={key: cell.code for key, cell in named.items()})
    return {key: cell for key, cell in changes.items() if key not in fresh} | named


def _new_grids(draft: Locked, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_GRIDS, [draft.subdistrict, count])
        return sorted(row[0] for row in cursor.fetchall())


def _spare_locked(draft: Locked, before: Changes, after: Changes) -> None:
    """No building falls to a locked grid because the grid that it was given to by hand goes."""
    gone = [grid for grid, cell in after.items() if cell is None and before[grid] is not None]
    if not gone:
        return
    with connection.cursor() as cursor:
        cursor.execute(_FALLING, {"plan": draft.plan, "gone": gone})
        if cursor.fetchone():
            raise DraftError(
                "topology.locked",
                _(
                    "Buildings that were given by hand to a grid of this edit would fall to a locked grid. Unlock it first."
                ),
            )


def add_revision(
    draft: Locked,
    command: str,
    parameters: Mapping[str, Any],
    before: Changes,
    after: Changes,
    key: UUID | None,
    by: AbstractBaseUser | None,
) -> int:
    """Write what was done after the draft's head; the head itself stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REVISION,
            {
                "plan": draft.plan, "parent": draft.head, "command": command,
                "parameters": json.dumps(parameters, ensure_ascii=False),
                "before": _kept(before), "after": _kept(after), "key": key, "by": None if by is None else by.pk,
            },
        )  # fmt: skip
        return int(cursor.fetchone()[0])


def _kept(cells: Changes) -> str:
    """Cells as a revision keeps them, as text."""
    return json.dumps(
        {str(grid): None if cell is None else cell.as_json() for grid, cell in cells.items()},
        ensure_ascii=False,
    )
