"""Statements that PostgreSQL plans once for each connection.

A statement of a dozen joins over small index probes runs in half a millisecond and takes two to plan. Where the
same statement is asked thousands of times the plan is kept. Django binds values into the text on the client, which
leaves the server a new text to plan each time; these bind on the server. They pass through Django's own wrappers,
so that query counts, logging and errors are Django's. Needs `prepare_threshold` among the database's options.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

_NAMED: Final = re.compile(r"%\((\w+)\)s")


class Statement:
    """A SELECT with named parameters, `%(name)s`, whose text never varies."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = tuple(dict.fromkeys(_NAMED.findall(text)))
        numbers = {name: f"${index}" for index, name in enumerate(self.names, start=1)}
        # numbered once here, not at every call
        self.numbered = _NAMED.sub(lambda found: numbers[found[1]], text).replace("%%", "%")

    def rows(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows as dictionaries by column; `values` may hold more than the parameters."""
        connection.ensure_connection()
        wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
        # The stubs ask for a wrapper; what Django wraps is the driver's cursor.
        raw = cast(CursorWrapper, _PreparedCursor(connection.connection))
        with wrap(raw) as cursor:
            cursor.execute(self.numbered, [values[name] for name in self.names])
            columns = [column.name for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


class _PreparedCursor(psycopg.RawCursor[tuple[Any, ...]]):
    """A cursor that prepares every statement on its first use."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "_PreparedCursor":
        options["prepare"] = True
        super().execute(query, params, **options)
        return self
