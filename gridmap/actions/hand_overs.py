"""Notes that specialists leave for each other when a redraw moves households between them."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gridmap.actions.audit import read, record
from gridmap.models import HandOver, User
from gridmap.models.plans import MAX_NOTE


class HandOverError(ValueError):
    """The note cannot be written or read; the message is for a person."""


@transaction.atomic
def write_note(*, hand_over: HandOver, note: str, by: User) -> HandOver:
    """Write the note, or write it anew. Only the giver may; what it says goes into no log.

    Raises
    ------
    HandOverError
        Somebody else's, empty, too long, or the plan was withdrawn.
    """
    held = (
        HandOver.objects.select_for_update(of=("self",))
        .select_related("release", "giver")
        .get(pk=hand_over.pk)
    )
    if held.giver.user_id != by.pk:
        raise HandOverError(_("Only who hands over writes the note."))
    if held.release.withdrawn_at is not None:
        raise HandOverError(_("The plan was withdrawn: nothing is handed over."))
    text = note.strip()
    if not text:
        raise HandOverError(_("Write what the one who takes over has to know."))
    if len(text) > MAX_NOTE:
        raise HandOverError(_("At most %(most)s characters.") % {"most": f"{MAX_NOTE:,}"})
    held.note, held.written_at, held.read_at = text, timezone.now(), None
    held.save(update_fields=["note", "written_at", "read_at"])
    record(verb="write", noun="hand_over", object_id=held.pk, details={"length": len(text)}, by=by)
    return held


@transaction.atomic
def read_note(*, hand_over: HandOver, by: User) -> str:
    """The note for the one who takes over, on record as read.

    Raises
    ------
    HandOverError
        Neither giver nor taker, or there is no note.
    """
    held = (
        HandOver.objects.select_for_update(of=("self",)).select_related("giver", "taker").get(pk=hand_over.pk)
    )
    is_giver = held.giver.user_id == by.pk
    is_taker = held.taker is not None and held.taker.user_id == by.pk
    if not is_giver and not is_taker:
        raise HandOverError(_("Only who gives and who takes over may read the note."))
    if is_taker:
        if held.read_at is None and held.note:
            held.read_at = timezone.now()
            held.save(update_fields=["read_at"])
        read(noun="hand_over", object_ids=[held.pk], fields=["note"], purpose=_("Hand-over"), by=by)
    return held.note
