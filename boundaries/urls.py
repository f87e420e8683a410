"""Addresses that need geography only."""

from django.urls import path

from boundaries.tiles import tile

urlpatterns = [path("tiles/<str:layer>/<int:z>/<int:x>/<int:y>.mvt", tile, name="tile")]
