// Pure parts of the town map's panel and of the search box.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document ??= {
  addEventListener() {},
  querySelector: () => null,
  querySelectorAll: () => [],
  getElementById: () => null,
};
globalThis.window ??= { addEventListener() {} };

const { loadLabels } = await import("../../gridmap/static/gridmap/js/town/legend.js");
const { grouped } = await import("../../gridmap/static/gridmap/js/town/list.js");
const { readHit } = await import("../../gridmap/static/gridmap/js/search.js");

const grid = (code, name, name_en, community) => ({ properties: { layer: "grid", code, name, name_en, community } });
const features = [
  { properties: { layer: "community", code: "004", name: "南街", name_en: "Nanjie" } },
  grid("004001", "南街第1网格", "Nanjie Grid 1", "004"),
  grid("004002", "南街小学", "Nanjie Primary School", "004"),
  grid("044001", "光华第1网格", "", "044"),
];

test("grids stand under their community, communities themselves do not", () => {
  const groups = grouped(features);
  assert.deepEqual([...groups.keys()], ["004", "044"]);
  assert.equal(groups.get("004").length, 2);
});

test("a filter finds names in both languages and codes, whatever the case", () => {
  const found = (text) => [...grouped(features, text).values()].flat().map(({ properties }) => properties.code);
  assert.deepEqual(found("primary"), ["004002"]);
  assert.deepEqual(found("光华"), ["044001"]);
  assert.deepEqual(found("4001"), ["004001", "044001"]);
  assert.deepEqual(found(" nowhere "), []);
});

test("the legend's classes follow one another without a gap", () => {
  assert.deepEqual(loadLabels(2500, String), ["< 1875", "1875 – 2250", "2250 – 2750", "2750 – 3125", "> 3125"]);
});

test("a hit reads in the reader's language, falling back to Chinese", () => {
  const hit = { kind: "compound", id: 7, title: "依云镇", title_en: "Yiyun Town", detail: "光华", note: "3栋 is the nearest", lon: 1, lat: 2, bbox: [0, 1, 2, 3] };
  assert.equal(readHit(hit, false).title, "Yiyun Town");
  assert.equal(readHit(hit, true).title, "依云镇");
  assert.equal(readHit({ ...hit, title_en: "" }, false).title, "依云镇");
  assert.equal(readHit(hit, true).detail, "光华 · 3栋 is the nearest");
  assert.equal(readHit({ ...hit, note: "" }, true).detail, "光华");
});
