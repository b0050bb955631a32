// The search page: results as one types.
import { ask, reason } from "./ask.js";
import { counted, h, language, measureOf, number, sparkline, synsetUrl, tag } from "./elements.js";

const MOST_COVERS = 40;

export async function showSearch(main, asked, { signal }) {
  let said;
  try {
    said = await ask(`/api/search?q=${encodeURIComponent(asked)}`, { signal });
  } catch (error) {
    if (!signal.aborted) main.replaceChildren(h("p", { class: "error", role: "alert" }, reason(error)));
    return;
  }
  if (signal.aborted) return;
  const { found, total, measure } = said;
  const head = total
    ? `${counted(total, "synset", "synsets")} for “${asked}”${total > found.length ? `; the best ${number(found.length)}` : ""}`
    : `Nothing in this run answers to “${asked}”`;
  const parts = [
    h("h1", { role: "status" }, head),
    total ? null : h("p", {}, "Words of every language of the run are searched, without regard to case and accents; so are glosses, wnids and their beginnings."),
    h("ol", { class: "results" }, found.map((row, place) => result(row, measure, place))),
  ];
  main.replaceChildren(...parts.filter(Boolean));
}

function result(row, measure, place) {
  const matched = row.text && row.text !== row.name && row.language;
  return h(
    "li",
    {},
    h(
      "a",
      { href: synsetUrl(row.wnid) },
      place < MOST_COVERS && row.below ? cover(row.wnid) : h("span", { class: "cover" }),
      h(
        "span",
        { class: "about" },
        h("span", { class: "title" }, h("b", {}, row.name), row.more_names.length ? h("span", { class: "small" }, ` ${row.more_names.join(", ")}`) : null, h("span", { class: "small wnid" }, row.wnid)),
        matched ? h("span", { class: "small" }, `${language(row.language)}: `, h("span", { lang: tag(row.language) }, row.text)) : null,
        h("span", { class: "gloss" }, row.gloss),
        h("span", { class: "small" }, `${number(row.below)} ${measureOf(measure)}`, row.children ? ` in ${counted(row.synsets, "synset", "synsets")} ` : " ", row.children ? sparkline(row.histogram) : null),
      ),
    ),
  );
}

// A picture that stands for a synset.
export const cover = (wnid) => h("span", { class: "cover" }, coverImage(wnid));

const MOST_CUT = 0.4;

// None is no error. One of another shape than its frame is shown whole instead of filling the frame.
export function coverImage(wnid) {
  const image = h("img", { src: `/pictures/${wnid}/cover`, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.remove());
  image.addEventListener("load", () => {
    const own = image.naturalWidth / image.naturalHeight;
    const frame = image.clientWidth / image.clientHeight;
    image.classList.toggle("whole", Math.min(own / frame, frame / own) < 1 - MOST_CUT);
  });
  return image;
}

// Arrows move through the results, and back up into the search field.
export function moveInResults(event, main, field) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return false;
  const links = [...main.querySelectorAll(".results a")];
  const place = links.indexOf(document.activeElement);
  if (!links.length || (place < 0 && document.activeElement !== field)) return false;
  event.preventDefault();
  const next = place + (event.key === "ArrowDown" ? 1 : -1);
  if (next < 0) field.focus();
  else links[Math.min(next, links.length - 1)].focus();
  return true;
}
