"""Who is responsible here, at that time: one function, one query, one JSON shape for page, API and command.

Who answers: the lead if on duty, else the stand-in if on duty, else the community's duty telephone. On duty
means in service, assigned and not absent at that time. The rule for places stands in `boundaries.locating`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from boundaries import locating
from boundaries.locating import Place, PlaceError
from boundaries.models import Subdistrict
from boundaries.models.constraints import local_name
from boundaries.naming import address_en, address_zh
from boundaries.prepared import Statement
from gridmap.models import Part

Audience = Literal["public", "staff"]
Json = dict[str, Any]
AudienceOf = Callable[[Json | None], Audience]

# One row per grid in reach, or one row without a grid. People come as JSON so that it stays one row per grid
# whatever their number.
_PEOPLE: Final = """
staff AS (
  SELECT a.grid_id, a.part, a.specialist_id,
         NOT EXISTS (SELECT FROM gridmap_absence away
                     WHERE away.specialist_id = a.specialist_id AND away.revoked_at IS NULL
                       AND away.period @> %(at)s) AS on_duty,
         jsonb_build_object('id', s.id, 'full_name', s.name, 'full_name_en', s.name_en,
                            'name', s.public_name, 'name_en', s.public_name_en,
                            'telephone', s.duty_telephone, 'part', a.part) AS person,
         s.staff_number
  FROM gridmap_assignment a
  JOIN gridmap_specialist s ON s.id = a.specialist_id AND s.employed @> %(at)s
  WHERE a.grid_id IN (SELECT grid_id FROM ranked) AND a.revoked_at IS NULL AND a.period @> %(at)s
)"""

# Put together from this project's own constants; every value is a parameter.
STATEMENT: Final = Statement(f"""
WITH {locating.GROUND}, {_PEOPLE}
SELECT r.grid_id, r.code, r.name, r.name_en, r.kind, r.d, r.holds, r.houses, r.nearest_reach_m,
       c.code AS community_code, c.name AS community_name, c.name_en AS community_name_en,
       s.is_synthetic, p.id AS plan_id, p.name AS plan_name,
       (SELECT jsonb_build_object('id', b.id, 'name', b.name, 'name_en', b.name_en, 'number', b.number,
                                  'compound', cp.name, 'compound_en', cp.name_en,
                                  'street', st.name, 'street_en', st.name_en, 'house_number', b.house_number)
        FROM under JOIN boundaries_building b ON b.id = under.building_id
        LEFT JOIN boundaries_compound cp ON cp.id = b.compound_id
        LEFT JOIN boundaries_street st ON st.id = b.street_id) AS building,
       (SELECT jsonb_agg(person || jsonb_build_object('on_duty', on_duty) ORDER BY part, staff_number)
        FROM staff WHERE staff.grid_id = r.grid_id) AS people,
       (SELECT jsonb_build_object('number', t.number, 'hours', t.hours) FROM gridmap_dutytelephone t
        WHERE t.community_id = c.id AND t.revoked_at IS NULL AND t.period @> %(at)s) AS telephone,
       (SELECT jsonb_build_object('name', h.name, 'name_en', h.name_en, 'host', h.host, 'host_en', h.host_en,
                                  'telephone', h.telephone) FROM gridmap_hostcontact h
        WHERE h.grid_id = r.grid_id AND h.revoked_at IS NULL AND h.period @> %(at)s) AS host,
       (SELECT jsonb_build_object('name', sc.name, 'name_en', sc.name_en, 'address', sc.address,
                                  'hours', sc.hours, 'telephone', sc.telephone,
                                  'lon', ST_X(sc.point), 'lat', ST_Y(sc.point))
        FROM gridmap_servicecentre sc
        JOIN gridmap_servicecentre_communities scc ON scc.servicecentre_id = sc.id
        WHERE scc.community_id = c.id ORDER BY sc.point <-> here.pt, sc.id LIMIT 1) AS centre,
       c.id IS NULL AND EXISTS (
         SELECT FROM boundaries_community x
         WHERE x.outline && ST_SetSRID(ST_MakePoint(%(lat)s, %(lon)s), 4326)) AS swapped
FROM here
LEFT JOIN ranked r ON true
LEFT JOIN boundaries_community c ON c.id = coalesce(r.community_id, (
  SELECT x.id FROM boundaries_community x WHERE ST_Intersects(x.outline, here.pt) ORDER BY x.code LIMIT 1))
LEFT JOIN boundaries_subdistrict s ON s.id = c.subdistrict_id
LEFT JOIN boundaries_plan p ON p.id = r.plan_id
ORDER BY r.d, r.code
""")


_JSON_COLUMNS: Final = ("building", "people", "telephone", "host", "centre")


@dataclass(frozen=True, slots=True)
class Person:
    """A specialist with a part in a grid, as of the time asked for."""

    id: int
    name: str
    name_en: str
    full_name: str
    full_name_en: str
    telephone: str
    part: str
    on_duty: bool

    @property
    def title(self) -> str:
        """The public name in the reader's language."""
        return local_name(self.name, self.name_en)

    def as_json(self, audience: Audience) -> Json:
        """The public sees a public name and a duty telephone; colleagues also the full name."""
        public = {"name": self.name, "name_en": self.name_en, "telephone": self.telephone, "part": self.part}
        if audience == "public":
            return public
        return public | {
            "id": self.id,
            "full_name": self.full_name,
            "full_name_en": self.full_name_en,
            "on_duty": self.on_duty,
        }


@dataclass(frozen=True, slots=True)
class Responsible:
    """One grid in reach and the people who are responsible for it."""

    grid_id: int
    grid: Json
    community: Json
    distance_m: float
    plan: Json
    lead: Person | None
    members: tuple[Person, ...]
    stand_in: Person | None
    duty_telephone: Json | None
    host_contact: Json | None
    centre: Json | None

    @property
    def specialist(self) -> Person | None:
        """Who answers now: the lead if on duty, else the stand-in if on duty."""
        if self.lead and self.lead.on_duty:
            return self.lead
        if self.stand_in and self.stand_in.on_duty:
            return self.stand_in
        return None

    @property
    def answers(self) -> str:
        """Which of lead, stand_in, duty_telephone or nobody answers."""
        if person := self.specialist:
            return person.part
        return "duty_telephone" if self.duty_telephone else "nobody"

    def as_json(self, audience: Audience) -> Json:
        """The grid and who is responsible for it. The public gets who answers now, nobody else."""
        person = self.specialist
        body: Json = {
            "grid": self.grid,
            "specialist": person.as_json(audience) if person else None,
            # the public hears of a stand-in only while it is the stand-in who answers
            "stand_in": person.as_json(audience) if person and person.part == Part.STAND_IN else None,
            "answers": self.answers,
            "plan": self.plan,
        }
        if audience == "staff":
            body |= {
                "lead": self.lead.as_json(audience) if self.lead else None,
                "members": [member.as_json(audience) for member in self.members],
                "stand_in": self.stand_in.as_json(audience) if self.stand_in else None,
                "host_contact": self.host_contact,
            }
        return body


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to «who is responsible here?»."""

    where: Place
    at: datetime
    match: str
    distance_m: float
    answer: Responsible | None
    candidates: tuple[Responsible, ...]
    community: Json | None
    duty_telephone: Json | None
    centre: Json | None
    building: Json | None
    is_synthetic: bool

    @property
    def answers(self) -> str:
        """Which of lead, stand_in, duty_telephone or nobody answers."""
        if self.answer:
            return self.answer.answers
        return "duty_telephone" if self.duty_telephone else "nobody"

    def as_json(self, audience: Audience | AudienceOf = "public") -> Json:
        """The one JSON shape. The public gets one name and duty telephone, nobody else's.

        On a border the grids of two communities may be meant: `audience` may be a function of the community.
        """
        told: AudienceOf = audience if callable(audience) else lambda _community: audience
        nobody: Json = {"grid": None, "specialist": None, "stand_in": None, "plan": None}
        if told(self.community) == "staff":
            nobody |= {"lead": None, "members": [], "host_contact": None}
        chosen = self.answer.as_json(told(self.community)) if self.answer else nobody
        body: Json = {
            "match": self.match,
            "distance_m": round(self.distance_m, 2),
            "point": {"lon": self.where.lon, "lat": self.where.lat, "datum": "wgs84"},
            "input": {
                "lon": self.where.input_lon,
                "lat": self.where.input_lat,
                "datum": self.where.datum,
                "accuracy_m": self.where.accuracy_m,
            },
            "at": self.at.isoformat(),
            "community": self.community,
            "answers": self.answers,
            "duty_telephone": self.duty_telephone,
            "centre": self.centre,
            "building": self.building,
            "candidates": [self._candidate(each, told(each.community)) for each in self.candidates],
            "synthetic": self.is_synthetic,
        }
        return chosen | body

    @staticmethod
    def _candidate(each: Responsible, audience: Audience) -> Json:
        body = {"grid": each.grid, "community": each.community, "distance_m": round(each.distance_m, 2)}
        if audience == "staff":
            person = each.specialist
            body |= {"specialist": person.as_json(audience) if person else None, "answers": each.answers}
        return body


def locate(
    lon: float,
    lat: float,
    *,
    at: datetime | None = None,
    datum: str = "wgs84",
    accuracy_m: float | None = None,
) -> Answer:
    """Say who is responsible at a place, at a time: one database query.

    Parameters
    ----------
    lon, lat : float
        Degrees in `datum`.
    at : datetime, optional
        Aware; now if not given. Any past or future time.
    datum : str
        wgs84, cgcs2000, gcj02 or bd09.
    accuracy_m : float, optional
        Radius of the stated accuracy in metres.

    Raises
    ------
    PlaceError
        The coordinate is none, out of range or exchanged; the message says which.
    """
    where = locating.place(lon, lat, datum=datum, accuracy_m=accuracy_m)
    moment = at or timezone.now()
    rows = [_decoded(row) for row in STATEMENT.rows(locating.parameters(where, moment))]
    return _answer(where, moment, rows)


def town_zone() -> ZoneInfo:
    """The clock for naive input: the subdistricts' where they share one zone, else the settings'."""
    zones = list(Subdistrict.objects.values_list("time_zone", flat=True).distinct().order_by()[:2])
    return ZoneInfo(zones[0] if len(zones) == 1 else settings.TIME_ZONE)


def _decoded(row: Json) -> Json:
    """The row with its JSON columns read: Django's connections hand them over as text."""
    return row | {name: json.loads(row[name]) for name in _JSON_COLUMNS if row[name] is not None}


def _answer(where: Place, at: datetime, rows: list[Json]) -> Answer:
    first = rows[0]
    if first["swapped"]:
        raise PlaceError("swapped", locating.swapped_message(where.input_lon, where.input_lat))
    found = [row for row in rows if row["grid_id"] is not None]
    grids = [_responsible(row) for row in found]
    verdict = locating.judge([_near(row) for row in found], where.radius_m)
    chosen = grids[verdict.answer] if verdict.answer is not None else None
    # Ground in a community that no grid covers still has the community's telephone and centre.
    named = chosen is not None or first["community_code"] is not None
    return Answer(
        where=where,
        at=at,
        match=verdict.match,
        distance_m=verdict.distance_m,
        answer=chosen,
        candidates=tuple(grids[index] for index in verdict.candidates),
        community=chosen.community if chosen else _community(first),
        duty_telephone=chosen.duty_telephone if chosen else first["telephone"],
        centre=(chosen.centre if chosen else first["centre"]) if named else None,
        building=_building(first["building"]),
        is_synthetic=any(row["is_synthetic"] for row in rows),
    )


def _near(row: Json) -> locating.Near:
    return locating.Near(
        grid_id=row["grid_id"],
        code=row["code"],
        distance_m=row["d"],
        holds=row["holds"],
        houses=bool(row["houses"]),
        reach_m=row["nearest_reach_m"],
    )


def _responsible(row: Json) -> Responsible:
    people = [Person(**person) for person in row["people"] or []]
    return Responsible(
        grid_id=row["grid_id"],
        grid={
            "id": row["grid_id"],
            "code": row["code"],
            "name": row["name"],
            "name_en": row["name_en"],
            "kind": row["kind"],
        },
        community=_community(row) or {},
        distance_m=row["d"],
        plan={"id": row["plan_id"], "name": row["plan_name"]},
        lead=next((person for person in people if person.part == Part.LEAD), None),
        members=tuple(person for person in people if person.part == Part.MEMBER),
        stand_in=next((person for person in people if person.part == Part.STAND_IN), None),
        duty_telephone=row["telephone"],
        host_contact=row["host"],
        centre=row["centre"],
    )


def _community(row: Json) -> Json | None:
    if row["community_code"] is None:
        return None
    return {"code": row["community_code"], "name": row["community_name"], "name_en": row["community_name_en"]}


def _building(found: Json | None) -> Json | None:
    """The building under the point with its address, in the words of the place and in English."""
    if found is None:
        return None
    compound, street = found["compound"] or "", found["street"] or ""
    return {
        "id": found["id"],
        "address": address_zh(
            compound=compound, number=found["number"], street=street, house_number=found["house_number"]
        ),
        "address_en": address_en(
            compound=found["compound_en"] or compound,
            number=found["number"],
            street=found["street_en"] or street,
            house_number=found["house_number"],
        ),
        "name": found["name"],
        "name_en": found["name_en"],
    }
