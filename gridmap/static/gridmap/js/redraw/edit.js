// The editor's page: one draft, one tool at work, one selection that stands in the address.
import { boxOf } from "../map/colours.js";
import { openMap } from "../map/index.js";
import { copyAddress, pageData, say, shortcut } from "../page.js";
import { inAddress, setAddress } from "../work/stage.js";
import { watchApproval } from "./approval.js";
import { makeBar } from "./bar.js";
import { borderTool } from "./border.js";
import { gridCard } from "./card.js";
import { carveTool, giveTool, splitTool } from "./drawing.js";
import { makeDraft } from "./draft.js";
import { format } from "./figures.js";
import { historyPanel } from "./history.js";
import { gridList } from "./list.js";
import { liveTable } from "./live.js";
import { wireKeys } from "./keys.js";
import { moveTool } from "./moving.js";
import { nameDialog } from "./naming.js";
import { makePen } from "./pen.js";
import { makeSaver } from "./saving.js";
import { planServer } from "./server.js";
import { makeSheet } from "./sheet.js";
import { covers, polygonsOf } from "./shapes.js";
import { snapTargets, snapTo } from "./snapping.js";
import { hoverTip } from "./tip.js";
import { mergeTool, selectTool, titledBy } from "./tools.js";

const SNAP_PIXELS = 12;
const SNAP_M = 2;
const $ = (id) => document.getElementById(id);
const data = pageData("map-data");
const words = pageData("redraw-words");
const touch = window.matchMedia("(pointer: coarse)");
if (touch.matches) Object.assign(words.hints, words.touch);
const server = planServer(data.api);
const draft = makeDraft();
const centre = inAddress("c")?.split(",").map(Number);
const map = openMap($("map"), {
  box: data.box, words, tiles: data.tiles, quiet: true,
  centre: centre?.every(Number.isFinite) && centre.length === 2 ? { lat: centre[0], lon: centre[1] } : null,
  zoom: Number(inAddress("z")) || null,
});
map.doubleClickZoom.disable();
const sheet = makeSheet(map, draft);
const live = liveTable($("redraw-live"), { draft, words });
const titled = titledBy(draft);
let ground = { communities: [], streets: [], compounds: [] };

// --- snapping ---------------------------------------------------------------------------------------------------
let snapping = true;
let targets = null;
draft.on("changed", () => (targets = null));
draft.on("loaded", () => (targets = null));
function snapped(lng, lat) {
  if (!snapping) return null;
  if (!targets) {
    const rings = [...draft.grids.values()].flatMap(({ geometry }) => polygonsOf(geometry).flat());
    targets = snapTargets(rings.flat(), [...rings, ...ground.streets.flat(), ...ground.compounds.flatMap(({ geometry }) => polygonsOf(geometry).flat())]);
  }
  return snapTo(targets, lng, lat, reach(SNAP_PIXELS));
}
/** Degrees of latitude that some pixels span. */
const reach = (pixels) => Math.abs(map.containerPointToLatLng([0, 0]).lat - map.containerPointToLatLng([0, pixels]).lat);

// --- the parts --------------------------------------------------------------------------------------------------
const history = historyPanel($("redraw-history"), {
  draft, server, words, undo: $("redraw-undo"), redo: $("redraw-redo"),
  onGo: data.editable ? (revision) => saver.step((head) => server.goTo(revision, head)) : null,
});
const saver = makeSaver({ draft, server, sheet, live, words, data, described: history.described, elements: { saving: $("redraw-saving") ?? document.createElement("span"), trouble: $("redraw-trouble") } });
const save = (command, more) => saver.send(command, more);
const commands = {
  lock(id) {
    const { locked } = draft.grids.get(id).properties;
    save({ command: locked ? "unlock" : "lock", grids: [id] }, { takeBack: draft.pretend(id, { locked: !locked }) });
  },
  change(id, { name, name_en, code, kind }) {
    const now = draft.grids.get(id).properties;
    if (name !== now.name || name_en !== (now.name_en ?? "")) save({ command: "rename", grid: id, name, name_en }, { takeBack: draft.pretend(id, { name, name_en }) });
    if (code !== now.code) save({ command: "recode", grid: id, code });
    if (kind !== now.kind) save({ command: "set_kind", grid: id, kind });
  },
  merge: (grids, into) => save({ command: "merge", grids, into }),
  move: (buildings, to) => save({ command: "move_buildings", buildings, to }),
};
const card = gridCard($("redraw-card"), { draft, words, texts: words.card, editable: data.editable, commands });
const list = gridList($("redraw-list"), { draft, words, filter: $("redraw-filter"), figures: $("redraw-figures"), onTake: (id) => take(id, { zoom: true }) });
const bar = makeBar({ draft, hint: $("redraw-hint"), acts: $("redraw-acts"), words });
const pen = makePen(map, {
  snap: snapped,
  onChange(geometry, done) {
    saver.dismiss();
    bar.drawn(true);
    tool.drawn?.(geometry, done);
  },
  onEmpty: () => bar.drawn(false),
});

const askName = nameDialog({ dialog: $("redraw-carve"), form: $("redraw-carve-form"), figures: $("redraw-carve-figures"), words });
const compoundAt = ({ lat, lng }) => ground.compounds.find(({ box: [west, south, east, north], geometry }) => lng >= west && lng <= east && lat >= south && lat <= north && covers(geometry, lng, lat)) ?? null;

// --- tools ------------------------------------------------------------------------------------------------------
const kit = { draft, map, sheet, list, pen, live, words, titled, hint: bar.show, targets: bar.targets, reach, save, refuse: saver.refuse, compoundAt, askName, snapM: () => (snapping ? { snap_m: SNAP_M } : {}), again: () => tool.enter() };
const makers = { select: selectTool, split: splitTool, merge: mergeTool, border: borderTool, give: giveTool, move: moveTool, carve: carveTool };
const tools = Object.fromEntries(Object.entries(makers).map(([name, maker]) => [name, { name, ...maker(kit) }]));
let tool = tools.select;
function use(name) {
  saver.dismiss();
  tool.leave?.();
  live.clear();
  tool = tools[name];
  for (const each of document.querySelectorAll("[data-tool]")) each.setAttribute("aria-pressed", each.dataset.tool === name);
  $("map").dataset.tool = name;
  setAddress("tool", name === "select" ? null : name);
  tool.enter();
}
function take(id, event) {
  saver.dismiss();
  tool.grid?.(id, event);
}
map.on("click", (event) => {
  if (pen.name && pen.name !== "handles") return;
  take(sheet.gridAt(event.latlng), event);
});
map.on("mousemove", (event) => tool.hover?.(event));
const tip = hoverTip(map, $("map-tip"), (latlng) => {
  const id = pen.name || touch.matches ? null : sheet.gridAt(latlng);
  if (!id) return null;
  const load = draft.numbers.get(id);
  return `${titled(id)} · ${format(load.people)} ${words.names.measures.people} · ${format(load.households)} ${words.names.measures.households}`;
});
draft.on("changed", tip.refresh);
watchApproval({ draft, waiting: data.waiting, badge: document.querySelector("[data-plan-state]"), strip: $("redraw-waits") });

draft.on("chosen", (id, { push = true } = {}) => push && setAddress("grid", id, { push: true }));
window.addEventListener("popstate", () => draft.choose(Number(inAddress("grid")) || null, { push: false, zoom: true }));
map.on("moveend", () => {
  const { lat, lng } = map.getCenter();
  setAddress("c", `${lat.toFixed(5)},${lng.toFixed(5)}`);
  setAddress("z", String(map.getZoom()));
});

wireKeys({ use, tool: () => tool, pen, draft, card, commands, saver, server, history, editable: data.editable, snap: { get: () => snapping, set: (on) => (snapping = on) } });
$("copy-link")?.addEventListener("click", () => copyAddress(words.names.copied));
shortcut("c", () => copyAddress(words.names.copied));
$("redraw-copy")?.addEventListener("click", () => server.copy(words.names.copyOf.replace("%s", data.name)).then(({ id }) => location.assign(data.page.replace("/0/", `/${id}/`)), (error) => say(error.message)));
$("redraw-take-back")?.addEventListener("click", () => server.takeBack().then(() => location.reload(), (error) => say(error.message)));

// --- others, and leaving ----------------------------------------------------------------------------------------
window.addEventListener("focus", async () => {
  if (!draft.grids.size || saver.unsaved()) return;
  const revisions = await saver.catchUp().catch(() => []);
  const names = [...new Set(revisions.map(({ by }) => by || words.names.nobody))];
  if (names.length) say(words.state.others.replace("%s", names.join(", ")));
});
window.addEventListener("beforeunload", (event) => {
  if (saver.unsaved() || (pen.name && pen.name !== "handles" && pen.geometry())) event.preventDefault();
});

// Where there is little room the map has it.
if (window.innerWidth < 1400) $("legend").open = false;

// --- data -------------------------------------------------------------------------------------------------------
async function load() {
  const note = $("map-state");
  try {
    const [plan, buildings] = await Promise.all([server.plan(), server.buildings()]);
    draft.load(plan, buildings);
  } catch (error) {
    note.querySelector("span").textContent = error.kind === "refused" ? error.message : words.state.failed;
    note.append(Object.assign(document.createElement("button"), { className: "button", textContent: words.buttons.again, onclick: () => location.reload() }));
    return;
  }
  note.hidden = true;
  draft.choose(Number(inAddress("grid")) || null, { push: false, zoom: !centre });
  const wanted = inAddress("tool");
  if (data.editable && tools[wanted]) use(wanted);
  else tool.enter();
  try {
    ground = await server.get(data.ground);
    for (const compound of ground.compounds) compound.box = boxOf(compound.geometry);
    draft.buildingNumbers = ground.numbers;
    targets = null;
    sheet.setCommunities(ground.communities);
  } catch {
    say(words.state.groundLost);
  }
}
document.documentElement.dataset.ready = "map";
load().finally(() => (document.documentElement.dataset.ready = "data"));
