"""``manage.py import_households FILE``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from boundaries.importing.report import ImportFileError
from boundaries.management.importing import Console, add_options, options_of, show, subdistrict_of
from gridmap.actions.importing_households import import_households


class Command(BaseCommand):
    """Import households."""

    help = "Import a household register (XLSX or CSV); rows that match no building wait for a person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the command takes."""
        add_options(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        """Import, and print the report."""
        options, console = options_of(given), Console()
        try:
            report = import_households(
                given["file"],
                subdistrict=subdistrict_of(given["subdistrict"]),
                options=options,
                progress=console,
                by=None,
            )
        except ImportFileError as error:
            raise CommandError(str(error)) from None
        finally:
            console.close()
        show(report, self.stdout, given)
