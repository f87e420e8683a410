// The list of plans: one box ticks all communities of a new draft.
for (const box of document.querySelectorAll("[data-check-all]")) {
  const all = () => [...box.form.elements].filter((one) => one.name === box.dataset.checkAll);
  box.addEventListener("change", () => {
    for (const one of all()) one.checked = box.checked;
  });
  box.form.addEventListener("change", () => {
    const ticked = all().filter((one) => one.checked).length;
    box.checked = ticked === all().length;
    box.indeterminate = ticked > 0 && !box.checked;
  });
}
