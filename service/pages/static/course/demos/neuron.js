// One neuron draws one line, so it cannot do XOR; two neurons before it can.

import { button, make } from "../../dom.js";
import { number } from "../../words.js";
import { Chart } from "../chart.js";
import { actions, choice, controls, figure, figures, slider, status } from "../kit.js";
import { ACTIVATIONS } from "../maths/network.js";
import { tell } from "../words.js";

/** @type {[number, number][]} */
const CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]];
/** @type {Record<string, number[]>} */
const TRUTHS = { and: [0, 0, 0, 1], or: [0, 1, 1, 1], xor: [0, 1, 1, 0] };

/** @param {HTMLElement} place */
export function mount(place) {
  const problem = choice(tell("problem"), [["and", tell("logicAnd")], ["or", tell("logicOr")], ["xor", "XOR"]], "and", show);
  const activation = choice(tell("activation"), [["step", tell("stepFunction")], ["sigmoid", "sigmoid"], ["tanh", "tanh"], ["relu", "ReLU"]], "step", show);
  const hidden = choice(tell("hiddenNeurons"), [["0", tell("none")], ["2", tell("twoForXor")]], "0", show);
  const weights = [1, 2].map((n) => slider(`w${n}`, { min: -3, max: 3, step: 0.1, value: 1 }, show));
  const bias = slider(tell("biasShort"), { min: -3, max: 3, step: 0.1, value: -0.5 }, show);
  const plane = new Chart({ x: [-0.5, 1.5], y: [-0.5, 1.5], xLabel: "x₁", yLabel: "x₂", label: tell("neuronPlane"), isMap: true, width: 340, height: 270 });
  const curve = new Chart({ x: [-4, 4], y: [-1.2, 2.2], xLabel: "z", yLabel: tell("output"), label: tell("activationChart"), width: 340, height: 270 });
  const right = figure(tell("rightOfFour"), "right");
  const table = make("tbody");
  const said = status();

  /** @param {number} x @param {number} y */
  function sum(x, y) {
    if (hidden.value === "0") return weights[0].value * x + weights[1].value * y + bias.value;
    // The first says "at least one", the second "both"; the last takes the second from the first.
    const [any, both] = [x + y - 0.5, x + y - 1.5].map((z) => z >= 0 ? 1 : 0);
    return any - 2 * both - 0.5;
  }

  /** @param {number} x @param {number} y */
  const answer = (x, y) => ACTIVATIONS[activation.value].f(sum(x, y));
  const isOn = (/** @type {number} */ value) => value > (["sigmoid", "step"].includes(activation.value) ? 0.5 - 1e-9 : 0);

  function show() {
    for (const each of [...weights, bias]) each.element.hidden = hidden.value !== "0";
    const truth = TRUTHS[problem.value];
    const found = CORNERS.map(([x, y]) => answer(x, y));
    const nRight = found.filter((value, index) => isOn(value) === (truth[index] === 1)).length;
    plane.clear().paint((x, y) => {
      const value = answer(x, y);
      return ["sigmoid", "step"].includes(activation.value) ? value : 0.5 + Math.max(-1, Math.min(1, value)) / 2;
    }, 60).dots(CORNERS, (index) => truth[index] ? "orange ring" : "blue ring", 9);
    const line = Array.from({ length: 161 }, (_, n) => (n - 80) / 20).map((z) => /** @type {[number, number]} */ ([z, ACTIVATIONS[activation.value].f(z)]));
    curve.clear().line(line, "violet").dots(CORNERS.map(([x, y], index) => [sum(x, y), found[index]]), (index) => truth[index] ? "orange ring" : "blue ring", 6);
    table.replaceChildren(...CORNERS.map(([x, y], index) => make("tr", {}, ...[x, y, truth[index]].map((each) => make("td", {}, String(each))),
      make("td", {}, number(found[index], { maximumFractionDigits: 3 })), make("td", {}, isOn(found[index]) === (truth[index] === 1) ? "✓" : "✗"))));
    right.show(nRight, `${nRight} / 4`);
    said.textContent = tell(nRight === 4 ? (problem.value === "xor" ? "xorSolved" : "neuronRight") : problem.value === "xor" ? "xorNever" : hidden.value === "2" ? "xorOnly" : "neuronWrong");
  }

  /** Corrects the weights by the perceptron's rule until all are right, or it has gone round twenty times. */
  function learn() {
    const w = [0, 0, 0];
    for (let round = 0; round < 20; round++) {
      CORNERS.forEach(([x, y], index) => {
        const error = TRUTHS[problem.value][index] - (w[0] * x + w[1] * y + w[2] >= 0 ? 1 : 0);
        w[0] += 0.5 * error * x;
        w[1] += 0.5 * error * y;
        w[2] += 0.5 * error;
      });
    }
    hidden.value = "0";
    [weights[0].value, weights[1].value, bias.value] = w;
    show();
  }

  place.append(controls(problem, activation, hidden), controls(...weights, bias), make("div", { class: "pair" }, plane.element, curve.element),
    make("table", { class: "grid-table" }, make("thead", {}, make("tr", {}, ...["x₁", "x₂", tell("wanted"), tell("output"), tell("correct")].map((each) => make("th", { scope: "col" }, each)))), table),
    figures(right), said, actions(button(tell("perceptronRule"), learn, { class: "hard" })));
  show();
}
