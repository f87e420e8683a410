"""The demo town for tests: the small one is generated in half a second and loaded in two."""

from datetime import date
from functools import cache

from fixtures.town.town import DEFAULT_SEED, Town, make_town
from gridmap.actions.demo import Loaded, write_town

TODAY = date(2026, 11, 20)


@cache
def generated(scale: float = 0.05, seed: int = DEFAULT_SEED, today: date = TODAY) -> Town:
    """The town without a database; made once a process. Nobody may change it."""
    return make_town(scale, seed=seed, today=today)


def load_town(
    scale: float = 0.05, seed: int = DEFAULT_SEED, *, today: date = TODAY, logins: bool = False
) -> Loaded:
    """Write the town into the test database, in the caller's transaction."""
    return write_town(generated(scale, seed, today), copies=max(1, round(scale)), logins=logins)
