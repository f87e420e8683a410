"""Roles, databases and extensions. The one module of `scripts` that runs in the virtual environment, for psycopg.

Roles: `gridmap_owner` owns the tables (migrations, loading a town), `gridmap_app` reads and writes rows and nothing else,
`gridmap_test` may make databases for the tests. None is a superuser or gets round row security.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

OLDEST_SERVER = 15
OLDEST_POSTGIS = (3, 3)
EXTENSIONS = ("postgis", "pg_trgm", "btree_gist")
TEMPLATE = "gridmap_template"
# No row in the one: no town is loaded. No row in the other: nobody can sign in yet.
TOWNS, USERS = "boundaries_subdistrict", "gridmap_user"
OWNER, APP, TEST = "gridmap_owner", "gridmap_app", "gridmap_test"

ROLES = {
    OWNER: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB",
    APP: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB",
    TEST: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB",
}

# What the application may do with the tables of a role that makes them. A migration takes away from single tables what does
# not fit them (history is only ever added to).
RIGHTS = """
ALTER DEFAULT PRIVILEGES FOR ROLE {maker} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
ALTER DEFAULT PRIVILEGES FOR ROLE {maker} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app};
"""


class Unusable(Exception):
    """The database cannot be used as it is; the text says why and what to do."""


def prepare_cluster(superuser_url: str, database: str, passwords: dict[str, str]) -> bool:
    """Make roles, the template with the extensions, and the database from it; what is there already stays.

    Returns whether the database is new.

    Parameters
    ----------
    superuser_url : a connection that may do all this, on any database of the server
    passwords : role -> password, where the server asks for one (the project's own cluster does not)
    """
    with psycopg.connect(superuser_url, autocommit=True, dbname="postgres") as connection:
        for role, attributes in ROLES.items():
            there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            verb = sql.SQL("ALTER" if there else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} {}").format(verb, sql.Identifier(role), sql.SQL(attributes))
            )
            if role in passwords:
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(passwords[role])
                    )
                )
        # The tests' migrations run as gridmap_test, the tests themselves with the application's rights.
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP), sql.Identifier(TEST)))
        connection.execute(sql.SQL("ALTER ROLE {} SET synchronous_commit = off").format(sql.Identifier(TEST)))
        _make_template(connection, superuser_url)
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            return False
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(database), sql.Identifier(OWNER), sql.Identifier(TEMPLATE)
            )
        )
        return True


def _make_template(connection: psycopg.Connection[tuple[object, ...]], superuser_url: str) -> None:
    """A database with the extensions and rights that others are copied from: copying it needs no superuser."""
    rights = "".join(RIGHTS.format(maker=maker, app=APP) for maker in (OWNER, TEST))
    wanted = hashlib.sha256((rights + ",".join(EXTENSIONS)).encode()).hexdigest()
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [TEMPLATE]
    ).fetchone()
    if row and row[0] == wanted:
        return
    template = sql.Identifier(TEMPLATE)
    if row:
        connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(template))
        connection.execute(sql.SQL("DROP DATABASE {}").format(template))
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(template))
    with psycopg.connect(superuser_url, autocommit=True, dbname=TEMPLATE) as inside:
        for extension in EXTENSIONS:
            inside.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
        inside.execute(rights.encode())
    # Nobody connected means that it can be copied at any time.
    connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(template))
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(template, sql.Literal(wanted)))


def check_foreign(application_url: str, owner_url: str) -> None:
    """Check a database that somebody else runs, add what may be added, and say what its administrator must do.

    Raises
    ------
    Unusable
    """
    try:
        connection = psycopg.connect(owner_url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Unusable(f"The database in DATABASE_URL does not answer: {error}".strip()) from None
    with connection:
        version = connection.info.server_version // 10000
        if version < OLDEST_SERVER:
            raise Unusable(
                f"The database in DATABASE_URL is PostgreSQL {version}; {OLDEST_SERVER} or newer is needed."
            )
        here = {str(row[0]) for row in connection.execute("SELECT extname FROM pg_extension")}
        missing = [extension for extension in EXTENSIONS if extension not in here]
        try:
            for extension in missing:
                connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
        except psycopg.Error as error:
            statements = " ".join(f"CREATE EXTENSION IF NOT EXISTS {extension};" for extension in missing)
            raise Unusable(
                f"The database in DATABASE_URL lacks {', '.join(missing)}, and {connection.info.user} may not add it"
                f" ({str(error).splitlines()[0]}).\n  -> Have its administrator run there: {statements}"
            ) from None
        row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'postgis'").fetchone()
        postgis = tuple(int(part) for part in str(row[0]).split(".")[:2]) if row else (0, 0)
        if postgis < OLDEST_POSTGIS:
            raise Unusable(
                f"The database in DATABASE_URL has PostGIS {postgis[0]}.{postgis[1]}; 3.3 or newer is needed."
            )
        application = conninfo_to_dict(application_url).get("user") or connection.info.user
        if application != connection.info.user:
            maker, app = sql.Identifier(connection.info.user), sql.Identifier(str(application))
            connection.execute(sql.SQL(RIGHTS).format(maker=maker, app=app))


def count_rows(url: str, table: str) -> int:
    """How many rows a table holds; 0 also when there is no such table yet."""
    with psycopg.connect(url) as connection:
        there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
        if not there or not there[0]:
            return 0
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        return int(row[0]) if row else 0


def main() -> int:
    """`python -m scripts.database prepare|check|count`; URLs and passwords come in the environment, not on the command
    line, where every account of the machine could read them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["prepare", "check", "count"])
    parser.add_argument("--database", default="gridmap")
    parser.add_argument("--table", default=TOWNS)
    options = parser.parse_args()
    try:
        if options.task == "prepare":
            passwords = json.loads(os.environ.get("GRIDMAP_ROLE_PASSWORDS", "{}"))
            new = prepare_cluster(os.environ["DATABASE_SUPERUSER_URL"], options.database, passwords)
            print("new" if new else "there")
        elif options.task == "check":
            check_foreign(os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"])
        else:
            print(count_rows(os.environ["DATABASE_OWNER_URL"], options.table))
    except (Unusable, psycopg.Error) as error:
        print(str(error).strip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
