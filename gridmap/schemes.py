"""The grids of a plan, or of what is in force, as documents need them: on which ground, as of when, in which state."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from boundaries import comparing, describing
from boundaries.comparing import Ids, State, Stock
from boundaries.describing import Bounds, Ground, Named
from boundaries.models import Community, Outline, Plan, Publication, PublicationState, Subdistrict

Period = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """For which time a community's grids of a plan are in force. `period` is None where they never were put in force."""

    period: Period | None = None

    def words(self, subdistrict: Subdistrict) -> str:
        """When it took or takes effect, in the reader's language."""
        if self.period is None:
            return _("Draft, not in force")
        start, end = self.period
        if end is not None and end <= timezone.now():
            return _("In force until %(date)s") % {"date": _day(end, subdistrict)}
        if start is None:
            return _("In force")
        if start > timezone.now():
            return _("In force from %(date)s") % {"date": _day(start, subdistrict)}
        return _("In force since %(date)s") % {"date": _day(start, subdistrict)}

    @property
    def code(self) -> str:
        """One of draft, earlier, coming, in_force."""
        if self.period is None:
            return "draft"
        start, end = self.period
        now = timezone.now()
        if end is not None and end <= now:
            return "earlier"
        return "coming" if start is not None and start > now else "in_force"


@dataclass(frozen=True, slots=True)
class Contents:
    """The grids of some communities, in one plan (`plan`) or in whichever is in force (`plan` None).

    `communities` are by code and without their outlines; `at` is the instant of which numbers and people tell.
    """

    subdistrict: Subdistrict
    plan: Plan | None
    at: datetime
    communities: Sequence[Community]
    standing: dict[int, Standing]
    grids: State

    @property
    def name(self) -> str:
        """What the document is called."""
        return self.plan.name if self.plan else _("%(town)s in force") % {"town": self.subdistrict.title}

    @property
    def states(self) -> str:
        """The states of all communities together, each once."""
        said = (self.standing.get(each.pk, Standing()).words(self.subdistrict) for each in self.communities)
        return "; ".join(dict.fromkeys(said))

    def of(self, communities: Sequence[Community]) -> "Contents":
        """Some of the communities."""
        ids = {each.pk for each in communities}
        return replace(
            self,
            communities=communities,
            standing={key: each for key, each in self.standing.items() if key in ids},
            grids={key: each for key, each in self.grids.items() if each.community_id in ids},
        )

    def homes(self) -> tuple[Stock, Ids]:
        """The buildings that stand at `at`, and the grid of each in these contents (`comparing.NOWHERE` for none).

        Where the grids are in force at `at`, what is stored counts; elsewhere the rule that publication will apply.
        One query.
        """
        stock = comparing.stock_of(self.at, [each.pk for each in self.communities])
        in_force = [key for key, each in self.standing.items() if _holds(each, self.at)]
        others = [each.pk for each in self.communities if each.pk not in in_force]
        stored = np.where(np.isin(stock.stored, list(self.grids)), stock.stored, comparing.NOWHERE)
        return stock, comparing.settled(self.grids, stock, stored, others)


def contents_of(plan: Plan, communities: Sequence[Community], at: datetime | None = None) -> Contents:
    """The grids of a plan in some of its communities. Two queries.

    Unless `at` is given, it is now; for a plan that is only to come, its beginning; for one that is over, its last
    moment: people and numbers are those of the time for which the plan holds.
    """
    ids = [each.pk for each in communities]
    standing: dict[int, Standing] = {key: Standing() for key in ids}
    rows = Publication.objects.filter(plan=plan, community__in=ids, state=PublicationState.STANDING).order_by(
        "period"
    )
    for row in rows.only("community", "period"):
        standing[row.community_id] = Standing((row.period.lower, row.period.upper))
    return Contents(
        plan.subdistrict, plan, at or _moment(list(standing.values())), communities, standing,
        comparing.drawn_in(plan.pk, ids),
    )  # fmt: skip


def contents_in_force(subdistrict: Subdistrict, at: datetime) -> Contents:
    """Whatever is in force in a subdistrict at the instant `at`. Three queries."""
    communities = list(Community.objects.filter(subdistrict=subdistrict).defer("outline").order_by("code"))
    ids = [each.pk for each in communities]
    rows = Publication.objects.filter(
        community__in=ids, state=PublicationState.STANDING, period__contains=at
    ).only("community", "period")
    standing = {row.community_id: Standing((row.period.lower, row.period.upper)) for row in rows}
    held = [each for each in communities if each.pk in standing]
    return Contents(subdistrict, None, at, held, standing, comparing.drawn_in_force(at, ids))


def bounds_of(contents: Contents, only: Collection[int] | None = None) -> dict[int, Bounds]:
    """What lies along the sides of each grid, or of those of `only`, by grid id. Two queries."""
    homes = {each.pk: Named("community", each.name, each.name_en) for each in contents.communities}
    grounds = {
        key: Ground(Named("grid", each.name, each.name_en), homes[each.community_id], each.ground)
        for key, each in contents.grids.items()
    }
    along = describing.streets_and_waters(contents.subdistrict.pk)
    return describing.bounds(grounds, along, describing.communities_around(list(homes)), only=only)


def drawn_communities(plan: Plan) -> list[Community]:
    """The communities of a plan by code, without their outlines. One query."""
    drawn = Outline.objects.filter(plan=plan).order_by().values("community").distinct()
    return list(Community.objects.filter(pk__in=drawn).defer("outline").order_by("code"))


def _moment(standing: Sequence[Standing]) -> datetime:
    now = timezone.now()
    periods = [each.period for each in standing if each.period is not None]
    if not periods or any(_holds(each, now) for each in standing):
        return now
    coming = [start for start, _end in periods if start is not None and start > now]
    if coming:
        return min(coming)
    return max(end for _start, end in periods if end is not None) - timedelta(microseconds=1)


def _holds(standing: Standing, at: datetime) -> bool:
    if standing.period is None:
        return False
    start, end = standing.period
    return (start is None or start <= at) and (end is None or at < end)


def _day(at: datetime, subdistrict: Subdistrict) -> str:
    return date_format(at.astimezone(subdistrict.zone), "Y-m-d")
