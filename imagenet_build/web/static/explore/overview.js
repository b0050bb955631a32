// The run as a whole: what it holds, how far it is, what went wrong.
import { Treemap } from "./treemap.js";
import { bars, counted, h, histogram, language, link, number, plain, synsetUrl } from "./elements.js";

const TITLES = { taxonomy: "synsets chosen", queries: "queries made", search: "searched", download: "downloaded", dedup: "duplicates grouped", manifest: "manifests written" };

export class Overview {
  constructor(main, run) {
    this.main = main;
    this.run = run; // () -> what /api/run said last
  }

  async start() {
    this.top = h("div");
    this.map = h("section", { "aria-label": "Treemap" });
    this.bottom = h("div");
    this.main.replaceChildren(this.top, this.map, this.bottom);
    this.draw();
    this.treemap = new Treemap(this.map, "", "pictures", { isPart: true });
    await this.treemap.start();
  }

  stop() {
    this.treemap?.stop();
  }

  async refresh() {
    this.draw();
    await this.treemap?.refresh();
  }

  draw() {
    const run = this.run();
    if (!run?.totals) return;
    const { totals } = run;
    document.title = `${run.name}: explorer`;
    this.top.replaceChildren(
      ...[
        h("h1", {}, `Run ${run.name}`),
        this.lead(run),
        run.problem ? h("p", { class: "error", role: "alert" }, run.problem) : null,
        this.stages(run),
        this.damaged(totals),
        totals.manifests ? this.cards(totals) : null,
        totals.synsets ? h("h2", {}, run.measure === "kept" ? "Where the pictures lie" : "The synsets") : null,
      ].filter(Boolean),
    );
    this.bottom.replaceChildren(...[this.charts(run)].filter(Boolean));
  }

  lead(run) {
    const { totals } = run;
    if (!totals.synsets) return h("p", {}, "The synsets of this run are not chosen yet. They appear here when the first stage of the build has ended.");
    const languages = run.languages.filter((code) => code !== "zxx").map(language);
    const asked = languages.length ? ` asked for in ${languages.join(", ")}` : "";
    const by = run.engines?.length ? ` from ${run.engines.join(", ")}` : "";
    if (!totals.manifests) return h("p", {}, `${counted(totals.synsets, "synset", "synsets")},${asked}${by}. There are no manifests yet: pictures appear when the last stage of the build begins.${run.measure ? " The numbers in the tree are what was found so far." : ""}`);
    return h("p", {}, `${counted(totals.synsets, "synset", "synsets")} of WordNet,${asked}${by}. ${counted(totals.kept, "picture is", "pictures are")} kept of ${number(totals.seen)} addresses seen.`);
  }

  stages(run) {
    if (!run.stages) return null;
    const isDone = run.stages.every((stage) => stage.state === "done");
    const problems = run.stages.flatMap((stage) => Object.entries(stage.problems).map(([text, count]) => [stage.name, text, count]));
    const rows = run.stages.map((stage) =>
      h(
        "li",
        { class: stage.state.replace(" ", "-") },
        h("span", {}, TITLES[stage.name] ?? stage.name),
        stage.total > 1 ? h("progress", { max: Math.max(stage.total, 1), value: stage.done + stage.refused, "aria-label": TITLES[stage.name] ?? stage.name }) : h("span", { class: "bar-room" }),
        h("span", { class: "small" }, stage.state === "waiting" ? "not begun" : stage.total > 1 ? `${number(stage.done + stage.refused)} of ${number(stage.total)}` : stage.state === "done" ? "done" : "at work"),
      ),
    );
    return h(
      "section",
      { "aria-label": "Stages of the build" },
      isDone && !problems.length ? null : h("ol", { class: "stages" }, rows),
      problems.length ? h("ul", { class: "problems" }, problems.map(([stage, text, count]) => h("li", {}, h("b", {}, `${stage}: `), text, count > 1 ? ` (${number(count)} times)` : ""))) : null,
    );
  }

  damaged(totals) {
    if (!totals.damaged.length) return null;
    const shown = totals.damaged.slice(0, 20);
    return h("p", { class: "error" }, `${counted(totals.damaged.length, "manifest", "manifests")} cannot be read: `, shown.map((wnid, place) => [place ? ", " : "", link(synsetUrl(wnid), wnid)]), totals.damaged.length > shown.length ? " …" : "");
  }

  cards(totals) {
    const judged = totals.accepted + totals.rejected + totals.undecided;
    const rows = [
      [totals.synsets, "synsets", `${number(totals.non_empty)} with pictures`],
      [totals.kept, "pictures kept", `${(totals.kept / Math.max(1, totals.non_empty)).toFixed(1)} per synset with any`],
      ...(judged ? [[totals.accepted, "accepted", `${number(totals.rejected)} rejected, ${number(totals.undecided)} undecided`]] : []),
      [totals.duplicates, "duplicates", "folded under one that is kept"],
      [totals.refused, "refused", "each with its reason"],
      ...(totals.waiting ? [[totals.waiting, "waiting", "not fetched yet"]] : []),
    ];
    return h("ul", { class: "numbers" }, rows.map(([value, name, note]) => h("li", {}, h("b", {}, number(value)), h("span", {}, name), h("span", { class: "small" }, note))));
  }

  charts(run) {
    const { totals } = run;
    if (!totals.manifests) return null;
    const refused = Object.entries(totals.refused_by_reason);
    return h(
      "div",
      { class: "charts" },
      histogram(totals.histogram, run.bins, "Synsets by their number of pictures. The small bars in the tree show the same of what lies below each synset."),
      refused.length ? h("figure", {}, bars(refused.slice(0, 12).map(([name, count]) => [plain(name), count])), h("figcaption", {}, "Why addresses were refused.")) : null,
    );
  }
}
