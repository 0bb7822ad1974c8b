// Which model to trust, in one sentence, from what the files keep of held-out rows; below it the intervals.

import { ROOT, ask } from "./api.js";
import { make } from "./dom.js";
import { listEqual, loadCard } from "./models.js";
import { nameFamily } from "./names.js";
import { hundredths, number, percent, say, writeApart } from "./words.js";

/**
 * Fills the place with the sentence of a task, and returns the names of the models that vote.
 * @param {HTMLElement} place
 * @param {import("./models.js").Tab} tab
 * @returns {Promise<Set<string>>}
 */
export async function showTrust(place, tab) {
  if (tab.members.length === 1) {
    showAlone(place, tab, await loadCard(tab.members[0].name));
    return new Set();
  }

  try {
    const { numbers } = await ask(`tasks/${encodeURIComponent(tab.task)}/verdict`);
    place.replaceChildren(make("h2", {}, say("trust")), writeSentence(numbers, tab),
      make("div", { class: "more" }, showIntervals(numbers, tab), linkToAll(tab)));
    return new Set(numbers.models.filter((/** @type {any} */ each) => each.votes).map((/** @type {any} */ each) => each.model));
  } catch (error) {
    const said = make("span", { lang: "en" }, /** @type {Error} */ (error).message);
    place.replaceChildren(make("h2", {}, say("trust")), make("p", {}, say("noVerdict"), " ", say("serverSays"), said));
    return new Set();
  }
}

/** @param {import("./models.js").Tab} tab */
function linkToAll({ task }) {
  return make("a", { href: new URL(`trust?task=${encodeURIComponent(task)}`, ROOT).href }, say("trustMore"));
}

/**
 * Says of the only model of a task what its card says.
 * @param {HTMLElement} place
 * @param {import("./models.js").Tab} tab
 * @param {any} card
 */
function showAlone(place, tab, { name, metrics, provenance }) {
  const accuracy = metrics?.accuracy;
  const rows = provenance?.split?.held_out;
  const told = accuracy && rows ? say("alone", namer(tab)(name), number(rows, {}), writeAccuracy(accuracy)) : say("noVerdict");
  place.replaceChildren(make("h2", {}, say("trust")), make("p", {}, told));
}

/** @param {any} numbers @param {import("./models.js").Tab} tab */
function writeSentence(numbers, tab) {
  const name = namer(tab);
  const n = numbers.models.length;
  const figure = writeAccuracy(numbers.leader_accuracy, n > 1 ? say("asBestOf", n) : "");
  const rows = number(numbers.rows, {});
  if (numbers.models.length === 1) return make("p", {}, say("alone", name(numbers.leader), rows, figure));

  const [better, level] = [/** @type {string[]} */ ([]), /** @type {string[]} */ ([])];
  for (const { models, verdict } of numbers.pairs) {
    if (!models.includes(numbers.leader)) continue;
    const [mine, theirs] = models[0] === numbers.leader ? ["a", models[1]] : ["b", models[0]];
    (verdict === mine ? better : level).push(name(theirs));
  }

  const front = [numbers.leader, ...listEqual(numbers.pairs, numbers.leader)].map(name);
  const leads = say("leads", front, rows, figure);
  const subject = front.length > 1 ? front[0] : null;
  if (!better.length) return make("p", {}, leads, say("noneBetter", level, subject));
  return make("p", {}, leads, say("better", better, subject), level.length ? say("butNot", level) : ".");
}

/** @param {any} numbers @param {import("./models.js").Tab} tab */
function showIntervals(numbers, tab) {
  const name = namer(tab);
  const models = [...numbers.models].sort((a, b) => b.metrics.accuracy.value - a.metrics.accuracy.value);
  const low = Math.min(...models.map((each) => each.metrics.accuracy.interval[0]));
  const place = (/** @type {number} */ share) => 100 * (share - low) / (1 - low || 1);
  const lines = models.map(({ model, metrics: { accuracy } }) => {
    const [from, to] = accuracy.interval;
    const bar = make("span", { class: "interval" });
    bar.style.setProperty("margin-inline-start", `${place(from)}%`);
    bar.style.setProperty("inline-size", `${Math.max(place(to) - place(from), 0.5)}%`);
    const point = make("span", { class: "point" });
    point.style.setProperty("inset-inline-start", `${place(accuracy.value)}%`);
    const best = numbers.may_be_best.includes(model);
    return make("li", { class: best ? "best" : "" }, make("span", { class: "family" }, name(model)),
      make("span", { class: "line", "aria-hidden": "true" }, bar, point),
      make("span", { class: "figure" }, writeAccuracy(accuracy)),
      make("span", { class: "unseen" }, best ? say("mayBeBest") : ""));
  });
  return make("details", {}, make("summary", {}, say("why")), make("p", { class: "quiet" }, say("intervals")),
    make("ol", { class: "intervals" }, ...lines));
}

/** @param {{value: number, interval: [number, number] | null}} accuracy @param {string} condition of the interval */
function writeAccuracy({ value, interval }, condition = "") {
  if (!interval) return percent(value);
  const [written, low, high] = writeApart([value, ...interval], 1, hundredths);
  const shown = written === hundredths(value, 1) ? percent(value) : `${written}\u00a0%`;
  return `${shown} (${low}–${high}${condition && `, ${condition}`})`;
}

/** @param {import("./models.js").Tab} tab */
function namer(tab) {
  const families = new Map(tab.members.map(({ name, family }) => [name, nameFamily(family)]));
  return (/** @type {string} */ model) => families.get(model) ?? model;
}
