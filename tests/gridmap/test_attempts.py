"""Signing in: guesses are slowed down, for names that exist and for names that do not, and nobody is told which."""

import time
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from gridmap.models import User
from gridmap.views import attempts
from tests.factories import PASSWORD
from tests.gridmap.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_failed_before() -> None:
    caches["rates"].clear()


WRONG = PASSWORD[::-1]


def sign_in(name: str, password: str = WRONG, address: str = "203.0.113.5") -> Any:
    client = Client(headers={"Accept-Language": "en"}, REMOTE_ADDR=address)
    return client.post("/sign-in/", {"username": name, "password": password})


@pytest.mark.parametrize("name", ["planner", "nobody-of-this-name"])
def test_a_name_is_locked_and_the_right_password_does_not_open_it(cast: Cast, name: str) -> None:
    answers = [sign_in(name, address=f"203.0.113.{i}") for i in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    locked = sign_in(name.upper() if name != "planner" else name, PASSWORD, "203.0.113.77")
    assert locked.status_code == 429
    assert "Too many failed attempts. Try again in" in locked.content.decode()
    assert 0 < int(locked["Retry-After"]) <= attempts.FIRST_WAIT_S
    assert sign_in("clerk", PASSWORD).status_code == 302, "other people sign in as ever"


def test_waiting_grows_to_its_longest(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    waits = []
    for _ in range(12):
        answer = sign_in("planner")
        if answer.status_code == 429:
            waits.append(int(answer["Retry-After"]))
            clock += waits[-1] + 1
    for _ in range(8):
        sign_in("planner")
        answer = sign_in("planner")
        waits.append(int(answer["Retry-After"]))
        clock += waits[-1] + 1
    assert waits[:4] == [30, 60, 120, 240]
    assert waits[-1] == attempts.LONGEST_WAIT_S
    assert sign_in("planner", PASSWORD).status_code == 302, "the wait is over"


def test_signing_in_forgets_the_failures_of_that_name(cast: Cast) -> None:
    for _ in range(3):
        for _ in range(4):
            assert sign_in("planner").status_code == 200
        assert sign_in("planner", PASSWORD).status_code == 302


def test_an_address_that_tries_many_names_is_locked(cast: Cast) -> None:
    codes = [sign_in(f"guess{i}").status_code for i in range(attempts.FREE_BY_ADDRESS + 1)]
    assert codes == [200] * attempts.FREE_BY_ADDRESS + [429]
    assert sign_in("clerk", PASSWORD).status_code == 429
    assert sign_in("clerk", PASSWORD, "198.51.100.9").status_code == 302


def test_an_account_of_ones_own_buys_no_guesses(cast: Cast) -> None:
    codes = []
    for i in range(attempts.FREE_BY_ADDRESS + 1):
        codes.append(sign_in(f"guess{i}").status_code)
        if 429 not in codes:
            sign_in("clerk", PASSWORD)
    assert codes[-1] == 429


def test_the_setup_code_cannot_be_guessed_without_end(db: None, settings: Any) -> None:
    settings.SETUP_CODE = "the-right-code"
    client = Client(headers={"Accept-Language": "en"})
    form = {"username": "chief", "password": PASSWORD, "again": PASSWORD}
    answers = [
        client.post("/first-run/administrator/", form | {"code": f"guess{i}"}).status_code for i in range(6)
    ]
    assert answers == [200] * 5 + [429]
    locked = client.post("/first-run/administrator/", form | {"code": "the-right-code"})
    assert locked.status_code == 429
    assert "Too many failed attempts" in locked.content.decode()
    assert not User.objects.exists()
