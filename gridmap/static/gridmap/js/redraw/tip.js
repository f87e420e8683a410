// What the grid under the pointer holds, beside the pointer: on the other side of it near the map's right and lower edge.
const BESIDE = 14;

/** Keep `tip` up with the pointer on `map`; `text(latlng)` says what stands there, or null. The answer: `refresh()`. */
export function hoverTip(map, tip, text) {
  let last = null;
  function show() {
    const said = last && text(last.latlng);
    tip.hidden = !said;
    if (!said) return;
    tip.textContent = said;
    const { x: width, y: height } = map.getSize();
    const { x, y } = last.containerPoint;
    const left = x + BESIDE + tip.offsetWidth > width ? x - BESIDE - tip.offsetWidth : x + BESIDE;
    const top = y + BESIDE + tip.offsetHeight > height ? y - BESIDE - tip.offsetHeight : y + BESIDE;
    tip.style.transform = `translate(${Math.round(Math.max(0, left))}px, ${Math.round(Math.max(0, top))}px)`;
  }
  map.on("mousemove", (event) => {
    last = event;
    show();
  });
  map.on("mouseout movestart", () => {
    last = null;
    show();
  });
  return { refresh: show };
}
