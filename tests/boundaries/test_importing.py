"""Areas and buildings into real PostGIS: identity, all or nothing, suspicions, and the real files."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from django.core.management import CommandError, call_command
from django.utils import timezone

from boundaries import datum
from boundaries.actions.importing import import_areas, town_of
from boundaries.actions.importing_buildings import import_buildings
from boundaries.actions.plans import publish
from boundaries.actions.records import as_shape
from boundaries.importing import shapes
from boundaries.importing.coverage import edge_faults, half_edge_faults
from boundaries.importing.report import Report
from boundaries.importing.rows import Options
from boundaries.models import (
    Building,
    Community,
    Compound,
    Grid,
    Outline,
    Placement,
    Plan,
    Revision,
    Subdistrict,
)
from tests import factories
from tests.boundaries.files import geojson
from tests.boundaries.import_town import PLAIN, new_town
from tests.factories import CELL, SOUTH, WEST, Town


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def cell(row: int, column: int, size: float = CELL) -> shapely.Polygon:
    west, south = WEST + CELL * column, SOUTH + CELL * row
    return shapely.box(*(round(value, 8) for value in (west, south, west + size, south + size)))


def three(path: Path, shift: float = 0.0) -> Path:
    """Three communities in a row; `shift` moves the border of the last in degrees, a gap or an overlap."""
    last = shapely.box(WEST + 2 * CELL + shift, SOUTH, WEST + 3 * CELL, SOUTH + CELL)
    shapes_of = [cell(0, 0), cell(0, 1), last]
    names = ["和平", "南街", "光华"]
    rows = [
        (shape, {"社区编码": f"00{index}", "社区名称": names[index], "户数": 100 + index})
        for index, shape in enumerate(shapes_of)
    ]
    return geojson(path, rows)


def test_communities_make_their_subdistrict_and_come_again(db: None, tmp_path: Path) -> None:
    path = three(tmp_path / "c.geojson")
    dry = new_town(path, Options(dry_run=True))
    assert (dry.counts["created"], dry.written, Subdistrict.objects.count()) == (3, False, 0)
    report = new_town(path)
    assert report.ok
    assert report.written
    assert report.mapping == {"code": "社区编码", "name": "社区名称", "households": "户数"}
    owner = Subdistrict.objects.get()
    assert owner.metric_srid == 4544
    assert owner.outline is not None
    assert sorted(Community.objects.values_list("code", "name", "surveyed_households")) == [
        ("000", "和平", 100), ("001", "南街", 101), ("002", "光华", 102),
    ]  # fmt: skip
    again = import_areas(path, level="community", subdistrict=owner, options=PLAIN, by=None)
    assert (again.counts["created"], again.counts["changed"], again.counts["unchanged"]) == (0, 0, 3)
    assert Community.objects.count() == 3


def test_one_bad_row_keeps_all_out_unless_skipped(db: None, tmp_path: Path) -> None:
    bow = shapely.Polygon(
        [(WEST, SOUTH), (WEST + CELL, SOUTH + CELL), (WEST + CELL, SOUTH), (WEST, SOUTH + CELL)]
    )
    rows: list[tuple[Any, dict[str, Any]]] = [
        (cell(1, 0), {"code": "a", "name": "A"}),
        (bow, {"code": "b", "name": "B"}),
        (None, {"code": "c", "name": "C"}),
        (cell(1, 1), {"code": "a", "name": "again"}),
        (shapely.LineString([(WEST, SOUTH), (WEST, SOUTH + 1)]), {"code": "d", "name": "line"}),
        (cell(1, 2), {"code": None, "name": "no code"}),
    ]
    path = geojson(tmp_path / "bad.geojson", rows)
    report = new_town(path)
    found = {(one.code, one.row) for one in report.problems if one.severity == "error"}
    assert found == {
        ("invalid-ring", 2),
        ("no-geometry", 3),
        ("duplicate-code", 4),
        ("wrong-type", 5),
        ("no-code", 6),
    }
    (ring,) = report.of("invalid-ring")
    assert ring.place == {"type": "Point", "coordinates": [WEST + CELL / 2, pytest.approx(SOUTH + CELL / 2)]}
    assert "crosses itself" in ring.reason
    assert not report.written
    assert Subdistrict.objects.count() == Community.objects.count() == 0
    assert json.loads(json.dumps(report.to_dict()))["counts"]["bad"] == 5
    taken = new_town(path, Options(skip_bad=True, invalid="repair"))
    assert taken.written
    assert set(Community.objects.values_list("code", flat=True)) == {"a", "b"}


def test_gaps_are_errors_until_they_are_repaired(db: None, tmp_path: Path) -> None:
    path = three(tmp_path / "open.geojson", shift=5e-6)  # 0.48 m, open to the rim at both ends
    assert len(new_town(path).of("gap")) == 1
    assert Community.objects.count() == 0
    lids = [
        cell(0, 0),
        cell(0, 1),
        shapely.box(WEST + 2 * CELL + 5e-6, SOUTH, WEST + 3 * CELL, SOUTH + CELL),
        shapely.box(WEST, SOUTH + CELL, WEST + 3 * CELL, SOUTH + 2 * CELL),
        shapely.box(WEST, SOUTH - CELL, WEST + 3 * CELL, SOUTH),
    ]
    path = geojson(
        tmp_path / "lids.geojson", [(shape, {"code": f"{index}"}) for index, shape in enumerate(lids)]
    )
    report = new_town(path)
    (gap,) = report.of("gap")
    assert gap.severity == "error"
    assert gap.area_m2 == pytest.approx(0.479 * 221.8, rel=0.01)
    assert gap.place is not None
    assert gap.place["type"] == "Polygon"
    assert not report.written
    report = new_town(path, Options(repair=True))
    assert report.written
    assert report.of("gap")[0].repaired
    (moved,) = report.movements
    assert moved.gained_m2 == pytest.approx(gap.area_m2, rel=0.001)
    stored = {one.pk: as_shape(one.outline) for one in Community.objects.all()}
    assert edge_faults(stored) == []
    assert half_edge_faults(stored) == []


def test_split_and_join(db: None, tmp_path: Path) -> None:
    double = shapely.MultiPolygon([cell(0, 0), cell(0, 2, CELL / 2)])
    path = geojson(
        tmp_path / "m.geojson",
        [(double, {"code": "m"}), (cell(1, 0), {"code": "j"}), (cell(1, 1), {"code": "j"})],
    )
    assert new_town(path, Options(dry_run=True)).of("duplicate-code")
    new_town(path, Options(multipart="join"))
    assert {one.code: one.outline.num_geom for one in Community.objects.all()} == {"m": 2, "j": 1}
    Community.objects.all().delete()
    Subdistrict.objects.all().delete()
    report = new_town(path, Options(multipart="split", skip_bad=True))
    assert set(Community.objects.values_list("code", flat=True)) == {"m-1", "m-2", "j"}
    assert report.counts["read"] == 3


def written_in(town: Town, name: str, path: Path) -> Path:
    """The town's communities as a file in another datum."""

    def shift(points: Any) -> Any:
        return np.column_stack(datum.from_wgs84(points[:, 0], points[:, 1], name))

    rows = [
        (shapely.transform(as_shape(one.outline), shift), {"code": one.code, "name": one.name})
        for one in town.communities
    ]
    return geojson(path, rows)


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_a_wrong_datum_is_suspected_by_codes_and_read_rightly_when_told(
    town: Town, tmp_path: Path, name: str
) -> None:
    path = written_in(town, name, tmp_path / "c.geojson")
    before = list(Community.objects.values_list("outline", flat=True).order_by("pk"))
    report = import_areas(path, level="community", subdistrict=town.subdistrict, options=PLAIN, by=None)
    (found,) = report.of("wrong-datum")
    assert f"--datum {name}" in found.reason
    assert found.place is not None
    assert found.place["type"] == "LineString"
    assert not report.written
    # even --skip-bad does not write what is misplaced as a whole
    assert not import_areas(
        path, level="community", subdistrict=town.subdistrict, options=Options(skip_bad=True), by=None
    ).written
    assert list(Community.objects.values_list("outline", flat=True).order_by("pk")) == before
    right = import_areas(
        path, level="community", subdistrict=town.subdistrict, options=Options(datum=name), by=None
    )
    assert right.ok
    assert right.counts["unchanged"] == 3


def test_a_wrong_datum_is_suspected_by_the_outline(town: Town, tmp_path: Path) -> None:
    """Grids with codes that nobody knows, in GCJ-02: they fit their communities only when shifted back."""

    def shift(points: Any) -> Any:
        return np.column_stack(datum.wgs84_to_gcj02(points[:, 0], points[:, 1]))

    rows = [
        (shapely.transform(cell(row, column), shift), {"code": f"x{row}{column}", "name": "新网格"})
        for row in range(3)
        for column in range(3)
    ]
    path = geojson(tmp_path / "g.geojson", rows)
    report = import_areas(path, level="grid", subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert "--datum gcj02" in report.of("wrong-datum")[0].reason
    assert not report.written
    right = import_areas(
        path, level="grid", subdistrict=town.subdistrict, options=Options(datum="gcj02", repair=True), by=None
    )
    assert right.ok
    assert right.written


def test_swapped_axes_metres_and_feet_are_suspected(town: Town, tmp_path: Path) -> None:
    def grids(name: str, change: Any) -> Path:
        rows = [(shapely.transform(cell(0, c), change), {"code": f"n{c}", "name": "n"}) for c in range(3)]
        return geojson(tmp_path / name, rows)

    def check(path: Path, options: Options = PLAIN) -> Report:
        return import_areas(path, level="grid", subdistrict=town.subdistrict, options=options, by=None)

    swapped = grids("swapped.geojson", lambda xy: xy[:, ::-1])
    assert "Try --swap-axes" in check(swapped).of("swapped-axes")[0].reason
    assert not check(swapped, Options(swap_axes=True, dry_run=True)).of("swapped-axes")
    move = pyproj.Transformer.from_crs(4326, 4544, always_xy=True)

    def metres(xy: Any) -> Any:
        return np.column_stack(move.transform(xy[:, 0], xy[:, 1]))

    path = grids("metres.geojson", metres)
    assert "--crs EPSG:4544" in check(path).of("metres-not-degrees")[0].reason
    assert not check(path, Options(crs="EPSG:4544", dry_run=True)).has_file_error
    feet = grids("feet.geojson", lambda xy: metres(xy) / 0.3048)
    assert check(feet).of("feet-not-degrees")
    assert Plan.objects.count() == 1
    # metres of 4544 in which feet were written
    report = check(feet, Options(crs="EPSG:4544"))
    assert report.of("feet-not-metres")
    degrees = grids("degrees.geojson", lambda xy: xy)
    assert check(degrees, Options(crs="EPSG:4544")).of("degrees-not-metres")


def test_grids_go_to_a_draft_and_keep_their_identity(town: Town, tmp_path: Path) -> None:
    known = Outline.objects.get(grid=town.grids[2][0])
    rows = [
        (
            cell(0, 0),
            {"网格编码": known.code, "网格名称": "改名", "网格类型": "全科网格", "社区": "光华社区"},
        ),
        (
            cell(0, 1),
            {"网格编码": "510115001044901", "网格名称": "新", "网格类型": "专属网格", "社区": "光华"},
        ),
        (cell(0, 2), {"网格编码": "510115001044902", "网格名称": "新二", "网格类型": "", "社区": ""}),
    ]
    path = geojson(tmp_path / "grids.geojson", rows)
    report = import_areas(path, level="grid", subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert report.ok, [one.reason for one in report.problems]
    plan = Plan.objects.get(pk=report.measures["plan"])
    assert plan.frozen_at is None
    outlines = {one.code: one for one in Outline.objects.filter(plan=plan)}
    assert outlines[known.code].grid_id == known.grid_id
    assert outlines["510115001044901"].kind == "dedicated"
    assert {one.community.code for one in outlines.values()} == {town.communities[2].code}
    assert Revision.objects.get(plan=plan).command == "import"
    assert report.counts["created"] == 2
    assert report.counts["changed"] == 1
    done = publish(
        plan=plan, communities=[town.communities[2]], at=timezone.now() + timedelta(seconds=1), by=None
    )
    assert len(done.publications) == 1


def test_grids_that_do_not_fill_their_community(town: Town, tmp_path: Path) -> None:
    notched = cell(0, 1).difference(shapely.box(WEST + CELL, SOUTH, WEST + 2 * CELL, SOUTH + 3e-6))
    rows = [
        (cell(0, 0), {"code": "g1", "name": "1"}),
        (notched, {"code": "g2", "name": "2"}),
        (cell(0, 2), {"code": "g3", "name": "3", "community": "光华社区"}),
        (cell(7, 7), {"code": "g4", "name": "far"}),
        (cell(1, 0), {"code": "g5", "name": "5", "community": "和平"}),
    ]
    path = geojson(tmp_path / "grids.geojson", rows)
    report = import_areas(path, level="grid", subdistrict=town.subdistrict, options=PLAIN, by=None)
    errors = {(one.code, one.row) for one in report.problems if one.severity == "error"}
    assert errors == {("gap", 2), ("outside", 4), ("other-community", 5)}
    assert report.of("gap")[0].area_m2 == pytest.approx(0.333 * 191.5, rel=0.01)
    assert Plan.objects.count() == 1
    assert Grid.objects.count() == 9


def test_compounds_find_their_community_and_come_again(town: Town, tmp_path: Path) -> None:
    before = Compound.objects.count()
    path = geojson(
        tmp_path / "xq.geojson",
        [(cell(0, 0, CELL / 4), {"小区编码": "X1", "小区名称": "依云镇", "类型": "院落"})],
    )
    first = import_areas(path, level="compound", subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert first.written, [one.reason for one in first.problems]
    made = Compound.objects.get(name="依云镇")
    assert (made.kind, made.source, made.source_ref) == ("courtyard", "xq", "X1")
    assert made.community_id == town.communities[2].pk
    again = import_areas(path, level="compound", subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert again.counts["unchanged"] == 1
    assert Compound.objects.count() == before + 1


def building(west: float, south: float, east: float = 0.0002, north: float = 0.0002) -> shapely.Polygon:
    return shapely.box(WEST + west, SOUTH + south, WEST + west + east, SOUTH + south + north)


def test_buildings_keep_their_identity(town: Town, tmp_path: Path) -> None:
    Placement.objects.all().delete()
    Building.objects.all().delete()
    spot = 0.0001
    first = geojson(
        tmp_path / "b.geojson",
        [
            (building(spot + 0.0004 * n, spot), {"id": f"B{n}", "楼栋": f"{n}栋", "层数": 6, "用途": "住宅"})
            for n in range(5)
        ],
    )
    report = import_buildings(first, subdistrict=town.subdistrict, options=Options(source="survey"), by=None)
    assert report.written, [one.reason for one in report.problems]
    ids = dict(Building.objects.values_list("source_ref", "pk"))
    assert set(Building.objects.values_list("use", "floors")) == {("home", 6)}
    assert Placement.objects.filter(building__in=ids.values()).count() == 5
    second = geojson(
        tmp_path / "b2.geojson",
        [
            (building(0.0, 0.0010), {"id": "B0", "楼栋": "10栋"}),  # same reference, elsewhere
            (
                building(spot + 0.0004 + 0.00002, spot),
                {"id": "N1"},
            ),  # moved by a tenth, new reference: the same
            (building(spot + 0.0008, spot, 0.00009), {"id": "S1"}),  # one building is two now
            (building(spot + 0.0008 + 0.0001, spot, 0.0001), {"id": "S2"}),
            (building(spot + 0.0012, spot, 0.0006), {"id": "M"}),  # two are one
            (building(0.0030, 0.0010), {"id": "NEW"}),
        ],
    )
    looked = import_buildings(
        second, subdistrict=town.subdistrict, options=Options(source="survey", dry_run=True), by=None
    )
    report = import_buildings(second, subdistrict=town.subdistrict, options=Options(source="survey"), by=None)
    assert looked.counts == report.counts
    assert (report.counts["created"], report.counts["changed"], report.counts["undecided"]) == (1, 2, 3)
    assert {(one.code, tuple(one.existing), tuple(one.rows)) for one in report.decisions} == {
        ("split", (ids["B2"],), (3, 4)), ("merged", (ids["B3"], ids["B4"]), (5,)),
    }  # fmt: skip
    assert Building.objects.count() == 6
    assert Building.objects.get(pk=ids["B0"]).number == "10"
    assert Building.objects.get(pk=ids["B1"]).source_ref == "N1"
    assert Building.objects.get(pk=ids["B1"]).floors == 6  # the file is silent: what was known stays
    third = geojson(
        tmp_path / "b3.geojson",
        [(building(0.0030, 0.0010), {"id": "NEW"}), (building(0.0, 0.0), {"id": "Z"})],
    )
    report = import_buildings(third, subdistrict=town.subdistrict, options=Options(source="survey"), by=None)
    assert {one.code for one in report.decisions} == {"gone"}
    assert Building.objects.count() == 7


def test_buildings_in_another_datum_are_suspected_by_their_ground(town: Town, tmp_path: Path) -> None:
    def shift(points: Any) -> Any:
        return np.column_stack(datum.wgs84_to_gcj02(points[:, 0], points[:, 1]))

    rows = [
        (shapely.transform(as_shape(one.footprint), shift), {"id": str(one.pk)})
        for one in Building.objects.all()
    ]
    path = geojson(tmp_path / "b.geojson", rows)
    report = import_buildings(path, subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert "--datum gcj02" in report.of("wrong-datum")[0].reason
    assert not report.written
    right = import_buildings(path, subdistrict=town.subdistrict, options=Options(datum="gcj02"), by=None)
    assert right.counts["created"] == 0
    assert right.ok
    assert Building.objects.count() == 18


def test_buildings_outside_are_named(town: Town, tmp_path: Path) -> None:
    path = geojson(
        tmp_path / "b.geojson",
        [(building(0.0001, 0.0001), {"id": "in"}), (building(0.0090, 0.0001), {"id": "out"})],
    )
    report = import_buildings(path, subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert [(one.row, one.subject) for one in report.of("outside")] == [(2, "out")]
    assert Building.objects.count() == 18
    assert import_buildings(
        path, subdistrict=town.subdistrict, options=Options(skip_bad=True), by=None
    ).written
    assert Building.objects.filter(source_ref="in").exists()
    assert not Building.objects.filter(source_ref="out").exists()


def test_nothing_half_written_when_the_record_fails(town: Town, tmp_path: Path) -> None:
    """The service's own record is written in the same transaction: break it and nothing is saved."""

    def broken(_report: Report) -> None:
        raise RuntimeError("no audit")

    path = geojson(tmp_path / "b.geojson", [(building(0.0001, 0.0001), {"id": "in"})])
    with pytest.raises(RuntimeError):
        import_buildings(path, subdistrict=town.subdistrict, options=PLAIN, on_written=broken, by=None)
    assert Building.objects.count() == 18
    with pytest.raises(RuntimeError):
        import_areas(
            geojson(tmp_path / "x.geojson", [(cell(0, 0, CELL / 4), {"name": "依云镇"})]),
            level="compound", subdistrict=town.subdistrict, options=PLAIN, on_written=broken, by=None,
        )  # fmt: skip
    assert not Compound.objects.filter(name="依云镇").exists()


def test_the_command_reports_and_fails_clearly(db: None, tmp_path: Path) -> None:
    path = three(tmp_path / "c.geojson")
    out, report = StringIO(), tmp_path / "report.json"
    with pytest.raises(CommandError, match="There is no subdistrict yet"):
        call_command("import_areas", path, level="community")
    call_command(
        "import_areas", path, "--level", "community", "--subdistrict", "510115001", "--create-subdistrict", "柳城街道",
        "--report", report, stdout=out,
    )  # fmt: skip
    assert "Written: 3 new" in out.getvalue()
    assert json.loads(report.read_text())["counts"]["created"] == 3
    with pytest.raises(CommandError, match="has no column “NOPE”"):
        call_command("import_areas", path, "--level", "community", "--map", "code=NOPE")
    with pytest.raises(CommandError, match="“code” is no mapping"):
        call_command("import_areas", path, "--level", "community", "--map", "code")
    bad = geojson(tmp_path / "bad.geojson", [(None, {"code": "=cmd()", "name": "x"})])
    table = tmp_path / "report.csv"
    with pytest.raises(CommandError, match=r"Nothing was written\. Mend the rows above"):
        call_command("import_areas", bad, "--level", "community", "--report", table, stdout=out)
    text = table.read_text(encoding="utf-8-sig")
    assert "no-geometry" in text
    assert "'=cmd()" in text


def test_the_town_that_an_import_is_compared_with(town: Town) -> None:
    found = town_of(town.subdistrict, "grid")
    assert len(found.communities) == 3
    assert len(found.known) == 9
    assert found.outline is not None
    assert shapes.reproject(found.outline, 4326, 4544).area == pytest.approx(574.5 * 665.5, rel=0.01)
