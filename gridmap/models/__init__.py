"""People and work."""

from gridmap.models.accounts import ApiToken, Role, RoleGrant, User
from gridmap.models.audit import AccessRecord, AuditEntry
from gridmap.models.households import Household, Resident, Tag
from gridmap.models.imports import ImportKind, ImportRun, ImportState, RegisterRow
from gridmap.models.incidents import Incident, IncidentState, Match
from gridmap.models.plans import CarriedPost, HandOver, Release, Submission, SubmissionState
from gridmap.models.specialists import (
    Absence,
    AbsenceReason,
    Assignment,
    DutyTelephone,
    HostContact,
    Part,
    ServiceCentre,
    Specialist,
    SpecialistKind,
)
from gridmap.models.workload import Factor, WorkloadWeight

__all__ = [
    "Absence",
    "AbsenceReason",
    "AccessRecord",
    "ApiToken",
    "Assignment",
    "AuditEntry",
    "CarriedPost",
    "DutyTelephone",
    "Factor",
    "HandOver",
    "HostContact",
    "Household",
    "ImportKind",
    "ImportRun",
    "ImportState",
    "Incident",
    "IncidentState",
    "Match",
    "Part",
    "RegisterRow",
    "Release",
    "Resident",
    "Role",
    "RoleGrant",
    "ServiceCentre",
    "Specialist",
    "SpecialistKind",
    "Submission",
    "SubmissionState",
    "Tag",
    "User",
    "WorkloadWeight",
]
