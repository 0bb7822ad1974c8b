// Held-out tumours by the probability that they are malignant: a threshold makes answers of it, and four kinds of them.

import { post } from "../../api.js";
import { make } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { controls, figure, figures, legend, slider, status } from "../kit.js";
import { loadRows } from "../digits.js";
import { countAnswers, measure, traceRoc } from "../maths/metrics.js";
import { drawNormal, makeRandom } from "../maths/random.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

const MODEL = "breast_cancer-logistic";
const POSITIVE = "malignant";
const N_BINS = 20;

/** @param {HTMLElement} place */
export async function mount(place) {
  const { scores, labels } = await loadScores();
  const { curve, area } = traceRoc(scores, labels);
  const limit = slider(tell("threshold"), { min: 0.01, max: 0.99, step: 0.01, value: 0.5, write: percent }, show);
  const cost = slider(tell("costOfMissed"), { min: 1, max: 50, value: 10 }, show);
  const counted = (/** @type {number} */ bin, /** @type {number} */ label) => scores.filter((score, index) => labels[index] === label && Math.min(N_BINS - 1, Math.floor(score * N_BINS)) === bin).length;
  const most = Math.max(...Array.from({ length: N_BINS }, (_, bin) => counted(bin, 0) + counted(bin, 1)));
  const bars = new Chart({ x: [0, 1], y: [0, most], xLabel: tell("probabilityMalignant"), yLabel: tell("rowsCount"), label: tell("scoresChart"), width: 340, height: 250 });
  const roc = new Chart({ x: [0, 1], y: [0, 1], xLabel: tell("falseAlarms"), yLabel: tell("recall"), label: tell("rocChart"), width: 340, height: 250 });
  const table = make("tbody");
  const told = Object.fromEntries(["accuracy", "precision", "recall", "f1"].map((name) => [name, figure(tell(/** @type {any} */ (name)), name)]));
  const [auc, total] = [figure(tell("area"), "auc"), figure(tell("costTotal"), "cost")];
  const said = status();

  function show() {
    const counts = countAnswers(scores, labels, limit.value);
    bars.clear();
    for (let bin = 0; bin < N_BINS; bin++) {
      const [low, high] = [counted(bin, 0), counted(bin, 1)];
      bars.box([bin / N_BINS, 0], [(bin + 1) / N_BINS, low], "blue").box([bin / N_BINS, low], [(bin + 1) / N_BINS, low + high], "orange");
    }
    bars.line([[limit.value, 0], [limit.value, most]], "text-colour");
    roc.clear().line([[0, 0], [1, 1]], "grey dashed thin").line(curve, "violet").dots([[counts.fp / (counts.fp + counts.tn), counts.tp / (counts.tp + counts.fn)]], "violet ring", 7);
    table.replaceChildren(.../** @type {[string, number, number][]} */ ([[tell("isMalignant"), counts.tp, counts.fn], [tell("isBenign"), counts.fp, counts.tn]]).map(([name, yes, no]) =>
      make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, String(yes)), make("td", {}, String(no)))));
    for (const [name, value] of Object.entries(measure(counts))) told[name].show(value, percent(value));
    auc.show(area, number(area, { maximumFractionDigits: 3 }));
    total.show(counts.fp + cost.value * counts.fn);
    said.textContent = tell("thresholdSaid", counts.fn, counts.fp);
  }

  place.append(controls(limit, cost), make("div", { class: "pair" }, bars.element, roc.element), legend(["blue", tell("isBenign")], ["orange", tell("isMalignant")]),
    make("table", { class: "grid-table" }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, tell("truthColumn")), make("th", { scope: "col" }, tell("saidMalignant")), make("th", { scope: "col" }, tell("saidBenign")))), table),
    figures(...Object.values(told), auc, total), said);
  show();
}

/** Returns the scores of held-out tumours; without a service that has them, scores that were made up. @returns {Promise<{scores: number[], labels: number[]}>} */
async function loadScores() {
  try {
    const { rows, truth } = await loadRows("breast_cancer");
    await requireModels(MODEL);
    const { classes, probabilities } = await post("predict_proba", { model: MODEL, inputs: rows });
    const column = classes.indexOf(POSITIVE);
    return { scores: probabilities.map((/** @type {number[]} */ each) => each[column]), labels: truth.map((each) => each === POSITIVE ? 1 : 0) };
  } catch {
    const random = makeRandom(1);
    const labels = Array.from({ length: 120 }, (_, index) => index % 3 ? 0 : 1);
    return { scores: labels.map((label) => 1 / (1 + Math.exp(-(2.5 * drawNormal(random) + (label ? 3 : -3))))), labels };
  }
}
