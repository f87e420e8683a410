// What the tool at work asks for, and its buttons, above the map.
import { button, make, nameOf, numberOf } from "./figures.js";

/**
 * `show(text, buttons, more)` with buttons as [label, action, main, needsDrawing]; `drawn(yes)` says whether anything is
 * drawn; `targets(chosen, onChoose)` is a choice of open grids.
 */
export function makeBar({ draft, hint, acts, words }) {
  function drawn(yes) {
    for (const each of acts.querySelectorAll("[data-needs-drawing]")) each.disabled = !yes;
  }
  return {
    drawn,
    show(text, buttons = [], more = null) {
      hint.textContent = text;
      const made = buttons.map(([label, action, main, needsDrawing]) => {
        const each = button(label, action, { main, small: true });
        if (needsDrawing) each.dataset.needsDrawing = "";
        return each;
      });
      acts.replaceChildren(...(more ? [more] : []), ...made);
      drawn(false);
    },
    targets(chosen, onChoose) {
      const open = draft.sorted().filter(({ properties }) => !properties.locked);
      const select = make("select", "input", new Option(words.buttons.to, ""), ...open.map(({ id, properties }) => new Option(`${numberOf(properties)} ${nameOf(properties)}`, id)));
      select.value = chosen ?? "";
      select.setAttribute("aria-label", words.buttons.to);
      select.addEventListener("change", () => select.value && onChoose(Number(select.value)));
      return select;
    },
  };
}
