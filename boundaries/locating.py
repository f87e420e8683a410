"""Point, at a time -> grid: the rule, stated once, and the one statement that applies it.

The rule
--------
Let r be one metre or the stated accuracy, whichever is more, and R the subdistrict's reach (50 m unless set).
Distances are planar in metres on the ellipsoid's tangent at the point (`metres_per_degree`).

1. *edge*: more than one grid lies within r, or exactly one lies within r and the point is outside it. There
   is still one answer; all grids within r are listed as candidates, nearest first, then by code.
2. *inside*: the point lies in a grid and every other grid is farther than r.
3. *nearest*: no grid within r, the nearest within R. The distance is stated.
4. *outside*: none of these. The community is still named if its surveyed outline holds the point.

The one answer, in every case: the stored grid of the building under the point (a building belongs to one
grid even where a border cuts it); else the grid whose polygon holds the point (on a shared border the lowest
code); else the nearest, ties by code. So a building that was given to another grid than the one around it
answers with its own grid, and both are candidates.

::

      grid 001      |      grid 002            a: inside 001
           a        | b                        b: edge, answer 002, candidates 002 and 001 (0.4 m)
                +---+---+
                | house |                      c: in a house stored in 001, east of the border:
                |   | c |                         answer 001, candidates 001 and 002
                +---+---+
    ----------------+----------------
        d                                      d: 8 m south of the rim: nearest 001, 8.0 m
"""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from boundaries.datum import DATUMS, to_wgs84

BORDER_M: Final = 1.0
MAX_ACCURACY_M: Final = 500.0

# WGS 84
_A: Final = 6378137.0
_E2: Final = 6.69437999014e-3


class PlaceError(ValueError):
    """The input is no place on earth as it stands. `code` is stable, the message is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """A validated point: what came in, and where that is in WGS 84 degrees.

    `accuracy_m` is the radius of the stated accuracy in metres, None where none was stated.
    """

    lon: float
    lat: float
    datum: str = "wgs84"
    input_lon: float = math.nan
    input_lat: float = math.nan
    accuracy_m: float | None = None

    @property
    def radius_m(self) -> float:
        """The distance within which a border makes the answer an edge."""
        return max(BORDER_M, self.accuracy_m or 0.0)

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """Metres per degree of longitude and of latitude here."""
        return metres_per_degree(self.lat)


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Metres per degree of longitude and of latitude at the latitude `lat` on the WGS 84 ellipsoid.

    From the radii of curvature in the prime vertical and in the meridian (any geodesy textbook). Planar
    distances computed with them differ from geodesics by less than 1 mm within 100 m, below 60 degrees.
    """
    sine = math.sin(math.radians(lat))
    w = math.sqrt(1.0 - _E2 * sine * sine)
    east = _A / w * math.cos(math.radians(lat))
    north = _A * (1.0 - _E2) / w**3
    return math.radians(east), math.radians(north)


def place(lon: float, lat: float, *, datum: str = "wgs84", accuracy_m: float | None = None) -> Place:
    """Check a coordinate and bring it to WGS 84.

    Raises
    ------
    PlaceError
        `datum` (unknown), `not_a_number`, `swapped` (latitude and longitude are exchanged), `out_of_range`,
        `accuracy`.
    """
    if datum not in DATUMS:
        raise PlaceError(
            "datum",
            _("“%(datum)s” is not a known datum. Known are: %(known)s.")
            % {"datum": datum, "known": ", ".join(DATUMS)},
        )
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise PlaceError("not_a_number", _("Longitude and latitude must be numbers."))
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        if -180 <= lat <= 180 and -90 <= lon <= 90:
            raise PlaceError("swapped", swapped_message(lon, lat))
        raise PlaceError(
            "out_of_range",
            _(
                "Longitude %(lon)s, latitude %(lat)s is not on earth: longitude runs from -180 to 180,"
                " latitude from -90 to 90 degrees. Metres must be converted to degrees first."
            )
            % {"lon": lon, "lat": lat},
        )
    if accuracy_m is not None and not 0 <= accuracy_m <= MAX_ACCURACY_M:
        raise PlaceError(
            "accuracy",
            _("The accuracy must lie between 0 and %(max)s metres, not %(value)s.")
            % {"max": f"{MAX_ACCURACY_M:g}", "value": f"{accuracy_m:g}"},
        )
    x, y = to_wgs84(lon, lat, datum) if datum not in {"wgs84", "cgcs2000"} else (lon, lat)
    return Place(float(x), float(y), datum, lon, lat, accuracy_m)


def swapped_message(lon: float, lat: float) -> str:
    """What to say when longitude and latitude were exchanged."""
    return _(
        "Longitude %(lon)s, latitude %(lat)s look exchanged:"
        " did you mean longitude %(lat)s, latitude %(lon)s?"
    ) % {"lon": f"{lon:g}", "lat": f"{lat:g}"}


def instant(text: str, zone: ZoneInfo) -> datetime:
    """Read an ISO date or time: naive times are in `zone`, a bare date means the end of that day there.

    Raises
    ------
    ValueError
        With a message for a person.
    """
    # a «+» before the offset reads as a space where somebody forgot to quote it in an address
    cleaned = re.sub(r"(?<=:\d\d) (?=\d\d:\d\d$)", "+", text.strip())
    try:
        if len(cleaned) == 10:
            midnight = datetime.combine(date.fromisoformat(cleaned) + timedelta(days=1), time(), zone)
            return midnight - timedelta(microseconds=1)
        read = datetime.fromisoformat(cleaned)
        read = read if read.tzinfo else read.replace(tzinfo=zone)
        # years at the ends of the calendar have no neighbours in other time zones
        if not 2 <= read.year <= 9998:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(
            _("“%(text)s” is not a time. Write it like 2026-11-23 or 2026-11-23T14:30.") % {"text": text[:40]}
        ) from None
    return read


# --- The statement ----------------------------------------------------------------------------------------
# Written as named fragments that gridmap joins with the people. Parameters: lon, lat, kx, ky (metres per
# degree), r (metres), at (timestamptz).
#
# The search box is planar in degrees, so that the GiST indexes on the stored geometries serve it; only what
# is in the box is scaled to metres around the point. PostGIS geography does the same on great circles, and
# would bend long borders, which neighbours share as straight lines in degrees, by centimetres.
HERE: Final = """
here AS MATERIALIZED (
  SELECT pt, ST_MakeEnvelope(ST_X(pt) - m / %(kx)s, ST_Y(pt) - m / %(ky)s,
                             ST_X(pt) + m / %(kx)s, ST_Y(pt) + m / %(ky)s, 4326) AS box
  FROM (SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) AS pt,
               (SELECT greatest(%(r)s, max(nearest_reach_m)) FROM boundaries_subdistrict) AS m) reach
)"""

UNDER: Final = """
under AS MATERIALIZED (
  SELECT b.id AS building_id, placed.grid_id
  FROM here
  JOIN boundaries_building b ON ST_Intersects(b.footprint, here.pt) AND b.existed @> %(at)s
  LEFT JOIN boundaries_placement placed ON placed.building_id = b.id AND placed.period @> %(at)s
  ORDER BY b.id
  LIMIT 1
)"""

# Every grid in reach, with its distance; the grid of the building under the point always belongs to them.
NEAR: Final = """
near AS MATERIALIZED (
  SELECT o.grid_id, o.plan_id, o.community_id, o.code, o.name, o.name_en, o.kind, o.polygon,
         ST_Intersects(o.polygon, here.pt) AS holds,
         o.grid_id = (SELECT grid_id FROM under) AS houses
  FROM here
  JOIN boundaries_outline o ON o.polygon && here.box
  JOIN boundaries_publication p
    ON p.plan_id = o.plan_id AND p.community_id = o.community_id
   AND p.state = 'standing' AND p.period @> %(at)s
  UNION ALL
  SELECT o.grid_id, o.plan_id, o.community_id, o.code, o.name, o.name_en, o.kind, o.polygon, false, true
  FROM here, under
  JOIN boundaries_outline o ON o.grid_id = under.grid_id
  JOIN boundaries_publication p
    ON p.plan_id = o.plan_id AND p.community_id = o.community_id
   AND p.state = 'standing' AND p.period @> %(at)s
  WHERE NOT o.polygon && here.box
)"""

RANKED: Final = """
ranked AS MATERIALIZED (
  SELECT near.*, metres.d, s.nearest_reach_m
  FROM near
  JOIN boundaries_community c ON c.id = near.community_id
  JOIN boundaries_subdistrict s ON s.id = c.subdistrict_id
  CROSS JOIN LATERAL (
    SELECT CASE WHEN near.holds THEN 0 ELSE ST_Distance(
      ST_TransScale(ST_SetSRID(near.polygon, 0), -%(lon)s, -%(lat)s, %(kx)s, %(ky)s), ST_MakePoint(0, 0)
    ) END AS d
  ) metres
  WHERE metres.d <= greatest(%(r)s, s.nearest_reach_m) OR near.houses
)"""

GROUND: Final = f"{HERE}, {UNDER}, {NEAR}, {RANKED}"


def parameters(where: Place, at: datetime) -> dict[str, Any]:
    """The statement's parameters for a place and an aware instant."""
    if at.tzinfo is None:
        raise ValueError("the instant has no time zone")
    kx, ky = where.metres_per_degree
    return {
        "lon": where.lon,
        "lat": where.lat,
        "kx": max(kx, 1e-3),
        "ky": ky,
        "r": where.radius_m,
        "at": at,
    }


@dataclass(frozen=True, slots=True)
class Near:
    """A grid in reach: its distance in metres (0 inside), and why it is here."""

    grid_id: int
    code: str
    distance_m: float
    holds: bool
    houses: bool
    reach_m: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a place matched: the index of the one answer in the list that was judged, and of the candidates."""

    match: str
    answer: int | None
    candidates: tuple[int, ...]
    distance_m: float


def judge(near: list[Near], radius_m: float) -> Verdict:
    """Apply the rule of this module to the grids in reach. Pure; the bulk index follows the same order."""
    order = sorted(range(len(near)), key=lambda i: (near[i].distance_m, near[i].code))
    within = [i for i in order if near[i].distance_m <= radius_m]
    housed = [i for i in order if near[i].houses]
    holding = [i for i in order if near[i].holds]
    if within:
        answer = (housed or holding or within)[0]
        match = "inside" if len(within) == 1 and (near[within[0]].holds or housed) else "edge"
        candidates = within if answer in within else [answer, *within]
        return Verdict(match, answer, tuple(candidates), near[answer].distance_m)
    if housed:
        # a building with a grid, on ground that no grid within r holds
        return Verdict("inside", housed[0], (housed[0],), near[housed[0]].distance_m)
    if order and near[order[0]].distance_m <= near[order[0]].reach_m:
        return Verdict("nearest", order[0], (order[0],), near[order[0]].distance_m)
    return Verdict("outside", None, (), 0.0)
