"""A plan of the full town as files and documents: `python -m tests.benchmarks documents`.

Works on the database of the settings (the demo town, or whatever is there), in a transaction that is rolled back.
"""

import io
import statistics
import time
from collections.abc import Callable
from typing import Final

from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from boundaries.models import Subdistrict
from gridmap.exports import ALL, FORMATS, write
from gridmap.models import Role, RoleGrant, User
from gridmap.schemes import bounds_of, contents_in_force
from tests.benchmarks import Row

ROUNDS: Final = 5
FILE_S: Final = 1.0
SCHEME_S: Final = 2.0


class _Undone(Exception):
    """Ends the transaction without a trace."""


def row(name: str, action: Callable[[], object], bar: float | None) -> Row:
    """The slowest of some rounds after one that warms up."""
    taken = []
    for _round in range(ROUNDS + 1):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    slowest = max(taken[1:])
    name = f"{name} (median {statistics.median(taken[1:]) * 1000:.0f} ms)"
    return Row(
        name,
        slowest,
        "s",
        target=f"under {bar:.0f} s" if bar else "",
        ok=None if bar is None else slowest < bar,
    )


def run() -> list[Row]:
    """Each format, the bounds of all grids in words, the scheme's page, the boards of one community."""
    town = Subdistrict.objects.defer("outline").order_by("code").first()
    contents = None if town is None else contents_in_force(town, timezone.now())
    if town is None or contents is None or not contents.grids:
        return [Row("documents: no plan is in force in this database, nothing measured", 0, "")]
    rows = [
        row(f"export {len(contents.grids)} grids: {key}", lambda kind=kind: write(contents, kind, ALL, io.BytesIO()), FILE_S)  # type: ignore[misc]
        for key, kind in FORMATS.items()
    ]  # fmt: skip
    rows.append(row(f"bounds in words of {len(contents.grids)} grids", lambda: bounds_of(contents), None))
    plan = next(iter(contents.communities)).outlines.in_force(contents.at).first()
    assert plan is not None
    try:
        with transaction.atomic():
            planner = User.objects.create(username="bench-planner")
            RoleGrant.objects.create(user=planner, role=Role.PLANNER, subdistrict=town)
            client = Client(SERVER_NAME="localhost")
            client.force_login(planner)
            for view, title, bar in (
                ("plan-scheme", "scheme of the full town, page", SCHEME_S),
                ("plan-boards", "boards of one community, page", None),
            ):
                address = reverse(view, args=[plan.plan_id])
                assert client.get(address).status_code == 200
                rows.append(row(title, lambda address=address: client.get(address), bar))  # type: ignore[misc]
            raise _Undone
    except _Undone:
        return rows
