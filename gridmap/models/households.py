"""Households and residents: no more about anybody than the work needs."""

from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.contrib.postgres.indexes import GinIndex
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from boundaries.models import Building
from boundaries.models.constraints import always, half_open, local_name, not_blank
from boundaries.naming import door_en, door_zh


class Tag(models.TextChoices):
    """What a visit must know about a household or a resident. Health and religion are no tags."""

    ELDER_ALONE = "elder_alone", _("elder living alone")
    FLOATING = "floating", _("floating population")
    QUARANTINE = "quarantine", _("home quarantine")
    KEY_CONTACT = "key_contact", _("key contact")
    VERIFY = "verify", _("verification visit")


def labels_of(tags: list[str]) -> list[str]:
    """What people call these tags; a tag that is no longer known stands as it is."""
    return [str(Tag(tag).label) if tag in Tag.values else tag for tag in tags]


class Household(models.Model):
    """A household (户) behind one door. It always follows its building to a grid."""

    building = models.ForeignKey(
        Building, on_delete=models.PROTECT, related_name="households", verbose_name=_("building")
    )
    entrance = models.CharField(_("entrance (单元)"), max_length=24, blank=True, default="")
    floor = models.SmallIntegerField(_("floor"), null=True, blank=True)
    room = models.CharField(_("room"), max_length=24, blank=True, default="")
    point = models.PointField(_("place"), srid=4326)
    tags = ArrayField(
        models.CharField(max_length=16, choices=Tag.choices), verbose_name=_("tags"), default=list, blank=True
    )
    head_count = models.PositiveSmallIntegerField(
        _("people"),
        default=0,
        help_text=_("Kept with the residents; from a register where residents are not named."),
    )
    existed = DateTimeRangeField(_("existed"), default=always)
    source = models.CharField(_("source"), max_length=64, blank=True, default="")
    source_ref = models.CharField(_("reference in the source"), max_length=128, blank=True, default="")

    class Meta:
        verbose_name = _("household")
        verbose_name_plural = _("households")
        ordering = ["building", "entrance", "floor", "room"]
        constraints = [
            half_open("household_existed_half_open", "existed"),
            CheckConstraint(
                name="household_tags_known", condition=Q(tags__contained_by=[tag.value for tag in Tag])
            ),
            UniqueConstraint(
                name="household_one_per_door",
                fields=["building", "entrance", "floor", "room"],
                condition=Q(existed__endswith=None),
                nulls_distinct=False,
            ),
        ]
        indexes = [
            GinIndex(fields=["tags"], name="household_by_tag", condition=~Q(tags=[])),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def door(self) -> str:
        """«2单元 1203», as it stands on the door."""
        return door_zh(self.entrance, self.room)

    @property
    def door_en(self) -> str:
        """“Entrance 2, 1203”."""
        return door_en(self.entrance, self.room)

    @property
    def door_title(self) -> str:
        """The door in the reader's language."""
        return local_name(self.door, self.door_en)

    @property
    def tag_labels(self) -> list[str]:
        """What people call its tags."""
        return labels_of(self.tags)


class Resident(models.Model):
    """A person who lives here: name, birth year and tags, nothing more."""

    household = models.ForeignKey(
        Household, on_delete=models.CASCADE, related_name="residents", verbose_name=_("household")
    )
    name = models.CharField(_("name"), max_length=60)
    birth_year = models.PositiveSmallIntegerField(_("year of birth"), null=True, blank=True)
    tags = ArrayField(
        models.CharField(max_length=16, choices=Tag.choices), verbose_name=_("tags"), default=list, blank=True
    )
    period = DateTimeRangeField(_("lived here"), default=always)

    class Meta:
        verbose_name = _("resident")
        verbose_name_plural = _("residents")
        ordering = ["household", "birth_year"]
        constraints = [
            not_blank("resident_name_given", "name"),
            half_open("resident_half_open"),
            CheckConstraint(
                name="resident_birth_year_sane",
                condition=Q(birth_year=None) | Q(birth_year__gte=1890, birth_year__lte=2200),
            ),
            CheckConstraint(
                name="resident_tags_known", condition=Q(tags__contained_by=[tag.value for tag in Tag])
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def tag_labels(self) -> list[str]:
        """What people call his or her tags."""
        return labels_of(self.tags)
