"""Notes that specialists leave for each other when a redraw moves households between them."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gridmap.actions.audit import read, record
from gridmap.models import HandOver, User
from gridmap.models.plans import MAX_NOTE
from gridmap.permissions import covered_grids


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
    """The note for the giver, and for whoever covers the grid once the redraw holds; on record as read.

    It speaks of households, so it opens as they do: by coverage, to the one who leads the grid now and not to the one
    to whom it was once addressed.

    Raises
    ------
    HandOverError
        Neither of them.
    """
    held = (
        HandOver.objects.select_for_update(of=("self",))
        .select_related("giver", "release")
        .get(pk=hand_over.pk)
    )
    at = timezone.now()
    is_giver = held.giver.user_id == by.pk
    is_taker = (
        held.release.effective_at <= at
        and held.release.withdrawn_at is None
        and covered_grids(by, at).filter(pk=held.grid_id).exists()
    )
    if not is_giver and not is_taker:
        raise HandOverError(_("Only who gives and who takes over may read the note."))
    if not is_giver:
        if held.read_at is None and held.note:
            held.read_at = timezone.now()
            held.save(update_fields=["read_at"])
        read(noun="hand_over", object_ids=[held.pk], fields=["note"], purpose=_("Hand-over"), by=by)
    return held.note
