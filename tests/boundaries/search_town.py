"""A small town made for searching: homophones, polyphones, numbers with gaps, entrances, and a grid with a past.

柳台大道  8 10 14 16 58-3        依云镇 1 2 3 10 11 12 12-3        团结巷 in two communities? no: one lane, one compound
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import LineString, MultiLineString, Point

from boundaries.models import (
    Building,
    Community,
    Compound,
    Grid,
    GridKind,
    Land,
    LandKind,
    Outline,
    Plan,
    Publication,
    Street,
    StreetRank,
    Subdistrict,
    Water,
    WaterKind,
)
from boundaries.models.constraints import always
from tests.factories import box, during, make_subdistrict

ZONE = ZoneInfo("Asia/Shanghai")
FOUNDED = datetime(2019, 1, 1, tzinfo=ZONE)
RECODED = datetime(2020, 6, 1, tzinfo=ZONE)
WEST, SOUTH, STEP = 103.80, 30.68, 0.001

COMMUNITIES = (
    ("002", "黄金路", "Huangjin Road"),
    ("004", "南街", "Nanjie"),
    ("044", "光华", "Guanghua"),
    ("045", "大学城", "University Town"),
    ("008", "凤溪大道", "Fengxi Avenue"),
)
# Name, name in English, community, address, numbers of its buildings.
COMPOUNDS = (
    ("依云镇", "Yiyun Town", "光华", "光华大道三段88号", "1 2 3 10 11 12 12-3"),
    ("依水园", "Yishui Garden", "光华", "", "1 2"),
    ("康成家园", "Kangcheng Home", "黄金路", "", "1 2 3"),
    ("成钞厂家属区", "Chengchao Works Quarters", "黄金路", "", "1 2"),
    ("长乐苑", "Changle Court", "南街", "", "1 2"),
    ("银杏花园", "Yinxing Garden", "南街", "柳台大道123弄", "5 6"),
    ("幸福三村", "Xingfu Third Village", "凤溪大道", "", "1"),
    ("新世纪广场", "New Century Plaza", "大学城", "", "A B"),
    ("西南财经大学", "University of Finance", "大学城", "", ""),
    ("锦绣家园", "Jinxiu Home", "南街", "", "1 2"),
    ("锦绣家园", "Jinxiu Home", "大学城", "", "1 2"),
)
# Name, name in English, house numbers.
STREETS = (
    ("柳台大道", "Liutai Avenue", "8 10 14 16 58-3"),
    ("重庆路", "Chongqing Road", "1 3"),
    ("长安路", "Chang'an Road", "5"),
    ("团结巷", "Tuanjie Lane", "2 4"),
    ("南街三巷", "Nanjie Third Lane", "7"),
    ("八一路", "Bayi Road", "5 9"),
    ("黄金路", "Huangjin Road", "20"),
    ("和盛街", "Hesheng Street", ""),
)


@dataclass
class SearchTown:
    """What `make_search_town` built."""

    subdistrict: Subdistrict
    communities: dict[str, Community] = field(default_factory=dict)
    compounds: dict[str, Compound] = field(default_factory=dict)
    streets: dict[str, Street] = field(default_factory=dict)
    moved: Grid | None = None
    closed: Grid | None = None


def make_search_town(
    code: str = "510115001", name: str = "柳城街道", east: float = 0.0, *, frozen: bool = True
) -> SearchTown:
    """The town, `east` degrees further east than the first; nothing is built for the search yet."""
    subdistrict = make_subdistrict(code=code, name=name)
    town = SearchTown(subdistrict)
    west = WEST + east
    for row, (suffix, title, english) in enumerate(COMMUNITIES):
        town.communities[title] = Community.objects.create(
            subdistrict=subdistrict, code=code + suffix, name=title, name_en=english,
            outline=box(west, SOUTH + row * 0.01, west + 0.05, SOUTH + (row + 1) * 0.01),
        )  # fmt: skip
    for column, (title, english, community, address, numbers) in enumerate(COMPOUNDS):
        left, bottom = west + 0.002 + column * 0.004, SOUTH + _row(community) * 0.01 + 0.002
        compound = Compound.objects.create(
            community=town.communities[community], name=title, name_en=english, address=address,
            outline=box(left, bottom, left + 0.003, bottom + 0.003),
        )  # fmt: skip
        town.compounds.setdefault(title, compound)
        for place, number in enumerate(numbers.split()):
            make_building(town, left + 0.0004 * place, bottom, compound=compound, number=number, entrances=4)
    for place, (title, english, numbers) in enumerate(STREETS):
        height = SOUTH + 0.0005 + place * 0.0062
        street = town.streets[title] = Street.objects.create(
            subdistrict=subdistrict, name=title, name_en=english, rank=StreetRank.STREET, width_m=20,
            line=MultiLineString(LineString((west, height), (west + 0.05, height)), srid=4326),
        )  # fmt: skip
        for column, number in enumerate(numbers.split()):
            make_building(town, west + 0.01 + 0.002 * column, height, street=street, house_number=number)
    make_building(town, west + 0.04, SOUTH + 0.035, name="育才实验楼", name_en="Yucai Laboratory",
                  compound=town.compounds["西南财经大学"])  # fmt: skip
    make_building(town, west + 0.03, SOUTH + 0.0405, compound=town.compounds["锦绣家园"], number="99",
                  existed=during(None, RECODED))  # fmt: skip
    Water.objects.create(subdistrict=subdistrict, name="凤溪河", name_en="Fengxi River", kind=WaterKind.RIVER,
                         area=box(west, SOUTH + 0.049, west + 0.05, SOUTH + 0.0495))  # fmt: skip
    Land.objects.create(subdistrict=subdistrict, name="光华公园", name_en="Guanghua Park", kind=LandKind.PARK,
                        area=box(west + 0.048, SOUTH + 0.02, west + 0.05, SOUTH + 0.021))  # fmt: skip
    _grids(town, west, frozen=frozen)
    return town


def make_building(town: SearchTown, lon: float, lat: float, **fields: object) -> Building:
    """A building about 20 m wide whose south-west corner is at `lon`, `lat`."""
    values = {"existed": always()} | fields
    return Building.objects.create(
        subdistrict=town.subdistrict,
        footprint=box(lon, lat, lon + 0.0002, lat + 0.0002),
        point=Point(round(lon + 0.0001, 8), round(lat + 0.0001, 8), srid=4326),
        **values,
    )


def _row(community: str) -> int:
    return next(row for row, (_code, name, _english) in enumerate(COMMUNITIES) if name == community)


def _grids(town: SearchTown, west: float, *, frozen: bool) -> None:
    """Two plans of 光华 and 南街: a grid of 光华 was renamed and recoded, one of 南街 closed, a draft is not in force."""
    first = Plan.objects.create(subdistrict=town.subdistrict, name="first")
    second = Plan.objects.create(subdistrict=town.subdistrict, name="second")
    draft = Plan.objects.create(subdistrict=town.subdistrict, name="draft")
    for title in ("光华", "南街"):
        community = town.communities[title]
        Publication.objects.create(plan=first, community=community, period=during(FOUNDED, RECODED))
        Publication.objects.create(plan=second, community=community, period=during(RECODED, None))
        bottom = SOUTH + _row(title) * 0.01
        for column in range(3):
            grid = Grid.objects.create(subdistrict=town.subdistrict)
            left = west + column * 0.016
            moved = title == "光华" and column == 2
            closed = title == "南街" and column == 2
            if moved:
                town.moved = grid
            if closed:
                town.closed = grid
            for plan in (first, second, draft):
                if closed and plan is second:
                    continue
                code = f"{community.code}{column + 1:03}"
                name = f"{title}第{column + 1}网格"
                if plan is second and moved:
                    code, name = f"{community.code}017", "光华东网格"
                if plan is draft:
                    code, name = f"{community.code}9{column}9", f"草案网格{column}"
                Outline.objects.create(
                    grid=grid, plan=plan, community=community, code=code, name=name,
                    name_en=f"{community.name_en} grid {code[-3:]}", kind=GridKind.ALL_PURPOSE,
                    polygon=box(left, bottom, left + 0.016, bottom + 0.01),
                )  # fmt: skip
    for plan, moment in ((first, FOUNDED), (second, RECODED)) if frozen else ():
        plan.frozen_at = moment
        plan.save(update_fields=["frozen_at"])


BEFORE = RECODED - timedelta(days=10)
