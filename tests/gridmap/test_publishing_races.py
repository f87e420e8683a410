"""Several people at once, and a server that is killed in the middle: real transactions, real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone

from boundaries.actions.placements import place_buildings
from boundaries.actions.plans import PublishError
from boundaries.models import Outline, Placement, Plan, Publication, Revision
from gridmap.actions.plans import approve, publish_plan, submit
from gridmap.models import Assignment, AuditEntry, CarriedPost, HandOver, Release, Submission
from gridmap.responsibility import locate
from tests import factories
from tests.gridmap import publishing_town as redrawn
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run each in a thread with a connection of its own; answers or errors in the same order."""
    barrier = threading.Barrier(len(acts))
    answers: list[object] = [None] * len(acts)

    def run(index: int, act: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            answers[index] = act()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def drafted(cast: Cast, row: int = 1, name: str = "Redraw") -> Plan:
    plan = redrawn.draft(cast.town, row, name=name)
    redrawn.merge(cast.town, plan, row, 1, into=0)
    return plan


def test_two_approvals_of_one_submission(cast: Cast) -> None:
    plan = drafted(cast)
    submission = submit(
        plan=plan, communities=[cast.town.communities[1]], head=None,
        effective_at=timezone.now() + timedelta(days=1), by=cast.user("planner"),
    )  # fmt: skip
    other = factories.make_user("second")
    answers = at_once(
        lambda: approve(submission=submission, by=cast.user("supervisor")),
        lambda: approve(submission=submission, by=other),
    )
    refused = [answer for answer in answers if isinstance(answer, PublishError)]
    assert len(refused) == 1, answers
    assert "decided already" in str(refused[0])
    assert Release.objects.count() == 1
    assert Publication.objects.filter(plan=plan).count() == 1


def test_two_submissions_of_one_plan(cast: Cast) -> None:
    plan = drafted(cast)

    def lay_before() -> Submission:
        return submit(
            plan=plan,
            communities=[cast.town.communities[1]],
            head=None,
            effective_at=None,
            by=cast.user("planner"),
        )

    answers = at_once(lay_before, lay_before, lay_before)
    assert all(isinstance(answer, Submission) for answer in answers), answers
    assert sorted(Submission.objects.values_list("state", flat=True)) == ["waiting", "withdrawn", "withdrawn"]


def test_two_planners_publish_different_communities(cast: Cast) -> None:
    plans = [drafted(cast, row, f"Row {row}") for row in (0, 1)]
    at = timezone.now() + timedelta(days=1)
    answers = at_once(
        *(
            lambda plan=plan, row=row: publish_plan(
                plan=plan, communities=[cast.town.communities[row]], at=at, by=None
            )
            for row, plan in enumerate(plans)
        )
    )
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    in_force = Outline.objects.in_force(at).values_list("plan__name", flat=True).order_by()
    assert set(in_force) == {"Row 0", "Row 1", "Founding scheme"}
    assert place_buildings() == 0, "stored grids are what the publications say"


def test_two_planners_publish_the_same_community(cast: Cast) -> None:
    """One is first; the other hears that the ground was published over, and nothing of it is undone."""
    plans = [drafted(cast, 1, name) for name in ("A", "B")]
    redrawn.reshape(plans[1], cast.town.grids[1][0], redrawn.strip(1, 0, 1.5))
    redrawn.reshape(plans[1], cast.town.grids[1][2], redrawn.strip(1, 1.5, 3))
    times = [timezone.now() + timedelta(days=days) for days in (1, 2)]
    answers = at_once(
        *(
            lambda plan=plan, at=at: publish_plan(
                plan=plan, communities=[cast.town.communities[1]], at=at, by=None
            )
            for plan, at in zip(plans, times, strict=True)
        )
    )
    refused = [answer for answer in answers if isinstance(answer, PublishError)]
    # B takes effect later: whichever comes first, A changes nothing that B took over unless it was there before.
    stands = Publication.objects.filter(plan__in=plans, state="standing")
    assert stands.count() + len(refused) == 2, answers
    assert place_buildings() == 0


def test_approval_and_edit_at_once(cast: Cast) -> None:
    """Either the edit is first and the approval hears of it, or the plan is fixed and the edit is refused."""
    plan = drafted(cast)
    submission = submit(
        plan=plan, communities=[cast.town.communities[1]], head=None,
        effective_at=timezone.now() + timedelta(days=1), by=cast.user("planner"),
    )  # fmt: skip

    def edit() -> str:
        # What an edit does: hold the plan's row, look whether it is open, add a revision, move the head.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT frozen_at FROM boundaries_plan WHERE id = %s FOR NO KEY UPDATE", [plan.pk])
            if cursor.fetchone()[0] is not None:
                cursor.execute("ROLLBACK")
                return "frozen"
            revision = Revision.objects.create(plan=plan, command="rename")
            cursor.execute("UPDATE boundaries_plan SET head_id = %s WHERE id = %s", [revision.pk, plan.pk])
            cursor.execute("COMMIT")
        return "edited"

    approved, edited = at_once(lambda: approve(submission=submission, by=cast.user("supervisor")), edit)
    plan.refresh_from_db()
    if edited == "frozen":
        assert not isinstance(approved, Exception), approved
        assert plan.head_id is None
        assert plan.frozen_at is not None
    else:
        assert isinstance(approved, PublishError), approved
        assert plan.frozen_at is None
        assert not Release.objects.exists()


# --- Killed in the middle ------------------------------------------------------------------------------------

# Each is written to at another point of the way: nothing else of the publication may be seen then.
POINTS = [
    "boundaries_publication",
    "boundaries_placement",
    "gridmap_assignment",
    "gridmap_handover",
    "gridmap_auditentry",
]


def database_url() -> str:
    """The test database as DATABASE_URL says it."""
    settings = connection.settings_dict
    host, user = quote(str(settings["HOST"]), safe=""), quote(str(settings["USER"]), safe="")
    secret = f":{quote(str(settings['PASSWORD']), safe='')}" if settings.get("PASSWORD") else ""
    port = f":{settings['PORT']}" if settings.get("PORT") else ""
    return f"postgres://{user}{secret}@{host}{port}/{settings['NAME']}"


@contextmanager
def another_connection() -> Iterator[psycopg.Connection[Any]]:
    """Apart from Django's, as the tables' owner."""
    held = connection.settings_dict
    with psycopg.connect(
        host=held["HOST"] or None, port=held["PORT"] or None, user=held["USER"] or None,
        password=held["PASSWORD"] or None, dbname=held["NAME"], autocommit=False,
    ) as opened:  # fmt: skip
        yield opened


@contextmanager
def publishing(plan: Plan, community: int) -> Iterator[subprocess.Popen[str]]:
    """A process that publishes the plan with the application's own rights."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "PGOPTIONS": "-c role=gridmap_app",
        "GRIDMAP_POOL": "0",
        "PYTHONPATH": str(ROOT),
    }
    command = [
        sys.executable,
        "-m",
        "tests.gridmap.publish_in_the_background",
        str(plan.pk),
        str(community),
        "60",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def waiting_backend(holder: int, process: subprocess.Popen[str]) -> int:
    """The process id of the backend that waits for `holder`'s lock."""
    for _ in range(600):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))", [holder])
            if row := cursor.fetchone():
                return int(row[0])
        if process.poll() is not None:
            pytest.fail(f"it ended before it was killed: {process.communicate()}")
        time.sleep(0.05)
    pytest.fail("nobody waits for the lock")


def gone(backend: int) -> bool:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend])
            if cursor.fetchone() is None:
                return True
        time.sleep(0.05)
    return False


def everything() -> dict[str, list[str]]:
    """All rows that a publication may touch."""
    models = (
        Plan, Publication, Placement, Assignment, Release, CarriedPost, HandOver, Submission, AuditEntry
    )  # fmt: skip
    found = {model.__name__: sorted(map(str, model._default_manager.values_list())) for model in models}
    outlines = Outline.objects.order_by("pk")
    return found | {
        "Outline": [f"{each.pk} {each.plan_id} {each.code} {each.polygon.hex.decode()}" for each in outlines]
    }


@pytest.mark.parametrize("how", ["kill -9", "pg_terminate_backend"])
@pytest.mark.parametrize("table", POINTS)
def test_killed_in_the_middle_leaves_the_old_plan_whole(cast: Cast, table: str, how: str) -> None:
    plan = drafted(cast)
    before, spot = everything(), factories.middle(1, 1)
    with another_connection() as holder:
        # Whoever writes to this table waits here; reading goes on.
        holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        with publishing(plan, cast.town.communities[1].pk) as process:
            backend = waiting_backend(holder.info.backend_pid, process)
            in_an_hour = timezone.now() + timedelta(hours=2)
            assert locate(spot.x, spot.y, at=in_an_hour).as_json()["grid"]["code"][-3:] == "002"
            if how == "kill -9":
                os.kill(process.pid, signal.SIGKILL)
            else:
                holder.execute("SELECT pg_terminate_backend(%s)", [backend])
            process.wait(30)
            assert process.returncode != 0
        holder.rollback()
    assert gone(backend)
    assert everything() == before
    assert locate(spot.x, spot.y, at=in_an_hour).as_json()["grid"]["code"][-3:] == "002"
    assert place_buildings() == 0


def test_the_same_process_left_alone_publishes_all_of_it(cast: Cast) -> None:
    plan, spot = drafted(cast), factories.middle(1, 1)
    with publishing(plan, cast.town.communities[1].pk) as process:
        said, complained = process.communicate(timeout=60)
    assert said.strip() == "published", complained
    in_two_hours = timezone.now() + timedelta(hours=2)
    assert locate(spot.x, spot.y, at=in_two_hours).as_json("staff")["lead"]["name_en"] == "Specialist 004"
    assert Release.objects.get().carried.count() == 2
    assert HandOver.objects.get().households == 4
    assert place_buildings() == 0


@pytest.mark.soak
@pytest.mark.parametrize("tenths", range(20))
def test_killed_at_any_time_leaves_one_plan_whole(cast: Cast, tenths: int) -> None:
    plan = drafted(cast)
    before = everything()
    with publishing(plan, cast.town.communities[1].pk) as process:
        time.sleep(0.6 + tenths / 10)
        process.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and Release.objects.count() not in {0, 1}:
        time.sleep(0.1)
    time.sleep(0.5)
    if Release.objects.exists():
        assert AuditEntry.objects.filter(verb="publish").count() == 1
        assert HandOver.objects.count() == 1
        assert Plan.objects.get(pk=plan.pk).frozen_at is not None
    else:
        assert everything() == before
    assert place_buildings() == 0
