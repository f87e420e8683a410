"""What cannot be done to a coverage, and why."""

from collections.abc import Mapping
from typing import Any


class TopologyError(ValueError):
    """A redraw that cannot be done. Nothing was changed.

    Attributes
    ----------
    reason : str
        A short stable code such as ``"misses"``; the service has a translated sentence for each.
    details : dict
        What the sentence names: keys of grids, lengths in metres.
    place : tuple of (lon, lat) or None
        Where on the map it went wrong, EPSG:4326.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        place: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.details = dict(details or {})
        self.place = place
