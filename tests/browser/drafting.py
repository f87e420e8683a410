"""Pieces of the editor's browser tests: a draft of the tiny town, and hands that click and pull at places in degrees."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import shapely
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from boundaries.models import Grid, Outline, Plan, Revision
from gridmap.actions.drafts import start_draft
from tests.browser.people import sign_in
from tests.factories import CELL, SOUTH, WEST
from tests.gridmap.conftest import Cast

ZOOM = 17
CENTRE = (WEST + 1.5 * CELL, SOUTH + 1.5 * CELL)

Place = tuple[float, float]


def draft_of(cast: Cast, *, communities: Iterable[int] = (0, 1, 2), name: str = "重划草案") -> Plan:
    """A draft of some communities of the tiny town, from the plan in force."""
    chosen = [cast.town.communities[each] for each in communities]
    return start_draft(
        subdistrict=cast.town.subdistrict, communities=chosen, name=name, by=cast.user("planner")
    )


def at(column: float, row: float) -> Place:
    """A place in cells from the town's north-west corner: (1.5, 1.5) is the middle of grid 1,1."""
    return WEST + CELL * column, SOUTH + CELL * (3 - row)


@dataclass
class Editor:
    """The editor in a browser, open on one draft. Places are degrees; `numbers` reads what the page foretells."""

    page: Page
    server: LiveServer
    cast: Cast
    plan: Plan
    zoom: int = ZOOM
    box: dict[str, float] = field(default_factory=dict)

    def open(self, *, who: str = "planner", query: str = "") -> "Editor":
        """Sign in and open the page with the town's middle in the map's middle."""
        sign_in(self.page, self.server, self.cast.user(who))
        self.page.goto(
            f"{self.server.url}/planner/plans/{self.plan.pk}/?c={CENTRE[1]},{CENTRE[0]}&z={self.zoom}{query}"
        )
        self.ready()
        return self

    def ready(self) -> None:
        """Wait for the draft's data and the map's size."""
        self.page.wait_for_selector("html[data-ready=data]")
        self.page.wait_for_load_state("networkidle")
        box = self.page.locator("#map").bounding_box()
        assert box
        self.box = {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}

    def pixel(self, place: Place) -> tuple[float, float]:
        """Where the place is on the screen: Web Mercator around the map's middle."""

        def world(lon: float, lat: float) -> tuple[float, float]:
            size = 256 * 2**self.zoom
            y = 0.5 - math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)) / (2 * math.pi)
            return (lon / 360 + 0.5) * size, y * size

        (x, y), (cx, cy) = world(*place), world(*CENTRE)
        return self.box["x"] + self.box["width"] / 2 + x - cx, self.box["y"] + self.box["height"] / 2 + y - cy

    def click(self, place: Place, *, twice: bool = False) -> None:
        """Move there and click."""
        x, y = self.pixel(place)
        self.page.mouse.move(x, y, steps=3)
        if twice:
            self.page.mouse.dblclick(x, y)
        else:
            self.page.mouse.click(x, y)

    def draw(self, *places: Place) -> None:
        """Click each, the last one twice."""
        for place in places[:-1]:
            self.click(place)
        self.click(places[-1], twice=True)

    def hover(self, place: Place) -> None:
        """Move the pointer there."""
        self.page.mouse.move(*self.pixel(place), steps=4)

    def pull(self, start: Place, end: Place) -> None:
        """Press at one place, pull to another, and keep the button down."""
        self.page.mouse.move(*self.pixel(start), steps=2)
        self.page.mouse.down()
        self.page.mouse.move(*self.pixel(end), steps=8)

    def tap(self, place: Place) -> None:
        """Touch the screen there."""
        self.page.touchscreen.tap(*self.pixel(place))

    def live(self, grid: Grid | None, measure: str = "people") -> Any:
        """The figure foretold for a grid, None for the one that would be new."""
        row = f"#redraw-live tr[data-live='{grid.pk if grid else 0}']"
        return self.page.locator(f"{row} [data-measure={measure}] strong").first

    def listed(self, grid: Grid) -> Any:
        """The grid's row of the list."""
        return self.page.locator(f"#redraw-list tr[data-grid='{grid.pk}']")

    def saved(self) -> None:
        """Wait until the edit is saved."""
        expect(self.page.locator("#redraw-saving")).to_have_attribute("data-state", "saved")

    # --- the database ---
    def grid(self, row: int, column: int) -> Grid:
        """A grid of the tiny town."""
        return self.cast.town.grids[row][column]

    def outline(self, grid: Grid) -> Outline:
        """Its outline in the draft."""
        return Outline.objects.get(plan=self.plan, grid=grid)

    def shape(self, grid: Grid) -> shapely.Geometry:
        """Its ground in the draft."""
        return shapely.from_wkb(bytes(self.outline(grid).polygon.wkb))

    def commands(self) -> list[str]:
        """What was done to the draft, in order."""
        return list(Revision.objects.filter(plan=self.plan).order_by("id").values_list("command", flat=True))

    def homes(self, grid: Grid) -> int:
        """People of the buildings that lie on the grid's ground in the draft, counted apart from all other code."""
        shape = self.shape(grid)
        total = 0
        for row in self.cast.town.buildings:
            for cell in row:
                for building in cell:
                    assert building.point
                    if shape.contains(shapely.Point(building.point.x, building.point.y)):
                        total += sum(home.head_count or 0 for home in building.households.all())
        return total
