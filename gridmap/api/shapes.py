"""What calls answer with. Coordinates are longitude and latitude; every answer states its datum."""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def _storable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "a NUL character")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        # the validator itself finds those only where it also counts the letters
        raise PydanticCustomError("string_unicode", "a lone surrogate")
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""Text that PostgreSQL can store."""


class PointOut(Schema):
    """A place in WGS 84 degrees."""

    lon: float
    lat: float
    datum: Literal["wgs84"] = "wgs84"


class PointIn(Schema):
    """The place as it was sent."""

    lon: float
    lat: float
    datum: str
    accuracy_m: float | None = None


class CommunityOut(Schema):
    """A community."""

    code: str
    name: str
    name_en: str


class GridOut(Schema):
    """A grid as it is drawn in the plan in force."""

    id: int
    code: str
    name: str
    name_en: str
    kind: Literal["all", "dedicated"]


class PersonOut(Schema):
    """A specialist. The public is told a public name and a duty telephone; colleagues the full name as well."""

    name: str
    name_en: str
    telephone: str
    part: Literal["lead", "member", "stand_in"]
    id: int | None = None
    full_name: str | None = None
    full_name_en: str | None = None
    on_duty: bool | None = None


class TelephoneOut(Schema):
    """A community's duty telephone."""

    number: str
    hours: str


class HostOut(Schema):
    """The contact at the school, hospital or market of a dedicated grid; for colleagues."""

    name: str
    name_en: str
    host: str
    host_en: str
    telephone: str


class CentreOut(Schema):
    """A service centre."""

    name: str
    name_en: str
    address: str
    hours: str
    telephone: str
    lon: float
    lat: float


class BuildingOut(Schema):
    """The building under the point."""

    id: int
    address: str
    address_en: str
    name: str
    name_en: str


class PlanRef(Schema):
    """The plan in force."""

    id: int
    name: str


class CandidateOut(Schema):
    """A grid that the place may mean too. `specialist` is for colleagues."""

    grid: GridOut
    community: CommunityOut
    distance_m: float
    specialist: PersonOut | None = None
    answers: str | None = None


Answers = Literal["lead", "stand_in", "duty_telephone", "nobody"]


class LocateOut(Schema):
    """Who is responsible at a place, at a time. `lead`, `members` and `host_contact` are for colleagues only.

    `stand_in` is told to the public only while it is the stand-in who answers.
    """

    match: Literal["inside", "edge", "nearest", "outside"]
    distance_m: float
    point: PointOut
    input: PointIn
    at: datetime
    community: CommunityOut | None
    grid: GridOut | None
    specialist: PersonOut | None = Field(description="Who answers at that time.")
    answers: Answers
    duty_telephone: TelephoneOut | None
    centre: CentreOut | None
    building: BuildingOut | None
    plan: PlanRef | None
    candidates: list[CandidateOut]
    synthetic: bool
    lead: PersonOut | None = None
    members: list[PersonOut] | None = None
    stand_in: PersonOut | None = None
    host_contact: HostOut | None = None


class Hit(Schema):
    """A place found; coordinates in WGS 84."""

    kind: str
    id: int
    title: str
    title_en: str
    detail: str
    code: str
    lon: float
    lat: float
    bbox: list[float]
    note: str
    score: float


class SearchOut(Schema):
    """Places found, the likeliest first."""

    q: str
    datum: Literal["wgs84"] = "wgs84"
    results: list[Hit]


class Feature(Schema):
    """A GeoJSON feature (RFC 7946), WGS 84."""

    type: Literal["Feature"] = "Feature"
    id: int | str | None = None
    geometry: dict[str, Any] | None
    properties: dict[str, Any]


class FeatureCollection(Schema):
    """A GeoJSON feature collection (RFC 7946), WGS 84."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    datum: Literal["wgs84"] = "wgs84"
    features: list[Feature]


class Page(FeatureCollection):
    """A page of features; send `next` as `after` for the following one, null at the end."""

    next: str | None


class PublicationOut(Schema):
    """When a plan is in force for a community; an open end is null."""

    community: str
    start: datetime | None
    end: datetime | None
    state: Literal["standing", "withdrawn"]


class PlanOut(Schema):
    """A plan. Drafts are for those who may see them on their ground."""

    id: int
    name: str
    subdistrict: str
    is_draft: bool
    created_at: datetime
    frozen_at: datetime | None
    publications: list[PublicationOut]


class BasisOut(Schema):
    """The plan that was in force for a community when the draft was started or last settled."""

    community: str
    base: int | None


class PlanWithGrids(PlanOut):
    """A plan with the outlines of its grids. What follows `grids` is told of drafts, to colleagues."""

    datum: Literal["wgs84"] = "wgs84"
    grids: FeatureCollection
    note: str | None = None
    discarded: bool | None = None
    head: int | None = None
    can_undo: bool | None = None
    can_redo: bool | None = None
    bases: list[BasisOut] | None = None


class IncidentIn(Schema):
    """What happened, and where."""

    text: Text = Field(max_length=4000)
    lon: float
    lat: float
    datum: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] = "wgs84"
    accuracy_m: float | None = None
    address: Text = ""
    happened_at: Text | None = Field(
        None, max_length=40, description="As the parameter `at`; now if not given."
    )
    subdistrict: Text | None = Field(
        None, description="Code; needed where the place lies outside every community and there are several."
    )


class CloseIn(Schema):
    """How an incident ended. `version` is the one that the caller saw; another one now is a 409."""

    outcome: Text = Field(max_length=4000)
    version: int = Field(ge=1, le=2**31 - 1)


class GrantOut(Schema):
    """A role and its ground; `community` null is the whole subdistrict. Ids, as in the other answers' codes."""

    role: str
    subdistrict: str
    community: str | None


class MeOut(Schema):
    """Who calls, and what that account may do."""

    username: str
    roles: list[GrantOut]
    permissions: list[str]
    specialist: dict[str, Any] | None
