"""What an import must not do: show people, run the disk full, take files from strangers, forget who wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client

from boundaries.importing.opening import open_source
from gridmap import jobs
from gridmap.actions.imports import receive_file, start
from gridmap.models import Assignment, ImportKind, ImportRun, ImportState
from gridmap.views import import_preview
from gridmap.views.navigation import places_for
from tests.gridmap.conftest import Cast

STAFF = "工号,姓名,负责网格,值班电话\n"


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    """Uploads of this test, in a folder of their own."""
    settings.MEDIA_ROOT = tmp_path / "files"
    return tmp_path / "files"


def _upload(
    cast: Cast, name: str, content: bytes | str, kind: str = ImportKind.STAFF, by: str = "administrator"
) -> ImportRun:
    data = content.encode() if isinstance(content, str) else content
    upload = SimpleUploadedFile(name, data)
    return receive_file(kind=kind, upload=upload, subdistrict=cast.town.subdistrict, by=cast.user(by))


def _work(
    run: ImportRun, *, writing: bool = False, by: str | None = None, cast: Cast | None = None, **options: Any
) -> ImportRun:
    start(run=run, writing=writing, options=options, by=cast.user(by) if cast and by else run.created_by)
    (jobs.write_import if writing else jobs.check_import)(run_id=run.pk)
    run.refresh_from_db()
    return run


def _report(run: ImportRun) -> dict[str, Any]:
    assert run.report is not None, run.message
    return dict(run.report)


REGISTER = "户编号,户主,身份证号码,联系电话,小区,楼栋,单元,房号,人数,备注\n"
PERSON = "h1,张三丰,510115196001011234,13812345678,和平小区,1,1,101,3,李四之父\n"


@pytest.mark.parametrize(
    "mapping",
    [{}, {"ref": "身份证号码"}, {"compound": "户主"}, {"room": "联系电话", "members": "户主"}],
)
def test_the_preview_of_a_register_shows_doors_and_no_people(cast: Cast, mapping: dict[str, str]) -> None:
    run = _upload(cast, "register.csv", REGISTER + PERSON, ImportKind.HOUSEHOLDS)
    ImportRun.objects.filter(pk=run.pk).update(options={"mapping": mapping})
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.user("planner"))
    page = client.get(f"/planner/import/{run.pk}/").content.decode()
    for personal in ("张三丰", "510115196001011234", "13812345678", "李四之父"):
        assert personal not in page
    for heading in ("户主", "身份证号码", "联系电话", "备注"):
        assert f'data-field="{heading}"' in page
    assert page.count("<td>•••</td>") >= 4
    if not mapping:
        assert "<td>和平小区</td>" in page
        assert "<td>101</td>" in page


def test_numbers_of_people_are_masked_in_columns_that_do_not_say_so(cast: Cast) -> None:
    file = "id,小区,房号\n510115196001011234,和平小区,101\n138 1234 5678,和平小区,102\n7,和平小区,103\n"
    run = _upload(cast, "register.csv", file, ImportKind.HOUSEHOLDS)
    client = Client()
    client.force_login(cast.user("planner"))
    page = client.get(f"/planner/import/{run.pk}/").content.decode()
    assert "510115196001011234" not in page
    assert "138 1234 5678" not in page
    assert "<td>7</td><td>和平小区</td><td>103</td>" in page


@pytest.mark.django_db(transaction=True)
def test_the_report_on_a_register_says_nothing_of_people(cast: Cast) -> None:
    broken = "h2,王五,510115196001011235,13912345678,没有小区,9,1,101,多,x\nh3,赵六,,,,,,,,\n"
    file = REGISTER + PERSON + broken
    run = _work(_upload(cast, "register.csv", file, ImportKind.HOUSEHOLDS))
    whole = json.dumps(_report(run), ensure_ascii=False) + run.message
    assert "没有小区" in whole, "the report does say what it could not find"
    for personal in ("张三丰", "王五", "赵六", "5101151960", "13812345678", "13912345678", "李四之父"):
        assert personal not in whole
    # a column of names is no door, whatever somebody chose
    run = _work(_upload(cast, "again.csv", file, ImportKind.HOUSEHOLDS), mapping={"compound": "户主"})
    assert run.state == ImportState.FAILED
    assert run.report is None
    assert "户主" in run.message
    assert "张三丰" not in run.message


def test_a_page_opened_again_does_not_read_the_file_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _upload(cast, "staff.csv", STAFF + "101,张三,,028-1234\n")
    opened: list[Path] = []

    def noted(path: Path, **more: Any) -> Any:
        opened.append(path)
        return open_source(path, **more)

    monkeypatch.setattr(import_preview, "open_source", noted)
    client = Client()
    client.force_login(cast.user("administrator"))
    first, again = (client.get(f"/planner/import/{run.pk}/").content.decode() for _ in range(2))
    assert len(opened) == 1
    assert "张三" in first
    assert "张三" in again
    ImportRun.objects.filter(pk=run.pk).update(options={"encoding": "GBK"})
    client.get(f"/planner/import/{run.pk}/")
    assert len(opened) == 2, "other options: another reading"


# --- who may send how much ------------------------------------------------------------------------------------


@pytest.fixture
def spooled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that went to a temporary file, piece by piece."""
    sizes: list[int] = []
    plain = TemporaryFileUploadHandler.receive_data_chunk

    def note(self: TemporaryFileUploadHandler, raw_data: bytes, start: int) -> None:
        sizes.append(len(raw_data))
        plain(self, raw_data, start)

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", note)
    return sizes


@pytest.mark.parametrize("who", [None, "lead", "dispatcher"])
@pytest.mark.parametrize("path", ["/planner/import/", "/sign-in/", "/i18n/setlang/", "/desk/incidents/"])
def test_a_large_file_of_somebody_who_may_not_import_is_not_kept(
    cast: Cast, spooled: list[int], who: str | None, path: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    if who:
        client.force_login(cast.user(who))
    big = SimpleUploadedFile("big.csv", b"x" * 3_000_000)
    client.post(path, {"kind": "staff", "file": big})
    assert sum(spooled) == 0
    assert not ImportRun.objects.exists()


def test_a_large_file_of_somebody_who_may_import_is_kept(cast: Cast, spooled: list[int]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.user("planner"))
    client.get("/planner/import/")
    content = b"x" * 3_000_000
    data = {"kind": "household", "file": SimpleUploadedFile("big.csv", content)}
    assert client.post("/planner/import/", data).status_code == 403, "the check for forgery is still made"
    assert not ImportRun.objects.exists()
    token = client.cookies["csrftoken"].value
    data = {"kind": "household", "file": SimpleUploadedFile("big.csv", content), "csrfmiddlewaretoken": token}
    assert client.post("/planner/import/", data).status_code == 302
    assert ImportRun.objects.get().file.size == len(content)


# --- who wrote ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_is_written_is_by_whoever_said_so(cast: Cast) -> None:
    code = f"{cast.town.communities[2].code}001"
    run = _work(_upload(cast, "staff.csv", STAFF + f"501,欧阳明,{code},028-0000 0501\n"))
    run = _work(run, writing=True, by="supervisor", cast=cast)
    assert run.state == ImportState.DONE, run.message
    assert (run.created_by, run.written_by) == (cast["administrator"], cast["supervisor"])
    assert Assignment.objects.get(specialist__staff_number="501").recorded_by == cast["supervisor"]


@pytest.mark.parametrize(
    ("name", "shown"), [("planner", True), ("supervisor", True), ("dispatcher", False), ("lead", False)]
)
def test_whoever_may_import_finds_the_page(cast: Cast, name: str, shown: bool) -> None:
    assert ("imports" in {place.url_name for place in places_for(cast.user(name))}) == shown
    client = Client()
    client.force_login(cast.user(name))
    assert client.get("/planner/import/").status_code == (200 if shown else 403)
