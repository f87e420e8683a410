"""What was done, and who read what about whom. Append-only: the application role may not change it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models.constraints import not_blank


class AuditEntry(models.Model):
    """One action that changed something: written by the action in the same transaction."""

    at = models.DateTimeField(_("at"), db_default=Now())
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("by"),
    )
    verb = models.CharField(_("action"), max_length=48)
    noun = models.CharField(_("kind of object"), max_length=48)
    object_id = models.CharField(_("object"), max_length=64, blank=True, default="")
    details = models.JSONField(
        _("details"), default=dict, help_text=_("Codes, counts and ids; never a personal value.")
    )

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]
        constraints = [not_blank("audit_verb_given", "verb")]
        indexes = [models.Index(fields=["noun", "object_id"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.verb} {self.noun} {self.object_id}"


class AccessRecord(models.Model):
    """One reading of personal data: who, about which households, which fields, why, when."""

    at = models.DateTimeField(_("at"), db_default=Now())
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("by")
    )
    noun = models.CharField(_("kind of object"), max_length=48)
    object_ids = ArrayField(models.BigIntegerField(), verbose_name=_("objects"))
    fields = ArrayField(models.CharField(max_length=48), verbose_name=_("fields"))
    purpose = models.CharField(_("purpose"), max_length=200)

    class Meta:
        verbose_name = _("reading of personal data")
        verbose_name_plural = _("readings of personal data")
        ordering = ["-id"]
        constraints = [not_blank("access_purpose_given", "purpose")]

    def __str__(self) -> str:
        return f"{self.by_id} · {self.noun} · {len(self.object_ids)}"
