// Pure: what the map shows, as a query string and back. Any view can be sent to a colleague.

export const COLOURS = ["community", "kind", "load", "none"];

const number = (text, low, high) => {
  const value = Number(text);
  return text !== null && text.trim() !== "" && Number.isFinite(value) && value >= low && value <= high ? value : null;
};

const pair = (text) => {
  const [lat, lon] = (text ?? "").split(",");
  const y = number(lat ?? null, -90, 90);
  const x = number(lon ?? null, -180, 180);
  return x === null || y === null ? null : { lon: x, lat: y };
};

/** Read «?grid=12&z=15&c=30.7,103.83&colour=load&p=30.7,103.83&hide=grids»; what is missing or absurd is null. */
export function parseView(search) {
  const query = new URLSearchParams(search);
  const colour = query.get("colour");
  return {
    grid: number(query.get("grid"), 1, Number.MAX_SAFE_INTEGER),
    zoom: number(query.get("z"), 0, 22),
    centre: pair(query.get("c")),
    place: pair(query.get("p")),
    colour: COLOURS.includes(colour) ? colour : null,
    hide: (query.get("hide") ?? "").split(",").filter(Boolean),
  };
}

const rounded = ({ lon, lat }, digits) => `${lat.toFixed(digits)},${lon.toFixed(digits)}`;

/** The inverse of `parseView`: nulls and defaults are left out, so that addresses stay short. */
export function formatView({ grid, zoom, centre, place, colour, hide }) {
  const query = [];
  if (grid) query.push(`grid=${grid}`);
  if (place) query.push(`p=${rounded(place, 6)}`);
  if (zoom !== null && zoom !== undefined) query.push(`z=${Math.round(zoom * 10) / 10}`);
  if (centre) query.push(`c=${rounded(centre, 5)}`);
  if (colour && colour !== "community") query.push(`colour=${colour}`);
  if (hide?.length) query.push(`hide=${hide.join(",")}`);
  return query.length ? `?${query.join("&")}` : "";
}
