// A synset's page.
import { ask, reason } from "./ask.js";
import { Tiles } from "./tiles.js";
import { cover } from "./search.js";
import { bars, counted, h, language, link, measureOf, number, outside, plain, short, sparkline, synsetUrl, tag } from "./elements.js";

const FIRST_CHILDREN = 12;
const FILTERS = { all: "all", accepted: "accepted", undecided: "undecided", rejected: "rejected", unasked: "not asked", conflicts: "in conflict", duplicates: "with duplicates", leaks: "listed" };

export class SynsetPage {
  constructor(main, wnid, show) {
    this.main = main;
    this.wnid = wnid;
    this.show = show;
    this.said = null;
    this.isGone = false;
    this.opened = new Set(); // details that somebody opened
  }

  async start() {
    await this.refresh();
  }

  stop() {
    this.isGone = true;
    this.tiles?.stop();
  }

  // The texts and numbers again; pictures only if there are others.
  async refresh() {
    let said;
    try {
      said = await ask(`/api/synset/${this.wnid}`);
    } catch (error) {
      if (!this.isGone && !this.said) this.main.replaceChildren(h("h1", {}, this.wnid), h("p", { class: "error", role: "alert" }, reason(error)));
      return;
    }
    if (this.isGone) return;
    const isFirst = this.said === null;
    const isOther = isFirst || JSON.stringify(said.shown) !== JSON.stringify(this.said.shown);
    this.said = said;
    document.title = `${said.name} (${said.wnid})`;
    if (isFirst) {
      this.about = h("div");
      this.pictures = h("section", { "aria-labelledby": "pictures-title" });
      this.main.replaceChildren(this.about, this.pictures);
    }
    this.about.replaceChildren(...this.head(said), ...this.children(said), ...this.details(said));
    this.loadQueries();
    if (isFirst) await this.drawPictures();
    else if (isOther) this.offerPictures();
  }

  head(said) {
    const paths = said.paths.map((way) => h("ol", { class: "path" }, way.map((step, place) => h("li", {}, place === way.length - 1 ? h("span", { "aria-current": "page" }, step.name) : link(synsetUrl(step.wnid), step.name)))));
    return [
      h("nav", { "aria-label": paths.length > 1 ? "Ways down to this synset" : "Way down to this synset" }, paths),
      h("h1", {}, said.name, h("span", { class: "small wnid" }, ` ${said.wnid} · ${said.synset}`)),
      said.words.length > 1 ? h("p", {}, said.words.slice(1).join(", ")) : null,
      h("p", { class: "gloss" }, said.gloss),
      this.otherNames(said.other_names),
      said.is_extra ? h("p", { class: "note" }, "This synset is not part of the run. It stands here so that the synsets below it hang together.") : null,
      said.problem ? h("p", { class: "error", role: "alert" }, said.problem) : null,
      this.numbers(said),
    ].filter(Boolean);
  }

  otherNames(names) {
    const rows = Object.entries(names);
    if (!rows.length) return null;
    return h("p", { class: "other-names" }, rows.map(([code, words]) => h("span", {}, h("span", { class: "small" }, `${language(code)} `), h("span", { lang: tag(code) }, words.join(", ")))));
  }

  numbers(said) {
    const { counts, counts_below: below } = said;
    const chips = [];
    const add = (value, name, className = "") => chips.push(h("li", { class: className }, h("b", {}, number(value)), ` ${name}`));
    if (said.has_manifest) {
      add(counts.kept, counts.kept === 1 ? "picture" : "pictures");
      if (counts.accepted) add(counts.accepted, "accepted", "accepted");
      if (counts.undecided) add(counts.undecided, "undecided", "undecided");
      if (counts.rejected) add(counts.rejected, "rejected", "rejected");
      if (counts.duplicates) add(counts.duplicates, counts.duplicates === 1 ? "duplicate" : "duplicates");
      if (counts.refused) add(counts.refused, "refused");
      if (counts.waiting) add(counts.waiting, "waiting");
      add(counts.seen, counts.seen === 1 ? "address seen" : "addresses seen", "small");
    } else if (!said.is_extra && said.measure !== "kept") {
      if (counts.hits) add(counts.hits, "hits so far");
      if (counts.images) add(counts.images, "pictures so far");
    }
    if (said.children_total) {
      const kind = said.measure || "kept";
      chips.push(h("li", {}, h("b", {}, number(below[kind])), ` ${measureOf(kind)} in ${counted(said.synsets, "synset", "synsets")} here and below `, sparkline(said.histogram)));
    }
    const links = [said.children_total ? link(`#/treemap/${said.wnid}`, "Treemap") : null, outside(said.wikipedia, "Wikipedia")];
    return h("ul", { class: "chips" }, chips, links.filter(Boolean).map((one) => h("li", { class: "go" }, one)));
  }

  children(said) {
    if (!said.children_total) return [];
    const isAll = this.opened.has("children");
    const shown = isAll ? said.children : [...said.children].sort((a, b) => b.below - a.below).slice(0, FIRST_CHILDREN);
    const left = said.children_total - shown.length;
    return [
      h("h2", {}, counted(said.children_total, "synset directly below", "synsets directly below")),
      h(
        "ul",
        { class: "cards" },
        shown.map((row) => h("li", {}, h("a", { href: synsetUrl(row.wnid) }, row.below ? cover(row.wnid) : h("span", { class: "cover" }), h("span", { class: "card-name" }, h("b", {}, row.name), row.children ? sparkline(row.histogram) : null), h("span", { class: "small" }, `${short(row.below)} ${row.children ? `in ${number(row.synsets)} synsets` : ""}`)))),
      ),
      left > 0 && !isAll ? h("button", { type: "button", onclick: () => this.openAll() }, `${number(left)} more`) : null,
    ].filter(Boolean);
  }

  openAll() {
    this.opened.add("children");
    this.refresh();
  }

  details(said) {
    const refused = Object.entries(said.refused_by_reason).sort((a, b) => b[1] - a[1]);
    const part = (key, title, ...content) => {
      const made = h("details", { open: this.opened.has(key), ontoggle: () => (made.open ? this.opened.add(key) : this.opened.delete(key)) }, h("summary", {}, title), ...content);
      return made;
    };
    this.queriesTitle = h("span", {}, "Queries");
    this.queriesTable = h("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": "Queries" });
    const known = said.licenses.filter(([name]) => name !== "unknown").reduce((sum, [, count]) => sum + count, 0);
    return [
      said.is_extra ? null : part("queries", this.queriesTitle, this.queriesTable),
      said.conflicts.length ? part("conflicts", `Pictures that other synsets hold too: ${counted(said.shown.conflicts, "picture", "pictures")}, ${counted(said.conflicts.length, "synset", "synsets")}`, h("ul", { class: "columns" }, said.conflicts.map((row) => h("li", {}, link(synsetUrl(row.wnid, "conflicts"), row.name), ` ${number(row.pictures)}`)))) : null,
      said.licenses.length ? part("licenses", `Licences: known of ${number(known)} of ${counted(said.counts.kept, "picture", "pictures")}`, bars(said.licenses)) : null,
      refused.length ? part("refused", `Refused: ${number(said.counts.refused)}`, bars(refused.map(([name, count]) => [plain(name), count]))) : null,
    ].filter(Boolean);
  }

  async loadQueries() {
    if (this.said.is_extra) return;
    try {
      const said = await ask(`/api/synset/${this.wnid}/queries`);
      if (this.isGone) return;
      const languages = new Set(said.queries.map((row) => row.language));
      const hits = said.queries.reduce((sum, row) => sum + row.hits, 0);
      this.queriesTitle.textContent = `Queries: ${number(said.queries.length)} in ${counted(languages.size, "language", "languages")}, ${counted(hits, "hit", "hits")}${said.is_final ? "" : " so far"}`;
      this.queriesTable.replaceChildren(queriesTable(said));
    } catch (error) {
      if (!this.isGone) this.queriesTable.replaceChildren(h("p", { class: "error" }, reason(error)));
    }
  }

  offerPictures() {
    this.pictures.querySelector(".news")?.remove();
    const news = h("button", { type: "button", class: "main news", onclick: () => this.drawPictures() }, "There are other pictures now: show them");
    this.pictures.prepend(news);
  }

  async drawPictures() {
    const { said } = this;
    this.tiles?.stop();
    if (said.is_extra) return;
    if (!said.has_manifest) {
      if (!said.problem) this.pictures.replaceChildren(h("p", { class: "note" }, "No pictures yet: the manifest of this synset is not written. It comes with the last stage of the build."));
      return;
    }
    const shown = Object.entries(FILTERS).filter(([name]) => name === "all" || name === this.show || said.shown[name]);
    const tabs = shown.length > 1 ? h("ul", { class: "filters" }, shown.map(([name, title]) => h("li", {}, link(synsetUrl(this.wnid, name), `${title} ${number(said.shown[name])}`, { "aria-current": name === this.show ? "true" : null, class: name })))) : null;
    this.tiles = new Tiles(this.wnid, this.show);
    this.pictures.replaceChildren(
      h("h2", { id: "pictures-title" }, "Pictures"),
      ...[tabs].filter(Boolean),
      said.shown[this.show] ? this.tiles.element : h("p", { class: "note" }, said.counts.seen ? "None of the addresses that were found gave a picture that is kept." : "The engines found nothing for this synset."),
    );
    if (said.shown[this.show]) await this.tiles.start();
  }
}

function queriesTable({ queries, has_manifest: hasManifest }) {
  const head = ["query", "language", "origin", "senses", "hits", "distinct", ...(hasManifest ? ["kept", "by it alone"] : []), "engines"];
  const rows = queries.map((row) =>
    h(
      "tr",
      { class: row.hits ? "" : "zero" },
      h("th", { scope: "row", lang: tag(row.language) }, row.text),
      h("td", {}, language(row.language)),
      h("td", {}, plain(row.origin)),
      ...[row.ambiguity, row.hits, row.distinct, ...(hasManifest ? [row.kept, row.alone] : [])].map((value) => h("td", { class: "number" }, number(value))),
      h("td", { class: "small" }, Object.entries(row.engines).map(([name, count]) => `${name} ${number(count)}`).join(", ")),
    ),
  );
  return h("table", {}, h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows));
}
