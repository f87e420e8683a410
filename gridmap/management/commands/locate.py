"""Ask who is responsible at a place, or at all places of a file."""

import json
import sys
import time
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from boundaries.bulk import PlanProblem
from boundaries.bulk.files import FileProblem, locate_file
from boundaries.datum import DATUMS
from boundaries.indexing import load_index
from boundaries.locating import PlaceError, instant
from boundaries.models import Subdistrict
from gridmap.responsibility import locate, town_zone


class Command(BaseCommand):
    """`locate LON LAT` prints one answer as JSON; `locate --file IN.csv --out OUT.csv` answers a whole file."""

    help = "Say which grid and which specialist is responsible at a place, or at the places of a CSV file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("lon", type=float, nargs="?", help="longitude in degrees")
        parser.add_argument("lat", type=float, nargs="?", help="latitude in degrees")
        parser.add_argument("--at", help="time, e.g. 2019-11-30 or 2019-11-30T14:30; now if not given")
        parser.add_argument("--datum", default="wgs84", choices=DATUMS, help="datum of the coordinates")
        parser.add_argument("--accuracy", type=float, help="stated accuracy in metres")
        parser.add_argument("--file", type=Path, help="CSV file with a longitude and a latitude column")
        parser.add_argument("--out", type=Path, help="CSV file to write; - for standard output")
        parser.add_argument("--lon-column", help="name of the longitude column, if it cannot be guessed")
        parser.add_argument("--lat-column", help="name of the latitude column, if it cannot be guessed")
        parser.add_argument("--subdistrict", help="code of the subdistrict; all if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        at = self._instant(options["at"])
        if options["file"]:
            self._file(at, options)
        else:
            self._point(at, options)

    @staticmethod
    def _instant(text: str | None) -> datetime:
        if text is None:
            return timezone.now()
        try:
            return instant(text, town_zone())
        except ValueError as problem:
            raise CommandError(str(problem)) from None

    def _point(self, at: datetime, options: dict[str, Any]) -> None:
        if options["lon"] is None or options["lat"] is None:
            raise CommandError("Give a longitude and a latitude, or --file IN.csv --out OUT.csv.")
        try:
            answer = locate(
                options["lon"],
                options["lat"],
                at=at,
                datum=options["datum"],
                accuracy_m=options["accuracy"],
            )
        except PlaceError as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(json.dumps(answer.as_json("staff"), ensure_ascii=False, indent=2))

    def _file(self, at: datetime, options: dict[str, Any]) -> None:
        if options["out"] is None:
            raise CommandError("Say where the answers go: --out OUT.csv.")
        town = None
        if code := options["subdistrict"]:
            town = Subdistrict.objects.filter(code=code).first()
            if town is None:
                raise CommandError(f"There is no subdistrict {code}.")
        try:
            index = load_index(at, town)
            summary = locate_file(
                index,
                options["file"],
                options["out"],
                datum=options["datum"],
                lon_column=options["lon_column"],
                lat_column=options["lat_column"],
                progress=_Progress(self.stderr),
            )
        except (PlanProblem, FileProblem) as problem:
            raise CommandError(str(problem)) from None
        self.stderr.write(str(summary))


class _Progress:
    """Rows so far, once a second, on the same line of a terminal."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.started, self.said = stream, time.monotonic(), 0.0

    def __call__(self, rows: int) -> None:
        now = time.monotonic()
        if now - self.said < 1:
            return
        self.said = now
        rate = rows / max(now - self.started, 1e-9)
        end = "\r" if sys.stderr.isatty() else "\n"
        self.stream.write(f"{rows:,} rows, {rate:,.0f} a second", ending=end)
