// A bench has an input on the left, the verdicts of all models on the right, and below them whom to trust and how to call it.

import { Refusal, Unreachable, post, ask } from "./api.js";
import { Code } from "./code.js";
import { latestOnly, make } from "./dom.js";
import { Examples } from "./examples.js";
import { nameFeature } from "./feature_names.js";
import { waitForServer } from "./notices.js";
import { writeState } from "./state.js";
import { showTrust } from "./trust.js";
import { Verdicts, readComparison } from "./verdicts.js";
import { number, say } from "./words.js";

const STATE_MS = 250;

/**
 * @typedef {{row?: any[], file?: Blob | null, shared?: string | null, truth?: string | null}} Input
 *   An input is a row or a file; `shared` is what the address keeps of it.
 */

export class Bench {
  /**
   * @param {import("./models.js").Tab} tab
   * @param {import("./models.js").Card} card
   */
  constructor(tab, card) {
    this.tab = tab;
    this.card = card;
    this.classes = card.classes ?? [];
    this.isClassifier = tab.kind === "classifier";
    this.voters = new Set(tab.members.filter(({ family }) => family === "perceptron").map(({ name }) => name));
    this.input = make("div", { class: "input" });
    this.verdicts = new Verdicts(tab.members, this.classes);
    this.trust = make("section", { class: "trust" });
    this.code = new Code();
    this.problem = make("p", { class: "problem", role: "alert" });
    this.element = make("div", { class: "halves" }, this.input,
      make("div", { class: "answers" }, this.problem, this.verdicts.element, this.trust, this.code.element));
    this.isOpen = true;
    /** @type {{answer: any, truth: string | null} | null} */
    this.shown = null;
    this.examples = new Examples(tab, (example) => this.onExample(example), () => this.reveal());
    this.examples.setClasses(this.classes);
    /** @type {(example: import("./examples.js").Example) => void} */
    this.onExample = () => {};
    this.isReady = false;
    this.send = latestOnly((/** @type {Input & {started: number}} */ input) => this.answer(input));
    this.stateTimer = 0;
    this.clearedAt = 0;
    /** @type {Input} */
    this.latest = {};
    /** @type {(() => void)[]} */
    this.closers = [];
  }

  /** Asks for the sentence on whom to trust; the verdicts do not wait for it. */
  async open() {
    if (!this.isClassifier) {
      this.trust.hidden = true;
      return;
    }
    for (const name of await showTrust(this.trust, this.tab)) this.voters.add(name);
    this.draw();
  }

  close() {
    this.isOpen = false;
    for (const each of this.closers) each();
  }

  /** Asks all models of an input, the latest one where many come. @param {Input} input */
  ask(input) {
    this.shown = null;
    this.code.show(this.describeCall(input));
    clearTimeout(this.stateTimer);
    this.stateTimer = window.setTimeout(() => this.isOpen && writeState({ x: input.shared ?? null }), STATE_MS);
    this.latest = input;
    this.send({ ...input, started: performance.now() });
  }

  /** Shows that there is nothing to ask; an answer on its way to an earlier input is not shown. @param {string} text */
  clear(text) {
    this.clearedAt = performance.now();
    this.shown = null;
    this.verdicts.clear(text);
  }

  /** @param {Input} input @returns {import("./code.js").Call} */
  describeCall({ row, file }) {
    const { task, members } = this.tab;
    if (file !== undefined) return { path: `compare?task=${encodeURIComponent(task)}`, file: "photo.jpg" };
    const tensor = row?.every((each) => typeof each === "number") ? { model: members[0].name, row } : undefined;
    if (this.isClassifier) return { path: "compare", body: { task, inputs: [row] }, tensor };
    return { path: "predict", body: { model: members[0].name, inputs: [row] }, tensor };
  }

  /** @param {Input & {started: number}} input */
  async answer({ row, file, truth = null, started }) {
    try {
      const answer = this.isClassifier ? await this.compare(row, file) : await this.predictAll(row);
      if (!this.isOpen || started < this.clearedAt) return;
      this.problem.textContent = "";
      this.shown = { answer, truth: null };
      this.truth = truth;
      this.draw();
      this.verdicts.time(performance.now() - started);
      performance.measure("verdict", { start: started });
    } catch (error) {
      if (!this.isOpen) return;
      this.showProblem(/** @type {Error} */ (error));
      if (error instanceof Unreachable) {
        await waitForServer(() => this.isOpen);
        this.send({ ...this.latest, started: performance.now() });
      }
    }
  }

  /** @param {any[] | undefined} row @param {Blob | null | undefined} file */
  async compare(row, file) {
    const { task } = this.tab;
    if (!file) return post("compare", { task, inputs: [row] });
    const headers = { "Content-Type": file.type, Accept: "application/json" };
    return ask(`compare?task=${encodeURIComponent(task)}`, { method: "POST", headers, body: file });
  }

  /** @param {any[] | undefined} row */
  async predictAll(row) {
    const answers = await Promise.all(this.tab.members.map(({ name }) => post("predict", { model: name, inputs: [row] })));
    return new Map(answers.map(({ model, predictions }) => [model, predictions[0]]));
  }

  draw() {
    if (!this.shown) return;
    const { answer, truth } = this.shown;
    if (this.isClassifier) {
      this.verdicts.show(readComparison(answer, this.voters), truth);
      return;
    }
    const write = (/** @type {number} */ value) => this.tab.kind === "clusterer" ? say("cluster", value) : number(value);
    const values = [...answer.values()];
    const target = this.card.target ? nameFeature(this.tab.task, this.card.target) : say("value");
    this.verdicts.showNumbers(answer, say("predicted", target, write(Math.min(...values)), write(Math.max(...values))), write);
  }

  /** Shows which models are right, once the person has said a verdict. */
  reveal() {
    if (!this.shown) return;
    this.shown.truth = this.truth ?? null;
    this.draw();
  }

  /** @param {Error} error */
  showProblem(error) {
    const isTheirs = error instanceof Refusal;
    const said = make("span", { lang: isTheirs ? "en" : null }, error.message);
    this.problem.replaceChildren(isTheirs ? say("serverSays") : "", said);
    this.verdicts.element.classList.add("waiting");
  }
}
