"""``manage.py export_plan PLAN|--in-force --format gpkg|geojson|shp|csv --out FILE``."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.locating import instant
from boundaries.management.importing import subdistrict_of
from boundaries.models import Plan
from gridmap.exports import ALL, FORMATS, save
from gridmap.schemes import Contents, contents_in_force, contents_of, drawn_communities


class Command(BaseCommand):
    """Write a plan, or what is in force at a time, as a file."""

    help = "Export the grids of a plan, or those in force, or the table of buildings with their grids."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the command takes."""
        parser.add_argument("plan", nargs="?", help="the plan's number, or its name")
        parser.add_argument("--in-force", action="store_true", help="instead of one plan: what is in force")
        parser.add_argument(
            "--at", metavar="TIME", help="as of that time, e.g. 2019-11-30 (end of that day); now if left out"
        )
        parser.add_argument("--subdistrict", metavar="CODE", help="with --in-force, where there are several")
        parser.add_argument("--community", action="append", default=[], metavar="CODE",
                            help="only this community; may be given several times")  # fmt: skip
        parser.add_argument(
            "--format",
            choices=FORMATS,
            help="csv is the table of buildings; by the ending of FILE if left out",
        )
        parser.add_argument("--out", required=True, type=Path, metavar="FILE")

    def handle(self, *args: Any, **given: Any) -> None:
        """Write the file and say what is in it."""
        started = time.perf_counter()
        path: Path = given["out"]
        kind = FORMATS.get(given["format"] or _by_ending(path))
        if kind is None:
            raise CommandError(
                _("The ending of %(file)s tells no format. Choose one: --format %(formats)s.")
                % {"file": path.name, "formats": "|".join(FORMATS)}
            )
        if path.is_dir() or not path.parent.is_dir():
            what = _("is a folder") if path.is_dir() else _("lies in a folder that does not exist")
            raise CommandError(_("%(file)s %(what)s. Name a file.") % {"file": path, "what": what})
        contents = self._contents(given)
        if not contents.grids:
            raise CommandError(_("There are no grids to export: nothing is in force there at that time."))
        try:
            size = save(contents, kind, ALL, path)
        except OSError as error:
            raise CommandError(
                _("%(file)s cannot be written: %(reason)s.")
                % {"file": path, "reason": error.strerror or error}
            ) from None
        self.stdout.write(
            _("%(file)s: %(grids)s grids of %(name)s, %(size).1f MB, %(seconds).1f s")
            % {
                "file": path, "grids": f"{len(contents.grids):,}", "name": contents.name, "size": size / 1e6,
                "seconds": time.perf_counter() - started,
            }
        )  # fmt: skip

    def _contents(self, given: dict[str, Any]) -> Contents:
        if bool(given["plan"]) == given["in_force"]:
            raise CommandError(_("Name one plan, or give --in-force."))
        plan = _plan(given["plan"]) if given["plan"] else None
        subdistrict = plan.subdistrict if plan else subdistrict_of(given["subdistrict"])
        try:
            at = instant(given["at"], subdistrict.zone) if given["at"] else None
        except ValueError as error:
            raise CommandError(str(error)) from None
        if plan is None:
            found = contents_in_force(subdistrict, at or timezone.now())
        else:
            found = contents_of(plan, drawn_communities(plan), at)
        return _only(found, given["community"])


def _only(contents: Contents, codes: list[str]) -> Contents:
    if not codes:
        return contents
    kept = [each for each in contents.communities if each.code in codes]
    unknown = set(codes) - {each.code for each in kept}
    if unknown:
        known = ", ".join(each.code for each in contents.communities)
        raise CommandError(
            _("There is no community %(code)s here. Known: %(known)s.")
            % {"code": ", ".join(sorted(unknown)), "known": known or "–"}
        )
    return contents.of(kept)


def _plan(text: str) -> Plan:
    rows = Plan.objects.select_related("subdistrict").defer("subdistrict__outline")
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    found = list(rows.filter(pk=int(text)) if is_number else rows.filter(name=text).order_by("-id")[:10])
    if not found:
        raise CommandError(
            _("There is no plan “%(plan)s”. Give its number, which stands in the address of its page.")
            % {"plan": text}
        )
    if len(found) > 1:
        raise CommandError(
            _("Several plans are called “%(plan)s”. Give the number of one: %(numbers)s.")
            % {"plan": text, "numbers": ", ".join(str(each.pk) for each in found)}
        )
    return found[0]


def _by_ending(path: Path) -> str:
    return next((key for key, each in FORMATS.items() if each.ending == path.suffix.lower()), "")
