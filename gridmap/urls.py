"""Addresses of the service. A page's name is what templates and the rail call it."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from gridmap.api import api
from gridmap.views import (
    boards,
    compare,
    desk,
    exports,
    first_run,
    hand_overs,
    imports,
    loads,
    mine,
    plans,
    publishing,
    redraw,
    register,
    scheme,
    today,
)
from gridmap.views.accounts import SignIn
from gridmap.views.find import find
from gridmap.views.home import home
from gridmap.views.password import OwnPassword
from gridmap.views.town import card, grids, town_map
from gridmap.views.town import loads as map_loads

urlpatterns = [
    # what is asked most stands first
    path("", find, name="find"),
    path("api/v1/", api.urls),
    path("home/", home, name="home"),
    path("map/", town_map, name="map"),
    path("map/grids.geojson", grids, name="map-grids"),
    path("map/loads.json", map_loads, name="map-loads"),
    path("map/card", card, name="map-card"),
    path("mine/", mine.mine, name="specialist"),
    path("mine/list/", mine.mine_list, name="mine-list"),
    path("mine/map.geojson", mine.mine_map, name="mine-map"),
    path("mine/buildings/<int:pk>/", mine.building, name="mine-building"),
    path("mine/households/<int:pk>/", mine.household, name="mine-household"),
    path("mine/households/<int:pk>/residents/", mine.residents, name="mine-residents"),
    path("mine/hand-overs/<int:pk>/write/", hand_overs.write, name="hand-over-write"),
    path("mine/hand-overs/<int:pk>/", hand_overs.show, name="hand-over"),
    path("desk/", desk.desk, name="dispatcher"),
    path("desk/list/", desk.incident_list, name="desk-list"),
    path("desk/incidents.geojson", desk.incident_map, name="desk-map"),
    path("desk/answer/", desk.answer, name="desk-answer"),
    path("desk/incidents/", desk.report, name="desk-report"),
    path("desk/incidents/<int:pk>/", desk.card, name="desk-card"),
    path("desk/incidents/<int:pk>/close/", desk.close, name="desk-close"),
    path("planner/", loads.loads, name="planner"),
    path("planner/loads.csv", loads.loads_csv, name="planner-csv"),
    path("planner/import/", imports.import_list, name="imports"),
    path("planner/import/<int:pk>/", imports.import_run, name="import"),
    path("planner/import/<int:pk>/problems.geojson", imports.import_map, name="import-map"),
    path("planner/import/<int:pk>/check/", imports.import_check, name="import-check"),
    path("planner/import/<int:pk>/write/", imports.import_write, name="import-write"),
    path("planner/import/<int:pk>/cancel/", imports.import_cancel, name="import-cancel"),
    path("planner/register/", register.register, name="register"),
    path("planner/register/building/", register.register_building, name="register-building"),
    path("planner/register/<int:pk>/place/", register.register_place, name="register-place"),
    path("planner/plans/", plans.plans, name="plans"),
    path("planner/plans/start/", plans.plan_start, name="plan-start"),
    path("planner/plans/<int:pk>/", redraw.plan_edit, name="plan-edit"),
    path("planner/plans/<int:pk>/ground.json", redraw.plan_edit_ground, name="plan-edit-ground"),
    path("planner/plans/<int:pk>/change/", plans.plan_change, name="plan-change"),
    path("planner/plans/<int:pk>/compare/", compare.plan_compare, name="plan-compare"),
    path(
        "planner/plans/<int:pk>/compare/report.html", compare.plan_compare_report, name="plan-compare-report"
    ),
    path("planner/plans/<int:pk>/report.html", compare.plan_report, name="plan-report"),
    path("planner/plans/<int:pk>/compare/map.json", compare.plan_compare_map, name="plan-compare-map"),
    path(
        "planner/plans/<int:pk>/compare/<slug:table>.csv", compare.plan_compare_csv, name="plan-compare-csv"
    ),
    path("planner/plans/<int:pk>/boards/", boards.plan_boards, name="plan-boards"),
    path("planner/plans/<int:pk>/scheme/", scheme.plan_scheme, name="plan-scheme"),
    path("planner/plans/<int:pk>/export/", exports.plan_export, name="plan-export"),
    path("planner/plans/<int:pk>/publish/", publishing.plan_publish, name="plan-publish"),
    path("planner/plans/<int:pk>/submit/", publishing.plan_submit, name="plan-submit"),
    path("planner/plans/<int:pk>/settle/", publishing.plan_settle, name="plan-settle"),
    path("planner/plans/<int:pk>/decide/", publishing.plan_decide, name="plan-decide"),
    path("planner/plans/<int:pk>/withdraw/", publishing.plan_withdraw, name="plan-withdraw"),
    path("planner/plans/<int:pk>/grids.geojson", publishing.plan_grids, name="plan-grids"),
    path("today/", today.today, name="today"),
    path("first-run/", first_run.first_run, name="first-run"),
    path("first-run/administrator/", first_run.make_administrator, name="first-run-administrator"),
    path("first-run/subdistrict/", first_run.make_subdistrict, name="first-run-subdistrict"),
    path("first-run/specialist/", first_run.make_specialist, name="first-run-specialist"),
    path("first-run/publish/<int:pk>/", first_run.publish, name="first-run-publish"),
    path("first-run/srid/", first_run.suggest_srid, name="first-run-srid"),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("password/", OwnPassword.as_view(), name="password"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("boundaries.urls")),
    path("admin/", admin.site.urls),
]
