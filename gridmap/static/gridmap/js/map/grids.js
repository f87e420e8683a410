// Communities and grids as Leaflet vector layers on canvas: fills beneath, borders above, one of them selected.
import { loadClass, tints } from "./colours.js";
import { between } from "./style.js";
import { COLOUR_TOKENS, onThemeChange, readTokens } from "./tokens.js";

/** The GeoJSON of communities and grids, or an error whose message is the status. */
export async function fetchGrids(url, { signal } = {}) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

// Diagonal lines in `colour`: dedicated grids are told from all-purpose ones without any colour.
function hatching(colour, ground) {
  const side = 8;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  if (ground) {
    pen.fillStyle = ground;
    pen.globalAlpha = 0.6;
    pen.fillRect(0, 0, side, side);
    pen.globalAlpha = 1;
  }
  pen.strokeStyle = colour;
  pen.lineWidth = 1.4;
  pen.beginPath();
  for (const shift of [-side, 0, side]) {
    pen.moveTo(shift, side);
    pen.lineTo(shift + side, 0);
  }
  pen.stroke();
  return pen.createPattern(canvas, "repeat");
}

/**
 * Draw the grids on `map`. `onSelect(feature, event)` hears clicks, `onHover(feature | null, event)` the pointer.
 *
 * The answer: `setData(collection)`, `replace(features, removed)`, `colourBy(mode, loads)` with mode community, kind, load or none and loads
 * {target, measure, loads} as the server gives them, `select(id | null)`, `show(part, visible)` with part grids or
 * communities, `find(id)`, `zoomTo(id)`, `features()`.
 */
export function gridLayer(map, { onSelect = () => {}, onHover = () => {}, mode = "community" } = {}) {
  const { L } = window;
  for (const [name, index] of [["grid-fill", 320], ["grid-line", 350], ["grid-selected", 380]]) {
    const pane = map.createPane(name);
    pane.style.zIndex = index;
    if (name !== "grid-fill") pane.style.pointerEvents = "none";
  }
  const renderer = (pane) => L.canvas({ pane, padding: 0.4 });
  const fills = L.geoJSON(null, {
    pane: "grid-fill",
    renderer: renderer("grid-fill"),
    style: fillStyle,
    onEachFeature(feature, layer) {
      layer.on("click", (event) => onSelect(feature, event));
      layer.on("mouseover mousemove", (event) => onHover(feature, event));
      layer.on("mouseout", (event) => onHover(null, event));
    },
  }).addTo(map);
  const lineRenderer = renderer("grid-line");
  const lines = L.geoJSON(null, { pane: "grid-line", renderer: lineRenderer, interactive: false }).addTo(map);
  const rims = L.geoJSON(null, { pane: "grid-line", renderer: lineRenderer, interactive: false }).addTo(map);
  const chosen = L.geoJSON(null, { pane: "grid-selected", renderer: renderer("grid-selected"), interactive: false }).addTo(map);

  const byId = new Map();
  let tint = new Map();
  let loads = null;
  let selected = null;
  let t = readTokens(COLOUR_TOKENS);

  function colourOf({ id, properties }) {
    if (mode === "load" && loads) {
      const step = loadClass(figure(id), loads.target);
      return step ? token(`load-${step}`) : t.ink3;
    }
    if (mode === "kind") return properties.kind === "dedicated" ? t.kindDedicated : t.kindAll;
    return tintOf(properties.community);
  }
  const token = (name) => t[name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())];
  const tintOf = (community) => token(`area-${tint.get(community) ?? 1}`);
  const figure = (id) => loads?.loads[id]?.[loads.measure === "households" ? 1 : 2];

  function fillStyle(feature) {
    if (mode === "none") return { stroke: false, fill: true, fillOpacity: 0 };
    const colour = colourOf(feature);
    if (feature.properties.kind !== "dedicated") {
      return { stroke: false, fill: true, fillColor: colour, fillOpacity: strength() };
    }
    // A school has few residents and is no lighter work for it: its load is told in figures, not in colour.
    const ground = mode === "load" ? t.load3 : mode === "kind" ? null : colour;
    return { stroke: false, fill: true, fillColor: hatching(mode === "kind" ? t.kindDedicated : t.ink3, ground), fillOpacity: strength() };
  }
  // The nearer, the more the ground is what one looks at.
  const strength = () => (mode === "load" ? between([[14, 0.85], [16, 0.6], [18, 0.3]], map.getZoom()) : between([[14, 0.7], [16, 0.4], [18, 0.2]], map.getZoom()));
  const lineStyle = () => ({ fill: false, color: t.mapGrid, weight: map.getZoom() >= 15 ? 1.2 : 0.8, opacity: 0.65 });
  const rimStyle = () => ({ fill: false, color: t.mapCommunity, weight: map.getZoom() >= 15 ? 2.6 : 2, opacity: 0.75 });

  function restyle() {
    map.getPane("grid-fill").classList.toggle("is-figure", mode === "load");
    fills.setStyle(fillStyle);
    lines.setStyle(lineStyle);
    rims.setStyle(rimStyle);
    select(selected);
  }

  function select(id) {
    selected = id;
    chosen.clearLayers();
    const feature = byId.get(id);
    if (!feature) return;
    for (const [color, weight] of [[t.mapHalo, 7], [t.mapSelected, 4]]) {
      chosen.addLayer(L.geoJSON(feature, { pane: "grid-selected", interactive: false, style: { fill: false, color, weight, opacity: 1 } }));
    }
  }

  map.on("zoomend", () => {
    fills.setStyle(fillStyle);
    lines.setStyle(lineStyle);
    rims.setStyle(rimStyle);
  });
  onThemeChange(() => {
    t = readTokens(COLOUR_TOKENS);
    restyle();
  });

  return {
    setData({ features }) {
      const communities = features.filter((feature) => feature.properties.layer === "community");
      const grids = features.filter((feature) => feature.properties.layer === "grid");
      tint = tints(communities.map(({ properties, geometry }) => ({ code: properties.code, geometry })));
      byId.clear();
      for (const grid of grids) byId.set(grid.id, grid);
      for (const layer of [fills, lines, rims]) layer.clearLayers();
      fills.addData(grids);
      lines.addData(grids).setStyle(lineStyle);
      rims.addData(communities).setStyle(rimStyle);
      select(selected);
    },
    /** Bring in grids that changed, by id, and take away those of the ids `removed`. */
    replace(features, removed = []) {
      const stale = new Set([...removed, ...features.map(({ id }) => id)]);
      for (const group of [fills, lines]) group.eachLayer((layer) => stale.has(layer.feature.id) && group.removeLayer(layer));
      for (const id of removed) byId.delete(id);
      for (const feature of features) byId.set(feature.id, feature);
      fills.addData(features);
      lines.addData(features).setStyle(lineStyle);
      select(selected);
    },
    colourBy(next, figures = loads) {
      mode = next;
      loads = figures;
      restyle();
    },
    select,
    show(part, visible) {
      for (const layer of part === "communities" ? [rims] : [fills, lines]) {
        if (visible) layer.addTo(map);
        else layer.remove();
      }
    },
    find: (id) => byId.get(id),
    zoomTo(id, options = {}) {
      const feature = byId.get(id);
      if (feature) map.flyToBounds(L.geoJSON(feature).getBounds(), { padding: [80, 80], maxZoom: 17, duration: 0.4, ...options });
    },
    features: () => [...byId.values()],
    tintOf,
    figure,
  };
}
