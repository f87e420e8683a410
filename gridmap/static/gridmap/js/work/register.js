// Placing register rows: choose a row, click its building, confirm; the next row is chosen by itself.
import { placeMark } from "gridmap/map";
import { load, openStage } from "./stage.js";

const { map, element } = openStage();
const spot = placeMark(map);
const list = document.getElementById("register");
const target = document.getElementById("register-building");
let row = null;

function choose(button) {
  row = button;
  for (const each of list.querySelectorAll("[data-register]")) each.setAttribute("aria-pressed", each === button);
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-register]");
  if (button) choose(button);
});
const ask = ({ lng, lat }) => {
  spot.put({ lon: lng, lat });
  load(`${element.dataset.building}?lon=${lng.toFixed(7)}&lat=${lat.toFixed(7)}`, target);
};
map.on("click", ({ latlng }) => ask(latlng));
element.addEventListener("keydown", (event) => event.key === "Enter" && event.target === element && ask(map.getCenter()));
target.addEventListener("click", (event) => {
  const found = target.querySelector("[data-found]");
  row ??= list.querySelector("[data-register]");
  if (!event.target.closest("[data-put]") || !found || !row) return;
  window.htmx
    .ajax("POST", row.dataset.place, { target: list, swap: "innerHTML", values: { building: found.dataset.found } })
    .then(() => {
      target.replaceChildren();
      spot.clear();
      choose(list.querySelector("[data-register]"));
    });
});
