// Publishing: decisions that ask first, and a page that looks again once the plan has taken effect.
const LONGEST = 24 * 3600;

/** Pure: milliseconds to wait for what begins in `seconds` by the server's clock; null where that is not today. */
export function waitFor(seconds) {
  return seconds === undefined || !(Number(seconds) <= LONGEST) ? null : Math.max(Number(seconds) + 1, 1) * 1000;
}

document.addEventListener("submit", (event) => {
  const text = event.target.dataset?.confirm;
  if (text && !window.confirm(text)) event.preventDefault();
});

const coming = document.querySelector("[data-begins-in]");
const wait = waitFor(coming?.dataset.beginsIn);
if (wait !== null) setTimeout(() => window.location.replace(coming.dataset.page), wait);
