"""The tables of a comparison, as they stand on the page and in its files. Every row is a thing that the map can show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from boundaries.models import GridKind
from gridmap.comparison import CHANGED, GONE, NEW, Comparison, Figures, GridChange, Side
from gridmap.comparison.places import addresses
from gridmap.templatetags.compare_tags import hectares, metres, percent, ratio, signed
from gridmap.views.loads import plain

STATUSES: Final[dict[str, str | Promise]] = {
    NEW: pgettext_lazy("grid in a comparison", "new"),
    GONE: pgettext_lazy("grid in a comparison", "gone"),
    CHANGED: pgettext_lazy("grid in a comparison", "changed"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what holds afterwards, under it what held before where that was another, and what it sorts by."""

    text: str
    was: str = ""
    sort: Any = None
    is_words: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that changes. `key` stands in the address; `grids` are lit on the map, `points` are (lon, lat)."""

    key: str
    title: str
    subtitle: str
    badges: tuple[tuple[str, str], ...]
    """Words with the colour of their badge: accent, notice or empty."""
    cells: tuple[Cell, ...]
    file: tuple[Any, ...]
    grids: tuple[int, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `heads` are its columns after the name, with what the pointer says over each; `file_heads` the file's."""

    key: str
    label: str
    one: str
    heads: tuple[tuple[str, str, str], ...]
    file_heads: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)

    @property
    def columns(self) -> list[tuple[str, str, str, bool]]:
        """The heads, each with whether words stand below it."""
        cells = self.rows[0].cells if self.rows else ()
        return [(*head, cell.is_words) for head, cell in zip(self.heads, cells, strict=False)]

    def sorted_by(self, asked: str) -> list[Row]:
        """The rows by a column (`-` before it: largest first); what has no figure comes last either way."""
        name, falling = asked.removeprefix("-"), asked.startswith("-")
        if name == "name":
            return sorted(self.rows, key=lambda row: (row.code, row.title), reverse=falling)
        index = next((at for at, head in enumerate(self.heads) if head[0] == name), None)
        if index is None:
            return self.rows
        rows = sorted(
            (row for row in self.rows if row.cells[index].sort is not None),
            key=lambda row: row.cells[index].sort,
            reverse=falling,
        )
        return rows + [row for row in self.rows if row.cells[index].sort is None]


TABLES: Final[dict[str, str | Promise]] = {
    "grids": gettext_lazy("Grids"),
    "buildings": gettext_lazy("Buildings"),
    "compounds": gettext_lazy("Compounds"),
    "specialists": gettext_lazy("Specialists"),
}


def table_of(comparison: Comparison, key: str) -> Table:
    """One of the `TABLES`; the buildings' addresses cost a query."""
    makers: dict[str, Callable[[Comparison], Table]] = {
        "grids": _grids,
        "buildings": _buildings,
        "compounds": _compounds,
        "specialists": _specialists,
    }
    return makers[key](comparison)


def sizes(comparison: Comparison) -> dict[str, int]:
    """How many rows each table has."""
    return {
        "grids": len(comparison.grids),
        "buildings": len(comparison.moves),
        "compounds": len(comparison.compounds),
        "specialists": len(comparison.specialists),
    }


# --- grids ----------------------------------------------------------------------------------------------------

_Read = Callable[[Figures], float | None]


def _measures() -> tuple[tuple[str, str, str, _Read, Callable[[Any], str], int], ...]:
    """Columns of a grid: key, head, explanation, value, how it is written, decimals in the file."""
    return (
        ("households", _("Households"), "", lambda of: of.load.households, number_format, 0),
        ("people", _("People"), "", lambda of: of.load.people, number_format, 0),
        ("buildings", _("Buildings"), "", lambda of: of.load.buildings, number_format, 0),
        ("workload", _("Workload"), _("Weights of households, people and tags, as set for the town."),
         lambda of: of.workload, number_format, 0),
        ("deviation", _("Deviation"), _("From the target named above."), lambda of: of.deviation, percent, 4),
        ("area", pgettext("size", "Area"), "", lambda of: of.shape and of.shape.area_m2, hectares, 0),
        ("perimeter", _("Perimeter"), _("Rims of holes counted too."),
         lambda of: of.shape and of.shape.perimeter_m, metres, 0),
        ("polsby-popper", _("Polsby-Popper"), _("4π area / perimeter²; 1 is a circle."),
         lambda of: of.shape and of.shape.polsby_popper, ratio, 4),
        ("reock", _("Reock"), _("Area as a share of the smallest circle around the grid; 1 is a circle."),
         lambda of: of.shape and of.shape.reock, ratio, 4),
        ("walk", _("Walking radius"),
         _("Mean distance, as the crow flies, of the households from the service centre of their specialist."),
         lambda of: of.walk and of.walk.mean_m, metres, 0),
        ("walk-90", _("90 % within"), _("The distance within which nine of ten households live from that centre."),
         lambda of: of.walk and of.walk.p90_m, metres, 0),
        ("round", _("Round"), _("Mean distance of the households from their common middle."),
         lambda of: of.round_m, metres, 0),
    )  # fmt: skip


def _grids(comparison: Comparison) -> Table:
    measures = _measures()
    return Table(
        "grids",
        _("Grids"),
        pgettext("column", "Grid"),
        tuple((key, head, hint) for key, head, hint, *_rest in measures),
        (
            _("code"), _("name"), _("kind"), _("change"), _("specialist before"), _("specialist after"),
            _("households gained"), _("households lost"),
            *[words % {"what": head} for _key, head, *_rest in measures for words in (_("%(what)s before"), _("%(what)s after"))],
        ),
        [_grid_row(each, measures, comparison) for each in comparison.grids],
    )  # fmt: skip


def _grid_row(each: GridChange, measures: Any, comparison: Comparison) -> Row:
    load = each.now.load
    cells, values = [], []
    for _key, _head, _hint, read, write, digits in measures:
        old = read(each.before) if each.before else None
        new = read(each.after) if each.after else None
        cells.append(_pair(old, new, write, is_there=each.after is not None))
        values += [_number(old, digits), _number(new, digits)]
    leads = [side.load.specialist_title or _("vacant") if side else "" for side in (each.before, each.after)]
    colours = {NEW: "accent", GONE: "notice", CHANGED: ""}
    badges = [(str(STATUSES[each.status]), colours[each.status])]
    if load.kind == GridKind.DEDICATED:
        badges.append((_("dedicated"), ""))
    badges += [(word, "") for word in _written(each)]
    if each.gained or each.lost:
        badges.append((_("%(change)s households") % {"change": signed(each.gained - each.lost)}, ""))
    return Row(
        key=f"grid-{each.grid_id}",
        title=load.title,
        subtitle=leads[1] if each.after and (not each.before or leads[0] == leads[1]) else " → ".join(filter(None, leads)),
        badges=tuple(badges),
        cells=tuple(cells),
        file=(
            plain(load.code), plain(load.title), GridKind(load.kind).label, STATUSES[each.status],
            plain(leads[0]), plain(leads[1]), each.gained, each.lost, *values,
        ),
        grids=(each.grid_id,),
        code=load.code,
    )  # fmt: skip


def _written(each: GridChange) -> list[str]:
    """What is written otherwise of a grid that lives on: its code, name, kind or community."""
    if not each.before or not each.after:
        return []
    old, new = each.before.load, each.after.load
    found = []
    if old.code != new.code:
        found.append(_("was %(code)s") % {"code": old.code})
    if (old.name, old.name_en) != (new.name, new.name_en):
        found.append(_("was “%(name)s”") % {"name": old.title})
    if old.kind != new.kind:
        found.append(_("was: %(kind)s") % {"kind": GridKind(old.kind).label})
    if old.community_id != new.community_id:
        found.append(_("was in %(community)s") % {"community": old.community_title})
    return found


def _pair(
    old: float | None, new: float | None, write: Callable[[Any], str], *, is_there: bool = True
) -> Cell:
    text = write(new) if new is not None else "–"
    was = write(old) if old is not None else ""
    return Cell(text, was if was != text else "", new if is_there else old)


def _number(value: float | None, digits: int) -> Any:
    """A number for the file; empty where there is none."""
    if value is None:
        return ""
    return round(value, digits) if digits else round(value)


# --- what changes grid ----------------------------------------------------------------------------------------


def _name(side: Side, grid: int | None) -> str:
    drawn = side.state.get(grid) if grid is not None else None
    return drawn.title if drawn else _("no grid")


def _code(side: Side, grid: int | None) -> str:
    drawn = side.state.get(grid) if grid is not None else None
    return drawn.code if drawn else ""


def _buildings(comparison: Comparison) -> Table:
    names = addresses([move.building_id for move in comparison.moves])
    before, after = comparison.before, comparison.after
    rows = []
    for move in comparison.moves:
        title = names.get(move.building_id, f"#{move.building_id}")
        was, now = _name(before, move.before), _name(after, move.after)
        codes = _code(before, move.before), _code(after, move.after)
        rows.append(
            Row(
                key=f"building-{move.building_id}",
                title=title,
                subtitle="",
                badges=((_("set by hand"), "notice"),) if move.is_by_hand else (),
                cells=(
                    Cell(was, codes[0], codes[0], is_words=True),
                    Cell(now, codes[1], codes[1], is_words=True),
                    Cell(number_format(move.households), "", move.households),
                    Cell(number_format(move.people), "", move.people),
                ),
                file=(
                    move.building_id, plain(title), plain(codes[0]), plain(was), plain(codes[1]), plain(now),
                    move.households, move.people, _("yes") if move.is_by_hand else _("no"), move.lon, move.lat,
                ),
                points=((move.lon, move.lat),),
            )
        )  # fmt: skip
    heads = (
        ("from", _("From"), ""),
        ("to", _("To"), ""),
        ("households", _("Households"), ""),
        ("people", _("People"), ""),
    )
    file_heads = (
        _("building"), _("address"), _("code before"), _("grid before"), _("code after"), _("grid after"),
        _("households"), _("people"), _("set by hand"), _("longitude"), _("latitude"),
    )  # fmt: skip
    return Table("buildings", _("Buildings"), pgettext("column", "Building"), heads, file_heads, rows)


def _compounds(comparison: Comparison) -> Table:
    spots: dict[int | None, list[tuple[float, float]]] = {}
    for move in comparison.moves:
        spots.setdefault(move.compound_id, []).append((move.lon, move.lat))
    rows = []
    for each in comparison.compounds:
        was = [_name(comparison.before, grid) for grid in each.before]
        now = [_name(comparison.after, grid) for grid in each.after]
        badges = [(_("wholly") if each.is_whole else _("partly"), "accent" if each.is_whole else "")]
        if each.is_torn:
            badges.append((_("torn apart"), "notice"))
        rows.append(
            Row(
                key=f"compound-{each.compound_id}",
                title=each.title,
                subtitle="",
                badges=tuple(badges),
                cells=(
                    Cell(_of(each.buildings, each.all_buildings), "", each.buildings),
                    Cell(_of(each.households, each.all_households), "", each.households),
                    Cell(number_format(each.people), "", each.people),
                    Cell(_list(was), "", len(was), is_words=True),
                    Cell(_list(now), "", len(now), is_words=True),
                ),
                file=(
                    plain(each.title), _("wholly") if each.is_whole else _("partly"), each.buildings,
                    each.all_buildings, each.households, each.all_households, each.people,
                    plain("; ".join(was)), plain("; ".join(now)),
                ),
                grids=tuple(dict.fromkeys((*each.before, *each.after))),
                points=tuple(spots.get(each.compound_id, ())),
            )
        )  # fmt: skip
    heads = (
        ("buildings", _("Buildings"), _("that change grid, of all")),
        ("households", _("Households"), _("that change grid, of all")),
        ("people", _("People"), ""),
        ("before", _("Grids before"), ""),
        ("after", _("Grids after"), ""),
    )
    file_heads = (
        _("compound"), _("change"), _("buildings that change grid"), _("buildings in all"),
        _("households that change grid"), _("households in all"), _("people that change grid"), _("grids before"),
        _("grids after"),
    )  # fmt: skip
    return Table("compounds", _("Compounds"), pgettext("column", "Compound"), heads, file_heads, rows)


def _of(part: int, whole: int) -> str:
    return _("%(part)s of %(whole)s") % {"part": number_format(part), "whole": number_format(whole)}


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


# --- specialists ----------------------------------------------------------------------------------------------


def _specialists(comparison: Comparison) -> Table:
    rows = []
    for each in comparison.specialists:
        title = each.title or _("nobody yet")
        counts = len(each.grids_before), len(each.grids_after)
        rows.append(
            Row(
                key=f"specialist-{each.specialist_id or 0}",
                title=title,
                subtitle="" if each.title else _("grids without a lead"),
                badges=() if each.title else ((_("vacant"), "notice"),),
                cells=(
                    _pair(each.before, each.after, number_format),
                    Cell(signed(each.gained), "", each.gained),
                    Cell(signed(-each.lost), "", each.lost),
                    _pair(each.people_before, each.people_after, number_format),
                    Cell(signed(each.people_gained), "", each.people_gained),
                    Cell(signed(-each.people_lost), "", each.people_lost),
                    _pair(*counts, number_format),
                ),
                file=(
                    plain(title), each.before, each.gained, each.lost, each.after, each.people_before,
                    each.people_gained, each.people_lost, each.people_after, *counts,
                ),
                grids=tuple(dict.fromkeys((*each.grids_before, *each.grids_after)))
                if each.title else each.grids_after,
            )
        )  # fmt: skip
    heads = (
        ("households", _("Households"), ""),
        ("gained", _("Gains"), _("households")),
        ("lost", _("Loses"), _("households")),
        ("people", _("People"), ""),
        ("people-gained", _("Gains"), _("people")),
        ("people-lost", _("Loses"), _("people")),
        ("grids", _("Grids"), ""),
    )
    file_heads = (
        _("specialist"), _("households before"), _("households gained"), _("households lost"), _("households after"),
        _("people before"), _("people gained"), _("people lost"), _("people after"), _("grids before"), _("grids after"),
    )  # fmt: skip
    return Table("specialists", _("Specialists"), pgettext("column", "Specialist"), heads, file_heads, rows)
