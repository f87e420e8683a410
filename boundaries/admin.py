"""Reference data in Django's admin: areas, ground and buildings to change; plans and what follows from them to read."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.postgres.fields import DateTimeRangeField
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from leaflet.admin import LeafletGeoAdmin

from boundaries.actions.reference import Record, delete_reference, save_reference
from boundaries.admin_fields import GeometryWidget, OpenRange
from boundaries.models import (
    Building,
    Community,
    Compound,
    Edition,
    Grid,
    Land,
    Outline,
    Placement,
    Plan,
    Publication,
    Revision,
    Street,
    Subdistrict,
    Water,
)

if TYPE_CHECKING:
    PlainAdmin = admin.ModelAdmin[Any]
else:
    # generic for the type checker only
    PlainAdmin = admin.ModelAdmin


class AskedByObject(PlainAdmin):
    """Permissions are asked with the object, so that a grant for one community opens that community only."""

    widget = GeometryWidget
    formfield_overrides: ClassVar[Any] = {DateTimeRangeField: {"form_class": OpenRange}}

    def _may(self, request: HttpRequest, action: str, obj: Any) -> bool:
        name = f"{self.opts.app_label}.{action}_{self.opts.model_name}"
        user: Any = request.user
        return bool(user.has_perm(name) if obj is None else user.has_perm(name, obj))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To look at what one may not change is permitted where the role says so."""
        return self._may(request, "view", None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only on the ground of the grant."""
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only on the ground of the grant."""
        return self._may(request, "delete", obj)


class Readable(AskedByObject):
    """Rows that other parts of the product write; nothing here changes them."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class Reference(AskedByObject, LeafletGeoAdmin):  # type: ignore[misc]  # leaflet has no types
    """An area or a piece of ground on a map without foreign tiles."""

    list_per_page = 50
    show_full_result_count = False
    heavy: tuple[str, ...] = ()
    # Who did what is kept by whoever knows people: the service puts its own writer of history here.
    record: ClassVar[Record | None] = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Lists leave the geometries in the database."""
        rows: QuerySet[Any] = super().get_queryset(request)
        is_list = request.resolver_match is not None and str(request.resolver_match.url_name).endswith(
            "_changelist"
        )
        return rows.defer(*self.heavy) if is_list else rows

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing is deleted by the dozen."""
        return {}

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Ask once more with the object as it would become, then save it by the action.

        Raises
        ------
        PermissionDenied
            It would lie on ground that is not the user's.
        """
        if not self._may(request, "change" if change else "add", obj):
            raise PermissionDenied
        user: Any = request.user
        save_reference(obj, fields=form.changed_data, record=type(self).record, by=user)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete by the action."""
        user: Any = request.user
        delete_reference(obj, record=type(self).record, by=user)


@admin.register(Subdistrict)
class SubdistrictAdmin(Reference):
    list_display = (
        "code",
        "name",
        "name_en",
        "metric_srid",
        "time_zone",
        "norm",
        "norm_limit",
        "is_synthetic",
    )
    search_fields = ("code", "name", "name_en")
    heavy = ("outline",)


@admin.register(Community)
class CommunityAdmin(Reference):
    list_display = ("code", "name", "name_en", "subdistrict", "surveyed_people", "surveyed_households")
    list_filter = ("subdistrict",)
    list_select_related = ("subdistrict",)
    search_fields = ("code", "name", "name_en")
    autocomplete_fields = ("subdistrict",)
    heavy = ("outline", "subdistrict__outline")


@admin.register(Compound)
class CompoundAdmin(Reference):
    list_display = ("name", "name_en", "kind", "community", "address")
    list_filter = ("kind", "community")
    list_select_related = ("community",)
    search_fields = ("name", "name_en", "address", "source_ref")
    autocomplete_fields = ("community",)
    heavy = ("outline", "community__outline")


@admin.register(Building)
class BuildingAdmin(Reference):
    list_display = ("__str__", "compound", "street", "community", "use", "floors", "existed")
    list_filter = ("use", "community")
    list_select_related = ("compound", "street", "community")
    search_fields = ("name", "name_en", "compound__name", "street__name", "source_ref")
    autocomplete_fields = ("subdistrict", "community", "compound", "street")
    heavy = ("footprint", "compound__outline", "street__line", "community__outline")


class GroundAdmin(Reference):
    """What streets, water and land have in common."""

    list_filter: ClassVar[Any] = ("subdistrict",)
    list_select_related = ("subdistrict",)
    search_fields = ("name", "name_en", "source_ref")
    autocomplete_fields = ("subdistrict",)


@admin.register(Street)
class StreetAdmin(GroundAdmin):
    list_display = ("name", "name_en", "rank", "width_m", "subdistrict")
    list_filter = ("rank", "subdistrict")
    heavy = ("line", "subdistrict__outline")


@admin.register(Water)
class WaterAdmin(GroundAdmin):
    list_display = ("name", "name_en", "kind", "subdistrict")
    list_filter = ("kind", "subdistrict")
    heavy = ("area", "subdistrict__outline")


@admin.register(Land)
class LandAdmin(GroundAdmin):
    list_display = ("name", "name_en", "kind", "subdistrict")
    list_filter = ("kind", "subdistrict")
    heavy = ("area", "subdistrict__outline")


@admin.register(Grid)
class GridAdmin(Readable):
    list_display = ("__str__", "subdistrict", "created_at")
    list_filter = ("subdistrict",)
    list_select_related = ("subdistrict",)
    search_fields = ("=id", "outlines__code", "outlines__name")


@admin.register(Plan)
class PlanAdmin(Readable):
    list_display = ("name", "subdistrict", "created_at", "created_by", "frozen_at")
    list_filter = ("subdistrict",)
    list_select_related = ("subdistrict", "created_by")
    search_fields = ("name",)


@admin.register(Outline)
class OutlineAdmin(Readable):
    list_display = ("code", "name", "kind", "community", "plan")
    list_filter = ("kind", "community")
    list_select_related = ("community", "plan")
    search_fields = ("code", "name", "name_en")
    exclude = ("polygon",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Outline]:
        """Without geometries: those are on the map."""
        return super().get_queryset(request).defer("polygon", "community__outline")


@admin.register(Publication)
class PublicationAdmin(Readable):
    list_display = ("plan", "community", "period", "state", "published_at", "published_by")
    list_filter = ("state", "community")
    list_select_related = ("plan", "community", "published_by")


@admin.register(Revision)
class RevisionAdmin(Readable):
    list_display = ("id", "plan", "command", "made_at", "made_by", "grids_changed")
    list_select_related = ("plan", "made_by")
    exclude = ("before", "after")

    @admin.display(description=_("grids changed"))
    def grids_changed(self, obj: Revision) -> int:
        """How many grids the edit touched."""
        return len(obj.after)


@admin.register(Placement)
class PlacementAdmin(Readable):
    list_display = ("building", "grid", "period", "is_override")
    list_filter = ("is_override",)
    list_select_related = ("building__compound", "building__street", "grid")
    search_fields = ("=building__id", "=grid__id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Placement]:
        """Without geometries."""
        heavy = ("building__footprint", "building__compound__outline", "building__street__line")
        return super().get_queryset(request).defer(*heavy)


@admin.register(Edition)
class EditionAdmin(Readable):
    list_display = ("layer", "number", "changed_at")
