"""Addresses of the service. A page's name is what templates and the rail call it."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from gridmap.views.accounts import SignIn
from gridmap.views.find import find
from gridmap.views.home import home
from gridmap.views.town import town_map

urlpatterns = [
    path("", find, name="find"),
    path("home/", home, name="home"),
    path("map/", town_map, name="map"),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("boundaries.urls")),
    path("admin/", admin.site.urls),
]
