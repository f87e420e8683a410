// Pure parts of the comparison: what a tip says, and two maps that follow each other.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document ??= { documentElement: { lang: "en" } };
globalThis.document.documentElement ??= { lang: "en" };

const { pair } = await import("../../gridmap/static/gridmap/js/compare/tip.js");
const { together } = await import("../../gridmap/static/gridmap/js/compare/together.js");

test("figures of a grid: changed, the same, new, gone, unknown", () => {
  assert.equal(pair(1204, 1187, "people"), "1,204 → 1,187 people");
  assert.equal(pair(1204, 1204, "people"), "1,204 people");
  assert.equal(pair(undefined, 7, "people"), "7 people");
  assert.equal(pair(7, undefined, "people"), "7 → 0 people");
  assert.equal(pair(undefined, undefined, "people"), "");
});

// A map as far as following needs one: moving it fires "move", as Leaflet does.
function fake(name) {
  const heard = {};
  return {
    name, moves: 0, centre: name, zoom: 1,
    getCenter() { return this.centre; },
    getZoom() { return this.zoom; },
    setView(centre, zoom) {
      Object.assign(this, { centre, zoom, moves: this.moves + 1 });
      this.fire("move");
      this.fire("zoomend");
      return this;
    },
    on(event, action) { (heard[event] ??= new Set()).add(action); return this; },
    off(event, action) { heard[event]?.delete(action); return this; },
    fire(event) { for (const action of heard[event] ?? []) action(); },
  };
}

test("whoever moves one map moves the other, once, in both directions, until it ends", () => {
  const [one, other] = [fake("one"), fake("other")];
  const end = together(one, other);
  assert.equal(other.centre, "one", "the second joins the first");
  one.setView("north", 5);
  assert.deepEqual([other.centre, other.zoom], ["north", 5]);
  assert.deepEqual([one.centre, one.zoom], ["north", 5]);
  const before = one.moves;
  other.setView("south", 7);
  assert.deepEqual([one.centre, one.zoom], ["south", 7]);
  assert.ok(one.moves - before <= 2, "no echo");
  end();
  one.setView("alone", 3);
  assert.equal(other.centre, "south");
});

test("a map that is still zooming is followed once it has arrived", () => {
  const [one, other] = [fake("one"), fake("other")];
  together(one, other);
  one._animatingZoom = true;
  one.centre = "on the way";
  one.fire("move");
  assert.equal(other.centre, "one");
  one._animatingZoom = false;
  one.fire("zoomend");
  assert.equal(other.centre, "on the way");
});
