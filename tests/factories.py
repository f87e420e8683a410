"""Builders of a tiny town on real PostGIS: nine grids in three communities, and the people who work there.

    30.706 +-------+-------+-------+
           |  0,0  |  0,1  |  0,2  |   community 0, 和平 Heping
    30.704 +-------+-------+-------+
           |  1,0  |  1,1  |  1,2  |   community 1, 南街 Nanjie
    30.702 +-------+-------+-------+
           |  2,0  |  2,1  |  2,2  |   community 2, 光华 Guanghua; 2,2 is a dedicated grid (a school)
    30.700 +-------+-------+-------+
        103.830  .832    .834    .836

`town.grids[row][column]`, `town.communities[row]`, `town.buildings[row][column][0 or 1]`. A cell is about 191 m by
222 m. Each holds one compound with two buildings (20 m wide) left and right of its middle, so that the middle
of a cell is open ground. Each building holds two households of two residents, whose names all begin with
`RESIDENT`: a page that shows one by mistake is found by that word.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.contrib.gis.geos import LineString, MultiLineString, MultiPolygon, Point, Polygon
from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from boundaries.models import (
    Building,
    BuildingUse,
    Community,
    Compound,
    CompoundKind,
    Grid,
    GridKind,
    Land,
    LandKind,
    Outline,
    Placement,
    Plan,
    Publication,
    Street,
    StreetRank,
    Subdistrict,
    Water,
    WaterKind,
)
from boundaries.models.constraints import always, since
from gridmap.models import (
    Absence,
    ApiToken,
    Assignment,
    DutyTelephone,
    HostContact,
    Household,
    Incident,
    IncidentState,
    Match,
    Part,
    Resident,
    Role,
    RoleGrant,
    ServiceCentre,
    Specialist,
    SpecialistKind,
    User,
)

ZONE: Final = ZoneInfo("Asia/Shanghai")
FOUNDED: Final = datetime(2019, 1, 1, tzinfo=ZONE)
"""The scheme of the tiny town is in force since then."""
WEST, SOUTH, CELL = 103.830, 30.700, 0.002
RESIDENT: Final = "居民甲乙"
PASSWORD: Final = "correct-horse-battery-staple"
NAMES: Final = (("001", "和平", "Heping"), ("004", "南街", "Nanjie"), ("044", "光华", "Guanghua"))


@dataclass
class Town:
    """What `make_town` built; indices are row (north to south) and column (west to east)."""

    subdistrict: Subdistrict
    plan: Plan
    communities: list[Community] = field(default_factory=list)
    grids: list[list[Grid]] = field(default_factory=list)
    compounds: list[list[Compound]] = field(default_factory=list)
    buildings: list[list[list[Building]]] = field(default_factory=list)
    centre: ServiceCentre | None = None


def box(west: float, south: float, east: float, north: float) -> MultiPolygon:
    """A rectangle in degrees as a MultiPolygon, corners on 1e-8 degree."""
    corners = [round(value, 8) for value in (west, south, east, north)]
    polygon = Polygon.from_bbox((corners[0], corners[1], corners[2], corners[3]))
    polygon.srid = 4326
    return MultiPolygon(polygon, srid=4326)


def cell(row: int, column: int, inset: float = 0.0) -> MultiPolygon:
    """The ground of a grid, made smaller by `inset` degrees on each side."""
    west, south = WEST + CELL * column, SOUTH + CELL * (2 - row)
    return box(west + inset, south + inset, west + CELL - inset, south + CELL - inset)


def middle(row: int, column: int) -> Point:
    """The middle of a grid: open ground, about 95 m from the nearest border."""
    return Point(round(WEST + CELL * (column + 0.5), 8), round(SOUTH + CELL * (2 - row + 0.5), 8), srid=4326)


def during(start: datetime | None, end: datetime | None) -> TimestamptzRange:
    """The half-open range from `start` to `end`."""
    return TimestamptzRange(start, end, "[)")


def make_subdistrict(
    code: str = "510115001", name: str = "柳城街道", name_en: str = "Liucheng"
) -> Subdistrict:
    """A subdistrict in Liucheng's projection and zone."""
    return Subdistrict.objects.create(
        code=code,
        name=name,
        name_en=name_en,
        district="温江区",
        city="成都市",
        metric_srid=4544,
        norm="people",
        norm_limit=2500,
        outline=box(WEST, SOUTH, WEST + 3 * CELL, SOUTH + 3 * CELL),
        is_synthetic=True,
    )


def freeze(plan: Plan) -> None:
    """Fix the plan's outlines for good, as publishing does."""
    plan.frozen_at = FOUNDED
    plan.save(update_fields=["frozen_at"])


def make_town(*, homes: bool = True, frozen: bool = True) -> Town:
    """The town of the picture above, its plan in force since `FOUNDED`.

    Without households unless `homes`; with outlines that a test may still change unless `frozen`.
    """
    subdistrict = make_subdistrict()
    plan = Plan.objects.create(subdistrict=subdistrict, name="Founding scheme")
    town = Town(subdistrict, plan)
    for row, (suffix, name, name_en) in enumerate(NAMES):
        south = SOUTH + CELL * (2 - row)
        community = Community.objects.create(
            subdistrict=subdistrict,
            code=f"{subdistrict.code}{suffix}",
            name=name,
            name_en=name_en,
            outline=box(WEST, south, WEST + 3 * CELL, south + CELL),
        )
        town.communities.append(community)
        publication = Publication.objects.create(plan=plan, community=community, period=since(FOUNDED))
        DutyTelephone.objects.create(
            community=community, number=f"028-0000 000{row}", hours="09:00-17:00", period=always()
        )
        town.grids.append([])
        town.compounds.append([])
        town.buildings.append([])
        for column in range(3):
            _make_cell(town, publication, row, column, homes=homes)
    if frozen:
        freeze(plan)
    _make_ground(town)
    HostContact.objects.create(
        grid=town.grids[2][2],
        name="门卫老张",
        host="柳城小学",
        host_en="Primary School",
        telephone="028-0000 0100",
    )
    centre = ServiceCentre.objects.create(
        subdistrict=subdistrict,
        name="和平党群服务中心",
        name_en="Heping service centre",
        address="团结巷 1号",
        hours="09:00-17:00",
        telephone="028-0000 0200",
        point=middle(1, 1),
    )
    centre.communities.set(town.communities)
    town.centre = centre
    return town


def _make_cell(town: Town, publication: Publication, row: int, column: int, *, homes: bool) -> None:
    community = town.communities[row]
    dedicated = (row, column) == (2, 2)
    grid = Grid.objects.create(subdistrict=town.subdistrict)
    town.grids[row].append(grid)
    Outline.objects.create(
        grid=grid,
        plan=town.plan,
        community=community,
        code=f"{community.code}{column + 1:03}",
        name=f"{community.name}第{column + 1}网格",
        name_en=f"{community.name_en} grid {column + 1}",
        kind=GridKind.DEDICATED if dedicated else GridKind.ALL_PURPOSE,
        polygon=cell(row, column),
    )
    compound = Compound.objects.create(
        community=community,
        name=f"{community.name}小区{column + 1}",
        name_en=f"{community.name_en} Court {column + 1}",
        kind=CompoundKind.CAMPUS if dedicated else CompoundKind.RESIDENTIAL,
        outline=cell(row, column, inset=0.0002),
    )
    town.compounds[row].append(compound)
    town.buildings[row].append(
        [make_building(town, row, column, number, publication, homes=homes) for number in (1, 2)]
    )


def make_building(
    town: Town,
    row: int,
    column: int,
    number: int,
    publication: Publication | None = None,
    *,
    homes: bool = True,
) -> Building:
    """Building `number` of a cell: 1 and 2 stand west and east of its middle, further ones north of those."""
    centre = middle(row, column)
    lon = centre.x + (-0.0004 if number % 2 else 0.0004)
    lat = centre.y + 0.0003 * ((number - 1) // 2)
    building = Building.objects.create(
        subdistrict=town.subdistrict,
        community=town.communities[row],
        compound=town.compounds[row][column],
        number=str(number),
        use=BuildingUse.HOME,
        floors=6,
        entrances=1,
        footprint=box(lon - 0.0001, lat - 0.0001, lon + 0.0001, lat + 0.0001),
        point=Point(round(lon, 8), round(lat, 8), srid=4326),
    )
    Placement.objects.create(
        building=building, grid=town.grids[row][column], period=since(FOUNDED), publication=publication
    )
    for room in ("101", "102") if homes else ():
        make_household(building, room)
    return building


def make_household(building: Building, room: str, *, names: tuple[str, ...] = ("子", "丑")) -> Household:
    """A household behind the door `room`, with one resident for each of `names`."""
    household = Household.objects.create(
        building=building,
        entrance="1",
        floor=int(room[:-2] or 0),
        room=room,
        point=building.point,
        head_count=len(names),
    )
    Resident.objects.bulk_create(
        Resident(household=household, name=f"{RESIDENT}{name}{household.pk}", birth_year=1950)
        for name in names
    )
    return household


def _make_ground(town: Town) -> None:
    east, north = WEST + 3 * CELL, SOUTH + 3 * CELL
    subdistrict = town.subdistrict
    line = MultiLineString(LineString((WEST, SOUTH + CELL), (east, SOUTH + CELL)), srid=4326)
    Street.objects.create(
        subdistrict=subdistrict,
        name="团结巷",
        name_en="Tuanjie Lane",
        rank=StreetRank.LANE,
        width_m=6,
        line=line,
    )
    Water.objects.create(
        subdistrict=subdistrict,
        name="江安河",
        name_en="Jiang'an River",
        kind=WaterKind.RIVER,
        area=box(WEST - 0.0005, SOUTH, WEST, north),
    )
    Land.objects.create(
        subdistrict=subdistrict,
        name="柳城公园",
        name_en="Liucheng Park",
        kind=LandKind.PARK,
        area=box(east, SOUTH, east + 0.0005, north),
    )


# --- People ---------------------------------------------------------------------------------------------------


def make_user(username: str, *, is_demo: bool = False) -> User:
    """An account with the password `PASSWORD` and no role."""
    return User.objects.create(username=username, password=_hashed(), is_demo=is_demo)


@cache
def _hashed() -> str:
    # a proper hash takes half a second: once is enough for a cast of two dozen
    return make_password(PASSWORD)


def grant(
    user: User,
    role: Role,
    subdistrict: Subdistrict,
    community: Community | None = None,
    *,
    period: TimestamptzRange | None = None,
) -> RoleGrant:
    """A role for `user`, always in force unless `period` says otherwise."""
    return RoleGrant.objects.create(
        user=user, role=role, subdistrict=subdistrict, community=community, period=period or always()
    )


def make_specialist(
    town: Town,
    staff_number: str,
    *,
    user: User | None = None,
    kind: SpecialistKind = SpecialistKind.GRID,
    employed: TimestamptzRange | None = None,
) -> Specialist:
    """A specialist of the town, whose public name and telephone hold `staff_number`."""
    return Specialist.objects.create(
        subdistrict=town.subdistrict,
        user=user,
        kind=kind,
        name=f"职工本名{staff_number}",
        name_en=f"Legal Name {staff_number}",
        public_name=f"网格员{staff_number}",
        public_name_en=f"Specialist {staff_number}",
        duty_telephone=f"028-0000 1{staff_number:0>3}",
        employed=employed or always(),
        staff_number=staff_number,
    )


def assign(
    specialist: Specialist,
    *grids: Grid,
    part: Part = Part.LEAD,
    period: TimestamptzRange | None = None,
) -> list[Assignment]:
    """Give `specialist` the part in each of `grids`, always unless `period` says otherwise."""
    return [
        Assignment.objects.create(grid=grid, specialist=specialist, part=part, period=period or always())
        for grid in grids
    ]


def send_away(specialist: Specialist, *, period: TimestamptzRange | None = None) -> Absence:
    """Absence of `specialist`: from yesterday to tomorrow unless `period` says otherwise."""
    now = timezone.now()
    return Absence.objects.create(
        specialist=specialist, period=period or during(now - timedelta(days=1), now + timedelta(days=1))
    )


def make_token(user: User, *, expires_at: datetime | None = None, revoked_at: datetime | None = None) -> str:
    """An API token of `user`; returns the secret."""
    secret = ApiToken.new_secret()
    ApiToken.objects.create(
        user=user,
        name="test",
        digest=ApiToken.digest_of(secret),
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
    return secret


def make_incident(
    town: Town, row: int, column: int, *, text: str = "水管漏水", specialist: Specialist | None = None
) -> Incident:
    """An open incident in the middle of a grid."""
    return Incident.objects.create(
        subdistrict=town.subdistrict,
        text=text,
        point=middle(row, column),
        match=Match.INSIDE,
        community=town.communities[row],
        grid=town.grids[row][column],
        specialist=specialist,
        happened_at=timezone.now(),
        state=IncidentState.OPEN,
    )
