// What each value adds to an answer, as bars, for one model at a time; it asks only while it is open.

import { Refusal, post } from "./api.js";
import { latestOnly, make } from "./dom.js";
import { nameFeature } from "./feature_names.js";
import { nameClass, nameFamily } from "./names.js";
import { number, say } from "./words.js";

/** So many features are shown, those that add most. */
const MAX_SHOWN = 10;

/**
 * @typedef {{feature: string, value: any, flips_at: number | null, class: string | null}} Flip
 * @typedef {{feature: string, value: any, contribution: number, standard_error?: number}} Contribution
 */

export class Contributions {
  /**
   * @param {import("./bench.js").Bench} bench
   * @param {(flips: Map<string, Flip>) => void} mark shows on the sliders where the class flips
   */
  constructor(bench, mark) {
    this.bench = bench;
    this.mark = mark;
    const { members } = bench.tab;
    this.choice = make("select", { id: "adds-model", change: () => this.ask() },
      ...members.map(({ name, family }) => make("option", { value: name }, nameFamily(family))));
    this.told = make("p", { class: "told", role: "status" });
    this.list = make("ol");
    this.element = make("details", { class: "adds", toggle: () => this.ask() }, make("summary", {}, say("adds")),
      make("div", { class: "buttons" }, make("label", { for: "adds-model" }, say("addsModel")), this.choice),
      this.told, this.list);
    /** @type {any[] | null} */
    this.row = null;
    this.send = latestOnly((/** @type {any[]} */ row) => this.answer(row));
  }

  /** Takes the row of the moment, none where it is no row. @param {any[] | null} row */
  show(row) {
    this.row = row;
    this.mark(new Map());
    this.ask();
  }

  ask() {
    this.element.classList.toggle("waiting", Boolean(this.row && this.element.open));
    if (this.row && this.element.open) this.send(this.row);
    if (!this.element.open) this.mark(new Map());
  }

  /** @param {any[]} row */
  async answer(row) {
    const model = this.bench.tab.members.find(({ name }) => name === this.choice.value);
    if (!model) return;
    const wish = { model: model.name, inputs: [row], flips: this.bench.isClassifier };
    try {
      const { explanations } = await post("explain", model.family === "knn" ? { ...wish, method: "shapley" } : wish);
      const isLate = row !== this.row || model.name !== this.choice.value || !this.element.open;
      if (this.bench.isOpen && !isLate) this.draw(explanations[0]);
    } catch (error) {
      if (!this.bench.isOpen) return;
      const isTheirs = error instanceof Refusal;
      const said = make("span", { lang: isTheirs ? "en" : null }, /** @type {Error} */ (error).message);
      this.told.replaceChildren(isTheirs ? say("serverSays") : "", said);
      this.list.replaceChildren();
      this.element.classList.remove("waiting");
    }
  }

  /** @param {any} explained */
  draw(explained) {
    const { base, total, explains, class: label, contributions } = explained;
    const what = say("addsUnit", explains, label === undefined ? null : nameClass(label));
    /** @type {Map<string, Flip>} */
    const flips = new Map((explained.flips ?? []).map((/** @type {Flip} */ each) => [each.feature, each]));
    const isSampled = contributions[0]?.standard_error !== undefined;
    this.told.textContent = [say("addsTold", what, write(base), write(total)), isSampled ? say("addsSampled") : ""].join(" ");
    const matters = (/** @type {Contribution} */ { feature, contribution }) =>
      contribution !== 0 || typeof flips.get(feature)?.flips_at === "number";
    const shown = contributions.filter(matters).slice(0, MAX_SHOWN);
    const largest = Math.max(...shown.map((/** @type {Contribution} */ each) => Math.abs(each.contribution))) || 1;
    this.list.replaceChildren(...shown.map((/** @type {Contribution} */ each) => drawLine(each, nameFeature(this.bench.tab.task, each.feature), largest, flips.get(each.feature))));
    this.element.classList.remove("waiting");
    this.mark(flips);
  }
}

/**
 * @param {Contribution} contribution
 * @param {string} name of the feature
 * @param {number} largest
 * @param {Flip | undefined} flip
 */
function drawLine({ contribution, standard_error: error }, name, largest, flip) {
  const bar = make("span", { class: contribution < 0 ? "bar less" : "bar" });
  const share = 50 * Math.abs(contribution) / largest;
  bar.style.setProperty("inline-size", `${share}%`);
  bar.style.setProperty("margin-inline-start", `${contribution < 0 ? 50 - share : 50}%`);
  const sign = contribution < 0 ? "−" : "+";
  const margin = error === undefined ? "" : ` ± ${write(error)}`;
  const turns = flip && flip.flips_at !== null ? say("flips", write(flip.flips_at), nameClass(flip.class ?? "")) : "";
  return make("li", {}, make("span", { class: "family" }, name),
    make("span", { class: "track", "aria-hidden": "true" }, bar),
    make("span", { class: "figure" }, `${sign}${write(Math.abs(contribution))}${margin}`),
    make("span", { class: "turns" }, turns));
}

/** @param {number} value */
function write(value) {
  return number(value, { maximumSignificantDigits: 3 });
}
