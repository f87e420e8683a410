"""The first run: one administrator by code, the subdistrict, staff from a file, the plan in force."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone

from boundaries.models import Plan, Publication, Subdistrict
from boundaries.projections import metric_srid_for
from gridmap.actions import setup
from gridmap.actions.setup import SetupRefused, create_administrator, create_subdistrict
from gridmap.models import Role, RoleGrant, Specialist, User
from tests import factories

PASSWORD = factories.PASSWORD


@pytest.mark.parametrize(
    ("lon", "lat", "srid"),
    [
        (103.835, 30.7, 4544),
        (106.4, 29.5, 4544),
        (106.6, 29.5, 4545),
        (120.99, 24.79, 4549),
        (73.6, 39.5, 4534),
        (134.7, 48.3, 4554),
        (11.6, 49.95, 32632),
        (-87.6, 41.9, 32616),
        (151.2, -33.9, 32756),
        (180, 10, 32660),
    ],
)
def test_the_metre_fits_the_place(lon: float, lat: float, srid: int) -> None:
    assert metric_srid_for(lon, lat) == srid


@pytest.mark.parametrize(("lon", "lat"), [(181, 0), (0, 85), (0, -81), (float("nan"), 0)])
def test_no_metre_off_the_earth(lon: float, lat: float) -> None:
    with pytest.raises(ValueError, match="No projection"):
        metric_srid_for(lon, lat)


@override_settings(SETUP_CODE="the-code-of-this-installation")
def test_the_first_account_needs_the_code_and_comes_once(db: None) -> None:
    with pytest.raises(SetupRefused, match="code is wrong"):
        create_administrator(code="guess", username="chief", password=PASSWORD)
    user = create_administrator(code=" the-code-of-this-installation ", username="chief", password=PASSWORD)
    assert user.check_password(PASSWORD)
    with pytest.raises(SetupRefused, match="already has an administrator"):
        create_administrator(code="the-code-of-this-installation", username="second", password=PASSWORD)


@override_settings(SETUP_CODE="")
def test_without_a_code_nothing_opens(db: None) -> None:
    with pytest.raises(SetupRefused):
        create_administrator(code="", username="chief", password=PASSWORD)


@override_settings(SETUP_CODE="")
def test_the_command_prints_a_code_that_works_for_an_hour(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    call_command("setup_code", stdout=out, stderr=io.StringIO())
    code = out.getvalue().strip()
    assert setup.is_setup_code(code)
    assert not setup.is_setup_code(code[:-1] + ("A" if code[-1] != "A" else "B"))
    later = timezone.now() + timedelta(seconds=setup.CODE_LIFETIME_S + 5)
    monkeypatch.setattr("django.core.signing.time.time", later.timestamp)
    assert not setup.is_setup_code(code)


def test_the_command_refuses_once_somebody_administers(db: None) -> None:
    User.objects.create_superuser("chief", password=PASSWORD)
    with pytest.raises(CommandError, match="already has an administrator"):
        call_command("setup_code", stdout=io.StringIO())


@override_settings(SETUP_CODE="code")
def test_a_weak_password_names_its_field(db: None) -> None:
    with pytest.raises(ValidationError) as caught:
        create_administrator(code="code", username="chief", password="short")
    assert set(caught.value.message_dict) == {"password"}
    assert not User.objects.exists()


def test_whoever_founds_the_subdistrict_administers_and_plans_it(db: None) -> None:
    by = User.objects.create_superuser("chief", password=PASSWORD)
    town = create_subdistrict(
        by=by, name="柳城街道", code="510115001", metric_srid=4544, time_zone="Asia/Shanghai"
    )
    assert set(RoleGrant.objects.filter(user=by, subdistrict=town).values_list("role", flat=True)) == {
        Role.ADMINISTRATOR,
        Role.PLANNER,
    }


def test_a_norm_without_its_limit_is_refused(db: None) -> None:
    by = User.objects.create_superuser("chief", password=PASSWORD)
    with pytest.raises(ValidationError):
        create_subdistrict(by=by, name="柳城街道", code="510115001", metric_srid=4544, norm="people")
    assert not Subdistrict.objects.exists()
    assert not RoleGrant.objects.exists()


@pytest.mark.parametrize("path", ["/", "/sign-in/"])
def test_an_empty_installation_leads_to_the_first_run(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["Location"]) == (302, "/first-run/")
    assert client.get("/first-run/").status_code == 200


def test_afterwards_the_page_is_the_administrators(client: Client, town: factories.Town) -> None:
    chief, planner = User.objects.create_superuser("chief", password=PASSWORD), factories.make_user("planner")
    factories.grant(planner, Role.PLANNER, town.subdistrict)
    assert client.get("/first-run/").headers["Location"].startswith("/sign-in/")
    client.force_login(planner)
    assert client.get("/first-run/").status_code == 403
    client.force_login(chief)
    page = client.get("/first-run/").content.decode()
    assert page.count('data-state="done"') == 8, "all but the specialists"
    assert 'data-step="staff" data-state="next"' in page


@pytest.mark.parametrize("needs_approval", [True, False])
def test_a_draft_is_put_in_force(client: Client, town: factories.Town, *, needs_approval: bool) -> None:
    """A first plan always; one that follows another only where no supervisor has to approve."""
    town.subdistrict.needs_approval = needs_approval
    town.subdistrict.save()
    chief = User.objects.create_superuser("chief", password=PASSWORD)
    factories.grant(chief, Role.PLANNER, town.subdistrict)
    draft = Plan.objects.create(subdistrict=town.subdistrict, name="Second")
    for outline in list(town.plan.outlines.all()):
        outline.pk, outline.plan = None, draft
        outline.save()
    client.force_login(chief)
    response = client.post(f"/first-run/publish/{draft.pk}/")
    if needs_approval:
        assert "approval" in response.content.decode()
        assert not Publication.objects.filter(plan=draft).exists()
        return
    assert response.headers["Location"] == "/first-run/#plan"
    assert Publication.objects.filter(plan=draft).count() == 3
    assert client.post(f"/first-run/publish/{draft.pk}/").status_code == 404, "published plans are no drafts"


def test_settings_keep_uploads_out_of_what_is_served() -> None:
    served = [Path(settings.STATIC_ROOT), *(Path(folder) for _prefix, folder in settings.STATICFILES_DIRS)]
    assert not any(Path(settings.MEDIA_ROOT).is_relative_to(folder) for folder in served)
    assert settings.MEDIA_URL in {"", "/"}


def test_an_administrator_of_one_community_sets_up_that_one_only(
    client: Client, town: factories.Town
) -> None:
    chief, local = User.objects.create_superuser("chief", password=PASSWORD), factories.make_user("local")
    factories.grant(local, Role.ADMINISTRATOR, town.subdistrict, town.communities[0])
    Plan.objects.create(subdistrict=town.subdistrict, name="Not yet public")
    client.force_login(local)
    assert "Not yet public" not in client.get("/first-run/").content.decode()
    founded = {
        "name": "别处", "code": "510115009", "district": "x", "city": "y", "metric_srid": 4544,
        "time_zone": "Asia/Shanghai", "norm": "people", "norm_limit": 2500,
    }  # fmt: skip
    assert client.post("/first-run/subdistrict/", founded).status_code == 403

    def take_on(number: str, community: int | None, grids: str = "") -> int:
        code = "" if community is None else town.communities[community].code
        values = {"staff_number": number, "name": "张三", "community": code, "grids": grids, "kind": "grid"}
        return client.post("/first-run/specialist/", values).status_code

    own, foreign = (town.grids[row][0].outlines.get().code for row in (0, 1))
    assert [take_on("1", 1), take_on("2", None), take_on("3", 0, foreign)] == [403, 403, 403]
    assert not Specialist.objects.exists()
    assert take_on("4", 0, own) == 302
    assert Specialist.objects.get().assignments.get().grid == town.grids[0][0]
    client.force_login(chief)
    assert client.post("/first-run/subdistrict/", founded).status_code == 302
