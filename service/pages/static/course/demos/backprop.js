// Forward: numbers flow to the loss. Backward: each says how the loss changes with it, by the chain rule.

import { button, make } from "../../dom.js";
import { number } from "../../words.js";
import { draw } from "../chart.js";
import { actions, controls, figure, figures, slider, status } from "../kit.js";
import { sigmoid } from "../maths/logistic.js";
import { tell } from "../words.js";

const write = (/** @type {number} */ value) => number(value, { maximumFractionDigits: 3, minimumFractionDigits: 3 });

/**
 * Returns the values of y = sigmoid(w·x + b) and of the loss (y − t)², and the derivative of the loss by each.
 * @param {{x: number, w: number, b: number, t: number}} given
 */
export function differentiate({ x, w, b, t }) {
  const product = w * x;
  const z = product + b;
  const y = sigmoid(z);
  const loss = (y - t) ** 2;
  const dy = 2 * (y - t);
  const dz = dy * y * (1 - y);
  return { product, z, y, loss, dy, dz, dw: dz * x, dx: dz * w, db: dz };
}

/** @param {HTMLElement} place */
export function mount(place) {
  const [x, w, b, t] = [slider(tell("inputX"), { min: -2, max: 2, step: 0.1, value: 1.5 }, show), slider(tell("weightW"), { min: -3, max: 3, step: 0.01, value: -0.8 }, show),
    slider(tell("biasB"), { min: -3, max: 3, step: 0.01, value: 0.3 }, show), slider(tell("targetT"), { min: 0, max: 1, step: 1, value: 1 }, show)];
  const graph = /** @type {any} */ (draw("svg", { viewBox: "0 0 600 244", class: "net", role: "img", "aria-label": tell("graphLabel") }));
  const [loss, dw, db] = [figure(tell("loss"), "loss"), figure("∂L/∂w", "dw"), figure("∂L/∂b", "db")];
  const said = status();

  function show() {
    const given = { x: x.value, w: w.value, b: b.value, t: t.value };
    const found = differentiate(given);
    graph.replaceChildren(...drawGraph(given, found));
    loss.show(found.loss, write(found.loss));
    dw.show(found.dw, write(found.dw));
    db.show(found.db, write(found.db));
    said.textContent = tell(Math.abs(found.dw) < 0.005 ? "backFlat" : found.dw > 0 ? "backDown" : "backUp");
  }

  /** @param {number} rate */
  function stepDown(rate) {
    const found = differentiate({ x: x.value, w: w.value, b: b.value, t: t.value });
    w.value = w.value - rate * found.dw;
    b.value = b.value - rate * found.db;
    show();
  }

  place.append(controls(x, w, b, t), make("div", { class: "chart" }, graph), figures(loss, dw, db), said, actions(button(tell("stepDown"), () => stepDown(1), { class: "hard" })));
  show();
}

/** @param {{x: number, w: number, b: number, t: number}} given @param {ReturnType<typeof differentiate>} found */
function drawGraph(given, found) {
  /** @type {[number, number, string, number, number | null][]} */
  const nodes = [[50, 50, "x", given.x, found.dx], [50, 150, "w", given.w, found.dw], [190, 100, "w·x", found.product, found.dz], [190, 190, "b", given.b, found.db],
    [320, 100, "z", found.z, found.dz], [440, 100, "y = σ(z)", found.y, found.dy], [440, 190, "t", given.t, null], [550, 100, "L", found.loss, 1]];
  const edges = [[0, 2], [1, 2], [2, 4], [3, 4], [4, 5], [5, 7], [6, 7]];
  return [
    ...edges.map(([from, to]) => draw("line", { x1: nodes[from][0] + 26, y1: nodes[from][1], x2: nodes[to][0] - 26, y2: nodes[to][1], class: "stroke grey thin" })),
    ...nodes.flatMap(([cx, cy, name, value, slope]) => [
      draw("circle", { cx, cy, r: 27, class: "area blue" }), draw("text", { x: cx, y: cy + 4, "text-anchor": "middle", class: "axis" }, write(value)),
      draw("text", { x: cx, y: cy - 33, "text-anchor": "middle", class: "axis" }, name),
      slope === null ? draw("g", {}) : draw("text", { x: cx, y: cy + 42, "text-anchor": "middle", class: "slope" }, `∂ ${write(slope)}`)]),
  ];
}
