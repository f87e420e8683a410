"""People and work."""

from gridmap.models.accounts import ApiToken, Role, RoleGrant, User
from gridmap.models.audit import AccessRecord, AuditEntry
from gridmap.models.households import Household, Resident, Tag
from gridmap.models.imports import ImportKind, ImportRun, ImportState, RegisterRow
from gridmap.models.incidents import Incident, IncidentState, Match
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

__all__ = [
    "Absence",
    "AbsenceReason",
    "AccessRecord",
    "ApiToken",
    "Assignment",
    "AuditEntry",
    "DutyTelephone",
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
    "Resident",
    "Role",
    "RoleGrant",
    "ServiceCentre",
    "Specialist",
    "SpecialistKind",
    "Tag",
    "User",
]
