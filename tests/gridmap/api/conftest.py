"""Every test starts with fresh counts of public calls, and with more of them than it will make."""

import pytest
from django.core.cache import caches
from pytest_django import Settings


@pytest.fixture(autouse=True)
def fresh_rates(settings: Settings) -> None:
    caches["rates"].clear()
    settings.PUBLIC_RATE = "1000000/h"
