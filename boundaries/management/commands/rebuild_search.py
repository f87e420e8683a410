"""`manage.py rebuild_search`: build what the search box reads anew from the record."""

from argparse import ArgumentParser
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from boundaries.actions.places import rebuild_places, refresh_places
from boundaries.models import Subdistrict


class Command(BaseCommand):
    """Safe at any time: readers see the old rows until the new ones are complete."""

    help = "Build the search's places and keys anew, for one subdistrict or for all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--subdistrict", metavar="CODE", help="only this one")

    def handle(self, *args: Any, subdistrict: str | None = None, **options: Any) -> None:
        began = perf_counter()
        if subdistrict is None:
            count = rebuild_places(lambda code, total: self.stdout.write(f"{code}: {total}"))
        else:
            try:
                count = refresh_places(Subdistrict.objects.get(code=subdistrict))
            except Subdistrict.DoesNotExist:
                raise CommandError(
                    _("There is no subdistrict with the code “%(code)s”. Codes in use: %(codes)s.")
                    % {
                        "code": subdistrict,
                        "codes": ", ".join(Subdistrict.objects.values_list("code", flat=True)) or "–",
                    }
                ) from None
        seconds = perf_counter() - began
        self.stdout.write(_("%(count)d places in %(seconds).1f s.") % {"count": count, "seconds": seconds})
