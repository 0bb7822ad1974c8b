// The whole regression: mini-batches, epochs, the loss as it falls, with and without normalising the price.

import { button, make } from "../../dom.js";
import { number } from "../../words.js";
import { Chart } from "../chart.js";
import { Clock, actions, choice, controls, figure, figures, legend, runButton, slider, status } from "../kit.js";
import { findGradient, fitLine, measureError, step } from "../maths/line.js";
import { makeRandom, shuffle } from "../maths/random.js";
import { PRICES, PRICE_SCALE, SALES, SALES_SCALE, normalise } from "../tacos.js";
import { tell } from "../words.js";

const MAX_EPOCHS = 60;
const YS = normalise(SALES, SALES_SCALE);
/** Prices in tens of pesos, neither centred nor scaled: so the steps are not lost at once, only slow. */
const RAW = PRICES.map((price) => price / 10);

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  let line = { weight: 0, bias: 0 };
  /** @type {[number, number][]} */
  let losses = [];
  let random = makeRandom(3);
  const best = measureError(fitLine(XS(true), YS), XS(true), YS);
  const rate = slider(tell("rate"), { min: 0.01, max: 0.3, step: 0.01, value: 0.05 }, () => {});
  const size = slider(tell("batch"), { min: 1, max: 40, value: 8 }, () => {});
  const scaled = choice(tell("features"), [["yes", tell("normalised")], ["no", tell("asTheyCome")]], "yes", reset);
  const fitted = new Chart({ x: [6, 27], y: [0, 400], xLabel: tell("price"), yLabel: tell("sold"), label: tell("lineChart"), width: 340, height: 250 });
  const curve = new Chart({ x: [0, MAX_EPOCHS], y: [0, 1.2], xLabel: tell("epochs"), yLabel: tell("loss"), label: tell("lossChart"), width: 340, height: 250 });
  const [epochs, loss, r2, sold] = [figure(tell("epochs"), "epochs"), figure(tell("loss"), "loss"), figure("R²", "r2"), figure(tell("soldAt"), "sold")];
  const said = status();

  /** @param {boolean} isScaled */
  function XS(isScaled) {
    return isScaled ? normalise(PRICES, PRICE_SCALE) : RAW;
  }

  function advance() {
    const xs = XS(scaled.value === "yes");
    const order = shuffle(xs.length, random);
    for (let start = 0; start < order.length; start += size.value) {
      const rows = order.slice(start, start + size.value);
      line = step(line, findGradient(line, rows.map((n) => xs[n]), rows.map((n) => YS[n])), rate.value);
    }
    show();
    return losses.length <= MAX_EPOCHS && losses[losses.length - 1][1] < 100;
  }

  function reset() {
    clock.stop();
    run.show();
    line = { weight: 0, bias: 0 };
    losses = [];
    random = makeRandom(3);
    show();
  }

  function show() {
    const isScaled = scaled.value === "yes";
    const error = measureError(line, XS(isScaled), YS);
    losses.push([losses.length, error]);
    const scale = (/** @type {number} */ x) => isScaled ? (x - PRICE_SCALE.middle) / PRICE_SCALE.spread : x / 10;
    const at = (/** @type {number} */ x) => SALES_SCALE.middle + SALES_SCALE.spread * (line.weight * scale(x) + line.bias);
    fitted.clear().dots(PRICES.map((x, index) => [x, SALES[index]]), "text-colour").line([[6, at(6)], [27, at(27)]], "blue");
    curve.clear().line([[0, best], [MAX_EPOCHS, best]], "grey dashed").line(losses, "orange");
    epochs.show(losses.length - 1);
    loss.show(error);
    r2.show(1 - error, number(Math.max(-9.99, Math.round(1000 * (1 - error)) / 1000 + 0), { maximumFractionDigits: 3 }));
    sold.show(at(15), number(at(15), { maximumFractionDigits: 0 }));
    said.className = error > 1.5 ? "status alert" : "status";
    said.textContent = tell(error > 1.5 ? "exploded" : losses.length === 1 ? "fitStart" : error < best * 1.05 ? "fitDone" : isScaled ? "fitGoes" : "fitSlow");
  }

  const clock = new Clock(advance, 120);
  const run = runButton(clock, [tell("run"), tell("pause")]);
  context.closers.push(() => clock.stop());
  place.append(controls(rate, size, scaled), make("div", { class: "pair" }, fitted.element, curve.element),
    legend(["grey", tell("leastLoss")], ["orange", tell("loss")]), figures(epochs, loss, r2, sold), said,
    actions(run, button(tell("oneEpoch"), advance), button(tell("restart"), reset)));
  show();
}
