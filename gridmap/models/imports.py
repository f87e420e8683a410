"""Files that came in through the page, and register rows that still wait for a place on the map."""

from django.conf import settings
from django.contrib.gis.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models import Subdistrict
from boundaries.models.constraints import one_of
from gridmap.models.accounts import User
from gridmap.models.households import Household


class ImportKind(models.TextChoices):
    """What the rows of a file are."""

    COMMUNITIES = "community", _("communities")
    COMPOUNDS = "compound", _("compounds")
    GRIDS = "grid", _("grids")
    STREETS = "street", _("streets")
    WATER = "water", _("water")
    LAND = "land", _("open land")
    BUILDINGS = "building", _("buildings")
    HOUSEHOLDS = "household", _("households")
    STAFF = "staff", _("specialists")


class ImportState(models.TextChoices):
    """The life of an upload: checked first, written only when a person says so."""

    WAITING = "waiting", _("waiting")
    CHECKING = "checking", _("being checked")
    CHECKED = "checked", _("checked")
    WRITING = "writing", _("being written")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class ImportRun(models.Model):
    """One uploaded file, its options, and the report on it."""

    subdistrict = models.ForeignKey(
        Subdistrict,
        on_delete=models.PROTECT,
        related_name="import_runs",
        null=True,
        blank=True,
        verbose_name=_("subdistrict"),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=ImportKind.choices)
    file = models.FileField(_("file"), upload_to="imports/%Y/%m/")
    file_name = models.CharField(_("file name"), max_length=255)
    options = models.JSONField(_("options"), default=dict)
    state = models.CharField(
        _("state"), max_length=12, choices=ImportState.choices, default=ImportState.WAITING
    )
    progress = models.FloatField(_("progress from 0 to 1"), default=0)
    message = models.CharField(_("message"), max_length=500, blank=True, default="")
    report = models.JSONField(_("report"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("created by")
    )
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("written by"),
    )
    touched_at = models.DateTimeField(
        _("last sign of life"),
        db_default=Now(),
        help_text=_("Progress that stands still shows a worker that is gone."),
    )
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]
        constraints = [
            one_of("import_kind_known", "kind", ImportKind),
            one_of("import_state_known", "state", ImportState),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def author(self) -> User:
        """Who answers for what is written: whoever said so, who need not be who brought the file."""
        return self.written_by or self.created_by

    @property
    def is_busy(self) -> bool:
        """A worker has it, or is about to."""
        return self.state in {ImportState.CHECKING, ImportState.WRITING}


class RegisterRow(models.Model):
    """A row of a household register that matched no door yet: listed, and placed by a click."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="register_rows", verbose_name=_("subdistrict")
    )
    source = models.CharField(_("source"), max_length=64)
    row_number = models.PositiveIntegerField(_("row"))
    source_ref = models.CharField(_("reference in the source"), max_length=128)
    compound = models.CharField(_("compound"), max_length=100, blank=True, default="")
    building = models.CharField(_("building"), max_length=50, blank=True, default="")
    entrance = models.CharField(_("entrance (单元)"), max_length=24, blank=True, default="")
    floor = models.SmallIntegerField(_("floor"), null=True, blank=True)
    room = models.CharField(_("room"), max_length=24, blank=True, default="")
    head_count = models.PositiveSmallIntegerField(_("people"), default=0)
    reason = models.CharField(_("reason"), max_length=200)
    placed_as = models.ForeignKey(
        Household,
        on_delete=models.SET_NULL,
        related_name="register_rows",
        null=True,
        blank=True,
        verbose_name=_("placed as"),
    )

    class Meta:
        verbose_name = _("register row without a place")
        verbose_name_plural = _("register rows without a place")
        ordering = ["source", "row_number"]
        constraints = [
            models.UniqueConstraint(name="register_row_once", fields=["subdistrict", "source", "source_ref"])
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.row_number}"
