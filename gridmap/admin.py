"""Accounts, staff and records in Django's admin. Households, residents and incidents are not here: see permissions."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AdminSplitDateTime
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from leaflet.admin import LeafletGeoAdmin

from boundaries.admin import AskedByObject, PlainAdmin, Readable, Reference
from gridmap.actions.accounts import (
    AccountError,
    check_grant,
    grant_role,
    make_token,
    password_set_by_another,
    revoke_role,
    revoke_token,
)
from gridmap.actions.audit import record, record_reference
from gridmap.actions.dated import EndedAlready, end_now
from gridmap.models import (
    Absence,
    AccessRecord,
    ApiToken,
    Assignment,
    AuditEntry,
    DutyTelephone,
    HostContact,
    RoleGrant,
    ServiceCentre,
    Specialist,
    User,
    WorkloadWeight,
)
from gridmap.permissions import (
    Permission,
    Scope,
    is_trusted_with_households,
    scope,
    visible_access,
    visible_audit,
)

if TYPE_CHECKING:
    PlainUserAdmin = UserAdmin[User]
    GrantFormBase = forms.ModelForm[RoleGrant]
    TokenFormBase = forms.ModelForm[ApiToken]
    RowFormBase = forms.ModelForm[Any]
else:
    # generic for the type checker only
    PlainUserAdmin = UserAdmin
    GrantFormBase = TokenFormBase = RowFormBase = forms.ModelForm


# What administrators change by hand on maps is recorded with their name.
Reference.record = staticmethod(record_reference)


def account_of(request: HttpRequest) -> User:
    """Who is at work in the admin."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _of_ground(allowed: Scope, account: str = "pk") -> Q:
    """Accounts with a grant on that ground, and those without any. No join: each row once, however many grants."""
    grants = RoleGrant.objects.filter(user=OuterRef(account))
    return Q(Exists(grants.filter(allowed.rows()))) | ~Q(Exists(grants))


class Scoped(AskedByObject):
    """Rows on the ground of the administrator's grants only; each change is recorded."""

    subdistrict_path = "subdistrict"
    community_path: str | None = "community"
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only what lies on one's own ground: the rest is a 404."""
        permission = f"{self.opts.app_label}.view_{self.opts.model_name}"
        allowed = scope(account_of(request), permission)
        rows: QuerySet[Any] = super().get_queryset(request)
        return (
            rows.filter(allowed.rows(self.subdistrict_path, self.community_path)) if allowed else rows.none()
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing is deleted by the dozen."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Ask once more with the object as it would become, save, record."""
        if not self._may(request, "change" if change else "add", obj):
            raise PermissionDenied
        obj.save()
        record(
            verb="change" if change else "create",
            noun=str(self.opts.model_name),
            object_id=obj.pk,
            details={"fields": sorted(form.changed_data)} | self.told(obj, form),
            by=account_of(request),
        )

    def told(self, obj: Any, form: "ModelForm[Any]") -> dict[str, Any]:
        """What else the record of a change says: ids and codes, never a personal value."""
        return {}


@admin.register(User)
class TownUserAdmin(AskedByObject, PlainUserAdmin):
    """Accounts. What they may do are their role grants; Django's own flags and groups are not used."""

    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("last_name", "first_name", "email")}),
        (_("State"), {"fields": ("is_active", "is_demo", "last_login", "date_joined")}),
    )
    list_display = ("username", "last_name", "first_name", "is_active", "is_demo", "last_login")
    list_filter = ("is_active", "is_demo", "role_grants__role")
    filter_horizontal = ()
    readonly_fields = ("is_demo", "last_login", "date_joined")
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Accounts with a grant on one's own ground, and those without any."""
        allowed = scope(account_of(request), Permission.GRANT_ROLE)
        return super().get_queryset(request).filter(_of_ground(allowed))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """None: accounts are switched off one by one."""
        return {}

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  # Django's name
        """Choosing another's password is recorded, and opens none of the account's roles to who chose it."""
        with transaction.atomic():
            before = self.get_object(request, unquote(id))
            answer: HttpResponse = super().user_change_password(request, id, form_url)
            after = User.objects.filter(pk=before.pk).first() if before else None
            if before and after and after.password != before.password and after != account_of(request):
                password_set_by_another(user=after, by=account_of(request))
        return answer

    def save_model(self, request: HttpRequest, obj: User, form: "ModelForm[Any]", change: bool) -> None:
        """Save and record which fields changed."""
        if not change:
            obj.must_change_password = obj.has_usable_password()
        super().save_model(request, obj, form, change)
        names = sorted(set(form.changed_data) - {"password1", "password2", "usable_password"})
        verb = "change" if change else "create"
        record(verb=verb, noun="user", object_id=obj.pk, details={"fields": names}, by=account_of(request))


# Roles take the place of Django's groups.
admin.site.unregister(Group)


class RoleGrantForm(GrantFormBase):
    """A grant from now on, with an end where one is known."""

    end = forms.SplitDateTimeField(label=_("until"), required=False, widget=AdminSplitDateTime)

    class Meta:
        model = RoleGrant
        fields = ("user", "role", "subdistrict", "community")


class TakesActions(PlainAdmin):
    """Adds rows by an action of ours instead of by saving the form."""

    def add_by_action(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]") -> Any:
        """Do what the form asks for."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Add by the action; the admin goes on with the row that was made."""
        made = self.add_by_action(request, obj, form)
        obj.pk = made.pk
        obj._state.adding = False


@admin.register(RoleGrant)
class RoleGrantAdmin(TakesActions, Scoped):
    form = RoleGrantForm
    list_display = ("user", "role", "subdistrict", "community", "period", "revoked_at", "granted_by")
    list_filter = ("role", "subdistrict", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "subdistrict", "community", "granted_by")
    search_fields = ("user__username",)
    autocomplete_fields = ("user", "subdistrict", "community")
    actions = ("revoke",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Refusals of the action become messages of the form."""
        made = super().get_form(request, obj, change, **kwargs)
        by = account_of(request)

        class Asking(made):  # type: ignore[valid-type, misc]  # made at run time
            def clean(self) -> Any:
                values = super().clean()
                if not self.errors:
                    ground = values.get("community") or values.get("subdistrict")
                    if not by.has_perm(Permission.GRANT_ROLE, ground):
                        raise ValidationError(_("You do not administer that ground."))
                    try:
                        check_grant(
                            user=values["user"],
                            role=values["role"],
                            subdistrict=values["subdistrict"],
                            community=values.get("community"),
                            end=values.get("end"),
                            by=by,
                        )
                    except AccountError as error:
                        raise ValidationError({error.field: str(error)}) from None
                return values

        return Asking

    def add_by_action(self, request: HttpRequest, obj: RoleGrant, form: "ModelForm[RoleGrant]") -> RoleGrant:
        """Grant the role."""
        return grant_role(
            user=obj.user,
            role=obj.role,
            subdistrict=obj.subdistrict,
            community=obj.community,
            end=form.cleaned_data.get("end"),
            by=account_of(request),
        )

    @admin.action(description=_("Revoke the selected role grants"), permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[RoleGrant]) -> None:
        """End them now."""
        for each in queryset:
            try:
                revoke_role(grant=each, by=account_of(request))
            except AccountError as error:
                self.message_user(request, f"{each}: {error}", messages.ERROR)
            except PermissionDenied:
                self.message_user(
                    request, f"{each}: {_('You do not administer that ground.')}", messages.ERROR
                )


class ApiTokenForm(TokenFormBase):
    """A token with a name, for an account."""

    expires_at = forms.SplitDateTimeField(label=_("expires at"), required=False, widget=AdminSplitDateTime)

    class Meta:
        model = ApiToken
        fields = ("user", "name", "expires_at")

    def clean_user(self) -> User:
        """Accounts that open households make their tokens themselves."""
        chosen: User = self.cleaned_data["user"]
        if is_trusted_with_households(chosen):
            raise ValidationError(_("This account opens households: only its holder makes tokens for it."))
        return chosen


@admin.register(ApiToken)
class ApiTokenAdmin(TakesActions):
    form = ApiTokenForm
    list_display = ("name", "user", "created_at", "expires_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    autocomplete_fields = ("user",)
    exclude = ("digest",)
    actions = ("revoke",)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Tokens of accounts on one's own ground."""
        allowed = scope(account_of(request), Permission.GRANT_ROLE)
        return super().get_queryset(request).filter(_of_ground(allowed, "user"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who grants roles also makes tokens."""
        return account_of(request).has_perm(Permission.GRANT_ROLE)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """A token is revoked and made anew."""
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Revoking only."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def add_by_action(self, request: HttpRequest, obj: ApiToken, form: "ModelForm[ApiToken]") -> ApiToken:
        """Make it and show the secret, this once."""
        token, secret = make_token(
            user=obj.user, name=obj.name, expires_at=form.cleaned_data["expires_at"], by=account_of(request)
        )
        note = _("The token, shown only now: %(secret)s") % {"secret": secret}
        self.message_user(request, note, messages.WARNING)
        return token

    @admin.action(description=_("Revoke the selected tokens"), permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Refuse them from now on."""
        for each in queryset.select_related("user"):
            try:
                revoke_token(token=each, by=account_of(request))
            except PermissionDenied:
                self.message_user(
                    request, f"{each}: {_('You do not administer that ground.')}", messages.ERROR
                )


@admin.register(ServiceCentre)
class ServiceCentreAdmin(Scoped, LeafletGeoAdmin):  # type: ignore[misc]  # leaflet has no types
    community_path = "communities"
    list_display = ("name", "name_en", "address", "hours", "telephone", "subdistrict")
    list_filter = ("subdistrict",)
    list_select_related = ("subdistrict",)
    search_fields = ("name", "name_en", "address")
    autocomplete_fields = ("subdistrict", "communities")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceCentre]:
        """Each once, however many communities it serves."""
        return ServiceCentre.objects.filter(pk__in=super().get_queryset(request).values("pk"))


@admin.register(Specialist)
class SpecialistAdmin(Scoped):
    list_display = ("staff_number", "name", "public_name", "kind", "community", "user", "employed")
    list_filter = ("kind", "subdistrict", "community")
    list_select_related = ("community", "user")
    search_fields = ("staff_number", "name", "name_en", "public_name")
    autocomplete_fields = ("subdistrict", "community", "user", "centre")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Nobody makes himself or herself the specialist: that would open households."""
        made = super().get_form(request, obj, change, **kwargs)
        by = account_of(request)

        class Asking(made):  # type: ignore[valid-type, misc]  # made at run time
            def clean_user(self) -> User | None:
                chosen: User | None = self.cleaned_data["user"]
                if chosen == by and "user" in self.changed_data:
                    raise ValidationError(
                        _("This would open households to yourself. Ask another administrator.")
                    )
                return chosen

        return Asking

    def told(self, obj: Specialist, form: "ModelForm[Any]") -> dict[str, Any]:
        """Whose account it became, and whose it was."""
        if "user" not in form.changed_data:
            return {}
        before = form.initial.get("user")
        return {"user": obj.user_id, "user_before": getattr(before, "pk", before)}


@admin.register(WorkloadWeight)
class WorkloadWeightAdmin(Scoped):
    community_path = None
    list_display = ("subdistrict", "factor", "weight")
    list_select_related = ("subdistrict",)
    autocomplete_fields = ("subdistrict",)

    def told(self, obj: WorkloadWeight, form: "ModelForm[Any]") -> dict[str, Any]:
        """What weighs how much, and weighed before."""
        before = form.initial.get("weight")
        return {"factor": obj.factor, "weight": str(obj.weight), "before": str(before or "")}


class DatedForm(RowFormBase):
    """The constraints against two at a time look at `revoked_at`: left out, they would be left unchecked."""

    revoked_at = forms.DateTimeField(disabled=True, required=False, widget=forms.HiddenInput)


class DatedAdmin(Scoped):
    """Rows that are added and ended, never overwritten."""

    form = DatedForm
    exclude: ClassVar[Any] = ("recorded_at", "recorded_by")
    actions = ("end",)
    list_filter: ClassVar[Any] = (("revoked_at", admin.EmptyFieldListFilter),)

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Note who recorded it."""
        if hasattr(obj, "recorded_by_id"):
            obj.recorded_by = account_of(request)
        super().save_model(request, obj, form, change)

    @admin.action(description=_("End the selected rows now"), permissions=["add"])
    def end(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """End them, keeping what was in force until now."""
        for each in queryset:
            if not self._may(request, "add", each):
                raise PermissionDenied
            try:
                end_now(row=each, by=account_of(request))
            except EndedAlready as error:
                self.message_user(request, f"{each}: {error}", messages.ERROR)


@admin.register(Assignment)
class AssignmentAdmin(DatedAdmin):
    subdistrict_path, community_path = "specialist__subdistrict", "specialist__community"
    list_display = ("specialist", "part", "grid", "period", "revoked_at")
    list_filter = ("part", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("specialist", "grid")
    search_fields = ("specialist__staff_number", "specialist__name", "grid__outlines__code")
    autocomplete_fields = ("grid", "specialist")


@admin.register(Absence)
class AbsenceAdmin(DatedAdmin):
    subdistrict_path, community_path = "specialist__subdistrict", "specialist__community"
    list_display = ("specialist", "reason", "period", "revoked_at")
    list_select_related = ("specialist",)
    search_fields = ("specialist__staff_number", "specialist__name")
    autocomplete_fields = ("specialist",)


@admin.register(HostContact)
class HostContactAdmin(DatedAdmin):
    subdistrict_path, community_path = "grid__subdistrict", None
    list_display = ("name", "host", "telephone", "grid", "period", "revoked_at")
    list_select_related = ("grid",)
    search_fields = ("name", "host", "grid__outlines__code")
    autocomplete_fields = ("grid",)


@admin.register(DutyTelephone)
class DutyTelephoneAdmin(DatedAdmin):
    subdistrict_path = "community__subdistrict"
    list_display = ("number", "hours", "community", "period", "revoked_at")
    list_select_related = ("community",)
    search_fields = ("number", "community__name")
    autocomplete_fields = ("community",)


class RecordAdmin(Readable):
    """What was done and read: append-only."""

    date_hierarchy = None
    list_select_related = ("by",)

    @staticmethod
    def now() -> Any:
        """The moment of the request."""
        return timezone.now()


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    list_display = ("at", "by", "verb", "noun", "object_id", "details")
    list_filter = ("noun", "verb")
    search_fields = ("by__username", "=object_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """For auditors what people of their ground did; for administrators likewise."""
        user = account_of(request)
        if user.has_perm(Permission.VIEW_AUDIT):
            return visible_audit(user, self.now()).select_related("by")
        allowed = scope(user, Permission.GRANT_ROLE)
        people = RoleGrant.objects.filter(allowed.rows()).values("user")
        return super().get_queryset(request).filter(Q() if allowed.everywhere else Q(by__in=people))


@admin.register(AccessRecord)
class AccessRecordAdmin(RecordAdmin):
    list_display = ("at", "by", "noun", "how_many", "purpose")
    search_fields = ("by__username", "purpose")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessRecord]:
        """For auditors of the ground."""
        return visible_access(account_of(request), self.now()).select_related("by")

    @admin.display(description=_("objects"))
    def how_many(self, obj: AccessRecord) -> int:
        """Of how many households or people."""
        return len(obj.object_ids)
