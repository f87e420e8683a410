"""The ground under the grids: what a map needs when no foreign tiles are loaded."""

from django.contrib.gis.db import models
from django.core.validators import MinValueValidator
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models.areas import Subdistrict
from boundaries.models.constraints import Named, one_of, sound


class StreetRank(models.TextChoices):
    """How much a street carries; decides from which zoom it is drawn and how wide."""

    MOTORWAY = "motorway", _("motorway")
    AVENUE = "avenue", _("avenue")
    STREET = "street", _("street")
    LANE = "lane", _("lane")
    SERVICE = "service", _("road inside a compound")
    PATH = "path", _("path")
    RAIL = "rail", _("railway or metro")


class WaterKind(models.TextChoices):
    """Running or standing."""

    RIVER = "river", _("river")
    CANAL = "canal", _("canal")
    LAKE = "lake", _("lake or pond")


class LandKind(models.TextChoices):
    """Open land, green or not."""

    PARK = "park", _("park")
    RIVERSIDE = "riverside", _("riverside green")
    FIELD = "field", _("field")
    WOOD = "wood", _("wood")
    SPORTS = "sports", _("sports ground")
    SQUARE = "square", _("square")
    SITE = "site", _("building site")


class Ground(Named):
    """What streets, water and land have in common."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="%(class)ss", verbose_name=_("subdistrict")
    )
    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    source = models.CharField(_("source"), max_length=64, blank=True, default="")
    source_ref = models.CharField(_("reference in the source"), max_length=128, blank=True, default="")

    class Meta:
        abstract = True


class Street(Ground):
    """A street by its centre line."""

    rank = models.CharField(_("rank"), max_length=12, choices=StreetRank.choices)
    width_m = models.FloatField(_("width in metres"), validators=[MinValueValidator(0.5)])
    line = models.MultiLineStringField(_("centre line"), srid=4326)

    class Meta:
        verbose_name = _("street")
        verbose_name_plural = _("streets")
        ordering = ["subdistrict", "name", "id"]
        constraints = [
            one_of("street_rank_known", "rank", StreetRank),
            CheckConstraint(name="street_has_width", condition=Q(width_m__gt=0)),
            UniqueConstraint(
                name="street_once_per_source", fields=["source", "source_ref"], condition=~Q(source_ref="")
            ),
        ]


class Water(Ground):
    """A river, canal or lake by its banks."""

    kind = models.CharField(_("kind"), max_length=12, choices=WaterKind.choices)
    area = models.MultiPolygonField(_("area"), srid=4326)

    class Meta:
        verbose_name = _("water")
        verbose_name_plural = _("water")
        ordering = ["subdistrict", "name", "id"]
        constraints = [
            one_of("water_kind_known", "kind", WaterKind),
            sound("water_area_sound", "area"),
            UniqueConstraint(
                name="water_once_per_source", fields=["source", "source_ref"], condition=~Q(source_ref="")
            ),
        ]


class Land(Ground):
    """Green and other open land: parks, fields, squares, building sites."""

    kind = models.CharField(_("kind"), max_length=12, choices=LandKind.choices)
    area = models.MultiPolygonField(_("area"), srid=4326)

    class Meta:
        verbose_name = _("open land")
        verbose_name_plural = _("open land")
        ordering = ["subdistrict", "name", "id"]
        constraints = [
            one_of("land_kind_known", "kind", LandKind),
            sound("land_area_sound", "area"),
            UniqueConstraint(
                name="land_once_per_source", fields=["source", "source_ref"], condition=~Q(source_ref="")
            ),
        ]


class Edition(models.Model):
    """How often a map layer has changed: the version that browsers and tile caches compare.

    Every action that writes a layer raises its number in the same transaction.
    """

    layer = models.CharField(_("layer"), max_length=24, primary_key=True)
    number = models.PositiveBigIntegerField(_("number"), default=0)
    changed_at = models.DateTimeField(_("changed at"), db_default=Now())

    class Meta:
        verbose_name = _("layer edition")
        verbose_name_plural = _("layer editions")

    def __str__(self) -> str:
        return f"{self.layer} {self.number}"
