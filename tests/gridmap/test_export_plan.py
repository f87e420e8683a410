"""`export_plan` on the demo town: files that come back through `import_areas` as the same plan, and errors with names."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from boundaries.actions.plans import publish
from boundaries.actions.records import as_shape
from boundaries.describing import bounds_zh
from boundaries.importing.coverage import edge_faults, half_edge_faults
from boundaries.models import Community, Outline, Placement, Plan, Subdistrict
from gridmap.models import Household
from gridmap.schemes import bounds_of, contents_in_force
from tests.town import load_town

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def town_in_place(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The small town in a transaction that is undone at the end, written as the tables' owner."""
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE NONE")
        load_town()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def demo(town_in_place: None, db: None) -> Subdistrict:
    return Subdistrict.objects.get()


def run(*arguments: Any) -> str:
    out = io.StringIO()
    call_command("export_plan", *(str(each) for each in arguments), stdout=out)
    return out.getvalue()


def drawn(plan: Plan) -> dict[str, tuple[Any, ...]]:
    """Everything that is written of a plan's grids, by code; shapes normalised."""
    rows = Outline.objects.filter(plan=plan)
    return {
        row.code: (
            row.name, row.name_en, row.kind, row.community_id, row.grid_id,
            shapely.to_wkb(shapely.normalize(as_shape(row.polygon))),
        )
        for row in rows
    }  # fmt: skip


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".zip"])
def test_the_town_comes_back_as_the_same_plan_and_can_be_put_in_force(
    demo: Subdistrict, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"方案{ending}"
    told = run("--in-force", "--out", path)
    assert path.name in told
    call_command("import_areas", str(path), level="grid", plan="Back again", stdout=io.StringIO())
    back = Plan.objects.get(name="Back again")
    now = {row.code: row for row in Outline.objects.in_force(timezone.now())}
    found = drawn(back)
    assert len(found) == len(now) > 10
    for code, row in now.items():
        # the same grids, to the last corner
        wkb = shapely.to_wkb(shapely.normalize(as_shape(row.polygon)))
        assert found[code] == (row.name, row.name_en, row.kind, row.community_id, row.grid_id, wkb)
    for community in Community.objects.all():
        shapes = {
            row.code: as_shape(row.polygon) for row in Outline.objects.filter(plan=back, community=community)
        }
        assert edge_faults(shapes) == []
        assert half_edge_faults(shapes) == []
    before = Placement.objects.count()
    publish(
        plan=back, communities=list(Community.objects.all()), at=timezone.now() + timedelta(days=1), by=None
    )
    assert Placement.objects.count() == before, "no building changes its grid"


def test_a_past_day_is_that_days_scheme(demo: Subdistrict, tmp_path: Path) -> None:
    """The town was redrawn once since it was founded."""
    founding, later = Plan.objects.order_by("frozen_at")
    path = tmp_path / "then.geojson"
    run("--in-force", "--at", "2020-04-30", "--out", path)
    then = path.read_text("utf-8")
    assert all(f'"code":"{code}"' in then for code in drawn(founding))
    run(later.pk, "--out", path)
    assert path.read_text("utf-8").count('"type":"Feature"') == len(drawn(later)) < len(drawn(founding))


def test_the_table_holds_every_building_and_household_once(demo: Subdistrict, tmp_path: Path) -> None:
    path = tmp_path / "buildings.csv"
    run("--in-force", "--out", path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    now = timezone.now()
    stored = dict(
        Placement.objects.filter(period__contains=now, building__existed__contains=now).values_list(
            "building", "grid"
        )
    )
    codes = dict(Outline.objects.in_force(now).values_list("grid", "code"))
    assert {int(row["building"]): row["grid"] for row in rows if row["grid"]} == {
        building: codes[grid] for building, grid in stored.items()
    }
    homes = Household.objects.filter(existed__contains=now)
    assert sum(int(row["households"]) for row in rows) == homes.count()
    assert all(row["address"] for row in rows)
    assert {row["synthetic"] for row in rows} == {"synthetic data"}


BOUNDS = {  # read off the notice boards' maps
    "510115001004001": "东至第2网格、考棚巷，南至城南路、第2网格，西至南大街，北至街道界（不含南街小学专属网格）",
    "510115001004002": "东至考棚巷，南至第1网格，西至第1网格，北至三圣巷",
    "510115001006001": "东至糖房巷，南至药王巷，西至第2网格，北至书院巷",
    "510115001044003": "东至第2网格，南至康乐街，西至永宁路，北至迎晖路",
}


def test_bounds_in_words_of_grids_checked_by_hand(demo: Subdistrict) -> None:
    contents = contents_in_force(demo, timezone.now())
    homes = {each.pk: each.name for each in contents.communities}
    found = bounds_of(contents)
    told = {
        each.code: bounds_zh(found[key], homes[each.community_id]) for key, each in contents.grids.items()
    }
    assert {code: told[code] for code in BOUNDS} == BOUNDS


def test_one_community_alone(demo: Subdistrict, tmp_path: Path) -> None:
    code = Community.objects.order_by("code").values_list("code", flat=True)[0]
    path = tmp_path / "one.geojson"
    run("--in-force", "--community", code, "--out", path)
    text = path.read_text("utf-8")
    assert text.count(f'"community":"{code}"') == text.count('"type":"Feature"') > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["99999", "--out", "a.gpkg"], "no plan “99999”"),
        (["no such plan", "--out", "a.gpkg"], "no plan “no such plan”"),
        (["--out", "a.gpkg"], "--in-force"),
        (["1", "--in-force", "--out", "a.gpkg"], "Name one plan"),
        (["--in-force", "--out", "a.dxf"], "tells no format"),
        (["--in-force", "--out", "nowhere/a.gpkg"], "does not exist"),
        (["--in-force", "--format", "csv", "--out", "."], "is a folder"),
        (["--in-force", "--at", "yesterday", "--out", "a.csv"], "yesterday"),
        (["--in-force", "--at", "1999-01-01", "--out", "a.csv"], "nothing is in force"),
        (["--in-force", "--subdistrict", "7", "--out", "a.csv"], "no subdistrict 7"),
        (["--in-force", "--community", "7", "--out", "a.csv"], "no community 7"),
    ],
)
def test_errors_say_what_to_do(
    demo: Subdistrict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=says.replace("(", r"\(")):
        run(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_several_plans_of_one_name_are_told_apart(demo: Subdistrict, tmp_path: Path) -> None:
    plans = [Plan.objects.create(subdistrict=demo, name="Twice") for _ in range(2)]
    with pytest.raises(CommandError, match=f"{plans[1].pk}, {plans[0].pk}"):
        run("Twice", "--out", tmp_path / "a.gpkg")


def test_what_was_there_stays_where_a_file_cannot_be_written(
    demo: Subdistrict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plan.gpkg"
    path.write_text("what was there")

    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gridmap.exports.exporting.geopackage", full)
    with pytest.raises(CommandError, match="No space left on device"):
        run("--in-force", "--out", path)
    assert path.read_text() == "what was there"
    assert [each.name for each in tmp_path.iterdir()] == ["plan.gpkg"]
