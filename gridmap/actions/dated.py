"""End a dated row without overwriting it."""

from typing import TypeVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.types.range import Range

from gridmap.actions.audit import record
from gridmap.models import Absence, Assignment, DutyTelephone, HostContact, User

Row = TypeVar("Row", Absence, Assignment, DutyTelephone, HostContact)


class EndedAlready(ValueError):
    """The row holds no longer; the message is for a person."""


@transaction.atomic
def end_now(*, row: Row, by: User | None) -> Row | None:
    """End `row` at this moment: it is revoked, and what was in force until now is recorded anew and returned.

    Raises
    ------
    EndedAlready
        It was revoked, or its period is over.
    """
    model, now = type(row), timezone.now()
    held = model._default_manager.select_for_update().get(pk=row.pk)
    lower, upper = held.period.lower, held.period.upper
    if held.revoked_at is not None or (upper is not None and upper <= now):
        raise EndedAlready(_("This has ended already."))
    held.revoked_at = now
    held.save(update_fields=["revoked_at"])
    past: Row | None = None
    if lower is None or lower < now:
        values = {
            each.attname: getattr(held, each.attname)
            for each in held._meta.concrete_fields
            if each.attname not in {"id", "period", "recorded_at", "revoked_at"}
        }
        past = model._default_manager.create(**values, period=Range(lower, now, "[)"))
    record(verb="end", noun=str(held._meta.model_name), object_id=held.pk, by=by)
    return past
