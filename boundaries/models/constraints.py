"""Pieces of constraints and querysets that several models share: dated rows, sound geometries, names."""

from datetime import datetime
from typing import Any

from django.contrib.gis.db import models
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db.models import BooleanField, CheckConstraint, F, Func, Q
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from psycopg.types.range import TimestamptzRange


def always() -> TimestamptzRange:
    """The range without bounds: true before anything was recorded and until further notice."""
    return TimestamptzRange(None, None, "[)")


def since(start: datetime) -> TimestamptzRange:
    """The half-open range from `start` until further notice."""
    return TimestamptzRange(start, None, "[)")


def half_open(name: str, field: str = "period") -> CheckConstraint:
    """Ranges are never empty and always read [start, end): one instant belongs to one of two neighbours."""
    return CheckConstraint(
        name=name,
        condition=Q(**{f"{field}__isempty": False})
        & Q(**{f"{field}__upper_inc": False})
        & (Q(**{f"{field}__lower_inc": True}) | Q(**{f"{field}__lower_inf": True})),
        violation_error_message=_("The period must have a start before its end."),
    )


def one_at_a_time(
    name: str, *same: str, condition: Q | None = None, field: str = "period"
) -> ExclusionConstraint:
    """No two rows that agree in the fields `same` overlap in time (among those that meet `condition`)."""
    return ExclusionConstraint(
        name=name,
        expressions=[*((F(key), RangeOperators.EQUAL) for key in same), (F(field), RangeOperators.OVERLAPS)],
        condition=condition,
    )


def sound(name: str, field: str) -> CheckConstraint:
    """The geometry is valid by OGC rules and not empty."""
    return CheckConstraint(
        name=name,
        condition=Q(
            Func(
                F(field),
                template="(ST_IsValid(%(expressions)s) AND NOT ST_IsEmpty(%(expressions)s))",
                output_field=BooleanField(),
            )
        ),
        violation_error_message=_("The geometry is not valid."),
    )


def not_blank(name: str, field: str) -> CheckConstraint:
    """The text holds something."""
    return CheckConstraint(name=name, condition=~Q(**{field: ""}))


def one_of(name: str, field: str, choices: type[models.TextChoices]) -> CheckConstraint:
    """The short code is one of `choices`, whoever writes the row."""
    return CheckConstraint(name=name, condition=Q(**{f"{field}__in": choices.values}))


class Named(models.Model):
    """Something with a Chinese name and, where known, an English one."""

    name = models.CharField(_("name"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=150, blank=True, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """The name in the reader's language."""
        return local_name(self.name, self.name_en)


class Dated(models.Model):
    """A fact with the time for which it holds and the time at which it became known.

    Rows are not overwritten: a correction revokes the old row and adds a new one, so that both «who was
    responsible on that day» and «what did we believe on that day» keep their answers.
    """

    period = DateTimeRangeField(_("period"), default=always)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        abstract = True


def in_force(at: datetime, prefix: str = "") -> Q:
    """Dated rows that hold at `at` and were not revoked; `prefix` is a lookup path that ends in __."""
    lookups: dict[str, Any] = {f"{prefix}period__contains": at, f"{prefix}revoked_at": None}
    return Q(**lookups)


def local_name(name: str, name_en: str) -> str:
    """The English name for readers of English where there is one, else the Chinese name."""
    language = translation.get_language() or ""
    return name_en if name_en and not language.startswith("zh") else name
