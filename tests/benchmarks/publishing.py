"""Publishing the full town while somebody keeps asking who is responsible: `python -m tests.benchmarks publishing`.

A draft of every community, two neighbouring grids merged in each, is checked and published: outlines, grids of
buildings, posts, hand-overs, audit. Meanwhile a second connection locates one point after the other. The transaction is
rolled back, so that nothing stays; the peer is the same loop of questions with nobody publishing.
"""

import itertools
import random
import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db import connection, transaction
from django.utils import timezone

from boundaries import topology
from boundaries.findings import outlines_of
from boundaries.models import Basis, Community, Outline, Plan, Publication, PublicationState, Subdistrict
from gridmap.actions.plans import publish_plan
from gridmap.carrying_over import propose
from gridmap.plan_checks import check
from gridmap.responsibility import locate
from tests.benchmarks import Row
from tests.benchmarks.locating import points

MOST_S: Final = 5.0
ALONE_S: Final = 3.0
SLOWEST_MS: Final = 500.0


def draft(town: Subdistrict, communities: list[Community]) -> Plan:
    """All communities as they are in force, two neighbours merged in each."""
    plan = Plan.objects.create(subdistrict=town, name="benchmark")
    now = timezone.now()
    for community in communities:
        publication = Publication.objects.get(
            community=community, state=PublicationState.STANDING, period__contains=now
        )
        Basis.objects.create(plan=plan, community=community, base=publication.plan)
        outlines = outlines_of(publication.plan, [community])[community.pk]
        shapes: dict[Hashable, Any] = {
            outline.grid_id: shapely.from_wkb(bytes(outline.polygon.wkb)) for outline in outlines
        }
        for grid, shape in merged(shapes).items():
            outline = next(each for each in outlines if each.grid_id == grid)
            ground = GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=4326)
            outline.pk, outline.plan = None, plan
            outline.polygon = ground if isinstance(ground, MultiPolygon) else MultiPolygon(ground, srid=4326)
            outline.save(force_insert=True)
    return plan


def merged(shapes: dict[Hashable, Any]) -> dict[Hashable, Any]:
    """The first pair of neighbours that can be merged is."""
    for grid, other in itertools.combinations(shapes, 2):
        if shapes[grid].intersection(shapes[other]).length > 0:
            return dict(topology.merge(shapes, [grid, other], grid))
    return shapes


@contextmanager
def questions() -> Iterator[list[float]]:
    """Locates in a thread with a connection of its own; milliseconds of each answer."""
    places, stop = points(), threading.Event()
    took: list[float] = []
    rng = random.Random(7)

    def ask() -> None:
        try:
            for lon, lat in places[:50]:
                locate(lon, lat)
            while not stop.is_set():
                lon, lat = rng.choice(places)
                started = time.perf_counter()
                locate(lon, lat)
                took.append((time.perf_counter() - started) * 1000)
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()


def run() -> list[Row]:
    """Seconds to check and publish the town, and the slowest answer meanwhile in milliseconds."""
    town = Subdistrict.objects.order_by("code").first()
    if town is None:
        return [Row("publishing: no town in this database, nothing measured", 0, "")]
    communities = list(Community.objects.filter(subdistrict=town).order_by("code"))
    with questions() as alone:
        time.sleep(ALONE_S)
    with transaction.atomic():
        plan, at = draft(town, communities), timezone.now() + timedelta(days=1)
        started = time.perf_counter()
        check(plan, communities, propose(plan, communities, at=at))
        checked = time.perf_counter() - started
        with questions() as took:
            started = time.perf_counter()
            done = publish_plan(plan=plan, communities=communities, at=at, by=None)
            published = time.perf_counter() - started
        grids = Outline.objects.filter(plan=plan).count()
        transaction.set_rollback(True)
    what = f"{len(communities)} communities, {grids} grids, {done.placements:,} buildings moved, {done.posts} posts"
    return [
        Row("checks of a draft of the full town", checked, "s"),
        Row(f"publication: {what}", published, "s", target=f"under {MOST_S:g} s", ok=published < MOST_S),
        Row(
            f"slowest of {len(took):,} locate() in the same process meanwhile; peer: nobody publishes",
            max(took),
            "ms",
            max(alone),
            max(alone) / max(took),
            f"under {SLOWEST_MS:g} ms",
            max(took) < SLOWEST_MS,
        ),
    ]
