"""Between rows of a file and records of the database: geometries, what changed, one transaction for a file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.db import DataError, IntegrityError, models, transaction
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from boundaries.importing.report import ImportFileError, Report

KEPT_CHANGES: Final = 2000


def as_shape(value: Any) -> BaseGeometry:
    """A geometry of the database as Shapely's."""
    return shapely.from_wkb(bytes(value.wkb))


def as_geos(shape: BaseGeometry) -> Any:
    """A Shapely geometry in EPSG:4326 as the database's, of the same type."""
    return GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=4326)


def note_change(report: Report, action: str, row: int, subject: str, fields: Sequence[str] = ()) -> None:
    """Count a row as created, changed or unchanged, and list it unless it stays as it is."""
    report.count(action)
    if action != "unchanged" and len(report.changes) < KEPT_CHANGES:
        report.changes.append({"action": action, "row": row, "subject": subject, "fields": list(fields)})


def difference(record: models.Model, values: dict[str, Any]) -> list[str]:
    """Set the values on a record and tell which fields that changed; shapes count by their ground."""
    changed = []
    for name, value in values.items():
        now = getattr(record, name)
        if isinstance(value, BaseGeometry):
            if now is not None and shapely.equals_exact(as_shape(now), value, 5e-9, normalize=True):
                continue
            setattr(record, name, as_geos(value))
        elif now == value:
            continue
        else:
            setattr(record, name, value)
        changed.append(name)
    return changed


@contextmanager
def saving(report: Report) -> Iterator[None]:
    """One transaction for a file; a row that another import wrote meanwhile, or that the database refuses, ends in words.

    Raises
    ------
    ImportFileError
        The database refused a row; nothing is written.
    """
    try:
        with transaction.atomic():
            yield
    except (IntegrityError, DataError) as error:
        detail = str(error).strip().splitlines()[0]
        raise ImportFileError(
            _(
                "%(file)s was not written: the database refused a row (%(detail)s). If another import ran meanwhile, try again."
            )
            % {"file": report.file, "detail": detail}
        ) from None
