"""What can be imported, which columns each kind looks for, and which function does the work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from boundaries.importing.report import ImportFileError, Progress, Report
from gridmap.actions import staff
from gridmap.models import ImportKind, ImportRun

Importer = Callable[[Path, ImportRun, bool, Progress], Report]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: the columns it looks for (role: label) and the import itself.

    `has_places` is true where geometries come with the file, so that datum and coordinate system are asked for;
    `may_repair` where the areas should tile.
    """

    roles: Mapping[str, str | Promise]
    run: Importer
    guess: Callable[[list[str]], Mapping[str, str]]
    has_places: bool = True
    may_repair: bool = False


def _told(run: ImportRun) -> dict[str, str]:
    """The column mapping that the user chose; an empty choice means «no column»."""
    found: dict[str, str] = run.options.get("mapping") or {}
    return {role: column for role, column in found.items() if column}


def _staff(path: Path, run: ImportRun, dry_run: bool, progress: Progress) -> Report:
    if run.subdistrict is None:
        raise ImportFileError("no subdistrict")
    return staff.import_staff(
        path,
        subdistrict=run.subdistrict,
        mapping=run.options.get("mapping") or {},
        encoding=run.options.get("encoding") or None,
        dry_run=dry_run,
        skip_bad=bool(run.options.get("skip_bad")),
        progress=progress,
        by=run.created_by,
    )


KINDS: Final[dict[str, Kind]] = {
    ImportKind.STAFF: Kind(
        roles={
            "staff_number": _("staff number"),
            "name": _("name"),
            "name_en": _("name in English"),
            "public_name": _("public name"),
            "public_name_en": _("public name in English"),
            "kind": _("kind"),
            "community": _("community"),
            "telephone": _("duty telephone"),
            "grids": _("codes of the grids to lead"),
        },
        run=_staff,
        guess=lambda fields: staff.choose_columns(fields, {}),
        has_places=False,
    ),
}


def perform(run: ImportRun, *, dry_run: bool, progress: Progress) -> Report:
    """Check or write the file of `run`.

    Raises
    ------
    ImportFileError
        The file as a whole cannot be taken.
    """
    return KINDS[run.kind].run(Path(run.file.path), run, dry_run, progress)
