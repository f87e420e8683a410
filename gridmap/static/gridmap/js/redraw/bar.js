// What the tool at work asks for, and its buttons, above the map.
import { button, make, nameOf, numberOf } from "./figures.js";

/** `show(text, buttons, more)` with buttons as [label, action, main]; `targets(chosen, onChoose)` a choice of open grids. */
export function makeBar({ draft, hint, acts, words }) {
  return {
    show(text, buttons = [], more = null) {
      hint.textContent = text;
      acts.replaceChildren(...(more ? [more] : []), ...buttons.map(([label, action, main]) => button(label, action, { main, small: true })));
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
