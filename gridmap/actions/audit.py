"""Record what was done, and who read personal data before it is shown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from gridmap.models import AccessRecord, AuditEntry, User

MAX_PURPOSE = 200


class NoPurpose(ValueError):
    """Personal data was asked for without saying why; the message is for a person."""


def read(
    *, noun: str, object_ids: Iterable[int], fields: Iterable[str], purpose: str, by: User
) -> AccessRecord:
    """Record one reading: who, about which objects, which fields, why, when. Never a value.

    Call it in the transaction that fetches what is shown: what was not recorded must not be seen.

    Raises
    ------
    NoPurpose
        No purpose was given, or one longer than 200 characters.
    """
    purpose = purpose.strip()
    if not purpose:
        raise NoPurpose(purpose_needed())
    if len(purpose) > MAX_PURPOSE:
        raise NoPurpose(
            _("The purpose is longer than %(most)s characters. Shorten it.") % {"most": MAX_PURPOSE}
        )
    return AccessRecord.objects.create(
        by=by, noun=noun, object_ids=sorted(set(object_ids)), fields=list(fields), purpose=purpose
    )


def purpose_needed() -> str:
    """What to say where no purpose is given."""
    return _("Say what you need it for. It is recorded with your name.")


def record(
    *,
    verb: str,
    noun: str,
    object_id: int | str = "",
    details: Mapping[str, Any] | None = None,
    by: User | None,
) -> AuditEntry:
    """Record what was done, in the transaction that does it.

    Parameters
    ----------
    details : mapping, optional
        Codes, counts and ids; never a personal value.
    by : User or None
        None for the machinery, e.g. a purge by the clock.
    """
    return AuditEntry.objects.create(
        by=by, verb=verb, noun=noun, object_id=str(object_id), details=dict(details or {})
    )


def record_reference(instance: Model, verb: str, key: int, fields: Sequence[str], by: User | None) -> None:
    """Areas, buildings and ground that somebody changed by hand; names of fields, no values."""
    details = {"fields": list(fields)} if fields else {}
    record(verb=verb, noun=str(instance._meta.model_name), object_id=key, details=details, by=by)
