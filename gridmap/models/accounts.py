"""Who signs in, in which role, for which part of the town."""

import hashlib
import secrets
from datetime import datetime
from typing import Self

from django.contrib.auth import get_backends
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from boundaries.models import Community, Subdistrict
from boundaries.models.constraints import Dated, half_open, in_force, one_of


class User(AbstractUser):
    """A person, or a machine, that signs in. What it may do are its role grants."""

    is_demo = models.BooleanField(
        _("demo login"), default=False, help_text=_("Refused everywhere but in the demo town.")
    )
    must_change_password = models.BooleanField(
        _("must change the password"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_(
            "Somebody else chose the password: no role opens anything until its holder has chosen another."
        ),
    )

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Whether a backend permits it. Unlike in Django, superusers pass no door by themselves."""
        return any(backend.has_perm(self, perm, obj) for backend in get_backends())

    def has_module_perms(self, app_label: str) -> bool:
        """Whether a backend permits anything in the app."""
        asked = (getattr(backend, "has_module_perms", None) for backend in get_backends())
        return any(ask(self, app_label) for ask in asked if ask is not None)


class Role(models.TextChoices):
    """The roles of the domain; what each may do stands in gridmap.permissions."""

    PLANNER = "planner", _("planner")
    SPECIALIST = "specialist", _("grid specialist")
    CLERK = "clerk", _("service specialist")
    DISPATCHER = "dispatcher", _("dispatcher")
    SUPERVISOR = "supervisor", _("supervisor")
    ADMINISTRATOR = "administrator", _("administrator")
    AUDITOR = "auditor", _("auditor")


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    """Sentences about role grants."""

    def held_by(self, user: User, at: datetime) -> Self:
        """Grants of `user` in force at the instant `at`."""
        return self.filter(in_force(at), user=user)


class RoleGrant(Dated):
    """A role for a user in a subdistrict, or in one community of it, for a time."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="role_grants", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    subdistrict = models.ForeignKey(
        Subdistrict, on_delete=models.PROTECT, related_name="role_grants", verbose_name=_("subdistrict")
    )
    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="role_grants",
        null=True,
        blank=True,
        verbose_name=_("community"),
        help_text=_("Empty: the whole subdistrict."),
    )
    granted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("granted by")
    )

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        verbose_name = _("role grant")
        verbose_name_plural = _("role grants")
        ordering = ["user", "role"]
        constraints = [one_of("role_known", "role", Role), half_open("role_grant_half_open")]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class ApiToken(models.Model):
    """A secret for machines. Only its SHA-256 digest is stored: 256 random bits need no slow hash."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=64)
    digest = models.CharField(_("digest"), max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints = [
            CheckConstraint(name="token_digest_whole", condition=Q(digest__regex=r"^[0-9a-f]{64}$"))
        ]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def digest_of(secret: str) -> str:
        """The SHA-256 of `secret` in hexadecimal."""
        return hashlib.sha256(secret.encode()).hexdigest()

    @staticmethod
    def new_secret() -> str:
        """A fresh secret of 256 random bits; shown to the user once and never stored."""
        return f"gm_{secrets.token_urlsafe(32)}"
