// The annotator: a page of pictures at a time.
import { Grid, pictureUrl } from "./annotate_grid.js";
import { ask, Memory, Outbox, randomId, Refused } from "./annotate_sending.js";

const $ = (id) => document.getElementById(id);
const HISTORY = 20;

const state = {
  me: null,
  page: null, // what the server told of the page on the screen
  ready: [], // pages in hand that come next
  isFinished: false,
};
const memory = new Memory(() => state.me, (text) => say(text));
const outbox = new Outbox(memory, {
  onChange: showWaiting,
  onStranger: () => join(),
  onRefused: (text) => say(`A page was not taken: ${text}`),
  onEmpty: () => {
    if (state.page) prefetch();
    else if (!$("done").hidden || !$("work").hidden) next();
  },
});

const grid = new Grid($("grid"), {
  onAnswers: (answers) => state.page && memory.remember("draft", { page: state.page.page, answers }),
  onTally: (text, isReady) => {
    $("tally").textContent = text;
    $("send").disabled = !isReady;
  },
  onZoom: (source) => {
    $("zoom-image").src = source;
    $("zoom").showModal();
  },
});

// ---- pages that come

function inHand() {
  const waiting = outbox.queue.map((item) => item.page);
  return [...waiting, ...state.ready.map((page) => page.page), ...(state.page ? [state.page.page] : [])];
}

async function fetchPage() {
  for (;;) {
    const page = await ask(`/api/page?have=${inHand().map(encodeURIComponent).join(",")}`);
    if (!page.searching) return page;
  }
}

let fetching = null;

function prefetch() {
  if (fetching || state.ready.length) return fetching;
  fetching = fetchPage()
    .then((page) => {
      state.isFinished = page.page === null;
      if (page.page !== null && !inHand().includes(page.page)) {
        state.ready.push(page);
        for (let place = 0; place < page.pictures; place++) new Image().src = pictureUrl(page, place);
      }
    })
    .catch((error) => {
      if (error instanceof Refused && error.status === 401) join();
    })
    .finally(() => {
      fetching = null;
    });
  return fetching;
}

// ---- pages that go

function showWaiting() {
  const count = outbox.queue.length;
  const pages = count === 1 ? "1 page is" : `${count} pages are`;
  $("waiting").textContent = count > 1 || (count && outbox.isRetrying) ? `${pages} waiting to be sent` : "";
}

function send() {
  if (!state.page || grid.loading > 0) return;
  const { page } = state;
  const { answers } = grid;
  const now = grid.sinceShown();
  const milliseconds = grid.spent.map((spent) => spent ?? now);
  outbox.add({ submission: randomId(), page: page.page, answers, milliseconds }); // first of all: nothing is lost
  memory.remember("history", [...memory.recall("history", []), { page, answers }].slice(-HISTORY));
  memory.forget("draft");
  state.page = null;
  outbox.drain();
  next();
}

async function undo() {
  const history = memory.recall("history", []);
  const last = history.at(-1);
  if (!last) return say("There is no earlier page.");
  if (!outbox.takeBack(last.page.page)) {
    try {
      await ask("/api/undo", { submission: randomId(), page: last.page.page });
    } catch (error) {
      return say(error instanceof Refused ? error.message : "Going back needs a connection.");
    }
  }
  memory.remember("history", history.slice(0, -1));
  if (state.page) state.ready.unshift(state.page);
  showWaiting();
  show(last.page, last.answers);
}

// ---- the page

async function next() {
  if (!state.ready.length) {
    $("send").disabled = true;
    await prefetch();
  }
  if (state.page) return;
  if (state.ready.length) {
    const page = state.ready.shift();
    const draft = memory.recall("draft", null);
    show(page, draft?.page === page.page ? draft.answers : null);
    return;
  }
  finished();
}

function finished() {
  const waiting = outbox.queue.length;
  $("done-about").textContent = waiting
    ? "There is no connection. Your answers are kept here and will be sent when it is back."
    : state.isFinished
      ? "Thank you. More may come when others have answered."
      : "There is no connection at the moment.";
  only("done");
  $("again").focus({ focusVisible: false });
}

function show(page, answers) {
  state.page = page;
  document.title = `Does it show ${page.name}?`;
  $("name").textContent = page.name;
  $("gloss").textContent = page.gloss;
  $("synonyms").textContent = page.synonyms.length > 1 ? `Also called: ${page.synonyms.slice(1).join(", ")}.` : "";
  $("parents").textContent = page.parents.length ? `A kind of: ${page.parents.join("; ")}.` : "";
  $("wikipedia").href = page.wikipedia;
  $("instruction").textContent = state.me.instruction;
  const { answered, pictures, voted } = page.progress;
  $("progress-text").textContent = `${state.me.name}: ${answered.toLocaleString()} answers · ${page.name}: ${voted.toLocaleString()} of ${pictures.toLocaleString()} seen`;
  $("progress").max = Math.max(1, pictures);
  $("progress").value = voted;
  grid.show(page, answers);
  setMode("yes");
  only("work");
  scrollTo(0, 0);
  grid.begin();
  prefetch();
}

// ---- keys

const KEYS = {
  ArrowLeft: () => grid.move(-1, 0),
  ArrowRight: () => grid.move(1, 0),
  ArrowUp: () => grid.move(0, -1),
  ArrowDown: () => grid.move(0, 1),
  " ": () => grid.toggle(grid.focused(), "yes"),
  u: () => grid.toggle(grid.focused(), "unsure"),
  z: () => grid.zoom(grid.focused()),
  b: undo,
  Enter: send,
  "?": () => $("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if ($("zoom").open) {
    if (event.key.toLowerCase() === "z") $("zoom").close();
    return;
  }
  if (!$("done").hidden && event.key.toLowerCase() === "b") return void undo();
  if ($("keys").open || $("work").hidden) return;
  const isTile = document.activeElement?.classList.contains("tile") || document.activeElement === document.body;
  if (!isTile && (event.key === "Enter" || event.key === " ")) return; // a button has the focus: it is meant
  if (event.repeat && (event.key === "Enter" || event.key === "b")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

function setMode(mode) {
  grid.mode = mode;
  $("mode-yes").setAttribute("aria-pressed", String(mode === "yes"));
  $("mode-unsure").setAttribute("aria-pressed", String(mode === "unsure"));
}

// ---- coming in

function only(id) {
  for (const part of ["join", "work", "done"]) $(part).hidden = part !== id;
}

let messageTimer = 0;

function say(text) {
  $("message").textContent = text;
  $("message").hidden = false;
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => {
    $("message").hidden = true;
  }, 6000);
}

async function join() {
  $("join-about").textContent = `Run: ${state.me.run_name}. You see pages of pictures and mark those that show what is asked for.`;
  $("join-names").replaceChildren(
    ...state.me.names.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    }),
  );
  only("join");
  $("join-name").focus();
}

async function enter(name, token) {
  try {
    state.me.name = (await ask("/api/join", { name, token })).name;
  } catch (error) {
    $("join-error").textContent = error instanceof Refused ? error.message : "The server does not answer.";
    return join();
  }
  $("join-error").textContent = "";
  await begin();
}

async function begin() {
  showWaiting();
  await outbox.drain();
  if ($("work").hidden) await next();
}

async function start() {
  const link = new URLSearchParams(location.search);
  const token = link.get("token") || sessionStorage.getItem("token") || "";
  const name = link.get("name") || "";
  if (link.has("token")) {
    sessionStorage.setItem("token", token);
    history.replaceState(null, "", "/"); // the token does not stay in the address bar
  }
  try {
    state.me = await ask("/api/me");
  } catch {
    say("The server does not answer. Trying again …");
    setTimeout(start, 3000);
    return;
  }
  if (name && name !== state.me.name) return enter(name, token);
  if (state.me.name) return begin();
  await join();
}

$("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($("join-name").value, sessionStorage.getItem("token") || "");
});
$("send").addEventListener("click", send);
$("undo").addEventListener("click", undo);
$("done-undo").addEventListener("click", undo);
$("again").addEventListener("click", () => {
  outbox.drain();
  next();
});
$("help").addEventListener("click", () => $("keys").showModal());
$("mode-yes").addEventListener("click", () => setMode("yes"));
$("mode-unsure").addEventListener("click", () => setMode("unsure"));
for (const id of ["zoom", "keys"])
  $(id).addEventListener("click", (event) => {
    if (event.target === $(id)) $(id).close();
  });
addEventListener("online", () => outbox.drain());
start();
