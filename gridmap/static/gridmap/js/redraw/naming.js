// Asks for the names and the kind of a grid that is about to be carved.
import { format } from "./figures.js";

/** `ask({name, name_en}, sums)` opens the dialog; resolves with {name, name_en, kind}, or null where it was cancelled. */
export function nameDialog({ dialog, form, figures, words }) {
  return function ask(proposed, sums) {
    form.reset();
    form.name.value = proposed.name;
    form.name_en.value = proposed.name_en;
    figures.textContent = sums ? ["buildings", "households", "people"].map((name) => `${words.head[name]}: ${format(sums[name])}`).join(" · ") : "";
    dialog.returnValue = "cancel";
    dialog.showModal();
    form.name.focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "save" ? { name: form.name.value.trim(), name_en: form.name_en.value.trim(), kind: form.kind.value } : null), { once: true });
    });
  };
}
