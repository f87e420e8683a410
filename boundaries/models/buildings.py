"""Buildings, and the grid each one belongs to over time."""

from datetime import datetime
from typing import Self

from django.contrib.gis.db import models
from django.contrib.postgres.fields import DateTimeRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db.models import BooleanField, CheckConstraint, F, Func, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from boundaries.models.areas import Community, Compound, Subdistrict
from boundaries.models.constraints import Named, always, half_open, local_name, one_at_a_time, one_of, sound
from boundaries.models.ground import Street
from boundaries.models.plans import Grid, Publication
from boundaries.naming import address_en, address_zh


class BuildingUse(models.TextChoices):
    """What a building is for."""

    HOME = "home", _("homes")
    FARM = "farm", _("farmhouse")
    SHOP = "shop", _("shops")
    MIXED = "mixed", _("homes over shops")
    OFFICE = "office", _("offices")
    SCHOOL = "school", _("school")
    HEALTH = "health", _("hospital or clinic")
    INDUSTRY = "industry", _("industry")
    PUBLIC = "public", _("public")
    OTHER = "other", _("other")


class BuildingQuerySet(models.QuerySet["Building"]):
    """Sentences about buildings."""

    def standing(self, at: datetime) -> Self:
        """Buildings that stood at the instant `at`."""
        return self.filter(existed__contains=at)


class Building(Named):
    """A building by its footprint. Closed with a date when it goes, never deleted."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="buildings", verbose_name=_("subdistrict")
    )
    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="buildings",
        null=True,
        blank=True,
        verbose_name=_("community"),
    )
    compound = models.ForeignKey(
        Compound,
        on_delete=models.PROTECT,
        related_name="buildings",
        null=True,
        blank=True,
        verbose_name=_("compound"),
    )
    street = models.ForeignKey(
        Street,
        on_delete=models.SET_NULL,
        related_name="buildings",
        null=True,
        blank=True,
        verbose_name=_("street"),
    )
    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    number = models.CharField(
        _("number"),
        max_length=24,
        blank=True,
        default="",
        help_text=_("Number in its compound without 栋, e.g. 3."),
    )
    house_number = models.CharField(
        _("house number"),
        max_length=24,
        blank=True,
        default="",
        help_text=_("Number on its street without 号, e.g. 12."),
    )
    use = models.CharField(_("use"), max_length=12, choices=BuildingUse.choices, default=BuildingUse.OTHER)
    floors = models.PositiveSmallIntegerField(_("floors"), null=True, blank=True)
    entrances = models.PositiveSmallIntegerField(_("entrances (单元)"), null=True, blank=True)
    footprint = models.MultiPolygonField(_("footprint"), srid=4326)
    point = models.PointField(
        _("representative point"), srid=4326, help_text=_("Inside the footprint; decides the grid.")
    )
    existed = DateTimeRangeField(_("existed"), default=always)
    source = models.CharField(_("source"), max_length=64, blank=True, default="")
    source_ref = models.CharField(_("reference in the source"), max_length=128, blank=True, default="")

    objects = BuildingQuerySet.as_manager()

    class Meta:
        verbose_name = _("building")
        verbose_name_plural = _("buildings")
        ordering = ["compound", "number", "id"]
        constraints = [
            one_of("building_use_known", "use", BuildingUse),
            sound("building_footprint_sound", "footprint"),
            half_open("building_existed_half_open", "existed"),
            CheckConstraint(
                name="building_point_inside",
                condition=Q(
                    Func(F("footprint"), F("point"), function="ST_Intersects", output_field=BooleanField())
                ),
                violation_error_message=_("The representative point must lie in the footprint."),
            ),
            UniqueConstraint(
                name="building_once_per_source", fields=["source", "source_ref"], condition=~Q(source_ref="")
            ),
        ]

    def __str__(self) -> str:
        return self.title or local_name(self.address, self.address_en) or f"#{self.pk}"

    @property
    def address(self) -> str:
        """«依云镇3栋» or «团结巷12号», in the words of the place. Reads compound and street."""
        return address_zh(
            compound=self.compound.name if self.compound else "",
            number=self.number,
            street=self.street.name if self.street else "",
            house_number=self.house_number,
        )

    @property
    def address_en(self) -> str:
        """“Building 3, Yiyun Town” or “No. 12, Tuanjie Lane”. Reads compound and street."""
        return address_en(
            compound=(self.compound.name_en or self.compound.name) if self.compound else "",
            number=self.number,
            street=(self.street.name_en or self.street.name) if self.street else "",
            house_number=self.house_number,
        )


class Placement(models.Model):
    """The grid of a building for a time: written only when it changes, never overwritten."""

    building = models.ForeignKey(
        Building, on_delete=models.PROTECT, related_name="placements", verbose_name=_("building")
    )
    grid = models.ForeignKey(
        Grid, on_delete=models.PROTECT, related_name="placements", verbose_name=_("grid")
    )
    period = DateTimeRangeField(_("period"))
    is_override = models.BooleanField(
        _("set by hand"),
        default=False,
        help_text=_("The building was given to another grid than the one its point lies in."),
    )
    publication = models.ForeignKey(
        Publication,
        on_delete=models.PROTECT,
        related_name="placements",
        null=True,
        blank=True,
        verbose_name=_("publication"),
    )

    class Meta:
        verbose_name = _("grid of a building")
        verbose_name_plural = _("grids of buildings")
        constraints = [
            half_open("placement_half_open"),
            one_at_a_time("placement_one_grid_at_a_time", "building"),
        ]
        indexes = [GistIndex("grid", "period", name="placement_by_grid")]

    def __str__(self) -> str:
        return f"{self.building_id} → {self.grid_id}"
