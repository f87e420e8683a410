"""Codes and names of new grids: the next free number of their community, in the words of its other grids."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from boundaries.actions.cells import Cell
from boundaries.actions.commands import Home
from boundaries.actions.draft_errors import DraftError
from boundaries.models import GridKind

_NUMBER: Final = re.compile(r"^(.*?)(\d+)(\D*)$", re.DOTALL)
_GIVERS: Final = 0x67726964
"""Whoever gives numbers of one community holds an advisory lock on (this, community): two drafts never give the same."""

# Every plan's outlines and every number that a draft ever gave, undone edits and other people's drafts included.
_USED: Final = """
    SELECT code FROM boundaries_outline WHERE community_id = %(community)s
    UNION
    SELECT code FROM boundaries_gridcode WHERE community_id = %(community)s
"""
_HELD: Final = """
    SELECT 1 FROM boundaries_outline WHERE community_id = %(community)s AND code = %(code)s AND grid_id <> %(grid)s
    UNION ALL
    SELECT 1 FROM boundaries_outline WHERE plan_id = %(plan)s AND code = %(code)s AND grid_id <> %(grid)s
    UNION ALL
    SELECT 1 FROM boundaries_gridcode WHERE community_id = %(community)s AND code = %(code)s AND grid_id <> %(grid)s
    LIMIT 1
"""
_NAMES: Final = """
    SELECT DISTINCT name, name_en, kind FROM boundaries_outline WHERE community_id = %(community)s
"""


def hold_numbers(community: int) -> None:
    """Wait until nobody else gives codes in this community; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_GIVERS, community % 2**31])


def next_codes(*, community: int, prefix: str, scheme: str, count: int) -> list[str]:
    """The next `count` free numbers of a community; `take_codes` gives them.

    A number that any plan or any edit ever used is not given again, an undone one neither: redo brings it back.

    Raises
    ------
    DraftError
        ``no_numbers``: the community's numbers are used up.
    """
    with connection.cursor() as cursor:
        cursor.execute(_USED, {"community": community})
        used = {code for (code,) in cursor.fetchall()}
    return free_codes(used, prefix, _digits(scheme), count)


def take_codes(*, community: int, codes: Mapping[int, str]) -> None:
    """Remember which code each grid was given, so that no other grid gets it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO boundaries_gridcode (community_id, grid_id, code)
            SELECT %s, unnest(%s::bigint[]), unnest(%s::text[]) ON CONFLICT DO NOTHING
            """,
            [community, list(codes), list(codes.values())],
        )


def require_free(*, plan: int, community: int, grid: int, code: str) -> None:
    """Refuse a code that another grid has or had, here or in another plan.

    Raises
    ------
    DraftError
        ``code_taken``.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HELD, {"plan": plan, "community": community, "grid": grid, "code": code})
        if cursor.fetchone():
            raise DraftError(
                "code_taken",
                _(
                    "The code %(code)s belongs or belonged to another grid; codes are not used again. Choose another."
                )
                % {"code": code},
            )


def free_codes(used: Iterable[str], prefix: str, digits: int, count: int) -> list[str]:
    """Codes after the highest number used; where that was the last one, numbers that were left out.

    >>> free_codes({"510115001004001", "510115001004007", "A-3"}, "510115001004", 3, 2)
    ['510115001004008', '510115001004009']
    >>> free_codes({"9"}, "", 1, 2)
    ['1', '2']
    """
    pattern = re.compile(re.escape(prefix) + rf"(\d{{{digits}}})")
    taken = {int(found[1]) for code in used if (found := pattern.fullmatch(code))}
    most = 10**digits
    following = range(max(taken, default=0) + 1, most)
    left = (
        following if len(following) >= count else (number for number in range(1, most) if number not in taken)
    )
    codes = [f"{prefix}{number:0{digits}}" for number in itertools.islice(left, count)]
    if len(codes) < count:
        raise DraftError(
            "no_numbers",
            _(
                "The numbers of this community are used up: %(digits)s digits are not enough. Ask your administrator."
            )
            % {"digits": digits},
        )
    return codes


def _digits(scheme: str) -> int:
    last = scheme.rpartition("-")[2]
    return int(last) if last.isdigit() and 0 < int(last) <= 9 else 3


# --- Names ----------------------------------------------------------------------------------------------------


def next_names(*, home: Home, kind: str, origin: Cell | None, count: int) -> list[tuple[str, str]]:
    """Names of new grids, Chinese and English.

    An all-purpose grid goes on with its community's numbers, a piece of a dedicated one is told by a number of its own.
    `origin` is the grid of which they were pieces.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, {"community": home.id})
        known = cursor.fetchall()
    if kind == GridKind.DEDICATED and origin is not None:
        return _numbered((origin.name, origin.name_en), {row[0] for row in known}, count)
    alike = [(name, name_en) for name, name_en, one in known if one == GridKind.ALL_PURPOSE]
    zh, first = _pattern([name for name, _en in alike]) or ((f"{home.name}第", "网格"), 1)
    english = _pattern([name_en for _zh, name_en in alike if name_en])
    en = english[0] if english else (f"{home.name_en} Grid ", "")
    has_english = bool(english or home.name_en)
    return [
        (f"{zh[0]}{number}{zh[1]}", f"{en[0]}{number}{en[1]}" if has_english else "")
        for number in range(first, first + count)
    ]


def _pattern(names: Sequence[str]) -> tuple[tuple[str, str], int] | None:
    """The words around the number that most names share, and the first number that none of them has.

    >>> _pattern(["南街第1网格", "南街第12网格", "小学专属网格", "南街第3网格"])
    (('南街第', '网格'), 13)
    """
    found = [match for name in names if (match := _NUMBER.match(name))]
    if not found:
        return None
    words, _times = Counter((match[1], match[3]) for match in found).most_common(1)[0]
    return words, 1 + max(int(match[2]) for match in found if (match[1], match[3]) == words)


def _numbered(base: tuple[str, str], taken: set[str], count: int) -> list[tuple[str, str]]:
    names: list[tuple[str, str]] = []
    number = 2
    while len(names) < count:
        if f"{base[0]}{number}" not in taken:
            names.append((f"{base[0]}{number}", f"{base[1]} {number}" if base[1] else ""))
        number += 1
    return names
