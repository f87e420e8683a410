// The projection is suggested as soon as a place is given, by hand or by the browser's own location.
const form = document.getElementById("subdistrict-form");

if (form) {
  const lon = document.getElementById("centre-lon");
  const lat = document.getElementById("centre-lat");
  const status = document.getElementById("srid-status");
  const srid = form.elements.metric_srid;

  const suggest = async () => {
    if (!lon.value || !lat.value) return;
    const query = new URLSearchParams({ lon: lon.value, lat: lat.value });
    const response = await fetch(`${form.dataset.srid}?${query}`);
    const answer = await response.json();
    status.textContent = answer.fault ?? `EPSG:${answer.srid}`;
    if (answer.srid) srid.value = answer.srid;
  };
  lon.addEventListener("change", suggest);
  lat.addEventListener("change", suggest);
  document.getElementById("here").addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        lon.value = coords.longitude.toFixed(4);
        lat.value = coords.latitude.toFixed(4);
        suggest();
      },
      ({ message }) => (status.textContent = message),
    );
  });
}
document.querySelector(".is-next")?.scrollIntoView({ block: "nearest" });
