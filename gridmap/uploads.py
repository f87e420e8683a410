"""Uploads go to a temporary file and stop at the size limit, whatever page they are sent to."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Stops reading beyond `IMPORT_MAX_BYTES` and marks the request, so that its form can say so.

    It must be a handler: the check for forgery reads the whole body before any view runs.
    """

    received = 0

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Refuse by the announced length, before anything is written."""
        length: int = kwargs["content_length"] if "content_length" in kwargs else args[2]
        if length > settings.IMPORT_MAX_BYTES + 1024 * 1024:
            self._refuse()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Count what comes in: a length may be announced wrongly."""
        self.received += len(raw_data)
        if self.received > settings.IMPORT_MAX_BYTES:
            self._refuse()
        super().receive_data_chunk(raw_data, start)
        return None

    def _refuse(self) -> None:
        if self.request is not None:
            self.request.META["gridmap.upload_too_large"] = True
        raise StopUpload(connection_reset=True)
