"""Assignments that a publication moves. Dated rows are revoked and added, never overwritten.

What a release does to an assignment is always to take a window out of its time, and to give that window to somebody::

    lead of 004   [2019 ------------------------------------->      before
    lead of 004   [2019 -------- T)                                 004 is merged away at T
    lead of 012                  [T -------------------------->     012 is split off 004 at T
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from django.db.models import Q
from django.utils import timezone
from psycopg.types.range import Range, TimestamptzRange

from gridmap.carrying_over import GONE, KEPT, GridPosts, Proposal
from gridmap.models import Assignment, CarriedPost, Part, Release, User

ONE_EACH: Final = frozenset({Part.LEAD, Part.STAND_IN})
"""Parts that one person at a time holds in a grid."""


def carry_posts(
    *, release: Release, proposal: Proposal, windows: Mapping[int, TimestamptzRange], by: User | None
) -> int:
    """Write the proposal: end the posts of grids that go, give those of new grids. Returns how many rows changed.

    Parameters
    ----------
    windows : mapping of int to range
        By community, the time for which the plan holds there.
    """
    rows = _standing_by_grid(
        [each.grid_id for each in proposal.grids if each.change != KEPT or each.is_chosen],
        proposal.at,
    )
    changed = 0
    for posts in proposal.grids:
        if posts.change == KEPT and not posts.is_chosen:
            continue
        window = windows[posts.community_id]
        changed += _carry(release, posts, rows.setdefault(posts.grid_id, []), window, by)
    return changed


def _carry(
    release: Release, posts: GridPosts, rows: list[Assignment], window: TimestamptzRange, by: User | None
) -> int:
    """Bring one grid's posts in line with what is proposed, inside the window."""
    wanted: list[tuple[int, str]] = []
    if posts.change != GONE:
        wanted = [
            (who, part) for who, part in ((posts.lead, Part.LEAD), (posts.stand_in, Part.STAND_IN)) if who
        ]
        wanted += [(who, Part.MEMBER) for who in posts.members]
    changed = 0
    for post in list(rows):
        if not _overlap(post.period, window) or (post.specialist_id, post.part) in wanted:
            continue
        if posts.change != GONE and window.lower not in post.period:
            continue  # arranged for later by somebody: it bounds what is added here
        if posts.change == KEPT and post.part != Part.LEAD and post.specialist_id != posts.lead:
            continue
        pieces = _take_out(post, rows, window, by)
        stays: list[Assignment | None] = [*pieces] or [None]
        CarriedPost.objects.bulk_create(
            [CarriedPost(release=release, was=post, now=piece) for piece in stays]
        )
        changed += 1
    for who, part in wanted:
        if posts.change == KEPT and part != Part.LEAD:
            continue
        if any(
            (post.specialist_id, post.part) == (who, part) and window.lower in post.period for post in rows
        ):
            continue
        added = _add(posts.grid_id, who, part, rows, window.lower, window.upper, by)
        CarriedPost.objects.create(release=release, was=None, now=added)
        changed += 1
    return changed


# --- Rows ----------------------------------------------------------------------------------------------------


def _standing_by_grid(grids: Iterable[int], at: datetime) -> dict[int, list[Assignment]]:
    """Assignments that stand and reach beyond `at`, held until the transaction ends."""
    beyond = Q(period__endswith=None) | Q(period__endswith__gt=at)
    found: dict[int, list[Assignment]] = {}
    for post in (
        Assignment.objects.select_for_update()
        .filter(beyond, grid__in=set(grids), revoked_at=None)
        .order_by("id")
    ):
        found.setdefault(post.grid_id, []).append(post)
    return found


def _take_out(
    post: Assignment, rows: list[Assignment], window: TimestamptzRange, by: User | None
) -> list[Assignment]:
    """Take the window out of a post's time; returns what stays of it."""
    _revoke(post)
    rows.remove(post)
    lower, upper = post.period.lower, post.period.upper
    spans: list[tuple[datetime | None, datetime | None]] = []
    if lower is None or lower < window.lower:
        spans.append((lower, _earlier(upper, window.lower)))
    if window.upper is not None and (upper is None or upper > window.upper):
        spans.append((max(lower, window.upper) if lower is not None else window.upper, upper))
    pieces = [
        Assignment.objects.create(
            grid_id=post.grid_id,
            specialist_id=post.specialist_id,
            part=post.part,
            period=Range(start, end, "[)"),
            recorded_by=by,
        )
        for start, end in spans
    ]
    rows.extend(pieces)
    return pieces


def _add(
    grid: int,
    who: int,
    part: str,
    rows: list[Assignment],
    start: datetime | None,
    end: datetime | None,
    by: User | None,
) -> Assignment:
    """Give a post from `start` on, until `end` or until what is arranged already begins."""
    for post in rows:
        lower = post.period.lower
        if _collides(post, who, part) and lower is not None and (start is None or lower > start):
            end = _earlier(end, lower)
    added = Assignment.objects.create(
        grid_id=grid, specialist_id=who, part=part, period=Range(start, end, "[)"), recorded_by=by
    )
    rows.append(added)
    return added


def _collides(post: Assignment, who: int, part: str) -> bool:
    """Whether the database would refuse both at one time."""
    return post.specialist_id == who or (post.part == part and part in ONE_EACH)


def _revoke(post: Assignment) -> None:
    post.revoked_at = timezone.now()
    post.save(update_fields=["revoked_at"])


def _overlap(a: Range[datetime], b: Range[datetime]) -> bool:
    return (a.upper is None or b.lower is None or a.upper > b.lower) and (
        b.upper is None or a.lower is None or b.upper > a.lower
    )


def _earlier(a: datetime | None, b: datetime | None) -> datetime | None:
    """The earlier end; None is never."""
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)
