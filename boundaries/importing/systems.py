"""Coordinate systems: what the file says, what the user says, and what to ask."""

import re
from typing import Any

import pyproj
from django.utils.translation import gettext as _

from boundaries.importing.report import ImportFileError


def parse(told: Any, file: str) -> pyproj.CRS | None:
    """The system that a file states; None where it states none, or one that means nothing on earth."""
    if not told:
        return None
    try:
        found = pyproj.CRS.from_user_input(told)
    except pyproj.exceptions.CRSError:
        raise ImportFileError(
            _(
                "The coordinate system in %(file)s makes no sense. Name the right one with --crs, for example EPSG:4490."
            )
            % {"file": file}
        ) from None
    if re.search(r"undefined|unknown|engineering", found.name, re.IGNORECASE) or found.is_engineering:
        return None
    return found


def settle(
    found: pyproj.CRS | None, told: str | None, notes: list[tuple[str, str]], *, file: str, required: bool
) -> pyproj.CRS | None:
    """Decide between what the file says and what the user says; the user goes first.

    Raises
    ------
    ImportFileError
        The user's system is unknown, or one is required and there is none.
    """
    if told is not None:
        try:
            given = pyproj.CRS.from_user_input(told)
        except pyproj.exceptions.CRSError:
            raise ImportFileError(
                _("“%(crs)s” is no coordinate system that is known here. Write it as EPSG:4544, for example.")
                % {"crs": told}
            ) from None
        if found is not None and not given.equals(found, ignore_axis_order=True):
            notes.append(
                (
                    "crs-overruled",
                    _("The file says %(file)s; read as %(told)s, as asked.")
                    % {"file": found.name, "told": given.name},
                )
            )
        found = given
    if required and found is None:
        raise ImportFileError(
            _(
                "%(file)s does not say which coordinate system it is in. Name it with --crs, for example EPSG:4490 for "
                "degrees or EPSG:4544 for metres at 105° E."
            )
            % {"file": file}
        )
    if found is not None and len(found.axis_info) > 2:
        found = found.to_2d()
    return found
