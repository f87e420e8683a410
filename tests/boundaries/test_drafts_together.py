"""Several planners in one draft at once, on real transactions: none lost, none doubled; a killed process leaves it whole."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from boundaries.actions.cells import cells_of
from boundaries.actions.draft_errors import Conflict, DraftError
from boundaries.actions.editing import edit
from boundaries.actions.heads import go_to, undo
from boundaries.models import GridCode, HeadMove, Outline, Plan, Revision
from tests import factories
from tests.boundaries.draft_town import across, area, done, draft_of, faults, state
from tests.factories import Town

EDITORS = 8


@pytest.fixture
def town(transactional_db: None) -> Town:
    return factories.make_town(homes=False)


def thought_up(rng: random.Random, draft: int, editor: int) -> dict[str, Any]:
    """A command on the draft as it is now; it may well be impossible."""
    cells = cells_of(draft)
    grid = rng.choice(sorted(cells))
    cell = cells[grid]
    west, south, east, north = cell.shape.bounds
    near = [
        key
        for key, other in cells.items()
        if key != grid
        and other.community == cell.community
        and cell.shape.intersection(other.shape).length > 0
    ]
    kind = rng.choice(["split", "split", "merge", "merge", "transfer", "rename", "lock", "unlock"])
    if kind == "split":
        x = west + rng.uniform(0.2, 0.8) * (east - west)
        line = {"type": "LineString", "coordinates": [[x, south - 1e-4], [x + 1e-5, north + 1e-4]]}
        return {"command": kind, "grid": grid, "line": line}
    if kind == "merge" and near:
        return {"command": kind, "grids": [grid, rng.choice(near)], "into": grid}
    if kind == "transfer" and near:
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        ring = [[x - 4e-4, y - 3e-4], [x + 4e-4, y - 3e-4], [x + 4e-4, y + 3e-4], [x - 4e-4, y + 3e-4]]
        return {
            "command": kind, "to": rng.choice(near),
            "area": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        }  # fmt: skip
    if kind in {"lock", "unlock"}:
        return {"command": kind, "grids": [grid]}
    return {"command": "rename", "grid": grid, "name": f"{editor}-{rng.random()}"}


def work(draft: Plan, editor: int, edits: int, made: dict[UUID, int | None], refused: Counter[str]) -> None:
    """One planner: edits from the head that was seen last, whatever the others do meanwhile; sends some edits twice."""
    rng = random.Random(editor)
    head: int | None = None
    count = 0
    try:
        while count < edits:
            key, command = uuid4(), thought_up(rng, draft.pk, editor)
            try:
                told = edit(plan=draft, command=command, head=head, key=key, by=None)
                if rng.random() < 0.2:
                    again = edit(plan=draft, command=command, head=head, key=key, by=None)
                    # others may have gone on meanwhile: the answer holds this edit and theirs
                    assert again.head is not None
                    assert again.head >= (told.head or 0)
                    assert Revision.objects.filter(plan=draft, key=key).count() == 1
                head = told.head
                made[key] = head
                count += 1
            except Conflict as error:
                refused[error.code] += 1
                head = error.head
            except DraftError as error:
                refused[error.code] += 1
            if rng.random() < 0.1:
                head = Plan.objects.get(pk=draft.pk).head_id
    except Exception as error:  # noqa: BLE001  # told by the main thread
        refused[f"FAILED {error!r}"] += 1
    finally:
        connections.close_all()


def edited_by_many(town: Town, edits: int) -> None:
    draft = draft_of(town)
    made: dict[UUID, int | None] = {}
    refused: Counter[str] = Counter()
    share = [edits // EDITORS + (number < edits % EDITORS) for number in range(EDITORS)]
    threads = [
        threading.Thread(target=work, args=(draft, number, count, made, refused))
        for number, count in enumerate(share)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert not [code for code in refused if code.startswith("FAILED")], refused
    assert len(made) == edits
    revisions = list(Revision.objects.filter(plan=draft).order_by("id"))
    # None lost, none doubled: each key once, each answered with its own revision.
    assert {one.key: one.pk for one in revisions} == made
    # The history is a chain: each follows the one before, and the head is the last.
    assert [one.parent_id for one in revisions] == [None, *(one.pk for one in revisions[:-1])]
    draft.refresh_from_db()
    assert draft.head_id == revisions[-1].pk
    assert HeadMove.objects.filter(plan=draft, kind="edit").count() == edits
    assert not faults(draft)
    codes = list(Outline.objects.filter(plan=draft).values_list("code", flat=True))
    assert len(codes) == len(set(codes))
    given = list(GridCode.objects.values_list("code", flat=True))
    assert len(given) == len(set(given))
    # What each revision says it changed leads from the beginning to what stands there now, and back.
    now = state(draft)
    go_to(plan=draft, head=draft.head_id, revision=None, by=None)
    assert state(draft) == state(town.plan)
    go_to(plan=draft, head=None, revision=revisions[-1].pk, by=None)
    assert state(draft) == now


def test_eight_editors_at_once(town: Town) -> None:
    edited_by_many(town, 60)


@pytest.mark.soak
def test_eight_editors_five_hundred_edits(town: Town) -> None:
    edited_by_many(town, 500)


def test_two_drafts_never_give_the_same_code(town: Town) -> None:
    drafts = [draft_of(town) for _number in range(4)]
    codes: list[str] = []
    failed: list[Exception] = []

    def split(draft: Plan) -> None:
        try:
            for x in (0.3, 0.6):
                told = done(
                    draft, "split", grid=town.grids[0][0 if x < 0.5 else 1].pk, line=across(0, x + (x > 0.5))
                )
                codes.append(max(cell.code for cell in told.after.values() if cell))
        except Exception as error:  # noqa: BLE001  # told by the main thread
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=split, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert len(codes) == len(set(codes)) == 8


def test_the_same_key_at_the_same_time_is_one_edit(town: Town) -> None:
    draft, key = draft_of(town), uuid4()
    command = {"command": "split", "grid": town.grids[0][0].pk, "line": across(0, 0.5)}
    heads: list[int | None] = []

    def send() -> None:
        try:
            heads.append(edit(plan=draft, command=command, head=None, key=key, by=None).head)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(heads) == 6
    assert len(set(heads)) == 1
    assert Revision.objects.count() == 1


def test_an_edit_and_a_publication_wait_for_each_other(town: Town) -> None:
    """Whoever freezes the plan holds its row; an edit that waited for it finds the plan frozen and writes nothing."""
    draft = draft_of(town)
    before = state(draft)
    refused: list[str] = []

    def try_edit() -> None:
        try:
            done(draft, "rename", grid=town.grids[0][0].pk, name="甲")
        except DraftError as error:
            refused.append(error.code)
        finally:
            connections.close_all()

    thread = threading.Thread(target=try_edit)
    with transaction.atomic():
        Plan.objects.select_for_update(no_key=True).get(pk=draft.pk)
        thread.start()
        time.sleep(0.5)
        assert thread.is_alive()
        Plan.objects.filter(pk=draft.pk).update(frozen_at=factories.FOUNDED)
    thread.join(30)
    assert refused == ["frozen"]
    assert state(draft) == before


_VICTIM = """
import json, sys, django
django.setup()
from django.db import connection
from django.conf import settings
from boundaries.actions import editing
from boundaries.models import Plan
plan, command, stop = json.loads(sys.argv[1])
if stop:
    moved = editing.move_head
    def hang(*arguments):
        moved(*arguments)
        print("in the middle", flush=True)
        sys.stdin.read()
    editing.move_head = hang
editing.edit(plan=Plan.objects.get(pk=plan), command=command, head=None, by=None)
print("done", flush=True)
"""


def victim(draft: Plan, command: dict[str, Any], *, stop: bool) -> subprocess.Popen[str]:
    """A process of its own that edits the draft; it hangs after its last statement, before the commit, if `stop`."""
    told = connection.settings_dict
    url = f"postgres://{told['USER']}@{told['HOST'].replace('/', '%2F') or 'localhost'}:{told['PORT'] or 5432}/{told['NAME']}"
    password = {"PGPASSWORD": told["PASSWORD"]} if told["PASSWORD"] else {}
    return subprocess.Popen(
        [sys.executable, "-c", _VICTIM, json.dumps([draft.pk, command, stop])],
        env={**os.environ, **password, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "gridmap.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_process_killed_in_the_middle_of_an_edit_leaves_the_draft_whole(town: Town) -> None:
    draft = draft_of(town)
    before = state(draft)
    command = {"command": "transfer", "to": town.grids[0][0].pk, "area": area(0, 0.9, 1.3)}
    process = victim(draft, command, stop=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == "in the middle"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    for _attempt in range(100):
        if state(draft) == before and not _held(draft):
            break
        time.sleep(0.1)
    assert state(draft) == before
    assert not faults(draft)
    draft.refresh_from_db()
    assert draft.head_id is None
    assert not Revision.objects.exists()
    assert not HeadMove.objects.exists()
    # Nobody is kept waiting: the same edit goes through at once, here and in a process that lives.
    process = victim(draft, command, stop=False)
    assert process.communicate(timeout=60)[0].strip() == "done"
    assert state(draft) != before
    undo(plan=draft, head=Plan.objects.get(pk=draft.pk).head_id, by=None)
    assert state(draft) == before


def _held(draft: Plan) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def test_an_edit_of_a_large_plan_asks_no_more_than_one_of_a_small(town: Town) -> None:
    draft = draft_of(town)

    def queries(east: float) -> int:
        with CaptureQueriesContext(connection) as seen:
            done(draft, "transfer", to=town.grids[1][0].pk, area=area(1, 0.95, east, 0.4, 0.6))
        return len(seen)

    first = queries(1.05)
    for row in (0, 2):
        for column in range(3):
            done(draft, "split", grid=town.grids[row][column].pk, line=across(row, column + 0.5))
    assert queries(1.1) == first <= 11
