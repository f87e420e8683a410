"""Every invariant that a model declares is broken here on purpose, past all Python, and the database refuses."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.gis.geos import MultiPolygon, Point, Polygon
from django.db import IntegrityError, models
from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from boundaries.models import (
    Basis,
    Building,
    Community,
    Compound,
    Grid,
    GridCode,
    HeadMove,
    Land,
    Outline,
    Placement,
    Plan,
    Publication,
    Revision,
    Street,
    Subdistrict,
    Water,
)
from gridmap.models import (
    Absence,
    AccessRecord,
    ApiToken,
    Assignment,
    AuditEntry,
    CarriedPost,
    DutyTelephone,
    HandOver,
    HostContact,
    Household,
    ImportRun,
    Incident,
    Part,
    RegisterRow,
    Release,
    Resident,
    Role,
    RoleGrant,
    ServiceCentre,
    Specialist,
    Submission,
    WorkloadWeight,
)
from tests import factories
from tests.factories import Town

#   +---+
#    \ /     a bow tie: the ring crosses itself
#    / \
#   +---+
BOW_TIE = MultiPolygon(
    Polygon(((103.83, 30.70), (103.84, 30.71), (103.84, 30.70), (103.83, 30.71), (103.83, 30.70))), srid=4326
)
EMPTY_PERIOD = TimestamptzRange(empty=True)
CLOSED_PERIOD = TimestamptzRange(factories.FOUNDED, timezone.now(), "[]")


def change(model: type[models.Model], **values: Any) -> Callable[[], object]:
    """Set the values on one row."""

    def act() -> int:
        first = model._base_manager.order_by("pk").first()
        assert first is not None, f"the town holds no {model.__name__}"
        return model._base_manager.filter(pk=first.pk).update(**values)

    return act


def again(model: type[models.Model], **values: Any) -> Callable[[], object]:
    """Add a copy of the first row with some values changed."""

    def act() -> None:
        row = model._base_manager.order_by("pk").first()
        assert row is not None, f"the town holds no {model.__name__}"
        row.pk = None
        row._state.adding = True
        for name, value in values.items():
            setattr(row, name, value)
        row.save(force_insert=True)

    return act


def twice(model: type[models.Model], **values: Any) -> Callable[[], object]:
    """Set the values, then add a copy."""

    def act() -> None:
        change(model, **values)()
        again(model)()

    return act


TAGS: Any = ["handsome"]
# Those that must look something up do so when they are called, not when this is read.
BROKEN: dict[str, Callable[[], object]] = {
    "subdistrict_code_given": change(Subdistrict, code=""),
    "subdistrict_name_given": change(Subdistrict, name=""),
    "subdistrict_outline_sound": change(Subdistrict, outline=BOW_TIE),
    "subdistrict_norm_whole": change(Subdistrict, norm="people", norm_limit=None),
    "subdistrict_reach_sane": change(Subdistrict, nearest_reach_m=-1),
    "subdistrict_narrowest_sane": change(Subdistrict, narrowest_m=-1),
    "community_code_given": change(Community, code=""),
    "community_name_given": change(Community, name=""),
    "community_outline_sound": change(Community, outline=BOW_TIE),
    "compound_name_given": change(Compound, name=""),
    "compound_kind_known": change(Compound, kind="castle"),
    "compound_outline_sound": change(Compound, outline=BOW_TIE),
    "compound_once_per_source": twice(Compound, source="survey", source_ref="1"),
    "street_rank_known": change(Street, rank="runway"),
    "street_has_width": change(Street, width_m=0),
    "street_once_per_source": twice(Street, source="survey", source_ref="1"),
    "water_kind_known": change(Water, kind="ocean"),
    "water_area_sound": change(Water, area=BOW_TIE),
    "water_once_per_source": twice(Water, source="survey", source_ref="1"),
    "land_kind_known": change(Land, kind="moon"),
    "land_area_sound": change(Land, area=BOW_TIE),
    "land_once_per_source": twice(Land, source="survey", source_ref="1"),
    "plan_name_given": change(Plan, name=""),
    "outline_one_per_grid": again(Outline, code="9"),
    "outline_code_once": lambda: again(Outline, grid=newest_grid())(),  # noqa: PLW0108
    "outline_code_given": change(Outline, code=""),
    "outline_name_given": change(Outline, name=""),
    "outline_kind_known": change(Outline, kind="triangular"),
    "outline_polygon_sound": change(Outline, polygon=BOW_TIE),
    "basis_one_per_community": again(Basis),
    "basis_of_another_plan": lambda: change(Basis, base=Plan.objects.get())(),  # noqa: PLW0108
    "grid_code_given_once": again(GridCode),
    "head_move_kind_known": again(HeadMove, kind="teleport"),
    "revision_once_per_key": again(Revision),
    "publication_half_open": change(Publication, period=EMPTY_PERIOD),
    "publication_state_known": change(Publication, state="perhaps"),
    "publication_one_at_a_time": again(Publication),
    "building_use_known": change(Building, use="castle"),
    "building_footprint_sound": change(Building, footprint=BOW_TIE, point=Point(103.835, 30.705, srid=4326)),
    "building_existed_half_open": change(Building, existed=CLOSED_PERIOD),
    "building_point_inside": change(Building, point=Point(103.9, 30.7, srid=4326)),
    "building_once_per_source": twice(Building, source="survey", source_ref="1"),
    "placement_half_open": change(Placement, period=CLOSED_PERIOD),
    "placement_one_grid_at_a_time": again(Placement),
    "role_known": change(RoleGrant, role="king"),
    "role_grant_half_open": change(RoleGrant, period=EMPTY_PERIOD),
    "token_digest_whole": change(ApiToken, digest="secret in the clear"),
    "audit_verb_given": again(AuditEntry, verb=""),
    "access_purpose_given": again(AccessRecord, purpose=""),
    "household_existed_half_open": change(Household, existed=CLOSED_PERIOD),
    "household_tags_known": change(Household, tags=TAGS),
    "household_one_per_door": again(Household),
    "resident_name_given": change(Resident, name=""),
    "resident_half_open": change(Resident, period=EMPTY_PERIOD),
    "resident_birth_year_sane": change(Resident, birth_year=1066),
    "resident_tags_known": change(Resident, tags=TAGS),
    "import_kind_known": change(ImportRun, kind="dragons"),
    "import_state_known": change(ImportRun, state="tired"),
    "register_row_once": again(RegisterRow),
    "centre_name_given": change(ServiceCentre, name=""),
    "staff_number_once": again(Specialist, user=None),
    "specialist_public_name_given": change(Specialist, public_name=""),
    "specialist_kind_known": change(Specialist, kind="wizard"),
    "specialist_employed_half_open": change(Specialist, employed=CLOSED_PERIOD),
    "assignment_part_known": change(Assignment, part="ghost"),
    "assignment_half_open": change(Assignment, period=CLOSED_PERIOD),
    "assignment_one_lead": lambda: again(Assignment, specialist=second_specialist())(),  # noqa: PLW0108
    "assignment_one_stand_in": lambda: (
        change(Assignment, part=Part.STAND_IN)(),
        again(Assignment, specialist=second_specialist())(),
    ),
    "assignment_one_part_each": again(Assignment, part=Part.MEMBER),
    "absence_reason_known": change(Absence, reason="bored"),
    "absence_half_open": change(Absence, period=EMPTY_PERIOD),
    "absence_one_at_a_time": again(Absence),
    "host_contact_half_open": change(HostContact, period=EMPTY_PERIOD),
    "host_contact_one_at_a_time": again(HostContact),
    "duty_telephone_half_open": change(DutyTelephone, period=EMPTY_PERIOD),
    "duty_telephone_one_at_a_time": again(DutyTelephone),
    "workload_factor_known": change(WorkloadWeight, factor="quarantine"),
    "workload_weight_once": again(WorkloadWeight),
    "workload_weight_sane": change(WorkloadWeight, weight=-1),
    "submission_state_known": change(Submission, state="perhaps"),
    "submission_one_waiting": again(Submission),
    "submission_decided_by_another": lambda: change(  # noqa: PLW0108
        Submission, state="approved", decided_by=Submission.objects.get().submitted_by
    )(),
    "submission_refused_with_reason": change(Submission, state="refused", answer=""),
    "carried_post_says_something": change(CarriedPost, was=None, now=None),
    "hand_over_once": again(HandOver),
    "hand_over_to_another": lambda: change(HandOver, taker=HandOver.objects.get().giver)(),  # noqa: PLW0108
    "hand_over_written_is_dated": change(HandOver, note="Third floor first", written_at=None),
    "incident_text_given": change(Incident, text=""),
    "incident_match_known": change(Incident, match="vaguely"),
    "incident_closed_whole": change(Incident, state="closed", closed_at=None),
    "incident_grid_unless_outside": change(Incident, grid=None),
}


def newest_grid() -> Grid:
    """A grid that has no outline yet."""
    return Grid.objects.create(subdistrict=Subdistrict.objects.get())


def second_specialist() -> Specialist:
    """The one who leads nothing yet."""
    return Specialist.objects.get(staff_number="002")


@pytest.fixture
def full(db: None) -> Town:
    """The tiny town with at least one row of every model."""
    town = factories.make_town(frozen=False)
    user = factories.make_user("somebody")
    factories.grant(user, Role.PLANNER, town.subdistrict)
    factories.make_token(user)
    first = factories.make_specialist(town, "001", user=user)
    factories.make_specialist(town, "002")
    factories.assign(first, town.grids[0][0])
    factories.send_away(first)
    factories.make_incident(town, 0, 0, specialist=first)
    Basis.objects.create(plan=town.plan, community=town.communities[0])
    revision = Revision.objects.create(plan=town.plan, command="import", key=uuid4())
    HeadMove.objects.create(plan=town.plan, kind="edit", goal=revision)
    Submission.objects.create(plan=town.plan, submitted_by=user)
    release = Release.objects.create(plan=town.plan, effective_at=timezone.now())
    CarriedPost.objects.create(release=release, was=Assignment.objects.get())
    HandOver.objects.create(release=release, giver=first, grid=town.grids[0][0], buildings=1, households=1)
    GridCode.objects.create(community=town.communities[0], grid=town.grids[0][0], code="510115001001009")
    AuditEntry.objects.create(verb="test", noun="town", by=user)
    AccessRecord.objects.create(by=user, noun="household", object_ids=[1], fields=["name"], purpose="test")
    ImportRun.objects.create(kind="building", file_name="x.gpkg", created_by=user)
    WorkloadWeight.objects.create(subdistrict=town.subdistrict, factor="household", weight=1)
    RegisterRow.objects.create(
        subdistrict=town.subdistrict,
        source="register",
        row_number=2,
        source_ref="1",
        reason="no such compound",
    )
    return town


@pytest.mark.parametrize("name", BROKEN)
def test_database_refuses(full: Town, name: str) -> None:
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        BROKEN[name]()


def test_every_declared_constraint_is_broken_here() -> None:
    declared = {
        constraint.name
        for label in ("boundaries", "gridmap")
        for model in apps.get_app_config(label).get_models()
        for constraint in model._meta.constraints
    }
    assert declared == set(BROKEN)


def test_neighbouring_periods_are_no_conflict(full: Town) -> None:
    """Half-open ranges: who ends at an instant and who begins at it do not overlap."""
    now = timezone.now()
    change(Assignment, period=factories.during(None, now))()
    factories.assign(second_specialist(), full.grids[0][0], period=factories.during(now, None))
    assert Assignment.objects.in_force(now).get(grid=full.grids[0][0]).specialist.staff_number == "002"
    before = now - timedelta(microseconds=1)
    assert Assignment.objects.in_force(before).get(grid=full.grids[0][0]).specialist.staff_number == "001"


def test_a_revoked_row_frees_its_time(full: Town) -> None:
    Assignment.objects.update(revoked_at=timezone.now())
    factories.assign(second_specialist(), full.grids[0][0])
    assert Assignment.objects.filter(grid=full.grids[0][0]).count() == 2
