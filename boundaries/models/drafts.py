"""Drafts: where their ground came from, and how their head moved (docs/decisions/0005-drafts.md)."""

from django.conf import settings
from django.contrib.gis.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models.areas import AREA_CODE, Community
from boundaries.models.constraints import one_of
from boundaries.models.plans import Grid, Plan, Revision


class Basis(models.Model):
    """The plan that was in force for one community of a draft when it was started, or when it was settled last.

    Where another plan is in force for that community when the draft is to be published, the ground that changed between
    the two has to be settled first. A draft of an older plan has the one in force here too; `Plan.base` says what it was
    made from. `base` is None where nothing was taken over, as in a scheme brought in from a file.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="bases", verbose_name=_("plan"))
    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="+", verbose_name=_("community")
    )
    base = models.ForeignKey(
        Plan, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("taken from")
    )

    class Meta:
        verbose_name = _("basis of a draft")
        verbose_name_plural = _("bases of drafts")
        constraints = [
            UniqueConstraint(name="basis_one_per_community", fields=["plan", "community"]),
            CheckConstraint(name="basis_of_another_plan", condition=~Q(base=F("plan"))),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} · {self.community_id}"


class MoveKind(models.TextChoices):
    """How a draft's head came to another revision."""

    EDIT = "edit", _("edit")
    UNDO = "undo", _("undo")
    REDO = "redo", _("redo")
    JUMP = "jump", _("went to")


class HeadMove(models.Model):
    """One step of a draft's head, append-only. None stands for the state in which the draft began.

    Redo goes to the child of the head at which the head stood last, so that it follows the branch just left.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="moves", verbose_name=_("plan"))
    kind = models.CharField(_("kind"), max_length=8, choices=MoveKind.choices)
    origin = models.ForeignKey(
        Revision, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("from")
    )
    goal = models.ForeignKey(
        Revision, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("to")
    )
    moved_at = models.DateTimeField(_("moved at"), db_default=Now())
    moved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("moved by"),
    )

    class Meta:
        verbose_name = _("step of a draft's head")
        verbose_name_plural = _("steps of drafts' heads")
        ordering = ["id"]
        constraints = [one_of("head_move_kind_known", "kind", MoveKind)]

    def __str__(self) -> str:
        return f"{self.kind}: {self.origin_id} → {self.goal_id}"


class GridCode(models.Model):
    """A code that an edit gave to a grid, append-only: no other grid ever gets it, not even where the edit was undone."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="+", verbose_name=_("community")
    )
    code = models.CharField(_("code"), max_length=32, validators=[AREA_CODE])
    grid = models.ForeignKey(Grid, on_delete=models.PROTECT, related_name="+", verbose_name=_("grid"))
    given_at = models.DateTimeField(_("given at"), db_default=Now())

    class Meta:
        verbose_name = _("code given to a grid")
        verbose_name_plural = _("codes given to grids")
        constraints = [UniqueConstraint(name="grid_code_given_once", fields=["community", "code"])]

    def __str__(self) -> str:
        return self.code
