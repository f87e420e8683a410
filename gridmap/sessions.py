"""Sessions in the database as Django keeps them; the one query that each request of a signed-in visitor costs is prepared."""

from typing import Final

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from boundaries.prepared import Statement

_SESSION: Final = Statement(
    "SELECT session_key, session_data, expire_date FROM django_session"
    " WHERE session_key = %(key)s AND expire_date > %(now)s"
)


class SessionStore(DatabaseStore):
    """Django's own, but for reading."""

    def _get_session_from_db(self) -> Session | None:
        key = self.session_key or ""
        # A cookie may hold what the database cannot: no session has that key.
        for row in () if "\0" in key else _SESSION.rows({"key": key, "now": timezone.now()}):
            return Session(**row)
        self._session_key = None
        return None
