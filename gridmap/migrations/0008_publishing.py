"""A plan on its way into force: submissions, releases, the posts they carry, hand-overs."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("boundaries", "0007_drafts"),
        ("gridmap", "0007_entrance_and_writer"),
    ]

    operations = [
        migrations.CreateModel(
            name="Submission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "effective_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Empty: as soon as it is approved.",
                        null=True,
                        verbose_name="takes effect at",
                    ),
                ),
                ("note", models.TextField(blank=True, default="", max_length=2000, verbose_name="note")),
                (
                    "choices",
                    models.JSONField(blank=True, default=dict, verbose_name="distribution of the posts"),
                ),
                ("confirmed", models.JSONField(blank=True, default=list, verbose_name="confirmed buildings")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting for approval"),
                            ("approved", "approved"),
                            ("refused", "refused"),
                            ("withdrawn", "taken back"),
                        ],
                        default="waiting",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                (
                    "submitted_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="submitted at"
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                ("answer", models.TextField(blank=True, default="", max_length=2000, verbose_name="answer")),
                (
                    "communities",
                    models.ManyToManyField(
                        related_name="+", to="boundaries.community", verbose_name="communities"
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "head",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="boundaries.revision",
                        verbose_name="as of revision",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="submissions",
                        to="boundaries.plan",
                        verbose_name="plan",
                    ),
                ),
                (
                    "submitted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="submitted by",
                    ),
                ),
            ],
            options={
                "verbose_name": "submission",
                "verbose_name_plural": "submissions",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Release",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("effective_at", models.DateTimeField(verbose_name="takes effect at")),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="made at"
                    ),
                ),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn at")),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="releases",
                        to="boundaries.plan",
                        verbose_name="plan",
                    ),
                ),
                (
                    "publications",
                    models.ManyToManyField(
                        related_name="releases", to="boundaries.publication", verbose_name="publications"
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="withdrawn by",
                    ),
                ),
                (
                    "submission",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="release",
                        to="gridmap.submission",
                        verbose_name="submission",
                    ),
                ),
            ],
            options={
                "verbose_name": "release of a plan",
                "verbose_name_plural": "releases of plans",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="HandOver",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("buildings", models.PositiveIntegerField(verbose_name="buildings")),
                ("households", models.PositiveIntegerField(verbose_name="households")),
                ("note", models.TextField(blank=True, default="", max_length=2000, verbose_name="note")),
                ("written_at", models.DateTimeField(blank=True, null=True, verbose_name="written at")),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="read by the taker at")),
                (
                    "giver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hand_overs_given",
                        to="gridmap.specialist",
                        verbose_name="gives",
                    ),
                ),
                (
                    "grid",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="boundaries.grid",
                        verbose_name="into the grid",
                    ),
                ),
                (
                    "taker",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hand_overs_taken",
                        to="gridmap.specialist",
                        verbose_name="takes",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hand_overs",
                        to="gridmap.release",
                        verbose_name="release",
                    ),
                ),
            ],
            options={
                "verbose_name": "hand-over",
                "verbose_name_plural": "hand-overs",
                "ordering": ["release", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("release", "giver", "taker", "grid"),
                        name="hand_over_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("taker", None),
                            models.Q(("giver", models.F("taker")), _negated=True),
                            _connector="OR",
                        ),
                        name="hand_over_to_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("note", ""), ("written_at", None)),
                            models.Q(models.Q(("note", ""), _negated=True), ("written_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="hand_over_written_is_dated",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CarriedPost",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "now",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gridmap.assignment",
                        verbose_name="new post",
                    ),
                ),
                (
                    "was",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gridmap.assignment",
                        verbose_name="old post",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="carried",
                        to="gridmap.release",
                        verbose_name="release",
                    ),
                ),
            ],
            options={
                "verbose_name": "carried post",
                "verbose_name_plural": "carried posts",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("was", None), ("now", None), _negated=True),
                        name="carried_post_says_something",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "approved", "refused", "withdrawn"])),
                name="submission_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waiting")), fields=("plan",), name="submission_one_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by", None),
                    models.Q(("decided_by", models.F("submitted_by")), _negated=True),
                    ("state", "withdrawn"),
                    _connector="OR",
                ),
                name="submission_decided_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "refused"), _negated=True),
                    models.Q(("answer", ""), _negated=True),
                    _connector="OR",
                ),
                name="submission_refused_with_reason",
            ),
        ),
    ]
