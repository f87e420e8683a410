"""Household registers: words of all kinds find their door, a second import updates, the rest waits for a click."""

import threading
import time
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from boundaries.importing.numbers import (
    floor_of,
    name_of,
    number_of,
    numeral,
    read_address,
    whole,
)
from boundaries.importing.report import ImportFileError, Report
from boundaries.importing.rows import Options
from boundaries.models import Building, Compound, Street
from gridmap.actions.importing_households import import_households
from gridmap.actions.imports import place_register_row
from gridmap.models import AuditEntry, Household, RegisterRow, User
from gridmap.registers import Claim, door_of
from tests import factories
from tests.factories import Town

HEADINGS = ["小区名称", "楼栋", "单元", "房号", "人数"]


@pytest.fixture
def town(db: None) -> Town:
    made = factories.make_town(homes=False)
    first, second = made.buildings[0][0]
    compound = made.compounds[0][0]
    Compound.objects.filter(pk=compound.pk).update(name="依云镇")
    Building.objects.filter(pk=first.pk).update(number="3", house_number="12", street=Street.objects.first())
    Building.objects.filter(pk=second.pk).update(number="12")
    return made


def register(path: Path, rows: list[list[Any]], headings: list[str] = HEADINGS) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(headings)
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def take(path: Path, town: Town, **options: Any) -> Report:
    return import_households(
        path, subdistrict=town.subdistrict, options=Options(source="register", **options), by=None
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("３栋", "3"), ("三幢", "3"), ("3号楼", "3"), ("03#", "3"), ("十二栋", "12"), ("第3栋", "3"), ("A座", "A"), ("二单元", "2"),
     ("1203室", "1203"), ("一二零三", "1203"), ("二十三", "23"), ("一百零八", "108"), ("廿一", "21"),
     ("101.0", "101.0"), ("", "")],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, number: str) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    ("text", "door"),
    [
        ("依云镇3栋2单元1203室", ("依云镇", "3", "2", None, "1203")),
        ("依云镇三栋二单元1203", ("依云镇", "3", "2", None, "1203")),
        ("依云镇 ３幢 ２单元 １２楼 １２０３号", ("依云镇", "3", "2", 12, "1203")),
        ("依云镇3-2-1203", ("依云镇", "3", "2", None, "1203")),
        ("依云镇3—1203", ("依云镇", "3", "", None, "1203")),
        ("三圣花园十二栋101", ("三圣花园", "12", "", None, "101")),
        ("康成家园A座301", ("康成家园", "A", "", None, "301")),
    ],
)
def test_addresses_of_one_piece(text: str, door: tuple[str, str, str, int | None, str]) -> None:
    found = read_address(text)
    assert found is not None
    assert (found.compound, found.building, found.unit, found.floor, found.room) == door


def test_other_words() -> None:
    assert read_address("某处") is None
    assert numeral("三百二十") == 320
    assert [whole(text) for text in ("３人", "1,234", "2.0", "二", "许多", "")] == [3, 1234, 2, 2, None, None]
    assert [floor_of(text) for text in ("12层", "B1", "负一楼", "三楼", "顶楼")] == [12, -1, -1, 3, None]
    assert name_of("依云镇（一期）") == name_of(" 依云 镇 ")


@pytest.mark.parametrize(
    "columns",
    [
        ("依云镇", "3栋2单元", "", "", "1203", ""),
        ("依云镇", "3", "", "", "2-1203", ""),
        ("依云镇", "", "", "", "3-2-1203", ""),
        ("依云镇", "三幢", "二单元", "", "1203室", ""),
        ("依云镇", "3", "", "", "2单元1203", ""),
        ("", "", "", "", "", "依云镇3栋2单元1203室"),
        ("依云镇3栋", "", "2单元", "", "1203", ""),
    ],
)
def test_a_door_is_the_same_however_its_columns_are_filled(columns: tuple[str, ...]) -> None:
    door = door_of(*columns)
    assert (door.compound, door.building, door.unit, door.room) == ("依云镇", "3", "2", "1203")
    assert Claim(2, "", door).key == "依云镇|3|2||1203"


def test_a_register_and_its_second_edition(town: Town, tmp_path: Path) -> None:
    path = register(
        tmp_path / "r.xlsx",
        [
            ["依云镇", "3栋", "1单元", "1203", 2],
            ["依云镇", "１２幢", "", "101室", "3人"],
            ["依云镇", "三栋", "一单元", "1204", None],
        ],
    )
    dry = take(path, town, dry_run=True)
    assert (dry.counts["created"], Household.objects.count()) == (3, 0)
    report = take(path, town)
    assert report.written, [one.reason for one in report.problems]
    doors = set(Household.objects.values_list("building__number", "entrance", "floor", "room", "head_count"))
    assert doors == {("3", "1", 12, "1203", 2), ("12", "", 1, "101", 3), ("3", "1", 12, "1204", 0)}
    entry = AuditEntry.objects.get(verb="import", noun="household")
    assert entry.details["created"] == 3
    second = register(
        tmp_path / "r2.xlsx",
        [["依云镇", "3", "1", "1203", 4], ["依云镇", "12", "", "101", 3], ["依云镇", "3", "2", "101", 1]],
    )
    report = take(second, town)
    assert (report.counts["created"], report.counts["changed"], report.counts["unchanged"]) == (1, 1, 1)
    assert report.counts["not_in_file"] == 1
    assert Household.objects.count() == 4
    assert Household.objects.get(room="1203").head_count == 4


def test_rows_without_a_place_wait_for_a_click(town: Town, tmp_path: Path) -> None:
    rows = [
        ["依云镇", "3", "1", "101", 2], ["无此小区", "1", "1", "101", 1], ["依云镇", "99", "1", "102", 5],
        ["依云镇", "", "", "7", 1],
        ["", "", "", "", 3],
    ]  # fmt: skip
    path = register(tmp_path / "r.xlsx", rows)
    assert not take(path, town).written  # the last row says nothing: an error
    report = take(path, town, skip_bad=True)
    assert (report.counts["created"], report.counts["waiting"], report.counts["bad"]) == (1, 3, 1)
    reasons = dict(RegisterRow.objects.values_list("row_number", "reason"))
    assert reasons == {
        3: "There is no compound “无此小区”.",
        4: "依云镇 has no building 99.",
        5: "The row gives no building, and 依云镇 has 2.",
    }
    # the same again: nothing doubles
    take(path, town, skip_bad=True)
    assert RegisterRow.objects.count() == 3
    assert Household.objects.count() == 1
    # placed by a click, the row is that household from then on
    planner = User.objects.create(username="planner")
    waiting = RegisterRow.objects.get(row_number=4)
    household = place_register_row(row=waiting, building=town.buildings[1][1][0], by=planner)
    assert household.head_count == 5
    changed = register(tmp_path / "r2.xlsx", [["依云镇", "99", "1", "102", 6]])
    report = take(changed, town)
    assert (report.counts["created"], report.counts["changed"], report.counts.get("waiting", 0)) == (0, 1, 0)
    household.refresh_from_db()
    assert household.head_count == 6
    # a building that is numbered later lets its row find home by itself
    Building.objects.filter(pk=town.buildings[1][1][1].pk).update(compound=town.compounds[0][0], number="5")
    other = register(tmp_path / "r3.xlsx", [["依云镇", "5", "1", "102", 5]])
    assert take(other, town).counts["created"] == 1


def test_a_row_for_each_person_is_counted(town: Town, tmp_path: Path) -> None:
    rows = [["依云镇", "3", "1", "101"], ["依云镇", "3", "1", "101"], ["依云镇", "3", "1", "102"]]
    report = take(register(tmp_path / "r.xlsx", rows, HEADINGS[:4]), town)
    assert report.counts["further_people"] == 1
    assert set(Household.objects.values_list("room", "head_count")) == {("101", 2), ("102", 1)}
    doubled = register(
        tmp_path / "d.xlsx", [["依云镇", "3", "1", "103", 1], ["依云镇", "3栋", "一", "103", 1]]
    )
    report = take(doubled, town)
    assert [one.row for one in report.of("duplicate-door")] == [3]
    assert not report.written


def test_streets_and_coordinates(town: Town, tmp_path: Path) -> None:
    street = Street.objects.first()
    assert street is not None
    there, far = town.buildings[2][2][0].point, town.buildings[0][2][0].point
    path = tmp_path / "h.csv"
    path.write_text(
        "街路巷,门牌号,小区,楼栋,房号,人数,经度,纬度\n"
        f"{street.name},12号,,,201,2,,\n"
        f",,,,202,1,{there.x},{there.y}\n"
        f",,依云镇,3,203,1,{far.x},{far.y}\n"
        ",,,,204,1,103.8,31.9\n",
        encoding="gbk",
    )
    report = take(path, town)
    assert report.encoding == "GB18030 (GBK, GB2312)"
    assert report.counts["waiting"] == 1
    places = dict(Household.objects.values_list("room", "building_id"))
    assert places == {
        "201": town.buildings[0][0][0].pk, "202": town.buildings[2][2][0].pk, "203": town.buildings[0][0][0].pk,
    }  # fmt: skip
    assert [one.row for one in report.of("far-from-building")] == [4]


def test_names_are_never_read(town: Town, tmp_path: Path) -> None:
    path = register(tmp_path / "r.xlsx", [["依云镇", "3", "1", "101", 2, "张三丰"]], [*HEADINGS, "户主姓名"])
    report = take(path, town)
    assert report.unused == ["户主姓名"]
    assert "张三丰" not in str(report.to_dict())
    assert Household.objects.get().residents.count() == 0


def test_known_residents_are_not_overruled(db: None, tmp_path: Path) -> None:
    made = factories.make_town()
    household = Household.objects.select_related("building__compound").first()
    assert household is not None
    assert household.building.compound is not None
    row = [household.building.compound.name, household.building.number, household.entrance, household.room, 9]
    report = take(register(tmp_path / "r.xlsx", [row]), made)
    assert report.of("count-differs")
    before = household.head_count
    household.refresh_from_db()
    assert household.head_count == before


def test_nothing_saved_when_the_audit_row_breaks(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_values: Any) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr(AuditEntry.objects, "create", broken)
    with pytest.raises(RuntimeError):
        take(register(tmp_path / "r.xlsx", [["依云镇", "3", "1", "101", 2], ["x", "1", "", "1", 1]]), town)
    assert Household.objects.count() == RegisterRow.objects.count() == 0


def test_missing_columns_and_the_command(town: Town, tmp_path: Path) -> None:
    path = register(tmp_path / "r.xlsx", [["a", "b"]], ["甲", "乙"])
    with pytest.raises(ImportFileError, match=r"no column for the room.*its columns: 甲, 乙"):
        take(path, town)
    out = StringIO()
    with pytest.raises(CommandError, match="no column for the room"):
        call_command("import_households", path)
    odd = register(tmp_path / "odd.xlsx", [["依云镇", "3", "101"]], ["甲", "乙", "丙"])
    call_command(
        "import_households",
        odd,
        "--map",
        "compound=甲",
        "--map",
        "building=乙",
        "--map",
        "room=丙",
        stdout=out,
    )
    assert "Written: 1 new" in out.getvalue()
    assert Household.objects.get().room == "101"


def test_doors_that_differ_late_stay_two(town: Town, tmp_path: Path) -> None:
    long, other = "滨河路一号院东侧沿街商铺甲", "滨河路一号院东侧沿街商铺乙"
    assert long[:12] == other[:12]
    rows = [["依云镇", "3", long, "101", 2], ["依云镇", "3", other, "101", 3]]
    report = take(register(tmp_path / "r.xlsx", rows), town)
    assert (report.counts["created"], report.problems) == (2, [])
    assert sum(Household.objects.values_list("head_count", flat=True)) == 5
    building, planner = Building.objects.get(number="3"), factories.make_user("planner")
    placed = [
        place_register_row(
            row=RegisterRow.objects.create(
                subdistrict=town.subdistrict, source="s", row_number=number, source_ref=str(number),
                entrance=entrance, room="202", head_count=number, reason="x",
            ),
            building=building,
            by=planner,
        )
        for number, entrance in ((1, long), (2, other))
    ]  # fmt: skip
    assert {one.entrance for one in placed} == {long, other}


@pytest.mark.parametrize(
    ("row", "field", "ref"),
    [(["依云镇", "3", "东" * 25, "101", 2], "unit", None), (["依云镇", "3", "1", "室内" * 13, 2], "room", None),
     (["依云镇", "3", "1", "101", 2, "r" * 129], "ref", "户编号")],
)  # fmt: skip
def test_what_is_too_long_is_refused_and_not_cut(
    town: Town, tmp_path: Path, row: list[Any], field: str, ref: str | None
) -> None:
    headings = [*HEADINGS, *([ref] if ref else [])]
    report = take(register(tmp_path / "r.xlsx", [row], headings), town)
    assert [(one.code, one.row, one.field, one.severity) for one in report.problems] == [
        ("too-long", 2, field, "error")
    ]
    assert not report.written
    assert not Household.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_register_at_once(tmp_path: Path) -> None:
    made = factories.make_town(homes=False)
    Compound.objects.filter(pk=made.compounds[0][0].pk).update(name="依云镇")
    Building.objects.filter(pk=made.buildings[0][0][0].pk).update(number="3")
    path = register(tmp_path / "r.xlsx", [["依云镇", "3", "1", str(room), 2] for room in range(101, 141)])
    reports: list[Report] = []
    failures: list[ImportFileError | DatabaseError] = []
    holding, waiting = threading.Event(), threading.Event()

    def hold(report: Report) -> None:
        """In the first's transaction, after its rows: wait until the second is under way."""
        holding.set()
        waiting.wait(10)
        time.sleep(0.7)

    def second_goes(doing: str, _done: int, _total: int | None) -> None:
        if doing == "Matching":
            waiting.set()

    def run(**more: Any) -> None:
        try:
            reports.append(
                import_households(
                    path, subdistrict=made.subdistrict, options=Options(source="s"), by=None, **more
                )
            )
        except (ImportFileError, DatabaseError) as error:
            failures.append(error)
        finally:
            connection.close()

    first = threading.Thread(target=run, kwargs={"on_written": hold})
    first.start()
    assert holding.wait(30)
    second = threading.Thread(target=run, kwargs={"progress": second_goes})
    second.start()
    for thread in (first, second):
        thread.join(60)
    assert not failures
    assert [report.counts["created"] for report in reports] == [40, 0]
    assert reports[1].counts["unchanged"] == 40
    assert Household.objects.count() == 40
