"""Opening files: encodings, coordinate systems, headings, and every defect as one clear sentence."""

import gzip
import re
import sqlite3
from pathlib import Path

import numpy as np
import openpyxl
import pyogrio.raw
import pytest
import shapely

from boundaries.importing.encoding import detect, named
from boundaries.importing.opening import open_source
from boundaries.importing.reading import Batch, Source
from boundaries.importing.report import ImportFileError
from tests.boundaries.files import DATA, WGS84_PRJ, dbf, geojson, needs_data, shapefile_zip, shp

SQUARE = (103.83, 30.70, 103.84, 30.71)
NAMES = ["和平社区", "黄金路社区", "东街社区"]


def read(path: Path, **options: str | None) -> tuple[Source, list[Batch]]:
    with open_source(path, **options) as source:  # type: ignore[arg-type]
        return source, list(source.batches())


def column(batches: list[Batch], name: str) -> list[str]:
    return [batch.text(name, index) for batch in batches for index in range(len(batch.rows))]


@pytest.mark.parametrize(
    ("codec", "cpg", "label"),
    [
        ("gbk", None, "GB18030 (GBK, GB2312)"),
        ("gb2312", None, "GB18030 (GBK, GB2312)"),
        ("utf-8", None, "UTF-8"),
        ("big5", None, "Big5"),
        ("gbk", b"GBK", "GB18030 (GBK, GB2312)"),
        ("utf-8", b"UTF-8", "UTF-8"),
        ("gbk", b"UTF-8", "GB18030 (GBK, GB2312)"),  # the .cpg is wrong
    ],
)
def test_text_of_a_shapefile_is_read_whatever_it_says(
    tmp_path: Path, codec: str, cpg: bytes | None, label: str
) -> None:
    names = ["東區村里", "臺灣新竹", "關東里"] if codec == "big5" else NAMES
    parts = {
        "shp": shp([SQUARE, (103.84, 30.70, 103.85, 30.71), (103.85, 30.70, 103.86, 30.71)]),
        "dbf": dbf(
            ["名称".encode(codec) if codec != "big5" else b"NAME"], [[name.encode(codec)] for name in names]
        ),
        "prj": WGS84_PRJ,
    }
    if cpg is not None:
        parts["cpg"] = cpg
    source, batches = read(shapefile_zip(tmp_path / "layer.zip", parts))
    assert source.encoding == label
    assert column(batches, source.fields[0]) == names
    assert ("encoding" in dict(source.notes)) == (cpg == b"UTF-8" and codec == "gbk")
    assert "no-index" in dict(source.notes)


def test_a_character_cut_off_by_a_narrow_column_does_not_spoil_the_rest(tmp_path: Path) -> None:
    table = dbf([b"MC"], [["黄金路社区居民委员会".encode("gbk")], ["东街社区".encode("gbk")]], width=11)
    parts = {"shp": shp([SQUARE, SQUARE]), "dbf": table, "prj": WGS84_PRJ}
    source, batches = read(shapefile_zip(tmp_path / "cut.zip", parts))
    assert column(batches, "MC") == ["黄金路社区", "东街社区"]
    assert source.encoding == "GB18030 (GBK, GB2312)"


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        ("柳城街道和平社区", "gb18030", "gb18030"),
        ("新竹市東區關東里", "big5", "big5hkscs"),
        ("柳城街道和平社区", "utf-8", "utf-8"),
        ("plain", "ascii", "utf-8"),
    ],
)
def test_encodings_are_found(text: str, codec: str, expected: str) -> None:
    assert detect([text.encode(codec)]).name == expected


def test_encodings_go_by_many_names() -> None:
    assert [named(name) for name in ("GBK", "cp936", "gb2312", "936", "UTF8", "Big5", "950")] == [
        "gb18030", "gb18030", "gb18030", "gb18030", "utf-8", "big5hkscs", "big5hkscs",
    ]  # fmt: skip
    with pytest.raises(ImportFileError, match="Unknown text encoding “klingon”"):
        named("klingon")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_csv_with_chinese_headings(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "points.csv"
    path.write_bytes("名称,经度,纬度\n依云镇,103.8431,30.7012\n".encode(codec))
    source, batches = read(path)
    assert source.crs is not None
    assert source.crs.is_geographic
    assert column(batches, "名称") == ["依云镇"]
    assert batches[0].shapes[0].coords[0] == (103.8431, 30.7012)
    assert batches[0].rows == [2]


def test_csv_rows_with_defects_are_named(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("name,lon,lat\na,103.8,30.7\nb,x,30.7\n\nc,103.8,30.7,9\nd,,\n", encoding="utf-8")
    _source, (batch,) = read(path)
    assert batch.rows == [2, 3, 5, 6]
    assert {row: fault[0] for row, fault in batch.faults.items()} == {
        3: "bad-coordinates",
        5: "too-many-cells",
    }
    assert batch.shapes[3] is None


def test_csv_without_headings_and_with_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("1;2.5;x\n2;3.5;y\n", encoding="utf-8")
    source, (batch,) = read(path)
    assert source.fields == ["field_1", "field_2", "field_3"]
    assert batch.rows == [1, 2]


def test_wkt_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wkt.csv"
    path.write_text('id,wkt\n1,"POLYGON((0 0,1 0,1 1,0 0))"\n2,"POLYGON((0 0,"\n', encoding="utf-8")
    _source, (batch,) = read(path, crs="EPSG:4326")
    assert batch.shapes[0].area == 0.5
    assert batch.faults[3][0] == "bad-geometry"


def test_excel_with_title_and_merged_cells(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["柳城街道住户登记表"])
    sheet.merge_cells("A1:D1")
    sheet.append(["小区", "栋号", "房号", "人数"])
    sheet.append(["依云镇", 3, 101.0, 2])
    sheet.append([None, None, "1０2", 3])
    sheet.merge_cells("A3:A4")
    sheet.merge_cells("B3:B4")
    path = tmp_path / "register.xlsx"
    book.save(path)
    source, (batch,) = read(path)
    assert source.fields == ["小区", "栋号", "房号", "人数"]
    assert batch.rows == [3, 4]
    assert column([batch], "小区") == ["依云镇", "依云镇"]
    assert column([batch], "栋号") == ["3", "3"]
    assert column([batch], "房号") == ["101", "1０2"]


def test_curves_heights_and_measures_are_said(tmp_path: Path) -> None:
    path = tmp_path / "plain.gpkg"
    curve = shapely.box(*SQUARE)
    pyogrio.raw.write(
        path, geometry=np.array([shapely.to_wkb(shapely.force_3d(curve, 500), output_dimension=3)], dtype=object),
        field_data=[np.array(["a"], dtype=object)], fields=["code"], geometry_type="Polygon Z", crs="EPSG:4326",
        layer="plain",
    )  # fmt: skip
    source, (batch,) = read(path)
    assert "dropped-z" in dict(source.notes)
    assert not shapely.has_z(batch.shapes[0])
    # what GDAL itself writes for a curve: WKB type 10 (CurvePolygon) of one CircularString, listed as an extension
    ring = [(0, 0), (1, 1), (2, 0), (1, -1), (0, 0)]
    wkb = bytes.fromhex("010a000000010000000108000000") + len(ring).to_bytes(4, "little")
    wkb += b"".join(np.array(point, dtype="<f8").tobytes() for point in ring)
    pyogrio.raw.write(
        path, geometry=np.array([shapely.to_wkb(curve)], dtype=object), field_data=[np.array(["a"], dtype=object)],
        fields=["code"], geometry_type="Unknown", crs="EPSG:4326", layer="plain",
    )  # fmt: skip
    with sqlite3.connect(path) as base:
        for trigger in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{trigger[0]}"')
        base.execute(
            "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL,"
            " definition TEXT NOT NULL, scope TEXT NOT NULL)"
        )
        base.execute(
            "INSERT INTO gpkg_extensions VALUES ('plain', 'geom', 'gpkg_geom_CURVEPOLYGON', 'http://www.geopackage.org',"
            " 'read-write')"
        )
        base.execute("UPDATE plain SET geom = ?", (b"GP\x00\x01" + (4326).to_bytes(4, "little") + wkb,))
    base.close()
    source, (batch,) = read(path)
    assert "curves" in dict(source.notes)
    assert batch.shapes[0].geom_type == "Polygon"
    assert batch.shapes[0].area == pytest.approx(np.pi, rel=0.01)


BROKEN = {
    "corrupt_too_long.shp": r"corrupt_too_long\.shp is cut off in row 11, at byte 1140",
    "corrupt_too_long.dbf": r"corrupt_too_long\.shp is cut off in row 11, at byte 1140",
    "empty_zipfile.zip": r"empty_zipfile\.zip holds no file that can be imported",
    "latin1.shp": r"latin1\.shp does not say which coordinate system",
    "latin1.dbf": r"latin1\.dbf does not say which coordinate system",
    "mapshaper/384_invalid_json_sample.json": r"cannot be read: Failed to read GeoJSON data; At line 3, character 1",
    "mapshaper/518_519_shp_reading_data_corruption_error.shp": "does not say which coordinate system",
    "mapshaper/518_519_shp_reading_data_corruption_error.dbf": "does not say which coordinate system",
    "mapshaper/518_519_shp_reading_max_callstack_error.shp": "does not say which coordinate system",
    "mapshaper/518_519_shp_reading_max_callstack_error.dbf": "does not say which coordinate system",
    "mapshaper/cpg_big5.cpg": r"cpg_big5\.cpg cannot be read",
    "mapshaper/cpg_big5.shp": "does not say which coordinate system",
    "mapshaper/cpg_big5.dbf": "does not say which coordinate system",
    "mapshaper/cpg_big5.shx": "does not say which coordinate system",
    "mapshaper/dbf_big5.dbf": r"dbf_big5\.dbf has no \.shp beside it",
    "mapshaper/dbf_duplicate_fields.dbf": r"has no \.shp beside it",
    "mapshaper/dbf_gb2312.dbf": r"has no \.shp beside it",
    "mapshaper/dbf_gbk.dbf": r"has no \.shp beside it",
}


@needs_data
@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_give_one_clear_sentence(name: str) -> None:
    with pytest.raises(ImportFileError) as caught:
        read(DATA / "broken_files" / name)
    message = str(caught.value)
    assert re.search(BROKEN[name], message)
    assert "\n" not in message
    assert str(DATA) not in message
    assert len(message) < 300


@needs_data
def test_every_broken_file_is_looked_at() -> None:
    """Those that open nevertheless are refused later: see test_importing_areas."""
    there = {
        str(p.relative_to(DATA / "broken_files")) for p in (DATA / "broken_files").rglob("*") if p.is_file()
    }
    assert there == set(BROKEN) | {"mapshaper/384_invalid_json_ex2.json"}


@needs_data
@pytest.mark.parametrize(
    ("name", "text", "label"),
    [("dbf_gbk", "简体国语", "GB18030 (GBK, GB2312)"), ("dbf_gb2312", "简体国语", "GB18030 (GBK, GB2312)"),
     ("dbf_big5", "繁體國語", "Big5")],
)  # fmt: skip
def test_chinese_tables_are_read_once_they_have_places(
    tmp_path: Path, name: str, text: str, label: str
) -> None:
    table = (DATA / "broken_files" / "mapshaper" / f"{name}.dbf").read_bytes()
    parts = {"shp": shp([SQUARE]), "dbf": table, "prj": WGS84_PRJ}
    source, batches = read(shapefile_zip(tmp_path / "with_places.zip", parts))
    assert column(batches, "NAME") == [text]
    assert source.encoding == label


@needs_data
def test_doubled_columns_get_names_of_their_own(tmp_path: Path) -> None:
    table = (DATA / "broken_files" / "mapshaper" / "dbf_duplicate_fields.dbf").read_bytes()
    parts = {"shp": shp([SQUARE] * 5), "dbf": table, "prj": WGS84_PRJ}
    source, _batches = read(shapefile_zip(tmp_path / "double.zip", parts))
    assert len(set(source.fields)) == len(source.fields)
    assert "unemployed_2" in source.fields
    assert [reason for code, reason in source.notes if code == "double-column"]


def test_files_cut_off_are_named_by_row_and_byte(tmp_path: Path) -> None:
    whole = shp([SQUARE, SQUARE])
    (tmp_path / "a.shp").write_bytes(whole[:-40])
    with pytest.raises(
        ImportFileError,
        match=r"a\.shp is damaged or cut off: row 2 at byte 236 claims 128 bytes, 88 are left",
    ):
        read(tmp_path / "a.shp")
    (tmp_path / "b.shp").write_bytes(b"PK" + whole[2:])
    with pytest.raises(ImportFileError, match=r"b\.shp is no Shapefile"):
        read(tmp_path / "b.shp")
    (tmp_path / "c.shp").write_bytes(whole)
    (tmp_path / "c.dbf").write_bytes(dbf([b"A"], [[b"x"], [b"y"]])[:-15])
    with pytest.raises(ImportFileError, match=r"c\.dbf is cut off: it announces 2 rows and holds 1"):
        read(tmp_path / "c.shp")
    (tmp_path / "c.dbf").write_bytes(dbf([b"A"], [[b"x"]]))
    with pytest.raises(ImportFileError, match=r"2 places in the \.shp, 1 rows in the \.dbf"):
        read(tmp_path / "c.shp")


def test_other_defects(tmp_path: Path) -> None:
    cases = {
        "empty.csv": (b"", "is empty"),
        "blank.csv": (b"\n\n", "holds no rows"),
        "zero.csv": (b"a,b\n1,\0\n", "zero byte at 6"),
        "bad.gpkg": (b"SQLite format 3\0" + b"x" * 200, "cannot be read"),
        "bad.zip": (b"PK\x03\x04 and nothing", "cannot be unpacked"),
        "bad.osm.gz": (gzip.compress(b"<osm></osm>")[:-6], "cannot be unpacked"),
        "old.xls": (b"\xd0\xcf\x11\xe0", "old Excel file"),
        "old.xlsx": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old Excel file or locked with a password"),
        "no.xlsx": (b"hello", "cannot be read as an Excel file"),
        "no.geojson": (b"{", "cannot be read"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ImportFileError, match=message) as caught:
            read(path)
        assert name in str(caught.value)
    with pytest.raises(ImportFileError, match="There is no file"):
        read(tmp_path / "nowhere.gpkg")


def test_the_wrong_encoding_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes("名称\n依云镇\n".encode("gbk"))
    with pytest.raises(ImportFileError, match="is not in UTF-8: byte 0 does not fit"):
        read(path, told_encoding="utf-8")


def test_layers_and_systems_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    for layer in ("one", "two"):
        pyogrio.raw.write(
            path, geometry=np.array([shapely.to_wkb(shapely.box(*SQUARE))], dtype=object), layer=layer,
            field_data=[np.array(["a"], dtype=object)], fields=["code"], geometry_type="Polygon", crs="EPSG:4326",
            append=layer == "two",
        )  # fmt: skip
    with pytest.raises(ImportFileError, match="several layers; choose one with --layer: one, two"):
        read(path)
    with pytest.raises(ImportFileError, match="has no layer “three”"):
        read(path, layer="three")
    assert read(path, layer="two")[0].layer == "two"
    with pytest.raises(ImportFileError, match="“EPSG:nonsense” is no coordinate system"):
        read(path, layer="one", crs="EPSG:nonsense")


def test_rings_that_cannot_be_built_are_faults_of_their_row(tmp_path: Path) -> None:
    path = geojson(
        tmp_path / "rings.geojson",
        [
            (shapely.box(*SQUARE), {"code": "a"}),
            ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}, {"code": "b"}),
            ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0]]]}, {"code": "c"}),
            (None, {"code": "d"}),
        ],
    )
    _source, (batch,) = read(path)
    assert {row: fault[0] for row, fault in batch.faults.items()} == {2: "open-ring", 3: "invalid-ring"}
    assert batch.shapes[1].area == 0.5
    assert batch.shapes[2] is None
    assert batch.shapes[3] is None
