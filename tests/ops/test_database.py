"""Roles and databases as `make up` makes them, on a cluster of their own."""

import pytest

from tests.ops.conftest import START, Clone

PREPARE = """
import os, subprocess, sys
from scripts.cluster import Cluster
os.environ["DATABASE_SUPERUSER_URL"] = Cluster.of_project().url("postgres", "postgres")
sys.exit(subprocess.call([sys.executable, "-m", "scripts.database", "prepare", "--database", "gridmap_demo"]))
"""


@pytest.fixture
def prepared(clone: Clone) -> Clone:
    """A clone with a running, prepared cluster."""
    assert "pid" in clone.python(START).stdout
    for _ in ("first", "again"):
        done = clone.python(PREPARE)
        assert done.returncode == 0, done.stderr
    return clone


def test_roles_rights_and_template(prepared: Clone) -> None:
    sql = prepared.sql
    # No role of ours is a superuser or gets round row security; only the tests' may make databases.
    assert (
        sql("SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname LIKE 'gridmap%'"
            " AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole")
        == "gridmap_app gridmap_owner gridmap_test"
    )  # fmt: skip
    assert (
        sql("SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolcreatedb AND NOT rolsuper")
        == "gridmap_test"
    )

    for extension in ("postgis", "pg_trgm", "btree_gist"):
        there = f"SELECT count(*) FROM pg_extension WHERE extname = '{extension}'"
        assert sql(there, role="gridmap_app", database="gridmap_demo") == "1"

    # The owner makes tables, the application uses them and nothing more.
    assert (
        sql("CREATE TABLE t (id serial PRIMARY KEY)", role="gridmap_owner", database="gridmap_demo") == "done"
    )
    app = {"role": "gridmap_app", "database": "gridmap_demo"}
    assert sql("INSERT INTO t DEFAULT VALUES RETURNING id", **app) == "1"
    assert sql("DELETE FROM t", **app) == "done"
    assert "permission denied" in sql("TRUNCATE t", **app)
    assert "permission denied" in sql("CREATE TABLE u (id int)", **app)
    assert "must be owner" in sql("ALTER TABLE t ADD COLUMN x int", **app)
    assert "permission denied" in sql("CREATE DATABASE mine", **app)

    # The tests' databases need no superuser, and come with PostGIS and the same rights.
    tests = {"role": "gridmap_test", "database": "postgres"}
    assert sql("CREATE DATABASE test_x TEMPLATE gridmap_template", **tests) == "done"
    assert sql("CREATE TABLE t (g geometry(Point, 4326))", role="gridmap_test", database="test_x") == "done"
    assert sql("SELECT count(*) FROM t", role="gridmap_app", database="test_x") == "0"


def test_a_foreign_database_is_checked(prepared: Clone) -> None:
    check = """
import os, subprocess, sys
from scripts.cluster import Cluster
url = Cluster.of_project().url({role!r}, {database!r})
os.environ["DATABASE_URL"] = os.environ["DATABASE_OWNER_URL"] = url
sys.exit(subprocess.call([sys.executable, "-m", "scripts.database", "check"]))
"""
    good = prepared.python(check.format(role="gridmap_owner", database="gridmap_demo"))
    assert good.returncode == 0, good.stderr
    prepared.sql("CREATE DATABASE bare OWNER gridmap_owner")
    bare = prepared.python(check.format(role="gridmap_owner", database="bare"))
    assert bare.returncode == 1
    assert "lacks postgis, pg_trgm, btree_gist" in bare.stderr
    assert "Have its administrator run there: CREATE EXTENSION IF NOT EXISTS postgis;" in bare.stderr
    gone = prepared.python(check.format(role="gridmap_owner", database="nowhere"))
    assert "does not answer" in gone.stderr
    assert "Traceback" not in gone.stderr
