/** Give `layer` a tooltip of plain text. Leaflet takes a string for HTML, and labels come from files that people upload. */
export function textTip(layer, text) {
  const tip = document.createElement("span");
  tip.textContent = text;
  return layer.bindTooltip(tip);
}
