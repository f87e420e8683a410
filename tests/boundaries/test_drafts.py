"""Starting a draft, and what each command does to it."""

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import shapely

from boundaries.actions.cells import Changes, cells_of
from boundaries.actions.commands import Work
from boundaries.actions.draft_errors import DraftError
from boundaries.actions.drafts import (
    copy_draft,
    discard_draft,
    rename_draft,
    restore_draft,
    start_draft,
)
from boundaries.actions.editing import edit, require_sound
from boundaries.actions.reasons import explain
from boundaries.models import Basis, GridCode, HeadMove, Outline, Plan, Revision
from boundaries.topology import REASONS, TopologyError
from tests import factories
from tests.boundaries.draft_town import (
    across,
    area,
    done,
    draft_of,
    faults,
    ground,
    line,
    put_in_force,
    state,
)
from tests.factories import Town


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


# --- Starting -------------------------------------------------------------------------------------------------


def test_a_draft_holds_the_very_bytes_of_what_is_in_force(town: Town) -> None:
    draft = draft_of(town)
    assert state(draft) == state(town.plan)
    assert draft.base_id == town.plan.pk
    assert (draft.head_id, draft.frozen_at) == (None, None)
    bases = Basis.objects.filter(plan=draft).values_list("community", "base")
    assert set(bases) == {(one.pk, town.plan.pk) for one in town.communities}


def test_a_draft_of_one_community_holds_no_other(town: Town) -> None:
    draft = draft_of(town, 1)
    assert set(state(draft)) == {grid.pk for grid in town.grids[1]}


def test_each_community_comes_from_the_plan_in_force_for_it(town: Town) -> None:
    newer = draft_of(town, 1)
    done(newer, "rename", grid=town.grids[1][0].pk, name="改名")
    put_in_force(newer, town.communities[1])
    draft = draft_of(town)
    assert Outline.objects.get(plan=draft, grid=town.grids[1][0]).name == "改名"
    assert Outline.objects.get(plan=draft, grid=town.grids[0][0]).name == "和平第1网格"
    assert draft.base_id is None
    bases = dict(Basis.objects.filter(plan=draft).values_list("community__code", "base"))
    assert [bases[one.code] for one in town.communities] == [town.plan.pk, newer.pk, town.plan.pk]


def test_a_draft_of_an_older_plan_knows_what_is_in_force(town: Town) -> None:
    newer = draft_of(town, 1)
    done(newer, "split", grid=town.grids[1][0].pk, line=across(1, 0.5))
    put_in_force(newer, town.communities[1])
    draft = start_draft(
        subdistrict=town.subdistrict,
        communities=[town.communities[1]],
        base=town.plan,
        name="Back",
        by=None,
    )
    assert set(state(draft)) == {grid.pk for grid in town.grids[1]}
    assert draft.base_id == town.plan.pk
    assert Basis.objects.get(plan=draft).base_id == newer.pk


def test_no_draft_without_grids_to_start_from(town: Town) -> None:
    part = draft_of(town, 0)
    for communities, base, code in (
        ([], None, "communities"),
        ([town.communities[1]], part, "nothing_there"),
    ):
        with pytest.raises(DraftError) as refusal:
            start_draft(subdistrict=town.subdistrict, communities=communities, base=base, name="X", by=None)
        assert refusal.value.code == code
    with pytest.raises(DraftError) as refusal:
        draft_of(town, 0, name="  ")
    assert refusal.value.code == "name"
    assert Plan.objects.filter(frozen_at=None).count() == 1


def test_a_copy_stands_where_the_draft_stood_with_its_locks(town: Town) -> None:
    draft = draft_of(town)
    done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5))
    done(draft, "lock", grids=[town.grids[0][1].pk])
    copy = copy_draft(plan=draft, name="Copy", by=None)
    assert state(copy) == state(draft)
    assert (copy.base_id, copy.head_id) == (draft.pk, None)
    assert set(Basis.objects.filter(plan=copy).values_list("community", "base")) == set(
        Basis.objects.filter(plan=draft).values_list("community", "base")
    )
    before = state(draft)
    done(copy, "rename", grid=town.grids[0][1].pk, name="只在副本")
    assert state(draft) == before


def test_a_copy_of_a_published_plan_is_a_draft(town: Town) -> None:
    copy = copy_draft(plan=town.plan, name="Copy", by=None)
    assert state(copy) == state(town.plan)
    assert copy.frozen_at is None
    done(copy, "rename", grid=town.grids[0][1].pk, name="新名")


def test_what_is_put_away_is_not_edited_until_it_is_taken_back(town: Town) -> None:
    draft = draft_of(town)
    discard_draft(plan=draft, by=None)
    with pytest.raises(DraftError) as refusal:
        done(draft, "rename", grid=town.grids[0][0].pk, name="新名")
    assert refusal.value.code == "discarded"
    restore_draft(plan=draft, by=None)
    done(draft, "rename", grid=town.grids[0][0].pk, name="新名")


def test_a_published_plan_is_neither_edited_nor_named_nor_put_away(town: Town) -> None:
    refusals = (
        lambda: done(town.plan, "rename", grid=town.grids[0][0].pk, name="新名"),
        lambda: rename_draft(plan=town.plan, name="新名", by=None),
        lambda: discard_draft(plan=town.plan, by=None),
    )
    for act in refusals:
        with pytest.raises(DraftError) as refusal:
            act()
        assert refusal.value.code == "frozen"
    assert Plan.objects.get(pk=town.plan.pk).name == "Founding scheme"


def test_name_and_note(town: Town) -> None:
    draft = draft_of(town)
    rename_draft(plan=draft, name=" 南街合并 ", note="和平除外", by=None)
    draft.refresh_from_db()
    assert (draft.name, draft.note) == ("南街合并", "和平除外")


# --- Ground ---------------------------------------------------------------------------------------------------


def test_split(town: Town) -> None:
    draft = draft_of(town)
    grid = town.grids[0][0].pk
    edited = done(draft, "split", grid=grid, line=across(0, 0.7))
    (new,) = set(edited.after) - set(state(town.plan))
    kept, made = ground(draft, grid), ground(draft, new)
    assert kept.area / made.area == pytest.approx(7 / 3, rel=1e-4)
    outline = Outline.objects.get(plan=draft, grid=new)
    assert outline.code == f"{town.communities[0].code}004"
    assert (outline.name, outline.name_en) == ("和平第4网格", "Heping grid 4")
    assert (outline.kind, outline.locked) == ("all", None)
    assert not faults(draft)
    assert edited.before[new] is None
    assert edited.before[grid] is not None
    assert state(town.plan)[grid] != state(draft)[grid]
    others = {key for key in state(town.plan) if key not in edited.after}
    assert {key: state(draft)[key] for key in others} == {key: state(town.plan)[key] for key in others}


def test_a_split_dedicated_grid_stays_dedicated_and_counts_its_pieces(town: Town) -> None:
    draft = draft_of(town)
    grid = town.grids[2][2].pk
    edited = done(draft, "split", grid=grid, line=across(2, 2.6))
    (new,) = set(edited.after) - set(state(town.plan))
    made = edited.after[new]
    assert made is not None
    assert (made.kind, made.name, made.name_en) == ("dedicated", "光华第3网格2", "Guanghua grid 3 2")


def test_merge_closes_a_grid_and_its_code(town: Town) -> None:
    draft = draft_of(town)
    a, b = town.grids[0][0].pk, town.grids[0][1].pk
    edited = done(draft, "merge", grids=[a, b], into=a)
    assert edited.after[b] is None
    assert b not in state(draft)
    assert ground(draft, a).area == pytest.approx(2 * ground(draft, town.grids[0][2].pk).area)
    again = done(draft, "split", grid=a, line=across(0, 1.0))
    made = next(cell for grid, cell in again.after.items() if grid not in state(town.plan))
    assert made is not None
    assert made.code.endswith("004")
    assert not faults(draft)


def test_transfer_reshape_and_carve(town: Town) -> None:
    draft = draft_of(town)
    a, b, c = (grid.pk for grid in town.grids[1])
    done(draft, "transfer", to=a, area=area(1, 0.9, 1.4, -0.1, 0.5))
    cell = ground(town.plan, c).area
    assert ground(draft, a).area == pytest.approx(1.2 * cell, rel=1e-4)
    done(draft, "reshape", a=b, b=c, line=line(1, (2.0, 1.0), (1.8, 0.5), (2.0, 0.0)))
    assert ground(draft, c).area == pytest.approx(1.1 * cell, rel=1e-4)
    carved = done(draft, "carve", area=area(1, 2.3, 2.7, 0.3, 0.7), name="南街小学", name_en="Nanjie School")
    (new,) = set(carved.after) - set(state(town.plan))
    outline = Outline.objects.get(plan=draft, grid=new)
    assert (outline.kind, outline.name, outline.name_en) == ("dedicated", "南街小学", "Nanjie School")
    assert ground(draft, new).area == pytest.approx(0.16 * cell, rel=1e-4)
    assert not faults(draft)


def test_carve_a_compound(town: Town) -> None:
    draft = draft_of(town)
    compound = town.compounds[0][1]
    edited = done(draft, "carve", compound=compound.pk, name="和平小区")
    (new,) = set(edited.after) - set(state(town.plan))
    assert ground(draft, new).area == pytest.approx(compound.outline.area, rel=1e-4)
    assert edited.after[town.grids[0][1].pk] is not None


def test_an_area_goes_to_the_community_on_which_most_of_it_lies(town: Town) -> None:
    draft = draft_of(town)
    edited = done(draft, "carve", area=area(1, 0.2, 0.8, 0.4, 1.2), name="南街")
    cells = [cell for cell in edited.after.values() if cell is not None]
    assert {cell.community for cell in cells} == {town.communities[1].pk}
    assert not faults(draft)


def test_move_buildings(town: Town) -> None:
    draft = draft_of(town)
    east = town.buildings[0][0][1]
    edited = done(draft, "move_buildings", buildings=[east.pk], to=town.grids[0][1].pk)
    assert set(edited.after) >= {town.grids[0][0].pk, town.grids[0][1].pk}
    held = ground(draft, town.grids[0][1].pk)
    assert held.bounds[0] < east.point.x
    assert not faults(draft)


def test_a_drawn_line_snaps_to_a_compound_wall(town: Town) -> None:
    wall = town.compounds[0][0].outline
    x = (wall.extent[2] - factories.WEST) / factories.CELL + 0.01
    drawn = line(0, (x, -0.1), (x, 0.11), (x, 0.89), (x, 1.1))
    corners = {(round(lon, 8), round(lat, 8)) for lon, lat in wall.coords[0][0]}
    met = []
    for more in ({}, {"snap_m": 5}):
        draft = draft_of(town)
        edited = done(draft, "split", grid=town.grids[0][0].pk, line=drawn, **more)
        (new,) = set(edited.after) - set(state(town.plan))
        outline = {
            (round(x, 8), round(y, 8)) for x, y in shapely.get_coordinates(ground(draft, new)).tolist()
        }
        met.append(len(outline & corners))
    assert met == [0, 2]


def test_every_reason_has_a_sentence_that_can_be_said() -> None:
    details = {"code": 1, "codes": [1, 2], "pieces": 3, "width_m": 1.0, "area_m2": 5.0}
    for reason, names in REASONS.items():
        error = TopologyError(reason, "raw words", details={name: details.get(name, 0) for name in names})
        said = explain(error, {})
        assert said != "raw words", reason
        assert "%(" not in said
        assert said.endswith(".")


def test_the_last_gate_lets_no_gap_and_no_overlap_through(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    draft = draft_of(town)
    a, b, c = (grid.pk for grid in town.grids[1])
    cells = cells_of(draft.pk, [town.communities[1].pk])
    work = Work(cells)
    cut = shapely.difference(cells[a].shape, shapely.geometry.shape(area(1, 0.5, 0.6)))
    wider = shapely.union(cells[a].shape, shapely.geometry.shape(area(1, 0.9, 1.2, 0.0, 1.0)))
    moved = shapely.transform(cells[a].shape, lambda places: np.add(places, [1e-4, 0.0]))
    results: list[Changes] = [{a: cells[a].with_shape(shape)} for shape in (cut, wider, moved)]
    results.append({b: None})
    for broken in results:
        with pytest.raises(TopologyError) as refusal:
            require_sound(work, broken, {"what": "was sent"})
        assert refusal.value.reason == "too_fine"
    assert "was sent" in caplog.text
    require_sound(work, {c: cells[c].with_shape(cells[c].shape)}, {})


# --- Attributes -----------------------------------------------------------------------------------------------


def test_rename_recode_and_kind_leave_what_is_in_force_alone(town: Town) -> None:
    draft = draft_of(town)
    before = state(town.plan)
    grid = town.grids[0][0].pk
    done(draft, "rename", grid=grid, name="团结", name_en="Unity")
    done(draft, "recode", grid=grid, code=f"{town.communities[0].code}077")
    done(draft, "set_kind", grid=grid, kind="dedicated")
    outline = Outline.objects.get(plan=draft, grid=grid)
    assert (outline.name, outline.name_en, outline.kind) == ("团结", "Unity", "dedicated")
    assert outline.code.endswith("077")
    assert state(town.plan) == before


def test_a_code_is_given_once_for_good(town: Town) -> None:
    first, second = draft_of(town), draft_of(town)
    community = town.communities[0].code
    splits = [
        done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5)) for draft in (first, second)
    ]
    codes = [max(cell.code for cell in one.after.values() if cell) for one in splits]
    assert codes == [f"{community}004", f"{community}005"]
    for grid, code in ((town.grids[0][1].pk, codes[0]), (town.grids[0][1].pk, f"{community}001")):
        with pytest.raises(DraftError) as refusal:
            done(second, "recode", grid=grid, code=code)
        assert refusal.value.code == "code_taken"
    done(first, "recode", grid=town.grids[0][1].pk, code=f"{community}090")
    done(first, "recode", grid=town.grids[0][1].pk, code=f"{community}002")  # its own, taken back
    assert set(GridCode.objects.values_list("code", flat=True)) == {
        *codes, f"{community}090", f"{community}002",
    }  # fmt: skip


def test_two_grids_exchange_their_codes_in_one_jump(town: Town) -> None:
    draft = draft_of(town)
    a, b = town.grids[0][0].pk, town.grids[0][1].pk
    code = town.communities[0].code
    done(draft, "recode", grid=a, code=f"{code}091")
    middle = state(draft)
    done(draft, "recode", grid=a, code=f"{code}001")
    assert state(draft) != middle
    with pytest.raises(DraftError, match="not used again"):
        done(draft, "recode", grid=b, code=f"{code}001")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"command": "explode"}, "command"),
        ({"command": "split", "grid": 1}, "geometry"),
        ({"command": "split", "grid": 1, "line": {"type": "Point", "coordinates": [1, 2]}}, "geometry"),
        ({"command": "split", "grid": 1, "line": {"type": "LineString", "coordinates": [[1, "x"]]}}, "geometry"),
        ({"command": "split", "grid": 1, "line": {"type": "LineString", "coordinates": [[0, 0], [999, 0]]}}, "geometry"),
        ({"command": "merge", "grids": [1, 2]}, "parameters"),
        ({"command": "move_buildings", "buildings": [], "to": 1}, "parameters"),
        ({"command": "carve", "compound": 999_999, "name": "x"}, "compound"),
        ({"command": "rename", "grid": 999_999, "name": "x"}, "topology.unknown_code"),
        ({"command": "merge", "grids": [999_999, 999_998], "into": 999_999}, "topology.unknown_code"),
    ],
)  # fmt: skip
def test_a_command_that_says_nothing_sensible(town: Town, command: dict[str, object], code: str) -> None:
    draft = draft_of(town)
    with pytest.raises(DraftError) as refusal:
        done(draft, **command)  # type: ignore[arg-type]
    assert refusal.value.code == code
    assert not Revision.objects.filter(plan=draft).exists()


def test_impossible_edits_say_why_and_where_and_leave_nothing(town: Town) -> None:
    draft = draft_of(town)
    before = state(draft)
    a, b, c = (grid.pk for grid in town.grids[0])
    impossible: list[tuple[str, dict[str, Any], str]] = [
        ("split", {"grid": a, "line": across(0, 1.5)}, "topology.misses"),
        ("split", {"grid": a, "line": line(0, (0.5, -0.5), (0.5, 0.5))}, "topology.ends_inside"),
        ("merge", {"grids": [a, c], "into": a}, "topology.not_neighbours"),
        ("merge", {"grids": [a, b], "into": c}, "into"),
        ("merge", {"grids": [a, town.grids[1][0].pk], "into": a}, "communities"),
        ("transfer", {"to": a, "area": area(0, 1.0, 2.0)}, "topology.empties"),
        ("transfer", {"to": a, "area": area(0, 1.4, 1.6)}, "topology.apart"),
        ("transfer", {"to": a, "area": area(0, 0.9, 2.0, 0.4, 0.6)}, "topology.tears"),
        ("transfer", {"to": a, "area": area(0, 0.2, 0.8)}, "topology.no_change"),
        ("carve", {"area": area(0, 5, 6), "name": "x"}, "topology.outside"),
        ("carve", {"area": area(0, 0.2, 0.4), "name": "  "}, "name"),
        ("rename", {"grid": a, "name": ""}, "name"),
        ("rename", {"grid": a, "name": "和平第1网格", "name_en": "Heping grid 1"}, "no_change"),
        ("recode", {"grid": a, "code": "第一"}, "code"),
        ("unlock", {"grids": [a]}, "no_change"),
    ]
    for command, more, code in impossible:
        with pytest.raises(DraftError) as refusal:
            done(draft, command, **more)
        assert refusal.value.code == code, command
        assert str(refusal.value)
        assert "%(" not in str(refusal.value)
    assert state(draft) == before
    assert not Revision.objects.filter(plan=draft).exists()
    assert not GridCode.objects.exists()


# --- The record -----------------------------------------------------------------------------------------------


def test_each_edit_is_one_revision_with_its_step(town: Town) -> None:
    user = factories.make_user("planner")
    draft = draft_of(town)
    first = done(draft, "rename", grid=town.grids[0][0].pk, name="甲", by=user)
    second = done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5), by=user)
    draft.refresh_from_db()
    assert draft.head_id == second.head
    revisions = list(Revision.objects.filter(plan=draft).order_by("id"))
    assert [(one.command, one.parent_id, one.made_by_id) for one in revisions] == [
        ("rename", None, user.pk), ("split", first.head, user.pk),
    ]  # fmt: skip
    assert revisions[0].before[str(town.grids[0][0].pk)]["name"] == "和平第1网格"
    assert revisions[0].after[str(town.grids[0][0].pk)]["name"] == "甲"
    assert revisions[1].parameters["line"] == across(0, 0.5) | {
        "coordinates": [list(place) for place in across(0, 0.5)["coordinates"]]
    }
    moves = HeadMove.objects.filter(plan=draft).values_list("kind", "origin", "goal", "moved_by")
    assert list(moves) == [
        ("edit", None, first.head, user.pk), ("edit", first.head, second.head, user.pk),
    ]  # fmt: skip


def test_the_same_key_makes_an_edit_once_and_tells_where_the_draft_stands(town: Town) -> None:
    draft = draft_of(town)
    key = uuid4()
    first = done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5), key=key)
    later = done(draft, "rename", grid=town.grids[0][0].pk, name="后来")

    plain = {"command": "split", "grid": town.grids[0][0].pk, "line": across(0, 0.5)}
    again = edit(plan=draft, command=plain, head=None, key=key, by=None)
    assert (again.head, again.command, set(again.after)) == (later.head, "split", set(first.after))
    assert again.after[town.grids[0][0].pk] == later.after[town.grids[0][0].pk]
    assert Revision.objects.filter(plan=draft).count() == 2
    with pytest.raises(DraftError) as refusal:
        edit(plan=draft, command={**plain, "line": across(0, 0.6)}, head=None, key=key, by=None)
    assert refusal.value.code == "key"


def test_a_dry_run_says_what_would_come_and_writes_nothing(town: Town) -> None:
    draft = draft_of(town)
    before = state(draft)
    dry = done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5), dry_run=True)
    assert (dry.head, dry.dry) == (None, True)
    assert {grid for grid in dry.after if grid < 0} == {-1}
    made = dry.after[-1]
    assert made is not None
    assert made.code.endswith("004")
    assert state(draft) == before
    assert not Revision.objects.exists()
    assert not GridCode.objects.exists()
    real = done(draft, "split", grid=town.grids[0][0].pk, line=across(0, 0.5))
    new = max(real.after)
    assert real.after[new] == made
