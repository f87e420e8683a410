"""What the search box reads: one row per place, and the ways to write its name. Derived, never the record.

Both tables are written only by `boundaries.actions.places` and can be thrown away and built again. That is why
nothing here holds a foreign key in the database: a derived row must never keep its source from being changed.
"""

from django.contrib.gis.db import models
from django.contrib.postgres.fields import DateTimeRangeField
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from boundaries.models.areas import Community, Compound, Subdistrict
from boundaries.models.constraints import always
from boundaries.models.ground import Street


class PlaceKind(models.TextChoices):
    """What kind of thing a search may find. Persons are not among them."""

    COMMUNITY = "community", _("community")
    COMPOUND = "compound", _("compound")
    STREET = "street", _("street")
    GRID = "grid", _("grid")
    BUILDING = "building", _("building")
    WATER = "water", _("water")
    LAND = "land", _("open land")


class KeyForm(models.IntegerChoices):
    """How a key spells its place."""

    CODE = 1, _("code")
    NAME = 2, _("name")
    ENGLISH = 3, _("name in English")
    PINYIN = 4, _("pinyin")
    INITIALS = 5, _("pinyin initials")
    # The pinyin with the sounds merged that Sichuan speech merges: see `boundaries.spelling.sound`.
    SOUND = 6, _("sound")
    # A name or sound with one character left out: two spellings that share one are a slip apart.
    NAME_SLIP = 7, _("name with a slip")
    SOUND_SLIP = 8, _("sound with a slip")
    # Where a compound stands (柳台大道88号), or a named building with its compound: only as a whole.
    ADDRESS = 9, _("address")


class Place(models.Model):
    """Something that can be found. A grid has a row for each code and name it has had while in force."""

    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    community = models.ForeignKey(
        Community, on_delete=models.CASCADE, related_name="+", null=True, db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=12, choices=PlaceKind.choices)
    object_id = models.BigIntegerField()
    title = models.CharField(max_length=200)
    title_en = models.CharField(max_length=300, blank=True, default="")
    detail = models.CharField(max_length=400, blank=True, default="")
    detail_en = models.CharField(max_length=600, blank=True, default="")
    # City, district, subdistrict and community as one normalised text: what callers say before the place.
    context = models.CharField(max_length=400, blank=True, default="")
    code = models.CharField(max_length=32, blank=True, default="")
    # Buildings only: an address is a name (of a compound or street, found by its keys) and a number.
    compound = models.ForeignKey(
        Compound, on_delete=models.CASCADE, related_name="+", null=True, db_constraint=False, db_index=False
    )
    number = models.CharField(max_length=24, blank=True, default="", db_collation="C")
    street = models.ForeignKey(
        Street, on_delete=models.CASCADE, related_name="+", null=True, db_constraint=False, db_index=False
    )
    house_number = models.CharField(max_length=24, blank=True, default="", db_collation="C")
    house_value = models.IntegerField(null=True)
    entrances = models.PositiveSmallIntegerField(null=True)
    point = models.PointField(srid=4326, spatial_index=False)
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()
    period = DateTimeRangeField(default=always)

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")
        indexes = [
            models.Index(fields=["subdistrict", "kind", "object_id"], name="place_by_town"),
            models.Index(fields=["kind", "object_id"], name="place_by_object"),
            models.Index(
                fields=["compound", "number"], name="place_in_compound", condition=Q(compound__isnull=False)
            ),
            models.Index(
                fields=["street", "house_value"], name="place_on_street", condition=Q(street__isnull=False)
            ),
            GistIndex(fields=["point"], name="place_building_point", condition=Q(kind="building")),
        ]

    def __str__(self) -> str:
        return self.title


class PlaceKey(models.Model):
    """One way to write a place's name, from its character or syllable `start` on.

    With a row for every tail of a name, a text *anywhere* in it is the beginning of some key:

        依云镇 -> 依云镇, 云镇, 镇      "云镇" is found by the same range scan as "依云"

    so that infixes of one and two characters, which trigrams cannot serve, cost what prefixes cost.
    """

    place = models.ForeignKey(
        Place, on_delete=models.CASCADE, related_name="keys", db_constraint=False, db_index=False
    )
    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=12, choices=PlaceKind.choices)
    form = models.PositiveSmallIntegerField(choices=KeyForm.choices)
    start = models.PositiveSmallIntegerField()
    # Byte order: a prefix is then a plain range, also where the prefix is not known to the planner.
    key = models.CharField(max_length=200, db_collation="C")

    class Meta:
        verbose_name = _("key of a place")
        verbose_name_plural = _("keys of places")
        indexes = [
            models.Index(
                fields=["form", "key"],
                include=["start", "place", "kind", "subdistrict"],
                name="place_key_by_prefix",
            ),
            models.Index(fields=["place"], name="place_key_by_place"),
            GinIndex(
                fields=["key"],
                opclasses=["gin_trgm_ops"],
                name="place_key_by_trigram",
                condition=Q(form__in=(KeyForm.ENGLISH, KeyForm.SOUND), start=0),
            ),
        ]

    def __str__(self) -> str:
        return self.key
