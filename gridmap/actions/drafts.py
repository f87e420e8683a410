"""Drafts started, copied, named, put away: with the record of who did it. Edits keep their own record: revisions."""

from collections.abc import Sequence

from django.db import transaction

from boundaries.actions import drafts
from boundaries.models import Community, Plan, Subdistrict
from gridmap.actions.audit import record
from gridmap.models import User


@transaction.atomic
def start_draft(
    *,
    subdistrict: Subdistrict,
    communities: Sequence[Community],
    base: Plan | None = None,
    name: str,
    by: User,
) -> Plan:
    """Start a draft; see `boundaries.actions.drafts.start_draft`."""
    draft = drafts.start_draft(subdistrict=subdistrict, communities=communities, base=base, name=name, by=by)
    details = {
        "communities": sorted(one.code for one in communities),
        "base": None if base is None else base.pk,
    }
    record(verb="start", noun="plan", object_id=draft.pk, details=details, by=by)
    return draft


@transaction.atomic
def copy_draft(*, plan: Plan, name: str, by: User) -> Plan:
    """Copy a draft or a plan; see `boundaries.actions.drafts.copy_draft`."""
    draft = drafts.copy_draft(plan=plan, name=name, by=by)
    record(verb="copy", noun="plan", object_id=draft.pk, details={"of": plan.pk, "head": plan.head_id}, by=by)
    return draft


@transaction.atomic
def describe_draft(*, plan: Plan, name: str | None = None, note: str | None = None, by: User) -> None:
    """Give a draft another name or note; see `boundaries.actions.drafts.rename_draft`."""
    drafts.rename_draft(plan=plan, name=name, note=note, by=by)
    fields = [field for field, value in (("name", name), ("note", note)) if value is not None]
    record(verb="change", noun="plan", object_id=plan.pk, details={"fields": fields}, by=by)


@transaction.atomic
def put_away(*, plan: Plan, away: bool, by: User) -> None:
    """Put a draft away, or take it back."""
    if away:
        drafts.discard_draft(plan=plan, by=by)
    else:
        drafts.restore_draft(plan=plan, by=by)
    record(verb="discard" if away else "restore", noun="plan", object_id=plan.pk, by=by)
