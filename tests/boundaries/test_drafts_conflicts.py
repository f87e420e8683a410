"""Edits from an older head: run again on the newest one, refused only where the ground itself changed hands meanwhile.

The community of the tiny town that these tests use, three grids side by side, is drawn in tests/factories.py: 0 | 1 | 2.
"""

from typing import Any

import pytest
import shapely

from boundaries.actions.draft_errors import Conflict, DraftError
from boundaries.actions.heads import undo
from boundaries.models import Outline, Plan, Revision
from tests import factories
from tests.boundaries.draft_town import across, area, done, draft_of, faults, ground, line, spot, state
from tests.factories import Town


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


@pytest.fixture
def draft(town: Town) -> Plan:
    return draft_of(town)


Sent = tuple[str, dict[str, Any]]


def grids(town: Town, row: int = 1) -> tuple[int, int, int]:
    a, b, c = (grid.pk for grid in town.grids[row])
    return a, b, c


def cases(town: Town) -> dict[str, tuple[Sent, Sent, bool]]:
    """What another did meanwhile, what the sender sends from before that, whether that is a conflict."""
    a, b, c = grids(town)
    far = town.grids[0][0].pk
    split_b = ("split", {"grid": b, "line": across(1, 1.5)})
    nibble_b = ("transfer", {"to": a, "area": area(1, 0.9, 1.3, 0.3, 0.7)})
    return {
        "split elsewhere": (("split", {"grid": far, "line": across(0, 0.5)}), split_b, False),
        "neighbour gained corners": (
            ("split", {"grid": a, "line": line(1, (-0.1, 0.5), (1.1, 0.5))}),
            ("reshape", {"a": b, "b": c, "line": line(1, (2.0, 1.0), (1.8, 0.5), (2.0, 0.0))}),
            False,
        ),
        "other part of the same grid": (
            ("transfer", {"to": a, "area": area(1, 0.9, 1.2, 0.3, 0.7)}),
            ("transfer", {"to": c, "area": area(1, 1.8, 2.1, 0.3, 0.7)}),
            False,
        ),
        "same ground": (
            ("transfer", {"to": a, "area": area(1, 0.9, 1.6, 0.3, 0.7)}),
            ("transfer", {"to": c, "area": area(1, 1.4, 2.1, 0.3, 0.7)}),
            True,
        ),
        "merged away under its new name": (
            ("rename", {"grid": b, "name": "乙"}), ("merge", {"grids": [b, c], "into": c}), True,
        ),
        "the one that stays has a new name": (
            ("rename", {"grid": c, "name": "丙"}), ("merge", {"grids": [b, c], "into": c}), False,
        ),
        "grid gone": (("merge", {"grids": [b, c], "into": c}), split_b, True),
        "split of what was split": (
            ("split", {"grid": b, "line": across(1, 1.6)}), ("split", {"grid": b, "line": across(1, 1.7)}), True,
        ),
        "split of the piece that stayed": (
            ("split", {"grid": b, "line": across(1, 1.6)}), ("split", {"grid": b, "line": across(1, 1.3)}), False,
        ),
        "merge of a grid that lost ground": (nibble_b, ("merge", {"grids": [b, c], "into": c}), True),
        "merge into a grid that lost ground": (
            nibble_b, ("merge", {"grids": [b, c], "into": b}), False,
        ),
        "renamed meanwhile, split now": (("rename", {"grid": b, "name": "甲"}), split_b, False),
        "split meanwhile, renamed now": (split_b, ("rename", {"grid": b, "name": "甲"}), False),
        "both renamed": (
            ("rename", {"grid": b, "name": "甲"}), ("rename", {"grid": b, "name": "乙"}), True,
        ),
        "renamed and recoded": (
            ("rename", {"grid": b, "name": "甲"}),
            ("recode", {"grid": b, "code": f"{town.communities[1].code}044"}),
            False,
        ),
        "both changed the kind": (
            ("set_kind", {"grid": b, "kind": "dedicated"}),
            ("set_kind", {"grid": b, "kind": "dedicated"}),
            True,
        ),
        "locked meanwhile": (("lock", {"grids": [b]}), split_b, True),
        "another locked meanwhile": (("lock", {"grids": [c]}), ("split", {"grid": a, "line": across(1, 0.5)}), False),
        "renamed a grid that is gone": (
            ("merge", {"grids": [b, c], "into": c}), ("rename", {"grid": b, "name": "甲"}), True,
        ),
        "carved at the same place": (
            ("carve", {"area": area(1, 1.2, 1.6, 0.3, 0.7), "name": "甲"}),
            ("carve", {"area": area(1, 1.4, 1.8, 0.3, 0.7), "name": "乙"}),
            True,
        ),
        "carved side by side": (
            ("carve", {"area": area(1, 1.2, 1.5, 0.3, 0.7), "name": "甲"}),
            ("carve", {"area": area(1, 1.5, 1.8, 0.3, 0.7), "name": "乙"}),
            False,
        ),
        "building that left meanwhile": (
            ("move_buildings", {"buildings": [town.buildings[1][1][0].pk], "to": a}),
            ("move_buildings", {"buildings": [town.buildings[1][1][0].pk], "to": a}),
            True,
        ),
    }  # fmt: skip


NAMES = [
    "split elsewhere", "neighbour gained corners", "other part of the same grid", "same ground",
    "merged away under its new name", "the one that stays has a new name", "grid gone",
    "split of what was split", "split of the piece that stayed",
    "merge of a grid that lost ground", "merge into a grid that lost ground",
    "renamed meanwhile, split now", "split meanwhile, renamed now", "both renamed", "renamed and recoded",
    "both changed the kind", "locked meanwhile", "another locked meanwhile", "renamed a grid that is gone",
    "carved at the same place", "carved side by side", "building that left meanwhile",
]  # fmt: skip


def test_all_cases_are_run(town: Town) -> None:
    assert list(cases(town)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_from_an_older_head(town: Town, draft: Plan, name: str) -> None:
    meanwhile, sent, conflict = cases(town)[name]
    theirs = done(draft, meanwhile[0], **meanwhile[1], by=factories.make_user("other"))
    before = state(draft)
    if conflict:
        with pytest.raises(Conflict) as refusal:
            done(draft, sent[0], head=0, **sent[1])
        error = refusal.value
        assert (error.code, error.head) == ("conflict", theirs.head)
        assert [(one.id, one.command, one.by) for one in error.revisions] == [
            (theirs.head, meanwhile[0], "other")
        ]
        assert set(error.changes) == set(theirs.after)
        assert state(draft) == before
        assert Revision.objects.filter(plan=draft).count() == 1
    else:
        edited = done(draft, sent[0], head=0, **sent[1])
        assert edited.rebased
        assert edited.parent == theirs.head
        assert set(edited.after) >= set(theirs.after)
        assert state(draft) != before
        assert not faults(draft)
        for grid, cell in edited.after.items():
            stored = state(draft).get(grid)
            assert (None if cell is None else (cell.code, cell.name)) == (stored[:2] if stored else None)


def test_the_conflict_shows_the_ground_both_wanted(town: Town, draft: Plan) -> None:
    a, _b, c = grids(town)
    done(draft, "transfer", to=a, area=area(1, 0.9, 1.6, 0.3, 0.7))
    with pytest.raises(Conflict) as refusal:
        done(draft, "transfer", head=0, to=c, area=area(1, 1.4, 2.1, 0.3, 0.7))
    expected = shapely.geometry.shape(area(1, 1.4, 1.6, 0.3, 0.7))
    assert refusal.value.area is not None
    assert refusal.value.area.symmetric_difference(expected).area < 1e-3 * expected.area


def test_a_split_keeps_the_piece_that_the_sender_saw_kept(town: Town, draft: Plan) -> None:
    """Left of the line is larger where the sender looks; by now it has lost ground and is the smaller one."""
    a, b, _c = grids(town)
    done(draft, "transfer", to=a, area=area(1, 0.9, 1.35))
    done(draft, "split", head=0, grid=b, line=across(1, 1.55))
    middle = shapely.Point(spot(1, 1.45, 0.5))
    assert ground(draft, b).contains(middle)
    assert ground(draft, b).area < ground(draft, a).area


def test_what_was_undone_meanwhile_is_no_conflict(town: Town, draft: Plan) -> None:
    a, _b, c = grids(town)
    first = done(draft, "transfer", to=a, area=area(1, 0.9, 1.6, 0.3, 0.7))
    undo(plan=draft, head=first.head, by=None)
    done(draft, "transfer", head=first.head, to=c, area=area(1, 1.4, 2.1, 0.75, 1.1))
    assert ground(draft, c).contains(shapely.Point(spot(1, 1.5, 0.9)))
    assert not faults(draft)


def test_a_head_on_a_branch_that_was_left_is_a_head_like_any_other(town: Town, draft: Plan) -> None:
    a, b, c = grids(town)
    left = done(draft, "transfer", to=a, area=area(1, 0.9, 1.6, 0.3, 0.7))
    undo(plan=draft, head=left.head, by=None)
    done(draft, "rename", grid=c, name="丙")
    edited = done(draft, "rename", head=left.head, grid=b, name="乙")
    assert edited.rebased
    assert set(edited.after) == {a, b, c}
    assert Outline.objects.get(plan=draft, grid=c).name == "丙"


def test_what_the_sender_could_not_do_anyway_is_the_senders_mistake(town: Town, draft: Plan) -> None:
    a, _b, c = grids(town)
    done(draft, "rename", grid=a, name="甲")
    with pytest.raises(DraftError) as refusal:
        done(draft, "merge", head=0, grids=[a, c], into=a)
    assert not isinstance(refusal.value, Conflict)
    assert refusal.value.code == "topology.not_neighbours"


def test_nobodys_work_is_lost(town: Town, draft: Plan) -> None:
    """Three planners edit from the same head; all three edits stand, one after the other."""
    done(draft, "split", head=0, grid=town.grids[0][0].pk, line=across(0, 0.5))
    done(draft, "split", head=0, grid=town.grids[1][1].pk, line=across(1, 1.5))
    done(draft, "split", head=0, grid=town.grids[2][1].pk, line=across(2, 1.5))
    assert len(state(draft)) == 12
    parents = list(Revision.objects.order_by("id").values_list("id", "parent"))
    assert [parent for _id, parent in parents] == [None, parents[0][0], parents[1][0]]
    assert not faults(draft)
