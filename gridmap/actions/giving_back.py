"""What becomes of the posts when a release is withdrawn: derived from what holds now, not by taking back what was written.

Other releases may have been put in before or after it since, so the rows that it wrote are no measure. What counts is
the window over which the plan before it now holds on, and who held each grid just before that window::

    lead of 004   [2019 --------- T1)   window of the withdrawn release   [T2 ---- another release
                                  └── holds on, as far as people arranged it ──┘

Rows that people arranged stay, and come back where a release had taken them away; every row that carrying or giving back
wrote has a `CarriedPost`, which leads back to the post that people arranged, or to none for a new grid's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.db.models import F, Q
from django.utils import timezone
from psycopg.types.range import Range

from boundaries.models import Outline, Publication, PublicationState
from gridmap.actions.posts import ONE_EACH
from gridmap.models import Assignment, CarriedPost, Release, User

Span = tuple[datetime, datetime]

_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC)


def restore_posts(*, release: Release, publications: Sequence[Publication], by: User | None) -> int:
    """Let who held each grid before a withdrawn release hold on. Returns how many posts changed.

    Parameters
    ----------
    publications
        Those withdrawn, with the time for which they held; what held before them holds on already.
    """
    starts = release.effective_at
    in_force = dict(Outline.objects.in_force(starts).values_list("grid", "community"))
    windows: dict[int, Span] = {}
    for publication in publications:
        community = publication.community_id
        ever = Outline.objects.filter(community=community, plan__publications__community=community)
        for grid in ever.values_list("grid", flat=True).distinct():
            if in_force.get(grid, community) == community:
                windows.setdefault(grid, _span(publication.period))
    earlier = set(
        Outline.objects.filter(
            Q(plan__publications__period__startswith=None)
            | Q(plan__publications__period__startswith__lt=starts),
            grid__in=windows,
            plan__publications__state=PublicationState.STANDING,
            plan__publications__community=F("community"),
        ).values_list("grid", flat=True)
    )
    past = _Past.read(windows)
    changed = 0
    for grid, window in sorted(windows.items()):
        wanted = _wanted(past, grid, window, holds=grid in in_force, is_new=grid not in earlier)
        changed += _write(past, grid, window, wanted, release, by)
    return changed


@dataclass(slots=True)
class _Past:
    """All posts of some grids, revoked ones too, and which of them came from which."""

    posts: dict[int, list[Assignment]] = field(default_factory=dict)
    origin: dict[int, Assignment] = field(default_factory=dict)
    """By the row's id the first row that it goes back to."""
    carried: set[int] = field(default_factory=set)
    """Rows that a release wrote."""
    moved: set[int] = field(default_factory=set)
    """Rows that a release revoked."""

    @classmethod
    def read(cls, grids: Iterable[int]) -> "_Past":
        """Held until the transaction ends."""
        past = cls()
        rows = {
            row.pk: row
            for row in Assignment.objects.select_for_update().filter(grid__in=set(grids)).order_by("id")
        }
        came_from: dict[int, int] = {}
        links = CarriedPost.objects.filter(Q(was__in=rows) | Q(now__in=rows)).values_list("was", "now")
        for was, now in links:
            if now is not None:
                past.carried.add(now)
            if was is not None:
                past.moved.add(was)
            if was is not None and now is not None:
                came_from[now] = was
        for row in rows.values():
            first = row.pk
            while first in came_from:
                first = came_from[first]
            past.origin[row.pk] = rows[first]
            past.posts.setdefault(row.grid_id, []).append(row)
        return past

    def standing(self, grid: int) -> list[Assignment]:
        return [row for row in self.posts.get(grid, ()) if row.revoked_at is None]

    def is_arranged(self, origin: Assignment) -> bool:
        """Whether people arranged it, not a release."""
        return origin.pk not in self.carried

    def ended(self, origin: Assignment) -> list[datetime]:
        """From when on people ended what had become of a post."""
        return [
            _span(row.period)[0]
            for row in self.posts[origin.grid_id]
            if self.origin[row.pk] is origin and row.revoked_at is not None and row.pk not in self.moved
        ]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A time in which somebody has a part."""

    specialist: int
    part: str
    span: Span

    def excludes(self, post: Assignment) -> bool:
        """Whether the database would refuse both at one time."""
        return self.specialist == post.specialist_id or (self.part == post.part and self.part in ONE_EACH)


def _wanted(
    past: _Past, grid: int, window: Span, *, holds: bool, is_new: bool
) -> list[tuple[Assignment, list[Span]]]:
    """Who shall have which part inside the window, beside the rows that people arranged and that stand: by first row.

    `holds`: the grid is in force in the window now; `is_new`: none of the plans before the window had it.
    """
    low, high = window
    standing = past.standing(grid)
    taken = [
        _Taken(row.specialist_id, row.part, _span(row.period))
        for row in standing
        if row.pk not in past.carried
    ]
    found: list[tuple[Assignment, list[Span]]] = []

    def want(origin: Assignment, spans: list[Span]) -> None:
        found.append((origin, spans))
        taken.extend(_Taken(origin.specialist_id, origin.part, span) for span in spans)

    def blocked(origin: Assignment) -> list[Span]:
        return [each.span for each in taken if each.excludes(origin)]

    # What people arranged to begin inside the window and a release took away; what they arranged last comes first.
    for row in reversed(past.posts.get(grid, []) if holds or is_new else []):
        start, end = _span(row.period)
        is_lost = row.pk in past.moved and past.is_arranged(row) and past.origin[row.pk] is row
        if is_lost and low <= start < high and not past.ended(row):
            want(row, _without([(start, min(end, high))], blocked(row)))
    # Who held it just before the window.
    for row in standing:
        start, end = _span(row.period)
        if row.pk not in past.carried or not start < low <= end:
            continue
        origin = past.origin[row.pk]
        until = min([high, *(ended for ended in past.ended(origin) if ended >= low)])
        if past.is_arranged(origin):
            want(origin, _without([(low, min(until, _span(origin.period)[1]))], blocked(origin)))
        elif holds:
            free = _without([(low, until)], blocked(origin))
            want(origin, [span for span in free[:1] if span[0] == low])
    return found


def _write(
    past: _Past,
    grid: int,
    window: Span,
    wanted: list[tuple[Assignment, list[Span]]],
    release: Release,
    by: User | None,
) -> int:
    """Bring what releases wrote inside the window in line; nothing is written where it is so already."""
    standing = [row for row in past.standing(grid) if row.pk in past.carried]
    origins = {origin.pk: origin for origin, _spans in wanted}
    origins |= {past.origin[row.pk].pk: past.origin[row.pk] for row in standing}
    changes: list[tuple[Assignment, list[Assignment], list[Span]]] = []
    for pk, origin in sorted(origins.items()):
        rows = [row for row in standing if past.origin[row.pk].pk == pk]
        spans = _without([_span(row.period) for row in rows], [window])
        spans += [span for each, listed in wanted if each.pk == pk for span in listed]
        spans = _joined(spans)
        revoked = [row for row in rows if _span(row.period) not in spans]
        held = [_span(row.period) for row in rows]
        added = [span for span in spans if span not in held]
        if revoked or added:
            changes.append((origin, revoked, added))
    # All rows end before any is added: the database lets nobody have a part twice, not for a moment.
    now = timezone.now()
    Assignment.objects.filter(pk__in=[row.pk for _o, revoked, _a in changes for row in revoked]).update(
        revoked_at=now
    )
    for origin, revoked, added in changes:
        links: list[tuple[Assignment, Assignment | None]] = []
        for span in added:
            row = Assignment.objects.create(
                grid_id=grid,
                specialist_id=origin.specialist_id,
                part=origin.part,
                period=_period(span),
                recorded_by=by,
            )
            links += [(was, row) for was in revoked if _touch(_span(was.period), span)] or [(origin, row)]
        told = {was.pk for was, _row in links}
        links += [(was, None) for was in revoked if was.pk not in told]
        CarriedPost.objects.bulk_create(CarriedPost(release=release, was=was, now=row) for was, row in links)
    return len(changes)


# --- Times ---------------------------------------------------------------------------------------------------


def _span(period: Range[datetime]) -> Span:
    return period.lower or _FIRST, period.upper or _LAST


def _period(span: Span) -> Range[datetime]:
    return Range(None if span[0] == _FIRST else span[0], None if span[1] == _LAST else span[1], "[)")


def _touch(a: Span, b: Span) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]


def _without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """The spans without the holes, in order; empty ones are left out."""
    left = [span for span in spans if span[0] < span[1]]
    for low, high in holes:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, low)), (max(start, high), end))
            if piece[0] < piece[1]
        ]
    return sorted(left)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that adjoin as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
