// The pictures of one page, and what is said of each.
const LONG_PRESS_MS = 450;
const IMAGE_RETRIES_MS = [1000, 3000, 9000];

export const pictureUrl = (page, place) => `/pictures/${page.page}/${place}`;

export class Grid {
  constructor(element, { onAnswers, onTally, onZoom }) {
    this.element = element;
    this.on = { answers: onAnswers, tally: onTally, zoom: onZoom };
    this.mode = "yes"; // what a click marks
    this.page = null;
    this.answers = []; // "yes", "no", "unsure"; "" where the picture did not load
    this.spent = []; // milliseconds from the page's showing to the last change
    this.shownAt = 0;
    this.loading = 0;
  }

  get tiles() {
    return [...this.element.children];
  }

  sinceShown() {
    return Math.round(performance.now() - this.shownAt);
  }

  show(page, answers) {
    this.page = page;
    this.answers = answers ? [...answers] : Array(page.pictures).fill("no");
    this.spent = Array(page.pictures).fill(null);
    this.shownAt = performance.now();
    this.loading = page.pictures;
    this.element.replaceChildren(...this.answers.map((_, place) => this.tile(page, place)));
    this.answers.forEach((_, place) => this.mark(place));
  }

  // Once it can be seen.
  begin() {
    this.element.firstElementChild?.focus({ preventScroll: true, focusVisible: false });
    this.tally();
  }

  tile(page, place) {
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
    this.loadInto(button, image, page, place);
    this.listen(button, image, lens, page, place);
    return button;
  }

  loadInto(button, image, page, place) {
    let tries = 0;
    image.onload = () => {
      button.classList.remove("failed");
      if (button.isConnected) this.loaded(tries < 0 ? 0 : 1);
      if (tries < 0 && this.answers[place] === "") this.answer(place, "no");
    };
    image.onerror = () => {
      if (!button.isConnected) return;
      if (tries >= 0 && tries < IMAGE_RETRIES_MS.length) {
        setTimeout(() => (image.src = `${pictureUrl(page, place)}?again=${tries}`), IMAGE_RETRIES_MS[tries++]);
        return;
      }
      button.classList.add("failed");
      this.answer(place, ""); // what was not seen is no vote
      if (tries >= 0) this.loaded(1);
      tries = -1;
    };
    image.src = pictureUrl(page, place);
  }

  listen(button, image, lens, page, place) {
    let pressed = 0;
    let wasLong = false;
    button.addEventListener("pointerdown", (event) => {
      wasLong = false;
      if (event.pointerType === "mouse") return;
      pressed = setTimeout(() => {
        wasLong = true;
        this.zoom(place);
      }, LONG_PRESS_MS);
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(end, () => clearTimeout(pressed));
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => {
      if (wasLong) {
        wasLong = false;
        return;
      }
      this.focusOn(place);
      if (button.classList.contains("failed")) {
        image.src = `${pictureUrl(page, place)}?again=${performance.now()}`;
        return;
      }
      if (event.target === lens) return this.zoom(place);
      this.toggle(place, event.shiftKey ? "unsure" : this.mode);
    });
  }

  loaded(count) {
    this.loading -= count;
    this.tally();
  }

  toggle(place, wanted) {
    if (this.answers[place] === "") return;
    this.answer(place, this.answers[place] === wanted ? "no" : wanted);
  }

  answer(place, said) {
    this.answers[place] = said;
    this.spent[place] = this.sinceShown();
    this.on.answers(this.answers);
    this.mark(place);
    this.tally();
  }

  mark(place) {
    const button = this.tiles[place];
    const said = this.answers[place];
    button.dataset.answer = said;
    button.querySelector(".mark").textContent = said === "no" ? "" : said;
    button.setAttribute("aria-label", `Picture ${place + 1}: ${said || "not loaded"}`);
    button.setAttribute("aria-pressed", String(said === "yes"));
  }

  tally() {
    const count = (said) => this.answers.filter((answer) => answer === said).length;
    const unsure = count("unsure");
    const text = this.loading > 0
      ? `loading ${this.loading} pictures …`
      : `${count("yes")} yes${unsure ? `, ${unsure} unsure` : ""}, ${count("no")} no${count("") ? `, ${count("")} not loaded` : ""}`;
    this.on.tally(text, this.loading <= 0);
  }

  zoom(place) {
    this.on.zoom(`${pictureUrl(this.page, place)}/whole`);
  }

  focused() {
    const tiles = this.tiles;
    const place = tiles.indexOf(document.activeElement);
    return place < 0 ? tiles.findIndex((button) => button.tabIndex === 0) : place;
  }

  focusOn(place) {
    const tiles = this.tiles;
    if (place < 0 || place >= tiles.length) return;
    for (const button of tiles) button.tabIndex = -1;
    tiles[place].tabIndex = 0;
    tiles[place].focus();
  }

  move(right, down) {
    const columns = getComputedStyle(this.element).gridTemplateColumns.split(" ").length;
    this.focusOn(this.focused() + right + down * columns);
  }
}
