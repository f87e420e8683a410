"""Hand-over notes: giver and taker read them, everybody else learns only whether they are there."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from boundaries.models import Grid, Plan
from gridmap.actions.hand_overs import HandOverError, read_note, write_note
from gridmap.actions.plans import Released, publish_plan, withdraw
from gridmap.models import (
    AccessRecord,
    Assignment,
    AuditEntry,
    HandOver,
    Part,
    Release,
    Specialist,
    User,
)
from tests import factories
from tests.gridmap import publishing_town as redrawn
from tests.gridmap.conftest import Cast

SECRET = "三楼的张奶奶独居，先去看她"
# Who opens the note, and who may write it: `busy` gives 1,1 to `away`, who leads 1,0 and for whom `stand_in` is there.
#                 read write
MAY = {
    "away":         "x .",
    "busy":         "x x",
    "stand_in":     "x .",
    "neighbour":    ". .",
    "former":       ". .",
    "planner":      ". .",
    "supervisor":   ". .",
    "administrator": ". .",
    "auditor":      ". .",
    "dispatcher":   ". .",
    "clerk":        ". .",
    "stranger":     ". .",
    "anonymous":    ". .",
}  # fmt: skip


@pytest.fixture
def published(cast: Cast) -> Released:
    """From tomorrow on 1,1 is merged into 1,0."""
    plan: Plan = redrawn.draft(cast.town, 1)
    redrawn.merge(cast.town, plan, 1, 1, into=0)
    at = timezone.now() + timedelta(days=1)
    return publish_plan(plan=plan, communities=[cast.town.communities[1]], at=at, by=None)


def has_begun(published: Released, ago: timedelta = timedelta(minutes=1)) -> None:
    """As if the redraw had taken effect that long ago; who covers 1,0 is the same before and after."""
    Release.objects.filter(pk=published.release.pk).update(effective_at=timezone.now() - ago)


@pytest.mark.parametrize("who", MAY)
def test_only_giver_and_taker_open_it(cast: Cast, client: Client, published: Released, who: str) -> None:
    held = HandOver.objects.get()
    write_note(hand_over=held, note=SECRET, by=cast.user("busy"))
    has_begun(published)
    user = cast[who]
    if isinstance(user, User):
        client.force_login(user)
    may_read, may_write = (sign == "x" for sign in MAY[who].split())
    answer = client.post(f"/mine/hand-overs/{held.pk}/")
    assert (answer.status_code == 200) == may_read
    assert (SECRET in answer.content.decode()) == may_read
    answer = client.post(f"/mine/hand-overs/{held.pk}/write/", {"note": "其他"})
    assert (answer.status_code == 200) == may_write
    assert (HandOver.objects.get().note == "其他") == may_write
    for path in (
        f"/planner/plans/{published.release.plan_id}/publish/",
        "/today/",
        "/planner/plans/",
        "/mine/",
    ):
        assert SECRET not in client.get(path).content.decode(), path


def test_reading_is_on_record_and_the_giver_sees_that_it_was_read(cast: Cast, published: Released) -> None:
    held = HandOver.objects.get()
    write_note(hand_over=held, note=SECRET, by=cast.user("busy"))
    assert read_note(hand_over=held, by=cast.user("busy")) == SECRET
    assert not AccessRecord.objects.filter(noun="hand_over").exists(), "one's own words"
    assert HandOver.objects.get().read_at is None
    has_begun(published)
    assert read_note(hand_over=held, by=cast.user("away")) == SECRET
    record = AccessRecord.objects.get(noun="hand_over")
    assert (record.by, record.object_ids, record.fields) == (cast.user("away"), [held.pk], ["note"])
    assert HandOver.objects.get().read_at is not None
    assert SECRET not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_before_the_redraw_holds_nobody_but_the_giver_reads(
    cast: Cast, client: Client, published: Released
) -> None:
    held = HandOver.objects.get()
    write_note(hand_over=held, note=SECRET, by=cast.user("busy"))
    client.force_login(cast.user("away"))
    assert client.post(f"/mine/hand-overs/{held.pk}/").status_code == 404
    assert "The note opens when the grid is yours." in client.get("/mine/").content.decode()


def test_it_goes_to_whoever_covers_the_grid_now(cast: Cast, client: Client, published: Released) -> None:
    """The one it was addressed to has left the grid; another leads it."""
    held = HandOver.objects.get()
    write_note(hand_over=held, note=SECRET, by=cast.user("busy"))
    has_begun(published)
    Assignment.objects.filter(grid=held.grid_id, part=Part.LEAD).update(revoked_at=timezone.now())
    neighbour = Specialist.objects.get(user=cast.user("neighbour"))
    factories.assign(neighbour, Grid.objects.get(pk=held.grid_id))
    client.force_login(cast.user("away"))
    assert client.post(f"/mine/hand-overs/{held.pk}/").status_code == 404
    client.force_login(cast.user("neighbour"))
    assert "I take over from Specialist 005" in client.get("/mine/").content.decode()
    assert SECRET in client.post(f"/mine/hand-overs/{held.pk}/").content.decode()


def test_an_old_one_can_still_be_written(cast: Cast, client: Client, published: Released) -> None:
    has_begun(published, timedelta(days=100))
    client.force_login(cast.user("busy"))
    held = HandOver.objects.get()
    answer = client.post(f"/mine/hand-overs/{held.pk}/write/", {"note": SECRET})
    assert answer.status_code == 200
    assert HandOver.objects.get().note == SECRET


def test_what_cannot_be_written(cast: Cast, published: Released) -> None:
    held = HandOver.objects.get()
    for note, by, says in (
        ("  ", "busy", "has to know"),
        ("x" * 2001, "busy", "At most 2,000"),
        (SECRET, "away", "Only who hands over"),
    ):
        with pytest.raises(HandOverError, match=says):
            write_note(hand_over=held, note=note, by=cast.user(by))
    withdraw(release=published.release, by=None)
    with pytest.raises(HandOverError, match="withdrawn"):
        write_note(hand_over=held, note=SECRET, by=cast.user("busy"))
    assert HandOver.objects.get().note == ""


def test_it_stands_on_my_page_until_the_plan_is_withdrawn(
    cast: Cast, client: Client, published: Released
) -> None:
    client.force_login(cast.user("busy"))
    page = client.get("/mine/").content.decode()
    assert "I hand over to Specialist 004" in page
    assert "2 buildings, 4 households" in page
    client.force_login(cast.user("away"))
    assert "I take over from Specialist 005" in client.get("/mine/").content.decode()
    client.force_login(cast.user("lead"))
    assert "hand-over-" not in client.get("/mine/").content.decode()
    withdraw(release=published.release, by=None)
    client.force_login(cast.user("busy"))
    assert "I hand over to" not in client.get("/mine/").content.decode()


def test_missing_notes_stand_on_the_supervisors_page(cast: Cast, client: Client, published: Released) -> None:
    client.force_login(cast.user("supervisor"))
    assert "Hand-over notes missing" in client.get("/today/").content.decode()
    publish = f"/planner/plans/{published.release.plan_id}/publish/"
    assert "missing" in client.get(publish).content.decode()
    write_note(hand_over=HandOver.objects.get(), note=SECRET, by=cast.user("busy"))
    assert "Hand-over notes missing" not in client.get("/today/").content.decode()
    assert "written" in client.get(publish).content.decode()
