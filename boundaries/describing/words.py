"""Bounds as people write them: in Chinese by the custom of 四至, and in English.

Like addresses (`boundaries.naming`), the two are put together differently and not translated from each other.
"""

from collections.abc import Sequence
from typing import Final

from boundaries.describing.bounds import SIDES, Bounds, Named

_ZH: Final = {"east": "东", "south": "南", "west": "西", "north": "北"}


def bounds_zh(bounds: Bounds, community: str = "") -> str:
    """«东至柳台大道，南至江安河，西至第4网格、第5网格，北至街道界».

    Parameters
    ----------
    bounds : Bounds
    community : str, optional
        Name of the grid's own community, left out of the names of grids that begin with it.
    """
    sides = [f"{_ZH[side]}至{side_words(bounds.side(side), 'zh', community)}" for side in SIDES]
    text = "，".join(sides)
    if bounds.inside:
        text += f"（不含{side_words(bounds.inside, 'zh', community)}）"
    return text


def bounds_en(bounds: Bounds, community: str = "") -> str:
    """“East to Liutai Avenue; south to Jiang'an River; west to Grid 4 and Grid 5; north to the subdistrict's border”."""
    sides = [f"{side} to {side_words(bounds.side(side), 'en', community)}" for side in SIDES]
    text = "; ".join(sides)
    text = text[0].upper() + text[1:]
    if bounds.inside:
        text += f" (without {side_words(bounds.inside, 'en', community)})"
    return text


def side_words(side: Sequence[Named], language: str, community: str = "") -> str:
    """What lies along one side; `language` is zh or en."""
    if language == "zh":
        return "、".join(_name_zh(each, community) for each in side)
    names = [_name_en(each, community) for each in side]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _name_zh(named: Named, community: str) -> str:
    if named.kind == "border":
        return "街道界"
    short = named.name.removeprefix(community) if named.kind == "grid" else named.name
    # «第4网格» says enough within its community, «小学专属网格» would not
    return short if short.startswith("第") else named.name


def _name_en(named: Named, community: str) -> str:
    if named.kind == "border":
        return "the subdistrict's border"
    name = named.name_en or named.name
    if named.kind == "community":
        return f"{name} community" if named.name_en else name
    if named.kind != "grid":
        return name
    short = name.removeprefix(community).strip()
    return short if short.lower().startswith("grid ") else name.removesuffix(" (dedicated)")
