// Names of communities from afar and numbers of grids from near, as HTML above the canvas; none covers another.

/** Pure: indices of the boxes [x, y, width, height] (centre and size, by rank) that fit without overlap. */
export function fitting(boxes) {
  const kept = [];
  boxes.forEach(([x, y, width, height], index) => {
    const free = kept.every((other) => {
      const [ox, oy, ow, oh] = boxes[other];
      return Math.abs(x - ox) * 2 >= width + ow || Math.abs(y - oy) * 2 >= height + oh;
    });
    if (free) kept.push(index);
  });
  return kept;
}

// The middle of the longest inner stretch of the shape's middle line: inside even where the shape is a horseshoe.
export function innerPoint(geometry) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const rings = polygons.reduce((best, polygon) => (polygon[0].length > best[0].length ? polygon : best));
  const ys = rings[0].map((point) => point[1]);
  const y = (Math.min(...ys) + Math.max(...ys)) / 2 + 1e-9;
  const crossings = [];
  for (const ring of rings) {
    for (let i = 1; i < ring.length; i++) {
      const [[x0, y0], [x1, y1]] = [ring[i - 1], ring[i]];
      if (y0 > y !== y1 > y) crossings.push(x0 + ((x1 - x0) * (y - y0)) / (y1 - y0));
    }
  }
  crossings.sort((a, b) => a - b);
  let best = [rings[0][0][0], rings[0][0][0]];
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    if (i === 0 || crossings[i + 1] - crossings[i] > best[1] - best[0]) best = [crossings[i], crossings[i + 1]];
  }
  return { lon: (best[0] + best[1]) / 2, lat: y };
}

const NUMBERS_FROM = 15;
const NAMES_UNTIL = 16;

/** Put names on `map`; `setData(features)` with communities and grids of the GeoJSON. */
export function nameLayer(map, { lang = document.documentElement.lang } = {}) {
  const { L } = window;
  const pane = map.createPane("names");
  pane.style.zIndex = 450;
  pane.style.pointerEvents = "none";
  const group = L.layerGroup().addTo(map);
  const zh = lang.startsWith("zh");
  let names = [];
  let visible = true;

  function draw() {
    group.clearLayers();
    if (!visible) return;
    const zoom = map.getZoom();
    const bounds = map.getBounds().pad(0.1);
    const shown = names.filter(
      ({ layer, spot }) => (layer === "community" ? zoom <= NAMES_UNTIL : zoom >= NUMBERS_FROM) && bounds.contains([spot.lat, spot.lon]),
    );
    const boxes = shown.map(({ text, layer, spot }) => {
      const { x, y } = map.latLngToContainerPoint([spot.lat, spot.lon]);
      const size = layer === "community" ? 14 : 12;
      const width = [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 1 : 0.58), 0) * size;
      return [x, y, width + 16, size + 12];
    });
    for (const index of fitting(boxes)) {
      const { text, layer, spot } = shown[index];
      const label = document.createElement("span");
      label.textContent = text;
      const icon = L.divIcon({ className: `map-name map-name--${layer}`, html: label, iconSize: [0, 0] });
      L.marker([spot.lat, spot.lon], { icon, pane: "names", interactive: false, keyboard: false }).addTo(group);
    }
  }
  map.on("moveend", draw);

  return {
    setData(features) {
      names = features.map(({ properties, geometry }) => ({
        layer: properties.layer,
        text: properties.layer === "grid" ? properties.code.slice(-3) : (!zh && properties.name_en) || properties.name,
        spot: innerPoint(geometry),
      }));
      draw();
    },
    show(on) {
      visible = on;
      draw();
    },
  };
}
