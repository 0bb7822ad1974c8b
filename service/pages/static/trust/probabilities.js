// What a model's probabilities are worth: whether they keep their word, and what a threshold would leave unanswered.

import { make } from "../dom.js";
import { number, percent } from "../words.js";
import { draw } from "./svg.js";
import { say } from "./words.js";

const SIDE = 200;
const MARGIN = { left: 30, bottom: 24, top: 8, right: 8 };
const INNER = SIDE - MARGIN.left - MARGIN.right;
const HEIGHT = SIDE - MARGIN.top - MARGIN.bottom;
/** @param {number} share */
const across = (share) => MARGIN.left + INNER * share;
/** @param {number} share */
const up = (share) => MARGIN.top + HEIGHT * (1 - share);

/**
 * Shows the card with a choice of the model whose probabilities are looked at.
 * @param {import("./view.js").View} view
 * @param {string} model
 * @param {number} threshold
 * @param {(model: string, threshold: number) => void} choose
 */
export function showProbabilities(view, model, threshold, choose) {
  const numbers = view.models.find((each) => each.model === model);
  const select = make("select", { "aria-label": say("model"), change: () => choose(select.value, threshold) },
    ...view.models.map((each) => make("option", { value: each.model, selected: each.model === model }, view.name(each.model))));
  const head = make("div", { class: "sides" }, make("h2", {}, say("probabilities")), select);
  if (numbers.votes) return make("section", { class: "probabilities part" }, head, make("p", {}, say("votes", view.name(model))));
  return make("section", { class: "probabilities part" }, head, make("div", { class: "two" },
    showReliability(view, numbers), showThreshold(numbers, threshold, (value) => choose(model, value))));
}

/** @param {import("./view.js").View} view @param {any} numbers */
function showReliability(view, numbers) {
  const { equal_mass, equal_width } = numbers.reliability;
  const bins = equal_width.length > equal_mass.length ? equal_width : equal_mass;
  const most = Math.max(...bins.map((/** @type {any} */ each) => each.rows));
  const parts = [];
  for (const tick of [0, 0.5, 1]) {
    parts.push(draw("line", { class: "tick", x1: across(tick), x2: across(tick), y1: up(0), y2: up(1) }));
    parts.push(draw("line", { class: "tick", x1: across(0), x2: across(1), y1: up(tick), y2: up(tick) }));
    parts.push(draw("text", { x: across(tick), y: SIDE - 8, "text-anchor": tick === 1 ? "end" : "middle" }, number(tick, {})));
    parts.push(draw("text", { x: MARGIN.left - 6, y: up(tick) + 4, "text-anchor": "end" }, number(tick, {})));
  }
  parts.push(draw("line", { class: "diagonal", x1: across(0), y1: up(0), x2: across(1), y2: up(1) }));
  for (const { confidence, accuracy, interval, rows } of bins) {
    if (interval) parts.push(draw("line", { class: "interval", x1: across(confidence), x2: across(confidence), y1: up(interval[0]), y2: up(interval[1]) }));
    parts.push(draw("circle", { class: "point", cx: across(confidence), cy: up(accuracy), r: 2.5 + 3 * Math.sqrt(rows / most) }));
  }
  const { error, together } = numbers.calibrated_ece;
  const told = say(error > together ? "notCalibrated" : "calibrated", view.name(numbers.model), percent(error), percent(together), view.models.length);
  return make("figure", {}, draw("svg", { class: "chart", viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-label": say("reliability") }, ...parts),
    make("figcaption", {}, say("reliability"), " ", told));
}

/**
 * @param {any} numbers
 * @param {number} threshold
 * @param {(threshold: number) => void} choose
 */
function showThreshold(numbers, threshold, choose) {
  const curve = numbers.risk_coverage;
  const promised = numbers.at_guaranteed_risk;
  const told = make("p", { class: "said" });
  const bar = make("div", {});
  const output = make("output", {});
  const write = (/** @type {number} */ value) => {
    const { coverage, risk } = readCurve(curve, value);
    const parts = /** @type {[string, number][]} */ ([["both", coverage * (1 - risk)], ["wrong", coverage * risk], ["none", 1 - coverage]]);
    output.textContent = percent(value);
    told.textContent = coverage ? say("atThreshold", percent(coverage), percent(risk)) : say("nothingAnswered");
    bar.replaceChildren(drawParts(parts));
  };
  const slider = make("input", { type: "range", min: 0, max: 1, step: 0.005, value: threshold, "aria-label": say("threshold"),
    input: () => write(Number(slider.value)), change: () => choose(Number(slider.value)) });
  write(threshold);
  return make("div", { class: "threshold" }, make("h3", {}, say("threshold")), make("div", { class: "sliding-line" }, slider, output), bar,
    make("ul", { class: "legend" }, ...["both", "wrong", "none"].map((kind) =>
      make("li", {}, make("span", { class: `swatch ${kind}` }), say(/** @type {any} */ ({ both: "answeredRight", wrong: "answeredWrong", none: "declined" })[kind])))),
    told, make("p", { class: "quiet" }, promised.threshold === null ? say("noPromise") : say("promise", percent(promised.threshold), percent(promised.coverage))));
}

/** @param {[string, number][]} parts */
function drawParts(parts) {
  let from = 0;
  return draw("svg", { class: "counts", "aria-hidden": "true" }, ...parts.map(([kind, share]) => {
    const bar = draw("rect", { class: kind, x: `${100 * from}%`, width: `${100 * share}%`, y: 0, height: "100%" });
    from += share;
    return bar;
  }));
}

/**
 * Returns what is answered from a threshold on, and how much of that is wrong.
 * @param {{coverage: number[], risk: number[], threshold: number[]}} curve
 * @param {number} value
 */
function readCurve({ coverage, risk, threshold }, value) {
  let found = -1;
  for (let place = 0; place < threshold.length; place += 1) {
    if (threshold[place] >= value && (found < 0 || coverage[place] > coverage[found])) found = place;
  }
  return found < 0 ? { coverage: 0, risk: 0 } : { coverage: coverage[found], risk: risk[found] };
}
