"""The demo town's own places, as its people would ask for them."""

from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from boundaries.models import Building, Community, Compound, Outline
from boundaries.searching import search
from boundaries.spelling import syllables
from gridmap.actions.demo import load_demo


@pytest.fixture(scope="module")
def demo(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Any:
    """A twentieth of the demo town, loaded as its owner in a transaction that is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE NONE")
        load_demo(today=date(2026, 11, 23), scale=0.05, logins=False)
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _demo(demo: None, db: None) -> None:
    """Every test here reads the demo town."""


def test_every_community_comes_first_by_name_short_name_and_code() -> None:
    communities = list(Community.objects.all())
    assert communities
    for community in communities:
        assert search(community.code)[0].id == community.pk
        full = search(community.name)[0]
        assert (full.kind, full.id) == ("community", community.pk), community.name


def test_every_grid_comes_first_by_its_code() -> None:
    outlines = list(Outline.objects.filter(plan__publications__period__endswith=None).distinct())
    assert outlines
    for outline in outlines:
        hit = search(outline.code)[0]
        assert (hit.kind, hit.id, hit.code) == ("grid", outline.grid_id, outline.code)


def test_every_compound_is_among_the_first_by_name_and_pinyin() -> None:
    compounds = list(Compound.objects.all())
    assert compounds
    for compound in compounds:
        named = search(compound.name)[0].title
        assert compound.name in {named, named.removesuffix("社区")}
        spoken = "".join(syllables(compound.name))
        assert compound.name in {hit.title for hit in search(spoken)}, spoken


def test_every_numbered_building_comes_first_by_its_address() -> None:
    buildings = Building.objects.exclude(compound=None).exclude(number="").select_related("compound")[:200]
    assert buildings
    for building in buildings:
        assert building.compound is not None
        hits = search(f"{building.compound.name}{building.number}栋", kinds=["building"])
        wanted = (building.compound.name, building.number)
        first = Building.objects.select_related("compound").get(pk=hits[0].id)
        assert first.compound is not None
        assert (first.compound.name, first.number) == wanted
