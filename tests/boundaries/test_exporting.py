"""What is exported comes back to the last digit, in each format; and every file says what it is."""

import csv
import io
import json
import re
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from boundaries import exporting
from boundaries.exporting import ExportedGrid, Scheme, csv_lines, file_stem
from boundaries.importing import areas
from boundaries.importing.areas import AreaRow, Place, Town
from boundaries.importing.coverage import edge_faults, half_edge_faults
from boundaries.importing.exact import is_exact
from boundaries.importing.report import Report
from boundaries.importing.rows import Options
from tests.boundaries.files import needs_data
from tests.boundaries.topology.edits import KINDS, Editor
from tests.boundaries.topology.grounds import Ground, awkward, town, villages

FORMATS = ("gpkg", "geojson", "shp")
ENDINGS = {"gpkg": ".gpkg", "geojson": ".geojson", "shp": ".zip"}
SRID = 4544
WHEN = datetime(2026, 11, 24, 8, tzinfo=UTC)
HOME = "510115001001"
# Names that formats and readers are known to spoil.
AWKWARD_NAMES = (
    '和平社区"第1"网格', "O'Brien's \\ grid", "👨‍👩‍👧‍👦 家园网格", "0012", "1.50", "2019-11-30", "2019/11/30", "12:30:00", "true",
    "NULL", "nan", "网" * 100, "𠮷野家网格", "a,b;c\td", "=1+1", "é", "前 后", "x" * 84 + " " + "网" * 15,
)  # fmt: skip
# Any text that the admin would store: no control characters, no blanks around it.
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100).filter(
    lambda text: text == text.strip()
)


def scheme(shapes: list[Any], titles: list[str] | None = None, **more: Any) -> Scheme:
    """A scheme of one community; codes begin with noughts."""
    titles = titles or [f"第{index}网格" for index in range(len(shapes))]
    grids = [
        ExportedGrid(
            f"00{index:013}", title, f"{title} (en)"[:150], "dedicated" if index % 3 == 1 else "all", HOME, "和平社区", shape
        )
        for index, (shape, title) in enumerate(zip(shapes, titles, strict=True))
    ]  # fmt: skip
    values: dict[str, Any] = {
        "name": "多网合一 / 方案", "subdistrict": "柳城街道", "subdistrict_code": "510115001", "state": "draft",
        "at": WHEN, "made_at": WHEN, "is_synthetic": True, "grids": grids,
    }  # fmt: skip
    return Scheme(**(values | more))


def write(given: Scheme, kind: str, folder: str | Path) -> Path:
    path = Path(folder) / f"plan{ENDINGS[kind]}"
    if kind == "geojson":
        path.write_bytes(b"".join(exporting.geojson(given)))
    else:
        {"gpkg": exporting.geopackage, "shp": exporting.shapefile}[kind](given, path)
    return path


def read(path: Path, outline: Any, srid: int = SRID) -> tuple[list[AreaRow], Report]:
    """As `import_areas --level grid` reads it, with one community that the grids fill."""
    place = Place(1, HOME, "和平社区", outline)
    place_of = Town(srid, outline, [place])
    rows, report = areas.read_areas(path, "grid", place_of, Options())
    rows = areas.locate_communities(rows, {row.row: row.community for row in rows}, place_of, report)
    return areas.check_tiling(rows, srid, report, Options(), within=outline), report


def require_equal(given: Scheme, rows: list[AreaRow], report: Report) -> None:
    """Every text and every corner as they were, and the coverage as valid as it was."""
    assert report.ok, [problem.reason for problem in report.problems][:3]
    assert report.movements == []
    assert len(rows) == len(given.grids)
    found = {row.code: row for row in rows}
    for grid in given.grids:
        row = found[grid.code]
        assert (row.name, row.name_en, row.kind, row.community) == (
            grid.name, grid.name_en, grid.kind, grid.community,
        )  # fmt: skip
        was, now = (_multi(shape) for shape in (grid.ground, row.shape))
        assert shapely.equals_exact(shapely.normalize(was), shapely.normalize(now), 0.0), grid.code
    shapes = {row.code: row.shape for row in rows}
    assert edge_faults(shapes) == []
    assert half_edge_faults(shapes) == []


def _multi(shape: Any) -> Any:
    return shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])


def there_and_back(given: Scheme, outline: Any, srid: int = SRID) -> None:
    for kind in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            require_equal(given, *read(write(given, kind, folder), outline, srid))


def edited(ground: Ground, seed: int, edits: int) -> list[Any]:
    """The grids after some random edits, so that borders and rim have corners that no survey knows."""
    editor = Editor(ground)
    rng = np.random.default_rng(seed)
    for _ in range(edits):
        editor.step(str(rng.choice(KINDS)), rng)
    return list(editor.areas.values())


@settings(max_examples=8)
@example(index=3, seed=145)  # 21 hectares: new corners in rim edges of 400 m
@given(index=st.integers(0, 3), seed=st.integers(0, 2**32 - 1))
def test_an_edited_community_of_the_demo_town_comes_back(index: int, seed: int) -> None:
    ground = town()[index]
    there_and_back(scheme(edited(ground, seed, 8)), ground.outline)


@needs_data
def test_the_villages_of_hsinchu_come_back() -> None:
    """Holes, islands and 34,000 corners; they lie on the other side of the strait, hence the other projection."""
    ground = villages()[0]
    there_and_back(scheme(list(ground.areas.values())), ground.outline, 3826)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), edits=st.integers(0, 5))
def test_awkward_ground_comes_back(seed: int, edits: int) -> None:
    """Grids of several parts, of which some touch in a point; grids around others; lakes that belong to nobody."""
    ground = awkward(seed)
    there_and_back(scheme(edited(ground, seed, edits)), ground.outline)


@settings(max_examples=25)
@example(titles=list(AWKWARD_NAMES[:6]))
@example(titles=list(AWKWARD_NAMES[6:12]))
@example(titles=list(AWKWARD_NAMES[12:]))
@example(titles=["2019/11/30"] * 6)
@example(titles=["12:30:00"] * 6)
@example(titles=["0012"] * 6)
@given(titles=st.lists(names, min_size=6, max_size=6))
def test_names_come_back_as_they_were(titles: list[str]) -> None:
    boxes = [shapely.box(103.83 + column / 500, 30.7, 103.832 + column / 500, 30.702) for column in range(6)]
    boxes = [shapely.transform(box, lambda points: np.round(points, 8)) for box in boxes]
    there_and_back(scheme(boxes, titles), shapely.union_all(boxes))


def test_a_rim_with_corners_of_its_own_is_not_drawn_anew() -> None:
    """A corner a millimetre off the surveyed outline, as an edit may leave it, stays where it is."""
    moved = shapely.Polygon(
        [(103.83, 30.7), (103.832, 30.7), (103.832, 30.702), (103.831, 30.70200001), (103.83, 30.702)]
    )
    east = shapely.Polygon([(103.832, 30.7), (103.834, 30.7), (103.834, 30.702), (103.832, 30.702)])
    there_and_back(scheme([moved, east]), shapely.box(103.83, 30.7, 103.834, 30.702))


class TestExact:
    """What counts as exact, and is left alone: nothing that a repair would have to touch."""

    outline = shapely.box(103.83, 30.7, 103.834, 30.702)
    west = shapely.box(103.83, 30.7, 103.832, 30.702)

    def test_two_halves_are(self) -> None:
        assert is_exact({1: self.west, 2: shapely.box(103.832, 30.7, 103.834, 30.702)}, self.outline)

    @pytest.mark.parametrize(
        "east",
        [
            shapely.box(103.8320001, 30.7, 103.834, 30.702),  # a gap of a centimetre
            shapely.box(103.8319999, 30.7, 103.834, 30.702),  # an overlap
            shapely.box(103.832, 30.7, 103.8339999, 30.702),  # short of the outline by a centimetre
            shapely.box(103.832, 30.7, 103.8340001, 30.702),  # beyond it
            shapely.box(103.832, 30.7, 103.834000000001, 30.702),  # off the record's grid
            shapely.Polygon([(103.832, 30.7), (103.834, 30.7), (103.834, 30.702), (103.832, 30.702), (103.832, 30.701)]),
            shapely.box(103.832, 30.7, 103.834, 30.702).difference(shapely.box(103.833, 30.701, 103.8331, 30.7011)),
        ],
        ids=["gap", "overlap", "short", "beyond", "off grid", "a corner of its own", "a hole"],
    )  # fmt: skip
    def test_others_are_not(self, east: Any) -> None:
        assert not is_exact({1: self.west, 2: east}, self.outline)


def test_geojson_is_what_rfc_7946_asks_for() -> None:
    ground = town()[0]
    given = scheme(list(ground.areas.values()))
    text = b"".join(exporting.geojson(given)).decode()
    document = json.loads(text)
    assert "crs" not in document
    assert document["metadata"]["datum"].startswith("WGS 84")
    for feature in document["features"]:
        assert feature["geometry"]["type"] == "MultiPolygon"
        for rings in feature["geometry"]["coordinates"]:
            outer, *holes = (shapely.LinearRing(ring) for ring in rings)
            assert outer.is_ccw
            assert not any(hole.is_ccw for hole in holes)
    numbers = re.findall(r"[\[,](10[0-9]\.[0-9]+)", text)
    assert numbers
    assert min(len(number.partition(".")[2]) for number in numbers) >= 9


def test_every_file_says_what_it_is(tmp_path: Path) -> None:
    given = scheme([shapely.box(103.83, 30.7, 103.834, 30.702)])
    told = {
        "geojson": json.loads(write(given, "geojson", tmp_path).read_text("utf-8"))["metadata"].values(),
    }
    with closing(sqlite3.connect(write(given, "gpkg", tmp_path))) as base:
        told["gpkg"] = [base.execute("SELECT metadata FROM gpkg_metadata").fetchone()[0]]
        assert base.execute("SELECT srs_id, identifier FROM gpkg_contents").fetchone() == (4326, given.name)
    with zipfile.ZipFile(write(given, "shp", tmp_path)) as archive:
        told["shp"] = [archive.read("多网合一-方案.shp.xml").decode()]
        assert archive.read("多网合一-方案.cpg") == b"UTF-8"
        assert b"WGS_1984" in archive.read("多网合一-方案.prj")
    for kind, texts in told.items():
        text = " ".join(texts)
        for fact in (given.name, "2026-11-24", "EPSG:4326", "synthetic data", "柳城街道"):
            assert fact in text, (kind, fact)


def test_a_file_of_real_data_does_not_call_itself_synthetic() -> None:
    given = scheme([shapely.box(103.83, 30.7, 103.834, 30.702)], is_synthetic=False)
    assert b"synthetic" not in b"".join(exporting.geojson(given))


def test_a_shapefile_cuts_nothing_off(tmp_path: Path) -> None:
    """A hundred Chinese characters are 300 bytes, a cell holds 254; names of columns hold ten letters."""
    path = write(scheme([shapely.box(103.83, 30.7, 103.834, 30.702)], ["网" * 100]), "shp", tmp_path)
    info = pyogrio.read_info(f"/vsizip/{path}/多网合一-方案.shp")
    assert max(len(name) for name in info["fields"]) <= 10
    _meta, _fids, _wkb, cells = pyogrio.raw.read(
        f"/vsizip/{path}/多网合一-方案.shp", columns=["name", "name_p2"]
    )
    assert "".join(str(cell[0]) for cell in cells) == "网" * 100


@given(text=names, limit=st.integers(1, 100))
def test_pieces_of_a_long_text_make_it_whole_again(text: str, limit: int) -> None:
    """Pieces fit their cells, and none begins or ends with a blank that a reader would drop."""
    long = (text * limit)[:150]
    pieces = exporting.files._cut(long)
    assert "".join(pieces) == long
    assert all(len(piece.encode()) <= 254 for piece in pieces)
    assert len(pieces) <= 3
    if len(pieces) > 1 and not any(run.isspace() for run in re.findall(r"\s{20,}", long)):
        assert all(piece == piece.strip() for piece in pieces[:-1])


def test_an_empty_scheme_is_a_file_as_well(tmp_path: Path) -> None:
    for kind in FORMATS:
        path = write(scheme([]), kind, tmp_path)
        assert path.stat().st_size > 0


def test_lines_of_a_table_hold_no_formula_and_every_character() -> None:
    rows: list[list[Any]] = [["=cmd()", 'a "b", c', "两行\n文字", 3, None], ["-1", "+86", "@x", "\tt", "ok"]]
    text = b"".join(csv_lines(["a", "b", "c", "d", "e"], rows)).decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text)))
    assert found[1] == ["'=cmd()", 'a "b", c', "两行\n文字", "3", ""]
    assert found[2] == ["'-1", "'+86", "'@x", "'\tt", "ok"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("多网合一初始方案", "多网合一初始方案"), ("a/b\\c:d*e?f", "a-b-c-d-e-f"), ("..", "plan"), ("", "plan"),
        ("x" * 200, "x" * 80), ("网格\n方案\x00", "网格-方案"),
    ],
)  # fmt: skip
def test_names_of_files_are_taken_everywhere(name: str, stem: str) -> None:
    assert file_stem(name) == stem
