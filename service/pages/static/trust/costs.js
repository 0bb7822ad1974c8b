// What mistakes cost: with prices of one's own another model may be the cheapest.

import { make } from "../dom.js";
import { nameClass } from "../names.js";
import { number } from "../words.js";
import { say } from "./words.js";

/** With more classes there is one price for each that is missed, and none for what is said instead. */
const MAX_MATRIX = 4;
const MAX_CLASSES = 12;

/**
 * @param {import("./view.js").View} view
 * @param {number[][]} prices by true class and by what is said
 * @param {(prices: number[][]) => void} keep
 */
export function showCosts(view, prices, keep) {
  const { classes } = view;
  if (classes.length > MAX_CLASSES) return null;
  const ranking = make("ol", { class: "ranking" });
  const write = () => ranking.replaceChildren(...rankByCost(view, prices));
  const change = (/** @type {number} */ truth, /** @type {number[]} */ said) => (/** @type {any} */ event) => {
    const price = Math.max(0, Number(event.target.value) || 0);
    for (const each of said) prices[truth][each] = price;
    keep(prices);
    write();
  };
  write();
  return make("section", { class: "costs part" }, make("h2", {}, say("costs")), make("p", { class: "quiet" }, say("costsLead")),
    classes.length <= MAX_MATRIX ? writeMatrix(classes, prices, change) : writeList(classes, prices, change),
    ranking, make("p", { class: "quiet" }, say("costsNote")));
}

/** Returns prices of 1 for each mistake. @param {string[]} classes */
export function makePrices(classes) {
  return classes.map((_, truth) => classes.map((__, said) => Number(truth !== said)));
}

/**
 * @param {string[]} classes
 * @param {number[][]} prices
 * @param {(truth: number, said: number[]) => (event: any) => void} change
 */
function writeMatrix(classes, prices, change) {
  return make("div", { class: "scrolled", tabindex: 0, role: "group", "aria-label": say("costs") }, make("table", { class: "matrix" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, say("truthSaid")), ...classes.map((name) => make("th", { scope: "col" }, nameClass(name))))),
    make("tbody", {}, ...classes.map((name, truth) => make("tr", {}, make("th", { scope: "row" }, nameClass(name)),
      ...classes.map((other, said) => make("td", {}, truth === said ? "0"
        : makeInput(prices[truth][said], say("price", nameClass(name), nameClass(other)), change(truth, [said])))))))));
}

/**
 * @param {string[]} classes
 * @param {number[][]} prices
 * @param {(truth: number, said: number[]) => (event: any) => void} change
 */
function writeList(classes, prices, change) {
  return make("div", { class: "prices" }, ...classes.map((name, truth) => {
    const others = classes.map((_, said) => said).filter((said) => said !== truth);
    return make("label", {}, nameClass(name), makeInput(prices[truth][others[0]], say("priceOfMissed", nameClass(name)), change(truth, others)));
  }));
}

/** @param {number} value @param {string} name @param {(event: any) => void} input */
function makeInput(value, name, input) {
  return make("input", { type: "number", min: 0, step: "any", value, "aria-label": name, input });
}

/** @param {import("./view.js").View} view @param {number[][]} prices */
function rankByCost(view, prices) {
  const costs = view.models.map(({ model, metrics: { confusion } }) => {
    const sum = confusion.flatMap((/** @type {number[]} */ row, /** @type {number} */ truth) => row.map((n, said) => n * prices[truth][said]))
      .reduce((/** @type {number} */ all, /** @type {number} */ each) => all + each, 0);
    return { model, cost: 100 * sum / view.rows };
  }).sort((a, b) => a.cost - b.cost || a.model.localeCompare(b.model));
  const most = Math.max(...costs.map(({ cost }) => cost)) || 1;
  return costs.map(({ model, cost }, place) => {
    const bar = make("span", { class: "bar" });
    bar.style.setProperty("inline-size", `${100 * cost / most}%`);
    return make("li", { class: place ? "" : "cheapest" }, make("span", { class: "family" }, view.name(model)),
      make("span", { class: "track", "aria-hidden": "true" }, bar), make("span", { class: "figure" }, number(cost, { maximumSignificantDigits: 3 })));
  });
}
