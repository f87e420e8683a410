// Buildings as points on a canvas above the grids: thousands of them cost one pass over those in sight.
import { eachIn } from "./buildings.js";
import { onThemeChange, readTokens } from "../map/tokens.js";

const NEAR = 16;
const NEAR_FOR_MOVING = 14;

/** Draw the draft's buildings on `map`; `choose(indices)` marks some, `always(on)` shows them from farther away. */
export function pointLayer(map, draft) {
  const pane = map.createPane("buildings");
  pane.style.zIndex = 420;
  pane.style.pointerEvents = "none";
  const canvas = document.createElement("canvas");
  canvas.className = "redraw-points";
  pane.append(canvas);
  let chosen = new Set();
  let from = NEAR;
  let waiting = 0;
  let tokens = readTokens(["ink-2", "map-halo", "map-selected", "notice"]);

  function paint() {
    waiting = 0;
    const { x: width, y: height } = map.getSize();
    const ratio = window.devicePixelRatio || 1;
    window.L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const zoom = map.getZoom();
    const all = zoom >= from;
    if (!all && !chosen.size) return;
    const size = Math.max(2, Math.min(5, zoom - 13));
    const bounds = map.getBounds();
    const { lon, lat, override } = draft.buildings;
    const dot = (i, radius, fill, square) => {
      const { x, y } = map.latLngToContainerPoint([lat[i], lon[i]]);
      pen.beginPath();
      if (square) pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
      else pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fillStyle = fill;
      pen.fill();
      pen.stroke();
    };
    pen.strokeStyle = tokens.mapHalo;
    pen.lineWidth = 1.2;
    eachIn(draft.buildings, [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()], (i) => {
      if (chosen.has(i)) return;
      if (override[i]) dot(i, size + 1, tokens.notice, true);
      else if (all) dot(i, size, tokens.ink2, false);
    });
    pen.lineWidth = 2;
    for (const i of chosen) dot(i, size + 3, tokens.mapSelected, Boolean(override[i]));
  }
  const later = () => (waiting ||= requestAnimationFrame(paint));

  map.on("moveend zoomend resize viewreset", later);
  map.on("zoomstart", () => canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height));
  onThemeChange(() => {
    tokens = readTokens(["ink-2", "map-halo", "map-selected", "notice"]);
    later();
  });
  return {
    paint: later,
    choose(indices) {
      chosen = new Set(indices);
      later();
    },
    always(on) {
      from = on ? NEAR_FOR_MOVING : NEAR;
      later();
    },
  };
}
