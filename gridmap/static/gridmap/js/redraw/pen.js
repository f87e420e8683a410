// Drawing on the map: terra-draw behind a few words. One thing is drawn at a time.
import { TerraDraw, TerraDrawLineStringMode, TerraDrawModeUndoRedo, TerraDrawPolygonMode, TerraDrawRectangleMode, TerraDrawSelectMode } from "terra-draw";
import { TerraDrawLeafletAdapter } from "terra-draw-leaflet-adapter";
import { readTokens } from "../map/tokens.js";

// The library writes a style element for each pane, which our content policy refuses: set the depth on the pane itself.
// What is drawn must not keep the pointer from what lies below.
class Adapter extends TerraDrawLeafletAdapter {
  createPaneStyleSheet(name, depth) {
    const pane = this._map.getPane(name) ?? this._map.createPane(name);
    pane.style.zIndex = depth + 600;
    pane.style.pointerEvents = "none";
    return { remove() {} };
  }
}

const MODES = { line: "linestring", area: "polygon", box: "rectangle" };

/**
 * A pen on `map`. `onChange(geometry, done)` hears the line or area while it grows, in degrees; `done` when it is whole.
 * `onEmpty()` hears that nothing is left of it. `snap(lon, lat)` gives [lon, lat] to snap to, or null.
 */
export function makePen(map, { onChange, onEmpty = () => {}, snap }) {
  const colours = readTokens(["map-selected", "map-halo"]);
  const colour = colours.mapSelected;
  const point = { Color: colours.mapHalo, OutlineColor: colour, OutlineWidth: 2 };
  const points = (name, width) => ({ [`${name}Color`]: point.Color, [`${name}OutlineColor`]: colour, [`${name}OutlineWidth`]: 2, [`${name}Width`]: width });
  // The library refuses coordinates finer than its precision, and so would the server's lattice.
  const toCustom = ({ lng, lat }) => snap(lng, lat)?.map((value) => Number(value.toFixed(8)));
  const snapping = { toCustom };
  const fill = { fillColor: colour, fillOpacity: 0.14, outlineColor: colour, outlineWidth: 3 };
  const dots = { ...points("closingPoint", 6), ...points("snappingPoint", 5), ...points("coordinatePoint", 4) };
  const draw = new TerraDraw({
    adapter: new Adapter({ lib: window.L, map, coordinatePrecision: 8, minPixelDragDistance: 3 }),
    undoRedo: { modeLevel: new TerraDrawModeUndoRedo() },
    modes: [
      new TerraDrawLineStringMode({ snapping, pointerDistance: 14, showCoordinatePoints: true, styles: { lineStringColor: colour, lineStringWidth: 3, ...dots } }),
      new TerraDrawPolygonMode({ snapping, pointerDistance: 14, showCoordinatePoints: true, styles: { ...fill, ...dots } }),
      new TerraDrawRectangleMode({ drawInteraction: "click-move-or-drag", styles: fill }),
      new TerraDrawSelectMode({
        allowManualDeselection: false,
        pointerDistance: 18,
        keyEvents: null,
        flags: { linestring: { feature: { draggable: false, coordinates: { draggable: true, midpoints: { draggable: true }, deletable: true, snappable: snapping } } } },
        styles: { selectedLineStringColor: colour, selectedLineStringWidth: 4, ...points("selectionPoint", 7), ...points("midPoint", 4) },
      }),
    ],
  });
  let drawing = null;
  let started = false;
  let id = null;

  draw.on("change", (ids, type) => {
    if (!drawing) return;
    if (type === "delete") {
      if (id !== null && !draw.hasFeature(id)) onEmpty();
      return;
    }
    for (const each of ids) {
      const feature = draw.getSnapshotFeature(each);
      if (!feature || feature.geometry.type === "Point") continue;
      id = each;
      onChange(feature.geometry, false);
    }
  });
  draw.on("finish", (done, { action }) => {
    const feature = draw.getSnapshotFeature(done);
    if (drawing && feature && action === "draw") onChange(feature.geometry, true);
  });

  function begin(name) {
    if (!started) {
      draw.start();
      started = true;
    }
    draw.clear();
    id = null;
    drawing = name;
  }

  return {
    /** Begin to draw a line, an area or a box. */
    start(name) {
      begin(name);
      draw.setMode(MODES[name]);
    },
    /** Show a line with handles at its corners and between them. */
    handles(line) {
      begin("handles");
      // Without a pause the drag of a corner would not be felt: the line stays selected.
      draw.setMode("select");
      const coordinates = line.map((corner) => corner.map((value) => Number(value.toFixed(8))));
      const [added] = draw.addFeatures([{ type: "Feature", geometry: { type: "LineString", coordinates }, properties: { mode: "linestring" } }]);
      if (!added?.valid) return false;
      id = added.id;
      draw.selectFeature(id);
      return true;
    },
    /** What is drawn so far. */
    geometry: () => (id !== null && draw.hasFeature(id) ? draw.getSnapshotFeature(id).geometry : null),
    /** Close what is drawn as if by the last click. */
    finish: () => map.getContainer().dispatchEvent(new KeyboardEvent("keyup", { key: "Enter" })),
    /** Take the last corner back; false where there is none. */
    back: () => started && drawing !== "handles" && draw.canUndo() && draw.undo(),
    /** Take away what is drawn and put the pen down. */
    stop() {
      drawing = null;
      id = null;
      if (!started) return;
      draw.stop();
      started = false;
    },
    get name() {
      return drawing;
    },
  };
}
