// The line is drawn by hand: what each day is wrong by is a square, and their mean is the loss.

import { button } from "../../dom.js";
import { number } from "../../words.js";
import { Chart } from "../chart.js";
import { actions, controls, figure, figures, slider, status } from "../kit.js";
import { fitLine, measureError } from "../maths/line.js";
import { PRICES, SALES } from "../tacos.js";
import { tell } from "../words.js";

const SQUARE_SCALE = 17 / 400;

/** @param {HTMLElement} place */
export function mount(place) {
  const best = fitLine(PRICES, SALES);
  const least = measureError(best, PRICES, SALES);
  const chart = new Chart({ x: [6, 27], y: [0, 400], xLabel: tell("price"), yLabel: tell("sold"), label: tell("lineChart"), width: 560, height: 320 });
  const weight = slider(tell("weight"), { min: -25, max: 5, step: 0.1, value: -4 }, show);
  const bias = slider(tell("bias"), { min: 0, max: 600, step: 1, value: 300 }, show);
  const loss = figure(tell("mse"), "mse");
  const goal = figure(tell("leastMse"), "least");
  const said = status();
  goal.show(least, number(least, { maximumFractionDigits: 0 }));

  function show() {
    const line = { weight: weight.value, bias: bias.value };
    const error = measureError(line, PRICES, SALES);
    chart.clear();
    PRICES.forEach((x, index) => {
      const y = SALES[index];
      const predicted = line.weight * x + line.bias;
      const side = Math.abs(predicted - y) * SQUARE_SCALE;
      chart.box([x, y], [x + (predicted > y ? -side : side), predicted], "orange");
    });
    chart.line([[6, 6 * line.weight + line.bias], [27, 27 * line.weight + line.bias]], "blue");
    chart.dots(PRICES.map((x, index) => [x, SALES[index]]), "text-colour");
    loss.show(error, number(error, { maximumFractionDigits: 0 }));
    said.textContent = tell(error < least * 1.02 ? "lineBest" : error < least * 2 ? "lineNear" : "lineFar");
  }

  const solve = button(tell("showBest"), () => {
    weight.value = Math.round(10 * best.weight) / 10;
    bias.value = Math.round(best.bias);
    show();
  }, { class: "hard" });
  place.append(controls(weight, bias), chart.element, figures(loss, goal), said, actions(solve));
  show();
}
