// The run as rectangles: what lies in one lies below its synset. A click goes down, the path goes up.
import { ask, reason } from "./ask.js";
import { coverImage } from "./search.js";
import { counted, h, link, measureOf, number, short, synsetUrl } from "./elements.js";

const MOST_COVERS = 90;
const COVER_PX = 58;
const NAME_PX = 46;
const TINTS = 8;

export class Treemap {
  constructor(main, wnid, by, { isPart = false } = {}) {
    this.main = main;
    this.wnid = wnid;
    this.by = by;
    this.isPart = isPart; // of another page: no heading of its own
    this.isGone = false;
    this.box = h("div", { class: "treemap" });
    this.head = h("div");
    this.note = h("p", { class: "small" });
    this.resizer = new ResizeObserver(() => this.resized());
  }

  async start() {
    this.main.replaceChildren(this.head, this.box, this.note);
    this.resizer.observe(this.box);
    await this.refresh();
  }

  stop() {
    this.isGone = true;
    this.resizer.disconnect();
    clearTimeout(this.timer);
  }

  resized() {
    const { width, height } = this.box.getBoundingClientRect();
    if (!this.drawn || (Math.abs(width - this.drawn.width) < 4 && Math.abs(height - this.drawn.height) < 4)) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), 150);
  }

  async refresh() {
    const { width, height } = this.box.getBoundingClientRect();
    this.drawn = { width, height };
    try {
      const said = await ask(`/api/treemap?of=${this.wnid}&by=${this.by}&width=${Math.round(width)}&height=${Math.round(height)}`);
      if (!this.isGone) this.draw(said);
    } catch (error) {
      if (!this.isGone) this.box.replaceChildren(h("p", { class: "error", role: "alert" }, reason(error)));
    }
  }

  url(wnid) {
    return `#/treemap/${wnid}${this.by === "synsets" ? "?by=synsets" : ""}`;
  }

  draw(said) {
    const text = JSON.stringify(said);
    if (text === this.text) return;
    this.text = text;
    const unit = said.by === "synsets" ? "synsets" : measureOf(said.measure);
    if (!this.isPart) this.head.replaceChildren(...this.heading(said, unit));
    let covers = 0;
    const branches = branchesOf(said.cells, said.total);
    const cells = said.cells.map((cell, place) => {
      const branch = branches[place];
      const isLeaf = !cell.is_divided;
      const hasCover = said.by === "pictures" && said.measure === "kept" && isLeaf && Math.min(cell.width, cell.height) >= COVER_PX && covers < MOST_COVERS;
      if (hasCover) covers += 1;
      return this.cell(cell, branch, isLeaf, hasCover, unit);
    });
    this.box.replaceChildren(h("ul", { "aria-label": `Treemap by ${unit}` }, cells));
    const hidden = said.hidden ? ` ${counted(said.hidden, "synset is", "synsets are")} too small to be drawn.` : "";
    const own = said.own && said.of?.children ? ` The rest is ${said.of.name} itself: ${number(said.own)}.` : "";
    const what = said.cells.length ? `Areas are ${unit}; a synset with two parents is drawn under the first.` : said.of && !said.of.children ? "There is nothing below this synset." : `There is nothing to draw yet: no ${unit}.`;
    this.note.textContent = what + hidden + own;
  }

  heading(said, unit) {
    const way = said.path.map((step, place) => h("li", {}, place === said.path.length - 1 ? h("span", { "aria-current": "page" }, step.name) : link(this.url(step.wnid), step.name)));
    const start = said.has_one_root ? [] : [h("li", {}, said.of ? link(this.url(""), "the run") : h("span", { "aria-current": "page" }, "the run"))];
    const wnid = said.of?.wnid ?? "";
    const choice = (by, text) => link(`#/treemap/${wnid}${by === "synsets" ? "?by=synsets" : ""}`, text, { "aria-current": said.by === by ? "true" : null });
    return [
      h("nav", { "aria-label": "Way down to here" }, h("ol", { class: "path" }, start, way)),
      h("h1", {}, `${said.of ? said.of.name : "The run"}: ${number(said.total)} ${unit}`),
      h("ul", { class: "filters" }, h("li", {}, choice("pictures", "by pictures")), h("li", {}, choice("synsets", "by synsets")), said.of ? h("li", {}, link(synsetUrl(wnid), `look at ${said.of.name}`)) : null),
    ];
  }

  cell(cell, branch, isLeaf, hasCover, unit) {
    const isNamed = Math.min(cell.width, cell.height * 2.4) >= NAME_PX;
    const label = `${cell.name}: ${number(cell.value)} ${unit}${cell.children && unit !== "synsets" ? ` in ${number(cell.synsets)} synsets` : ""}`;
    const image = hasCover ? coverImage(cell.wnid) : null;
    return h(
      "li",
      { style: { left: `${cell.x}px`, top: `${cell.y}px`, width: `${cell.width}px`, height: `${cell.height}px` } },
      h(
        "a",
        { href: cell.children ? this.url(cell.wnid) : synsetUrl(cell.wnid), class: `cell ${cell.level === 1 ? "level1" : ""} tint${branch % TINTS}${isLeaf ? " leaf" : ""}`, "aria-label": label, title: label },
        image,
        isNamed ? h("span", { class: "cell-name", "aria-hidden": "true" }, `${cell.name} `, h("span", {}, short(cell.value))) : null,
      ),
    );
  }
}

// Which colour each cell has: the children of what is larger than this share of everything have colours of their own.
const LARGE = 0.35;

function branchesOf(cells, total) {
  const open = []; // the cells that stand around the next one, from the outside
  let last = -1;
  return cells.map((cell) => {
    open.length = cell.level - 1;
    const around = open.at(-1);
    const branch = !around || around.value > LARGE * total ? (last += 1) : around.branch;
    open.push({ value: cell.value, branch });
    return branch;
  });
}
