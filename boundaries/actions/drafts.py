"""Drafts: started from what is in force or from another plan, copied, named, put away. Editing is in `editing`."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from boundaries.actions.draft_errors import DraftError
from boundaries.models import Community, Plan, Subdistrict

# The rows go from table to table within the database, so that the outlines are the same bytes.
_TAKE: Final = """
    INSERT INTO boundaries_outline (plan_id, grid_id, community_id, code, name, name_en, kind, polygon, locked)
    SELECT %(plan)s, o.grid_id, o.community_id, o.code, o.name, o.name_en, o.kind, o.polygon, {locked}
    FROM boundaries_outline o {source}
    WHERE o.community_id = ANY(%(communities)s) {condition}
    ORDER BY o.code
"""
_IN_FORCE: Final = """
    JOIN boundaries_publication p ON p.plan_id = o.plan_id AND p.community_id = o.community_id
     AND p.state = 'standing' AND p.period @> %(at)s
"""
_BASES: Final = """
    INSERT INTO boundaries_basis (plan_id, community_id, base_id)
    SELECT %(plan)s, c.id, p.plan_id
    FROM boundaries_community c
    LEFT JOIN boundaries_publication p
      ON p.community_id = c.id AND p.state = 'standing' AND p.period @> %(at)s
    WHERE c.id = ANY(%(communities)s)
"""
_MISSING: Final = """
    SELECT c.name FROM boundaries_community c
    WHERE c.id = ANY(%(communities)s)
      AND NOT EXISTS (SELECT FROM boundaries_outline o WHERE o.plan_id = %(plan)s AND o.community_id = c.id)
    ORDER BY c.code
"""


@transaction.atomic
def start_draft(
    *,
    subdistrict: Subdistrict,
    communities: Sequence[Community],
    base: Plan | None = None,
    name: str,
    by: AbstractBaseUser | None,
) -> Plan:
    """Start a draft of some communities from what is in force for them now, or from another plan.

    Whatever the outlines come from, the draft remembers for each community the plan in force now (`Basis`): what is
    published over that has to be settled before the draft is.

    Raises
    ------
    DraftError
        ``communities``, ``name``; ``nothing_there``: no outlines for one of the communities.
    """
    if not communities or any(one.subdistrict_id != subdistrict.pk for one in communities):
        raise DraftError("communities", _("Choose one or more communities of one subdistrict."))
    values: dict[str, Any] = {"communities": [one.pk for one in communities], "at": timezone.now()}
    draft = _new(subdistrict, name, base, by)
    values["plan"] = draft.pk
    if base is None:
        source, condition = _IN_FORCE, ""
    else:
        source, condition = "", "AND o.plan_id = %(base)s"
        values["base"] = base.pk
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(locked="NULL", source=source, condition=condition), values)
        cursor.execute(_MISSING, values)
        if missing := [row[0] for row in cursor.fetchall()]:
            raise DraftError(
                "nothing_there",
                _(
                    "There are no grids to start from in: %(communities)s. Choose another plan, or leave them out."
                )
                % {"communities": ", ".join(missing)},
            )
        cursor.execute(_BASES, values)
    if base is None:
        _remember_source(draft)
    return draft


@transaction.atomic
def copy_draft(*, plan: Plan, name: str, by: AbstractBaseUser | None) -> Plan:
    """A new draft that stands where `plan` stands now, locks included; its history begins anew.

    A copy of a published plan is a draft started from it.

    Raises
    ------
    DraftError
        ``name``; ``nothing_there``: the plan holds no grid.
    """
    held = plan.outlines.order_by().values_list("community", flat=True).distinct()
    communities = list(Community.objects.filter(pk__in=held).defer("outline"))
    if not communities:
        raise DraftError("nothing_there", _("This plan holds no grid: there is nothing to copy."))
    if plan.frozen_at is not None:
        return start_draft(subdistrict=plan.subdistrict, communities=communities, base=plan, name=name, by=by)
    # The draft is held so that an edit is copied whole or not at all.
    Plan.objects.select_for_update(no_key=True).only("pk").get(pk=plan.pk)
    draft = _new(plan.subdistrict, name, plan, by)
    values: dict[str, Any] = {
        "plan": draft.pk,
        "base": plan.pk,
        "communities": [one.pk for one in communities],
    }
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE.format(locked="o.locked", source="", condition="AND o.plan_id = %(base)s"), values
        )
        cursor.execute(
            """
            INSERT INTO boundaries_basis (plan_id, community_id, base_id)
            SELECT %(plan)s, community_id, base_id FROM boundaries_basis WHERE plan_id = %(base)s
            """,
            values,
        )
    return draft


def rename_draft(
    *, plan: Plan, name: str | None = None, note: str | None = None, by: AbstractBaseUser | None
) -> None:
    """Give a draft another name or note; what is not given stays.

    Raises
    ------
    DraftError
        ``name``, ``note``, ``frozen``.
    """
    del by  # recorded by gridmap.actions.drafts
    fields = []
    if name is not None:
        plan.name, fields = _name(name), ["name"]
    if note is not None:
        if len(note) > 4000:
            raise DraftError("note", _("The note is too long: at most 4,000 characters."))
        plan.note = note.strip()
        fields.append("note")
    _save_open(plan, fields)


def discard_draft(*, plan: Plan, by: AbstractBaseUser | None) -> None:
    """Put a draft away: nobody can edit it, nothing is deleted.

    Raises
    ------
    DraftError
        ``frozen``.
    """
    del by
    plan.discarded_at = timezone.now()
    _save_open(plan, ["discarded_at"])


def restore_draft(*, plan: Plan, by: AbstractBaseUser | None) -> None:
    """Take a draft back that was put away.

    Raises
    ------
    DraftError
        ``frozen``.
    """
    del by
    plan.discarded_at = None
    _save_open(plan, ["discarded_at"])


@transaction.atomic
def _save_open(plan: Plan, fields: list[str]) -> None:
    now = Plan.objects.select_for_update(no_key=True).only("frozen_at").get(pk=plan.pk)
    if now.frozen_at is not None:
        raise DraftError(
            "frozen", _("This plan was published and is fixed for good. Make a copy to go on with.")
        )
    plan.save(update_fields=fields)


def _new(subdistrict: Subdistrict, name: str, base: Plan | None, by: AbstractBaseUser | None) -> Plan:
    return Plan.objects.create(
        subdistrict=subdistrict, name=_name(name), base=base, created_by_id=None if by is None else by.pk
    )


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 100:
        raise DraftError("name", _("Give the draft a name of at most 100 characters."))
    return name


def _remember_source(draft: Plan) -> None:
    """A draft of what is in force names the one plan that all of it came from, if it is one."""
    sources = set(draft.bases.values_list("base", flat=True))
    if len(sources) == 1:
        draft.base_id = sources.pop()
        draft.save(update_fields=["base"])
