"""Imports from the page and from the command line leave the same history, know each other's rows, and place buildings."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from boundaries.actions.importing import source_named
from boundaries.models import (
    Building,
    Community,
    Compound,
    Edition,
    Outline,
    Place,
    Placement,
    Plan,
    Street,
    Subdistrict,
)
from gridmap import jobs
from gridmap.actions.imports import receive_file, start
from gridmap.models import AuditEntry, Household, ImportKind, ImportRun, ImportState, Specialist
from gridmap.responsibility import locate
from tests.boundaries.files import geojson
from tests.factories import CELL, SOUTH, WEST, Town
from tests.gridmap.conftest import Cast


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


def cell(row: int, column: int) -> shapely.Polygon:
    west, south = WEST + CELL * column, SOUTH + CELL * row
    return shapely.box(*(round(value, 8) for value in (west, south, west + CELL, south + CELL)))


def house(east: float, north: float, size: float = 0.0001) -> shapely.Polygon:
    return shapely.box(WEST + east, SOUTH + north, WEST + east + size, SOUTH + north + size)


def communities(path: Path) -> Path:
    return geojson(
        path, [(cell(0, index), {"code": f"00{index + 1}", "name": "东南西"[index]}) for index in range(3)]
    )


def by_page(cast: Cast, path: Path, kind: str) -> ImportRun:
    """The file goes through the page: received, checked and written by a worker."""
    run = receive_file(
        kind=kind,
        upload=SimpleUploadedFile(path.name, path.read_bytes()),
        subdistrict=cast.town.subdistrict,
        by=cast.user("planner"),
    )
    for writing in (False, True):
        start(run=run, writing=writing, options={}, by=cast.user("planner"))
        (jobs.write_import if writing else jobs.check_import)(run_id=run.pk)
        run.refresh_from_db()
    assert run.state == ImportState.DONE, run.message
    return run


def entries(noun: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(verb="import", noun=noun).order_by("pk"))


def counts(out: StringIO) -> dict[str, int]:
    line = next(line for line in out.getvalue().splitlines() if line.startswith("Counts: "))
    pairs = (part.rsplit(" ", 1) for part in line.removeprefix("Counts: ").split(", "))
    return {name: int(number) for name, number in pairs}


# --- history --------------------------------------------------------------------------------------------------


def test_each_command_leaves_its_row(town: Town, tmp_path: Path) -> None:
    house_file = geojson(tmp_path / "houses.geojson", [(house(0.0001, 0.0001), {"id": "h1", "number": "9"})])
    compound = geojson(tmp_path / "yards.geojson", [(house(0.0002, 0.0002, 0.0002), {"name": "依云镇"})])
    street = geojson(
        tmp_path / "streets.geojson",
        [(shapely.LineString([(WEST, SOUTH), (WEST + CELL, SOUTH)]), {"name": "新路"})],
    )
    register = tmp_path / "register.csv"
    yard = town.compounds[0][0].name
    register.write_text(f"小区,楼栋,单元,房号,户主\n{yard},1,,901,张三丰\n", encoding="utf-8")
    call_command("import_buildings", house_file, stdout=StringIO())
    call_command("import_areas", compound, "--level", "compound", stdout=StringIO())
    call_command("import_areas", street, "--level", "street", stdout=StringIO())
    call_command("import_households", register, stdout=StringIO())
    found = {noun: entries(noun) for noun in ("building", "compound", "street", "household")}
    assert {noun: len(rows) for noun, rows in found.items()} == dict.fromkeys(found, 1)
    for noun, (entry,) in found.items():
        assert entry.by is None
        assert entry.object_id == town.subdistrict.code
        assert entry.details["created"] == 1, noun
    assert found["building"][0].details["file"] == "houses.geojson"
    assert found["building"][0].details["source"] == "houses"
    assert "张三丰" not in json.dumps(
        [row.details for rows in found.values() for row in rows], ensure_ascii=False
    )


def test_a_dry_run_and_a_refused_file_leave_none(town: Town, tmp_path: Path) -> None:
    good = geojson(tmp_path / "a.geojson", [(house(0.0001, 0.0001), {"id": "a"})])
    bad = geojson(tmp_path / "b.geojson", [(None, {"id": "b"})])
    call_command("import_buildings", good, "--dry-run", stdout=StringIO())
    with pytest.raises(CommandError, match="Nothing was written"):
        call_command("import_buildings", bad, stdout=StringIO())
    assert not AuditEntry.objects.filter(verb="import").exists()


@pytest.mark.django_db(transaction=True)
def test_the_page_leaves_one_with_its_user_and_the_name_of_the_file(cast: Cast, tmp_path: Path) -> None:
    path = geojson(tmp_path / "柳城 房屋.geojson", [(house(0.0001, 0.0001), {"id": "h1"})])
    by_page(cast, path, ImportKind.BUILDINGS)
    (entry,) = entries("building")
    assert entry.by == cast.user("planner")
    assert (entry.details["file"], entry.details["source"]) == ("柳城 房屋.geojson", "柳城 房屋")
    staff = tmp_path / "staff.csv"
    staff.write_text("工号,姓名\nX901,王小明\n", encoding="utf-8")
    by_page(cast, staff, ImportKind.STAFF)
    (entry,) = entries("staff")
    assert (entry.details["file"], entry.details["created"]) == ("staff.csv", 1)
    assert "王小明" not in json.dumps(entry.details, ensure_ascii=False)


def test_nothing_is_saved_where_the_history_fails(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [
        model._default_manager.count()
        for model in (Building, Compound, Street, Plan, Outline, Household, Specialist)
    ]

    def broken(**_values: Any) -> None:
        raise RuntimeError("no history")

    monkeypatch.setattr(AuditEntry.objects, "create", broken)
    line = shapely.LineString([(WEST, SOUTH), (WEST + CELL, SOUTH)])
    tries: list[tuple[str, Path, list[str]]] = [
        ("import_buildings", geojson(tmp_path / "b.geojson", [(house(0.0001, 0.0001), {"id": "b"})]), []),
        (
            "import_areas",
            geojson(tmp_path / "c.geojson", [(house(0.0002, 0.0002), {"name": "院"})]),
            ["compound"],
        ),
        ("import_areas", geojson(tmp_path / "s.geojson", [(line, {"name": "新路"})]), ["street"]),
        (
            "import_areas",
            geojson(tmp_path / "g.geojson", [(cell(0, 0), {"code": "g1", "name": "1"})]),
            ["grid"],
        ),
    ]
    for command, path, level in tries:
        with pytest.raises(RuntimeError, match="no history"):
            call_command(command, path, *(["--level", *level] if level else []), stdout=StringIO())
    after = [
        model._default_manager.count()
        for model in (Building, Compound, Street, Plan, Outline, Household, Specialist)
    ]
    assert after == before


def test_a_new_subdistrict_goes_with_its_history(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_values: Any) -> None:
        raise RuntimeError("no history")

    path = communities(tmp_path / "c.geojson")
    create = ["--level", "community", "--subdistrict", "510115001", "--create-subdistrict", "柳城街道"]
    with monkeypatch.context() as patch:
        patch.setattr(AuditEntry.objects, "create", broken)
        with pytest.raises(RuntimeError, match="no history"):
            call_command("import_areas", path, *create, stdout=StringIO())
    assert Subdistrict.objects.count() == Community.objects.count() == 0
    call_command("import_areas", path, *create, stdout=StringIO())
    (entry,) = entries("community")
    assert (entry.object_id, entry.details["created"]) == ("510115001", 3)


# --- from a file to an answer ---------------------------------------------------------------------------------


def test_communities_then_grids_then_somebody_asks(db: None, tmp_path: Path) -> None:
    """Two commands on an empty installation, and the point has its grid; publishing has its history too."""
    call_command(
        "import_areas", communities(tmp_path / "c.geojson"), "--level", "community",
        "--subdistrict", "510115001", "--create-subdistrict", "柳城街道", stdout=StringIO(),
    )  # fmt: skip
    west, south = WEST, SOUTH
    half = round(CELL / 2, 8)
    rows = [
        (shapely.box(west, south, west + half, south + CELL), {"code": "510115001001001", "name": "一"}),
        (
            shapely.box(west + half, south, west + CELL, south + CELL),
            {"code": "510115001001002", "name": "二"},
        ),
    ]
    out = StringIO()
    call_command(
        "import_areas", geojson(tmp_path / "g.geojson", rows), "--level", "grid", "--publish-at", "now", stdout=out
    )  # fmt: skip
    assert "In force from" in out.getvalue()
    answer = locate(west + half * 1.5, south + half).as_json()
    assert (answer["match"], answer["grid"]["code"]) == ("inside", "510115001001002")
    assert answer["community"]["code"] == "001"
    (entry,) = AuditEntry.objects.filter(verb="publish", noun="plan")
    plan = Plan.objects.get()
    assert (entry.object_id, entry.details["communities"]) == (str(plan.pk), ["001"])
    (grids,) = entries("grid")
    assert (grids.details["plan"], grids.details["created"]) == (plan.pk, 2)
    # asked beyond the community that has grids: the community is known, no grid
    assert locate(west + CELL * 1.5, south + half).as_json()["grid"] is None


def test_what_cannot_be_put_in_force_stays_a_draft(town: Town, tmp_path: Path) -> None:
    path = geojson(tmp_path / "g.geojson", [(cell(0, 0), {"code": "g1", "name": "1"})])
    with pytest.raises(
        CommandError, match=r"The grids are in the draft “g”, but cannot be put in force: .* m²"
    ):
        call_command("import_areas", path, "--level", "grid", "--publish-at", "now", stdout=StringIO())
    assert Plan.objects.get(name="g").frozen_at is None
    assert not AuditEntry.objects.filter(verb="publish").exists()


def test_imported_buildings_have_their_grid_at_once(town: Town, tmp_path: Path) -> None:
    at = house(0.0001, 0.0001)
    path = geojson(tmp_path / "houses.geojson", [(at, {"id": "h1", "name": "新楼", "number": "9"})])
    edition = dict(Edition.objects.values_list("layer", "number")).get("buildings", 0)
    call_command("import_buildings", path, stdout=StringIO())
    building = Building.objects.get(source_ref="h1")
    grid = town.grids[2][0]
    placement = Placement.objects.get(building=building)
    assert placement.grid_id == grid.pk
    assert timezone.now() in placement.period
    point = at.centroid
    answer = locate(point.x, point.y).as_json()
    assert answer["match"] == "inside"
    assert answer["building"]["id"] == building.pk
    assert answer["grid"]["id"] == grid.pk
    assert Edition.objects.get(layer="buildings").number > edition
    assert Place.objects.filter(kind="building", object_id=building.pk).exists()
    # it moves across the border: from now on the other grid's, before it was this one's
    moved = geojson(
        tmp_path / "houses2.geojson",
        [(house(CELL + 0.0001, 0.0001), {"id": "h1", "name": "新楼", "number": "9"})],
    )
    call_command("import_buildings", moved, "--source", "houses", stdout=StringIO())
    placements = list(Placement.objects.filter(building=building).order_by("period"))
    assert [one.grid_id for one in placements] == [grid.pk, town.grids[2][1].pk]
    assert placements[0].period.upper == placements[1].period.lower


# --- one source, whichever way it came ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("north-bayreuth.osm.gz", "osm"),
        ("sichuan-2019.osm.pbf", "osm"),
        ("X.PBF", "osm"),
        ("houses.2019.geojson", "houses"),
        ("房屋 2019.zip", "房屋 2019"),
        ("cafe\u0301.gpkg", "café"),
        (".geojson", "file"),
        ("x" * 100 + ".csv", "x" * 64),
    ],
)
def test_the_source_is_named_by_the_file(name: str, source: str) -> None:
    assert source_named(name) == source


@pytest.mark.django_db(transaction=True)
def test_a_file_by_page_then_by_command_doubles_nothing(cast: Cast, tmp_path: Path) -> None:
    houses = geojson(
        tmp_path / "房屋 (2019).v2.geojson",
        [
            (house(0.0001 + 0.0002 * index, 0.0001), {"id": f"h{index}", "number": str(index)})
            for index in range(3)
        ],
    )
    lines = [shapely.LineString([(WEST, SOUTH + y), (WEST + CELL, SOUTH + y)]) for y in (0.0001, 0.0002)]
    # one street with a reference, two pieces without
    streets = geojson(
        tmp_path / "街道.geojson",
        [
            (lines[0], {"id": "s1", "name": "一路"}),
            (lines[1], {"name": "二路"}),
            (lines[1].reverse(), {"name": "二路"}),
        ],
    )
    by_page(cast, houses, ImportKind.BUILDINGS)
    by_page(cast, streets, ImportKind.STREETS)
    before = (Building.objects.count(), Street.objects.count())
    home = ["--subdistrict", cast.town.subdistrict.code]
    for command, path, more in (
        ("import_buildings", houses, home),
        ("import_areas", streets, [*home, "--level", "street"]),
    ):
        out = StringIO()
        call_command(command, path, *more, stdout=out)
        found = counts(out)
        assert (found.get("created", 0), found["unchanged"]) == (0, 3), out.getvalue()
        assert found.get("not_in_file", 0) == 0
    assert (Building.objects.count(), Street.objects.count()) == before
