"""Submitted, refused, submitted again, approved, withdrawn: who may, what holds it up, what stays on record."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from boundaries.actions.placements import place_buildings
from boundaries.actions.plans import PublishError
from boundaries.actions.settling import settle
from boundaries.models import Outline, Placement, Plan, Publication, Revision
from gridmap.actions import plans as actions
from gridmap.actions.plans import approve, publish_plan, refuse, submit, take_back, withdraw
from gridmap.carrying_over import propose
from gridmap.models import AuditEntry, Release, Submission, User
from gridmap.plan_checks import check
from gridmap.plan_states import state_of
from gridmap.responsibility import locate
from tests import factories
from tests.gridmap import publishing_town as redrawn
from tests.gridmap.conftest import Cast
from tests.gridmap.test_permissions import EVERYBODY

# What each may do to a plan of community 1, and to one of community 0: submit it, decide about it, withdraw it.
#                  community 1   community 0
#                  sub dec wit   sub dec wit
MAY = {
    "planner":      "x . x   x . x",
    "planner_0":    ". . .   x . x",
    "supervisor":   ". x x   . x x",
    "supervisor_0": ". . .   . x x",
}  # fmt: skip


@pytest.fixture
def plan(cast: Cast) -> Plan:
    """A draft of community 1 whose border moved past one building."""
    found = redrawn.draft(cast.town, 1)
    redrawn.move_border(cast.town, found)
    return found


def later(days: int = 1) -> datetime:
    return timezone.now() + timedelta(days=days)


def submitted(cast: Cast, plan: Plan, at: datetime | None = None, by: str = "planner") -> Submission:
    return submit(
        plan=plan,
        communities=[cast.town.communities[1]],
        head=plan.head_id,
        effective_at=at,
        note="请看边界",
        by=cast.user(by),
    )


def edited(plan: Plan) -> None:
    """An edit by somebody: the head moves on."""
    plan.head = Revision.objects.create(plan=plan, parent=plan.head, command="rename")
    plan.save(update_fields=["head"])


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))


def test_the_whole_way(cast: Cast, plan: Plan) -> None:
    at = later()
    first = submitted(cast, plan, at)
    assert state_of(plan).code == "submitted"
    refuse(submission=first, answer="边界不合理", by=cast.user("supervisor"))
    assert state_of(plan).code == "refused"
    second = submitted(cast, plan, at)
    done = approve(submission=second, by=cast.user("supervisor"))
    plan.refresh_from_db()
    assert (state_of(plan).code, state_of(plan, later(2)).code) == ("scheduled", "in_force")
    assert done.placements == 1
    assert (done.release.submission_id, done.release.effective_at) == (second.pk, at)
    assert verbs() == ["submit", "refuse", "submit", "publish", "approve"]
    house = cast.town.buildings[1][0][1].point
    answers = [
        locate(house.x, house.y, at=when).as_json()["grid"]["code"][-3:]
        for when in (at - timedelta(microseconds=1), at)
    ]
    assert answers == ["001", "002"]
    withdraw(release=done.release, by=cast.user("planner"))
    assert state_of(plan).code == "withdrawn"
    assert locate(house.x, house.y, at=at).as_json()["grid"]["code"][-3:] == "001"


def test_what_was_withdrawn_can_be_published_again(cast: Cast, plan: Plan) -> None:
    done = approve(submission=submitted(cast, plan, later()), by=cast.user("supervisor"))
    withdraw(release=done.release, by=cast.user("supervisor"))
    plan.refresh_from_db()
    again = approve(submission=submitted(cast, plan, later(3)), by=cast.user("supervisor"))
    assert [each.state for each in Publication.objects.filter(plan=plan).order_by("pk")] == [
        "withdrawn",
        "standing",
    ]
    assert again.placements == 1


def test_what_is_in_force_cannot_be_withdrawn(cast: Cast, plan: Plan) -> None:
    done = approve(submission=submitted(cast, plan), by=cast.user("supervisor"))
    assert timedelta() < done.release.effective_at - timezone.now() <= timedelta(seconds=12), "a little ahead"
    begun = timezone.now() - timedelta(seconds=1)
    publication = done.publications[0]
    before = Publication.objects.get(
        community=publication.community_id, period__endswith=publication.period.lower
    )
    Publication.objects.filter(pk=before.pk).update(period=factories.during(factories.FOUNDED, begun))
    Publication.objects.filter(pk=publication.pk).update(period=factories.during(begun, None))
    with pytest.raises(PublishError, match="publish the earlier plan again"), transaction.atomic():
        withdraw(release=done.release, by=cast.user("planner"))
    assert Release.objects.get().withdrawn_at is None


def test_rolling_back_answers_the_past_as_it_was(cast: Cast, plan: Plan) -> None:
    """Founding, redraw for 10 days, founding again: three answers, each for its time."""
    publish_plan(plan=plan, communities=[cast.town.communities[1]], at=later(10), by=None)
    publish_plan(plan=cast.town.plan, communities=[cast.town.communities[1]], at=later(20), by=None)
    house = cast.town.buildings[1][0][1].point
    codes = [
        locate(house.x, house.y, at=later(days)).as_json()["grid"]["code"][-3:]
        for days in (-1, 9, 11, 19, 21)
    ]
    assert codes == ["001", "001", "002", "002", "001"]
    assert Publication.objects.filter(plan=cast.town.plan, community=cast.town.communities[1]).count() == 2


def test_a_draft_edited_since_must_be_submitted_again(cast: Cast, plan: Plan) -> None:
    submission = submitted(cast, plan)
    edited(plan)
    assert state_of(plan).label == "changed after it was submitted"
    with pytest.raises(PublishError, match="edited after it was submitted"):
        approve(submission=submission, by=cast.user("supervisor"))
    again = submitted(cast, plan)
    assert Submission.objects.get(pk=submission.pk).state == "withdrawn"
    approve(submission=again, by=cast.user("supervisor"))


def test_submitting_what_one_has_not_seen(cast: Cast, plan: Plan) -> None:
    edited(plan)
    with pytest.raises(PublishError, match="edited meanwhile"):
        submit(
            plan=plan,
            communities=[cast.town.communities[1]],
            head=None,
            effective_at=None,
            by=cast.user("planner"),
        )


def test_nobody_decides_about_an_own_submission(cast: Cast, plan: Plan) -> None:
    both = cast.user("supervisor")
    factories.grant(both, "planner", cast.town.subdistrict)  # type: ignore[arg-type]  # the role's code
    submission = submitted(cast, plan, by="supervisor")
    with pytest.raises(PublishError, match="somebody else must decide"):
        approve(submission=submission, by=both)
    with pytest.raises(PublishError, match="somebody else must decide"):
        refuse(submission=submission, answer="no", by=both)
    take_back(submission=submission, by=both)
    assert Submission.objects.get().state == "withdrawn"


def test_nobody_decides_about_what_he_drew(cast: Cast, plan: Plan) -> None:
    both = cast.user("supervisor")
    plan.head = Revision.objects.create(plan=plan, command="rename", made_by=both)
    plan.save(update_fields=["head"])
    submission = submitted(cast, plan)
    with pytest.raises(PublishError, match="drew at this plan yourself"):
        approve(submission=submission, by=both)
    assert not Release.objects.exists()


def test_a_refusal_says_why_and_a_decision_is_made_once(cast: Cast, plan: Plan) -> None:
    submission = submitted(cast, plan)
    with pytest.raises(PublishError, match="Say why"):
        refuse(submission=submission, answer="  ", by=cast.user("supervisor"))
    refuse(submission=submission, answer="重画", by=cast.user("supervisor"))
    for decide in (
        lambda: approve(submission=submission, by=cast.user("supervisor")),
        lambda: take_back(submission=submission, by=cast.user("planner")),
    ):
        with pytest.raises(PublishError, match="decided already"):
            decide()
    assert not Release.objects.exists()


def test_a_time_that_has_passed(cast: Cast, plan: Plan) -> None:
    with pytest.raises(PublishError, match="has passed"):
        submitted(cast, plan, timezone.now() - timedelta(minutes=1))
    submission = submitted(cast, plan, later())
    Submission.objects.update(effective_at=timezone.now() - timedelta(hours=1))
    done = approve(submission=submission, by=cast.user("supervisor"))
    assert done.release.effective_at > timezone.now(), "at once, not in the past"


def test_an_error_holds_it_up_and_says_where(cast: Cast, plan: Plan) -> None:
    Outline.objects.filter(plan=plan, grid=cast.town.grids[1][2]).update(polygon=redrawn.strip(1, 2.1, 3))
    with pytest.raises(PublishError) as caught:
        submitted(cast, plan)
    codes = {finding.code: finding for finding in caught.value.findings}
    assert "gap" in codes
    gap = codes["gap"]
    assert gap.lon is not None
    assert 103.834 < gap.lon < 103.8342
    assert not Submission.objects.exists()


def test_the_state_is_looked_at_again_when_it_is_approved(cast: Cast, plan: Plan) -> None:
    """Another draft of the community is published while this one waits: its ground has to be settled first."""
    submission = submitted(cast, plan, later(2))
    other = redrawn.draft(cast.town, 1, name="Other")
    redrawn.merge(cast.town, other, 1, 2, into=1)
    publish_plan(plan=other, communities=[cast.town.communities[1]], at=later(), by=None)
    counts = Publication.objects.count(), Placement.objects.count(), Release.objects.count()
    with pytest.raises(PublishError, match="“Other” was published in") as caught, transaction.atomic():
        approve(submission=submission, by=cast.user("supervisor"))
    assert caught.value.findings[0].code == "unsettled"
    assert caught.value.findings[0].lon is not None
    assert (Publication.objects.count(), Placement.objects.count(), Release.objects.count()) == counts
    assert Submission.objects.get().state == "waiting"


def test_approval_is_a_setting_and_no_question_of_a_first_plan(cast: Cast, plan: Plan) -> None:
    community, planner = [cast.town.communities[1]], cast.user("planner")
    with pytest.raises(PublishError, match="approval"):
        publish_plan(plan=plan, communities=community, at=later(), by=planner)
    cast.town.subdistrict.needs_approval = False
    cast.town.subdistrict.save()
    assert publish_plan(plan=plan, communities=community, at=later(), by=planner).placements == 1
    cast.town.subdistrict.needs_approval = True
    cast.town.subdistrict.save()
    Placement.objects.all().delete()
    Release.objects.all().delete()
    Publication.objects.all().delete()
    plan.refresh_from_db()
    assert publish_plan(plan=plan, communities=community, at=None, by=planner).placements == 6


def test_nothing_is_saved_without_its_record(cast: Cast, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit row fails: neither outlines nor buildings, posts or hand-overs are there."""
    submission = submitted(cast, plan, later())
    before = _everything()

    def broken(**_values: Any) -> None:
        raise RuntimeError("no record")

    monkeypatch.setattr(actions, "record", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        approve(submission=submission, by=cast.user("supervisor"))
    assert _everything() == before


def _everything() -> dict[str, list[Any]]:
    return {
        model.__name__: sorted(map(str, model._default_manager.values_list()))
        for model in (Publication, Placement, Release, Submission, Plan)
    }


@pytest.mark.parametrize("row", [1, 0])
@pytest.mark.parametrize("who", EVERYBODY)
def test_who_may(cast: Cast, client: Client, who: str, row: int) -> None:
    """By page: 404 where one may not; nothing happens then."""
    plan = redrawn.draft(cast.town, row)
    redrawn.move_border(cast.town, plan, row)
    signs = MAY.get(who, ". . .   . . .").split()
    may_submit, may_decide, may_withdraw = (sign == "x" for sign in (signs[:3] if row == 1 else signs[3:]))
    if isinstance(cast[who], User):
        client.force_login(cast.user(who))
    community = cast.town.communities[row]
    base = f"/planner/plans/{plan.pk}"
    sent = {"community": community.code, "when": "now", "head": ""}

    answer = client.post(f"{base}/submit/", sent)
    assert Submission.objects.filter(state="waiting").exists() == may_submit
    assert _is_refused(client, answer) != may_submit
    if not may_submit:
        submit(
            plan=plan,
            communities=[community],
            head=None,
            effective_at=later(),
            by=factories.make_user("elsewhere"),
        )
    submission = Submission.objects.get()
    if submission.submitted_by == cast[who]:
        Submission.objects.update(submitted_by=factories.make_user("elsewhere"))

    answer = client.post(f"{base}/decide/", {"decision": "approve", "submission": submission.pk})
    assert Release.objects.exists() == may_decide
    assert _is_refused(client, answer) != may_decide
    if not may_decide:
        approve(submission=submission, by=factories.make_user("another"))

    release = Release.objects.get()
    answer = client.post(f"{base}/withdraw/", {"release": release.pk})
    assert (Release.objects.get().withdrawn_at is not None) == may_withdraw
    assert _is_refused(client, answer) != may_withdraw


def _is_refused(client: Client, answer: Any) -> bool:
    """404 for the signed in, the way to the sign-in for the rest; a redirect to the page itself is a success."""
    if answer.status_code == 302 and not answer.headers["Location"].startswith("/sign-in/"):
        return False
    assert answer.status_code == (404 if "_auth_user_id" in client.session else 302), answer.content[:300]
    return True


def test_ground_published_meanwhile_is_shown_settled_and_then_published(
    cast: Cast, client: Client, plan: Plan
) -> None:
    """The draft moves the border of 1,0; meanwhile 1,2 is merged into 1,1. Settled, both changes take effect."""
    other = redrawn.draft(cast.town, 1, name="Other")
    redrawn.merge(cast.town, other, 1, 2, into=1)
    publish_plan(plan=other, communities=[cast.town.communities[1]], at=later(), by=None)
    client.force_login(cast.user("planner"))
    local = later(2).astimezone(factories.ZONE).strftime("%Y-%m-%dT%H:%M")
    address = (
        f"/planner/plans/{plan.pk}/publish/?when=at&at={local}&community={cast.town.communities[1].code}"
    )
    page = client.get(address).content.decode()
    assert "others changed 1 piece of ground" in page
    assert '"kind": "changed"' in page
    client.post(
        f"/planner/plans/{plan.pk}/settle/",
        {"community": cast.town.communities[1].code, "prefer": "mine", "head": ""},
    )
    plan.refresh_from_db()
    assert plan.head is not None
    assert plan.head.command == "settle"
    assert "publish-settle" not in client.get(address).content.decode()
    submission = submitted(cast, plan, later(2))
    approve(submission=submission, by=cast.user("supervisor"))
    at = later(3)
    spots = {(1, 2): "002", (1, 1): "002", (1, 0): "001"}
    for (row, column), code in spots.items():
        place = factories.middle(row, column)
        assert locate(place.x, place.y, at=at).as_json()["grid"]["code"][-3:] == code
    house = cast.town.buildings[1][0][1].point
    assert locate(house.x, house.y, at=at).as_json()["grid"]["code"][-3:] == "002", "the draft's own change"


def test_settled_with_what_is_scheduled_for_later(cast: Cast, plan: Plan) -> None:
    """Another plan begins in ten days and the draft took it over: it may take effect before that, with a word of it."""
    other = redrawn.draft(cast.town, 1, name="Other")
    redrawn.merge(cast.town, other, 1, 2, into=1)
    community = cast.town.communities[1]
    publish_plan(plan=other, communities=[community], at=later(10), by=None)
    settle(plan=plan, community=community, head=None, by=cast.user("planner"))
    plan.refresh_from_db()
    for days, codes in ((5, {"followed"}), (20, set())):
        proposal = propose(plan, [community], at=later(days))
        found = {finding.code for finding in check(plan, [community], proposal).findings}
        assert found & {"followed", "unsettled"} == codes


def test_grids_without_homes_and_torn_compounds_are_pointed_out(
    cast: Cast, plan: Plan, django_assert_max_num_queries: Any
) -> None:
    """The border moved through compound 1,0 tears it apart; a carved-out grid has a building whose homes are gone."""
    community = cast.town.communities[1]
    compound = cast.town.compounds[1][0]
    house = cast.town.buildings[1][0][1]
    assert house.compound_id == compound.pk
    proposal = propose(plan, [community], at=later())
    with django_assert_max_num_queries(40):
        found = [each for each in check(plan, [community], proposal).warnings if each.code == "compound"]
    assert [compound.name_en in each.message for each in found] == [True]
    assert found[0].message.count("Nanjie grid") == 2, found[0].message
    assert (found[0].lon, found[0].lat) == pytest.approx(
        (compound.outline.centroid.x, compound.outline.centroid.y), abs=2e-3
    )

    other = redrawn.draft(cast.town, 1, name="Split")
    fresh = redrawn.split(cast.town, other, 1, 0)
    proposal = propose(other, [community], at=later())
    assert "nobody" not in {each.code for each in check(other, [community], proposal).findings}
    cast.town.buildings[1][0][1].households.all().delete()
    proposal = propose(other, [community], at=later())
    empty = [each for each in check(other, [community], proposal).warnings if each.code == "nobody"]
    code = redrawn.outline(other, fresh).code
    assert [(each.grid_id, each.message) for each in empty] == [
        (fresh.pk, f"New grid ({code}) would hold nobody. Give it ground with homes, or merge it.")
    ]
    Outline.objects.filter(plan=other, grid=fresh).update(kind="dedicated")
    proposal = propose(other, [community], at=later())
    assert "nobody" not in {each.code for each in check(other, [community], proposal).findings}


@pytest.mark.parametrize(("decision", "ends_in"), [("stay", "001"), ("follow", "003"), (None, "")])
def test_a_building_set_by_hand_is_looked_at_again(
    cast: Cast, client: Client, plan: Plan, decision: str | None, ends_in: str
) -> None:
    """Given to 1,0 by hand, standing on 1,2: it stays, follows its ground, or holds the plan up. Withdrawn, it is back."""
    house, grids = cast.town.buildings[1][2][0], cast.town.grids[1]
    Placement.objects.filter(building=house).update(grid=grids[0], is_override=True)
    client.force_login(cast.user("planner"))
    sent = {"community": cast.town.communities[1].code, "when": "now", "head": ""}
    if decision:
        sent[f"hand-{house.pk}"] = decision
    answer = client.post(f"/planner/plans/{plan.pk}/submit/", sent)
    if decision is None:
        assert answer.status_code == 422
        assert "was given to 510115001004001 by hand" in answer.content.decode()
        assert not Submission.objects.exists()
        return
    done = approve(submission=Submission.objects.get(), by=cast.user("supervisor"))
    at = done.release.effective_at

    def stored() -> tuple[str, bool]:
        row = Placement.objects.get(building=house, period__contains=at)
        return Outline.objects.get(plan=cast.town.plan, grid=row.grid_id).code[-3:], row.is_override

    assert stored() == (ends_in, decision == "stay")
    withdraw(release=done.release, by=cast.user("planner"))
    assert stored() == ("001", True)


def test_rolling_back_by_page(cast: Cast, client: Client, plan: Plan) -> None:
    """The founding plan holds in two communities still; it is published again for the third, and approved."""
    publish_plan(plan=plan, communities=[cast.town.communities[1]], at=None, by=None)
    begun = timezone.now() - timedelta(seconds=1)
    founding = cast.town.plan
    Publication.objects.filter(plan=founding, community=cast.town.communities[1]).update(
        period=factories.during(factories.FOUNDED, begun)
    )
    Publication.objects.filter(plan=plan).update(period=factories.during(begun, None))
    place_buildings(communities=[cast.town.communities[1].pk])
    client.force_login(cast.user("planner"))
    address = f"/planner/plans/{founding.pk}/publish/"
    assert "Publish this plan again" in client.get(address).content.decode()
    page = client.get(f"{address}?again=1").content.decode()
    codes = [community.code for community in cast.town.communities]
    assert [f'value="{code}"' in page for code in codes] == [False, True, False]
    faulty = {"community": codes[1], "when": "at", "at": "then", "head": "", "again": "1"}
    answer = client.post(f"/planner/plans/{founding.pk}/submit/", faulty)
    assert answer.status_code == 422
    assert "Give the time as" in answer.content.decode()
    assert 'id="publish-send"' in answer.content.decode()
    client.post(f"/planner/plans/{founding.pk}/submit/", {**faulty, "when": "now"})
    submission = Submission.objects.get()
    assert [each.code for each in submission.communities.all()] == [codes[1]]
    done = approve(submission=submission, by=cast.user("supervisor"))
    assert Publication.objects.filter(plan=founding, community__code=codes[1]).count() == 2
    house = cast.town.buildings[1][0][1].point
    asked = [done.release.effective_at - timedelta(microseconds=1), done.release.effective_at]
    answers = [locate(house.x, house.y, at=at).as_json()["grid"]["code"][-3:] for at in asked]
    assert answers == ["002", "001"]
