"""Loading the demo town: once, all or nothing, logins for the owner's eyes only, several towns side by side."""

import stat
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from boundaries.models import Community, Plan, Subdistrict
from gridmap.actions import demo
from gridmap.carrying_over import propose
from gridmap.models import Household, Resident, Submission
from gridmap.plan_checks import check
from gridmap.plan_states import state_of
from tests.town import TODAY, generated, load_town

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_owner")]


def test_the_command_writes_the_logins_for_their_owner_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "demo-logins"
    call_command("demo_town", scale=0.05, today=TODAY, logins_file=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = capsys.readouterr().out
    lines = path.read_text().splitlines()
    assert len(lines) == len(demo.LOGINS)
    assert all(line in said for line in lines)
    with pytest.raises(CommandError, match="510115001"):
        call_command("demo_town", scale=0.05, today=TODAY, logins_file=path)


def test_nothing_stays_when_the_load_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_more: object) -> int:
        raise RuntimeError("the index cannot be built")

    monkeypatch.setattr(demo, "refresh_places", fail)
    with pytest.raises(RuntimeError):
        load_town()
    assert not Subdistrict.objects.exists()
    assert not Household.objects.exists()


def test_several_subdistricts_side_by_side() -> None:
    demo.write_town(generated(), copies=3, residents=False, logins=False)
    assert list(Subdistrict.objects.values_list("code", flat=True)) == ["510115001", "510115002", "510115003"]
    assert not Resident.objects.exists()
    first, second, third = (
        Household.objects.filter(building__subdistrict=s).count() for s in Subdistrict.objects.all()
    )
    assert first == second == third > 6000
    outlines = [s.outline for s in Subdistrict.objects.all() if s.outline is not None]
    assert len(outlines) == 3
    assert not outlines[0].intersects(outlines[1])
    assert Community.objects.filter(subdistrict__code="510115003").count() == 4


def test_two_drafts_wait_for_planner_and_supervisor(tmp_path: Path) -> None:
    """Made through the actions: revisions in the draft being drawn, a submission without errors in the other."""
    call_command("demo_town", scale=0.05, today=TODAY, logins_file=tmp_path / "demo-logins")
    drawn, laid_before = Plan.objects.filter(frozen_at=None).order_by("pk")
    assert drawn.revisions.count() >= 2
    assert drawn.outlines.values("community").distinct().count() == 2
    assert state_of(drawn).code == "draft"
    assert state_of(laid_before).code == "submitted"
    submission = Submission.objects.get()
    assert submission.submitted_by.username == "planner"
    assert submission.effective_at is not None
    communities = list(submission.communities.all())
    proposal = propose(laid_before, communities, at=submission.effective_at)
    assert check(laid_before, communities, proposal).errors == []
    assert proposal.gifts, "somebody hands over"
