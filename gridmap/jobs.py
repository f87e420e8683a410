"""Long work in the background: checking and writing imports, deleting files whose time is over.

A worker runs it: `manage.py procrastinate worker`. `make up` starts one.
"""

import logging
import time
from contextlib import closing
from datetime import timedelta
from typing import Any, Final, cast

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from boundaries.importing.report import ImportFileError
from gridmap.actions.import_kinds import perform
from gridmap.actions.imports import QUEUE, forget_files
from gridmap.models import ImportRun, ImportState

logger = logging.getLogger(__name__)
_EVERY_S: Final = 0.4


class Cancelled(Exception):
    """Somebody stopped the work."""


class Watch:
    """Tells how far the work is, on a connection of its own: the import's transaction stays open until its end.

    Raises `Cancelled` as soon as the run is no longer in the state in which the worker took it.
    """

    def __init__(self, run: ImportRun) -> None:
        self._run, self._state, self._next = run.pk, run.state, 0.0
        self._connection: Any = connection.copy()

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        """Note `done` of `total` (rows), at most every 0.4 s."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        with self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE gridmap_importrun SET progress = %s, message = %s, touched_at = now() "
                "WHERE id = %s AND state = %s",
                [min(done / total, 1.0) if total else 0.0, doing[:500], self._run, self._state],
            )
            if not cursor.rowcount:
                raise Cancelled

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


@app.task(name="gridmap.check_import", queue=QUEUE)
def check_import(run_id: int) -> None:
    """Go through a file without writing any of it."""
    _work(run_id, ImportState.CHECKING, ImportState.CHECKED)


@app.task(name="gridmap.write_import", queue=QUEUE)
def write_import(run_id: int) -> None:
    """Write a file that was checked."""
    _work(run_id, ImportState.WRITING, ImportState.DONE)


@app.periodic(cron="23 * * * *")
@app.task(name="gridmap.forget_uploads", queue=QUEUE)
def forget_uploads(timestamp: int) -> None:
    """Delete uploaded files whose time is over."""
    forget_files(older_than=timedelta(days=settings.IMPORT_KEEP_DAYS))


def _work(run_id: int, taken: ImportState, done: ImportState) -> None:
    run = (
        ImportRun.objects.select_related("subdistrict", "created_by", "written_by")
        .filter(pk=run_id, state=taken)
        .first()
    )
    if run is None:
        return
    language = cast("str", run.options.get("language") or settings.LANGUAGE_CODE)
    with translation.override(language), closing(Watch(run)) as watch:
        try:
            with transaction.atomic():
                watch(_("Opening the file"), 0, None)
                report = perform(run, dry_run=taken == ImportState.CHECKING, progress=watch)
                # Written although it was to be refused is impossible: the report says whether it was.
                state = done if taken == ImportState.CHECKING or report.written else ImportState.FAILED
                _finish(run_id, taken, state, report.summary(), report.to_dict())
        except Cancelled:
            logger.info("import %s was cancelled", run_id)
        except ImportFileError as error:
            _fail(run_id, taken, str(error))
        except Exception:
            _fail(run_id, taken, _("The program failed on this file; nothing was written. The log says why."))
            raise


def _finish(
    run_id: int, taken: ImportState, state: ImportState, message: str, report: dict[str, Any]
) -> None:
    finished = ImportRun.objects.filter(pk=run_id, state=taken).update(
        state=state, progress=1.0, message=message[:500], report=report, finished_at=timezone.now()
    )
    if not finished:
        raise Cancelled


def _fail(run_id: int, taken: ImportState, message: str) -> None:
    ImportRun.objects.filter(pk=run_id, state=taken).update(
        state=ImportState.FAILED, message=message[:500], finished_at=timezone.now()
    )
