"""Reading household registers: which door does a row mean? Rows come from Excel or CSV, seldom with coordinates."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely
from django.utils.translation import gettext as _
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from boundaries.importing import columns
from boundaries.importing.numbers import Door, floor_of, name_of, narrow, number_of, read_address
from boundaries.models import Building, Subdistrict

ROLES: Final = {
    "ref": "household.ref", "community": "community", "compound": "compound", "building": "building", "unit": "unit",
    "floor": "floor", "room": "room", "members": "members", "address": "household.address", "street": "street",
    "house_number": "house_number",
}  # fmt: skip
"""Roles of columns. The householder's name is not among them: the system needs no name to know a door."""
_PERSONAL_HEADING: Final = re.compile(
    r"姓名|户主|戶主|户长|戶長|联系|聯絡|聯繫|身份|身分|证件|證件|护照|護照|电话|電話|手机|手機|业主|業主|产权人|產權人|出生|生日"
    r"|householder|surname|(full|first|last)name|phone|mobile|contact|identity|idcard|idn(o|um)|passport|birth|owner"
    r"|^tel|^head$|^name$"
)
_PERSONAL_CELL: Final = re.compile(r"(?<!\d)(\d{17}[\dXx]|1[3-9]\d{9})(?!\d)")
NEAR: Final = 3e-5
"""Degrees (about 3 m) within which a coordinate beside a wall still means the building."""
LONGEST_DOOR: Final = 24
"""Characters of an entrance and of a room: `Household` and `RegisterRow`."""
LONGEST_KEY: Final = 128
_SPLIT_ROOM: Final = re.compile(
    r"^(?:(?P<building>[0-9A-Za-z]+)-)?(?P<unit>[0-9A-Za-z]+)-(?P<room>[0-9A-Za-z]+)$"
)
_UNIT_IN_ROOM: Final = re.compile(r"^(?P<unit>[^-]+?)(?:单元|單元|门)(?P<room>.+)$")


def names_people(heading: str) -> bool:
    """Whether a column's heading promises names, identity numbers, telephones or birthdays."""
    return _PERSONAL_HEADING.search(columns.plain(heading)) is not None


def looks_personal(cell: str) -> bool:
    """Whether a cell holds an identity number or a mobile telephone, whatever its heading."""
    return _PERSONAL_CELL.search(re.sub(r"[\s-]", "", narrow(cell))) is not None


@dataclass(frozen=True, slots=True)
class Match:
    """What a row was found to mean: a building, or the reason why none."""

    building: int | None
    reason: str = ""


@dataclass(slots=True)
class Claim:
    """A row of a register: where it says that a household lives, and what it says of it.

    Attributes
    ----------
    row : int
    ref : str
        The register's own reference, empty where it has none.
    door : Door
    community : str
    street, house_number : str
    people : int or None
        None where the register does not count them.
    point : BaseGeometry or None
        EPSG:4326.
    """

    row: int
    ref: str
    door: Door
    community: str = ""
    street: str = ""
    house_number: str = ""
    people: int | None = None
    point: BaseGeometry | None = None

    @property
    def key(self) -> str:
        """Reference that stays the same from one register to the next; made of the door where there is none."""
        if self.ref:
            return self.ref
        place = self.door.compound or f"{self.street} {self.house_number}".strip()
        floor = "" if self.door.floor is None or self.door.room else str(self.door.floor)
        return "|".join((name_of(place), self.door.building, self.door.unit, floor, self.door.room))

    @property
    def too_long(self) -> tuple[str, str, int] | None:
        """Role, text and limit of what would have to be cut: two doors that differ behind the cut would become one."""
        for role, text, limit in (
            ("unit", self.door.unit, LONGEST_DOOR),
            ("room", self.door.room, LONGEST_DOOR),
            ("ref" if self.ref else "compound", self.key, LONGEST_KEY),
        ):
            if len(text) > limit:
                return role, text, limit
        return None

    @property
    def label(self) -> str:
        """The door in words."""
        place = self.door.compound or f"{self.street} {self.house_number}".strip()
        building = f"{self.door.building}栋" if self.door.building else ""
        unit = f"{self.door.unit}单元" if self.door.unit else ""
        return " ".join(part for part in (place, building, unit, self.door.room) if part)


def door_of(compound: str, building: str, unit: str, floor: str, room: str, address: str) -> Door:
    """Put a door together from columns of which some may hold more than their name says.

    «3栋2单元» in the building, «2-1203» or «3-2-1203» in the room, a whole address in one column: all occur.
    """
    if not building and (address or compound):
        whole = read_address(address or compound)
        if whole is not None:
            kept = whole.compound or compound
            return Door(
                kept if not compound or address == "" else compound, whole.building, whole.unit or number_of(unit),
                whole.floor if whole.floor is not None else _floor(floor, whole.room), whole.room or number_of(room),
            )  # fmt: skip
    if building and not unit:
        parts = read_address(f"某{building}")
        if parts is not None and parts.unit:
            return Door(
                compound, parts.building, parts.unit, _floor(floor, room), number_of(room or parts.room)
            )
    text = narrow(room)
    split = _SPLIT_ROOM.match(re.sub(r"(室|房|号|號)$", "", text))
    if split is not None:
        unit = unit or split["unit"]
        building = building or split["building"] or ""
        room = split["room"]
    elif (inside := _UNIT_IN_ROOM.match(text)) is not None:
        unit, room = unit or inside["unit"], inside["room"]
    return Door(compound, number_of(building), number_of(unit), _floor(floor, room), number_of(room))


def _floor(text: str, room: str) -> int | None:
    """The floor as given, else as a room number of three or four digits tells: 1203 is on 12."""
    if text:
        return floor_of(text)
    digits = number_of(room)
    return int(digits[:-2]) if re.fullmatch(r"\d{3,4}", digits) else None


@dataclass(slots=True)
class Buildings:
    """The buildings of a subdistrict, to be found by name and number or by place."""

    points: dict[int, BaseGeometry] = field(default_factory=dict)
    _compounds: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _numbered: dict[tuple[int, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _in_compound: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _on_street: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _community_of: dict[int, tuple[str, str]] = field(default_factory=dict)
    _ids: list[int] = field(default_factory=list)
    _tree: STRtree | None = None

    @classmethod
    def of(cls, subdistrict: Subdistrict, places: bool = True) -> "Buildings":
        """Read them in one query; ``places`` tells whether rows have coordinates."""
        found = cls()
        shapes: list[BaseGeometry] = []
        rows = (
            Building.objects.filter(subdistrict=subdistrict, existed__endswith=None)
            .order_by("pk")
            .values_list(
                "pk", "number", "house_number", "name", "compound_id", "compound__name", "compound__community__code",
                "compound__community__name", "street__name", "point", "footprint",
            )
        )  # fmt: skip
        for (
            pk,
            number,
            house,
            name,
            compound,
            compound_name,
            code,
            community,
            street,
            point,
            footprint,
        ) in rows.iterator(5000):
            found.points[pk] = shapely.from_wkb(bytes(point.wkb))
            if compound is not None:
                found._compounds[name_of(compound_name)].add(compound)
                found._community_of[compound] = (code, community)
                found._in_compound[compound].append(pk)
                for label in {number_of(number), number_of(name)} - {""}:
                    found._numbered[compound, label].append(pk)
            if street and house:
                found._on_street[name_of(street), number_of(house)].append(pk)
            if places:
                found._ids.append(pk)
                shapes.append(shapely.from_wkb(bytes(footprint.wkb)))
        if shapes:
            found._tree = STRtree(np.array(shapes, dtype=object))
        return found

    def find(self, claim: Claim) -> Match:
        """Find the building that a row means, by its words first, then by its coordinate."""
        by_name = self._by_name(claim)
        if by_name.building is not None or claim.point is None:
            return by_name
        near = self._at(claim.point)
        if near is not None:
            return Match(near)
        return Match(
            None, _("%(reason)s No building stands at its coordinate either.") % {"reason": by_name.reason}
        )

    def _by_name(self, claim: Claim) -> Match:
        door = claim.door
        if not door.compound and not claim.street:
            return Match(None, _("The row names neither a compound nor a street."))
        if claim.street and claim.house_number:
            found = self._on_street.get((name_of(claim.street), number_of(claim.house_number)), [])
            if len(found) == 1:
                return Match(found[0])
            if not door.compound:
                return Match(
                    None,
                    _("No building has the address %(street)s %(number)s.")
                    % {"street": claim.street, "number": claim.house_number},
                )
        compounds = self._compounds.get(name_of(door.compound), set())
        if len(compounds) > 1 and claim.community:
            wanted = name_of(claim.community).removesuffix("社区")
            compounds = {
                one for one in compounds
                if wanted in (self._community_of[one][0], name_of(self._community_of[one][1]).removesuffix("社区"))
            } or compounds  # fmt: skip
        if not compounds:
            return Match(None, _("There is no compound “%(name)s”.") % {"name": door.compound})
        if len(compounds) > 1:
            return Match(
                None,
                _("Several compounds are called “%(name)s”; give the community.") % {"name": door.compound},
            )
        compound = next(iter(compounds))
        if not door.building:
            only = self._in_compound[compound]
            if len(only) == 1:
                return Match(only[0])
            return Match(
                None,
                _("The row gives no building, and %(name)s has %(count)s.")
                % {"name": door.compound, "count": len(only)},
            )
        found = self._numbered.get((compound, door.building), [])
        if len(found) == 1:
            return Match(found[0])
        if found:
            return Match(
                None,
                _("%(name)s has several buildings with the number %(number)s.")
                % {"name": door.compound, "number": door.building},
            )
        return Match(
            None, _("%(name)s has no building %(number)s.") % {"name": door.compound, "number": door.building}
        )

    def _at(self, point: BaseGeometry) -> int | None:
        if self._tree is None:
            return None
        hits: Sequence[int] = self._tree.query(point, predicate="dwithin", distance=NEAR)
        if len(hits) == 0:
            return None
        nearest = min(hits, key=lambda hit: (point.distance(self._tree.geometries[hit]), hit))  # type: ignore[union-attr]
        return self._ids[int(nearest)]
