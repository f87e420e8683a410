"""What every test stands on: real PostGIS with the application's own rights, and no way out to the network.

Migrations run as the role in DATABASE_URL, which owns the test database; the tests then run as `gridmap_app`. What the
application may not do, a test cannot do either. (The network is closed by pytest-socket: see `addopts` in pyproject.toml.)
"""

import os
from collections.abc import Iterator
from typing import Any

import django.test.testcases
import hypothesis
import pytest
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.db.models.signals import pre_migrate
from django.test import override_settings
from django.utils import translation
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker

APPLICATION_ROLE = "gridmap_app"

hypothesis.settings.register_profile("default", max_examples=50, deadline=None)
hypothesis.settings.register_profile("soak", max_examples=5000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the tests marked soak as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--soak"):
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.skip(reason="full counts and load: make soak"))


def _give_rights_to_come(sender: object, using: str, **kwargs: Any) -> None:
    """Before the first migration, so that the migrations' own REVOKEs come after it, as in an installation."""
    with connections[using].cursor() as cursor:
        for extension in ("pg_trgm", "btree_gist"):
            cursor.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE])
        if cursor.fetchone() is None:
            # A server other than the project's own; two test workers may come here at once.
            cursor.execute(
                f"DO $$ BEGIN CREATE ROLE {APPLICATION_ROLE};"
                " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
        for rights, things in (
            ("SELECT, INSERT, UPDATE, DELETE", "TABLES"),
            ("USAGE, SELECT", "SEQUENCES"),
        ):
            cursor.execute(
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {things} TO {APPLICATION_ROLE}"
            )
    pre_migrate.disconnect(_give_rights_to_come)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Ask to be told when the migrations of the test database begin."""
    pre_migrate.connect(_give_rights_to_come)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the test database, then step down to the application's role for all connections, of threads too."""
    connection = connections["default"]
    options = connection.settings_dict["OPTIONS"]
    before = options.get("options")
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            # Only here: Django empties the tables with TRUNCATE after a test of several transactions.
            cursor.execute(
                sql.SQL("GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO {}").format(
                    sql.Identifier(APPLICATION_ROLE)
                )
            )
        _reconnect(f"{before or ''} -c role={APPLICATION_ROLE}".strip())
    yield
    with django_db_blocker.unblock():
        _reconnect(before)
        with connection.cursor() as cursor:
            # A thread that a test left behind must not keep the database from being dropped.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        _reconnect(before)


def _reconnect(options: str | None) -> None:
    connection = connections["default"]
    if options is None:
        connection.settings_dict["OPTIONS"].pop("options", None)
    else:
        connection.settings_dict["OPTIONS"]["options"] = options
    connection.close()
    if hasattr(connection, "close_pool"):
        connection.close_pool()


@pytest.fixture(scope="session", autouse=True)
def _static_files_as_they_are() -> Iterator[None]:
    """Serve static files from the sources: what an earlier `make up` collected may be older. (`make test` collects them
    as well, which finds references that lead nowhere.)"""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with (
        override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}),
        pytest.MonkeyPatch.context() as patch,
    ):
        # pytest-django looks for the app by Django's own name, and would serve what was collected instead.
        patch.setattr(django.test.testcases, "_StaticFilesHandler", StaticFilesHandler)
        yield


@pytest.fixture
def as_owner(db: None) -> Iterator[None]:
    """Let one test act as the tables' owner, as `demo_town` and migrations do."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        yield
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APPLICATION_ROLE)))


@pytest.fixture(scope="session", autouse=True)
def _language_of_the_sources() -> Iterator[None]:
    """Texts come as they stand in the sources; tests of the Chinese pages ask for them by name."""
    with override_settings(LANGUAGE_CODE="en"):
        yield


@pytest.fixture(autouse=True)
def _language_ends_with_the_test() -> Iterator[None]:
    """A page fetched in another language leaves it set in the thread of the test."""
    yield
    translation.deactivate()
