"""What can be imported, which columns each kind looks for, and which function does the work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, cast

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from boundaries.actions.importing import Written, import_areas, source_named
from boundaries.actions.importing_buildings import import_buildings
from boundaries.actions.importing_ground import import_ground
from boundaries.importing import areas, columns, ground
from boundaries.importing.report import ImportFileError, Progress, Report
from boundaries.importing.rows import Options
from boundaries.models import Subdistrict
from gridmap.actions import staff
from gridmap.actions.import_history import import_recorder
from gridmap.actions.importing_households import import_households
from gridmap.models import ImportKind, ImportRun
from gridmap.registers import ROLES as REGISTER_ROLES

Importer = Callable[[Path, ImportRun, Options, Progress], Report]
Words = Mapping[str, str | Promise]

# What people call the roles that columns fill.
LABELS: Final[dict[str, str | Promise]] = {
    "code": _("code"),
    "name": _("name"),
    "name_en": _("name in English"),
    "households": _("households"),
    "people": _("people"),
    "community": _("community"),
    "compound": _("compound"),
    "building": _("building"),
    "kind": _("kind"),
    "address": _("address"),
    "ref": _("reference in the source"),
    "number": _("number in its compound"),
    "house_number": _("house number"),
    "street": _("street"),
    "use": _("use"),
    "floors": _("floors"),
    "entrances": _("entrances (单元)"),
    "unit": _("entrance (单元)"),
    "floor": _("floor"),
    "room": _("room"),
    "head": _("head of the household"),
    "members": _("people"),
    "width": _("width in metres"),
    "class": _("rank of the street"),
    "staff_number": _("staff number"),
    "public_name": _("public name"),
    "public_name_en": _("public name in English"),
    "telephone": _("duty telephone"),
    "grids": _("codes of the grids to lead"),
    "lon": _("longitude"),
    "lat": _("latitude"),
    "wkt": _("geometry as WKT"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: the columns it looks for (role to key of `columns.ROLES`) and the import itself.

    `has_places` is true where geometries come with the file, so that datum and coordinate system are asked for;
    `may_repair` where the areas should tile.
    """

    run: Importer
    roles: Mapping[str, str]
    has_places: bool = True
    may_repair: bool = False

    @property
    def words(self) -> Words:
        """Role to what people call it."""
        return {role: LABELS.get(role, role) for role in self.roles}

    def guess(self, fields: list[str]) -> Mapping[str, str]:
        """Role to column, by the names that such files use."""
        if not self.roles.keys() - staff.ROLES.keys():
            return staff.choose_columns(fields, {})
        return columns.choose(fields, self.roles, {}, file="")


def options_of(run: ImportRun, *, dry_run: bool) -> Options:
    """The options that the page kept, as the importers take them. An empty choice in the mapping says «no column»."""
    kept: dict[str, Any] = run.options
    return Options(
        layer=kept.get("layer") or None,
        encoding=kept.get("encoding") or None,
        crs=kept.get("crs") or None,
        datum=kept.get("datum") or "wgs84",
        mapping=kept.get("mapping") or {},
        multipart=kept.get("multipart") or "keep",
        invalid="repair" if kept.get("repair") else "refuse",
        repair=bool(kept.get("repair")),
        skip_bad=bool(kept.get("skip_bad")),
        swap_axes=bool(kept.get("swap_axes")),
        accept=bool(kept.get("accept")),
        source=source_named(run.file_name),
        dry_run=dry_run,
    )


def _areas(path: Path, run: ImportRun, options: Options, progress: Progress) -> Report:
    return import_areas(
        path,
        level=cast("areas.Level", run.kind),
        subdistrict=_home(run),
        options=options,
        plan_name=PurePath(run.file_name).stem,
        progress=progress,
        on_written=_history(run, options),
        by=run.author,
    )


def _ground(path: Path, run: ImportRun, options: Options, progress: Progress) -> Report:
    return import_ground(
        path,
        kind=cast("ground.GroundKind", run.kind),
        subdistrict=_home(run),
        options=options,
        progress=progress,
        on_written=_history(run, options),
        by=run.author,
    )


def _buildings(path: Path, run: ImportRun, options: Options, progress: Progress) -> Report:
    return import_buildings(
        path,
        subdistrict=_home(run),
        options=options,
        progress=progress,
        on_written=_history(run, options),
        by=run.author,
    )


def _households(path: Path, run: ImportRun, options: Options, progress: Progress) -> Report:
    return import_households(
        path,
        subdistrict=_home(run),
        options=options,
        progress=progress,
        on_written=_history(run, options),
        by=run.author,
    )


def _staff(path: Path, run: ImportRun, options: Options, progress: Progress) -> Report:
    return staff.import_staff(
        path,
        subdistrict=_home(run),
        mapping=run.options.get("mapping") or {},
        encoding=options.encoding,
        dry_run=options.dry_run,
        skip_bad=options.skip_bad,
        progress=progress,
        on_written=_history(run),
        by=run.author,
    )


def _history(run: ImportRun, options: Options | None = None) -> Written:
    return import_recorder(
        subdistrict=_home(run).code,
        file=run.file_name,
        source="" if options is None else options.source or "",
        by=run.author,
    )


def _home(run: ImportRun) -> Subdistrict:
    if run.subdistrict is None:
        raise ImportFileError(str(_("Say for which subdistrict the file is.")))
    return run.subdistrict


_GROUND: Final = {"ref": "ground.ref", "name": "ground.name", "name_en": "name_en"}

KINDS: Final[dict[str, Kind]] = {
    ImportKind.COMMUNITIES: Kind(
        _areas,
        {
            "code": "community.code",
            "name": "community.name",
            "name_en": "name_en",
            "households": "households",
            "people": "people",
        },
        may_repair=True,
    ),
    ImportKind.COMPOUNDS: Kind(
        _areas,
        {
            "code": "compound.code",
            "name": "compound.name",
            "name_en": "name_en",
            "community": "community",
            "kind": "kind",
            "address": "address",
        },
    ),
    ImportKind.GRIDS: Kind(
        _areas,
        {
            "code": "grid.code",
            "name": "grid.name",
            "name_en": "name_en",
            "community": "community",
            "kind": "grid.kind",
        },
        may_repair=True,
    ),
    ImportKind.BUILDINGS: Kind(
        _buildings,
        {
            "ref": "building.ref",
            "name": "building.name",
            "name_en": "name_en",
            "number": "number",
            "house_number": "house_number",
            "street": "street",
            "compound": "compound",
            "use": "use",
            "floors": "floors",
            "entrances": "entrances",
        },
    ),
    ImportKind.HOUSEHOLDS: Kind(_households, REGISTER_ROLES),
    ImportKind.STREETS: Kind(_ground, {**_GROUND, "class": "rank", "width": "width"}),
    ImportKind.WATER: Kind(_ground, {**_GROUND, "kind": "kind"}),
    ImportKind.LAND: Kind(_ground, {**_GROUND, "kind": "kind"}),
    ImportKind.STAFF: Kind(_staff, {role: role for role in staff.ROLES}, has_places=False),
}


def perform(run: ImportRun, *, dry_run: bool, progress: Progress) -> Report:
    """Check or write the file of `run`.

    Raises
    ------
    ImportFileError
        The file as a whole cannot be taken.
    """
    return KINDS[run.kind].run(Path(run.file.path), run, options_of(run, dry_run=dry_run), progress)
