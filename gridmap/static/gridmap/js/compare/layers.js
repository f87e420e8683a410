// What a comparison puts on a map: the borders before, the ground that changes hands, the buildings that change grid.
import { onThemeChange, readTokens } from "../map/tokens.js";

const TOKENS = ["accent", "notice", "map-selected", "map-halo"];
const POINTS_AT_ONCE = 1500;

/**
 * Draw what differs on `map`. `onFace(feature)` and `onBuilding(feature)` hear clicks, `onHover(feature | null, event)` the pointer.
 *
 * The answer: `setData(document)` as the server gives it, `show(part, visible)` with part changed, was (the borders
 * before) or moves, `light({grids, points}, find)` to mark a selection, with `find(id)` giving the outlines of a grid.
 */
export function changeLayer(map, { onFace = () => {}, onBuilding = () => {}, onHover = () => {} } = {}) {
  const { L } = window;
  for (const [name, index] of [["changed", 360], ["was", 365], ["moves", 390], ["lit", 395]]) {
    const pane = map.createPane(name);
    pane.style.zIndex = index;
    if (name === "was" || name === "lit") pane.style.pointerEvents = "none";
  }
  let t = readTokens(TOKENS);
  // SVG: an empty spot lets the pointer through to the grids beneath, which a canvas would not.
  const svg = (pane) => L.svg({ pane, padding: 0.5 });
  const hear = (feature, layer, onClick) => {
    layer.on("click", (event) => {
      L.DomEvent.stop(event);
      onClick(feature);
    });
    layer.on("mouseover mousemove", (event) => onHover(feature, event));
    layer.on("mouseout", (event) => onHover(null, event));
  };
  // From afar the hatching would hide what lies beneath it: there a tint has to do.
  const isFar = () => map.getZoom() < 14;
  const faceStyle = () =>
    isFar()
      ? { color: t.accent, weight: 0.6, opacity: 0.9, fillColor: t.accent, fillOpacity: 0.35, className: "compare-face" }
      : { color: t.accent, weight: 1.5, opacity: 0.9, fillColor: "url(#compare-hatch)", fillOpacity: 1, className: "compare-face" };
  const wasStyle = () => ({ fill: false, color: t.notice, weight: isFar() ? 1 : 2, opacity: 0.95, dashArray: isFar() ? "3 2" : "5 4" });
  const faces = L.geoJSON(null, {
    pane: "changed",
    renderer: svg("changed"),
    style: faceStyle,
    onEachFeature: (feature, layer) => hear(feature, layer, onFace),
  }).addTo(map);
  const was = L.geoJSON(null, { pane: "was", renderer: svg("was"), interactive: false, style: wasStyle }).addTo(map);
  const moves = L.layerGroup().addTo(map);
  const moveRenderer = svg("moves");
  const lit = L.featureGroup().addTo(map);
  const litRenderer = svg("lit");
  let buildings = [];
  const parts = { changed: faces, moves, was };

  function drawBuildings() {
    moves.clearLayers();
    const bounds = map.getBounds().pad(0.2);
    const near = buildings.length > POINTS_AT_ONCE ? buildings.filter(({ geometry: { coordinates: [x, y] } }) => bounds.contains([y, x])) : buildings;
    if (near.length > POINTS_AT_ONCE || map.getZoom() < 13) return;
    const radius = map.getZoom() >= 16 ? 6 : map.getZoom() >= 15 ? 4 : 2.5;
    for (const feature of near) {
      const [lon, lat] = feature.geometry.coordinates;
      const dot = L.circleMarker([lat, lon], { pane: "moves", renderer: moveRenderer, radius, color: t.mapHalo, weight: radius / 4, fillColor: t.accent, fillOpacity: 1, className: "compare-dot" });
      hear(feature, dot, onBuilding);
      dot.addTo(moves);
    }
  }
  function restyle() {
    faces.setStyle(faceStyle);
    was.setStyle(wasStyle);
  }
  map.on("zoomend", restyle);
  map.on("moveend", drawBuildings);
  onThemeChange(() => {
    t = readTokens(TOKENS);
    restyle();
    drawBuildings();
  });

  return {
    setData(document) {
      for (const layer of [faces, was]) layer.clearLayers();
      faces.addData(document.changed);
      was.addData(document.before);
      was.setStyle(wasStyle);
      ({ buildings } = document);
      drawBuildings();
    },
    show(part, visible) {
      if (visible) parts[part].addTo(map);
      else parts[part].remove();
    },
    light({ grids = [], points = [] }, find) {
      lit.clearLayers();
      for (const feature of grids.flatMap(find)) {
        for (const [color, weight] of [[t.mapHalo, 7], [t.mapSelected, 3.5]]) {
          lit.addLayer(L.geoJSON(feature, { pane: "lit", renderer: litRenderer, interactive: false, style: { fill: false, color, weight, opacity: 1 } }));
        }
      }
      for (const [lon, lat] of points.slice(0, POINTS_AT_ONCE)) {
        lit.addLayer(L.circleMarker([lat, lon], { pane: "lit", renderer: litRenderer, interactive: false, radius: 10, fill: false, color: t.mapSelected, weight: 3 }));
      }
      return lit.getLayers().length ? lit.getBounds() : null;
    },
  };
}
