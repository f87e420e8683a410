// Everything that is done by keys and by the buttons that stand for them.
import { shortcut } from "../page.js";

const $ = (id) => document.getElementById(id);

export function wireKeys({ use, tool, pen, draft, card, commands, saver, server, history, editable, snap }) {
  // --- the panel's two sides, as tabs ---
  const tabs = ["grids", "history"];
  function side(name) {
    for (const each of tabs) {
      const on = each === name;
      $(`tab-${each}`).setAttribute("aria-selected", on);
      $(`tab-${each}`).tabIndex = on ? 0 : -1;
      $(`redraw-${each}`).hidden = !on;
    }
    if (name === "history") history.draw();
  }
  for (const name of tabs) {
    $(`tab-${name}`).addEventListener("click", () => side(name));
    $(`tab-${name}`).addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tabs.find((each) => each !== name);
      side(other);
      $(`tab-${other}`).focus();
    });
  }
  shortcut("h", () => side($("redraw-history").hidden ? "history" : "grids"));

  shortcut("Escape", () => {
    if (saver.dismiss() || tool().cancel?.()) return;
    if (tool().name !== "select") use("select");
  });
  if (!editable) return;

  const undo = () => draft.canUndo && saver.step((head) => server.undo(head));
  const redo = () => draft.canRedo && saver.step((head) => server.redo(head));
  $("redraw-undo").addEventListener("click", undo);
  $("redraw-redo").addEventListener("click", redo);
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest?.("input, select, textarea, dialog")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    event.stopPropagation();
    // While something is drawn, the last corner is what one wants back.
    if (key === "z" && !event.shiftKey && pen.back()) return;
    if (key === "y" || event.shiftKey) redo();
    else undo();
  }, true);

  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => use(button.dataset.tool));
    shortcut(button.dataset.key, () => use(button.dataset.tool));
  }
  shortcut("x", () => tool().box?.());
  shortcut("Backspace", () => pen.back());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.closest?.("button, a, input, select, textarea, summary, tr, dialog") || document.querySelector("dialog[open]")) return;
    if (pen.name && pen.name !== "handles") {
      // The pen itself hears Enter where the map has the focus.
      if (!event.target.closest?.("#map")) pen.finish();
    } else tool().accept?.();
  });
  shortcut("l", () => draft.selected && commands.lock(draft.selected));
  shortcut("r", () => {
    if (!draft.selected) return;
    side("grids");
    card.edit();
  });

  const snapButton = $("redraw-snap");
  const toggle = () => {
    snap.set(!snap.get());
    snapButton.setAttribute("aria-pressed", snap.get());
  };
  snapButton.addEventListener("click", toggle);
  shortcut("n", toggle);
}
