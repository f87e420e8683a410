"""``manage.py import_buildings FILE``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from boundaries.actions.importing import source_of
from boundaries.actions.importing_buildings import import_buildings
from boundaries.importing.report import ImportFileError
from boundaries.management.importing import Console, add_options, options_of, show, subdistrict_of
from gridmap.actions.import_history import import_recorder


class Command(BaseCommand):
    """Import buildings."""

    help = "Import building footprints; a building keeps its identity on re-import."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the command takes."""
        add_options(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        """Import, and print the report."""
        options, console = options_of(given), Console()
        subdistrict = subdistrict_of(given["subdistrict"])
        source = source_of(given["file"], options)
        try:
            report = import_buildings(
                given["file"],
                subdistrict=subdistrict,
                options=options,
                progress=console,
                on_written=import_recorder(subdistrict=subdistrict.code, source=source, by=None),
                by=None,
            )
        except ImportFileError as error:
            raise CommandError(str(error)) from None
        finally:
            console.close()
        show(report, self.stdout, given)
