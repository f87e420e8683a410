"""`manage.py demo_town`: load the demo town."""

import os
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from fixtures.town.town import DEFAULT_SEED
from gridmap.actions.demo import DemoError, Login, load_demo


class Command(BaseCommand):
    """Loads the town in one transaction and tells the demo logins once."""

    help = "Load the demo town (all of it invented) and make its logins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Scale, seed, day, and what to leave out."""
        parser.add_argument(
            "--scale",
            type=float,
            default=1.0,
            help="1 is the whole town; 0.05 a part of it; 10 that many subdistricts",
        )
        parser.add_argument(
            "--seed", type=int, default=DEFAULT_SEED, help="the same seed gives the same town, byte for byte"
        )
        parser.add_argument(
            "--today", type=date.fromisoformat, help="the day from which the stories are told (YYYY-MM-DD)"
        )
        parser.add_argument(
            "--without-residents", action="store_true", help="households with head counts, no persons"
        )
        parser.add_argument(
            "--without-households", action="store_true", help="neither households nor residents"
        )
        parser.add_argument("--without-logins", action="store_true", help="make no demo logins")
        parser.add_argument(
            "--logins-file",
            type=Path,
            default=Path(settings.BASE_DIR) / ".local" / "demo-logins",
            help="where the logins are written",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, with progress on standard output."""
        if not 0.03 <= options["scale"] <= 1000:
            raise CommandError(_("The scale must lie between 0.03 and 1000."))
        began = perf_counter()

        def say(what: str) -> None:
            self.stdout.write(f"  {perf_counter() - began:6.1f} s  {what}")
            self.stdout.flush()

        try:
            loaded = load_demo(
                today=options["today"] or timezone.localdate(),
                scale=options["scale"],
                seed=options["seed"],
                households=not options["without_households"],
                residents=not options["without_residents"],
                logins=not options["without_logins"],
                say=say,
            )
        except DemoError as problem:
            raise CommandError(str(problem)) from None
        rows = sum(loaded.rows.values())
        say(_("%(rows)s rows loaded") % {"rows": f"{rows:,}"})
        if loaded.logins:
            write_logins(options["logins_file"], loaded.logins)
            for line in lines_of(loaded.logins):
                self.stdout.write(f"  {line}")


def lines_of(logins: list[Login]) -> list[str]:
    """One line a login: name, password, role and whose account it is."""
    return [
        f"{login.username:<14} {login.password:<14} {login.role} {login.who}".rstrip() for login in logins
    ]


def write_logins(path: Path, logins: list[Login]) -> None:
    """Write the logins to a file that only its owner may read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines_of(logins)) + "\n")
