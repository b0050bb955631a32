// One picture, large, with all that is known of where it comes from.
import { ask, reason, whyMissing } from "./ask.js";
import { background } from "./tiles.js";
import { counted, h, language, link, number, outside, pictureUrl, plain, size, synsetUrl, tag } from "./elements.js";

const SWIPE_PX = 60;
const REASONS = { exact: "the same file", same_pixels: "the same pixels", near: "nearly the same", mirrored: "mirrored" };

export class Viewer {
  constructor(dialog, { onClose, onMove }) {
    this.dialog = dialog;
    this.onClose = onClose;
    this.onMove = onMove;
    this.said = null;
    this.wanted = "";
    this.isLoading = false;
    this.steps = 0; // pressed while a picture's page was on its way
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    dialog.addEventListener("click", (event) => event.target === dialog && this.leave());
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this.go("previous");
      else if (event.key === "ArrowRight") this.go("next");
      else return;
      event.preventDefault();
    });
    let startX = null;
    dialog.addEventListener("pointerdown", (event) => (startX = event.pointerType === "touch" ? event.clientX : null));
    dialog.addEventListener("pointerup", (event) => {
      if (startX === null) return;
      const moved = event.clientX - startX;
      if (Math.abs(moved) > SWIPE_PX) this.go(moved > 0 ? "previous" : "next");
      startX = null;
    });
  }

  get isOpen() {
    return this.dialog.open;
  }

  async show(wnid, id, show) {
    this.place = { wnid, id, show };
    this.wanted = `${wnid}/${id}/${show}`;
    const wanted = this.wanted;
    this.isLoading = true;
    if (!this.dialog.open) {
      this.steps = 0;
      this.dialog.replaceChildren(h("p", { class: "small" }, "…"));
      this.dialog.showModal();
    }
    try {
      const said = await ask(`/api/synset/${wnid}/pictures/${id}?show=${show}`);
      if (wanted !== this.wanted) return;
      this.isLoading = false;
      this.draw(said);
    } catch (error) {
      if (wanted !== this.wanted) return;
      this.isLoading = false;
      this.dialog.replaceChildren(h("p", { class: "error", role: "alert" }, reason(error)), this.closer());
    }
    const { steps } = this;
    this.steps -= Math.sign(steps);
    if (steps) this.go(steps > 0 ? "next" : "previous");
  }

  hide() {
    this.wanted = "";
    this.said = null;
    if (this.dialog.open) this.dialog.close();
  }

  leave() {
    this.onClose(this.place);
  }

  go(where) {
    if (this.isLoading) {
      this.steps += where === "next" ? 1 : -1;
      return;
    }
    const id = this.said?.[where];
    if (!id) {
      this.steps = 0;
      return;
    }
    history.replaceState(history.state, "", pictureUrl(this.place.wnid, id, this.place.show));
    this.onMove();
  }

  closer() {
    return h("button", { type: "button", class: "close", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.leave() }, "✕");
  }

  draw(said) {
    const focused = this.dialog.contains(document.activeElement) ? document.activeElement.dataset?.go : null;
    this.said = said;
    const step = (where, text, name) => h("button", { type: "button", class: "step", "data-go": where, "aria-label": name, title: name, disabled: !said[where], onclick: () => this.go(where) }, text);
    const stage = h("div", { class: "stage" }, this.picture(said), step("previous", "‹", "Previous picture (←)"), step("next", "›", "Next picture (→)"));
    this.dialog.replaceChildren(stage, h("div", { class: "facts", tabindex: "0", role: "region", "aria-label": "Where it comes from" }, ...[this.head(said), this.copies(said), this.facts(said)].filter(Boolean)), this.closer());
    const again = focused && this.dialog.querySelector(`[data-go="${focused}"]:enabled`);
    (again || this.dialog.querySelector(".close")).focus({ preventScroll: true, focusVisible: false });
  }

  picture(said) {
    const { wnid } = this.place;
    const frame = h("div", { class: "frame", style: background(`/sheets/${wnid}?rows=${said.row}`, 0, 1) });
    if (said.width) frame.style.aspectRatio = `${said.width} / ${said.height}`;
    frame.style.setProperty("--wide", `${Math.max(2 * (said.width || 0), 240)}px`);
    const note = (text) => frame.replaceChildren(h("p", { class: "missing" }, text, h("br"), "What you see is the 32 × 32 version in the manifest."));
    if (!said.size) {
      note("This run keeps no files of pictures.");
      return frame;
    }
    const source = `/pictures/${wnid}/${said.id}/whole`;
    const image = h("img", { src: source, alt: said.title || `A picture found for ${said.synset_name}` });
    image.addEventListener("error", async () => note(await whyMissing(source)));
    frame.append(image);
    return frame;
  }

  head(said) {
    const place = said.place === null ? (said.duplicate_of ? "a duplicate" : "") : `${number(said.place + 1)} of ${number(said.of)}`;
    return h("div", {}, h("h2", {}, said.title || "Without a title"), h("p", { class: "small", role: "status" }, link(synsetUrl(this.place.wnid), said.synset_name), place ? ` · ${place}` : ""));
  }

  facts(said) {
    const rows = [];
    const add = (name, ...value) => value.some((part) => part) && rows.push(h("div", {}, h("dt", {}, name), h("dd", {}, ...value)));
    if (said.verdict) {
      const { verdict, yes, no, unsure, probability } = said.verdict;
      add("Verdict", h("b", { class: verdict }, verdict), ` · ${yes} yes, ${no} no${unsure ? `, ${unsure} unsure` : ""} · probability ${probability.toFixed(3)}`);
    }
    if (said.duplicate_of) add("Duplicate", `${REASONS[said.duplicate_reason] ?? said.duplicate_reason}; kept is `, link(pictureUrl(this.place.wnid, said.duplicate_of.split("_")[1]), "this picture"));
    if (said.conflicts.length) add("Also found for", conflicts(said.conflicts));
    if (said.leak) add("Excluded list", h("b", { class: "leak" }, said.leak));
    const name = said.license === "unknown" ? "unknown" : [said.license, said.license_version].filter(Boolean).join(" ");
    add("Licence", outside(said.license_link, name));
    add("Creator", said.creator ? outside(said.creator_url, said.creator) : "");
    add("Source page", said.page_url ? outside(said.page_url, said.page_url) : said.page_url_text);
    add("Picture", said.url ? outside(said.url, said.url) : said.url_text);
    add("Redirected to", said.final_url ? outside(said.final_url, said.final_url) : said.final_url_text);
    add("File", [said.format, said.width ? `${number(said.width)} × ${number(said.height)} pixels` : "", said.size ? size(said.size) : "", said.frames > 1 ? `${said.frames} frames` : ""].filter(Boolean).join(" · "));
    add("Found by", found(said.queries));
    add("Fetched", said.fetched_at ? h("time", { datetime: said.fetched_at }, said.fetched_at.slice(0, 19).replace("T", " ") + " UTC") : "");
    add("sha256", said.sha256 ? h("code", {}, said.sha256) : "");
    add("In the run", said.shard ? h("code", {}, `images/${said.shard} at ${said.offset}`) : "");
    add("Candidate", h("code", {}, said.candidate_id));
    return h("dl", { class: "provenance" }, rows);
  }

  copies(said) {
    if (!said.copies.length) return null;
    const { wnid } = this.place;
    return h(
      "section",
      {},
      h("h3", {}, `${counted(said.copies_total, "duplicate", "duplicates")} folded under this picture`),
      h("ul", { class: "copies" }, said.copies.map((copy) => h("li", {}, h("a", { href: pictureUrl(wnid, copy.id), "data-replace": true }, h("img", { src: `/pictures/${wnid}/${copy.id}`, alt: "", loading: "lazy" }), h("span", {}, REASONS[copy.duplicate_reason] ?? copy.duplicate_reason, h("br"), copy.width ? `${copy.width} × ${copy.height}` : "", copy.license === "unknown" ? "" : ` · ${copy.license}`))))),
    );
  }
}

function conflicts(rows) {
  return h("ul", { class: "plain" }, rows.map((row) => h("li", {}, link(pictureUrl(row.wnid, row.id), row.name), ` (${REASONS[row.reason] ?? row.reason}${row.related ? "; one synset stands above the other" : ""})`)));
}

function found(queries) {
  const grouped = new Map();
  for (const one of queries) {
    const key = `${one.language}/${one.query}`;
    grouped.set(key, [...(grouped.get(key) ?? []), one]);
  }
  return h("ul", { class: "plain" }, [...grouped.values()].map((hits) => h("li", {}, h("span", { lang: tag(hits[0].language) }, `“${hits[0].query}”`), ` ${language(hits[0].language)}, ${plain(hits[0].origin)}: `, hits.map((hit) => `${hit.engine} at ${hit.rank + 1}`).join(", "))));
}
