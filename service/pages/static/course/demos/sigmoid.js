// A score becomes a probability: of one class by the sigmoid, of several by the softmax; and a sure mistake costs most.

import { make } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { bar, choice, controls, figure, figures, slider, status } from "../kit.js";
import { logLoss, sigmoid, softmax } from "../maths/logistic.js";
import { tell } from "../words.js";

const WINES = ["A", "B", "C"];

/** @param {HTMLElement} place */
export function mount(place) {
  const score = slider(tell("score"), { min: -6, max: 6, step: 0.1, value: 1.2 }, show);
  const limit = slider(tell("threshold"), { min: 0.05, max: 0.95, step: 0.05, value: 0.5, write: percent }, show);
  const truth = choice(tell("truthIs"), [["1", tell("yes")], ["0", tell("no")]], "1", show);
  const scores = WINES.map((name, n) => slider(tell("scoreOf", name), { min: -4, max: 4, step: 0.1, value: [2, 1, -1][n] }, show));
  const curve = new Chart({ x: [-6, 6], y: [0, 1], xLabel: tell("score"), yLabel: tell("probability"), label: tell("sigmoidChart"), width: 340, height: 230 });
  const cost = new Chart({ x: [0, 1], y: [0, 5], xLabel: tell("probabilityOfTruth"), yLabel: tell("logLoss"), label: tell("logLossChart"), width: 340, height: 230 });
  const bars = make("ul", { class: "bars" });
  const [probability, label, loss, first] = [figure(tell("probability"), "probability"), figure(tell("answer"), "label"), figure(tell("logLoss"), "loss"), figure(tell("softmaxOf", "A"), "softmax")];
  const said = status();

  function show() {
    const p = sigmoid(score.value);
    const ofTruth = truth.value === "1" ? p : 1 - p;
    const line = Array.from({ length: 121 }, (_, n) => (n - 60) / 10).map((z) => /** @type {[number, number]} */ ([z, sigmoid(z)]));
    curve.clear().line(line, "blue").line([[-6, limit.value], [6, limit.value]], "orange dashed").dots([[score.value, p]], "blue ring", 7);
    const costs = Array.from({ length: 200 }, (_, n) => (n + 1) / 200).map((x) => /** @type {[number, number]} */ ([x, logLoss(x)]));
    cost.clear().line(costs, "violet").dots([[ofTruth, Math.min(5, logLoss(ofTruth))]], "violet ring", 7);
    probability.show(p, percent(p));
    label.show(p >= limit.value ? tell("yes") : tell("no"));
    loss.show(logLoss(ofTruth), number(logLoss(ofTruth), { maximumFractionDigits: 3 }));
    const shares = softmax(scores.map((each) => each.value));
    bars.replaceChildren(...shares.map((share, n) => bar(tell("wine", WINES[n]), share, percent(share), share === Math.max(...shares) ? "best" : "")));
    first.show(shares[0], percent(shares[0]));
    said.textContent = tell(ofTruth < 0.1 ? "sureMistake" : (p >= limit.value) === (truth.value === "1") ? "rightAnswer" : "wrongAnswer");
  }

  place.append(controls(score, limit, truth), make("div", { class: "pair" }, curve.element, cost.element), figures(probability, label, loss, first), said,
    controls(...scores), bars);
  show();
}
