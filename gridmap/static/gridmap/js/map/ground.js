// The ground under everything: vector tiles of the town, drawn on canvas by protomaps-leaflet.
import { labelRules, paintRules } from "./style.js";
import { MAP_TOKENS, onThemeChange, readTokens } from "./tokens.js";

// Tiles of zoom z are drawn on 512 pixels, hence map zoom z + 1.
const SOURCES = {
  ground: { first: 8, last: 17 },
  buildings: { first: 15, last: 17 },
};

/** A Leaflet layer of the town's ground. `onLost(true|false)` hears when tiles fail to come, and when they do again. */
export function groundLayer({ lang = document.documentElement.lang, tiles = "/tiles", quiet = false, onLost = () => {} } = {}) {
  const kit = window.protomapsL;
  const tokens = readTokens(MAP_TOKENS);
  const layer = kit.leafletLayer({
    sources: Object.fromEntries(
      Object.entries(SOURCES).map(([name, { last }]) => [
        name,
        { url: `${tiles}/${name}/{z}/{x}/{y}.mvt`, maxDataZoom: last },
      ]),
    ),
    paintRules: paintRules(kit, tokens),
    labelRules: labelRules(kit, tokens, lang, quiet),
    backgroundColor: tokens.mapLand,
    attribution: "",
    maxZoom: 20,
    lang,
  });
  for (const [name, view] of layer.views) guard(view.tileCache.source, SOURCES[name].first, onLost);
  onThemeChange(() => {
    const fresh = readTokens(MAP_TOKENS);
    layer.paintRules = paintRules(kit, fresh);
    layer.labelRules = labelRules(kit, fresh, lang, quiet);
    layer.backgroundColor = fresh.mapLand;
    layer.clearLayout();
    layer.rerenderTiles();
  });
  return layer;
}

// The library asks for every zoom and takes any answer for a tile: ask only for zooms that exist, and count a
// failure as an empty tile that is not kept.
function guard(source, first, onLost) {
  const get = source.get.bind(source);
  source.get = async (coordinates, size) => {
    if (coordinates.z < first) return new Map();
    try {
      const tile = await get(coordinates, size);
      onLost(false);
      return tile;
    } catch (error) {
      if (error.name !== "AbortError") onLost(true);
      throw error;
    }
  };
}
