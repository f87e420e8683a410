"""Cursors whose statements PostgreSQL plans once for each connection.

A statement of a dozen joins over small index probes runs in a third of a millisecond and takes two to plan. Where the
same statement is asked thousands of times (locating, tiles, search) the plan is kept. Django binds values into
the text on the client by default, which leaves the server a new text to plan each time; these cursors bind on the
server. They pass through Django's own wrappers, so that query counts, logging and errors are Django's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


class _PreparedCursor(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor that prepares every statement on its first use."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "_PreparedCursor":
        options["prepare"] = True
        super().execute(query, params, **options)
        return self


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """A cursor of the default connection; use it for statements whose text never varies."""
    connection.ensure_connection()
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    # The stubs ask for a wrapper; what Django wraps is the driver's cursor.
    with wrap(cast(CursorWrapper, _PreparedCursor(connection.connection))) as cursor:
        yield cursor
