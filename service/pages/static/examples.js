// Held-out rows: the person says a verdict first, then the page tells the truth.

import { ask } from "./api.js";
import { button, make } from "./dom.js";
import { nameClass } from "./names.js";
import { say } from "./words.js";

const N_EXAMPLES = 200;
const MAX_GUESSES = 12;
/** The first one that is shown has a consensus of about so many of the models. */
const FIRST_SHARE = 0.7;

/** @typedef {{row: any[], truth: string, predictions: string[]}} Example */

export class Examples {
  /**
   * @param {import("./models.js").Tab} tab
   * @param {(example: Example) => void} choose
   * @param {() => void} reveal
   */
  constructor(tab, choose, reveal) {
    this.tab = tab;
    this.choose = choose;
    this.reveal = reveal;
    this.n = N_EXAMPLES;
    /** @type {Example | null} */
    this.current = null;
    /** @type {Map<boolean, {list: Example[], next: number}>} */
    this.kept = new Map();
    this.guesses = make("div", { class: "guesses", role: "group", "aria-label": say("guess") });
    this.told = make("p", { class: "told", role: "status" });
    this.element = make("div", { class: "quiz" }, this.told, this.guesses);
    this.buttons = [
      button(say("hardOne"), () => this.show(true), { class: "hard" }),
      button(say("anyOne"), () => this.show(false)),
    ];
  }

  /** Hides the buttons where no held-out rows are kept. @returns {Promise<boolean>} */
  async load() {
    const hard = await this.fetch(true);
    const any = hard.list.length ? hard : await this.fetch(false);
    this.buttons[0].hidden = !hard.list.length;
    this.buttons[1].hidden = !any.list.length;
    return any.list.length > 0;
  }

  /** @param {boolean} isHard */
  async fetch(isHard) {
    const kept = this.kept.get(isHard);
    if (kept) return kept;
    const found = await ask(`tasks/${encodeURIComponent(this.tab.task)}/examples?n=${this.n}&hard=${Number(isHard)}`);
    const list = found.inputs.map((/** @type {any[]} */ row, /** @type {number} */ index) => ({
      row,
      truth: found.labels[index],
      predictions: Object.values(found.predictions).map((/** @type {any} */ labels) => labels[index]),
    }));
    const fresh = { list, next: isHard ? findFirst(list) : 0 };
    this.kept.set(isHard, fresh);
    return fresh;
  }

  /** @param {boolean} isHard */
  async show(isHard) {
    const kept = await this.fetch(isHard);
    if (!kept.list.length) return;
    const chosen = kept.list[kept.next % kept.list.length];
    kept.next += 1;
    this.current = chosen;
    this.choose(chosen);
    this.question();
  }

  question() {
    const classes = [...new Set(this.classes ?? [])];
    this.told.textContent = say("guess");
    this.guesses.replaceChildren(...classes.slice(0, MAX_GUESSES).map((name) =>
      button(nameClass(name), () => this.answer(name))));
  }

  /** @param {string} guess */
  answer(guess) {
    const example = this.current;
    if (!example) return;
    const n = example.predictions.filter((each) => each === example.truth).length;
    this.told.textContent = say("truth", nameClass(example.truth)) + say(guess === example.truth ? "youRight" : "youWrong")
      + say("modelsRight", n, example.predictions.length);
    for (const each of this.guesses.children) {
      each.classList.toggle("true", each.textContent === nameClass(example.truth));
      each.setAttribute("aria-pressed", String(each.textContent === nameClass(guess)));
    }
    this.reveal();
  }

  /** Forgets the example, since the input is the person's own now. */
  forget() {
    this.current = null;
    this.told.textContent = "";
    this.guesses.replaceChildren();
  }

  /** @param {string[]} classes */
  setClasses(classes) {
    this.classes = classes;
  }
}

/** Returns the place of the first example on which most, but not all, agree. @param {Example[]} list */
function findFirst(list) {
  const place = list.findIndex(({ predictions }) => {
    const counts = new Map();
    for (const each of predictions) counts.set(each, (counts.get(each) ?? 0) + 1);
    return Math.max(...counts.values()) >= FIRST_SHARE * predictions.length;
  });
  return Math.max(place, 0);
}
