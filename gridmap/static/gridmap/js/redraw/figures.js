// How figures are written here: with separators, deviations with a sign.
const zh = document.documentElement.lang.startsWith("zh");

export const format = new Intl.NumberFormat(zh ? "zh-CN" : "en", { maximumFractionDigits: 0 }).format;
export const percent = (value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(Math.round(value * 100))} %`);
export const nameOf = ({ name, name_en: english }) => (!zh && english) || name;
/** The three last digits of a code, by which people call a grid within its community. */
export const numberOf = ({ code }) => code.slice(-3);
/** «2026-11-24 10:13», as everywhere on these pages. */
export function timeOf(iso) {
  const at = new Date(iso);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** An element with a class and text or children. */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** A button that does `action`; `main` for the one that Enter means. */
export function button(text, action, { main = false, small = false } = {}) {
  const made = make("button", `button${main ? " button--main" : ""}${small ? " redraw-small" : ""}`, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}
