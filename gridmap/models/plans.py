"""A plan on its way into force, and the people who go with it (docs/decisions/0007-publishing.md)."""

from typing import Self

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models import Community, Grid, Plan, Publication, Revision
from boundaries.models.constraints import one_of
from gridmap.models.accounts import User
from gridmap.models.specialists import Assignment, Specialist

MAX_NOTE = 2000


class SubmissionState(models.TextChoices):
    """What became of a submission."""

    WAITING = "waiting", _("waiting for approval")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", _("taken back")


class SubmissionQuerySet(models.QuerySet["Submission"]):
    """Sentences about submissions."""

    def waiting(self) -> Self:
        """Those that a supervisor has yet to decide."""
        return self.filter(state=SubmissionState.WAITING)


class Submission(models.Model):
    """A draft that a planner has laid before the supervisor, as it was at `head`.

    `choices` is the planner's confirmed distribution of the posts, see `gridmap.carrying_over.Choices`; `confirmed`
    the buildings whose grids, set by hand, the planner has looked at again.
    """

    plan = models.ForeignKey(
        Plan, on_delete=models.PROTECT, related_name="submissions", verbose_name=_("plan")
    )
    head = models.ForeignKey(
        Revision,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("as of revision"),
    )
    communities = models.ManyToManyField(Community, related_name="+", verbose_name=_("communities"))
    effective_at = models.DateTimeField(
        _("takes effect at"), null=True, blank=True, help_text=_("Empty: as soon as it is approved.")
    )
    note = models.TextField(_("note"), blank=True, default="", max_length=MAX_NOTE)
    choices = models.JSONField(_("distribution of the posts"), default=dict, blank=True)
    confirmed = models.JSONField(_("confirmed buildings"), default=list, blank=True)
    state = models.CharField(
        _("state"), max_length=12, choices=SubmissionState.choices, default=SubmissionState.WAITING
    )
    submitted_at = models.DateTimeField(_("submitted at"), db_default=Now())
    submitted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("submitted by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("decided by")
    )
    answer = models.TextField(_("answer"), blank=True, default="", max_length=MAX_NOTE)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        ordering = ["-id"]
        constraints = [
            one_of("submission_state_known", "state", SubmissionState),
            UniqueConstraint(
                name="submission_one_waiting", fields=["plan"], condition=Q(state=SubmissionState.WAITING)
            ),
            CheckConstraint(
                name="submission_decided_by_another",
                condition=Q(decided_by=None) | ~Q(decided_by=F("submitted_by")) | Q(state="withdrawn"),
            ),
            CheckConstraint(
                name="submission_refused_with_reason",
                condition=~Q(state=SubmissionState.REFUSED) | ~Q(answer=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} · {self.state}"


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Sentences about releases."""

    def standing(self) -> Self:
        """Those that were not withdrawn."""
        return self.filter(withdrawn_at=None)


class Release(models.Model):
    """One act of publishing: the publications of its communities, the posts that moved, the hand-overs asked for.

    Withdrawn before it takes effect, what held before it holds on, with its people.
    """

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="releases", verbose_name=_("plan"))
    submission = models.OneToOneField(
        Submission,
        on_delete=models.PROTECT,
        related_name="release",
        null=True,
        blank=True,
        verbose_name=_("submission"),
    )
    publications = models.ManyToManyField(
        Publication, related_name="releases", verbose_name=_("publications")
    )
    effective_at = models.DateTimeField(_("takes effect at"))
    made_at = models.DateTimeField(_("made at"), db_default=Now())
    made_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("made by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("withdrawn by"),
    )

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("release of a plan")
        verbose_name_plural = _("releases of plans")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.plan_id} · {self.effective_at:%Y-%m-%d %H:%M}"


class CarriedPost(models.Model):
    """An assignment that a release ended or shortened (`was`) and what it put in its place (`now`).

    One row for each piece of the old post's time that stays; `now` None: nothing of it stays; `was` None: a new post.
    """

    release = models.ForeignKey(
        Release, on_delete=models.CASCADE, related_name="carried", verbose_name=_("release")
    )
    was = models.ForeignKey(
        Assignment,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("old post"),
    )
    now = models.ForeignKey(
        Assignment,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("new post"),
    )

    class Meta:
        verbose_name = _("carried post")
        verbose_name_plural = _("carried posts")
        constraints = [
            CheckConstraint(name="carried_post_says_something", condition=~(Q(was=None) & Q(now=None)))
        ]

    def __str__(self) -> str:
        return f"{self.was_id} → {self.now_id}"


class HandOver(models.Model):
    """What one specialist gives to another in a redraw: buildings and households of one grid, and a note.

    Readable by giver and taker; anybody else learns only whether the note is there. `taker` None: the grid is vacant.
    """

    release = models.ForeignKey(
        Release, on_delete=models.CASCADE, related_name="hand_overs", verbose_name=_("release")
    )
    giver = models.ForeignKey(
        Specialist, on_delete=models.PROTECT, related_name="hand_overs_given", verbose_name=_("gives")
    )
    taker = models.ForeignKey(
        Specialist,
        on_delete=models.PROTECT,
        related_name="hand_overs_taken",
        null=True,
        blank=True,
        verbose_name=_("takes"),
    )
    grid = models.ForeignKey(
        Grid, on_delete=models.PROTECT, related_name="+", verbose_name=_("into the grid")
    )
    buildings = models.PositiveIntegerField(_("buildings"))
    households = models.PositiveIntegerField(_("households"))
    note = models.TextField(_("note"), blank=True, default="", max_length=MAX_NOTE)
    written_at = models.DateTimeField(_("written at"), null=True, blank=True)
    read_at = models.DateTimeField(_("read by the taker at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hand-over")
        verbose_name_plural = _("hand-overs")
        ordering = ["release", "id"]
        constraints = [
            UniqueConstraint(
                name="hand_over_once",
                fields=["release", "giver", "taker", "grid"],
                nulls_distinct=False,
            ),
            CheckConstraint(name="hand_over_to_another", condition=Q(taker=None) | ~Q(giver=F("taker"))),
            CheckConstraint(
                name="hand_over_written_is_dated",
                condition=Q(note="", written_at=None) | (~Q(note="") & Q(written_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.giver_id} → {self.taker_id}"
