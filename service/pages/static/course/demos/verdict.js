// Two classifiers on the same rows: only those rows count on which one alone is right.

import { ROOT, ask } from "../../api.js";
import { make } from "../../dom.js";
import { nameTask } from "../../names.js";
import { writeSummary } from "../../trust/sentence.js";
import { readView } from "../../trust/view.js";
import { number, percent } from "../../words.js";
import { bar, choice, controls, figure, figures, slider, status } from "../kit.js";
import { testPair } from "../maths/metrics.js";
import { requireTask } from "../served.js";
import { tell } from "../words.js";

const TASKS = ["breast_cancer", "wine", "digits", "points"];
const LEVEL = 0.05;

/** @param {HTMLElement} place */
export function mount(place) {
  const both = slider(tell("bothRight"), { min: 0, max: 1000, step: 10, value: 300 }, show);
  const [a, b, none] = [slider(tell("onlyA"), { min: 0, max: 60, value: 8 }, show), slider(tell("onlyB"), { min: 0, max: 60, value: 2 }, show), slider(tell("bothWrong"), { min: 0, max: 60, value: 6 }, show)];
  const bars = make("ul", { class: "bars" });
  const [p, difference] = [figure(tell("pValue"), "p"), figure(tell("difference"), "difference")];
  const said = status();
  const task = choice(tell("task"), TASKS.map((each) => [each, nameTask(each)]), TASKS[0], read);
  const sentence = make("div", { class: "status", role: "status" });

  function show() {
    const n = both.value + a.value + b.value + none.value || 1;
    const shares = [(both.value + a.value) / n, (both.value + b.value) / n];
    const value = testPair(a.value, b.value);
    bars.replaceChildren(...shares.map((share, index) => bar(tell("classifier", "AB"[index]), share, percent(share), index ? "orange" : "")));
    p.show(value, number(value, { maximumSignificantDigits: 3 }));
    difference.show(shares[0] - shares[1], percent(Math.abs(shares[0] - shares[1])));
    said.textContent = tell(a.value === b.value ? "verdictLevel" : value < LEVEL ? "verdictShown" : "verdictNot", a.value > b.value ? "A" : "B");
  }

  /** @param {string} name */
  async function read(name) {
    try {
      await requireTask(name);
      const view = readView(await ask(`tasks/${name}/verdict`), "accuracy");
      if (task.value === name) sentence.replaceChildren(writeSummary(view, "onHeldOut"));
    } catch (error) {
      sentence.textContent = /** @type {Error} */ (error).message;
    }
  }

  place.append(controls(both, a, b, none), bars, figures(p, difference), said,
    make("h2", {}, tell("realVerdict")), controls(task), sentence, make("p", {}, make("a", { href: ROOT.href }, tell("toTheBenches"))));
  show();
  read(task.value);
}
