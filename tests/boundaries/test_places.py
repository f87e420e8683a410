"""What is searched follows the record, holds no person, and is replaced as a whole."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from boundaries.actions.places import rebuild_places, refresh_places, spellings
from boundaries.models import Building, KeyForm, Place, PlaceKey
from boundaries.searching import search
from tests.boundaries.search_town import make_building, make_search_town
from tests.factories import RESIDENT, make_town

pytestmark = pytest.mark.django_db


def titles(query: str) -> list[str]:
    return [hit.title for hit in search(query)]


def content() -> set[tuple[object, ...]]:
    """All that is searched, without the ids that change with each build."""
    return set(
        PlaceKey.objects.values_list(
            "kind",
            "form",
            "start",
            "key",
            "place__object_id",
            "place__title",
            "place__detail",
            "place__period",
        )
    ) | set(Place.objects.values_list("kind", "object_id", "title", "number", "house_number", "context"))


def test_building_anew_changes_nothing() -> None:
    make_search_town()
    count = rebuild_places()
    before = content()
    assert rebuild_places() == count == Place.objects.count()
    assert content() == before
    assert not PlaceKey.objects.exclude(place__in=Place.objects.all()).exists()


def test_no_resident_is_in_what_is_searched() -> None:
    """Each resident of the tiny town bears one word in the name."""
    make_town()
    rebuild_places()
    assert search(RESIDENT) == []
    assert not PlaceKey.objects.filter(key__contains=RESIDENT).exists()
    for column in ("title", "title_en", "detail", "detail_en", "context"):
        assert not Place.objects.filter(**{f"{column}__contains": RESIDENT}).exists()


def test_partial_refresh_equals_building_anew() -> None:
    town = make_search_town()
    rebuild_places()
    compound = town.compounds["依云镇"]
    compound.name = "云锦城"
    compound.save()
    new = make_building(town, 103.81, 30.70, street=town.streets["和盛街"], house_number="21")
    gone = Building.objects.get(street=town.streets["八一路"], house_number="9")
    gone_id = gone.pk
    gone.delete()
    assert titles("云锦城") == []
    refresh_places(town.subdistrict, compounds=[compound.pk], buildings=[new.pk, gone_id])
    assert titles("云锦城3栋")[0] == "云锦城 3栋"
    assert titles("和盛街21号")[0] == "和盛街 21号"
    assert titles("八一路9号")[0] == "八一路 5号"
    assert not [title for title in titles("依云镇") if "依云镇" in title]
    partial = content()
    rebuild_places()
    assert content() == partial


def test_partial_refresh_of_grids_equals_building_anew() -> None:
    town = make_search_town(frozen=False)
    rebuild_places()
    assert town.moved is not None
    outlines = town.moved.outlines.filter(code="510115001044017")
    outlines.update(code="510115001044018")
    refresh_places(town.subdistrict, grids=[town.moved.pk])
    partial = content()
    assert titles("510115001044018") == ["光华东网格"]
    rebuild_places()
    assert content() == partial


def test_refresh_of_one_subdistrict_leaves_the_other() -> None:
    first, second = make_search_town(), make_search_town("510115002", "公平街道", east=0.1)
    rebuild_places()
    kept = set(Place.objects.filter(subdistrict=second.subdistrict).values_list("id", flat=True))
    refresh_places(first.subdistrict)
    assert set(Place.objects.filter(subdistrict=second.subdistrict).values_list("id", flat=True)) == kept


def test_street_in_pieces_is_one_place() -> None:
    town = make_search_town()
    street = town.streets["柳台大道"]
    street.pk = None
    street._state.adding = True
    street.save()
    make_building(town, 103.82, 30.69, street=street, house_number="200")
    rebuild_places()
    assert [hit.title for hit in search("柳台大道") if hit.kind == "street"] == ["柳台大道"]
    assert titles("柳台大道200号")[0] == "柳台大道 200号"
    assert titles("柳台大道14号")[0] == "柳台大道 14号"


def test_writing_in_a_number_does_not_hide_it() -> None:
    """Registers come with «3栋», «3#» or «１２号» where the number alone was asked for."""
    town = make_search_town()
    make_building(town, 103.81, 30.70, compound=town.compounds["西南财经大学"], number="3栋")
    make_building(town, 103.82, 30.70, compound=town.compounds["西南财经大学"], number="４#")
    make_building(town, 103.83, 30.70, street=town.streets["和盛街"], house_number="１２号")
    rebuild_places()
    assert titles("西南财经大学3栋")[0] == "西南财经大学 3栋"
    assert titles("西南财经大学4栋")[0].startswith("西南财经大学 ４#")
    assert titles("和盛街12号")[0] == "和盛街 １２号"


def test_spellings_of_a_name() -> None:
    keys = spellings(["长乐苑"], "Changle Court", "510115001004")
    assert {
        (KeyForm.NAME, 0, "长乐苑"), (KeyForm.NAME, 1, "乐苑"), (KeyForm.NAME, 2, "苑"),
        (KeyForm.PINYIN, 0, "changleyuan"), (KeyForm.PINYIN, 0, "zhangleyuan"), (KeyForm.PINYIN, 0, "changyueyuan"),
        (KeyForm.PINYIN, 1, "leyuan"), (KeyForm.INITIALS, 0, "cly"), (KeyForm.INITIALS, 1, "ly"),
        (KeyForm.ENGLISH, 0, "changlecourt"), (KeyForm.ENGLISH, 1, "court"), (KeyForm.NAME_SLIP, 0, "长苑"),
        (KeyForm.CODE, 0, "510115001004"), (KeyForm.CODE, 9, "004"),
    } <= keys  # fmt: skip
    assert max(len(key) for _form, _start, key in spellings(["长" * 100], "x" * 150)) <= 120


def test_command_says_how_many() -> None:
    town = make_search_town()
    out = StringIO()
    with translation.override("en"):
        call_command("rebuild_search", stdout=out)
        assert f"{Place.objects.count()} places" in out.getvalue()
        call_command("rebuild_search", subdistrict=town.subdistrict.code, stdout=out)
        with pytest.raises(CommandError, match="510115001"):
            call_command("rebuild_search", subdistrict="nowhere", stdout=out)
