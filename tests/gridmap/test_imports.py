"""Imports through the page: received safely, checked and written by a worker, cancelled, forgotten."""

import csv
import io
import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from boundaries.models import Community
from gridmap import jobs
from gridmap.actions.imports import (
    ImportRefused,
    cancel,
    forget_files,
    place_register_row,
    receive_file,
    start,
)
from gridmap.actions.staff import public_name_for
from gridmap.models import Assignment, Household, ImportKind, ImportRun, ImportState, RegisterRow, Specialist
from tests.gridmap.conftest import Cast

STAFF = "工号,姓名,负责网格,值班电话\n"
A_SQUARE = [[[103.9, 30.7], [103.91, 30.7], [103.91, 30.71], [103.9, 30.71], [103.9, 30.7]]]


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    """Uploads of this test, in a folder of their own."""
    settings.MEDIA_ROOT = tmp_path / "files"
    return tmp_path / "files"


def _upload(cast: Cast, name: str, content: bytes | str, kind: str = ImportKind.STAFF) -> ImportRun:
    data = content.encode() if isinstance(content, str) else content
    return receive_file(
        kind=kind,
        upload=SimpleUploadedFile(name, data),
        subdistrict=cast.town.subdistrict,
        by=cast.user("administrator"),
    )


def _work(run: ImportRun, *, writing: bool = False, **options: Any) -> ImportRun:
    start(run=run, writing=writing, options=options, by=run.created_by)
    (jobs.write_import if writing else jobs.check_import)(run_id=run.pk)
    run.refresh_from_db()
    return run


def _report(run: ImportRun) -> dict[str, Any]:
    assert run.report is not None, run.message
    return dict(run.report)


def _square(code: str) -> str:
    feature = {
        "type": "Feature",
        "properties": {"code": code, "name": "新村"},
        "geometry": {"type": "Polygon", "coordinates": A_SQUARE},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


# --- receiving ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\temp\\名册.csv", "名册.csv"),
        ("a\x00b\n.csv", "ab.csv"),
        ("<img src=x>.csv", "<img src=x>.csv"),
        ("长" * 300 + ".csv", "长" * 251 + ".csv"),
    ],
)
def test_a_name_does_no_harm(cast: Cast, files: Path, name: str, shown: str) -> None:
    upload = SimpleUploadedFile("x.csv", STAFF.encode())
    upload.__dict__["_name"] = name  # what a browser could send: Django cleans some of it, we rely on none
    run = receive_file(
        kind=ImportKind.STAFF, upload=upload, subdistrict=cast.town.subdistrict, by=cast.user("administrator")
    )
    path = Path(run.file.path).resolve()
    assert run.file_name == shown
    assert path.is_relative_to(files.resolve())
    assert path.stat().st_mode & 0o077 == 0
    assert not set(path.name) & set("<>/\\ \n\x00")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("virus.exe", b"MZ", "no file that can be read"),
        ("empty.csv", b"", "is empty"),
        ("noending", b"x", "no file that can"),
    ],
)
def test_what_cannot_be_read_is_not_kept(
    cast: Cast, files: Path, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(ImportRefused, match=reason):
        _upload(cast, name, content)
    assert not ImportRun.objects.exists()
    assert not list(files.rglob("*.*"))


def test_a_file_beyond_the_limit_is_stopped_on_its_way(cast: Cast, settings: Any, files: Path) -> None:
    settings.IMPORT_MAX_BYTES = 1024
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.user("administrator"))
    big = SimpleUploadedFile("big.csv", b"x" * 300_000)
    page = client.post("/planner/import/", {"kind": "staff", "file": big})
    assert page.status_code == 200
    assert "larger than" in page.content.decode()
    assert not ImportRun.objects.exists()


def test_uploads_of_another_subdistrict_do_not_exist(cast: Cast) -> None:
    run = _upload(cast, "a.geojson", _square("510115001099"), ImportKind.COMMUNITIES)
    for name, status in (
        ("planner", 200),
        ("administrator", 200),
        ("outsider", 404),
        ("planner_0", 404),
        ("lead", 403),
    ):
        client = Client()
        client.force_login(cast.user(name))
        assert client.get(f"/planner/import/{run.pk}/").status_code == status, name
    staff = _upload(cast, "staff.csv", STAFF + "1,张三,,\n")
    client = Client()
    client.force_login(cast.user("planner"))
    assert client.get(f"/planner/import/{staff.pk}/").status_code == 404, "planners do not manage staff"


def test_the_page_guesses_columns_and_shows_rows(cast: Cast) -> None:
    run = _upload(cast, "staff.csv", STAFF + "101,张三,,028-1234\n")
    client = Client()
    client.force_login(cast.user("administrator"))
    page = client.get(f"/planner/import/{run.pk}/").content.decode()
    assert '<option value="工号" selected>' in page
    assert "张三" in page
    assert page.count(" selected>") >= 4


def test_a_broken_file_says_so_on_the_page(cast: Cast) -> None:
    run = _upload(cast, "broken.gpkg", b"SQLite format 3\x00 no more", ImportKind.COMMUNITIES)
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.user("planner"))
    page = client.get(f"/planner/import/{run.pk}/")
    assert page.status_code == 200
    assert "cannot be read" in page.content.decode()


# --- checking and writing -------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_check_writes_nothing_and_writing_writes_it(cast: Cast) -> None:
    before = Community.objects.count()
    run = _work(_upload(cast, "a.geojson", _square("510115001099"), ImportKind.COMMUNITIES), accept=True)
    assert (run.state, run.progress) == (ImportState.CHECKED, 1.0), run.message
    assert _report(run)["counts"]["created"] == 1
    assert Community.objects.count() == before
    run = _work(run, writing=True)
    assert run.state == ImportState.DONE, run.message
    assert Community.objects.filter(code="510115001099", name="新村").exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_none_fails_with_a_sentence(cast: Cast) -> None:
    run = _work(_upload(cast, "broken.gpkg", b"SQLite format 3\x00 no more", ImportKind.COMMUNITIES))
    assert run.state == ImportState.FAILED
    assert "broken.gpkg" in run.message


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_check_stops_at_its_next_step(cast: Cast) -> None:
    run = _upload(cast, "staff.csv", STAFF + "101,张三,,\n")
    start(run=run, writing=False, options={}, by=run.created_by)
    taken = ImportRun.objects.get(pk=run.pk)
    assert cancel(run=run, by=run.created_by)
    with closing(jobs.Watch(taken)) as watch, pytest.raises(jobs.Cancelled):
        watch("reading", 1, 2)
    jobs.check_import(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.report) == (ImportState.CANCELLED, None)


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_from_outside_while_the_work_goes_on(cast: Cast) -> None:
    run = _upload(cast, "staff.csv", STAFF + "101,张三,,\n")
    start(run=run, writing=False, options={}, by=run.created_by)
    watch = jobs.Watch(ImportRun.objects.get(pk=run.pk))
    watch("half-way", 1, 2)
    watch.close()
    run.refresh_from_db()
    assert (run.progress, run.message) == (0.5, "half-way")


@pytest.mark.django_db(transaction=True)
def test_one_worker_at_a_time_and_no_writing_unchecked(cast: Cast) -> None:
    run = _upload(cast, "staff.csv", STAFF + "101,张三,,\n")
    with pytest.raises(ImportRefused, match="Check the file first"):
        start(run=run, writing=True, options={}, by=run.created_by)
    start(run=run, writing=False, options={}, by=run.created_by)
    with pytest.raises(ImportRefused, match="already"):
        start(run=run, writing=False, options={}, by=run.created_by)
    assert (
        ProcrastinateJob.objects.filter(task_name="gridmap.check_import", args={"run_id": run.pk}).count()
        == 1
    )
    assert {"gridmap.check_import", "gridmap.write_import", "gridmap.forget_uploads"} <= set(app.tasks)


def test_files_are_forgotten_after_their_time(cast: Cast, files: Path) -> None:
    old, fresh = _upload(cast, "old.csv", STAFF), _upload(cast, "fresh.csv", STAFF)
    ImportRun.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert forget_files(older_than=timedelta(days=7)) == 1
    assert [path.name for path in files.rglob("*.csv")] == ["fresh.csv"]
    old.refresh_from_db()
    assert not old.file
    with pytest.raises(ImportRefused, match="deleted after its time"):
        start(run=old, writing=False, options={}, by=fresh.created_by)


# --- staff ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_staff_comes_in_with_its_grids_and_twice_is_once(cast: Cast) -> None:
    vacant = cast.town.grids[2][0]
    code = f"{cast.town.communities[2].code}001"
    file = STAFF + f"501,欧阳明,{code},028-0000 0501\n502,李四,,\n"
    run = _work(_work(_upload(cast, "staff.csv", file)), writing=True)
    assert run.state == ImportState.DONE, run.message
    made = Specialist.objects.get(staff_number="501")
    assert made.public_name == "欧阳网格员"
    assert Assignment.objects.get(grid=vacant, specialist=made).recorded_by == cast["administrator"]
    again = _work(_upload(cast, "staff.csv", file.replace("李四", "李司")))
    assert {key: _report(again)["counts"][key] for key in ("created", "changed", "unchanged")} == {
        "created": 0,
        "changed": 1,
        "unchanged": 1,
    }


@pytest.mark.django_db(transaction=True)
def test_bad_rows_keep_the_whole_file_out_unless_left_out(cast: Cast) -> None:
    taken = f"{cast.town.communities[0].code}001"
    rows = f"601,张三,,\n602,,,\n603,李四,{taken},\n604,王五,999,\n605,赵六,,not a number!\n601,孙七,,\n"
    run = _work(_upload(cast, "staff.csv", STAFF + rows))
    found = {(problem["row"], problem["code"]) for problem in _report(run)["problems"]}
    assert found == {
        (3, "missing"), (4, "grid-taken"), (5, "unknown-grid"), (6, "bad-telephone"), (7, "duplicate"),
    }  # fmt: skip
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.user("administrator"))
    client.post(f"/planner/import/{run.pk}/write/")
    run.refresh_from_db()
    assert run.state == ImportState.CHECKED, "refused: nothing was handed to a worker"
    run = _work(_work(run, skip_bad=True), writing=True)
    assert run.state == ImportState.DONE
    assert list(
        Specialist.objects.filter(staff_number__startswith="60").values_list("staff_number", flat=True)
    ) == ["601"]


@pytest.mark.parametrize(
    ("name", "kind", "public"),
    [
        ("王芳", "grid", "王网格员"),
        ("欧阳明", "service", "欧阳服务专员"),
        ("John Smith", "grid", "John Smith"),
        ("", "grid", ""),
    ],
)
def test_the_public_name_is_surname_and_post(name: str, kind: str, public: str) -> None:
    assert public_name_for(name, kind) == public


# --- the register ---------------------------------------------------------------------------------------------


def _row(cast: Cast, **more: Any) -> RegisterRow:
    values = {"source": "register", "row_number": 7, "source_ref": "r7", "compound": "和平小区", "building": "9",
              "entrance": "1", "floor": 9, "room": "901", "head_count": 3, "reason": "no such building"}  # fmt: skip
    return RegisterRow.objects.create(subdistrict=cast.town.subdistrict, **{**values, **more})


def test_a_row_is_placed_by_a_click(cast: Cast) -> None:
    row, building = _row(cast), cast.town.buildings[1][2][0]
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.user("planner"))
    assert 'data-register="' in client.get("/planner/register/").content.decode()
    spot = {"lon": str(building.point.x), "lat": str(building.point.y)}
    assert f'data-found="{building.pk}"' in client.get("/planner/register/building/", spot).content.decode()
    client.post(f"/planner/register/{row.pk}/place/", {"building": building.pk})
    household = Household.objects.get(building=building, room="901")
    assert (household.head_count, household.source_ref) == (3, "r7")
    row.refresh_from_db()
    assert row.placed_as == household
    assert client.post(f"/planner/register/{row.pk}/place/", {"building": building.pk}).status_code == 404


def test_a_known_door_is_found_not_doubled(cast: Cast) -> None:
    building = cast.town.buildings[0][0][0]
    row = _row(cast, floor=1, room="101")
    known = building.households.get(room="101")
    assert place_register_row(row=row, building=building, by=cast.user("planner")) == known


@pytest.mark.django_db(transaction=True)
def test_the_page_speaks_of_no_command_options(cast: Cast) -> None:
    far = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "远", "code": "510115001001"},
           "geometry": {"type": "Polygon", "coordinates": [[[x + 17, y - 6] for x, y in A_SQUARE[0]]]}}]}  # fmt: skip
    run = _work(_upload(cast, "far.geojson", json.dumps(far), ImportKind.COMMUNITIES))
    reasons = [problem["reason"] for problem in _report(run)["problems"]]
    assert any("--crs" in reason for reason in reasons)
    client = Client()
    client.force_login(cast.user("administrator"))
    for path in (f"/planner/import/{run.pk}/", f"/planner/import/{run.pk}/problems.geojson"):
        page = client.get(path).content.decode()
        assert "坐标系" in page or "coordinate system" in page
        assert "--crs" not in page
        assert "--datum" not in page


def test_a_report_of_thousands_of_problems_stays_quick(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    table = io.StringIO()
    out = csv.writer(table)
    for number in range(3000):
        out.writerow([number, "", "", ""])
    run = _upload(cast, "staff.csv", STAFF + table.getvalue())
    problem = {"code": "x", "reason": "why", "severity": "error", "field": None, "subject": None,
               "place": {"type": "Point", "coordinates": [103.83, 30.7]}, "area_m2": None, "repaired": False}  # fmt: skip
    report = {"ok": False, "counts": {"read": 5000, "bad": 5000, "good": 0, "created": 0, "changed": 0, "unchanged": 0},
              "problems": [{**problem, "row": row} for row in range(5000)]}  # fmt: skip
    ImportRun.objects.filter(pk=run.pk).update(state=ImportState.CHECKED, report=report)
    client = Client()
    client.force_login(cast.user("administrator"))
    with django_assert_max_num_queries(9):
        page = client.get(f"/planner/import/{run.pk}/?page=50").content.decode()
    assert page.count("data-problem=") == 100
    assert "4999" in page
    assert len(client.get(f"/planner/import/{run.pk}/problems.geojson").json()["features"]) == 5000
