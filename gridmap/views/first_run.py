"""The first run: from an empty installation to a town with a plan in force, step by step."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from boundaries.actions.plans import PublishError
from boundaries.models import (
    Building,
    Community,
    Compound,
    Grid,
    Norm,
    Outline,
    Plan,
    Publication,
    Street,
    Subdistrict,
)
from boundaries.projections import metric_srid_for
from gridmap.actions import setup
from gridmap.actions.plans import publish_plan
from gridmap.actions.staff import StaffError, add_specialist
from gridmap.models import Assignment, Household, Part, RegisterRow, Specialist, SpecialistKind, User
from gridmap.permissions import Permission, Visitor, visible_plans
from gridmap.views.attempts import FREE_BY_NAME, Locked, begin
from gridmap.views.visitor import user_of

# django-stubs makes ModelForm generic; Django's own cannot be subscripted.
if TYPE_CHECKING:
    ModelFormOfSubdistrict = forms.ModelForm[Subdistrict]
else:
    ModelFormOfSubdistrict = forms.ModelForm

BACKEND: Final = "gridmap.permissions.GridmapBackend"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist. `optional` steps do not hold up the next one."""

    key: str
    title: str | Promise
    why: str | Promise
    count: int = 0
    is_next: bool = False
    kinds: tuple[str, ...] = ()
    optional: bool = False

    @property
    def is_done(self) -> bool:
        """There is at least one of what the step makes."""
        return self.count > 0


class AdministratorForm(forms.Form):
    """The first account."""

    code = forms.CharField(max_length=200)
    username = forms.CharField(max_length=150)
    password = forms.CharField(max_length=200, strip=False)
    again = forms.CharField(max_length=200, strip=False)

    def clean_again(self) -> str:
        """The password, typed twice alike."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password"):
            raise ValidationError(_("The two passwords differ. Type the same one twice."))
        return again


class SubdistrictForm(ModelFormOfSubdistrict):
    """The subdistrict with everything that must not be one constant for all."""

    class Meta:
        model = Subdistrict
        fields = (
            "name", "name_en", "code", "district", "city", "metric_srid", "time_zone", "norm", "norm_limit",
        )  # fmt: skip


CHECKLIST: Final = (
    Step("administrator", gettext_lazy("Administrator"), gettext_lazy("Signs in first, and lets others in.")),
    Step(
        "subdistrict",
        gettext_lazy("Subdistrict"),
        gettext_lazy("Its name and code, its metre and its clock."),
    ),
    Step(
        "communities",
        gettext_lazy("Communities"),
        gettext_lazy("Their surveyed outlines: the rim of all grids."),
        kinds=("community",),
    ),
    Step(
        "ground",
        gettext_lazy("Compounds, streets, water"),
        gettext_lazy("What makes the map readable. May wait."),
        kinds=("compound", "street", "water", "land"),
        optional=True,
    ),
    Step(
        "buildings",
        gettext_lazy("Buildings"),
        gettext_lazy("Footprints; households follow their building."),
        kinds=("building",),
    ),
    Step(
        "grids",
        gettext_lazy("Grids"),
        gettext_lazy("As a draft plan, checked for gaps and overlaps."),
        kinds=("grid",),
    ),
    Step(
        "staff",
        gettext_lazy("Specialists"),
        gettext_lazy("Who leads which grid, and the telephone to ring."),
        kinds=("staff",),
    ),
    Step(
        "plan",
        gettext_lazy("First plan"),
        gettext_lazy("Put the draft in force: from then on every place has an answer."),
    ),
    Step(
        "households",
        gettext_lazy("Households"),
        gettext_lazy("From the register, matched to doors."),
        kinds=("household",),
    ),
)


def steps() -> list[Step]:
    """The checklist with what is there: eleven small counts."""
    counts = {
        "administrator": int(setup.has_administrator()),
        "subdistrict": Subdistrict.objects.count(),
        "communities": Community.objects.count(),
        "ground": Compound.objects.count() + Street.objects.count(),
        "buildings": Building.objects.count(),
        "grids": Outline.objects.count(),
        "staff": Specialist.objects.count(),
        "plan": Publication.objects.count(),
        "households": Household.objects.count(),
    }
    coming = next((step.key for step in CHECKLIST if not counts[step.key] and not step.optional), None)
    return [replace(step, count=counts[step.key], is_next=step.key == coming) for step in CHECKLIST]


def may_set_up(request: HttpRequest) -> bool:
    """Whether the visitor may take steps after the first one."""
    user = request.user
    return isinstance(user, User) and user.has_perm(Permission.GRANT_ROLE)


@require_GET
def first_run(request: HttpRequest) -> HttpResponse:
    """The checklist."""
    return page(request)


def page(request: HttpRequest, **more: Any) -> HttpResponse:
    """The checklist, with the forms and faults of the step that was sent."""
    if not may_set_up(request) and setup.has_administrator():
        return (
            redirect(f"{reverse('sign-in')}?next={request.path}") if request.user.is_anonymous else _refuse()
        )
    found = steps()
    context: dict[str, Any] = {
        "steps": found,
        "done": sum(step.is_done for step in found),
        "coming": next((step for step in found if step.is_next), None),
        "may": may_set_up(request),
        "founded": any(step.key == "subdistrict" and step.is_done for step in found),
        "has_code": bool(setup.own_code()),
        "zones": sorted(available_timezones()),
        "norms": Norm.choices,
        "kinds": SpecialistKind.choices,
        "values": {"time_zone": "Asia/Shanghai", "metric_srid": "", **more.pop("values", {})},
    }
    if context["may"]:
        context |= _later(request.user, found)
    return render(request, "first_run/first_run.html", context | more)


def _refuse() -> HttpResponse:
    raise PermissionDenied


def _later(user: Visitor, found: list[Step]) -> dict[str, Any]:
    """What the later steps show."""
    drafts = (
        visible_plans(user, timezone.now())
        .filter(frozen_at=None, discarded_at=None)
        .annotate(grids=Count("outlines"), places=Count("outlines__community", distinct=True))
    )
    led = Assignment.objects.filter(part=Part.LEAD, revoked_at=None).values("grid").distinct().count()
    return {
        "drafts": list(drafts.order_by("-id")[:10]),
        "communities": list(Community.objects.defer("outline").order_by("code")[:500]),
        "unplaced": RegisterRow.objects.filter(placed_as=None).count(),
        "led": led,
        "grid_count": Grid.objects.count(),
        "finished": all(step.is_done for step in found if not step.optional),
    }


@require_POST
def make_administrator(request: HttpRequest) -> HttpResponse:
    """Step one: the account that opens everything else; it is signed in at once."""
    form = AdministratorForm(request.POST)
    shown = {"username": request.POST.get("username", ""), "code": request.POST.get("code", "")}
    if not form.is_valid():
        return page(request, faults=form.errors, values=shown)
    data = form.cleaned_data
    try:
        attempt = begin(request, "setup", free=FREE_BY_NAME)
    except Locked as locked:
        response = page(request, faults={"code": [str(locked)]}, values=shown)
        response.status_code = 429
        response["Retry-After"] = str(locked.wait)
        return response
    try:
        user = setup.create_administrator(
            code=data["code"], username=data["username"], password=data["password"]
        )
    except setup.SetupRefused as error:
        return page(request, faults={"code": [str(error)]}, values=shown)
    except ValidationError as error:
        attempt.succeeded()  # the code was right: it is the name or the password that will not do
        return page(request, faults=error.message_dict, values=shown)
    attempt.succeeded()
    login(request, user, backend=BACKEND)
    return redirect("first-run")


@require_POST
def make_subdistrict(request: HttpRequest) -> HttpResponse:
    """Step two: the subdistrict. The next one is founded by who looks after the whole installation."""
    user = _administrator(request)
    if Subdistrict.objects.exists() and not user.is_superuser:
        raise PermissionDenied
    form = SubdistrictForm(request.POST)
    if not form.is_valid():
        faults = {**form.errors, "all_faults": form.non_field_errors()}
        return page(request, faults=faults, values=request.POST.dict())
    setup.create_subdistrict(by=user, **form.cleaned_data)
    return redirect("first-run")


@require_POST
def make_specialist(request: HttpRequest) -> HttpResponse:
    """Take on one specialist."""
    user = _administrator(request)
    values = {
        name: request.POST.get(name, "")
        for name in ("staff_number", "name", "public_name", "kind", "telephone", "grids")
    }
    chosen = request.POST.get("community", "")
    community = Community.objects.filter(code=chosen).first() if chosen else None
    subdistrict = community.subdistrict if community else Subdistrict.objects.order_by("code").first()
    if subdistrict is None:
        raise PermissionDenied
    if not user.has_perm(Permission.MANAGE_STAFF, community or subdistrict):
        raise PermissionDenied
    try:
        with transaction.atomic():
            made = add_specialist(subdistrict=subdistrict, community=community, by=user, **values)
            # The grids are named by code: each must lie on the administrator's own ground, drafts included.
            grounds = Community.objects.filter(outlines__grid__assignments__specialist=made).distinct()
            if not all(user.has_perm(Permission.MANAGE_STAFF, ground) for ground in grounds):
                raise PermissionDenied
    except StaffError as error:
        return page(request, faults={error.field: [str(error)]}, values={**values, "community": chosen})
    messages.success(request, _("%(name)s is on the list.") % {"name": made.public_name})
    return redirect(f"{reverse('first-run')}#staff")


@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a draft in force for all its communities, from now on."""
    user = user_of(request)
    plan = get_object_or_404(Plan, pk=pk, frozen_at=None)
    if not user.has_perm(Permission.PUBLISH_PLAN, plan):
        raise PermissionDenied
    communities = list(Community.objects.filter(outlines__plan=plan).distinct())
    try:
        done = publish_plan(plan=plan, communities=communities, at=None, by=user)
    except PublishError as error:
        return page(request, faults={"plan": [str(error)]})
    text = _(
        "“%(plan)s” is in force for %(communities)s communities; %(buildings)s buildings have their grid."
    )
    figures = {"plan": plan.name, "communities": len(done.publications), "buildings": done.placements}
    messages.success(request, text % figures)
    return redirect(f"{reverse('first-run')}#plan")


@require_GET
def suggest_srid(request: HttpRequest) -> HttpResponse:
    """The projection in metres that fits a place."""
    try:
        lon, lat = float(request.GET["lon"]), float(request.GET["lat"])
        return JsonResponse({"srid": metric_srid_for(lon, lat)})
    except (KeyError, ValueError):
        return JsonResponse({"fault": _("Longitude −180 to 180, latitude −80 to 84.")}, status=422)


def _administrator(request: HttpRequest) -> User:
    if not may_set_up(request):
        raise PermissionDenied
    return user_of(request)
