"""Who is responsible: specialists, their grids over time, who stands in, whom to call."""

from datetime import datetime
from typing import Self

from django.contrib.gis.db import models
from django.contrib.postgres.fields import DateTimeRangeField
from django.contrib.postgres.indexes import GistIndex
from django.core.validators import RegexValidator
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from boundaries.models import Community, Grid, Subdistrict
from boundaries.models.constraints import (
    Dated,
    Named,
    always,
    half_open,
    in_force,
    local_name,
    not_blank,
    one_at_a_time,
    one_of,
)
from gridmap.models.accounts import User

TELEPHONE = RegexValidator(
    r"^[0-9+][0-9 -]{2,23}\Z", _("Digits, spaces and dashes only, e.g. 028-8272 0000.")
)


class ServiceCentre(Named):
    """A Party-masses service centre (党群服务中心) with its window."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="centres", verbose_name=_("subdistrict")
    )
    communities = models.ManyToManyField(
        Community, related_name="centres", verbose_name=_("communities served")
    )
    address = models.CharField(_("address"), max_length=200)
    hours = models.CharField(_("opening hours"), max_length=200, blank=True, default="")
    telephone = models.CharField(
        _("telephone"), max_length=24, blank=True, default="", validators=[TELEPHONE]
    )
    point = models.PointField(_("entrance"), srid=4326)

    class Meta:
        verbose_name = _("service centre")
        verbose_name_plural = _("service centres")
        ordering = ["name"]
        constraints = [not_blank("centre_name_given", "name")]


class SpecialistKind(models.TextChoices):
    """The two kinds of staff."""

    GRID = "grid", _("grid specialist")
    SERVICE = "service", _("service specialist")


class SpecialistQuerySet(models.QuerySet["Specialist"]):
    """Sentences about specialists."""

    def employed(self, at: datetime) -> Self:
        """Specialists in service at the instant `at`."""
        return self.filter(employed__contains=at)


class Specialist(Named):
    """A grid specialist or an all-post service specialist."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="specialists", verbose_name=_("subdistrict")
    )
    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="specialists",
        null=True,
        blank=True,
        verbose_name=_("home community"),
    )
    user = models.OneToOneField(
        User,
        on_delete=models.SET_NULL,
        related_name="specialist",
        null=True,
        blank=True,
        verbose_name=_("user"),
    )
    kind = models.CharField(
        _("kind"), max_length=12, choices=SpecialistKind.choices, default=SpecialistKind.GRID
    )
    public_name = models.CharField(
        _("public name"), max_length=60, help_text=_("What residents are told, e.g. 王网格员.")
    )
    public_name_en = models.CharField(_("public name in English"), max_length=60, blank=True, default="")
    duty_telephone = models.CharField(
        _("duty telephone"), max_length=24, blank=True, default="", validators=[TELEPHONE]
    )
    centre = models.ForeignKey(
        ServiceCentre,
        on_delete=models.PROTECT,
        related_name="specialists",
        null=True,
        blank=True,
        verbose_name=_("service centre"),
    )
    employed = DateTimeRangeField(_("in service"), default=always)
    staff_number = models.CharField(_("staff number"), max_length=24)

    objects = SpecialistQuerySet.as_manager()

    class Meta:
        verbose_name = _("specialist")
        verbose_name_plural = _("specialists")
        ordering = ["staff_number"]
        constraints = [
            models.UniqueConstraint(name="staff_number_once", fields=["subdistrict", "staff_number"]),
            not_blank("specialist_public_name_given", "public_name"),
            one_of("specialist_kind_known", "kind", SpecialistKind),
            half_open("specialist_employed_half_open", "employed"),
        ]

    @property
    def public_title(self) -> str:
        """The public name in the reader's language."""
        return local_name(self.public_name, self.public_name_en)


class Part(models.TextChoices):
    """The part that a specialist has in a grid."""

    LEAD = "lead", _("lead")
    MEMBER = "member", _("member")
    STAND_IN = "stand_in", _("stand-in")


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """Sentences about assignments."""

    def in_force(self, at: datetime) -> Self:
        """Assignments that hold at the instant `at`."""
        return self.filter(in_force(at))


class Assignment(Dated):
    """A specialist's part in a grid for a time: one lead, one stand-in, any number of members."""

    grid = models.ForeignKey(
        Grid, on_delete=models.PROTECT, related_name="assignments", verbose_name=_("grid")
    )
    specialist = models.ForeignKey(
        Specialist, on_delete=models.PROTECT, related_name="assignments", verbose_name=_("specialist")
    )
    part = models.CharField(_("part"), max_length=12, choices=Part.choices, default=Part.LEAD)
    recorded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("recorded by")
    )

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        ordering = ["grid", "part"]
        constraints = [
            one_of("assignment_part_known", "part", Part),
            half_open("assignment_half_open"),
            one_at_a_time(
                "assignment_one_lead",
                "grid",
                condition=Q(part=Part.LEAD, revoked_at=None),
            ),
            one_at_a_time(
                "assignment_one_stand_in",
                "grid",
                condition=Q(part=Part.STAND_IN, revoked_at=None),
            ),
            one_at_a_time(
                "assignment_one_part_each",
                "grid",
                "specialist",
                condition=Q(revoked_at=None),
            ),
        ]
        indexes = [GistIndex("specialist", "period", name="assignment_by_specialist")]

    def __str__(self) -> str:
        return f"{self.specialist_id} · {self.part} · {self.grid_id}"


class AbsenceReason(models.TextChoices):
    """Why somebody is away; no health detail is kept."""

    LEAVE = "leave", _("on leave")
    SICK = "sick", _("away")
    TRAINING = "training", _("training")
    OTHER = "other", _("other")


class Absence(Dated):
    """A time when a specialist does not answer; may be entered afterwards."""

    specialist = models.ForeignKey(
        Specialist, on_delete=models.PROTECT, related_name="absences", verbose_name=_("specialist")
    )
    reason = models.CharField(
        _("reason"), max_length=12, choices=AbsenceReason.choices, default=AbsenceReason.LEAVE
    )
    recorded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("recorded by")
    )

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["specialist", "period"]
        constraints = [
            one_of("absence_reason_known", "reason", AbsenceReason),
            half_open("absence_half_open"),
            one_at_a_time("absence_one_at_a_time", "specialist", condition=Q(revoked_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.specialist_id} · {self.reason}"


class HostContact(Dated, Named):
    """The person at the school, hospital or market that a dedicated grid was carved out for."""

    grid = models.ForeignKey(
        Grid, on_delete=models.PROTECT, related_name="host_contacts", verbose_name=_("grid")
    )
    host = models.CharField(_("host"), max_length=100)
    host_en = models.CharField(_("host in English"), max_length=150, blank=True, default="")
    telephone = models.CharField(_("telephone"), max_length=24, validators=[TELEPHONE])

    class Meta:
        verbose_name = _("host contact")
        verbose_name_plural = _("host contacts")
        constraints = [
            half_open("host_contact_half_open"),
            one_at_a_time("host_contact_one_at_a_time", "grid", condition=Q(revoked_at=None)),
        ]


class DutyTelephone(Dated):
    """The community's duty telephone: answers when neither the lead nor a stand-in can."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="duty_telephones", verbose_name=_("community")
    )
    number = models.CharField(_("number"), max_length=24, validators=[TELEPHONE])
    hours = models.CharField(_("hours"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("community duty telephone")
        verbose_name_plural = _("community duty telephones")
        constraints = [
            half_open("duty_telephone_half_open"),
            one_at_a_time("duty_telephone_one_at_a_time", "community", condition=Q(revoked_at=None)),
        ]

    def __str__(self) -> str:
        return self.number
