// Rows on which the models disagree: the picture where there is one, the truth, and who is wrong.

import { ROOT, ask } from "../api.js";
import { drawDigit } from "../digit.js";
import { make } from "../dom.js";
import { nameClass } from "../names.js";
import { join, number, writeValue } from "../words.js";
import { say } from "./words.js";

const MAX_SHOWN = 12;
const DRAWN_FEATURES = 64;
const MAX_VALUES = 4;

/** @typedef {{picture: Node | null, place: string, link: string | null, truth: string, said: Record<string, string>}} Row */

/**
 * Shows the rows, which are fetched where they are held-out ones; returns null where there is nothing to show.
 * @param {import("./view.js").View} view
 * @param {import("./own_data.js").OwnData | null} own
 */
export async function showDisagreements(view, own) {
  const { rows, count, reason } = own ? readOwn(view, own) : await fetchHeldOut(view);
  if (!rows.length) return reason ? part(make("p", { class: "quiet" }, say("noExamples"), " ", make("span", { lang: "en" }, reason))) : null;
  return part(make("p", { class: "quiet" }, say("disagreeOn", number(count, {}), number(view.rows, {}))),
    make("ul", { class: "rows" }, ...rows.map((row) => showRow(view, row))));
}

/** @param {...Node} content */
function part(...content) {
  return make("section", { class: "disagreements part" }, make("h2", {}, say("disagreements")), ...content);
}

/** @param {import("./view.js").View} view @returns {Promise<{rows: Row[], count: number, reason?: string}>} */
async function fetchHeldOut(view) {
  const found = await ask(`tasks/${encodeURIComponent(view.task)}/examples?hard=1&n=${MAX_SHOWN}`);
  const rows = found.inputs.map((/** @type {any[]} */ values, /** @type {number} */ index) => ({
    picture: values.length === DRAWN_FEATURES ? drawDigit(values) : null,
    place: values.length === DRAWN_FEATURES ? "" : `${values.slice(0, MAX_VALUES).map(writeValue).join(" · ")}${values.length > MAX_VALUES ? " …" : ""}`,
    link: new URL(`?task=${encodeURIComponent(view.task)}&x=${encodeURIComponent(values.join(","))}`, ROOT).href,
    truth: found.labels[index],
    said: Object.fromEntries(Object.entries(found.predictions).map(([model, labels]) => [model, /** @type {any} */ (labels)[index]])),
  }));
  return { rows, count: found.hard, reason: found.reason };
}

/**
 * @param {import("./view.js").View} view
 * @param {import("./own_data.js").OwnData} own
 * @returns {{rows: Row[], count: number, reason?: string}}
 */
function readOwn({ evidence, classes }, { pictures }) {
  const { count, rows } = evidence.numbers.disagreements;
  return { count, rows: rows.slice(0, MAX_SHOWN).map((/** @type {number} */ index) => {
    const place = evidence.data.places[index];
    const file = pictures.get(place);
    return {
      picture: file ? make("img", { src: URL.createObjectURL(file), alt: "" }) : null, place, link: null,
      truth: classes[evidence.truth[index]],
      said: Object.fromEntries(evidence.answers.map((/** @type {any} */ each) => [each.model, classes[each.label[index]]])),
    };
  }) };
}

/** @param {import("./view.js").View} view @param {Row} row */
function showRow(view, { picture, place, link, truth, said }) {
  /** @type {Map<string, string[]>} */
  const wrong = new Map();
  for (const [model, label] of Object.entries(said)) {
    if (label !== truth) wrong.set(label, [...(wrong.get(label) ?? []), view.name(model)]);
  }
  const told = [...wrong].sort((a, b) => b[1].length - a[1].length).map(([label, names]) =>
    make("span", { class: "wrongly" }, make("b", {}, nameClass(label)), `: ${join(names, say("and"))}`));
  const content = [picture, make("span", { class: "row-told" }, place ? make("span", { class: "quiet" }, place) : null,
    make("span", {}, say("truth"), make("b", {}, nameClass(truth))), ...told)];
  return make("li", {}, link ? make("a", { href: link, title: say("tryIt") }, ...content) : make("div", {}, ...content));
}
