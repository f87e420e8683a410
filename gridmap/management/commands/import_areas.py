"""``manage.py import_areas FILE --level community|compound|grid|street|water|land``."""

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from boundaries.actions.importing import NewSubdistrict, import_areas, source_of
from boundaries.actions.importing_ground import import_ground
from boundaries.actions.plans import PublishError
from boundaries.importing.areas import LEVELS
from boundaries.importing.coverage import GAP_WIDTH_M
from boundaries.importing.ground import GROUND_KINDS
from boundaries.importing.report import ImportFileError
from boundaries.management.importing import Console, add_options, options_of, show, subdistrict_of
from boundaries.models import Community, Plan, Subdistrict
from gridmap.actions.import_history import import_recorder
from gridmap.actions.plans import publish_plan


class Command(BaseCommand):
    """Import areas, or the ground under them."""

    help = "Import communities, compounds or grids, or the streets, water and open land of the map."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the command takes."""
        add_options(parser)
        parser.add_argument("--level", required=True, choices=[*LEVELS, *GROUND_KINDS])
        parser.add_argument(
            "--repair", action="store_true", help="close gaps and settle overlaps of areas that tile"
        )
        parser.add_argument("--gap-width", type=float, default=GAP_WIDTH_M, metavar="METRES",
                            help="gaps up to this width are closed, wider ones are holes on purpose")  # fmt: skip
        parser.add_argument(
            "--create-subdistrict", metavar="NAME", help="with --subdistrict CODE, where it is not there yet"
        )
        parser.add_argument(
            "--metric-srid", type=int, help="projection in metres of a new subdistrict (suggested otherwise)"
        )
        parser.add_argument(
            "--plan", default="", metavar="NAME", help="name of the draft plan that grids go to"
        )
        parser.add_argument(
            "--publish-at",
            metavar="TIME",
            help="put the grids in force: “now”, or a time as 2019-11-30T08:00",
        )

    def handle(self, *args: Any, **given: Any) -> None:
        """Import, and print the report."""
        options, console = options_of(given), Console()
        level = given["level"]
        target: Subdistrict | NewSubdistrict
        exists = Subdistrict.objects.filter(code=given["subdistrict"] or "").exists()
        if given["create_subdistrict"] and not exists:
            if not given["subdistrict"]:
                raise CommandError(_("--create-subdistrict needs the code: --subdistrict CODE."))
            target = NewSubdistrict(given["subdistrict"], given["create_subdistrict"], given["metric_srid"])
        else:
            target = subdistrict_of(given["subdistrict"])
        history = import_recorder(subdistrict=target.code, source=source_of(given["file"], options), by=None)
        try:
            if level in GROUND_KINDS:
                if isinstance(target, NewSubdistrict):
                    raise ImportFileError(_("Import the communities first; they create the subdistrict."))
                report = import_ground(
                    given["file"], kind=level, subdistrict=target, options=options, progress=console,
                    on_written=history, by=None,
                )  # fmt: skip
            else:
                report = import_areas(
                    given["file"], level=level, subdistrict=target, options=options, plan_name=given["plan"],
                    progress=console, on_written=history, by=None,
                )  # fmt: skip
        except ImportFileError as error:
            raise CommandError(str(error)) from None
        finally:
            console.close()
        show(report, self.stdout, given)
        if given["publish_at"] and level == "grid" and report.written:
            self._publish(report.measures, given["publish_at"])

    def _publish(self, measures: dict[str, Any], when: str) -> None:
        plan = Plan.objects.select_related("subdistrict").get(pk=measures["plan"])
        # publishing refuses what lies in the past, if only by a millisecond
        at = timezone.now() + timedelta(seconds=1) if when == "now" else parse_datetime(when)
        if at is None:
            raise CommandError(_("“%(when)s” is no time. Write it as 2019-11-30T08:00.") % {"when": when})
        if timezone.is_naive(at):
            at = timezone.make_aware(at, plan.subdistrict.zone)
        communities = list(Community.objects.filter(pk__in=measures["communities"]))
        try:
            done = publish_plan(plan=plan, communities=communities, at=at, by=None)
        except PublishError as error:
            raise CommandError(
                _("The grids are in the draft “%(plan)s”, but cannot be put in force: %(error)s")
                % {"plan": plan.name, "error": error}
            ) from None
        if when == "now":
            # who asks right after this line is answered by the new plan
            time.sleep(max(0.0, (at - timezone.now()).total_seconds()))
        self.stdout.write(
            _("In force from %(at)s in %(count)s communities.")
            % {"at": at.isoformat(timespec="minutes"), "count": len(done.publications)}
        )
