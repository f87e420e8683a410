"""What every page knows."""

from typing import Any

from django.http import HttpRequest


def town(request: HttpRequest) -> dict[str, Any]:
    """Template context."""
    return {}
