"""Write a plan, or what it changes, as one HTML file with a map that opens without any network."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from boundaries.locating import instant
from boundaries.models import Plan
from gridmap.comparison import communities_of
from gridmap.reports import compared, comparison_html, plan_html

IN_FORCE = "in-force"


class Command(BaseCommand):
    """`report_plan PLAN --out FILE`: the plan alone; `--against PLAN` or `--against in-force`: what it changes."""

    help = "Write a plan, or its comparison with another, as one HTML file that opens without any network."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("plan", help="the plan's number, or its name")
        parser.add_argument(
            "--against", help=f"another plan by number or name, or {IN_FORCE}; the plan alone if not given"
        )
        parser.add_argument("--out", required=True, help="HTML file to write; - for standard output")
        parser.add_argument("--at", help="day or time to count at, e.g. 2019-11-30; now if not given")
        parser.add_argument(
            "--language",
            default=settings.LANGUAGE_CODE,
            choices=[code for code, _name in settings.LANGUAGES],
            help="language of the file",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        plan = _plan(options["plan"])
        text = options["against"]
        other = plan if text is None else None if text == IN_FORCE else _plan(text)
        if other is not None and not communities_of(plan, other)[0]:
            raise CommandError(f"“{plan}” and “{other}” have no community in common.")
        try:
            at = instant(options["at"], plan.subdistrict.zone) if options["at"] else timezone.now()
        except ValueError as problem:
            raise CommandError(str(problem)) from None
        with translation.override(options["language"]):
            found = compared(plan, other, at=at)
            html = plan_html(found) if text is None else comparison_html(found)
        if options["out"] == "-":
            sys.stdout.write(html)
            return
        path = Path(options["out"])
        try:
            path.write_text(html, encoding="utf-8")
        except OSError as problem:
            raise CommandError(f"{path} could not be written: {problem.strerror}.") from None
        self.stdout.write(f"{path}: {len(html.encode()) / 1e6:,.1f} MB")


def _plan(text: str) -> Plan:
    """The plan of that number, or of that name if only one has it."""
    rows = Plan.objects.select_related("subdistrict").defer("subdistrict__outline")
    if text.isascii() and text.isdigit():
        found = list(rows.filter(pk=int(text)))
    else:
        found = list(rows.filter(name=text).order_by("-id")[:2])
    if not found:
        raise CommandError(
            f"There is no plan “{text}”. Give its number, which stands in the address of its page."
        )
    if len(found) > 1:
        raise CommandError(f"Several plans are called “{text}”. Give the number of one.")
    return found[0]
