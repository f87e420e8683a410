// Pure modules of the map, without a browser: node --test tests/js/
import assert from "node:assert/strict";
import { test } from "node:test";

import { formatView, parseView } from "../../gridmap/static/gridmap/js/map/address.js";
import { boxOf, classLimits, loadClass, tints } from "../../gridmap/static/gridmap/js/map/colours.js";
import { fitting, innerPoint } from "../../gridmap/static/gridmap/js/map/names.js";
import { between, labelRules, paintRules, pixels, streetWidth } from "../../gridmap/static/gridmap/js/map/style.js";
import { camel, MAP_TOKENS } from "../../gridmap/static/gridmap/js/map/tokens.js";

test("a view goes into the address and comes back", () => {
  const view = { grid: 12, place: null, zoom: 15, centre: { lon: 103.83512, lat: 30.70123 }, colour: "load", hide: ["names"] };
  assert.equal(formatView(view), "?grid=12&z=15&c=30.70123,103.83512&colour=load&hide=names");
  assert.deepEqual(parseView(formatView(view)), view);
});

test("defaults are left out and absurd values are nobody's view", () => {
  assert.equal(formatView({ grid: null, place: null, colour: "community", hide: [] }), "");
  const absurd = parseView("?grid=-3&z=99&c=200,10&colour=rainbow&p=,&hide=");
  assert.deepEqual(absurd, { grid: null, zoom: null, centre: null, place: null, colour: null, hide: [] });
  assert.equal(parseView("?c=30.7,").centre, null);
  assert.equal(parseView("?z=").zoom, null);
});

test("a place keeps six digits, a decimetre", () => {
  const query = formatView({ place: { lon: 103.83512345, lat: 30.70123456 } });
  assert.deepEqual(parseView(query).place, { lon: 103.835123, lat: 30.701235 });
});

test("the load's five classes meet at 10 and 25 per cent, and a limit itself is not exceeded", () => {
  const classes = [1874, 1875, 2249, 2250, 2500, 2750, 2751, 3125, 3126].map((people) => loadClass(people, 2500));
  assert.deepEqual(classes, [1, 2, 2, 3, 3, 3, 4, 4, 5]);
  assert.deepEqual(classLimits(2500), [1875, 2250, 2750, 3125]);
});

test("no figure or no target is no class, nought people is the lowest", () => {
  assert.equal(loadClass(undefined, 2500), 0);
  assert.equal(loadClass(100, 0), 0);
  assert.equal(loadClass(0, 2500), 1);
});

const square = (west, south, side = 1) => ({
  type: "Polygon",
  coordinates: [[[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]],
});

test("areas that touch get different tints, and the same areas the same ones in any order", () => {
  const areas = [0, 1, 2].flatMap((x) => [0, 1, 2].map((y) => ({ code: `${x}${y}`, geometry: square(x, y) })));
  const given = tints(areas, 8);
  for (const a of areas) {
    for (const b of areas) {
      const apart = Math.max(Math.abs(a.code[0] - b.code[0]), Math.abs(a.code[1] - b.code[1]));
      if (apart === 1 && a.code < b.code) assert.notEqual(given.get(a.code), given.get(b.code), `${a.code} ${b.code}`);
    }
  }
  assert.deepEqual(tints([...areas].reverse(), 8), given);
  assert.ok([...given.values()].every((tint) => tint >= 1 && tint <= 8));
});

test("more neighbours than tints still all get one", () => {
  const heap = Array.from({ length: 12 }, (_, index) => ({ code: String(index).padStart(2, "0"), geometry: square(0, 0) }));
  assert.equal(tints(heap, 4).size, 12);
});

test("the box of a multipolygon holds all its parts", () => {
  const geometry = { type: "MultiPolygon", coordinates: [square(0, 0).coordinates, square(5, -2).coordinates] };
  assert.deepEqual(boxOf(geometry), [0, -2, 6, 1]);
});

test("a name stands inside its shape, even in a horseshoe", () => {
  // ┌┐┌┐   the middle of the box lies in the gap
  // │└┘│
  const horseshoe = { type: "Polygon", coordinates: [[[0, 0], [5, 0], [5, 4], [4, 4], [4, 1], [1, 1], [1, 4], [0, 4], [0, 0]]] };
  const { lon, lat } = innerPoint(horseshoe);
  assert.ok(lat > 1 && lat < 4);
  assert.ok((lon > 0 && lon < 1) || (lon > 4 && lon < 5), `${lon}`);
});

test("of names that overlap the first stays", () => {
  assert.deepEqual(fitting([[0, 0, 10, 4], [5, 1, 10, 4], [30, 0, 10, 4], [10, 0, 10, 4]]), [0, 2, 3]);
});

test("widths are metres when near and never vanish from afar", () => {
  assert.ok(Math.abs(pixels(100, 18) - 194.7) < 0.5);
  assert.equal(streetWidth("avenue", 40, 18), pixels(40, 18));
  assert.equal(streetWidth("avenue", 2, 11), 1);
  assert.ok(streetWidth("unheard-of", 3, 12) > 0);
  assert.equal(between([[10, 0], [20, 10]], 15), 5);
  assert.equal(between([[10, 0], [20, 10]], 99), 10);
});

test("rules name sources and layers that the tiles have, from land to labels", () => {
  class Part {
    constructor(...options) {
      this.options = options;
    }
  }
  const kit = { PolygonSymbolizer: Part, LineSymbolizer: Part, CenteredTextSymbolizer: Part, LineLabelSymbolizer: Part, Padding: Part };
  const tokens = Object.fromEntries(MAP_TOKENS.map((name) => [camel(name), `--${name}`]));
  const known = {
    ground: ["water", "land", "streets", "communities", "compounds", "labels"],
    buildings: ["buildings", "numbers"],
  };
  const paint = paintRules(kit, tokens);
  for (const rule of [...paint, ...labelRules(kit, tokens, "zh-Hans")]) {
    assert.ok(known[rule.dataSource].includes(rule.dataLayer), rule.dataLayer);
  }
  assert.equal(paint[0].dataLayer, "land");
  assert.equal(paint.at(-1).dataLayer, "buildings");
  const colours = JSON.stringify(paint.map(({ symbolizer }) => symbolizer.options));
  assert.ok(!colours.includes("#"), "every colour comes from a token");
});

test("quiet leaves the view from afar to the page's own names", () => {
  const kit = new Proxy({}, { get: () => class {} });
  const first = (quiet) => Math.min(...labelRules(kit, {}, "en", quiet).map(({ minzoom }) => minzoom));
  assert.equal(first(false), 13);
  assert.equal(first(true), 15);
});
