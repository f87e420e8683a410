"""What a file that goes anywhere leaves out: people of fewer than `FEWEST` households, whether printed or to be had by
subtracting what is printed."""

from collections import Counter
from dataclasses import dataclass

from gridmap.comparison import Comparison
from gridmap.workload.buildings import FEWEST


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Where no people are shown: `grids` by id, the sum over all grids of the later side, the sum over all moves."""

    grids: frozenset[int]
    total: bool
    moves: bool


def is_few(households: int) -> bool:
    """Some households, but too few to count their people. Of none at all there is nothing to tell either way."""
    return 0 < households < FEWEST


def left_out(comparison: Comparison, *, both: bool) -> LeftOut:
    """What to leave out where the later side is shown, or `both` sides.

    A grid shows no people if it holds too few households on a side that is shown. Where so few move from one grid to another,
    neither of the two does: what it holds before and after would differ by them. A sum is left out where all that it
    tells beyond what is shown is of so few households.
    """
    after = {key: each.load.households for key, each in comparison.after.figures.items()}
    before = {key: each.load.households for key, each in comparison.before.figures.items()} if both else {}
    hidden = {key for side in (before, after) for key, households in side.items() if is_few(households)}
    going: Counter[tuple[int | None, int | None]] = Counter()
    if both:
        for move in comparison.moves:
            going[move.before, move.after] += move.households
    few = {pair: households for pair, households in going.items() if is_few(households)}
    hidden |= {grid for pair in few for grid in pair if grid is not None}
    return LeftOut(
        grids=frozenset(hidden),
        total=is_few(sum(after.get(key, 0) for key in hidden)),
        moves=is_few(sum(few.values())),
    )
