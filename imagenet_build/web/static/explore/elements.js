// Making elements; numbers, languages and sizes as people read them. Texts of the run only ever become text.
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const number = (value) => value.toLocaleString("en-US");

const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
export const short = (value) => (value < 10000 ? number(value) : COMPACT.format(value));

export const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

export const plain = (name) => name.replaceAll("_", " ");

export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });
export function language(code) {
  if (code === "zxx") return "ids of concepts";
  try {
    return LANGUAGES.of(code);
  } catch {
    return code;
  }
}

// The code that `lang` wants: two letters where there are two.
export function tag(code) {
  try {
    return Intl.getCanonicalLocales(code)[0];
  } catch {
    return null;
  }
}

// Synsets by their number of pictures, in bins of half a decade.
export function sparkline(values) {
  const top = Math.max(...values, 1);
  const bars = values.map((value, place) => {
    const height = value ? Math.max(1.5, (value / top) * 14) : 0;
    return svg("rect", { x: place * 5, y: 15 - height, width: 4, height, class: place ? "bar" : "bar none" });
  });
  return svg("svg", { class: "spark", viewBox: "0 0 40 15", "aria-hidden": "true" }, svg("path", { d: "M0 14.75H39", class: "ground" }), ...bars);
}

// A larger one, with a name under each bar, which is also a table for those who cannot see it.
export function histogram(values, labels, caption) {
  const top = Math.max(...values, 1);
  const columns = values.map((value, place) =>
    h("li", {}, h("b", {}, value ? number(value) : ""), h("span", { class: place ? "bar" : "bar none", style: { height: `${Math.max(value ? 1 : 0, (value / top) * 7)}rem` } }), h("span", { class: "label" }, labels[place])),
  );
  return h("figure", { class: "histogram" }, h("ol", {}, columns), h("figcaption", {}, caption));
}

export function bars(rows, className = "") {
  const top = Math.max(...rows.map(([, value]) => value), 1);
  return h("dl", { class: `bars ${className}` }, rows.map(([name, value, note]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("span", { class: "bar", style: { width: `${(70 * value) / top}%` } }), ` ${number(value)}`, note ? h("span", { class: "small" }, ` ${note}`) : null))));
}

export function link(href, text, attributes = {}) {
  return h("a", { href, ...attributes }, text);
}

// To somewhere else: it learns nothing of where it was linked from.
export function outside(href, text) {
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer", class: "outside" }, text) : text;
}

export const synsetUrl = (wnid, show) => `#/synset/${wnid}${show && show !== "all" ? `?show=${show}` : ""}`;
export const pictureUrl = (wnid, id, show) => `#/synset/${wnid}/picture/${id}${show && show !== "all" ? `?show=${show}` : ""}`;

export const MEASURES = { kept: "pictures", images: "pictures so far", hits: "hits so far", "": "pictures" };
export const measureOf = (name) => MEASURES[name] ?? "pictures";
