"""Uploads go to a temporary file and stop at a limit: a small one on every page, the large one for imports.

A handler reads the body before a view runs, as soon as anything asks for a field of the form; the check for forgery does.
So the large handler is set by the one view that takes files, once it knows who asks and what that person may do.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse


class SmallUploadHandler(TemporaryFileUploadHandler):
    """Stops reading beyond its limit and marks the request, so that its form can say so."""

    received = 0

    @property
    def limit(self) -> int:
        """Bytes of all files of a request together."""
        limit: int = settings.UPLOAD_MAX_BYTES
        return limit

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Refuse by the announced length, before anything is written."""
        length: int = kwargs["content_length"] if "content_length" in kwargs else args[2]
        if length > self.limit + 1024 * 1024:
            self._refuse()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Count what comes in: a length may be announced wrongly."""
        self.received += len(raw_data)
        if self.received > self.limit:
            self._refuse()
        super().receive_data_chunk(raw_data, start)
        return None

    def _refuse(self) -> None:
        if self.request is not None:
            self.request.META["gridmap.upload_too_large"] = True
        raise StopUpload(connection_reset=True)


class LargeUploadHandler(SmallUploadHandler):
    """For the files of an import: up to `IMPORT_MAX_BYTES`."""

    @property
    def limit(self) -> int:
        """Bytes of all files of a request together."""
        limit: int = settings.IMPORT_MAX_BYTES
        return limit


def reads_its_own_body(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Tell the middleware to leave the body of this view's requests alone, until the view itself asks for a field."""
    view.reads_its_own_body = True  # type: ignore[attr-defined]  # like Django's own csrf_exempt
    return view


def takes_large_files(request: HttpRequest) -> None:
    """Let this request bring a large file. Only before anything has read its form."""
    request.upload_handlers = [LargeUploadHandler(request)]
