"""What the import commands share: options, progress on stderr, the report in words."""

import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from boundaries.datum import DATUMS
from boundaries.importing.columns import parse_mapping
from boundaries.importing.report import ImportFileError, Report
from boundaries.importing.rows import Options
from boundaries.models import Subdistrict

SHOWN = 20


def add_options(parser: ArgumentParser) -> None:
    """Options of every file command."""
    parser.add_argument(
        "file", type=Path, help="GeoPackage, GeoJSON, Shapefile (.zip), .osm.gz, .pbf, CSV, XLSX"
    )
    parser.add_argument("--subdistrict", metavar="CODE", help="may be left out where there is only one")
    parser.add_argument("--layer", help="layer or file, where there are several")
    parser.add_argument("--sheet", help="sheet of an Excel file")
    parser.add_argument(
        "--crs", help="coordinate system, e.g. EPSG:4490, where the file says none or the wrong one"
    )
    parser.add_argument(
        "--datum", choices=DATUMS, default="wgs84", help="datum of the coordinates (default: wgs84)"
    )
    parser.add_argument("--encoding", help="text encoding; found by itself where left out")
    parser.add_argument(
        "--map", action="append", default=[], metavar="ROLE=COLUMN", help="e.g. code=VILLCODE"
    )
    parser.add_argument("--multipart", choices=["keep", "split", "join"], default="keep",
                        help="rows of several parts: keep them, split them, or join rows of one code")  # fmt: skip
    parser.add_argument("--invalid", choices=["refuse", "repair"], default="refuse", help="invalid rings")
    parser.add_argument("--swap-axes", action="store_true", help="the file has latitude first")
    parser.add_argument("--skip-bad", action="store_true", help="take the good rows although others are bad")
    parser.add_argument("--accept", action="store_true", help="go on although the whole file looks misplaced")
    parser.add_argument(
        "--source", help="name under which references are remembered (default: osm, or the file's name)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    parser.add_argument("--report", type=Path, metavar="OUT.json|OUT.csv", help="write the whole report")


def options_of(given: dict[str, Any]) -> Options:
    """Options from the command line.

    Raises
    ------
    CommandError
        A mapping cannot be read.
    """
    try:
        mapping = parse_mapping(given["map"])
    except ImportFileError as error:
        raise CommandError(str(error)) from None
    return Options(
        layer=given["layer"], sheet=given["sheet"], encoding=given["encoding"], crs=given["crs"], datum=given["datum"],
        mapping=mapping, multipart=given["multipart"], invalid=given["invalid"], repair=given.get("repair", False),
        gap_width_m=given.get("gap_width", 1.0), skip_bad=given["skip_bad"], swap_axes=given["swap_axes"],
        accept=given["accept"], source=given["source"], dry_run=given["dry_run"],
    )  # fmt: skip


def subdistrict_of(code: str | None) -> Subdistrict:
    """The subdistrict with the code, or the only one.

    Raises
    ------
    CommandError
        There is none, or there are several and none was named.
    """
    if code:
        found = Subdistrict.objects.filter(code=code).first()
        if found is None:
            known = ", ".join(Subdistrict.objects.values_list("code", flat=True)[:20])
            raise CommandError(
                _(
                    "There is no subdistrict %(code)s. Known: %(known)s. --create-subdistrict NAME makes it with its communities."
                )
                % {"code": code, "known": known or "–"}
            )
        return found
    every = list(Subdistrict.objects.all()[:2])
    if len(every) == 1:
        return every[0]
    if not every:
        raise CommandError(
            _(
                "There is no subdistrict yet. Import its communities: import_areas FILE --level "
                "community --subdistrict CODE --create-subdistrict NAME."
            )
        )
    raise CommandError(_("There are several subdistricts; choose one with --subdistrict CODE."))


class Console:
    """Progress on one line of stderr, from one second on: rows, rate, and what is being done."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stderr
        self.started = time.monotonic()
        self.shown = 0.0
        self.width = 0

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        """Show where it is, at most five times a second."""
        now = time.monotonic()
        if now - self.started < 1.0 or now - self.shown < 0.2:
            return
        self.shown = now
        of = f" / {total:,}" if total else ""
        rate = f", {done / (now - self.started):,.0f}/s" if done else ""
        line = f"{doing} {done:,}{of}{rate}" if done or total else f"{doing} …"
        lead, end = ("\r", "") if self.out.isatty() else ("", os.linesep)
        self.out.write(f"{lead}{line.ljust(self.width)}{end}")
        self.out.flush()
        self.width = len(line)

    def close(self) -> None:
        """End the line."""
        if self.width and self.out.isatty():
            self.out.write("\r" + " " * self.width + "\r")


def show(report: Report, out: Any, given: dict[str, Any]) -> None:
    """Print the report in words, save it where asked, and fail where nothing could be written.

    Raises
    ------
    CommandError
        Rows are bad and nothing was written.
    """
    if given["report"] is not None:
        try:
            report.save(given["report"])
        except OSError as error:
            raise CommandError(
                _("The report cannot be written to %(path)s: %(error)s.")
                % {"path": given["report"], "error": error}
            ) from None
    for line in lines(report):
        out.write(line)
    if not report.ok and not report.written:
        if report.has_file_error:
            advice = _("Nothing was written. The whole file seems misplaced; --accept goes on nevertheless.")
        else:
            advice = _("Nothing was written. Mend the rows above, or take the good ones with --skip-bad.")
        raise CommandError(advice)


def lines(report: Report) -> list[str]:
    """The report in words."""
    about = [report.file, report.driver, report.layer, report.crs, report.datum, report.encoding]
    found = [" · ".join(part for part in about if part)]
    if report.mapping:
        found.append(
            _("Columns: %(columns)s")
            % {"columns": ", ".join(f"{role}={name}" for role, name in report.mapping.items())}
        )
    counts = {name: value for name, value in report.to_dict()["counts"].items() if value}
    found.append(
        _("Counts: %(counts)s")
        % {"counts": ", ".join(f"{name} {value:,}" for name, value in counts.items()) or "0"}
    )
    if report.measures:
        found.append(
            _("Measures: %(measures)s")
            % {"measures": ", ".join(f"{name} {value}" for name, value in report.measures.items())}
        )
    order = {"error": 0, "warning": 1, "note": 2}
    problems = sorted(report.problems, key=lambda one: (order[one.severity], one.code, one.row or 0))
    for one in problems[:SHOWN]:
        where = f" row {one.row}" if one.row is not None else ""
        found.append(f"  {one.severity}{where} [{one.code}] {one.reason}")
    if len(problems) > SHOWN:
        rest = Counter(f"{one.severity} {one.code}" for one in problems[SHOWN:])
        more = ", ".join(f"{count} x {code}" for code, count in rest.items())
        found.append(_("  … and %(more)s; all of them with --report.") % {"more": more})
    found += [
        _("  moved %(subject)s: +%(gained).2f m2, -%(lost).2f m2, at most %(far).3f m")
        % {"subject": one.subject, "gained": one.gained_m2, "lost": one.lost_m2, "far": one.moved_m}
        for one in sorted(report.movements, key=lambda one: -one.moved_m)[:SHOWN]
    ]
    decided = Counter(one.code for one in report.decisions)
    if decided:
        found.append(
            _("Left to a person: %(decisions)s")
            % {"decisions": ", ".join(f"{count} {code}" for code, count in decided.items())}
        )
    found.append(f"{report.summary()} ({report.seconds:.1f} s)")
    return found
