// The tree of synsets: children come when they are asked for. After the ARIA Authoring Practices' pattern of a
// navigation tree view.
import { ask } from "./ask.js";
import { counted, h, measureOf, number, short, sparkline, synsetUrl } from "./elements.js";

const MOST_AT_ONCE = 200;
const FEW = 4; // levels with fewer rows open by themselves
const ENOUGH = 16; // rows in sight
const TYPED_MS = 800;

export class Tree {
  constructor(element, { onOpen }) {
    this.element = element;
    this.onOpen = onOpen;
    this.measure = "kept";
    this.current = null; // wnid
    this.groups = 0;
    this.typed = "";
    this.typedAt = 0;
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("click", (event) => this.click(event));
  }

  async start() {
    const { rows, measure } = await ask("/api/tree?of=");
    this.measure = measure;
    this.element.replaceChildren(...this.items(rows[""], 1));
    await this.openFirst();
    const first = this.visible()[0];
    if (first && !this.element.querySelector('[tabindex="0"]')) first.tabIndex = 0;
    return rows[""].length;
  }

  // Until there is something to see.
  async openFirst() {
    for (let level = 0; level < 8 && this.visible().length < ENOUGH; level++) {
      const closed = this.visible().filter((item) => item.getAttribute("aria-expanded") === "false");
      if (!closed.length || closed.length > FEW) return;
      await Promise.all(closed.map((item) => this.expand(item)));
    }
  }

  items(rows, level, from = 0) {
    const shown = rows.slice(from, from + MOST_AT_ONCE).map((row) => this.item(row, level));
    const left = rows.length - from - MOST_AT_ONCE;
    if (left <= 0) return shown;
    const more = h("a", { role: "treeitem", class: "row more", "aria-level": level, tabindex: -1 }, `${number(left)} more`);
    more.rows = { rows, level, from: from + MOST_AT_ONCE };
    return [...shown, h("li", { role: "none" }, more)];
  }

  item(row, level) {
    const item = h("a", { role: "treeitem", class: "row", "aria-level": level, tabindex: -1, "data-wnid": row.wnid, href: synsetUrl(row.wnid) });
    if (row.children) item.setAttribute("aria-expanded", "false");
    this.fill(item, row);
    return h("li", { role: "none" }, item);
  }

  fill(item, row) {
    const text = JSON.stringify([row, this.measure]);
    if (item.shownRow === text) return;
    item.shownRow = text;
    const said = (words) => h("span", { class: "said" }, words);
    const parts = [
      h("span", { class: "twisty", "aria-hidden": "true" }),
      h("span", { class: "name", title: [row.name, ...row.more_names].join(", ") }, row.name, row.is_extra ? said(", not part of the run") : null),
      row.parents > 1 ? h("span", { class: "twice", "aria-hidden": "true", title: `Stands in ${row.parents} places of the tree, and counts once` }, `×${row.parents}`) : null,
      row.children ? h("span", { class: "below" }, said(", "), h("span", { "aria-hidden": "true" }, `(${number(row.synsets)})`), said(counted(row.synsets, "synset", "synsets"))) : null,
      row.damaged ? h("span", { class: "warn", title: "Its manifest cannot be read" }, "⚠", said(" its manifest cannot be read")) : null,
      row.children ? sparkline(row.histogram) : null,
      h("span", { class: row.below ? "count" : "count zero" }, said(", "), short(row.below), said(` ${measureOf(this.measure)}`)),
    ];
    item.classList.toggle("extra", row.is_extra);
    item.replaceChildren(...parts.filter(Boolean));
    if (row.wnid === this.current) item.setAttribute("aria-current", "page");
  }

  group(item) {
    return item.nextElementSibling;
  }

  parent(item) {
    return item.closest("[role=group]")?.previousElementSibling;
  }

  async expand(item) {
    if (item.getAttribute("aria-expanded") !== "false") return;
    this.turnTo(item, true);
    if (this.group(item)) return;
    const { wnid } = item.dataset;
    try {
      const { rows } = await ask(`/api/tree?of=${wnid}`);
      this.put(item, rows[wnid] ?? []);
    } catch {
      this.turnTo(item, false);
    }
  }

  turnTo(item, isOpen) {
    item.setAttribute("aria-expanded", String(isOpen));
    if (this.group(item)) this.group(item).hidden = !isOpen;
  }

  put(item, rows) {
    if (this.group(item)) return;
    const id = `group-${(this.groups += 1)}`;
    item.setAttribute("aria-owns", id);
    item.after(h("ul", { role: "group", id, hidden: item.getAttribute("aria-expanded") !== "true" }, this.items(rows, Number(item.getAttribute("aria-level")) + 1)));
  }

  // Open the way down to a synset and mark it.
  async reveal(path) {
    this.mark(path.at(-1) ?? null);
    const missing = path.slice(0, -1);
    if (!missing.length && !path.length) return;
    const { rows } = await ask(`/api/tree?of=${missing.join(",")}`);
    let list = this.element;
    for (const wnid of path) {
      const item = this.find(list, wnid);
      if (!item) return;
      if (wnid === path.at(-1)) {
        this.mark(wnid);
        this.rove(item);
        item.scrollIntoView({ block: "nearest" });
        return;
      }
      this.put(item, rows[wnid] ?? []);
      this.turnTo(item, true);
      list = this.group(item);
    }
  }

  find(list, wnid) {
    for (;;) {
      const rows = [...list.children].map((one) => one.firstElementChild);
      const found = rows.find((item) => item.dataset.wnid === wnid);
      const more = rows.at(-1);
      if (found || !more?.rows) return found;
      this.showMore(more);
    }
  }

  showMore(more) {
    const { rows, level, from } = more.rows;
    const items = this.items(rows, level, from);
    more.parentElement.replaceWith(...items);
    return items[0].firstElementChild;
  }

  mark(wnid) {
    this.current = wnid;
    for (const item of this.element.querySelectorAll("[aria-current]")) item.removeAttribute("aria-current");
    if (wnid) for (const item of this.element.querySelectorAll(`[data-wnid="${wnid}"]`)) item.setAttribute("aria-current", "page");
  }

  // New numbers, in place.
  async refresh() {
    const open = new Set([...this.element.querySelectorAll('[aria-expanded="true"]')].map((item) => item.dataset.wnid));
    const { rows, measure } = await ask(`/api/tree?of=${["", ...open].slice(0, 400).join(",")}`);
    if (!this.element.children.length && rows[""].length) return this.start();
    this.measure = measure;
    for (const row of Object.values(rows).flat())
      for (const item of this.element.querySelectorAll(`[data-wnid="${row.wnid}"]`)) this.fill(item, row);
  }

  visible() {
    return [...this.element.querySelectorAll("[role=treeitem]")].filter((item) => !item.closest("[role=group][hidden]"));
  }

  rove(item, focus = false) {
    for (const other of this.element.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    item.tabIndex = 0;
    if (focus) item.focus();
  }

  focus() {
    (this.element.querySelector('[tabindex="0"]') ?? this.visible()[0])?.focus();
  }

  click(event) {
    const item = event.target.closest("[role=treeitem]");
    if (!item || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.rove(item, true);
    if (item.rows) return void this.rove(this.showMore(item), true);
    const hasChildren = item.hasAttribute("aria-expanded");
    const isTurned = event.target.closest(".twisty") || item.dataset.wnid === this.current;
    if (hasChildren && isTurned) return void this.turn(item);
    if (hasChildren) this.expand(item);
    this.open(item);
  }

  turn(item) {
    if (item.getAttribute("aria-expanded") === "true") this.turnTo(item, false);
    else this.expand(item);
  }

  open(item) {
    location.hash = synsetUrl(item.dataset.wnid);
    this.onOpen();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const item = event.target.closest("[role=treeitem]");
    if (!item) return;
    const items = this.visible();
    const place = items.indexOf(item);
    const go = (to) => to && this.rove(to, true);
    const acts = {
      ArrowDown: () => go(items[place + 1]),
      ArrowUp: () => go(items[place - 1]),
      Home: () => go(items[0]),
      End: () => go(items.at(-1)),
      ArrowRight: () => (item.getAttribute("aria-expanded") === "true" ? go(items[place + 1]) : this.expand(item)),
      ArrowLeft: () => (item.getAttribute("aria-expanded") === "true" ? this.turnTo(item, false) : go(this.parent(item))),
      Enter: () => (item.rows ? go(this.showMore(item)) : this.open(item)),
      " ": () => (item.rows ? go(this.showMore(item)) : this.open(item)),
    };
    const isLetter = event.key.length === 1 && /[\p{L}\p{N}]/u.test(event.key);
    if (!acts[event.key] && !isLetter) return;
    event.preventDefault();
    event.stopPropagation();
    if (acts[event.key]) acts[event.key]();
    else this.jump(event.key, items, place, go);
  }

  jump(letter, items, place, go) {
    const now = performance.now();
    this.typed = now - this.typedAt > TYPED_MS ? letter : this.typed + letter;
    this.typedAt = now;
    const wanted = this.typed.toLocaleLowerCase();
    const from = this.typed.length > 1 ? place : place + 1;
    const order = [...items.slice(from), ...items.slice(0, from)];
    go(order.find((item) => item.querySelector(".name")?.textContent.toLocaleLowerCase().startsWith(wanted)));
  }
}
