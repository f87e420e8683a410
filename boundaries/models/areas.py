"""The town's areas that people know by name: subdistrict, community, compound."""

from zoneinfo import ZoneInfo, available_timezones

from django.contrib.gis.db import models
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from boundaries.models.constraints import Named, not_blank, one_of, sound

AREA_CODE = RegexValidator(
    r"^[0-9A-Za-z][0-9A-Za-z_.-]*\Z", _("A code holds letters and digits, dots and dashes only.")
)


def validate_time_zone(value: str) -> None:
    """Raise ValidationError unless `value` is a zone that the system knows."""
    if value not in available_timezones():
        raise ValidationError(_("“%(zone)s” is not a known time zone."), params={"zone": value})


class Norm(models.TextChoices):
    """What the size of a grid is measured in."""

    PEOPLE = "people", _("people")
    HOUSEHOLDS = "households", _("households")


class Subdistrict(Named):
    """One subdistrict (街道), and what must not be one constant for all: metre, clock, norm, codes."""

    code = models.CharField(_("code"), max_length=24, unique=True, validators=[AREA_CODE])
    district = models.CharField(_("district"), max_length=100, blank=True, default="")
    city = models.CharField(_("city"), max_length=100, blank=True, default="")
    metric_srid = models.PositiveIntegerField(
        _("metric SRID"),
        help_text=_("EPSG code of a projection in metres that fits this area, e.g. 4544 at 105° E."),
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Asia/Shanghai", validators=[validate_time_zone]
    )
    calendar = models.CharField(
        _("working calendar"),
        max_length=8,
        default="CN",
        help_text=_("Country code of the public holidays."),
    )
    code_scheme = models.CharField(
        _("code scheme"),
        max_length=24,
        default="6-3-3-3",
        help_text=_("Digits of district, subdistrict, community and grid."),
    )
    norm = models.CharField(_("norm counts"), max_length=12, choices=Norm.choices, blank=True, default="")
    norm_limit = models.PositiveIntegerField(
        _("norm: at most"), null=True, blank=True, help_text=_("Empty where no norm is in force.")
    )
    nearest_reach_m = models.FloatField(
        _("reach of “nearest” in metres"),
        default=50,
        validators=[MinValueValidator(0), MaxValueValidator(1000)],
        help_text=_("A place outside every grid is answered with the nearest one within this distance."),
    )
    narrowest_m = models.FloatField(
        _("narrowest piece in metres"),
        default=1,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("A redraw leaves no piece of ground that is thinner than this."),
    )
    needs_approval = models.BooleanField(
        _("plans need approval"),
        default=True,
        help_text=_("A supervisor approves a plan before it is published; otherwise planners publish alone."),
    )
    outline = models.MultiPolygonField(_("outline"), srid=4326, null=True, blank=True)
    is_synthetic = models.BooleanField(
        _("synthetic data"), default=False, help_text=_("Every page and export says so.")
    )

    class Meta:
        verbose_name = _("subdistrict")
        verbose_name_plural = _("subdistricts")
        ordering = ["code"]
        constraints = [
            not_blank("subdistrict_code_given", "code"),
            not_blank("subdistrict_name_given", "name"),
            sound("subdistrict_outline_sound", "outline"),
            CheckConstraint(
                name="subdistrict_norm_whole",
                condition=Q(norm="", norm_limit=None)
                | (Q(norm__in=Norm.values, norm_limit__isnull=False, norm_limit__gt=0)),
                violation_error_message=_("A norm needs both what it counts and its limit."),
            ),
            CheckConstraint(
                name="subdistrict_reach_sane",
                condition=Q(nearest_reach_m__gte=0) & Q(nearest_reach_m__lte=1000),
            ),
            CheckConstraint(
                name="subdistrict_narrowest_sane",
                condition=Q(narrowest_m__gte=0) & Q(narrowest_m__lte=100),
            ),
        ]

    @property
    def zone(self) -> ZoneInfo:
        """The clock of the town: naive times are read in it."""
        return ZoneInfo(self.time_zone)


class Community(Named):
    """A community (社区). Its surveyed outline is the authority at the rim of its grids."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="communities", verbose_name=_("subdistrict")
    )
    code = models.CharField(_("code"), max_length=24, unique=True, validators=[AREA_CODE])
    outline = models.MultiPolygonField(_("surveyed outline"), srid=4326)
    surveyed_people = models.PositiveIntegerField(_("people in the survey"), null=True, blank=True)
    surveyed_households = models.PositiveIntegerField(_("households in the survey"), null=True, blank=True)
    surveyed_on = models.DateField(_("date of the survey"), null=True, blank=True)

    class Meta:
        verbose_name = _("community")
        verbose_name_plural = _("communities")
        ordering = ["code"]
        constraints = [
            not_blank("community_code_given", "code"),
            not_blank("community_name_given", "name"),
            sound("community_outline_sound", "outline"),
        ]


class CompoundKind(models.TextChoices):
    """What is inside the wall."""

    RESIDENTIAL = "residential", _("residential compound")
    COURTYARD = "courtyard", _("courtyard")
    VILLAGE = "village", _("village")
    CAMPUS = "campus", _("campus")
    HOSPITAL = "hospital", _("hospital")
    MARKET = "market", _("market")
    WORKS = "works", _("works or industrial park")
    OFFICE = "office", _("offices or government")


class Compound(Named):
    """A residential compound (小区) or another walled place with one gate and one name."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="compounds", verbose_name=_("community")
    )
    kind = models.CharField(
        _("kind"), max_length=12, choices=CompoundKind.choices, default=CompoundKind.RESIDENTIAL
    )
    address = models.CharField(_("address"), max_length=200, blank=True, default="")
    outline = models.MultiPolygonField(_("outline"), srid=4326)
    source = models.CharField(_("source"), max_length=64, blank=True, default="")
    source_ref = models.CharField(_("reference in the source"), max_length=128, blank=True, default="")

    class Meta:
        verbose_name = _("compound")
        verbose_name_plural = _("compounds")
        ordering = ["community", "name"]
        constraints = [
            not_blank("compound_name_given", "name"),
            one_of("compound_kind_known", "kind", CompoundKind),
            sound("compound_outline_sound", "outline"),
            UniqueConstraint(
                name="compound_once_per_source",
                fields=["source", "source_ref"],
                condition=~Q(source_ref=""),
            ),
        ]
