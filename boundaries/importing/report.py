"""What an import found, would do and did: counts, and problems each with row, field, reason and place."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import shapely
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

Severity = Literal["error", "warning", "note"]
Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, rows so far, and rows in all where that is known."""

KEPT_PER_CODE: Final = 2000


class ImportFileError(Exception):
    """The file as a whole cannot be taken; the message names the file and what to do."""


def no_progress(_doing: str, _done: int, _total: int | None) -> None:
    """Keep quiet."""


def as_geojson(place: BaseGeometry | None) -> dict[str, Any] | None:
    """Geometry in EPSG:4326 as a GeoJSON object, on 1e-8 degree; None where there is no place to show."""
    if place is None or place.is_empty:
        return None
    found: dict[str, Any] = json.loads(shapely.to_geojson(place))
    return found


@dataclass(slots=True)
class Problem:
    """One finding.

    Attributes
    ----------
    code : str
        Short and stable, for programs: ``no-geometry``, ``invalid-ring``, ``overlap``, ``gap`` and so on.
    reason : str
        A sentence for people, in their language.
    severity : {"error", "warning", "note"}
        An error keeps the row out; a warning does not; a note says what was done by itself.
    row : int or None
        Number of the row in the file, the first is 1 (in tables: the line, headings included).
    field : str or None
        Name of the column.
    subject : str or None
        Code or name of the feature.
    place : dict or None
        GeoJSON geometry, EPSG:4326.
    area_m2 : float or None
        Size of what is wrong, square metres.
    repaired : bool
        The defect was put right.
    """

    code: str
    reason: str
    severity: Severity = "error"
    row: int | None = None
    field: str | None = None
    subject: str | None = None
    place: dict[str, Any] | None = None
    area_m2: float | None = None
    repaired: bool = False


@dataclass(slots=True)
class Movement:
    """What a repair changed in one area: square metres won and lost, and how far its border went at most."""

    subject: str
    gained_m2: float
    lost_m2: float
    moved_m: float


@dataclass(slots=True)
class Decision:
    """A question that only a person can answer; nothing was done about it.

    ``code`` is ``split``, ``merged``, ``gone`` or ``ambiguous``; ``existing`` holds identities in the database,
    ``rows`` the rows of the file.
    """

    code: str
    reason: str
    existing: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    place: dict[str, Any] | None = None


@dataclass(slots=True)
class Report:
    """Everything about one run; `to_dict` is what the page and ``--report`` use.

    ``counts`` always holds ``read``, ``good``, ``bad``, ``created``, ``changed``, ``unchanged``; a dry run gives what
    would be created and changed. Further counts depend on what is imported.
    """

    file: str
    kind: str
    layer: str | None = None
    driver: str | None = None
    crs: str | None = None
    datum: str = "wgs84"
    encoding: str | None = None
    dry_run: bool = False
    written: bool = False
    seconds: float = 0.0
    mapping: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    _kept: Counter[str] = field(default_factory=Counter, repr=False)
    _bad_rows: set[int] = field(default_factory=set, repr=False)
    _file_errors: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        """Start the counts that every report has."""
        for name in ("read", "good", "bad", "created", "changed", "unchanged"):
            self.counts.setdefault(name, 0)

    def add(
        self,
        code: str,
        reason: str,
        *,
        severity: Severity = "error",
        row: int | None = None,
        field: str | None = None,
        subject: str | None = None,
        place: BaseGeometry | None = None,
        area_m2: float | None = None,
        repaired: bool = False,
    ) -> None:
        """Note a finding. Beyond 2,000 of one code the rest is counted in ``left_out``, not kept."""
        if severity == "error":
            if row is None:
                self._file_errors += 1
            else:
                self.mark_bad(row)
        if self._kept[code] >= KEPT_PER_CODE:
            self.left_out[code] = self.left_out.get(code, 0) + 1
            return
        self._kept[code] += 1
        rounded = None if area_m2 is None else round(area_m2, 4)
        self.problems.append(
            Problem(code, reason, severity, row, field, subject, as_geojson(place), rounded, repaired)
        )

    def mark_bad(self, row: int) -> None:
        """Keep a row out; `add` does so by itself for the row that it names."""
        self._bad_rows.add(row)
        self.counts["bad"] = len(self._bad_rows)

    def count(self, name: str, by: int = 1) -> None:
        """Raise a count."""
        self.counts[name] = self.counts.get(name, 0) + by

    @property
    def bad_rows(self) -> set[int]:
        """Rows with an error."""
        return self._bad_rows

    @property
    def has_file_error(self) -> bool:
        """Something is wrong that concerns no single row, so that leaving rows out is no way on."""
        return self._file_errors > 0

    @property
    def ok(self) -> bool:
        """Nothing stands in the way of writing every row."""
        return not self._bad_rows and not self._file_errors

    def of(self, code: str) -> list[Problem]:
        """Findings of one code."""
        return [problem for problem in self.problems if problem.code == code]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        found = {name: value for name, value in asdict(self).items() if not name.startswith("_")}
        found["ok"] = self.ok
        found["summary"] = self.summary()
        return found

    def summary(self) -> str:
        """One sentence that says how it went."""
        if self.written:
            start = _("Written: %(created)s new, %(changed)s changed, %(unchanged)s unchanged.")
        elif self.dry_run:
            start = _(
                "Nothing written (dry run): %(created)s would be new, %(changed)s changed, %(unchanged)s unchanged."
            )
        else:
            start = _("Nothing was written.")
        end = _("%(read)s rows read, %(bad)s with errors.")
        return f"{start} {end}" % self.counts

    def save(self, path: Path) -> None:
        """Write the report: ``.csv`` gives one line a problem, any other ending the whole as JSON."""
        if path.suffix.lower() == ".csv":
            with path.open("w", encoding="utf-8-sig", newline="") as out:
                writer = csv.writer(out)
                writer.writerow(
                    ["severity", "code", "row", "field", "subject", "reason", "area_m2", "repaired", "place"]
                )
                for found in self.problems:
                    place = "" if found.place is None else json.dumps(found.place, separators=(",", ":"))
                    writer.writerow(
                        [
                            found.severity,
                            found.code,
                            found.row,
                            found.field,
                            _plain(found.subject),
                            _plain(found.reason),
                            found.area_m2,
                            found.repaired,
                            place,
                        ]
                    )
        else:
            path.write_text(json.dumps(self.to_dict(), ensure_ascii=False, indent=1), encoding="utf-8")


def _plain(text: str | None) -> str | None:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text
