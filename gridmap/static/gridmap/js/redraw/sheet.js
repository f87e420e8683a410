// The draft on the map: grids by their deviation, locks, buildings, and what a tool or a conflict points at.
import { gridLayer } from "../map/index.js";
import { boxOf } from "../map/colours.js";
import { innerPoint, nameLayer } from "../map/names.js";
import { readTokens } from "../map/tokens.js";
import { pointLayer } from "./points.js";
import { covers } from "./shapes.js";

const onMap = (feature) => ({ ...feature, properties: { ...feature.properties, layer: "grid" } });

function stripes(colour) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 10;
  const pen = canvas.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 3;
  pen.beginPath();
  for (const shift of [-10, 0, 10]) {
    pen.moveTo(shift, 0);
    pen.lineTo(shift + 10, 10);
  }
  pen.stroke();
  return pen.createPattern(canvas, "repeat");
}

/** Show `draft` on `map`. The answer has what tools need to point at ground. */
export function makeSheet(map, draft) {
  const { L } = window;
  const layer = gridLayer(map, { mode: "load" });
  const names = nameLayer(map);
  const points = pointLayer(map, draft);
  const locks = L.layerGroup().addTo(map);
  const marks = L.featureGroup().addTo(map);
  const hint = L.featureGroup().addTo(map);
  const contested = L.featureGroup().addTo(map);
  const pin = L.layerGroup().addTo(map);
  const boxes = new WeakMap();
  let communities = [];
  let marked = [];

  const loads = () => ({
    target: draft.target?.value ?? 0,
    measure: draft.target?.measure ?? "people",
    loads: Object.fromEntries([...draft.numbers].map(([id, sum]) => [id, [sum.buildings, sum.households, sum.people]])),
  });

  function decorate() {
    names.setData([...communities, ...[...draft.grids.values()].map(onMap)]);
    locks.clearLayers();
    for (const { geometry, properties } of draft.grids.values()) {
      if (!properties.locked) continue;
      const spot = innerPoint(geometry);
      const html = document.getElementById("redraw-lock-mark").content.cloneNode(true).firstElementChild;
      L.marker([spot.lat, spot.lon], { icon: L.divIcon({ className: "redraw-lock", html, iconSize: [20, 20], iconAnchor: [10, -4] }), interactive: false, keyboard: false }).addTo(locks);
    }
    points.paint();
  }

  function draw() {
    layer.setData({ features: [...communities, ...[...draft.grids.values()].map(onMap)] });
    layer.colourBy("load", loads());
    decorate();
  }

  draft.on("loaded", draw);
  draft.on("changed", (features, removed) => {
    layer.replace(features.map(onMap), removed);
    layer.colourBy("load", loads());
    decorate();
    // What is outlined follows its new shape at once, not only when the pointer moves.
    mark(marked);
  });
  draft.on("chosen", (id, { zoom }) => {
    layer.select(id);
    if (id && zoom) layer.zoomTo(id);
  });

  const colours = () => readTokens(["map-selected", "map-halo", "notice"]);
  const outline = (geometry, options) => L.geoJSON(geometry, { interactive: false, pane: "grid-selected", style: { fill: false, weight: 3, ...options } });

  function mark(ids) {
    marked = ids.filter((id) => draft.grids.has(id));
    marks.clearLayers();
    const { mapSelected } = colours();
    for (const id of marked) outline(draft.grids.get(id).geometry, { color: mapSelected, fill: true, fillColor: mapSelected, fillOpacity: 0.18 }).addTo(marks);
  }

  return {
    points,
    setCommunities(features) {
      communities = features;
      draw();
      layer.select(draft.selected);
    },
    /** The grid at a place, or null. */
    gridAt({ lat, lng }) {
      for (const feature of draft.grids.values()) {
        if (!boxes.has(feature)) boxes.set(feature, boxOf(feature.geometry));
        const [west, south, east, north] = boxes.get(feature);
        if (lng >= west && lng <= east && lat >= south && lat <= north && covers(feature.geometry, lng, lat)) return feature.id;
      }
      return null;
    },
    /** Outline the grids of a list: those a tool has picked. */
    mark,
    /** Show a shape faintly: the compound under the pointer, the drawing that waits for the server. */
    show(geometry) {
      hint.clearLayers();
      if (geometry) outline(geometry, { color: colours().mapSelected, dashArray: "6 5", fill: geometry.type.endsWith("Polygon"), fillOpacity: 0.12 }).addTo(hint);
    },
    /** Hatch the ground that others changed meanwhile. */
    contest(geometry) {
      contested.clearLayers();
      if (!geometry) return;
      const { notice } = colours();
      outline(geometry, { color: notice, weight: 2, fill: true, fillColor: stripes(notice), fillOpacity: 0.6 }).addTo(contested);
      map.fitBounds(contested.getBounds().pad(0.6), { maxZoom: 17 });
    },
    /** Point at a place that the server named, or at none. */
    point(place) {
      pin.clearLayers();
      if (!place) return;
      const at = [place[1], place[0]];
      L.marker(at, { icon: L.divIcon({ className: "redraw-pin", iconSize: [26, 26] }), interactive: false, keyboard: false }).addTo(pin);
      if (!map.getBounds().pad(-0.1).contains(at)) map.panTo(at);
    },
  };
}
