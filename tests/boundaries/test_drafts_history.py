"""Undo, redo and branches: nothing is lost, and what is undone is the very bytes that stood there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import ProgrammingError, connection, models, transaction

from boundaries.actions.draft_errors import Conflict, DraftError
from boundaries.actions.heads import go_to, newer, path, redo, undo, ways
from boundaries.models import GridCode, HeadMove, Outline, Plan, Revision
from tests import factories
from tests.boundaries.draft_town import State, across, area, done, draft_of, line, state
from tests.factories import Town


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def head_of(plan: Plan) -> int | None:
    plan.refresh_from_db(fields=["head"])
    return plan.head_id


def back(plan: Plan) -> int | None:
    return undo(plan=plan, head=head_of(plan), by=None).head


def forth(plan: Plan) -> int | None:
    return redo(plan=plan, head=head_of(plan), by=None).head


def edits(town: Town, draft: Plan) -> list[State]:
    """One of each command; the states after each, the first one before all."""
    a, b, c = (grid.pk for grid in town.grids[1])
    commands: list[tuple[str, dict[str, Any]]] = [
        ("split", {"grid": a, "line": across(1, 0.5)}),
        ("transfer", {"to": b, "area": area(1, 0.7, 1.2, 0.2, 0.6)}),
        ("rename", {"grid": b, "name": "甲"}),
        ("lock", {"grids": [a]}),
        ("reshape", {"a": b, "b": c, "line": line(1, (2.0, 1.0), (1.8, 0.5), (2.0, 0.0))}),
        ("recode", {"grid": c, "code": f"{town.communities[1].code}050"}),
        ("unlock", {"grids": [a]}),
        ("carve", {"area": area(1, 2.3, 2.7, 0.3, 0.7), "name": "学校"}),
        ("move_buildings", {"buildings": [town.buildings[1][1][1].pk], "to": c}),
        ("set_kind", {"grid": c, "kind": "dedicated"}),
        ("merge", {"grids": [b, c], "into": c}),
    ]
    seen = [state(draft)]
    for command, more in commands:
        done(draft, command, **more)
        seen.append(state(draft))
    return seen


def test_undoing_and_redoing_everything_passes_through_the_same_bytes(town: Town) -> None:
    draft = draft_of(town)
    seen = edits(town, draft)
    assert len({str(one) for one in seen}) == len(seen)
    heads = [head_of(draft)]
    for expected in reversed(seen[:-1]):
        heads.append(back(draft))
        assert state(draft) == expected
    assert heads[-1] is None
    assert state(draft) == state(town.plan)
    with pytest.raises(DraftError) as refusal:
        back(draft)
    assert refusal.value.code == "nothing_to_undo"
    for expected, head in zip(seen[1:], reversed(heads[:-1]), strict=True):
        assert forth(draft) == head
        assert state(draft) == expected
    with pytest.raises(DraftError) as refusal:
        forth(draft)
    assert refusal.value.code == "nothing_to_redo"
    assert Revision.objects.filter(plan=draft).count() == len(seen) - 1


def test_jumping_anywhere_gives_the_state_that_stood_there(town: Town) -> None:
    draft = draft_of(town)
    seen = edits(town, draft)
    at = dict(zip([None, *Revision.objects.order_by("id").values_list("id", flat=True)], seen, strict=True))
    stops = list(at)
    for goal in [stops[0], stops[-1], stops[4], stops[9], stops[2], stops[0], stops[7]]:
        told = go_to(plan=draft, head=head_of(draft), revision=goal, by=None)
        assert told.head == goal == head_of(draft)
        assert state(draft) == at[goal]
        now = {grid for grid, cell in told.after.items() if cell is None}
        assert not now & set(at[goal])


def test_an_edit_after_an_undo_keeps_the_other_branch(town: Town) -> None:
    """r1 - r2 - r3, undone to r1, then r4: redo follows the branch left last, r3 can be gone to."""
    draft = draft_of(town)
    grid = town.grids[0][0].pk
    r1, r2, r3 = (done(draft, "rename", grid=grid, name=name).head for name in "甲乙丙")
    assert back(draft) == r2
    assert back(draft) == r1
    assert newer(draft.pk, r1) == r2
    r4 = done(draft, "rename", grid=grid, name="丁").head
    assert ways(draft.pk, r4) == (True, False)
    assert back(draft) == r1
    assert newer(draft.pk, r1) == r4
    assert forth(draft) == r4
    go_to(plan=draft, head=r4, revision=r3, by=None)
    assert Outline.objects.get(plan=draft, grid=grid).name == "丙"
    assert back(draft) == r2
    assert back(draft) == r1
    assert forth(draft) == r2
    assert forth(draft) == r3
    go_to(plan=draft, head=r3, revision=None, by=None)
    assert forth(draft) == r1
    assert forth(draft) == r2
    parents = dict(Revision.objects.filter(plan=draft).values_list("id", "parent"))
    assert parents == {r1: None, r2: r1, r3: r2, r4: r1}
    kinds = HeadMove.objects.filter(plan=draft).values_list("kind", flat=True)
    assert "".join(kind[0] for kind in kinds) == "eeeuueur" + "juurrjrr"


def test_a_redo_after_jumping_between_branches_follows_the_one_just_left(town: Town) -> None:
    """The beginning, two branches x1-x2 and y1: from x2 back to the beginning leads to x1 though y1 was visited later."""
    draft = draft_of(town)
    grid = town.grids[0][0].pk
    x1, x2 = (done(draft, "rename", grid=grid, name=name).head for name in "甲乙")
    go_to(plan=draft, head=x2, revision=None, by=None)
    y1 = done(draft, "rename", grid=grid, name="丙").head
    go_to(plan=draft, head=y1, revision=x2, by=None)
    go_to(plan=draft, head=x2, revision=None, by=None)
    assert newer(draft.pk, None) == x1


def test_undo_from_an_older_head_is_refused_with_what_changed(town: Town) -> None:
    draft = draft_of(town)
    grid = town.grids[0][0].pk
    first = done(draft, "rename", grid=grid, name="甲", by=factories.make_user("first")).head
    second = done(draft, "rename", grid=grid, name="乙", by=factories.make_user("second")).head
    before = state(draft)
    moves: list[Callable[[], object]] = [
        lambda: undo(plan=draft, head=first, by=None),
        lambda: redo(plan=draft, head=first, by=None),
        lambda: go_to(plan=draft, head=None, revision=first, by=None),
    ]
    for act in moves:
        with pytest.raises(Conflict) as refusal:
            act()
        assert (refusal.value.code, refusal.value.head) == ("stale", second)
        changed = refusal.value.changes[grid]
        assert changed is not None
        assert changed.name == "乙"
        assert refusal.value.revisions[-1].by == "second"
    assert state(draft) == before


def test_a_revision_of_another_draft_is_not_gone_to(town: Town) -> None:
    draft, other = draft_of(town), draft_of(town)
    mine = done(draft, "rename", grid=town.grids[0][0].pk, name="甲").head
    foreign = done(other, "rename", grid=town.grids[0][0].pk, name="乙").head
    for goal in (foreign, 999_999):
        with pytest.raises(DraftError) as refusal:
            go_to(plan=draft, head=mine, revision=goal, by=None)
        assert refusal.value.code == "unknown_head"
    with pytest.raises(DraftError):
        done(draft, "rename", head=foreign, grid=town.grids[0][0].pk, name="丙")
    with pytest.raises(Conflict):
        undo(plan=draft, head=foreign, by=None)


def test_an_import_is_where_a_draft_begins(town: Town) -> None:
    draft = draft_of(town)
    brought = Revision.objects.create(plan=draft, command="import", before={}, after={})
    draft.head = brought
    draft.save()
    assert ways(draft.pk, brought.pk) == (False, False)
    done(draft, "rename", grid=town.grids[0][0].pk, name="甲")
    assert back(draft) == brought.pk
    for act in (
        lambda: back(draft),
        lambda: go_to(plan=draft, head=brought.pk, revision=None, by=None),
    ):
        with pytest.raises(DraftError) as refusal:
            act()
        assert refusal.value.code == "nothing_to_undo"


def test_what_lies_between_two_branches(town: Town) -> None:
    draft = draft_of(town)
    a, b = town.grids[0][0].pk, town.grids[0][1].pk
    r1 = done(draft, "rename", grid=a, name="甲").head
    r2 = done(draft, "rename", grid=b, name="乙").head
    back(draft)
    r3 = done(draft, "rename", grid=a, name="丙").head
    between = path(draft.pk, r2, r3)
    assert [one.id for one in between.steps] == [r2, r3]
    names = {
        grid: (between.before[grid].name, between.changes[grid].name)  # type: ignore[union-attr]
        for grid in between.changes
    }
    assert names == {a: ("甲", "丙"), b: ("乙", "和平第2网格")}
    assert path(draft.pk, r1, r1).changes == {}
    there_and_back = done(draft, "rename", grid=a, name="甲").head
    assert path(draft.pk, r1, there_and_back).changes == {}


def test_undo_goes_on_after_signing_in_again_however_deep(town: Town) -> None:
    draft = draft_of(town)
    grid = town.grids[0][0].pk
    for number in range(60):
        done(draft, "rename", grid=grid, name=f"第{number}次")
    again = Plan.objects.get(pk=draft.pk)
    for number in reversed(range(59)):
        back(again)
        assert Outline.objects.get(plan=draft, grid=grid).name == f"第{number}次"
    assert back(again) is None
    assert state(draft) == state(town.plan)


@pytest.mark.parametrize("model", [Revision, HeadMove, GridCode])
def test_the_application_adds_to_the_history_and_changes_none_of_it(
    town: Town, model: type[models.Model]
) -> None:
    draft = draft_of(town)
    done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5))
    made = model._default_manager.get()
    for statement in ("UPDATE {} SET id = id", "DELETE FROM {}"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement.format(model._meta.db_table))
    assert model._default_manager.get() == made
