// The cartography of the town's own ground: what is drawn, in which order, how wide, with which words.
// Rules for protomaps-leaflet; `kit` is that library, so that this module can be tested without a browser.

const LAT = 30.7;

/** Pixels that `metres` take at map zoom `z`. */
export const pixels = (metres, z) => (metres * 2 ** z) / (156543.03392 * Math.cos((LAT * Math.PI) / 180));

// No street is thinner than this, or a town's streets vanish when seen from afar.
const LEAST = {
  motorway: [[11, 1.4], [14, 4], [17, 9]],
  avenue: [[11, 1], [14, 3], [17, 8]],
  street: [[12, 0.6], [14, 1.6], [17, 6]],
  lane: [[13, 0.4], [15, 1.2], [17, 4]],
  service: [[15, 0.6], [17, 2]],
  path: [[16, 0.6], [18, 1.2]],
};

/** The value of a stepwise linear function, `stops` being [zoom, value]. */
export function between(stops, z) {
  if (z <= stops[0][0]) return stops[0][1];
  for (let i = 1; i < stops.length; i++) {
    const [z1, v1] = stops[i];
    const [z0, v0] = stops[i - 1];
    if (z <= z1) return v0 + ((v1 - v0) * (z - z0)) / (z1 - z0);
  }
  return stops[stops.length - 1][1];
}

/** Width in pixels of a street of `rank` that is `metres` wide, at map zoom `z`. */
export const streetWidth = (rank, metres, z) => Math.max(between(LEAST[rank] ?? LEAST.path, z), pixels(metres, z));

const rank = (...names) => (_z, feature) => names.includes(feature.props.rank);
const kind = (...names) => (_z, feature) => names.includes(feature.props.kind);

export function paintRules(kit, t) {
  const { PolygonSymbolizer, LineSymbolizer } = kit;
  const fill = (dataLayer, filter, colour, more = {}) => ({
    dataSource: "ground",
    dataLayer,
    filter,
    symbolizer: new PolygonSymbolizer({ fill: colour, ...more }),
  });
  const width = (z, f) => streetWidth(f.props.rank, f.props.width, z);
  const street = (filter, colour, edge, minzoom = 0) => ({
    dataSource: "ground",
    dataLayer: "streets",
    minzoom,
    filter,
    symbolizer: new LineSymbolizer({
      color: colour,
      width: (z, f) => width(z, f) + (edge ? between([[13, 1], [17, 2]], z) : 0),
      lineCap: "round",
      lineJoin: "round",
    }),
  });
  const line = (dataLayer, filter, options, minzoom = 0) => ({
    dataSource: "ground",
    dataLayer,
    filter,
    minzoom,
    symbolizer: new LineSymbolizer({ lineJoin: "round", ...options }),
  });
  return [
    fill("land", kind("field"), t.mapField),
    fill("land", kind("square", "site", "sports"), t.mapSquare),
    fill("land", kind("park", "wood", "riverside"), t.mapGreen),
    fill("compounds", undefined, t.mapCompound, { stroke: t.mapCompoundLine, width: 1 }),
    fill("water", undefined, t.mapWater),
    // Casings first and all of them, then the streets from narrow to wide: crossings stay open.
    street(rank("service"), t.mapCasing, true, 17),
    street(rank("lane"), t.mapCasing, true, 15),
    street(rank("street"), t.mapCasing, true, 14),
    street(rank("avenue"), t.mapAvenueCasing, true, 12),
    street(rank("motorway"), t.mapAvenueCasing, true, 11),
    line("streets", rank("path"), { color: t.mapCasing, width: 1.2, dash: [3, 3], dashColor: t.mapCasing, dashWidth: 1.2 }, 16),
    street(rank("service"), t.mapStreet, false, 16),
    street(rank("lane"), t.mapStreet, false),
    street(rank("street"), t.mapStreet, false),
    street(rank("avenue"), t.mapAvenue, false),
    street(rank("motorway"), t.mapAvenue, false),
    line("streets", rank("rail"), { color: t.mapRail, width: 1.5, dash: [8, 5], dashColor: t.mapRail, dashWidth: 1.5 }),
    {
      dataSource: "buildings",
      dataLayer: "buildings",
      minzoom: 16,
      symbolizer: new PolygonSymbolizer({ fill: t.mapBuilding, stroke: t.mapBuildingLine, width: (z) => (z > 16 ? 0.8 : 0.4) }),
    },
  ];
}

/** `quiet` leaves the view from afar to names above the map: communities', where a page shows them. */
export function labelRules(kit, t, lang, quiet = false) {
  const { CenteredTextSymbolizer, LineLabelSymbolizer, LineLabelPlacement, Padding } = kit;
  const labelProps = lang.startsWith("zh") ? ["name"] : ["name_en", "name"];
  const text = (colour, size, weight = 400, more = {}) => ({
    labelProps,
    fill: colour,
    stroke: t.mapHalo,
    width: 3,
    fontFamily: t.font,
    fontSize: size,
    fontWeight: weight,
    ...more,
  });
  const spot = (name, options, minzoom, least) => ({
    dataSource: "ground",
    dataLayer: "labels",
    minzoom,
    filter: (z, f) => f.props.kind === name && f.props.size * 2 ** Math.max(0, z - 18) > least,
    sort: (a, b) => b.size - a.size,
    symbolizer: new Padding(5, new CenteredTextSymbolizer({ lineHeight: 1.25, maxLineChars: 14, ...options })),
  });
  const along = (names, minzoom, size, colour, weight) => ({
    dataSource: "ground",
    dataLayer: "streets",
    minzoom,
    filter: rank(...names),
    symbolizer: new LineLabelSymbolizer({
      ...text(colour, size, weight),
      position: LineLabelPlacement?.Center ?? 2,
      repeatDistance: 360,
      maxLabelChars: 32,
    }),
  });
  return [
    spot("water", text(t.mapWaterLabel, 12, 400, { fontStyle: "italic", letterSpacing: 2 }), quiet ? 15 : 13, 60),
    along(["motorway", "avenue"], quiet ? 15 : 14, 11.5, t.mapLabel, 500),
    spot("land", text(t.mapGreenLabel, 11.5, 500), quiet ? 15 : 14, 70),
    spot("compound", text(t.mapLabel, 12, 600), 15, 70),
    along(["street"], 15, 11, t.mapLabelSoft, 400),
    along(["lane", "service"], 17, 10.5, t.mapLabelSoft, 400),
    {
      dataSource: "buildings",
      dataLayer: "numbers",
      minzoom: 18,
      symbolizer: new CenteredTextSymbolizer({ ...text(t.mapLabel, 11, 500), labelProps: ["number"], width: 2 }),
    },
  ];
}
