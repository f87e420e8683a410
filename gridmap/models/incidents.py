"""Incidents: what happened where, and who was responsible for that place at that time."""

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GistIndex
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models import Community, Grid, Subdistrict
from boundaries.models.constraints import not_blank, one_of
from gridmap.models.specialists import Specialist


class IncidentState(models.TextChoices):
    """Open until somebody closes it; the longer life of a case comes later."""

    OPEN = "open", _("open")
    CLOSED = "closed", _("closed")


class Match(models.TextChoices):
    """How a place matched a grid; the rule stands in boundaries.locating."""

    INSIDE = "inside", _("inside")
    EDGE = "edge", _("on a border")
    NEAREST = "nearest", _("nearest")
    OUTSIDE = "outside", _("outside")


class Incident(models.Model):
    """An incident with the grid and the specialist that were responsible when it happened."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="incidents", verbose_name=_("subdistrict")
    )
    text = models.TextField(_("what happened"))
    address = models.CharField(_("address"), max_length=200, blank=True, default="")
    point = models.PointField(_("place"), srid=4326)
    accuracy_m = models.FloatField(_("accuracy in metres"), null=True, blank=True)
    datum = models.CharField(_("datum of the input"), max_length=12, default="wgs84")
    match = models.CharField(_("match"), max_length=12, choices=Match.choices)
    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="incidents",
        null=True,
        blank=True,
        verbose_name=_("community"),
    )
    grid = models.ForeignKey(
        Grid,
        on_delete=models.PROTECT,
        related_name="incidents",
        null=True,
        blank=True,
        verbose_name=_("grid"),
    )
    specialist = models.ForeignKey(
        Specialist,
        on_delete=models.PROTECT,
        related_name="incidents",
        null=True,
        blank=True,
        verbose_name=_("specialist"),
    )
    happened_at = models.DateTimeField(_("happened at"))
    reported_at = models.DateTimeField(_("reported at"), db_default=Now())
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("reported by"),
    )
    state = models.CharField(
        _("state"), max_length=12, choices=IncidentState.choices, default=IncidentState.OPEN
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("closed by"),
    )
    outcome = models.TextField(_("outcome"), blank=True, default="")
    version = models.PositiveIntegerField(_("version"), default=1)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-reported_at", "-id"]
        constraints = [
            not_blank("incident_text_given", "text"),
            one_of("incident_match_known", "match", Match),
            CheckConstraint(
                name="incident_closed_whole",
                condition=Q(state=IncidentState.OPEN, closed_at=None)
                | Q(state=IncidentState.CLOSED, closed_at__isnull=False),
            ),
            CheckConstraint(
                name="incident_grid_unless_outside",
                condition=Q(match=Match.OUTSIDE, grid=None)
                | (~Q(match=Match.OUTSIDE) & Q(grid__isnull=False)),
            ),
        ]
        indexes = [
            GistIndex("point", name="incident_open_place", condition=Q(state=IncidentState.OPEN)),
            models.Index(fields=["grid", "state"], name="incident_by_grid"),
            models.Index(fields=["subdistrict", "-reported_at"], name="incident_newest"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
