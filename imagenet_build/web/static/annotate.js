// The annotator. Answers are written to localStorage before they are sent, and sent again until the server has them.
const $ = (id) => document.getElementById(id);
const HISTORY = 20;
const LONG_PRESS_MS = 450;
const SLOWEST_RETRY_MS = 30000;
const IMAGE_RETRIES_MS = [1000, 3000, 9000];

const state = {
  me: null,
  page: null, // what the server told of the page on the screen
  ready: [], // pages in hand that come next
  answers: [],
  spent: [],
  shownAt: 0,
  loading: 0,
  mode: "yes",
  isFinished: false,
};

// ---- what outlives a reload

const key = (name) => `annotate/${state.me.run}/${state.me.name}/${name}`;

function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key(name))) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(key(name), JSON.stringify(value));
  } catch {
    say("This browser keeps nothing on its disk: do not close the page while answers wait to be sent.");
  }
}

// ---- talking to the server

class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function ask(path, body) {
  const options = body
    ? { method: "POST", headers: { "Content-Type": "application/json", "X-Annotator": "1" }, body: JSON.stringify(body) }
    : {};
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(20000) });
  let said = {};
  try {
    said = await response.json();
  } catch (error) {
    if (response.ok) throw error;
  }
  if (!response.ok) throw new Refused(response.status, said.error || `The server answered ${response.status}.`);
  return said;
}

const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function inHand() {
  const waiting = recall("queue", []).map((item) => item.page);
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

// ---- sending

let sending = false;
let retryMs = 1000;
let retryTimer = 0;

async function drain() {
  clearTimeout(retryTimer);
  if (sending) return;
  sending = true;
  try {
    for (let queue = recall("queue", []); queue.length; queue = recall("queue", [])) {
      try {
        await ask("/api/answers", queue[0]);
      } catch (error) {
        if (!(error instanceof Refused) || error.status >= 500) throw error;
        if (error.status === 401) {
          join();
          return;
        }
        remember("refused", [...recall("refused", []), queue[0]]);
        say(`A page was not taken: ${error.message}`);
      }
      remember("queue", recall("queue", []).slice(1));
      retryMs = 1000;
      showWaiting();
    }
  } catch {
    retryTimer = setTimeout(drain, retryMs);
    retryMs = Math.min(retryMs * 2, SLOWEST_RETRY_MS);
  } finally {
    sending = false;
    showWaiting();
  }
  if (!recall("queue", []).length) {
    if (state.page) prefetch();
    else if (!$("done").hidden || !$("work").hidden) next();
  }
}

function showWaiting() {
  const count = recall("queue", []).length;
  const pages = count === 1 ? "1 page is" : `${count} pages are`;
  $("waiting").textContent = count > 1 || (count && retryMs > 1000) ? `${pages} waiting to be sent` : "";
}

function send() {
  if (!state.page || state.loading > 0) return;
  const now = Math.round(performance.now() - state.shownAt);
  remember("queue", [
    ...recall("queue", []),
    {
      submission: randomId(),
      page: state.page.page,
      answers: state.answers,
      milliseconds: state.spent.map((spent) => spent ?? now),
    },
  ]);
  remember("history", [...recall("history", []), { page: state.page, answers: state.answers }].slice(-HISTORY));
  localStorage.removeItem(key("draft"));
  state.page = null;
  drain();
  next();
}

async function undo() {
  const history = recall("history", []);
  const last = history.at(-1);
  if (!last) return say("There is no earlier page.");
  const queue = recall("queue", []);
  const place = queue.findIndex((item) => item.page === last.page.page);
  if (place > 0 || (place === 0 && !sending)) {
    remember("queue", queue.filter((_, index) => index !== place));
  } else {
    try {
      await ask("/api/undo", { submission: randomId(), page: last.page.page });
    } catch (error) {
      return say(error instanceof Refused ? error.message : "Going back needs a connection.");
    }
  }
  remember("history", history.slice(0, -1));
  if (state.page) state.ready.unshift(state.page);
  showWaiting();
  show(last.page, last.answers);
}

// ---- the page

const pictureUrl = (page, place) => `/pictures/${page.page}/${place}`;

async function next() {
  if (!state.ready.length) {
    $("send").disabled = true;
    await prefetch();
  }
  if (state.page) return;
  if (state.ready.length) {
    const page = state.ready.shift();
    const draft = recall("draft", null);
    show(page, draft?.page === page.page ? draft.answers : null);
    return;
  }
  finished();
}

function finished() {
  const waiting = recall("queue", []).length;
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
  state.answers = answers ? [...answers] : Array(page.pictures).fill("no");
  state.spent = Array(page.pictures).fill(null);
  state.shownAt = performance.now();
  state.loading = page.pictures;
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
  $("grid").replaceChildren(...Array.from({ length: page.pictures }, (_, place) => tile(page, place)));
  state.answers.forEach((_, place) => mark(place));
  setMode("yes");
  only("work");
  scrollTo(0, 0);
  $("grid").firstElementChild?.focus({ preventScroll: true, focusVisible: false });
  loaded(0);
  prefetch();
}

function tile(page, place) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  button.tabIndex = place === 0 ? 0 : -1;
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  const label = document.createElement("span");
  label.className = "mark";
  const lens = document.createElement("span");
  lens.className = "lens";
  lens.textContent = "⌕";
  button.append(image, label, lens);

  let tries = 0;
  image.onload = () => {
    button.classList.remove("failed");
    if (button.isConnected) loaded(tries < 0 ? 0 : 1);
    if (tries < 0 && state.answers[place] === "") answer(place, "no");
  };
  image.onerror = () => {
    if (!button.isConnected) return;
    if (tries >= 0 && tries < IMAGE_RETRIES_MS.length) {
      setTimeout(() => (image.src = `${pictureUrl(page, place)}?again=${tries}`), IMAGE_RETRIES_MS[tries++]);
      return;
    }
    button.classList.add("failed");
    answer(place, ""); // what was not seen is no vote
    if (tries >= 0) loaded(1);
    tries = -1;
  };
  image.src = pictureUrl(page, place);

  let pressed = 0;
  let wasLong = false;
  button.addEventListener("pointerdown", (event) => {
    wasLong = false;
    if (event.pointerType === "mouse") return;
    pressed = setTimeout(() => {
      wasLong = true;
      zoom(place);
    }, LONG_PRESS_MS);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(end, () => clearTimeout(pressed));
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    if (wasLong) {
      wasLong = false;
      return;
    }
    focusOn(place);
    if (button.classList.contains("failed")) {
      image.src = `${pictureUrl(page, place)}?again=${randomId()}`;
      return;
    }
    if (event.target === lens) return zoom(place);
    toggle(place, event.shiftKey ? "unsure" : state.mode);
  });
  return button;
}

function loaded(count) {
  state.loading -= count;
  $("send").disabled = state.loading > 0;
  tally();
}

function toggle(place, wanted) {
  if (state.answers[place] === "") return;
  answer(place, state.answers[place] === wanted ? "no" : wanted);
}

function answer(place, said) {
  state.answers[place] = said;
  state.spent[place] = Math.round(performance.now() - state.shownAt);
  remember("draft", { page: state.page.page, answers: state.answers });
  mark(place);
  tally();
}

function mark(place) {
  const button = $("grid").children[place];
  const said = state.answers[place];
  button.dataset.answer = said;
  button.querySelector(".mark").textContent = said === "no" ? "" : said;
  button.setAttribute("aria-label", `Picture ${place + 1}: ${said || "not loaded"}`);
  button.setAttribute("aria-pressed", String(said === "yes"));
}

function tally() {
  const count = (said) => state.answers.filter((answer) => answer === said).length;
  const unsure = count("unsure");
  $("tally").textContent = state.loading > 0
    ? `loading ${state.loading} pictures …`
    : `${count("yes")} yes${unsure ? `, ${unsure} unsure` : ""}, ${count("no")} no${count("") ? `, ${count("")} not loaded` : ""}`;
}

function setMode(mode) {
  state.mode = mode;
  $("mode-yes").setAttribute("aria-pressed", String(mode === "yes"));
  $("mode-unsure").setAttribute("aria-pressed", String(mode === "unsure"));
}

function zoom(place) {
  $("zoom-image").src = `${pictureUrl(state.page, place)}/whole`;
  $("zoom").showModal();
}

// ---- keys

function focused() {
  const place = [...$("grid").children].indexOf(document.activeElement);
  return place < 0 ? [...$("grid").children].findIndex((button) => button.tabIndex === 0) : place;
}

function focusOn(place) {
  const tiles = [...$("grid").children];
  if (place < 0 || place >= tiles.length) return;
  for (const button of tiles) button.tabIndex = -1;
  tiles[place].tabIndex = 0;
  tiles[place].focus();
}

const columns = () => getComputedStyle($("grid")).gridTemplateColumns.split(" ").length;

const KEYS = {
  ArrowLeft: () => focusOn(focused() - 1),
  ArrowRight: () => focusOn(focused() + 1),
  ArrowUp: () => focusOn(focused() - columns()),
  ArrowDown: () => focusOn(focused() + columns()),
  " ": () => toggle(focused(), "yes"),
  u: () => toggle(focused(), "unsure"),
  z: () => zoom(focused()),
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
  await drain();
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
  drain();
  next();
});
$("help").addEventListener("click", () => $("keys").showModal());
$("mode-yes").addEventListener("click", () => setMode("yes"));
$("mode-unsure").addEventListener("click", () => setMode("unsure"));
for (const id of ["zoom", "keys"])
  $(id).addEventListener("click", (event) => {
    if (event.target === $(id)) $(id).close();
  });
addEventListener("online", drain);
start();
