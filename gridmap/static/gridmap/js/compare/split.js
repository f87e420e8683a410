// The bar between maps and tables: drawn up or down by mouse, finger or arrow keys, and remembered.

const NAME = "compare-sheet";

/** Let `bar` set how much of `frame` the tables take, in per cent (the custom property --sheet). */
export function splitter(bar, frame) {
  const set = (share) => {
    const value = Math.round(Math.max(22, Math.min(80, share)));
    frame.style.setProperty("--sheet", `${value}%`);
    bar.setAttribute("aria-valuenow", value);
    try {
      localStorage.setItem(NAME, value);
    } catch {
      // A browser that keeps nothing: it lasts for this page.
    }
  };
  try {
    const stored = Number(localStorage.getItem(NAME));
    if (stored) set(stored);
  } catch {
    // As above.
  }
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    const box = frame.getBoundingClientRect();
    const move = (moved) => set((100 * (box.bottom - moved.clientY)) / box.height);
    bar.addEventListener("pointermove", move);
    bar.addEventListener("lostpointercapture", () => bar.removeEventListener("pointermove", move), { once: true });
  });
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 4, ArrowDown: -4 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    set(Number(bar.getAttribute("aria-valuenow")) + step);
  });
}
