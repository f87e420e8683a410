"""Notice boards (网格公示牌): what hangs on the wall of a compound. Nothing on one is more than the public may know."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import segno
import shapely
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from boundaries.comparing import Drawn
from boundaries.describing import SIDES, Bounds, communities_around, side_words
from boundaries.drawing import Landscape, Neighbour, Plate, draw, landscape
from boundaries.models import Community, GridKind
from boundaries.models.constraints import local_name
from gridmap.contacts import contacts, named
from gridmap.responsibility import Json, Person, Responsible
from gridmap.schemes import Contents, Standing, bounds_of

MAP: Final = (182.0, 143.0)
"""Millimetres of the map on A4; A3 is the same board, larger."""
LONG_TITLE: Final = 22
LONG_NAME: Final = 12
LONG_BOUNDS: Final = 44
"""In halves of a Chinese character's width."""
QUIET: Final = 2
"""Light modules around a code on a white card, which adds to them."""


@dataclass(frozen=True, slots=True)
class Board:
    """One notice board, with its map and code as SVG; texts are in the reader's language.

    `sides` are (side, words); `inside` is the ground of others within the grid's.
    """

    grid: Drawn
    community: Community
    short: str
    plate: str
    sides: list[tuple[str, str]]
    inside: str
    person: Person | None
    telephone: Json | None
    centre: Json | None
    address: str
    code: str
    standing: Standing
    state: str

    @property
    def is_dedicated(self) -> bool:
        """Whether it is a dedicated grid."""
        return self.grid.kind == GridKind.DEDICATED

    @property
    def has_long_title(self) -> bool:
        """Whether the title needs smaller type."""
        return _room(self.grid.title) > LONG_TITLE

    @property
    def has_long_name(self) -> bool:
        """Whether the specialist's name needs smaller type."""
        return self.person is not None and _room(self.person.title) > LONG_NAME

    @property
    def has_long_bounds(self) -> bool:
        """Whether the bounds need smaller type."""
        return max(_room(words) for _side, words in self.sides) > LONG_BOUNDS

    @property
    def answers(self) -> str:
        """What stands where the specialist would: person, telephone or nobody."""
        if self.person is not None:
            return "person"
        return "telephone" if self.telephone else "nobody"


def boards(
    contents: Contents, community: Community, *, grids: Collection[int] | None, staffed: bool, address: str
) -> list[Board]:
    """The boards of a community's grids, or of some of them, by code. A dozen queries, whatever the number.

    Parameters
    ----------
    contents : Contents
        Of this community.
    community : Community
    grids : collection of int or None
        Ids; None for all.
    staffed : bool
        Name the lead; otherwise whoever answers now, as the public is told.
    address : str
        Where «find my grid specialist» is, for the codes.
    """
    chosen = {key: each for key, each in contents.grids.items() if grids is None or key in grids}
    if not chosen:
        return []
    words = bounds_of(contents, only=list(chosen))
    people = contacts(contents.at, {key: each.community_id for key, each in chosen.items()})
    around = [Neighbour(_local(each.named), each.shape) for each in communities_around([community.pk])]
    ground = landscape(_box(list(chosen.values())), contents.at)
    return [
        _board(contents, community, each, words[key], people[key], around, ground, staffed, address)
        for key, each in chosen.items()
    ]


def short_title(grid: Drawn, community: Community) -> str:
    """«第4网格» within its community, the whole name where that says no number."""
    if _is_chinese():
        short = grid.name.removeprefix(community.name)
        return short if short.startswith("第") else grid.name
    name = grid.title
    short = name.removeprefix(community.name_en).strip()
    return short if short.lower().startswith("grid ") else name.removesuffix(" (dedicated)")


def question(address: str, grid: Drawn) -> str:
    """The address that tells who answers for a grid. A code stays true when the grid is redrawn, a place might not."""
    return f"{address}?{urlencode({'q': grid.code})}"


def qr(text: str) -> str:
    """A QR code as an SVG element; a good share of it may be worn off."""
    found = segno.make_qr(text, error="q")
    rows = [bytes(row) for row in found.matrix]
    size = len(rows) + 2 * QUIET
    path = "".join(
        f"M{start + QUIET} {y + QUIET}h{end - start}v1h-{end - start}z"
        for y, row in enumerate(rows)
        for start, end in _runs(row)
    )
    label = _("QR code: who answers for this grid today")
    return (
        f'<svg class="qr" viewBox="0 0 {size} {size}" role="img" aria-label="{label}" shape-rendering="crispEdges">'
        f'<rect class="qr__light" width="{size}" height="{size}"/><path class="qr__dark" d="{path}"/></svg>'
    )


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Dark modules that stand together, as half-open ranges."""
    edges = [at for at in range(len(row) + 1) if (at < len(row) and row[at]) != (at > 0 and row[at - 1])]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _board(
    contents: Contents,
    community: Community,
    grid: Drawn,
    bounds: Bounds,
    contact: Responsible,
    around: Sequence[Neighbour],
    ground: Landscape,
    staffed: bool,
    address: str,
) -> Board:
    language, home = ("zh", community.name) if _is_chinese() else ("en", community.name_en)
    others = [
        Neighbour(short_title(each, community), each.ground)
        for key, each in contents.grids.items()
        if key != grid.grid_id
    ]
    centre = contact.centre
    title = _("Map of %(grid)s") % {"grid": grid.title}
    plate = Plate(
        grid.ground, [*others, *around], *MAP, is_chinese=_is_chinese(),
        spot=(centre["lon"], centre["lat"]) if centre else None,
        spot_label=_("Service centre"), description=title, key=f"plate{grid.grid_id}",
    )  # fmt: skip
    standing = contents.standing.get(community.pk, Standing())
    asked = question(address, grid)
    return Board(
        grid, community, short_title(grid, community), draw(plate, ground),
        [(side, side_words(bounds.side(side), language, home)) for side in SIDES],
        side_words(bounds.inside, language, home) if bounds.inside else "",
        named(contact, is_staff=staffed), contact.duty_telephone, centre, asked, qr(asked),
        standing, standing.words(contents.subdistrict),
    )  # fmt: skip


def _room(text: str) -> int:
    return sum(2 if ord(each) > 0x2E80 else 1 for each in text)


def _box(grids: Sequence[Drawn]) -> tuple[float, float, float, float]:
    """Degrees around everything that the maps of these grids show."""
    boxes = [shapely.box(*Plate(each.ground, (), *MAP).box) for each in grids]
    found: tuple[float, float, float, float] = tuple(shapely.total_bounds(boxes).tolist())
    return found


def _local(named_thing: Any) -> str:
    return local_name(named_thing.name, named_thing.name_en)


def _is_chinese() -> bool:
    return (get_language() or "").startswith("zh")
