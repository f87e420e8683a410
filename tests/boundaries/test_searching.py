"""What a dispatcher expects of the one box."""

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, DjangoDbBlocker

from boundaries.actions.places import refresh_places
from boundaries.models import Place, PlaceKind
from boundaries.searching import Hit, search
from tests.boundaries.search_town import BEFORE, SearchTown, make_search_town

# What is typed, and the kind and the name (or code) of the hit that must come first.
EXPECTED = [
    # Codes, whole and by their end, and old ones.
    ("510115001044", "community", "光华社区"),
    ("510115001044002", "grid", "光华第2网格"),
    ("044002", "grid", "光华第2网格"),
    ("4001", "grid", "光华第1网格|南街第1网格"),
    ("044017", "grid", "光华东网格"),
    ("510115001044003", "grid", "光华东网格"),
    ("５１０１１５００１０４４００２", "grid", "光华第2网格"),
    # Chinese names: whole, beginning, middle of two characters and one.
    ("依云镇", "compound", "依云镇"),
    ("依云", "compound", "依云镇"),
    ("云镇", "compound", "依云镇"),
    ("镇", "compound", "依云镇"),
    ("光华", "community", "光华社区"),
    ("光华社区", "community", "光华社区"),
    ("黄金路", "community", "黄金路社区"),
    ("黄金路社区", "community", "黄金路社区"),
    ("柳台大道", "street", "柳台大道"),
    ("台大", "street", "柳台大道"),
    ("财经大学", "compound", "西南财经大学"),
    ("成钞厂", "compound", "成钞厂家属区"),
    ("家属", "compound", "成钞厂家属区"),
    ("康成家园", "compound", "康成家园"),
    ("团结巷", "street", "团结巷"),
    ("光华东网格", "grid", "光华东网格"),
    ("凤溪河", "water", "凤溪河"),
    ("光华公园", "land", "光华公园"),
    ("育才实验楼", "building", "育才实验楼"),
    ("实验楼", "building", "育才实验楼"),
    ("幸福3村", "compound", "幸福三村"),
    ("幸福三村", "compound", "幸福三村"),
    ("南街3巷", "street", "南街三巷"),
    # Pinyin, with and without spaces, tones, half-typed; initials.
    ("yiyunzhen", "compound", "依云镇"),
    ("yi yun zhen", "compound", "依云镇"),
    ("YI YUN", "compound", "依云镇"),
    ("yī yún zhèn", "compound", "依云镇"),
    ("yiyunzh", "compound", "依云镇"),
    ("yunzhen", "compound", "依云镇"),
    ("yyz", "compound", "依云镇"),
    ("ltdd", "street", "柳台大道"),
    ("kcjy", "compound", "康成家园"),
    ("nanjie", "community", "南街社区"),
    ("daxuecheng", "community", "大学城社区"),
    ("guanghua", "community", "光华社区"),
    ("依yun", "compound", "依云镇"),
    # Characters with two readings.
    ("chongqinglu", "street", "重庆路"),
    ("cql", "street", "重庆路"),
    ("changleyuan", "compound", "长乐苑"),
    ("changanlu", "street", "长安路"),
    ("liutaidadao", "street", "柳台大道"),
    ("heshengjie", "street", "和盛街"),
    # English.
    ("Yiyun Town", "compound", "依云镇"),
    ("University Town", "community", "大学城社区"),
    ("chang'an road", "street", "长安路"),
    ("Century Plaza", "compound", "新世纪广场"),
    # Same sound, Sichuan sound, a slip.
    ("依云真", "compound", "依云镇"),
    ("一云镇", "compound", "依云镇"),
    ("依云正", "compound", "依云镇"),
    ("依去镇", "compound", "依云镇"),
    ("云依镇", "compound", "依云镇"),
    ("依云大镇", "compound", "依云镇"),
    ("yiyunzen", "compound", "依云镇"),
    ("yiyunzheng", "compound", "依云镇"),
    ("yiyumzhen", "compound", "依云镇"),
    ("nanjei", "community", "南街社区"),
    ("lanjie", "community", "南街社区"),
    ("guanhua", "community", "光华社区"),
    ("liutaidado", "street", "柳台大道"),
    ("kangchengjaiyuan", "compound", "康成家园"),
    ("Yiyun Twon", "compound", "依云镇"),
    # Addresses in compounds.
    ("依云镇3栋", "building", "依云镇 3栋"),
    ("依云镇三栋", "building", "依云镇 3栋"),
    ("依云镇３幢", "building", "依云镇 3栋"),
    ("依云镇3号楼", "building", "依云镇 3栋"),
    ("依云镇#3", "building", "依云镇 3栋"),
    ("依云镇 3#", "building", "依云镇 3栋"),
    ("依云镇3栋2单元", "building", "依云镇 3栋"),
    ("依云镇3栋2单元501室", "building", "依云镇 3栋"),
    ("依云镇3-2-501", "building", "依云镇 3栋"),
    ("依云镇12-3", "building", "依云镇 12-3栋"),
    ("依云镇12-4", "building", "依云镇 12栋"),
    ("依云镇十二栋", "building", "依云镇 12栋"),
    ("yiyun 3", "building", "依云镇 3栋"),
    ("yyz3", "building", "依云镇 3栋"),
    ("yiyunzhen3dong2danyuan", "building", "依云镇 3栋"),
    ("yiyunzhen 3d", "building", "依云镇 3栋"),
    ("3 Yiyun Town", "building", "依云镇 3栋"),
    ("Building 3, Yiyun Town", "building", "依云镇 3栋"),
    ("依云真3栋", "building", "依云镇 3栋"),
    ("yiyumzhen 3", "building", "依云镇 3栋"),
    ("新世纪广场A座", "building", "新世纪广场 A栋"),
    ("光华大道三段88号3栋", "building", "依云镇 3栋"),
    ("光华大道3段88号", "compound", "依云镇"),
    ("柳台大道123弄5号", "building", "银杏花园 5栋"),
    ("柳台大道12号依云镇3栋", "building", "依云镇 3栋"),
    ("成都市温江区柳城街道光华社区依云镇3栋", "building", "依云镇 3栋"),
    ("光华 依云镇 3栋", "building", "依云镇 3栋"),
    ("guanghua yiyun 3", "building", "依云镇 3栋"),
    ("依云镇门口", "compound", "依云镇"),
    ("光华社区依云镇门口", "compound", "依云镇"),
    # Addresses on streets.
    ("柳台大道14号", "building", "柳台大道 14号"),
    ("柳台大道十四号", "building", "柳台大道 14号"),
    ("柳台大道12号", "building", "柳台大道 10号"),
    ("柳台大道58号附3号", "building", "柳台大道 58-3号"),
    ("liutai dadao 14 hao", "building", "柳台大道 14号"),
    ("14 Liutai Avenue", "building", "柳台大道 14号"),
    ("no. 14 liutai avenue", "building", "柳台大道 14号"),
    ("八一路5号", "building", "八一路 5号"),
    ("南街三巷7号", "building", "南街三巷 7号"),
    ("黄金路20号", "building", "黄金路 20号"),
]


@pytest.fixture(scope="module")
def town(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Any:
    """The town and its keys, built once and taken away again."""
    with django_db_blocker.unblock(), transaction.atomic():
        made = make_search_town()
        refresh_places(made.subdistrict)
        yield made
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _reading_english(db: None) -> Any:
    with translation.override("en"):
        yield


def first(query: str, **options: Any) -> Hit:
    hits = search(query, **options)
    assert hits, f"nothing found for {query!r}"
    return hits[0]


@pytest.mark.parametrize(
    ("query", "kind", "title"), EXPECTED, ids=[query for query, _kind, _title in EXPECTED]
)
def test_expected_place_comes_first(town: SearchTown, query: str, kind: str, title: str) -> None:
    hit = first(query)
    assert (hit.kind, hit.title in title.split("|")) == (kind, True), search(query)


def test_every_beginning_of_a_name_finds_it(town: SearchTown) -> None:
    """The box searches at each key: nowhere on the way does the answer vanish."""
    for query, title in (
        ("依云镇3栋2单元", "依云镇"),
        ("yiyunzhen3dong", "依云镇"),
        ("柳台大道14号", "柳台大道"),
    ):
        for length in range(1, len(query) + 1):
            hits = search(query[:length])
            assert any(title in hit.title for hit in hits) or length < 2, query[:length]


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("依云镇3栋2单元", "entrance 2"),
        ("依云镇3-2-501", "entrance 2"),
        ("依云镇3栋9单元", "no entrance 9 is known: it has 4"),
        ("柳台大道12号", "nearest to number 12, which is not known"),
        ("依云镇77栋", "no number 77 is known here"),
        ("510115001044003", "former code 510115001044003, until 2020-06-01"),
        ("光华第3网格", "former code 510115001044003, until 2020-06-01"),
        ("南街第3网格", "closed since 2020-06-01"),
        ("依云镇3栋", ""),
        ("柳台大道14号", ""),
    ],
)
def test_note_says_what_must_be_known(town: SearchTown, query: str, note: str) -> None:
    assert first(query).note == note


def test_former_code_leads_to_the_grid_as_it_is_now(town: SearchTown) -> None:
    assert town.moved is not None
    hit = first("510115001044003")
    assert (hit.id, hit.code, hit.title) == (town.moved.pk, "510115001044017", "光华东网格")
    past = first("510115001044003", at=BEFORE)
    assert (past.id, past.code, past.note) == (town.moved.pk, "510115001044003", "")
    assert search("510115001044017", at=BEFORE) == [], "a code of the future"


def test_draft_outlines_are_not_found(town: SearchTown) -> None:
    assert not [hit for hit in search("草案网格", limit=50) if hit.kind == "grid"]
    assert search("510115001044929") == []


def test_demolished_building_is_found_only_in_its_time(town: SearchTown) -> None:
    assert first("锦绣家园99栋", at=BEFORE).title == "锦绣家园 99栋"
    assert "building" not in {hit.kind for hit in search("锦绣家园99栋")}


def test_of_equal_names_the_nearer_comes_first(town: SearchTown) -> None:
    both = [hit for hit in search("锦绣家园") if hit.title == "锦绣家园"]
    assert len(both) == 2
    for hit in both:
        assert first("锦绣家园", near=(hit.lon, hit.lat)).id == hit.id


def test_number_alone_means_the_ones_around_the_map(town: SearchTown) -> None:
    home = first("依水园")
    assert first("2栋", near=(home.lon, home.lat)).title == "依水园 2栋"
    assert search("2栋") == []


def test_number_typed_so_far_offers_what_it_may_become(town: SearchTown) -> None:
    titles = [hit.title for hit in search("依云镇1")]
    assert titles[:2] == ["依云镇 1栋", "依云镇"]
    assert set(titles[2:]) == {"依云镇 10栋", "依云镇 11栋", "依云镇 12-3栋", "依云镇 12栋"}


def test_nearest_house_number_is_on_the_same_side(town: SearchTown) -> None:
    """9 lies between 8 and 10, and 15 between 14 and 16; of two as near the lower; the avenue ends at 123."""
    assert [first(f"柳台大道{n}号").title for n in (9, 15, 1000)] == [
        "柳台大道 8号", "柳台大道 14号", "银杏花园",
    ]  # fmt: skip


def test_kinds_and_limit(town: SearchTown) -> None:
    assert {hit.kind for hit in search("光华", limit=50)} >= {"community", "grid", "land"}
    assert {hit.kind for hit in search("光华", kinds=["grid"])} == {"grid"}
    assert first("依云镇3栋", kinds=["building"]).title == "依云镇 3栋"
    assert search("光华", kinds=[]) == []
    assert len(search("光华", limit=1)) == 1
    assert len(search("光华", limit=-5)) == 1


def test_compound_address_is_a_number_on_its_street(town: SearchTown) -> None:
    """银杏花园 stands at 123 of the avenue: nearest to 125, but no part of what the avenue's name finds."""
    hit = first("柳台大道125号")
    assert (hit.title, hit.note) == ("银杏花园", "nearest to number 125, which is not known")
    assert "银杏花园" not in {hit.title for hit in search("柳台大道", limit=50)}


def test_community_is_found_by_its_stem_before_all_else(town: SearchTown) -> None:
    """Whether registers call it 光华 or 光华社区, the short name means the community."""
    community = town.communities["光华"]
    with transaction.atomic():
        type(community).objects.filter(pk=community.pk).update(name="光华社区")
        refresh_places(town.subdistrict)
        for query in ("光华", "光华社区", "guanghua", "gaunghua", "gh"):
            assert (first(query).kind, first(query).id) == ("community", community.pk), query
        transaction.set_rollback(True)


def test_other_subdistricts_keep_out(town: SearchTown) -> None:
    other = make_search_town("510115002", "公平街道", east=0.1)
    refresh_places(other.subdistrict)
    here = first("依云镇", subdistrict=town.subdistrict)
    there = first("依云镇", subdistrict=other.subdistrict.pk)
    assert here.id == town.compounds["依云镇"].pk
    assert there.id == other.compounds["依云镇"].pk
    assert len([hit for hit in search("依云镇") if hit.title == "依云镇"]) == 2
    assert first("依云镇3栋", near=(there.lon, there.lat)).lon > 103.89


@pytest.mark.parametrize(
    "query",
    ["", "   ", "%", "_", "%%%", "'", "\"';--", "\\", "。，！", "\x00", "😀", "\u202e", "\ud800", "zzzzqqqq"],
)
def test_nothing_to_find_is_an_empty_list(town: SearchTown, query: str) -> None:
    assert search(query, near=(103.83, 30.7)) == []


def test_wildcards_and_quotes_are_plain_text(town: SearchTown) -> None:
    assert first("依云镇%").title == "依云镇"
    assert first("依云镇'; DROP TABLE boundaries_place; --").title == "依云镇"
    assert first("依_云%镇").title == "依云镇"
    assert Place.objects.exists()


def test_long_input_is_cut(town: SearchTown) -> None:
    assert first("依云镇" + " " * 500 + "x" * 100_000).title == "依云镇"
    assert isinstance(search("依" * 1_000_000), list)
    assert isinstance(search("1-" * 1000), list)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from([*"依云镇柳台大道路弄号栋幢座单元巷附零一二十百0123456789-#abdhz ", "dong", "hao", "unit "]),
            max_size=14,
        ).map("".join),
    ),
    placed=st.booleans(),
)  # fmt: skip
def test_no_text_is_an_error(town: SearchTown, query: str, placed: bool) -> None:
    hits = search(query, limit=5, near=(103.83, 30.7) if placed else None)
    assert len(hits) <= 5
    assert len({(hit.kind, hit.id) for hit in hits}) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    json.dumps([hit.as_json() for hit in hits])


def test_one_query(town: SearchTown, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for query in ("依云镇3栋2单元", "yiyumzhen 3", "510115001044003", "光华社区依云镇门口"):
        with django_assert_num_queries(1):
            search(query, near=(103.83, 30.7))


def test_words_follow_the_readers_language(town: SearchTown) -> None:
    assert first("依云镇3栋").detail == "Guanghua"
    with translation.override("zh-hans"):
        hit = first("依云镇")
    assert hit.detail == "光华社区 · 光华大道三段88号"
    assert hit.as_json()["bbox"] == list(hit.bbox)


def test_hit_lies_in_its_box(town: SearchTown) -> None:
    for query in ("依云镇", "光华", "柳台大道", "依云镇3栋", "凤溪河", "光华公园"):
        hit = first(query)
        west, south, east, north = hit.bbox
        assert west <= hit.lon <= east
        assert south <= hit.lat <= north


def test_kinds_name_no_person() -> None:
    assert set(PlaceKind.values) == {
        "community", "compound", "street", "grid", "building", "water", "land",
    }  # fmt: skip


def test_large_tables_are_read_by_index_only(town: SearchTown) -> None:
    """With many times the keys no branch reads a table whole: neither a name, a number, a slip nor a guess."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO boundaries_place (subdistrict_id, kind, object_id, title, title_en, detail, detail_en,"
            " context, code, number, house_number, point, west, south, east, north, period, compound_id)"
            " SELECT %s, 'building', 1000000 + i, 'x', '', '', '', '', '', (i %% 40)::text, '',"
            " ST_SetSRID(ST_MakePoint(100 + i * 1e-4, 20), 4326), 0, 0, 0, 0, '(,)', 1000000 + i / 40"
            " FROM generate_series(1, 30000) i",
            [town.subdistrict.pk],
        )
        cursor.execute(
            "INSERT INTO boundaries_placekey (place_id, subdistrict_id, kind, form, start, key)"
            " SELECT p.id, p.subdistrict_id, 'building', 1 + i, 0, md5(p.id::text || i) FROM boundaries_place p,"
            " generate_series(1, 5) i WHERE p.object_id > 1000000"
        )
        # Only the owner may count; the application's role waits for autovacuum.
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("ANALYZE boundaries_place, boundaries_placekey")
        cursor.execute("RESET ROLE")
    for query in ("依云镇3栋2单元", "柳台大道12号", "依云镇门口", "yiyumzhen 3", "3栋", "4003"):
        with CaptureQueriesContext(connection) as captured:
            search(query, near=(103.83, 30.7), limit=10)
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + captured[0]["sql"])
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "place_key_by_prefix" in plan
        assert "place_key_by_trigram" in plan, plan
        assert "Seq Scan on boundaries_place" not in plan, plan
