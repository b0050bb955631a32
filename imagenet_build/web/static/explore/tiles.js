// Pictures of a synset: page after page as one scrolls, each at its own shape, its tiny version first.
import { ask, reason } from "./ask.js";
import { counted, h, number, pictureUrl } from "./elements.js";

const AT_ONCE = 60;
const SHEET_COLUMNS = 8;
const NARROWEST = 0.5;
const WIDEST = 2.4;

export class Tiles {
  constructor(wnid, show) {
    this.wnid = wnid;
    this.show = show;
    this.count = 0;
    this.total = null;
    this.loading = false;
    this.list = h("ul", { class: "tiles" });
    this.more = h("button", { type: "button", class: "load", onclick: () => this.load() }, "More");
    this.said = h("p", { role: "alert", class: "error" });
    this.element = h("div", {}, this.list, this.said, this.more);
    this.watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.load(), { rootMargin: "600px" });
  }

  async start() {
    await this.load();
    this.watcher.observe(this.more);
  }

  stop() {
    this.watcher.disconnect();
  }

  async load() {
    if (this.loading || (this.total !== null && this.count >= this.total)) return;
    this.loading = true;
    try {
      const said = await ask(`/api/synset/${this.wnid}/pictures?show=${this.show}&from=${this.count}&most=${AT_ONCE}`);
      const sheet = `/sheets/${this.wnid}?rows=${said.tiles.map((one) => one.row).join(",")}&of=${said.mark}`;
      const lines = Math.ceil(said.tiles.length / SHEET_COLUMNS);
      this.list.append(...said.tiles.map((one, place) => this.tile(one, this.count + place, background(sheet, place, lines), said.names)));
      this.count += said.tiles.length;
      this.total = said.tiles.length ? said.total : this.count;
      this.said.textContent = "";
    } catch (error) {
      this.said.textContent = reason(error);
    }
    this.loading = false;
    const left = this.total === null ? 0 : this.total - this.count;
    this.more.hidden = this.total !== null && left <= 0;
    this.more.textContent = this.said.textContent ? "Try again" : `${number(left)} more`;
    this.watcher.unobserve(this.more);
    if (!this.more.hidden && !this.said.textContent) this.watcher.observe(this.more);
  }

  tile(one, place, style, names) {
    const ratio = Math.min(Math.max((one.width || 1) / (one.height || 1), NARROWEST), WIDEST);
    const image = one.has_file ? h("img", { src: `/pictures/${this.wnid}/${one.id}`, alt: "", loading: "lazy", decoding: "async" }) : null;
    const others = one.conflicts.map((wnid) => names[wnid] ?? wnid);
    const label = [
      `Picture ${number(place + 1)}`,
      one.width ? `${one.width} × ${one.height} pixels` : null,
      one.license === "unknown" ? "licence unknown" : one.license,
      one.verdict || null,
      one.duplicates ? counted(one.duplicates, "duplicate", "duplicates") : null,
      others.length ? `also found for ${others.slice(0, 3).join(", ")}` : null,
      one.leak ? "stands in an excluded list" : null,
      one.has_file ? null : "no file",
    ].filter(Boolean).join(", ");
    const tile = h(
      "a",
      { href: pictureUrl(this.wnid, one.id, this.show), "aria-label": label, title: label, "data-id": one.id, class: one.verdict ? `tile ${one.verdict}` : "tile", style },
      image,
      one.has_file ? null : noFile(),
      h(
        "span",
        { class: "badges", "aria-hidden": "true" },
        one.verdict && one.verdict !== "accepted" ? badge(one.verdict, one.verdict) : null,
        one.duplicates ? badge(`+${one.duplicates}`) : null,
        others.length ? badge(others.length === 1 ? `≠ ${others[0]}` : `≠ ${others.length}`, "conflict") : null,
        one.leak ? badge("listed", "leak") : null,
      ),
    );
    image?.addEventListener("error", () => {
      image.remove();
      tile.append(noFile());
      tile.setAttribute("aria-label", `${label}, no file`);
    });
    const item = h("li", {}, tile);
    item.style.flexGrow = ratio;
    item.style.flexBasis = `calc(${ratio.toFixed(3)} * var(--tall))`;
    item.style.aspectRatio = ratio.toFixed(3);
    return item;
  }

  focusOn(id) {
    this.list.querySelector(`[data-id="${id}"]`)?.focus();
  }
}

// The label of the picture says the same in words; what is drawn by the style sheet is not read twice.
const badge = (text, kind = "") => h("span", { class: `badge ${kind}`, "data-text": text });
const noFile = () => badge("no file", "low");

// Where in the sheet a picture lies.
export function background(sheet, place, lines) {
  const x = ((place % SHEET_COLUMNS) * 100) / (SHEET_COLUMNS - 1);
  const y = lines > 1 ? (Math.floor(place / SHEET_COLUMNS) * 100) / (lines - 1) : 0;
  return { backgroundImage: `url("${sheet}")`, backgroundSize: `${SHEET_COLUMNS * 100}% ${lines * 100}%`, backgroundPosition: `${x}% ${y}%` };
}
