"""A plan or a comparison as one HTML file with a map in it, that opens anywhere without any network.

folium draws the map. What its pages fetch from elsewhere is left out (jQuery, Bootstrap, icon fonts) or written into the file
(Leaflet, from django-leaflet's static files); instead of foreign tiles there is the town's own ground, simplified. The file
forbids itself every request with a content security policy of its own.

Counts by grid and by piece of ground (people only of ten households or more, see `gridmap.few`), and public names of
specialists; nothing of single buildings but their place, since a file goes where no permission follows it.
"""

import base64
import json
import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any, Final

import folium
import shapely
from branca.element import Element, Figure, MacroElement
from django.contrib.staticfiles import finders
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from folium.template import Template

from boundaries import comparing
from boundaries.models import Community, GridKind, Outline, Plan
from boundaries.models.constraints import local_name
from gridmap.carrying_over import Choices, propose
from gridmap.comparison import Comparison, Figures, compare
from gridmap.comparison.drawing import document
from gridmap.few import LeftOut, is_few, left_out
from gridmap.models import Submission
from gridmap.templatetags.compare_tags import hectares, pair, percent
from gridmap.views.loads import LIMITS

Json = dict[str, Any]
FINE: Final = 0.03
"""Below this extent in degrees (about 3 km) the ground shows the roads inside compounds too."""
MOST_LABELS: Final = 400

POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"

# One geometry for each kind of ground: a metre is lost in the corners, and nobody sees it below zoom 18.
_GROUND: Final = """
WITH box AS (SELECT ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326) AS box),
shapes AS (
  SELECT 'land' AS kind, area AS shape FROM boundaries_land, box WHERE area && box
  UNION ALL SELECT 'water', area FROM boundaries_water, box WHERE area && box
  UNION ALL SELECT 'compound', outline FROM boundaries_compound, box WHERE outline && box
  UNION ALL SELECT CASE WHEN rank IN ('motorway', 'avenue') THEN 'avenue' WHEN rank = 'rail' THEN 'rail' ELSE 'street' END, line
            FROM boundaries_street, box WHERE line && box AND rank = ANY(%(ranks)s)
)
SELECT kind, ST_AsGeoJSON(ST_Collect(ST_SimplifyPreserveTopology(shape, 0.00001)), 5)
FROM shapes GROUP BY kind
"""
_NAMES: Final = """
SELECT name, name_en, ST_X(spot), ST_Y(spot) FROM (
  SELECT name, name_en, ST_PointOnSurface(outline) AS spot, ST_Area(outline) AS size
  FROM boundaries_compound
  WHERE outline && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
) AS named ORDER BY size DESC LIMIT %(most)s
"""
_ORDER: Final = ("land", "water", "compound", "street", "avenue", "rail")


class _Offline(folium.Map):
    """A folium map that asks nobody for anything."""

    default_js: list[tuple[str, str]] = []
    default_css: list[tuple[str, str]] = []

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.labels: list[tuple[float, float, str, str]] = []


class _Labels(MacroElement):
    """Names on the map, the first of those that would cover each other, and a scale in metres only.

    folium's own marker would first fetch the picture of a pin.
    """

    _template = Template("""
        {% macro script(this, kwargs) %}
        (function (map) {
            const group = L.layerGroup().addTo(map);
            const names = {{ this.labels | tojson }};
            function draw() {
                group.clearLayers();
                const kept = [], bounds = map.getBounds().pad(0.1);
                for (const [lat, lon, text, kind] of names) {
                    if (!bounds.contains([lat, lon]) || (kind === "compound" && map.getZoom() < 15)) continue;
                    const spot = map.latLngToContainerPoint([lat, lon]);
                    let width = 8;
                    for (const letter of text) width += letter > "\u2e80" ? 13 : 7.5;
                    if (kept.some(([x, y, w]) => Math.abs(x - spot.x) * 2 < width + w && Math.abs(y - spot.y) < 16)) continue;
                    kept.push([spot.x, spot.y, width]);
                    const html = document.createElement("span");
                    html.textContent = text;
                    const icon = L.divIcon({className: "label label--" + kind, html: html, iconSize: [0, 0]});
                    L.marker([lat, lon], {icon: icon, interactive: false, keyboard: false}).addTo(group);
                }
            }
            map.on("moveend", draw);
            draw();
            L.control.scale({imperial: false}).addTo(map);
        })({{ this._parent.get_name() }});
        {% endmacro %}
    """)

    def __init__(self, labels: list[tuple[float, float, str, str]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # branca's own has no types
        self._name = "Labels"
        self.labels = labels


class _Verbatim(Element):
    """Text that goes into the file as it is: not a template."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def compared(plan: Plan, against: Plan | None = None, *, at: datetime | None = None) -> Comparison:
    """Compare a plan as it would stand once published: a draft's new grids have the leads that publication would give them,
    as the planner chose where it was submitted, else as the rules propose."""
    leads = None
    if plan.frozen_at is None:
        moment = at or timezone.now()
        waiting = Submission.objects.waiting().filter(plan=plan, head=plan.head_id).order_by("id").last()
        in_force = Outline.objects.in_force(moment).values("grid")
        if waiting or plan.outlines.exclude(grid__in=in_force).exists():
            communities = list(Community.objects.filter(outlines__plan=plan).distinct().order_by("code"))
            choices = Choices.from_json(waiting.choices) if waiting else None
            leads = propose(plan, communities, at=moment, choices=choices).leads()
    return compare(plan, against, at=at, leads=leads)


def comparison_html(comparison: Comparison) -> str:
    """The comparison as one HTML file in the active language."""
    drawn = document(comparison)
    sheet = _sheet(comparison)
    hidden = left_out(comparison, both=True)
    _grids(sheet, drawn["same"] + drawn["after"], comparison, hidden, both=True)
    _borders(sheet, drawn["communities"])
    _add(sheet, [_bare(each) for each in drawn["before"]], "was", name=_("Borders before"))
    ground = [_told_ground(each, comparison) for each in drawn["changed"]]
    _add(sheet, ground, "changed", name=_("Ground that changes grid"), tip=True)
    _add(sheet, [_bare(each) for each in drawn["buildings"]], "moves", name=_("Buildings that change grid"))
    folium.LayerControl(collapsed=False, position="topright").add_to(sheet)
    names = {"plan": comparison.after.plan, "other": comparison.before.plan or _("what is in force")}
    words = {
        "title": _("%(plan)s compared with %(other)s") % names,
        "comparison": comparison,
        "summary": comparison.summary,
        "without_people": hidden.moves,
        "grids": [(each, _colour(each.now), each.grid_id not in hidden.grids) for each in comparison.grids],
    }
    return _written(sheet, words)


def plan_html(comparison: Comparison) -> str:
    """The later side of a comparison alone as one HTML file in the active language; compare the plan with itself for it."""
    drawn = document(comparison)
    sheet = _sheet(comparison)
    hidden = left_out(comparison, both=False)
    _grids(sheet, drawn["same"] + drawn["after"], comparison, hidden, both=False)
    _borders(sheet, drawn["communities"])
    figures = comparison.after.figures.values()
    words = {
        "title": str(comparison.after.plan),
        "comparison": comparison,
        "whole": comparison.summary.after,
        "people": None if hidden.total else sum(each.load.people for each in figures),
        "households": sum(each.load.households for each in figures),
        "figures": [(each, _colour(each), each.load.grid_id not in hidden.grids) for each in figures],
    }
    return _written(sheet, words)


# --- the map --------------------------------------------------------------------------------------------------


def _sheet(comparison: Comparison) -> _Offline:
    drawn = [each.ground for side in (comparison.before, comparison.after) for each in side.state.values()]
    focus = [face.ground for face in comparison.faces] or drawn
    sheet = _Offline(
        tiles=None,
        zoom_control="bottomright",
        max_zoom=20,
        attributionControl=False,
        zoomSnap=0.5,
    )
    if drawn:
        west, south, east, north = (float(value) for value in shapely.total_bounds(drawn))
        pad = 0.15 * max(east - west, north - south)
        box = {"west": west - pad, "south": south - pad, "east": east + pad, "north": north + pad}
        _ground(sheet, box)
        left, low, right, high = (float(value) for value in shapely.total_bounds(focus))
        sheet.fit_bounds([[low, left], [high, right]], padding=(60, 60), max_zoom=16)
    return sheet


def _borders(sheet: _Offline, communities: list[Json]) -> None:
    """The communities, above the grids."""
    _add(sheet, [_bare(each) for each in communities], "border")
    for community in communities:
        spot = shapely.point_on_surface(shapely.geometry.shape(community["geometry"]))
        _label(sheet, _title(community["properties"]), spot.x, spot.y, "community")


def _bare(feature: Json) -> Json:
    """The ground alone."""
    return {**feature, "properties": {}}


def _ground(sheet: _Offline, box: dict[str, float]) -> None:
    is_fine = box["east"] - box["west"] < FINE * 1.3
    ranks = ["motorway", "avenue", "rail", "street", "lane", *(["service", "path"] if is_fine else [])]
    with connection.cursor() as cursor:
        cursor.execute(_GROUND, box | {"ranks": ranks})
        shapes = dict(cursor.fetchall())
        cursor.execute(_NAMES, box | {"most": MOST_LABELS})
        names = cursor.fetchall()
    for kind in _ORDER:
        if kind in shapes:
            only = {"type": "Feature", "id": 0, "geometry": json.loads(shapes[kind]), "properties": {}}
            _add(sheet, [only], f"ground-{kind}")
    for name, name_en, lon, lat in names:
        _label(sheet, local_name(name, name_en), lon, lat, "compound")


def _grids(
    sheet: _Offline, features: list[Json], comparison: Comparison, hidden: LeftOut, *, both: bool
) -> None:
    before, after = comparison.before.figures, comparison.after.figures
    shapes = comparing.shapes(
        [comparison.after.state[each["id"]].ground for each in features], comparison.srid
    )
    told = []
    for feature, shape in zip(features, shapes, strict=True):
        now, was = after[feature["id"]], before.get(feature["id"]) if both else None
        lines = [
            _title(feature["properties"]),
            feature["properties"]["code"],
            now.load.specialist_title or _("vacant"),
            *_figures(was, now, with_people=feature["id"] not in hidden.grids),
            hectares(shape.area_m2),
        ]
        told.append(_telling(feature, lines, _colour(now)))
    _add(sheet, told, "grid", name=_("Grids"), tip=True)


def _figures(was: Figures | None, now: Figures, *, with_people: bool) -> list[str]:
    """People, households, buildings and deviation of a grid, each with its arrow where it was another."""
    old, new = (was or now).load, now.load
    share = pair(percent((was or now).deviation), percent(now.deviation))
    people = _("%(number)s people") % {"number": pair(number_format(old.people), number_format(new.people))}
    return [
        *([people] if with_people else []),
        ngettext("%(number)s household", "%(number)s households", new.households)
        % {"number": pair(number_format(old.households), number_format(new.households))},
        ngettext("%(number)s building", "%(number)s buildings", new.buildings)
        % {"number": pair(number_format(old.buildings), number_format(new.buildings))},
        # of people it would tell them as well
        *([_("%(share)s against the target") % {"share": share}] if with_people and share.strip("–") else []),
    ]


def _told_ground(feature: Json, comparison: Comparison) -> Json:
    words = feature["properties"]
    names = []
    for key, side in (("before", comparison.before), ("after", comparison.after)):
        drawn = side.state.get(words[key])
        names.append(drawn.title if drawn else _("no grid"))
    lines = [
        _("from %(before)s to %(after)s") % {"before": names[0], "after": names[1]},
        # of a single farmhouse it would be the size of its household
        *(
            [_("%(number)s people") % {"number": number_format(words["people"])}]
            if not is_few(words["households"])
            else []
        ),
        ngettext("%(number)s household", "%(number)s households", words["households"])
        % {"number": number_format(words["households"])},
        ngettext("%(number)s building", "%(number)s buildings", words["buildings"])
        % {"number": number_format(words["buildings"])},
        hectares(words["area_m2"]),
    ]
    return _telling(feature, lines, "")


def _telling(feature: Json, lines: Iterable[str], classes: str) -> Json:
    """The feature with what its tooltip says. The tooltip is HTML, and names come from files that people upload."""
    first, *rest = (escape(line) for line in lines)
    return {**feature, "properties": {"tip": f"<b>{first}</b><br>{'<br>'.join(rest)}", "classes": classes}}


def _add(sheet: _Offline, features: list[Json], kind: str, *, name: str = "", tip: bool = False) -> None:
    """Put features on the map as one layer, which can be switched off if it has a name."""
    if not features:
        return
    layer = folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        name=escape(name),
        control=bool(name),
        style_function=lambda feature: {
            "className": f"{kind} {feature['properties'].get('classes', '')}".strip()
        },
        marker=folium.CircleMarker(radius=4) if kind == "moves" else None,
        tooltip=folium.GeoJsonTooltip(["tip"], labels=False) if tip else None,
        smooth_factor=0.5,
        interactive=tip,
    )
    layer.add_to(sheet)


def _label(sheet: "_Offline", text: str, lon: float, lat: float, kind: str) -> None:
    sheet.labels.append((round(lat, 6), round(lon, 6), text, kind))


def _title(words: Json) -> str:
    return local_name(words["name"], words["name_en"])


def _colour(figures: Figures) -> str:
    """The class of a grid's load around the target, as on the maps of the service."""
    if figures.load.kind == GridKind.DEDICATED:
        return "dedicated"
    found = figures.deviation
    if found is None:
        return "load-3"
    return f"load-{1 + sum(found >= limit if limit < 0 else found > limit for limit in LIMITS)}"


# --- the file -------------------------------------------------------------------------------------------------


def _written(sheet: _Offline, words: Json) -> str:
    _Labels(sorted(sheet.labels, key=lambda label: label[3] != "community")).add_to(sheet)
    figure = sheet.get_root()
    assert isinstance(figure, Figure)
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(words['title'])}</title><style>{_style()}</style><script>{_leaflet()}</script>"
    )
    # Before everything of folium's own, which takes Leaflet for granted.
    figure.header.add_child(_Verbatim(head), name="offline", index=0)
    words["is_synthetic"] = any(each.subdistrict.is_synthetic for each in words["comparison"].communities)
    panel = render_to_string("plans/report_panel.html", words)
    figure.html.add_child(_Verbatim(panel), name="panel")
    language = "zh-Hans" if (translation.get_language() or "").startswith("zh") else "en"
    html: str = figure.render()
    return html.replace("<html>", f'<html lang="{language}">', 1)


@lru_cache(maxsize=1)
def _leaflet() -> str:
    # The link to its map would have a browser's tools ask for a file that is not there.
    return re.sub(r"//# sourceMappingURL=.*", "", _static("leaflet/leaflet.js"))


@lru_cache(maxsize=1)
def _style() -> str:
    leaflet = re.sub(r"behavior: url\(#default#VML\);", "", _static("leaflet/leaflet.css"))
    leaflet = re.sub(r"url\(images/([\w.-]+)\)", lambda found: _image(found[1]), leaflet)
    return leaflet + _static("gridmap/css/tokens.css") + _static("gridmap/css/report.css")


def _image(name: str) -> str:
    return f"url(data:image/png;base64,{base64.b64encode(_path(f'leaflet/images/{name}').read_bytes()).decode()})"


def _static(name: str) -> str:
    return _path(name).read_text(encoding="utf-8")


def _path(name: str) -> Path:
    found = finders.find(name)
    if not found:
        raise FileNotFoundError(name)
    return Path(str(found))
