"""OpenStreetMap's own formats: PBF as downloaded, and what of its water the map does not show."""

from pathlib import Path

import pytest
import shapely

from boundaries.actions.importing import NewSubdistrict, import_areas
from boundaries.actions.importing_buildings import import_buildings
from boundaries.actions.importing_ground import import_ground
from boundaries.importing.report import ImportFileError
from boundaries.importing.rows import Options
from boundaries.models import Building, Street, Subdistrict, Water
from tests import factories
from tests.boundaries.files import DATA, geojson, needs_data
from tests.boundaries.pbf import Way, write_pbf
from tests.factories import SOUTH, WEST, Town

PLAIN = Options()
Points = list[tuple[float, float]]


@pytest.fixture
def town(db: None) -> Town:
    return factories.make_town(homes=False)


def ring(east: float, north: float, size: float = 0.0002) -> Points:
    west, south = round(WEST + east, 7), round(SOUTH + north, 7)
    east, north = round(west + size, 7), round(south + size, 7)
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def line(north: float) -> Points:
    return [(round(WEST + 0.0001 * step, 7), round(SOUTH + north, 7)) for step in range(1, 5)]


WAYS: list[Way] = [
    (4001, ring(0.0001, 0.0001), {"building": "apartments", "building:levels": "6", "addr:housenumber": "12号"}),
    (4002, ring(0.0005, 0.0001), {"building": "yes", "name": "文化站", "name:en": "Culture station"}),
    (4003, ring(0.0009, 0.0001), {"building": "no"}),
    (4010, line(0.0006), {"highway": "residential", "name": "永宁路"}),
    (4020, line(0.0008), {"waterway": "stream", "name": "凤溪河"}),
    (4021, line(0.0010), {"waterway": "stream", "tunnel": "culvert", "name": "凤溪河"}),
    (4022, line(0.0012), {"waterway": "canal", "tunnel": "yes"}),
    (4023, ring(0.0005, 0.0014), {"natural": "water"}),
]  # fmt: skip


def test_buildings_from_pbf(town: Town, tmp_path: Path) -> None:
    path = write_pbf(tmp_path / "liucheng.osm.pbf", WAYS)
    report = import_buildings(path, subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert report.ok, report.problems
    assert (report.driver, report.counts["read"], report.counts["created"]) == ("OSM", 2, 2)
    flats, station = Building.objects.filter(source="osm").order_by("source_ref")
    assert (flats.source_ref, flats.use, flats.floors, flats.house_number) == ("w4001", "home", 6, "12")
    assert (station.source_ref, station.name, station.name_en) == ("w4002", "文化站", "Culture station")
    assert flats.footprint.extent == pytest.approx(
        (*ring(0.0001, 0.0001)[0], *ring(0.0001, 0.0001)[2]), abs=1e-9
    )
    # the same ways a second time, one of them with a storey more and moved by a third of its width
    moved = ring(0.00017, 0.0001)
    again = [(4001, moved, {**WAYS[0][2], "building:levels": "7"}), *WAYS[1:]]
    report = import_buildings(
        write_pbf(tmp_path / "later.pbf", again), subdistrict=town.subdistrict, options=PLAIN, by=None
    )
    assert (report.counts["created"], report.counts["changed"], report.counts["unchanged"]) == (0, 1, 1)
    flats.refresh_from_db()
    assert flats.floors == 7


def test_a_pbf_cut_off_on_its_way_says_so(town: Town, tmp_path: Path) -> None:
    whole = write_pbf(tmp_path / "whole.pbf", WAYS).read_bytes()
    for length in (3, 20, len(whole) - 40):
        part = tmp_path / f"part{length}.pbf"
        part.write_bytes(whole[:length])
        with pytest.raises(ImportFileError, match=rf"^part{length}\.pbf cannot be read: [^\n]+$"):
            import_buildings(part, subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert not Building.objects.filter(source="osm").exists()


def test_streets_from_pbf(town: Town, tmp_path: Path) -> None:
    path = write_pbf(tmp_path / "x.pbf", WAYS)
    report = import_ground(path, kind="street", subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert report.counts["created"] == 1
    street = Street.objects.get(source="osm")
    assert (street.source_ref, street.name, street.rank) == ("w4010", "永宁路", "street")


def test_water_underground_is_left_out_and_named(town: Town, tmp_path: Path) -> None:
    path = write_pbf(tmp_path / "x.pbf", WAYS)
    report = import_ground(path, kind="water", subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert report.ok
    counts = report.counts
    assert (counts["read"], counts["good"], counts["created"], counts["underground"]) == (4, 2, 2, 2)
    assert sorted(Water.objects.filter(source="osm").values_list("source_ref", flat=True)) == [
        "w4020",
        "w4023",
    ]
    culvert, tunnel = report.of("underground")
    assert (culvert.severity, culvert.subject, tunnel.subject) == ("note", "凤溪河", "w4022")
    assert culvert.reason == (
        "凤溪河 runs in a tunnel or culvert (tunnel=culvert); the map shows water that is seen. Left out."
    )
    assert culvert.place is not None
    # the lakes are a first pass over the file, the rivers a second one: no number stands for two rows
    assert len({culvert.row, tunnel.row}) == 2
    assert all(row is not None and row > 1 for row in (culvert.row, tunnel.row))


def test_a_bad_lake_does_not_take_a_river_with_it(town: Town, tmp_path: Path) -> None:
    west, south = WEST + 0.0003, SOUTH + 0.0016
    bow = [
        (west, south),
        (west + 0.0002, south + 0.0002),
        (west + 0.0002, south),
        (west, south + 0.0002),
        (west, south),
    ]
    bow = [(round(x, 7), round(y, 7)) for x, y in bow]
    path = write_pbf(
        tmp_path / "x.pbf", [(1, bow, {"natural": "water"}), (2, line(0.0008), {"waterway": "stream"})]
    )
    refused = import_ground(path, kind="water", subdistrict=town.subdistrict, options=PLAIN, by=None)
    assert not refused.written
    assert refused.counts["bad"] == 1
    report = import_ground(
        path, kind="water", subdistrict=town.subdistrict, options=Options(skip_bad=True), by=None
    )
    assert report.written
    assert list(Water.objects.filter(source="osm").values_list("source_ref", flat=True)) == ["w2"]


@needs_data
def test_every_row_of_bayreuths_water_is_accounted_for(db: None, tmp_path: Path) -> None:
    quarter = geojson(
        tmp_path / "q.geojson", [(shapely.box(11.4, 49.9, 11.7, 50.1), {"code": "09472", "name": "Bayreuth"})]
    )
    import_areas(
        quarter, level="community", subdistrict=NewSubdistrict("09472", "Bayreuth"), options=PLAIN, by=None
    )
    report = import_ground(
        DATA / "north-bayreuth.osm.gz",
        kind="water",
        subdistrict=Subdistrict.objects.get(),
        options=PLAIN,
        by=None,
    )
    counts = report.counts
    assert counts["underground"] > 0
    assert counts["read"] == counts["created"] + counts["underground"] + counts["bad"]
