"""What was published stays as it was, whoever writes: the database refuses, not a form."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from boundaries.models import Grid, Outline, Plan, Revision
from tests import factories
from tests.factories import Town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def refused(act: Callable[[], object], constraint: str) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    cause = caught.value.__cause__
    assert getattr(getattr(cause, "diag", None), "constraint_name", "") == constraint


def test_outlines_of_a_frozen_plan_are_history(town: Town) -> None:
    old = Outline.objects.get(grid=town.grids[0][0])
    draft = Plan.objects.create(subdistrict=town.subdistrict, name="Draft", base=town.plan)
    mine = Outline.objects.create(
        plan=draft, grid=old.grid, community=old.community, code="D1", name="D", polygon=old.polygon
    )
    refused(lambda: Outline.objects.filter(pk=old.pk).update(name="renamed"), "outline_of_frozen_plan")
    refused(
        lambda: Outline.objects.filter(pk=old.pk).update(plan=draft, grid=town.grids[0][1]),
        "outline_of_frozen_plan",
    )
    refused(lambda: Outline.objects.filter(pk=mine.pk).update(plan=town.plan), "outline_of_frozen_plan")
    refused(old.delete, "outline_of_frozen_plan")
    refused(
        lambda: Outline.objects.create(
            plan=town.plan, grid=Grid.objects.create(subdistrict=town.subdistrict), code="X", name="X",
            community=old.community, polygon=old.polygon,
        ),
        "outline_of_frozen_plan",
    )  # fmt: skip
    refused(town.plan.outlines.all().delete, "outline_of_frozen_plan")
    assert Outline.objects.filter(plan=town.plan).count() == 9


def test_a_draft_is_drawn_until_it_is_frozen(town: Town) -> None:
    old = Outline.objects.get(grid=town.grids[0][0])
    draft = Plan.objects.create(subdistrict=town.subdistrict, name="Draft")
    row = Outline.objects.create(
        plan=draft, grid=old.grid, community=old.community, code="D1", name="D", polygon=old.polygon
    )
    row.name = "changed"
    row.save()
    row.delete()
    factories.freeze(draft)
    row.pk = None
    refused(lambda: row.save(force_insert=True), "outline_of_frozen_plan")


@pytest.mark.parametrize("moment", [None, timezone.now()])
def test_a_frozen_plan_stays_frozen(town: Town, moment: object) -> None:
    plans = Plan.objects.filter(pk=town.plan.pk)
    refused(lambda: plans.update(frozen_at=moment), "plan_stays_frozen")
    plans.update(name="another name", note="why not", frozen_at=factories.FOUNDED)


def test_revisions_are_added_and_never_changed(town: Town) -> None:
    made = Revision.objects.create(plan=town.plan, command="rename")
    for act in (lambda: Revision.objects.filter(pk=made.pk).update(command="x"), made.delete):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            act()
    assert Revision.objects.get().command == "rename"
