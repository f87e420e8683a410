"""The part that all imports share: a file's rows with sound shapes in EPSG:4326, everything else in the report."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries.datum import DATUMS
from boundaries.importing import columns, opening, reading, shapes, suspicions
from boundaries.importing.report import ImportFileError, Progress, Report, no_progress
from boundaries.importing.shapes import Shapes, Wanted

Multipart = Literal["keep", "split", "join"]
Invalid = Literal["refuse", "repair"]
_INEXACT_M = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be read and what to do about its defects; the same for commands and pages.

    Attributes
    ----------
    layer, sheet, encoding : str or None
        Where the file leaves a choice.
    crs : str or None
        Coordinate system, where the file says none or the wrong one.
    datum : str
        One of ``boundaries.datum.DATUMS``.
    mapping : mapping of str to str
        Role to column, before guesses.
    multipart : {"keep", "split", "join"}
        Keep rows of several parts; make each part a row; or join rows of one code to one.
    invalid : {"refuse", "repair"}
        What becomes of invalid rings.
    repair : bool
        Close gaps and settle overlaps between areas that tile.
    gap_width_m : float
        Gaps up to this width in metres are closed by a repair.
    skip_bad : bool
        Take the good rows; otherwise one bad row keeps all out.
    swap_axes : bool
        The file has latitude first.
    accept : bool
        Go on although the place or the datum of the whole file is suspicious.
    source : str or None
        Name of the source, under which references are remembered.
    """

    layer: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    crs: str | None = None
    datum: str = "wgs84"
    mapping: Mapping[str, str] = field(default_factory=dict)
    multipart: Multipart = "keep"
    invalid: Invalid = "refuse"
    repair: bool = False
    gap_width_m: float = 1.0
    skip_bad: bool = False
    swap_axes: bool = False
    accept: bool = False
    source: str | None = None
    dry_run: bool = False


@dataclass(slots=True)
class Row:
    """A row whose shape is sound: its number, its texts by role, its shape in EPSG:4326."""

    number: int
    values: dict[str, str]
    shape: BaseGeometry

    def get(self, role: str) -> str:
        """Text of a role; empty where the file has none."""
        return self.values.get(role, "")


@dataclass(slots=True)
class Reader:
    """An opened file with its columns chosen.

    Attributes
    ----------
    source : reading.Source
    report : Report
    mapping : dict of str to str
        Role to column.
    """

    source: reading.Source
    report: Report
    mapping: dict[str, str]
    options: Options
    town: BaseGeometry | None
    metric_srid: int | None
    progress: Progress
    _looked: bool = False

    def rows(self, want: Wanted, only: str | None = None) -> Iterator[list[Row]]:
        """Yield the rows that are sound, in batches; the others are in the report.

        A second pass over a file goes on counting where the first one ended, so that no number means two rows.
        """
        done, before = 0, self.report.counts["read"]
        for batch in self.source.batches(only=only):
            batch.renumber(before)
            done += len(batch.rows)
            self.report.count("read", len(batch.rows))
            yield self._sound_rows(batch, want)
            self.progress(_("Reading"), done, self.source.total)
        self._carry_notes()

    def _carry_notes(self) -> None:
        for code, reason in self.source.notes:
            self.report.add(code, reason, severity="note")
        self.source.notes.clear()

    def _sound_rows(self, batch: reading.Batch, want: Wanted) -> list[Row]:
        crs = self.source.crs
        assert crs is not None, "open_source sees to it"
        raw = batch.shapes
        if self.options.swap_axes:
            raw = np.asarray(
                shapely.transform(raw, lambda points: points[:, ::-1], include_z=False), dtype=object
            )
        if not self._looked:
            self._look(raw, crs)
        found = shapes.to_wgs84(raw, crs, self.options.datum)
        found, faults = shapes.sound(found, want, repair=self.options.invalid == "repair")
        self._note_faults(batch, faults)
        taken = []
        for index in np.flatnonzero(~shapely.is_missing(found)):
            number = batch.rows[int(index)]
            if number in self.report.bad_rows:
                continue
            values = {role: batch.text(column, int(index)) for role, column in self.mapping.items()}
            taken.append(Row(number, values, found[index]))
        return taken

    def _look(self, raw: Shapes, crs: pyproj.CRS) -> None:
        here = raw[~shapely.is_missing(raw)]
        if not len(here):
            return
        self._looked = True
        for found in suspicions.suspect_coordinates(here, crs, self.town, metric_srid=self.metric_srid):
            self.suspect(found)

    def suspect(self, found: suspicions.Suspicion) -> None:
        """Note a suspicion about the whole file: an error unless the user has accepted it."""
        self.report.add(
            found.code,
            found.reason,
            severity="warning" if self.options.accept else "error",
            place=found.place,
        )

    def _note_faults(self, batch: reading.Batch, faults: list[shapes.Fault]) -> None:
        known: set[int] = set()
        for number, (code, reason) in batch.faults.items():
            known.add(number)
            repaired = code == "open-ring"
            keep = repaired and self.options.invalid == "repair"
            subject = self._subject(batch, batch.rows.index(number))
            self.report.add(
                code,
                reason,
                row=number,
                subject=subject,
                repaired=keep,
                severity="warning" if keep else "error",
            )
        for fault in faults:
            number = batch.rows[fault.index]
            if fault.code == "no-geometry" and number in known:
                continue
            self.report.add(
                fault.code,
                fault.reason,
                row=number,
                subject=self._subject(batch, fault.index),
                place=fault.place,
                repaired=fault.repaired,
                severity="warning" if fault.repaired else "error",
            )

    def _subject(self, batch: reading.Batch, index: int) -> str | None:
        for role in ("code", "ref", "name", "number"):
            text = batch.text(self.mapping.get(role), index)
            if text:
                return text
        return None


@contextmanager
def reader(
    path: Path | str,
    kind: str,
    roles: Mapping[str, str],
    options: Options,
    *,
    layer: str | None = None,
    town: BaseGeometry | None = None,
    metric_srid: int | None = None,
    progress: Progress = no_progress,
    needs_crs: bool = True,
    report: Report | None = None,
) -> Iterator[Reader]:
    """Open a file, choose its columns, start its report.

    Parameters
    ----------
    path : Path or str
    kind : str
        What the rows are, for the report.
    roles : mapping of str to str
        Role to its list of usual names in ``columns.ROLES``.
    options : Options
    layer : str, optional
        Used where the options name none (OpenStreetMap).
    town : BaseGeometry, optional
        Outline or extent of what is known of the town, EPSG:4326.
    metric_srid : int, optional
        The town's projection.
    report : Report, optional
        One to go on with, where a file is read in several passes.

    Raises
    ------
    ImportFileError
        The file cannot be taken as a whole.
    """
    if options.datum not in DATUMS:
        raise ImportFileError(
            _("Unknown datum “%(datum)s”; known are %(datums)s.")
            % {"datum": options.datum, "datums": ", ".join(DATUMS)}
        )
    place_roles = {"lon", "lat", "x", "y", "wkt"}
    places = {role: column for role, column in options.mapping.items() if role in place_roles}
    rest = {role: column for role, column in options.mapping.items() if role not in place_roles}
    with opening.open_source(
        path,
        layer=options.layer or layer,
        crs=options.crs,
        told_encoding=options.encoding,
        sheet=options.sheet,
        mapping=places,
        needs_crs=needs_crs,
    ) as source:
        mapping = columns.choose(source.fields, roles, rest, file=source.file)
        report = report or Report(source.file, kind, dry_run=options.dry_run, datum=options.datum)
        report.layer, report.driver, report.encoding = source.layer, source.driver, source.encoding
        report.crs = None if source.crs is None else _crs_label(source.crs)
        report.mapping.update({**mapping, **places})
        used = {*mapping.values(), *places.values()}
        report.unused = [name for name in source.fields if name not in used]
        if source.crs is not None:
            accuracy = shapes.shift_accuracy(source.crs)
            if accuracy is not None and accuracy > _INEXACT_M:
                report.add(
                    "inexact-shift",
                    _("The way from %(crs)s to WGS-84 is known to %(metres).0f m only.")
                    % {"crs": source.crs.name, "metres": accuracy},
                    severity="note",
                )
        yield Reader(source, report, mapping, options, town, metric_srid, progress)


def _crs_label(crs: pyproj.CRS) -> str:
    code = crs.to_epsg(min_confidence=70)
    return f"EPSG:{code} ({crs.name})" if code else crs.name


def parts_of(rows: list[Row], multipart: Multipart, key: str) -> list[Row]:
    """Split rows of several parts into rows of one, or join rows with one key, as asked.

    A part of a split row gets its key with ``-1``, ``-2`` and so on, largest first.
    """
    if multipart == "split":
        found: list[Row] = []
        for row in rows:
            pieces = sorted(shapely.get_parts(row.shape), key=lambda piece: -piece.area)
            if len(pieces) == 1:
                found.append(Row(row.number, row.values, pieces[0]))
                continue
            for count, piece in enumerate(pieces, start=1):
                values = dict(row.values)
                if values.get(key):
                    values[key] = f"{values[key]}-{count}"
                found.append(Row(row.number, values, piece))
        return found
    if multipart == "join":
        groups: dict[Any, list[Row]] = {}
        for row in rows:
            groups.setdefault(row.get(key) or row.number, []).append(row)
        return [
            Row(
                group[0].number,
                group[0].values,
                group[0].shape if len(group) == 1 else shapely.union_all([row.shape for row in group]),
            )
            for group in groups.values()
        ]
    return rows
