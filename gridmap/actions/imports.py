"""The life of an uploaded file: received, checked by a worker, written when a person says so, deleted after a time."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from boundaries.models import Building, Subdistrict
from gridmap.actions.audit import record
from gridmap.models import Household, ImportKind, ImportRun, ImportState, RegisterRow, User

ENDINGS: Final = (
    ".gpkg", ".geojson", ".json", ".zip", ".pbf", ".osm", ".gz", ".csv", ".txt", ".tsv", ".xlsx", ".fgb", ".kml", ".gml",
)  # fmt: skip
DATUMS: Final = ("wgs84", "cgcs2000", "gcj02", "bd09")
BUSY: Final = (ImportState.CHECKING, ImportState.WRITING)
QUEUE: Final = "imports"


class ImportRefused(Exception):
    """The step is not possible as things stand; the message is for a person."""


@transaction.atomic
def receive_file(*, kind: str, upload: UploadedFile, subdistrict: Subdistrict, by: User) -> ImportRun:
    """Keep an uploaded file under a name of our own, outside every folder that is served.

    Raises
    ------
    ImportRefused
        The file is empty, too large, or of a kind that cannot be read.
    """
    shown = PurePosixPath((upload.name or "").replace("\\", "/")).name
    shown = re.sub(r"[\x00-\x1f\x7f]", "", shown)[-255:] or "file"
    ending = "".join(PurePosixPath(shown.lower()).suffixes[-2:])
    if not ending.endswith(ENDINGS):
        raise ImportRefused(
            _("“%(file)s” is no file that can be read here. Possible are: %(endings)s.")
            % {"file": shown, "endings": " ".join(ENDINGS)}
        )
    if not upload.size:
        raise ImportRefused(_("“%(file)s” is empty.") % {"file": shown})
    if upload.size > settings.IMPORT_MAX_BYTES:
        raise ImportRefused(too_large(shown))
    run = ImportRun(
        kind=ImportKind(kind),
        subdistrict=subdistrict,
        file_name=shown,
        created_by=by,
        options={"language": translation.get_language()},
    )
    # A folder of its own with a name nobody can guess; in it the file's own name, made harmless, for the messages.
    stem = get_valid_filename(shown.split(".")[0])[:40] or "file"
    run.file.save(f"{uuid4().hex}/{stem}{re.sub(r'[^.a-z0-9]', '', ending)}", upload, save=False)
    run.save()
    record(
        by=by,
        verb="upload",
        noun="import",
        object_id=run.pk,
        details={"kind": kind, "bytes": upload.size},
    )
    return run


def too_large(name: str) -> str:
    """What to say about a file beyond the limit."""
    return _(
        "“%(file)s” is larger than %(limit)s MB. Split it, or ask your administrator to import it by command."
    ) % {
        "file": name,
        "limit": settings.IMPORT_MAX_BYTES // (1024 * 1024),
    }


@transaction.atomic
def start(*, run: ImportRun, writing: bool, options: Mapping[str, Any], by: User) -> None:
    """Give the file to a worker: to be checked, or to be written after a check.

    Raises
    ------
    ImportRefused
        A worker has it already, it was written, it is gone, or it was not checked with these options.
    """
    held = ImportRun.objects.select_for_update().get(pk=run.pk)
    if held.is_busy:
        raise ImportRefused(_("A worker has this file already. Wait for it, or cancel it."))
    if held.state == ImportState.DONE:
        raise ImportRefused(_("This file was written already. Upload it again to import it a second time."))
    if not held.file:
        raise ImportRefused(_("The file was deleted after its time. Upload it again."))
    if writing and held.state != ImportState.CHECKED:
        raise ImportRefused(_("Check the file first, then write it."))
    if not writing:
        held.options = {**options, "language": translation.get_language()}
        held.report = None
    held.written_by = by if writing else None
    held.state = ImportState.WRITING if writing else ImportState.CHECKING
    held.progress, held.message, held.touched_at, held.finished_at = 0.0, "", timezone.now(), None
    held.save()
    task = "gridmap.write_import" if writing else "gridmap.check_import"
    # Named, not imported: jobs stand beside the views, above the actions. Deferred in this transaction.
    app.configure_task(task, queue=QUEUE, lock=f"import-{run.pk}").defer(run_id=run.pk)
    if writing:
        record(by=by, verb="write", noun="import", object_id=run.pk, details={"kind": run.kind})


@transaction.atomic
def cancel(*, run: ImportRun, by: User) -> bool:
    """Stop the work on a file. The worker sees it at its next step and takes everything back."""
    stopped = ImportRun.objects.filter(pk=run.pk, state__in=BUSY).update(
        state=ImportState.CANCELLED, message=_("Cancelled; nothing was written."), finished_at=timezone.now()
    )
    if stopped:
        record(by=by, verb="cancel", noun="import", object_id=run.pk)
    return bool(stopped)


def forget_files(*, older_than: timedelta) -> int:
    """Delete uploaded files, and reports on files that hold households, once they have lain long enough."""
    count = 0
    old = ImportRun.objects.filter(created_at__lt=timezone.now() - older_than).exclude(state__in=BUSY)
    for run in old.exclude(file="").iterator():
        folder = Path(run.file.path).parent
        run.file.delete(save=False)
        with suppress(OSError):
            folder.rmdir()
        ImportRun.objects.filter(pk=run.pk).update(file="")
        count += 1
    old.filter(Q(kind=ImportKind.HOUSEHOLDS) | Q(kind=ImportKind.STAFF), report__isnull=False).update(
        report=None
    )
    return count


@transaction.atomic
def place_register_row(*, row: RegisterRow, building: Building, by: User) -> Household:
    """Give a register row that matched no door its building; the household is made, or found behind its door.

    Raises
    ------
    ImportRefused
        The row was placed meanwhile, or the building is of another subdistrict.
    """
    held = RegisterRow.objects.select_for_update().get(pk=row.pk)
    if held.placed_as_id is not None:
        raise ImportRefused(_("Row %(row)s was placed meanwhile.") % {"row": held.row_number})
    if building.subdistrict_id != held.subdistrict_id:
        raise ImportRefused(_("The building lies in another subdistrict."))
    household, _made = Household.objects.get_or_create(
        building=building,
        entrance=held.entrance,
        floor=held.floor,
        room=held.room,
        existed__endswith=None,
        defaults={
            "point": building.point,
            "head_count": held.head_count,
            "source": held.source,
            "source_ref": held.source_ref,
        },
    )
    held.placed_as = household
    held.save(update_fields=["placed_as"])
    record(
        by=by,
        verb="place",
        noun="register_row",
        object_id=held.pk,
        details={"building": building.pk, "household": household.pk},
    )
    return household
