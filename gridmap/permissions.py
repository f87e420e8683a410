"""Roles, what each may do, which rows each may see."""

from django.contrib.auth.backends import ModelBackend


class GridmapBackend(ModelBackend):
    """Sign-in and permissions."""
