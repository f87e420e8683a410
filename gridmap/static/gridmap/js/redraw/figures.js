// How figures are written here: with separators, deviations with a sign.
const zh = document.documentElement.lang.startsWith("zh");

export const format = new Intl.NumberFormat(zh ? "zh-CN" : "en", { maximumFractionDigits: 0 }).format;
export const percent = (value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(Math.round(value * 100))} %`);
export const nameOf = ({ name, name_en: english }) => (!zh && english) || name;
/** The three last digits of a code, by which people call a grid within its community. */
export const numberOf = ({ code }) => code.slice(-3);
export const timeOf = (iso) => new Intl.DateTimeFormat(zh ? "zh-CN" : "en-GB", { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(iso));

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
