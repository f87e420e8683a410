"""Files that others published: broken ones are refused by their rows, whole ones become a map."""

from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from boundaries.actions.importing import NewSubdistrict, import_areas
from boundaries.actions.importing_buildings import import_buildings
from boundaries.actions.importing_ground import import_ground
from boundaries.actions.records import as_shape
from boundaries.importing.coverage import edge_faults, half_edge_faults
from boundaries.importing.report import ImportFileError
from boundaries.importing.rows import Options
from boundaries.models import (
    Building,
    Community,
    Edition,
    Land,
    Street,
    Subdistrict,
    Water,
)
from tests.boundaries.files import DATA, geojson, needs_data
from tests.boundaries.import_town import PLAIN, new_town


@needs_data
@pytest.mark.parametrize(
    ("name", "crs", "message"),
    [
        ("mapshaper/518_519_shp_reading_data_corruption_error.shp", "EPSG:3067", None),
        ("mapshaper/518_519_shp_reading_max_callstack_error.shp", "EPSG:32633", None),
        ("mapshaper/cpg_big5.shp", "EPSG:4326", None),
        ("mapshaper/384_invalid_json_ex2.json", None, "metres-not-degrees"),
    ],
)
def test_broken_files_that_open_are_refused_by_their_rows(
    db: None, name: str, crs: str | None, message: str | None
) -> None:
    """Lines and points where areas are needed, a town in the sea, metres as degrees: nothing is ever written."""
    options = Options(crs=crs)
    if message is None:
        with pytest.raises(ImportFileError, match=r"^No column of [^\n]*$|^[^\n]*not on earth[^\n]*$"):
            new_town(DATA / "broken_files" / name, options)
    else:
        report = new_town(DATA / "broken_files" / name, options)
        assert report.of(message)
        assert not report.written
    assert Subdistrict.objects.count() == Community.objects.count() == 0


@needs_data
def test_the_one_that_only_lacks_its_system_is_read_once_that_is_named(db: None) -> None:
    report = new_town(
        DATA / "broken_files" / "latin1.shp", Options(crs="EPSG:4326", mapping={"name": "Name"})
    )
    assert report.written
    assert {one.code for one in report.problems} == {"no-index"}
    assert Community.objects.get().name == "Ñandú"


@needs_data
def test_hsinchu_villages_with_their_households(db: None) -> None:
    report = import_areas(
        DATA / "hsinchu_villages.gpkg",
        level="community",
        subdistrict=NewSubdistrict("10018", "新竹市", 3826),
        options=PLAIN,
        by=None,
    )
    assert report.ok
    assert (report.counts["created"], report.counts["households"]) == (122, 171_589)
    assert sum(Community.objects.values_list("surveyed_households", flat=True)) == 171_589  # type: ignore[arg-type]
    (hole,) = report.of("hole")
    assert hole.severity == "note"
    assert hole.area_m2 == pytest.approx(5.25e6, rel=0.001)
    stored = {one.pk: as_shape(one.outline) for one in Community.objects.all()}
    assert edge_faults(stored) == []
    assert half_edge_faults(stored) == []
    owner = Subdistrict.objects.get()
    assert owner.outline is not None
    assert len(as_shape(owner.outline).geoms[0].interiors) == 1


@needs_data
def test_denver_is_refused_as_published_and_taken_repaired(db: None) -> None:
    path = DATA / "DenverCo_precincts2020_orig.zip"
    where = NewSubdistrict("08031", "Denver", 32613)
    refused = import_areas(path, level="community", subdistrict=where, options=PLAIN, by=None)
    assert not refused.written
    assert (refused.counts["overlaps"], refused.counts["gaps"], refused.counts["holes"]) == (3, 8, 9)
    report = import_areas(path, level="community", subdistrict=where, options=Options(repair=True), by=None)
    assert report.written
    assert report.crs is not None
    assert report.crs.startswith("EPSG:2232")
    stored = {one.pk: as_shape(one.outline) for one in Community.objects.all()}
    assert len(stored) == 356
    assert edge_faults(stored) == []
    assert half_edge_faults(stored) == []
    assert max(moved.moved_m for moved in report.movements) < 0.65


@needs_data
def test_denver_as_somebody_else_repaired_it_is_compared_area_by_area(db: None) -> None:
    where = NewSubdistrict("08031", "Denver", 32613)
    path = DATA / "DenverCo_precincts2020_orig.zip"
    import_areas(path, level="community", subdistrict=where, options=Options(repair=True), by=None)
    town = Subdistrict.objects.get()
    path = DATA / "DenverCo_precincts2020_repaired.zip"
    report = import_areas(path, level="community", subdistrict=town, options=Options(dry_run=True), by=None)
    assert (report.counts["holes"], report.counts["not_in_file"]) == (10, 0)
    assert report.measures["areas_with_faulty_edges"] == 0
    assert report.of("overlap-existing") == []
    # that repair left a slit of 0.94 m2 open to the rim
    assert [round(gap.area_m2 or 0, 2) for gap in report.of("gap")] == [0.94]
    assert report.counts["changed"] > 100


@needs_data
def test_north_bayreuth_becomes_a_map(db: None, tmp_path: Path) -> None:
    path = DATA / "north-bayreuth.osm.gz"
    quarter = geojson(
        tmp_path / "q.geojson", [(shapely.box(11.4, 49.9, 11.7, 50.1), {"code": "09472", "name": "Bayreuth"})]
    )
    import_areas(
        quarter, level="community", subdistrict=NewSubdistrict("09472", "Bayreuth"), options=PLAIN, by=None
    )
    town = Subdistrict.objects.get()
    assert town.metric_srid == 32632
    streets = import_ground(path, kind="street", subdistrict=town, options=PLAIN, by=None)
    assert streets.ok
    assert streets.counts["created"] == 2056 + streets.counts["rail"]
    report = import_buildings(path, subdistrict=town, options=PLAIN, by=None)
    assert report.ok
    assert report.counts["created"] == Building.objects.count() == 4267
    numbered = Building.objects.exclude(house_number="")
    assert numbered.count() >= 780
    assert numbered.filter(street=None).count() < numbered.count() / 2
    for kind, model in (("water", Water), ("land", Land)):
        found = import_ground(path, kind=kind, subdistrict=town, options=PLAIN, by=None)  # type: ignore[arg-type]
        assert found.counts["created"] == model.objects.count() > 200
    assert set(Street.objects.values_list("rank", flat=True)) == {
        "motorway", "avenue", "street", "lane", "service", "path", "rail",
    }  # fmt: skip
    again = import_buildings(path, subdistrict=town, options=PLAIN, by=None)
    assert (again.counts["created"], again.counts["unchanged"], len(again.decisions)) == (0, 4267, 0)
    again = import_ground(path, kind="street", subdistrict=town, options=PLAIN, by=None)
    assert again.counts["unchanged"] == Street.objects.count()
    assert Edition.objects.get(layer="buildings").number >= 1
    # another source for the same ground: footprints are recognised without any reference
    other = import_buildings(
        path, subdistrict=town, options=replace(PLAIN, source="cadastre", dry_run=True), by=None
    )
    assert other.counts["created"] == 0
    assert other.counts["unchanged"] + other.counts["changed"] >= 4260
