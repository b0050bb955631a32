// The explorer: which address shows what, keys that work everywhere, and following a build that is at work.
import { ask, enter, Refused, reason } from "./ask.js";
import { h, measureOf, number, synsetUrl } from "./elements.js";
import { Overview } from "./overview.js";
import { moveInResults, showSearch } from "./search.js";
import { SynsetPage } from "./synset.js";
import { Tree } from "./tree.js";
import { Treemap } from "./treemap.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const BUSY_MS = 1500;
const QUIET_MS = 15000;
const TYPING_MS = 120;

const main = $("main");
const state = { run: null, page: null, key: null, href: "", typing: null, timer: 0 };
const tree = new Tree($("tree"), { onOpen: () => showSide(false) });
const viewer = new Viewer($("viewer"), { onClose: leavePicture, onMove: route });

// ---- addresses

function address() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts, given: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function route() {
  if (location.href === state.href) return; // a change of address is told twice
  state.href = location.href;
  const { parts, given } = address();
  const [view = "overview", name = "", , id] = parts;
  const show = given.get("show") ?? "all";
  const key = view === "synset" ? `synset/${name}/${show}` : view === "treemap" ? `treemap/${name}/${given.get("by")}` : parts.join("/");
  const isPicture = view === "synset" && parts[2] === "picture" && id;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (key !== state.key) open(view, name, show, given, key);
  if (isPicture) viewer.show(name, id, show);
  else viewer.hide();
}

function open(view, name, show, given, key) {
  state.page?.stop?.();
  state.key = key;
  const isSearch = view === "search";
  if (!isSearch) {
    state.typing?.abort();
    $("asked").value = "";
    window.scrollTo(0, 0);
    main.scrollTo(0, 0);
  }
  showSide(false);
  if (isSearch) {
    state.page = null;
    if ($("asked") !== document.activeElement) $("asked").value = name;
    document.title = `${name}: search`;
    state.typing?.abort();
    state.typing = new AbortController();
    tree.mark(null);
    showSearch(main, name, { signal: state.typing.signal });
  } else if (view === "synset") {
    state.page = new SynsetPage(main, name, show);
    state.page.start().then(() => state.key === key && revealed(state.page.said));
  } else if (view === "treemap") {
    document.title = "Treemap";
    state.page = new Treemap(main, name, given.get("by") === "synsets" ? "synsets" : "pictures");
    state.page.start();
    tree.mark(name || null);
  } else if (view === "overview") {
    state.page = new Overview(main, () => state.run);
    state.page.start();
    tree.mark(null);
  } else {
    state.page = null;
    main.replaceChildren(h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "#/" }, "To the overview")));
  }
}

// The tree shows where one is; on the way that is open already, if the synset has several.
async function revealed(said) {
  if (!said) return;
  await started;
  const ways = said.paths.map((way) => way.map((step) => step.wnid));
  const shown = $("tree").querySelector(`[data-wnid="${said.wnid}"]`);
  if (shown) {
    tree.mark(said.wnid);
    if (!$("tree").contains(document.activeElement)) shown.scrollIntoView({ block: "nearest" });
  } else if (ways.length) await tree.reveal(ways[0]);
}

function leavePicture({ wnid, id, show }) {
  const isInside = history.state?.from === "grid";
  viewer.hide();
  if (isInside) history.back();
  else location.replace(synsetUrl(wnid, show));
  state.page?.tiles?.focusOn(id);
}

// A picture that is opened from the page: closing it goes back to where one was.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href*='/picture/']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (viewer.isOpen && link.dataset.replace) history.replaceState(history.state, "", link.getAttribute("href"));
  else history.pushState({ from: viewer.isOpen ? "" : "grid" }, "", link.getAttribute("href"));
  route();
});

// ---- search

let typingTimer = 0;

function searchNow() {
  clearTimeout(typingTimer);
  const asked = $("asked").value.trim();
  const isThere = address().parts[0] === "search";
  if (!asked) {
    if (isThere) location.replace("#/");
    return;
  }
  const url = `#/search/${encodeURIComponent(asked)}`;
  if (isThere) {
    history.replaceState(history.state, "", url);
    route();
  } else location.hash = url;
}

$("asked").addEventListener("input", () => {
  clearTimeout(typingTimer);
  typingTimer = setTimeout(searchNow, TYPING_MS);
});
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const first = main.querySelector(".results a");
  const isCurrent = decoded(address().parts[1] ?? "") === $("asked").value.trim();
  if (address().parts[0] === "search" && isCurrent && first) location.hash = first.getAttribute("href");
  else searchNow();
});

// ---- keys

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || viewer.isOpen || $("keys").open) return;
  const isTyping = document.activeElement === $("asked");
  if (address().parts[0] === "search" && moveInResults(event, main, $("asked"))) return;
  if (event.key === "Escape" && isTyping) {
    $("asked").value = "";
    $("asked").blur();
    if (address().parts[0] === "search") history.back();
    return;
  }
  if (isTyping) return;
  const acts = { "/": () => $("asked").select(), t: toTree, "?": () => $("keys").showModal() };
  if (event.key === "/") $("asked").focus();
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});

function toTree() {
  showSide(true);
  tree.focus();
}

function showSide(isShown) {
  document.body.classList.toggle("with-side", isShown);
  $("menu").setAttribute("aria-expanded", String(isShown));
}

$("menu").addEventListener("click", () => showSide(!document.body.classList.contains("with-side")));
$("help").addEventListener("click", () => $("keys").showModal());
$("keys").addEventListener("click", (event) => event.target === $("keys") && $("keys").close());
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

// ---- following

async function look() {
  clearTimeout(state.timer);
  try {
    const said = await ask(`/api/run?version=${state.run?.version ?? ""}`);
    const isNew = Boolean(said.totals);
    const before = state.run;
    state.run = { ...state.run, ...said };
    showLive(null);
    if (before && isNew) await Promise.all([tree.refresh(), state.page?.refresh?.()]);
    if (isNew) $("tree-measure").textContent = measureOf(state.run.measure);
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return stranger(error.message);
    showLive(reason(error));
  }
  const isBusy = state.run?.building || state.run?.reading || !state.run;
  state.timer = setTimeout(look, isBusy ? BUSY_MS : QUIET_MS);
}

function showLive(trouble) {
  const { run } = state;
  const parts = [];
  if (trouble) parts.push(h("span", { class: "error" }, `${trouble} Trying again …`));
  else if (run.reading) parts.push(run.reading[1] ? `Reading the counts of the manifests: ${number(run.reading[0])} of ${number(run.reading[1])}` : "Reading the counts of the manifests …");
  else if (run.building) {
    const stage = run.stages?.find((one) => one.state !== "done");
    const done = stage && stage.total > 1 ? `: ${number(stage.done + stage.refused)} of ${number(stage.total)}` : "";
    parts.push(h("span", { class: "dot", "aria-hidden": "true" }), `A build is at work${stage ? `, ${stage.name}${done}` : ""}`);
  } else if (run.problem) parts.push(h("span", { class: "error" }, run.problem));
  const text = parts.map((part) => part.textContent ?? part).join("");
  if ($("live").dataset.text === text) return;
  $("live").dataset.text = text;
  $("live").replaceChildren(...parts);
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(state.timer) : look()));

// ---- coming in

function stranger(text) {
  main.replaceChildren(h("h1", {}, "This needs a link"), h("p", { role: "alert" }, text));
}

let started = Promise.resolve();

async function start() {
  const token = new URLSearchParams(location.search).get("token");
  if (token !== null) {
    history.replaceState(null, "", `/${location.hash}`); // the token does not stay in the address bar
    try {
      await enter(token);
    } catch (error) {
      return stranger(reason(error));
    }
  }
  await look();
  if (!state.run) return;
  $("home").textContent = state.run.name;
  started = tree.start().then((rows) => {
    $("tree-empty").hidden = rows > 0;
    $("tree-empty").textContent = "No synsets yet.";
    $("tree-head").hidden = !rows;
  }).catch(() => {});
  addEventListener("hashchange", route);
  addEventListener("popstate", route);
  route();
}

start();
