"""Take on specialists: one by a form, many from a file; grids named beside them become theirs to lead."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.actions.importing import Written
from boundaries.importing import columns
from boundaries.importing.opening import open_source
from boundaries.importing.reading import Batch
from boundaries.importing.report import Progress, Report, no_progress
from boundaries.models import Community, Outline, Subdistrict
from boundaries.models.constraints import in_force, since
from gridmap.actions.audit import record
from gridmap.actions.import_history import import_recorder
from gridmap.models import Assignment, Part, Specialist, SpecialistKind, User
from gridmap.models.specialists import TELEPHONE

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "staff_number": (
        "staff_number",
        "staff number",
        "number",
        "employee_id",
        "工号",
        "员工编号",
        "编号",
        "工作证号",
    ),
    "name": ("name", "full_name", "姓名", "名字", "人员姓名"),
    "name_en": ("name_en", "english_name", "英文名", "英文姓名"),
    "public_name": ("public_name", "public name", "对外称呼", "称呼", "公示名", "公开名称"),
    "public_name_en": ("public_name_en", "public name in english", "英文称呼"),
    "kind": ("kind", "role", "post", "岗位", "类别", "类型", "人员类别", "岗位类型"),
    "community": ("community", "community_code", "社区", "社区名称", "所属社区", "社区编码"),
    "telephone": ("telephone", "phone", "duty_telephone", "值班电话", "电话", "联系电话", "工作电话"),
    "grids": ("grids", "grid", "grid_codes", "grid_code", "网格", "网格编码", "负责网格", "责任网格"),
}
REQUIRED: Final = ("staff_number", "name")
_SERVICE: Final = ("service", "clerk", "全岗通", "服务专员", "窗口")
_SURNAMES_OF_TWO: Final = frozenset(
    ("欧阳", "上官", "司马", "诸葛", "司徒", "东方", "皇甫", "尉迟", "令狐", "慕容")
)
_COMPARED: Final = (
    "name", "name_en", "public_name", "public_name_en", "kind", "community_id", "duty_telephone",
)  # fmt: skip


class StaffError(ValueError):
    """A specialist cannot be taken on as given. `field` names the input, the message is for a person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(slots=True)
class _Known:
    """What the town holds already, read once for a whole file."""

    specialists: dict[str, Specialist]
    communities: dict[str, Community]
    grids: dict[str, int]
    leads: dict[int, Specialist]
    claimed: dict[int, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)


@transaction.atomic
def add_specialist(
    *,
    subdistrict: Subdistrict,
    staff_number: str,
    name: str,
    public_name: str = "",
    kind: str = SpecialistKind.GRID,
    community: Community | None = None,
    telephone: str = "",
    grids: str = "",
    by: User,
) -> Specialist:
    """Take on one specialist, who leads the grids named by code from now on.

    Raises
    ------
    StaffError
        A value is missing, the staff number is taken, or a grid is unknown or led by somebody else.
    """
    values = {
        "staff_number": staff_number, "name": name, "public_name": public_name, "telephone": telephone,
        "community": community.code if community else "", "grids": grids,
        "kind": kind,
    }  # fmt: skip
    known = _known(subdistrict)
    if staff_number.strip() in known.specialists:
        raise StaffError(
            "staff_number", _("Staff number %(number)s is taken.") % {"number": staff_number.strip()}
        )
    specialist, grid_ids, faults = _read(values, subdistrict, known)
    if faults:
        role, _code, reason = faults[0]
        raise StaffError(role, reason)
    specialist.save()
    _assign({specialist.staff_number: grid_ids}, {specialist.staff_number: specialist}, by)
    record(by=by, verb="add", noun="specialist", object_id=specialist.pk, details={"grids": len(grid_ids)})
    return specialist


@transaction.atomic
def import_staff(
    path: Path,
    *,
    subdistrict: Subdistrict,
    mapping: Mapping[str, str] | None = None,
    encoding: str | None = None,
    dry_run: bool = False,
    skip_bad: bool = False,
    progress: Progress = no_progress,
    on_written: Written | None = None,
    by: User | None = None,
) -> Report:
    """Read specialists from CSV or Excel; a known staff number is brought up to date, not doubled.

    All or nothing unless `skip_bad`: then rows with an error are left out.

    Raises
    ------
    ImportFileError
        The file is no table, or lacks the staff number or the name.
    """
    known = _known(subdistrict)
    created: list[Specialist] = []
    changed: list[Specialist] = []
    grids: dict[str, list[int]] = {}
    with open_source(path, told_encoding=encoding, needs_crs=False) as source:
        report = Report(
            source.file, "staff", layer=source.layer, driver=source.driver, encoding=source.encoding
        )
        report.dry_run = dry_run
        report.mapping = chosen = choose_columns(source.fields, mapping or {})
        report.unused = [name for name in source.fields if name not in chosen.values()]
        for role in REQUIRED:
            if role not in chosen:
                report.add(
                    "no-column",
                    _("No column holds “%(role)s”. Choose it in the column mapping.") % {"role": role},
                    field=role,
                )
        for batch in source.batches() if not report.has_file_error else ():
            for index, row in enumerate(batch.rows):
                _take_row(report, batch, index, row, subdistrict, known, created, changed, grids)
            progress(_("Reading rows"), report.counts["read"], source.total)
    if dry_run or report.has_file_error or (report.bad_rows and not skip_bad):
        return report
    Specialist.objects.bulk_create(created)
    Specialist.objects.bulk_update(changed, [*_COMPARED[:5], "community", "duty_telephone"])
    by_number = {each.staff_number: each for each in (*known.specialists.values(), *created)}
    _assign(grids, by_number, by)
    report.written = True
    history = on_written or import_recorder(subdistrict=subdistrict.code, by=by)
    history(report)
    return report


def choose_columns(fields: list[str], told: Mapping[str, str]) -> dict[str, str]:
    """Role to column: what the user chose, else guessed by the names that such files use."""
    by_name = {columns.plain(name): name for name in reversed(fields)}
    found = {role: column for role, column in told.items() if role in ROLES and column in fields}
    for role, names in ROLES.items():
        if role in found or told.get(role) == "":
            continue
        column = next(
            (by_name[columns.plain(name)] for name in names if columns.plain(name) in by_name), None
        )
        if column is not None and column not in found.values():
            found[role] = column
    return found


def _take_row(
    report: Report,
    batch: Batch,
    index: int,
    row: int,
    subdistrict: Subdistrict,
    known: _Known,
    created: list[Specialist],
    changed: list[Specialist],
    grids: dict[str, list[int]],
) -> None:
    report.count("read")
    if row in batch.faults:
        code, reason = batch.faults[row]
        report.add(code, reason, row=row)
        return
    values = {role: batch.text(column, index) for role, column in report.mapping.items()}
    number = values.get("staff_number", "")
    specialist, grid_ids, faults = _read(values, subdistrict, known)
    if number in known.seen:
        earlier = known.seen[number]
        faults.append(
            (
                "staff_number",
                "duplicate",
                _("The same staff number stands in row %(row)s.") % {"row": earlier},
            )
        )
    known.seen.setdefault(number, row)
    for role, code, reason in faults:
        report.add(code, reason, row=row, field=report.mapping.get(role, role), subject=number or None)
    if faults:
        return
    report.count("good")
    report.count("assignments", len(grid_ids))
    grids[number] = grid_ids
    if number not in known.specialists:
        created.append(specialist)
        report.count("created")
        return
    held = known.specialists[number]
    # A column that the file does not have says nothing about what is held already.
    told = [name for name in _COMPARED if _role_of(name) in report.mapping]
    if any(getattr(held, name) != getattr(specialist, name) for name in told):
        for name in told:
            setattr(held, name, getattr(specialist, name))
        changed.append(held)
    report.count("changed" if held in changed or grid_ids else "unchanged")


def _role_of(attribute: str) -> str:
    return {"community_id": "community", "duty_telephone": "telephone"}.get(attribute, attribute)


def _known(subdistrict: Subdistrict) -> _Known:
    now = timezone.now()
    communities: dict[str, Community] = {}
    for community in subdistrict.communities.all():
        for key in (community.name, community.name_en, community.code):
            if key:
                communities[key] = community
    # Codes of drafts count too: staff often comes in before the first plan is published.
    rows = (
        Outline.objects.filter(plan__subdistrict=subdistrict)
        .order_by("plan_id")
        .values_list("code", "grid_id")
    )
    in_charge = Assignment.objects.filter(
        in_force(now), part=Part.LEAD, grid__subdistrict=subdistrict
    ).select_related("specialist")
    return _Known(
        {each.staff_number: each for each in subdistrict.specialists.all()},
        communities,
        dict(rows),
        {each.grid_id: each.specialist for each in in_charge},
    )


def _read(
    values: Mapping[str, Any], subdistrict: Subdistrict, known: _Known
) -> tuple[Specialist, list[int], list[tuple[str, str, str]]]:
    """A specialist (not saved), the grids to be given to him or her, and faults as (role, code, reason)."""
    text = {role: str(values.get(role, "")).strip() for role in ROLES}
    faults: list[tuple[str, str, str]] = []
    for role, missing in (("staff_number", _("There is no staff number.")), ("name", _("There is no name."))):
        if not text[role]:
            faults.append((role, "missing", missing))
    for role, most in (("staff_number", 24), ("name", 100), ("public_name", 60), ("telephone", 24)):
        if len(text[role]) > most:
            reason = _("“%(value)s…” is longer than %(most)s characters.") % {
                "value": text[role][:12],
                "most": most,
            }
            faults.append((role, "too-long", reason))
    community = known.communities.get(text["community"])
    if text["community"] and community is None:
        reason = _("There is no community “%(name)s”; give its code or name.") % {"name": text["community"]}
        faults.append(("community", "unknown-community", reason))
    if text["telephone"]:
        try:
            TELEPHONE(text["telephone"])
        except ValidationError as error:
            faults.append(("telephone", "bad-telephone", " ".join(error.messages)))
    kind = (
        SpecialistKind.SERVICE
        if any(word in text["kind"].lower() for word in _SERVICE)
        else SpecialistKind.GRID
    )
    specialist = Specialist(
        subdistrict=subdistrict,
        community=community,
        kind=kind,
        name=text["name"],
        name_en=text["name_en"],
        public_name=text["public_name"] or public_name_for(text["name"], kind),
        public_name_en=text["public_name_en"],
        duty_telephone=text["telephone"],
        staff_number=text["staff_number"],
    )
    return specialist, _grids(text, known, faults), faults


def _grids(text: Mapping[str, str], known: _Known, faults: list[tuple[str, str, str]]) -> list[int]:
    found: list[int] = []
    for code in re.split(r"[\s,;、，；]+", text["grids"]):
        if not code:
            continue
        grid = known.grids.get(code)
        if grid is None:
            faults.append(
                ("grids", "unknown-grid", _("There is no grid with the code %(code)s.") % {"code": code})
            )
            continue
        lead = known.leads.get(grid)
        other = known.claimed.setdefault(grid, text["staff_number"])
        if lead is not None and lead.staff_number == text["staff_number"]:
            continue
        if lead is not None or other != text["staff_number"]:
            who = lead.staff_number if lead is not None else other
            reason = _("Grid %(code)s already has staff number %(number)s as its lead.") % {
                "code": code,
                "number": who,
            }
            faults.append(("grids", "grid-taken", reason))
        elif grid not in found:
            found.append(grid)
    return found


def public_name_for(name: str, kind: str) -> str:
    """What residents are told where nothing else is given: the surname with the post, e.g. 王网格员."""
    if not name or not ("\u4e00" <= name[0] <= "\u9fff"):
        return name[:60]
    surname = name[:2] if name[:2] in _SURNAMES_OF_TWO else name[0]
    return surname + ("服务专员" if kind == SpecialistKind.SERVICE else "网格员")


def _assign(grids: Mapping[str, list[int]], specialists: Mapping[str, Specialist], by: User | None) -> None:
    start = timezone.now()
    Assignment.objects.bulk_create(
        Assignment(
            grid_id=grid, specialist=specialists[number], part=Part.LEAD, period=since(start), recorded_by=by
        )
        for number, grid_ids in grids.items()
        for grid in grid_ids
    )
