"""Whole files through bulk locating: nothing is lost, nothing shifts, defects are named row by row."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from boundaries.bulk import csvkernel, files
from boundaries.bulk.files import ADDED, FileProblem, FileReport, locate_file
from boundaries.bulk.index import BulkIndex, Match, build_index
from boundaries.datum import from_wgs84
from tests.boundaries.bulk_towns import metres
from tests.boundaries.test_bulk import squares


def town_index() -> BulkIndex:
    town = squares(with_buildings=True)
    return build_index(
        town.outlines, town.codes, names=town.names, communities=town.communities,
        buildings=town.buildings, building_grids=town.building_grids,
    )  # fmt: skip


INDEX = town_index()


def place(x: float, y: float) -> tuple[str, str]:
    lon, lat = metres(np.array([x]), np.array([y]))[0]
    return f"{lon:.8f}", f"{lat:.8f}"


IN_1, IN_2, BORDER, RIM, AWAY = (
    place(70, 70),
    place(-50, 50),
    place(0.25, 20),
    place(50, 120),
    place(5000, 5000),
)


def located(tmp_path: Path, content: bytes, **options: object) -> tuple[bytes, FileReport]:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(content)
    report = locate_file(INDEX, source, target, **options)  # type: ignore[arg-type]  # keywords of one test each
    assert sorted(tmp_path.iterdir()) == [source, target]
    return target.read_bytes(), report


def table(content: bytes, name: str = "utf-8", delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(name), newline=""), delimiter=delimiter))


def test_every_match(tmp_path: Path) -> None:
    rows = [IN_1, IN_2, BORDER, RIM, AWAY, ("", ""), ("abc", "30.7"), IN_1[::-1], ("1038300", "307000")]
    content = "id,lon,lat\n" + "".join(f"{i},{lon},{lat}\n" for i, (lon, lat) in enumerate(rows))
    output, report = located(tmp_path, content.encode())
    assert output.decode().splitlines()[0] == "id,lon,lat," + ",".join(ADDED)
    found = [[row[name] for name in ADDED] for row in table(output)]
    assert found[0] == ["inside", "a", "1", "第一网格", "0.00", "", ""]
    assert found[1] == ["inside", "a", "2", "第二网格", "0.00", "", ""]
    assert found[2] == ["edge", "a", "1", "第一网格", "0.00", "1|2", ""]
    assert found[3][:4] == ["nearest", "a", "1", "第一网格"]
    assert float(found[3][4]) == pytest.approx(20, abs=0.1)
    assert found[4] == ["outside", *[""] * 6]
    assert [row[0] for row in found[5:]] == ["invalid"] * 4
    assert [row[6] for row in found[5:]] == ["missing", "number", "swapped", "out_of_range"]
    assert report.rows == 9
    assert report.matches == {"inside": 2, "edge": 1, "nearest": 1, "outside": 1, "invalid": 4}
    assert report.first_invalid == [(6, "missing"), (7, "number"), (8, "swapped"), (9, "out_of_range")]
    assert "9 rows" in str(report)
    assert "6 (missing)" in str(report)


def test_all_columns_come_out_byte_for_byte(tmp_path: Path) -> None:
    rows = [
        f'7,"a ""quoted"", text",{IN_1[0]},{IN_1[1]},x',
        f'8,"two\r\nlines",{IN_1[0]},"{IN_1[1]}",',
        f'  9 ,5" pipe, {IN_1[0]}\t,+{IN_1[1]},"',  # a mark that is never closed would eat the next row
    ]
    content = ("﻿id,text,lng,纬度,last\r\n" + "\r\n".join(rows[:2]) + "\r\n").encode()
    output, _ = located(tmp_path, content)
    lines = output.split(b"\r\n")
    assert lines[0] == content.split(b"\r\n")[0] + b"," + ",".join(ADDED).encode()
    assert output.startswith(content[:3])
    for row in rows[:2]:
        assert (row + ",inside,a,1,第一网格,0.00,,\r\n").encode() in output
    with pytest.raises(FileProblem, match="never closed"):
        located(tmp_path, content + rows[2].encode())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    content = delimiter.join(["id", "lat", "lon"]) + "\n" + delimiter.join(["1", BORDER[1], BORDER[0]])
    output, _ = located(tmp_path, content.encode())
    (row,) = table(output, delimiter=delimiter)
    assert (row["match"], row["candidates"]) == ("edge", "1;2" if delimiter == "|" else "1|2")


@pytest.mark.parametrize("name", ["utf-8", "gb18030", "utf-16", "utf-8-sig"])
def test_encodings(tmp_path: Path, name: str) -> None:
    content = f"编号,地址,经度,纬度\n1,柳城街道南街团结巷八号,{IN_2[0]},{IN_2[1]}\n".encode(name)
    output, _ = located(tmp_path, content)
    (row,) = table(output, "gb18030" if name == "gb18030" else "utf-8-sig")
    assert (row["地址"], row["grid_name"]) == ("柳城街道南街团结巷八号", "第二网格")


def test_a_name_that_the_encoding_lacks(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"第一网格.*UTF-8"):
        located(tmp_path, b"lon,lat\n1,2\n", told_encoding="latin-1")


def test_rows_with_too_few_and_too_many_fields(tmp_path: Path) -> None:
    content = f'lon,lat,note\n{",".join(IN_1)}\n{",".join(IN_1)},a,"b ""c""",d\n\n{IN_1[0]}\n'
    output, report = located(tmp_path, content.encode())
    short, long, shorter = table(output)
    assert (short["match"], short["note"]) == ("inside", "")
    assert (long["match"], long["reason"], long["note"]) == ("invalid", "columns", 'a,"b ""c""",d')
    assert (shorter["match"], shorter["reason"]) == ("invalid", "missing")
    assert report.rows == 3


def test_datum_and_accuracy(tmp_path: Path) -> None:
    lon, lat = (float(v) for v in IN_1)
    shifted = [float(v[0]) for v in from_wgs84([lon], [lat], "gcj02")]
    there = f"{shifted[0]!r},{shifted[1]!r}"
    content = f"lon,lat,accuracy_m\n{there},\n{there},80\n{lon},{lat},-3\n{lon},{lat},good\n"
    output, _ = located(tmp_path, content.encode(), datum="gcj02")
    near, wide, negative, text = table(output)
    assert (near["match"], near["grid_code"]) == ("inside", "1")
    assert (wide["match"], wide["candidates"][:1]) == ("edge", "1")
    assert [(row["match"], row["reason"]) for row in (negative, text)] == [("invalid", "accuracy")] * 2
    output, _ = located(tmp_path, content.encode())
    assert table(output)[0]["match"] == "outside"  # GCJ-02 read as WGS 84 is some hundred metres off


def test_columns_can_be_named(tmp_path: Path) -> None:
    content = f"a,b,lon,lat\n{IN_2[1]},{IN_2[0]},{IN_1[0]},{IN_1[1]}\n".encode()
    assert table(located(tmp_path, content)[0])[0]["grid_code"] == "1"
    assert table(located(tmp_path, content, lon_column="b", lat_column="a")[0])[0]["grid_code"] == "2"
    with pytest.raises(FileProblem, match="no column “c”"):
        located(tmp_path, content, lon_column="c")


def test_a_located_file_can_be_located_again(tmp_path: Path) -> None:
    once, _ = located(tmp_path, f"lon,lat\n{IN_1[0]},{IN_1[1]}\n".encode())
    twice, _ = located(tmp_path, once)
    headings = twice.decode().splitlines()[0].split(",")
    assert headings == ["lon", "lat", *ADDED, *(f"{name}_2" for name in ADDED)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b\n1,2\n", "longitude / latitude.*Its columns: a, b"),
        (b"lon,b\n1,2\n", "looks like latitude"),
        (b"lon,lat\0\n1,2\n", "zero byte"),
        (b'lon,lat\n1,2\n3,"4\n5,6\n', "never closed"),
        (b"lon,lat\n" + b'1,"' + b"x" * (files.LONGEST_RECORD + files.BLOCK), "never closed"),
    ],
)
def test_files_that_cannot_be_located(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileProblem, match=message):
        located(tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_missing_and_same_file(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"nowhere\.csv: No such file"):
        locate_file(INDEX, tmp_path / "nowhere.csv", tmp_path / "out.csv")
    source = tmp_path / "in.csv"
    source.write_text("lon,lat\n1,2\n")
    with pytest.raises(FileProblem, match="at once"):
        locate_file(INDEX, source, source)
    assert source.read_text() == "lon,lat\n1,2\n"


def test_only_headings(tmp_path: Path) -> None:
    output, report = located(tmp_path, b"lon,lat")
    assert output == b"lon,lat," + ",".join(ADDED).encode() + b"\n"
    assert report.rows == 0


def test_what_progress_raises_ends_the_work(tmp_path: Path) -> None:
    def stop(_rows: int) -> None:
        raise KeyboardInterrupt

    source = tmp_path / "in.csv"
    source.write_text("lon,lat\n" + "1,2\n" * 2_000_000)
    with pytest.raises(KeyboardInterrupt):
        locate_file(INDEX, source, tmp_path / "out.csv", progress=stop)
    assert list(tmp_path.iterdir()) == [source]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["a", ",", '"', "\n", "\r\n", "中", " "]), max_size=6).map("".join),
            st.sampled_from([IN_1, BORDER, AWAY, ("", "x")]),
        ),
        max_size=40,
    ),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(20, 200),
)
def test_blocks_cut_anywhere(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, tuple[str, str]]],
    quoting: int,
    end: str,
    block: int,
) -> None:
    """Against Python's csv module, with blocks so small that they end within every kind of field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]  # one of its constants
    writer.writerows([["text", "lon", "lat", "more"], *[[note, *at, note] for note, at in rows]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", block)
        output, report = located(tmp_path_factory.mktemp("blocks"), text.getvalue().encode())
    found = table(output)
    assert report.rows == len(found) == len(rows)
    words = {IN_1: "inside", BORDER: "edge", AWAY: "outside", ("", "x"): "invalid"}
    for row, (note, at) in zip(found, rows, strict=True):
        assert (row["text"], row["lon"], row["lat"], row["more"]) == (note, *at, note)
        assert row["match"] == words[at]


@settings(deadline=None, max_examples=500)
@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.floats(-180, 180).map(repr),
        st.decimals(-180, 180, places=15).map(str),
        st.from_regex(r"\A[ \t]*[+-]?[0-9]{0,20}\.?[0-9]{0,24}[ \t]*\Z"),
        st.text(max_size=5),
    )
)
@example("9007199254740993")
@example("103.834567890123456789")
@example('"1.5"')
@example("-.")
@example("9300000000000000000")
@example("0.00930000000000000000000")
def test_numbers_are_read_as_python_reads_them(text: str) -> None:
    raw = text.encode()
    value, status = csvkernel.parse_number(np.frombuffer(raw, np.uint8), 0, len(raw))
    if status == csvkernel.PARSED:
        assert value == float(text.strip().strip('"'))
    if status == csvkernel.NO_TEXT:
        assert text.strip('" \t') == ""
    if re.fullmatch(r"-?\d{1,3}\.\d{1,13}", text):
        assert status == csvkernel.PARSED  # the usual ones never take the slow way


@given(st.floats(0, 1e6))
def test_distance_has_two_decimals(metres_away: float) -> None:
    out = np.zeros(20, np.uint8)
    end = csvkernel.put_distance(out, 0, metres_away)
    text = out[:end].tobytes().decode()
    assert re.fullmatch(r"\d+\.\d\d", text)
    assert abs(float(text) - metres_away) <= 0.005 + 1e-9


def test_a_thread_is_as_good_as_two(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    points = metres(*rng.uniform(-250, 250, (2, 300_000)))
    content = b"lon,lat\n" + b"".join(b"%.7f,%.9f\n" % (lon, lat) for lon, lat in points)
    one, first = located(tmp_path, content, threads=1)
    two, _ = located(tmp_path, content, threads=2)
    assert one == two
    assert first.rows == 300_000
    direct = INDEX.locate(points[:, 0].round(7), points[:, 1].round(9))
    assert [row["match"] for row in table(one)] == [Match(m).name.lower() for m in direct.match]
