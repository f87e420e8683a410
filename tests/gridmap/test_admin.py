"""Django's admin: who gets in, what opens, what it costs, what it refuses, what a change sets in motion."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import AlreadyRegistered
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from boundaries.models import Building, Community, Compound, Edition, Outline, Placement, Plan, Street
from gridmap.models import (
    ApiToken,
    Assignment,
    AuditEntry,
    DutyTelephone,
    Household,
    Incident,
    Resident,
    Role,
    RoleGrant,
    Specialist,
    User,
)
from tests import factories
from tests.gridmap.conftest import Cast

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LABELS = [model._meta.label_lower for model in MODELS]
FOR_AUDITORS = {"gridmap.auditentry", "gridmap.accessrecord"}
NOT_FOR_ADMINISTRATORS = {"gridmap.accessrecord"}
READ_ONLY = {
    "boundaries.plan", "boundaries.outline", "boundaries.publication", "boundaries.revision", "boundaries.placement",
    "boundaries.grid", "boundaries.edition", "gridmap.auditentry", "gridmap.accessrecord",
}  # fmt: skip
MOST_QUERIES = 12


def signed_in(cast: Cast, name: str) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(cast.user(name))
    return client


def page(label: str, what: str, *args: Any) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{what}", args=args)


def test_personal_data_is_not_in_the_admin() -> None:
    assert not {Resident, Household, Incident} & set(MODELS)
    with pytest.raises(AlreadyRegistered):
        admin.site.register(Plan)


def test_lists_open_for_administrators_and_nobody_else(cast: Cast) -> None:
    AuditEntry.objects.create(by=cast.user("planner"), verb="x", noun="y")
    factories.make_token(cast.user("planner"))
    opened: dict[str, set[str]] = {label: set() for label in LABELS}
    for name in cast.users:
        if name != "anonymous":
            client = signed_in(cast, name)
            for label in LABELS:
                if client.get(page(label, "changelist")).status_code == 200:
                    opened[label].add(name)
    administrators, auditors = {"administrator", "administrator_0"}, {"auditor", "auditor_0"}
    for label in LABELS:
        expected = set() if label in NOT_FOR_ADMINISTRATORS else administrators
        assert opened[label] == expected | (auditors if label in FOR_AUDITORS else set()), label
        away = Client().get(page(label, "changelist"), follow=True)
        assert away.redirect_chain[-1][0].startswith("/sign-in/?next=")


@pytest.mark.parametrize("label", LABELS)
def test_pages_cost_the_same_however_full_the_tables_are(cast: Cast, label: str) -> None:
    name = "auditor" if label in NOT_FOR_ADMINISTRATORS else "administrator"
    client = signed_in(cast, name)
    path = page(label, "changelist")

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = client.get(path)
        assert answer.status_code == 200
        assert factories.RESIDENT not in answer.content.decode()
        return len(captured)

    cost()
    before = cost()
    for number in (3, 4, 5, 6):
        factories.make_building(cast.town, 0, 0, number, homes=False)
    for number in range(4):
        user = factories.make_user(f"more{number}")
        factories.grant(user, Role.CLERK, cast.town.subdistrict, cast.town.communities[number % 3])
        factories.make_token(user)
        specialist = factories.make_specialist(cast.town, f"8{number}", user=user)
        factories.send_away(specialist)
        AuditEntry.objects.create(by=user, verb="x", noun="y")
        Plan.objects.create(subdistrict=cast.town.subdistrict, name=f"Plan {number}", created_by=user)
    assert cost() == before <= MOST_QUERIES


@pytest.mark.parametrize("label", sorted(set(LABELS) - FOR_AUDITORS))
def test_change_pages_open_with_bounded_queries(cast: Cast, label: str) -> None:
    factories.make_token(cast.user("planner"))
    client = signed_in(cast, "administrator")
    model = next(each for each in MODELS if each._meta.label_lower == label)
    row = model._default_manager.order_by("pk").first()
    if row is None:
        pytest.skip(f"the tiny town has no {label}")
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(page(label, "change", row.pk))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert len(captured) <= 20
    assert factories.RESIDENT not in text
    assert ('name="_save"' not in text) or label not in READ_ONLY
    if label in {"boundaries.community", "boundaries.building", "gridmap.servicecentre"}:
        assert "leaflet" in text
        assert "tile.openstreetmap" not in text


@pytest.mark.parametrize("label", sorted(READ_ONLY))
def test_what_is_fixed_refuses_every_change(cast: Cast, label: str) -> None:
    AuditEntry.objects.create(by=cast.user("planner"), verb="x", noun="y")
    for name in ("administrator", "auditor"):
        client = signed_in(cast, name)
        model = next(each for each in MODELS if each._meta.label_lower == label)
        row = model._default_manager.order_by("pk").first()
        key = row.pk if row else 1
        assert client.post(page(label, "add"), {"name": "x"}).status_code == 403
        assert client.post(page(label, "change", key), {"name": "changed"}).status_code in {302, 403}
        assert client.post(page(label, "delete", key), {"post": "yes"}).status_code in {302, 403}
        if row:
            assert model._default_manager.filter(pk=key).exists()
    assert Plan.objects.get(pk=cast.town.plan.pk).name == "Founding scheme"


def test_superuser_may_not_change_a_plan_either(cast: Cast) -> None:
    root = factories.make_user("root")
    root.is_superuser = root.is_staff = True
    root.save()
    client = Client()
    client.force_login(root)
    path = page("boundaries.plan", "change", cast.town.plan.pk)
    assert client.get(path).status_code == 200
    assert client.post(path, {"name": "changed"}).status_code == 403
    assert Plan.objects.get().name == "Founding scheme"
    assert Outline.objects.count() == 9


def compound_form(compound: Compound, **changes: Any) -> dict[str, Any]:
    return {
        "name": compound.name,
        "name_en": compound.name_en,
        "community": compound.community_id,
        "kind": compound.kind,
        "address": "",
        "source": "",
        "source_ref": "",
        "outline": compound.outline.geojson,
    } | changes


def test_a_change_goes_through_the_action(cast: Cast) -> None:
    client = signed_in(cast, "administrator")
    compound = cast.town.compounds[0][0]
    before = dict(Edition.objects.values_list("layer", "number"))
    moved = factories.cell(0, 0, inset=0.0003).geojson
    answer = client.post(
        page("boundaries.compound", "change", compound.pk),
        compound_form(compound, name="改名小区", outline=moved),
    )
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    compound.refresh_from_db()
    assert compound.name == "改名小区"
    assert compound.outline.equals(factories.cell(0, 0, inset=0.0003))
    after = dict(Edition.objects.values_list("layer", "number"))
    assert after["ground"] == before.get("ground", 0) + 1
    found = Client().get("/api/v1/search", {"q": "改名小区"}).json()["results"]
    assert found[0]["id"] == compound.pk


def test_a_building_that_is_moved_changes_its_grid_from_now_on(cast: Cast) -> None:
    client = signed_in(cast, "administrator")
    building = cast.town.buildings[0][0][0]
    spot = factories.middle(0, 1)
    around = factories.box(spot.x - 0.0001, spot.y - 0.0001, spot.x + 0.0001, spot.y + 0.0001)
    form = {
        "name": "", "name_en": "", "number": "1", "house_number": "", "use": "home", "floors": 6, "entrances": 1,
        "subdistrict": building.subdistrict_id, "community": building.community_id, "compound": "", "street": "",
        "footprint": around.geojson, "point": spot.geojson, "existed_0": "", "existed_1": "", "source": "",
        "source_ref": "",
    }  # fmt: skip
    answer = client.post(page("boundaries.building", "change", building.pk), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    grids = list(
        Placement.objects.filter(building=building).order_by("period").values_list("grid", flat=True)
    )
    assert grids == [cast.town.grids[0][0].pk, cast.town.grids[0][1].pk]
    assert Edition.objects.get(layer="buildings").number >= 1


def test_administrator_of_one_community_changes_that_one_only(cast: Cast) -> None:
    client = signed_in(cast, "administrator_0")
    own, other = cast.town.compounds[0][0], cast.town.compounds[1][0]
    path = page("boundaries.compound", "change", other.pk)
    assert client.post(path, compound_form(other, name="x")).status_code == 403
    taken = client.post(
        page("boundaries.compound", "change", own.pk),
        compound_form(own, community=cast.town.communities[1].pk),
    )
    assert taken.status_code == 403
    assert set(Compound.objects.values_list("community", flat=True)) == {c.pk for c in cast.town.communities}
    assert own.community == Compound.objects.get(pk=own.pk).community
    street = Street.objects.get()
    assert client.post(page("boundaries.street", "delete", street.pk), {"post": "yes"}).status_code == 403
    numbers = DutyTelephone.objects.filter(community__in=cast.town.communities[1:])
    for telephone in numbers:
        assert client.get(page("gridmap.dutytelephone", "change", telephone.pk)).status_code == 302


def test_accounts_and_roles(cast: Cast) -> None:
    client = signed_in(cast, "administrator")
    form = {
        "username": "fresh", "usable_password": "true", "password1": factories.PASSWORD,
        "password2": factories.PASSWORD,
    }  # fmt: skip
    assert client.post(page("gridmap.user", "add"), form).status_code == 302
    user = User.objects.get(username="fresh")
    assert user.must_change_password
    text = client.get(page("gridmap.user", "change", user.pk)).content.decode()
    assert "is_superuser" not in text
    assert "is_staff" not in text
    forged = {"username": "fresh", "is_active": "on", "is_superuser": "on", "is_staff": "on"}
    assert client.post(page("gridmap.user", "change", user.pk), forged).status_code == 302
    user.refresh_from_db()
    assert not user.is_superuser
    grant = {"user": user.pk, "role": "planner", "subdistrict": cast.town.subdistrict.pk, "community": ""}
    grant |= {"end_0": "", "end_1": ""}
    assert client.post(page("gridmap.rolegrant", "add"), grant).status_code == 302
    held = RoleGrant.objects.get(user=user)
    assert (held.role, held.granted_by) == ("planner", cast["administrator"])
    again = client.post(page("gridmap.rolegrant", "add"), grant)
    assert again.status_code == 200
    assert "already" in again.content.decode()
    assert signed_in(cast, "administrator_0").post(page("gridmap.rolegrant", "add"), grant).status_code == 200
    assert RoleGrant.objects.filter(user=user).count() == 1
    client.post(page("gridmap.rolegrant", "changelist"), {"action": "revoke", "_selected_action": [held.pk]})
    held.refresh_from_db()
    assert held.revoked_at is not None
    verbs = set(AuditEntry.objects.values_list("verb", "noun"))
    assert {("create", "user"), ("change", "user"), ("grant", "role"), ("revoke", "role")} <= verbs


def test_accounts_with_several_grants_open_and_are_listed_once(cast: Cast) -> None:
    """Whoever founds a subdistrict holds two grants from the first day."""
    factories.grant(cast.user("administrator"), Role.PLANNER, cast.town.subdistrict)
    factories.grant(cast.user("planner"), Role.CLERK, cast.town.subdistrict)
    factories.make_token(cast.user("planner"))
    client = signed_in(cast, "administrator")
    for name in ("administrator", "planner", "stranger"):
        assert client.get(page("gridmap.user", "change", cast.user(name).pk)).status_code == 200, name
    assert client.get(page("gridmap.user", "change", cast.user("outsider").pk)).status_code == 302
    token = cast.user("planner").api_tokens.get()
    assert client.get(page("gridmap.apitoken", "change", token.pk)).status_code == 200
    for label in ("gridmap.user", "gridmap.apitoken"):
        rows = list(client.get(page(label, "changelist"), {"all": ""}).context["cl"].queryset)
        assert len(rows) == len(set(rows)), label


def test_a_token_is_shown_once(cast: Cast) -> None:
    client = signed_in(cast, "administrator")
    form = {"user": cast.user("dispatcher").pk, "name": "hotline", "expires_at_0": "", "expires_at_1": ""}
    answer = client.post(page("gridmap.apitoken", "add"), form, follow=True)
    text = answer.content.decode()
    token = ApiToken.objects.get()
    assert "gm_" in text
    assert token.digest not in text
    assert "gm_" not in client.get(page("gridmap.apitoken", "changelist")).content.decode()
    client.post(page("gridmap.apitoken", "changelist"), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_assignments_are_ended_not_overwritten(cast: Cast) -> None:
    client = signed_in(cast, "administrator")
    held = Assignment.objects.get(specialist=cast.specialists["lead"])
    path = page("gridmap.assignment", "changelist")
    client.post(path, {"action": "end", "_selected_action": [held.pk]})
    rows = Assignment.objects.filter(specialist=cast.specialists["lead"]).order_by("pk")
    assert [row.revoked_at is None for row in rows] == [False, True]
    assert rows[1].period.upper == rows[0].revoked_at
    form = {
        "grid": cast.town.grids[0][0].pk, "specialist": cast.specialists["neighbour"].pk, "part": "lead",
        "period_0": "2030-01-01 00:00", "period_1": "",
    }  # fmt: skip
    answer = client.post(page("gridmap.assignment", "add"), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert Assignment.objects.latest("pk").recorded_by == cast["administrator"]
    second = client.post(
        page("gridmap.assignment", "add"), form | {"specialist": cast.specialists["busy"].pk}
    )
    assert second.status_code == 200, "two leads at a time are a message, not a fault"
    number = {"community": cast.town.communities[0].pk, "number": "028-0000 0009", "hours": ""}
    number |= {"period_0": "", "period_1": ""}
    assert client.post(page("gridmap.dutytelephone", "add"), number).status_code == 200
    assert DutyTelephone.objects.count() == 3


def test_one_signs_in_where_everybody_does(cast: Cast) -> None:
    assert Client().get("/admin/", follow=True).redirect_chain[-1][0].startswith("/sign-in/?next=")
    assert signed_in(cast, "planner").get("/admin/login/").status_code == 403
    assert signed_in(cast, "administrator").get("/admin/").status_code == 200
    assert signed_in(cast, "auditor").get("/admin/").status_code == 200
    assert Specialist.objects.exists()
    assert Community.objects.exists()
    assert Building.objects.exists()


OTHER_PASSWORD = "another-horse-battery-staple"


def test_setting_a_password_does_not_let_the_administrator_in(cast: Cast) -> None:
    """Neither with it, nor by a session or token from before; the holder chooses another one first."""
    lead, own = cast.user("lead"), signed_in(cast, "lead")
    secret = factories.make_token(lead)
    assert own.get("/mine/").status_code == 200
    chosen = {"usable_password": "true", "password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}
    path = reverse("admin:auth_user_password_change", args=[lead.pk])
    assert signed_in(cast, "administrator_0").post(path, chosen).status_code in {302, 403, 404}
    lead.refresh_from_db()
    assert not lead.check_password(OTHER_PASSWORD)
    assert signed_in(cast, "administrator").post(path, chosen).status_code == 302
    assert AuditEntry.objects.filter(verb="set", noun="password", by=cast.user("administrator")).count() == 1
    assert own.get("/mine/").headers["Location"].startswith("/sign-in/")
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/me").status_code == 401
    client = Client(headers={"Accept-Language": "en"})
    assert client.login(username="lead", password=OTHER_PASSWORD)
    assert client.get("/mine/").headers["Location"] == "/password/"
    household = cast.town.buildings[0][0][0].households.first()
    assert household is not None
    doors = f"/api/v1/households/{household.pk}"
    assert client.get(doors, {"purpose": "visit"}).status_code == 404
    assert client.get("/api/v1/me").json()["permissions"] == []
    page_ = client.get("/password/").content.decode()
    assert "Somebody else chose" in page_

    def choose(new: str) -> Any:
        form = {"old_password": OTHER_PASSWORD, "new_password1": new, "new_password2": new}
        return client.post("/password/", form)

    assert "Choose another one" in choose(OTHER_PASSWORD).content.decode()
    assert choose("short").status_code == 200
    assert client.get("/mine/").status_code == 302
    assert choose("quite-another-horse-battery").headers["Location"] == "/home/"
    assert 'href="/password/"' in client.get("/mine/").content.decode()
    assert client.get(doors, {"purpose": "visit"}).status_code == 200
    assert AuditEntry.objects.filter(verb="choose", noun="password", by=lead).count() == 1


def test_demo_logins_keep_their_password(cast: Cast) -> None:
    client = Client()
    with override_settings(TOWN="demo"):
        client.force_login(factories.make_user("shown", is_demo=True))
        assert client.get("/password/").status_code == 403


def specialist_form(specialist: Specialist, user: User | None) -> dict[str, Any]:
    values = {name: getattr(specialist, name) for name in (
        "name", "name_en", "public_name", "public_name_en", "staff_number", "duty_telephone", "kind",
    )}  # fmt: skip
    return values | {
        "subdistrict": specialist.subdistrict_id,
        "community": "",
        "centre": "",
        "user": user.pk if user else "",
        "employed_0": "2019-01-01",
        "employed_1": "",
        "employed_0_0": "2019-01-01",
        "employed_0_1": "00:00",
        "employed_1_0": "",
        "employed_1_1": "",
    }


def test_an_administrator_does_not_take_a_specialists_place(cast: Cast) -> None:
    administrator, specialist = cast.user("administrator"), cast.specialists["lead"]
    client = signed_in(cast, "administrator")
    path = page("gridmap.specialist", "change", specialist.pk)
    refused = client.post(path, specialist_form(specialist, administrator))
    assert refused.status_code == 200
    assert "open households to yourself" in refused.content.decode()
    grant = {
        "user": administrator.pk, "role": "specialist", "subdistrict": cast.town.subdistrict.pk, "community": "",
        "end_0": "", "end_1": "",
    }  # fmt: skip
    assert "ask a colleague" in client.post(page("gridmap.rolegrant", "add"), grant).content.decode()
    token = {"user": cast.user("lead").pk, "name": "theirs", "expires_at_0": "", "expires_at_1": ""}
    assert "only its holder" in client.post(page("gridmap.apitoken", "add"), token).content.decode()
    assert not ApiToken.objects.exists()
    specialist.refresh_from_db()
    assert specialist.user == cast.user("lead")
    moved = client.post(path, specialist_form(specialist, cast.user("stranger")))
    assert moved.status_code == 302, moved.context["adminform"].form.errors
    entry = AuditEntry.objects.get(noun="specialist", object_id=str(specialist.pk))
    assert entry.details["user"] == cast.user("stranger").pk
    assert entry.details["user_before"] == cast.user("lead").pk
