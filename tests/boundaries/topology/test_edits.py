"""Random and hostile edits one after the other: everything that must hold is checked after each of them.

`make test` makes some hundred edits, `make soak` more than ten thousand.
"""

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.boundaries.files import needs_data
from tests.boundaries.topology.edits import KINDS, Editor, Statistics
from tests.boundaries.topology.grounds import Ground, awkward, town, villages

# 25 short sequences of every kind of ground as a rule, 500 in a soak
EXAMPLES = max(25, min(500, hypothesis.settings.default.max_examples // 10))  # type: ignore[union-attr]
edits = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2**32 - 1)), min_size=1, max_size=8)


def run(ground: Ground, sequence: list[tuple[str, int]], statistics: Statistics | None = None) -> Editor:
    """Make the edits, then take all of them back."""
    editor = Editor(ground, statistics)
    for kind, seed in sequence:
        editor.step(kind, np.random.default_rng(seed))
    assert editor.undo_everything() == {key: shape.wkb for key, shape in ground.areas.items()}
    return editor


@settings(max_examples=EXAMPLES, deadline=None)
@given(index=st.integers(0, 3), sequence=edits)
def test_the_demo_town_stays_whole(index: int, sequence: list[tuple[str, int]]) -> None:
    run(town()[index], sequence)


@needs_data
@settings(max_examples=EXAMPLES, deadline=None)
@given(sequence=edits)
def test_the_villages_of_hsinchu_stay_whole(sequence: list[tuple[str, int]]) -> None:
    run(villages()[0], sequence)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 10_000), sequence=edits)
def test_awkward_ground_stays_whole(seed: int, sequence: list[tuple[str, int]]) -> None:
    run(awkward(seed), sequence)


def sequence_of(count: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    return [(str(rng.choice(KINDS)), int(rng.integers(2**32))) for _ in range(count)]


@pytest.mark.parametrize("community", range(4))
def test_a_long_sequence_does_not_wear_the_rim_down(community: int) -> None:
    statistics = Statistics()
    run(town()[community], sequence_of(40, np.random.default_rng(community)), statistics)
    assert sum(statistics.done.values()) >= 10, statistics.table()
    assert statistics.rim_m < 0.001


@pytest.mark.soak
def test_ten_thousand_edits() -> None:
    """Ten thousand edits that were done (the refused ones come on top), in sequences of 200 on one coverage each.

    Prints drift, deviation of the rim and time (`-s`).
    """
    statistics = Statistics()
    grounds = [*town(1.0), *(villages() if not needs_data.args[0] else ())]
    turn = 0
    while sum(statistics.done.values()) < 10_000:
        rng = np.random.default_rng(turn)
        ground = awkward(turn) if turn % 3 == 2 else grounds[turn * 7 % len(grounds)]
        run(ground, sequence_of(200, rng), statistics)
        turn += 1
    print(statistics.table())
    assert statistics.rim_m < 0.001
    assert statistics.drift < 1e-7
