"""Plans: which ground belongs to which grid, when, and how it came to be (docs/decisions/0002-record.md)."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.fields import DateTimeRangeField
from django.db.models import Q, UniqueConstraint
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models.areas import AREA_CODE, Community, Subdistrict
from boundaries.models.constraints import Named, half_open, not_blank, one_at_a_time, one_of, sound


class GridKind(models.TextChoices):
    """All-purpose grids tile the ground; dedicated ones are carved out of them."""

    ALL_PURPOSE = "all", _("all-purpose grid")
    DEDICATED = "dedicated", _("dedicated grid")


class Grid(models.Model):
    """A lasting identity and nothing else: code, name, kind, community and ground are its outlines."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="grids", verbose_name=_("subdistrict")
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("grid")
        verbose_name_plural = _("grids")

    def __str__(self) -> str:
        return f"#{self.pk}"


class Plan(models.Model):
    """Outlines for one or more communities. Fixed for good once `frozen_at` is set, which publishing does."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="plans", verbose_name=_("subdistrict")
    )
    name = models.CharField(_("name"), max_length=100)
    base = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="derived",
        null=True,
        blank=True,
        verbose_name=_("made from"),
    )
    note = models.TextField(_("note"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("created by"),
    )
    frozen_at = models.DateTimeField(_("fixed since"), null=True, blank=True)
    discarded_at = models.DateTimeField(
        _("put away at"), null=True, blank=True, help_text=_("A draft nobody works on; it can be taken back.")
    )
    head = models.ForeignKey(
        "Revision",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("newest revision"),
    )

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["-created_at", "-id"]
        constraints = [not_blank("plan_name_given", "name")]

    def __str__(self) -> str:
        return self.name


class OutlineQuerySet(models.QuerySet["Outline"]):
    """Sentences about outlines."""

    def in_force(self, at: datetime) -> Self:
        """Outlines that a publication of their own community puts in force at the instant `at`."""
        return self.filter(
            plan__publications__community=models.F("community"),
            plan__publications__period__contains=at,
            plan__publications__state=PublicationState.STANDING,
        )


class Outline(Named):
    """A grid in one plan."""

    grid = models.ForeignKey(Grid, on_delete=models.PROTECT, related_name="outlines", verbose_name=_("grid"))
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="outlines", verbose_name=_("plan"))
    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="outlines", verbose_name=_("community")
    )
    code = models.CharField(_("code"), max_length=32, validators=[AREA_CODE])
    kind = models.CharField(_("kind"), max_length=12, choices=GridKind.choices, default=GridKind.ALL_PURPOSE)
    polygon = models.MultiPolygonField(_("polygon"), srid=4326)
    locked = models.MultiPolygonField(
        _("outline when locked"),
        srid=4326,
        spatial_index=False,
        null=True,
        blank=True,
        help_text=_("In a draft: nothing may move this grid's ground or buildings. Empty: not locked."),
    )

    objects = OutlineQuerySet.as_manager()

    class Meta:
        verbose_name = _("outline")
        verbose_name_plural = _("outlines")
        ordering = ["plan", "code"]
        constraints = [
            UniqueConstraint(name="outline_one_per_grid", fields=["plan", "grid"]),
            UniqueConstraint(name="outline_code_once", fields=["plan", "code"]),
            not_blank("outline_code_given", "code"),
            not_blank("outline_name_given", "name"),
            one_of("outline_kind_known", "kind", GridKind),
            sound("outline_polygon_sound", "polygon"),
        ]
        indexes = [
            models.Index(fields=["plan", "community"], name="outline_by_community"),
            models.Index(fields=["community", "code"], name="outline_codes_of_community"),
        ]


class PublicationState(models.TextChoices):
    """A publication stands, or was withdrawn before or while it was in force."""

    STANDING = "standing", _("standing")
    WITHDRAWN = "withdrawn", _("withdrawn")


class PublicationQuerySet(models.QuerySet["Publication"]):
    """Sentences about publications."""

    def begun(self, at: datetime) -> Self:
        """Those that stand and are or were in force by the instant `at`: what the public may know."""
        return self.filter(
            Q(period__startswith__lte=at) | Q(period__startswith=None), state=PublicationState.STANDING
        )


class Publication(models.Model):
    """Puts one community's outlines of a plan in force for a time. At most one at a time per community."""

    plan = models.ForeignKey(
        Plan, on_delete=models.PROTECT, related_name="publications", verbose_name=_("plan")
    )
    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="publications", verbose_name=_("community")
    )
    period = DateTimeRangeField(_("in force"))
    state = models.CharField(
        _("state"), max_length=12, choices=PublicationState.choices, default=PublicationState.STANDING
    )
    published_at = models.DateTimeField(_("published at"), db_default=Now())
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("published by"),
    )
    # Buildings set by hand to a grid that follow their ground from here on (boundaries.actions.placements).
    released: "models.ManyToManyField[models.Model, models.Model]" = models.ManyToManyField(
        "Building", related_name="+", blank=True, editable=False, verbose_name=_("buildings")
    )

    objects = PublicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        ordering = ["community", "period"]
        constraints = [
            half_open("publication_half_open"),
            one_of("publication_state_known", "state", PublicationState),
            one_at_a_time(
                "publication_one_at_a_time", "community", condition=Q(state=PublicationState.STANDING)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} → {self.community_id}"


class Revision(models.Model):
    """One edit of a plan: append-only; undo, history and live updates all read it.

    `before` and `after` map a grid's id to its outline as
    {"code", "name", "name_en", "kind", "community", "ewkb", "locked"} (EWKB as hexadecimal text; locked may be null or
    absent), or to null where the grid was absent. `key` is the sender's own for one edit: sent twice, it is made once.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="revisions", verbose_name=_("plan"))
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="children",
        null=True,
        blank=True,
        verbose_name=_("follows"),
    )
    command = models.CharField(_("command"), max_length=24)
    parameters = models.JSONField(_("parameters"), default=dict)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    key = models.UUIDField(_("key of the request"), null=True, blank=True)
    made_at = models.DateTimeField(_("made at"), db_default=Now())
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("made by"),
    )

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["id"]
        constraints = [UniqueConstraint(name="revision_once_per_key", fields=["plan", "key"])]
        indexes = [models.Index(fields=["plan", "parent"], name="revision_by_parent")]

    def __str__(self) -> str:
        return f"{self.command} #{self.pk}"
