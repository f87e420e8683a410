"""Parameters that several calls share."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query

from boundaries.locating import instant
from gridmap.api.problems import ApiError, Problem
from gridmap.responsibility import town_zone

Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]

Longitude = Annotated[float, Query(description="Longitude in degrees, in `datum`.", examples=[103.8353])]
Latitude = Annotated[float, Query(description="Latitude in degrees, in `datum`.", examples=[30.7012])]
At = Annotated[
    str | None,
    Query(
        max_length=40,
        description=(
            "A time such as 2020-04-30T14:05:00+08:00. Without an offset it is read in the town's time zone; a bare "
            "date means the end of that day there, here too where one instant is asked for. Now if not given."
        ),
        examples=["2020-04-30T14:05"],
    ),
]
InDatum = Annotated[
    Datum,
    Query(
        description=(
            "Datum of the coordinates sent: wgs84 (GPS), cgcs2000, gcj02 (AMap, Tencent) or bd09 (Baidu). Answers are "
            "always in wgs84 and say so."
        )
    ),
]
Accuracy = Annotated[
    float | None, Query(description="Radius of the stated accuracy in metres, 0 to 500.", examples=[15])
]

ERRORS: Final = {400: Problem, 401: Problem, 403: Problem, 404: Problem, 422: Problem, 429: Problem}


def moment(text: str | None) -> datetime:
    """The instant that a caller means; one query where the town's clock is needed.

    Raises
    ------
    ApiError
        422: it is no time.
    """
    if not text:
        return timezone.now()
    # a plus sign that was not escaped in the address arrives as a space
    has_offset = any(sign in text[11:] for sign in "+-Zz ")
    try:
        read = instant(text, ZoneInfo(settings.TIME_ZONE) if has_offset else town_zone())
    except ValueError as error:
        raise ApiError(422, "time", str(error), field="at") from None
    if not 2 <= read.year <= 9998:
        raise ApiError(422, "time", _("The year must lie between 2 and 9998."), field="at")
    # Before zones were counted in minutes, towns kept the time of their own noon; no JSON has a notation for that.
    return read.astimezone(UTC) if (read.utcoffset() or timedelta()) % timedelta(minutes=1) else read
