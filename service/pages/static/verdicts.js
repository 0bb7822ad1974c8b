// The verdicts of all models on one input: a headline, and a line for each model that stays where it is.

import { make } from "./dom.js";
import { nameClass, nameFamily } from "./names.js";
import { number, percent, say } from "./words.js";

/**
 * @typedef {{label: string, share: number | null}} Verdict
 * @typedef {{consensus: string, verdicts: Map<string, Verdict>}} Answer
 */

/** A longer name of a class is cut. */
const MAX_LABEL = 16;

export class Verdicts {
  /**
   * @param {import("./models.js").Model[]} members
   * @param {string[]} classes
   */
  constructor(members, classes) {
    this.headline = make("p", { class: "headline", "aria-live": "polite" }, say("loading"));
    this.took = make("span", { class: "took", title: say("answeredTitle") });
    this.lines = new Map(members.map((model) => [model.name, new Line(model)]));
    const lines = [...this.lines.values()].map((line) => line.element);
    this.element = make("div", { class: "verdicts" },
      make("div", { class: "headlines" }, this.headline, this.took), make("ol", {}, ...lines));
    const longest = Math.max(...classes.map((each) => nameClass(each).length), classes.length ? 1 : 8);
    this.element.style.setProperty("--label", `${1.15 * Math.min(longest, MAX_LABEL) + 0.25}ch`);
  }

  /**
   * Shows an answer, and which models are right where the truth is known.
   * @param {Answer} answer
   * @param {string | null} truth
   */
  show({ consensus, verdicts }, truth) {
    this.headline.replaceChildren(...tell(consensus, [...verdicts.values()]));
    this.element.classList.remove("waiting");
    for (const [name, line] of this.lines) line.show(verdicts.get(name), consensus, truth);
  }

  /**
   * Shows numbers, of which there is no consensus.
   * @param {Map<string, number>} values
   * @param {string} headline
   * @param {(value: number) => string} write
   */
  showNumbers(values, headline, write) {
    this.headline.replaceChildren(make("b", {}, headline));
    this.element.classList.remove("waiting");
    for (const [name, line] of this.lines) line.showNumber(values.get(name), write);
  }

  /** @param {string} text */
  clear(text) {
    this.headline.replaceChildren(text);
    this.took.textContent = "";
    for (const line of this.lines.values()) line.clear();
  }

  /** @param {number} ms */
  time(ms) {
    this.took.textContent = say("answered", number(ms, { maximumFractionDigits: 0 }));
  }
}

class Line {
  /** @param {import("./models.js").Model} model */
  constructor({ family }) {
    this.label = make("b", { class: "label" });
    this.bar = make("span", { class: "bar" });
    this.share = make("span", { class: "share" });
    this.note = make("span", { class: "unseen" });
    this.element = make("li", {}, make("span", { class: "family" }, nameFamily(family)), this.label,
      make("span", { class: "track", "aria-hidden": "true" }, this.bar), this.share, this.note);
  }

  /**
   * @param {Verdict | undefined} verdict
   * @param {string} consensus
   * @param {string | null} truth
   */
  show(verdict, consensus, truth) {
    if (!verdict) return this.clear();
    const { label, share } = verdict;
    const dissents = label !== consensus;
    this.element.classList.toggle("dissents", dissents);
    this.element.classList.toggle("right", truth === label);
    this.element.classList.toggle("vote", share === null);
    this.label.textContent = nameClass(label);
    this.label.title = nameClass(label);
    this.bar.style.setProperty("inline-size", `${100 * (share ?? 1)}%`);
    this.share.textContent = share === null ? say("vote") : percent(share);
    this.share.title = share === null ? say("voteTitle") : "";
    this.note.textContent = [dissents ? say("dissents") : "", truth === label ? say("right") : ""].filter(Boolean).join(", ");
  }

  /** @param {number | undefined} value @param {(value: number) => string} write */
  showNumber(value, write) {
    if (value === undefined) return this.clear();
    this.element.classList.add("number");
    this.label.textContent = write(value);
    this.bar.style.setProperty("inline-size", "0");
  }

  clear() {
    this.element.classList.remove("dissents", "right", "vote");
    this.bar.style.setProperty("inline-size", "0");
    for (const each of [this.label, this.share, this.note]) each.textContent = "";
  }
}

/**
 * Returns the headline: the consensus, how many give it, and what the others say.
 * @param {string} consensus
 * @param {Verdict[]} verdicts
 */
function tell(consensus, verdicts) {
  const n = verdicts.filter(({ label }) => label === consensus).length;
  const [name, rest] = n === verdicts.length
    ? say("all", nameClass(consensus), n) : say("some", nameClass(consensus), n, verdicts.length);
  const parts = [make("b", {}, name), rest];
  if (n < verdicts.length) parts.push(" ", make("span", { class: "others" }, say("others", countOthers(consensus, verdicts))));
  return parts;
}

/**
 * Returns the other labels with how many give each, the commonest first.
 * @param {string} consensus
 * @param {Verdict[]} verdicts
 * @returns {[string, number][]}
 */
function countOthers(consensus, verdicts) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { label } of verdicts) {
    if (label !== consensus) counts.set(nameClass(label), (counts.get(nameClass(label)) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/**
 * Returns the answer of /compare to one input; a model whose every probability is 0 or 1 votes.
 * @param {any} compared
 * @param {Set<string>} voters
 * @returns {Answer}
 */
export function readComparison(compared, voters) {
  const verdicts = new Map();
  for (const { model, predictions, probabilities } of compared.models) {
    const [label] = predictions;
    const share = probabilities[0][compared.classes.indexOf(label)];
    verdicts.set(model, { label, share: voters.has(model) ? null : share });
  }
  return { consensus: compared.consensus.predictions[0], verdicts };
}
