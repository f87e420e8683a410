"""The ground the other tests stand on does hold: rights, network, warnings."""

import socket
import warnings

import pytest
from django.db import ProgrammingError, connection, transaction
from pytest_socket import SocketConnectBlockedError


@pytest.mark.django_db
def test_tests_run_with_the_rights_of_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, r.rolsuper, r.rolbypassrls FROM pg_roles r WHERE r.rolname = current_user"
        )
        assert cursor.fetchone() == ("gridmap_app", False, False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "ALTER TABLE boundaries_subdistrict ADD COLUMN mine int",
        "DROP TABLE boundaries_subdistrict CASCADE",
        "UPDATE gridmap_auditentry SET id = id",
        "DELETE FROM gridmap_accessrecord",
    ],
)
def test_the_application_cannot_change_the_schema_or_history(statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.django_db(transaction=True)
def test_a_test_of_several_transactions_keeps_those_rights() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("gridmap_app",)


@pytest.mark.usefixtures("as_owner")
def test_the_owner_is_another_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user = 'gridmap_app'")
        assert cursor.fetchone() == (False,)


def test_no_connection_leaves_this_machine() -> None:
    # 192.0.2.0/24 belongs to documentation: were the block open, this would time out rather than reach anyone.
    with socket.socket() as way_out, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        way_out.settimeout(1)
        with pytest.raises(SocketConnectBlockedError):
            way_out.connect(("192.0.2.1", 80))


def test_warnings_are_errors() -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
