"""What a household counts for when work is shared out: weights that each subdistrict decides for itself."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from boundaries.models import Subdistrict
from boundaries.models.constraints import one_of
from gridmap.models.households import Tag


class Factor(models.TextChoices):
    """What may count: every household, every person, and tags of households.

    Home quarantine is a tag and never counts: health has no weight.
    """

    HOUSEHOLD = "household", _("each household")
    PERSON = "person", _("each person")
    ELDER_ALONE = Tag.ELDER_ALONE.value, Tag.ELDER_ALONE.label
    FLOATING = Tag.FLOATING.value, Tag.FLOATING.label
    KEY_CONTACT = Tag.KEY_CONTACT.value, Tag.KEY_CONTACT.label
    VERIFY = Tag.VERIFY.value, Tag.VERIFY.label


MOST = 100


class WorkloadWeight(models.Model):
    """How much one household, person or tag counts. Without a row a household counts 1 and all else nothing."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="weights", verbose_name=_("subdistrict")
    )
    factor = models.CharField(_("what counts"), max_length=16, choices=Factor.choices)
    weight = models.DecimalField(
        _("weight"),
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(MOST))],
        help_text=_("1 is the work of one household without any tag; a tag's weight is added to it."),
    )

    class Meta:
        verbose_name = _("weight of workload")
        verbose_name_plural = _("weights of workload")
        ordering = ["subdistrict", "factor"]
        constraints = [
            one_of("workload_factor_known", "factor", Factor),
            UniqueConstraint(name="workload_weight_once", fields=["subdistrict", "factor"]),
            CheckConstraint(name="workload_weight_sane", condition=Q(weight__gte=0) & Q(weight__lte=MOST)),
        ]

    def __str__(self) -> str:
        return f"{Factor(self.factor).label}: {self.weight}"
