// Gradient descent, step by step, on the tacos: the loss is a parabola of the weight, and a step can be too long.

import { button, make } from "../../dom.js";
import { number } from "../../words.js";
import { Chart } from "../chart.js";
import { Clock, actions, choice, controls, figure, figures, runButton, slider, status } from "../kit.js";
import { findGradient, measureError, step } from "../maths/line.js";
import { makeRandom, shuffle } from "../maths/random.js";
import { PRICES, PRICE_SCALE, SALES, SALES_SCALE, normalise } from "../tacos.js";
import { tell } from "../words.js";

const XS = normalise(PRICES, PRICE_SCALE);
const YS = normalise(SALES, SALES_SCALE);
const START = { weight: 1.4, bias: 0.8 };
const EXPLODED = 1e4;
const MAX_STEPS = 400;

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  let path = [START];
  let random = makeRandom(1);
  const rate = slider(tell("rate"), { min: 0.01, max: 1.3, step: 0.01, value: 0.1, write: (each) => number(each, { minimumFractionDigits: 2 }) }, () => show());
  const batch = choice(tell("batch"), [["1", "1"], ["16", "16"], ["all", tell("allRows")]], "all", () => reset());
  const hill = new Chart({ x: [-2.6, 2], y: [0, 7], xLabel: tell("weightNormal"), yLabel: tell("loss"), label: tell("hillChart"), width: 340, height: 260 });
  const line = new Chart({ x: [6, 27], y: [0, 400], xLabel: tell("price"), yLabel: tell("sold"), label: tell("lineChart"), width: 340, height: 260 });
  const [nSteps, weight, loss, slope] = [figure(tell("steps"), "steps"), figure(tell("weight"), "weight"), figure(tell("loss"), "loss"), figure(tell("gradient"), "gradient")];
  const said = status();

  function advance() {
    const last = path[path.length - 1];
    const size = batch.value === "all" ? XS.length : Number(batch.value);
    const rows = size === XS.length ? XS.map((_, index) => index) : shuffle(XS.length, random).slice(0, size);
    path.push(step(last, findGradient(last, rows.map((n) => XS[n]), rows.map((n) => YS[n])), rate.value));
    show();
    return measureError(path[path.length - 1], XS, YS) < EXPLODED && path.length <= MAX_STEPS;
  }

  function reset() {
    clock.stop();
    run.show();
    path = [START];
    random = makeRandom(1);
    show();
  }

  function show() {
    const last = path[path.length - 1];
    const error = measureError(last, XS, YS);
    const gradient = findGradient(last, XS, YS);
    const top = Math.min(1e5, Math.max(7, 1.1 * Math.max(...path.slice(-12).map((each) => measureError(each, XS, YS)))));
    const wide = Math.max(2.2, ...path.slice(-12).map((each) => Math.abs(each.weight + 0.9) * 1.15));
    hill.rescale({ x: [-0.9 - wide, -0.9 + wide], y: [0, top] });
    const curve = Array.from({ length: 81 }, (_, n) => {
      const at = -0.9 + wide * (n - 40) / 40;
      return /** @type {[number, number]} */ ([at, measureError({ weight: at, bias: last.bias }, XS, YS)]);
    });
    const steps = path.slice(-60).map((each) => /** @type {[number, number]} */ ([each.weight, measureError(each, XS, YS)]));
    hill.clear().line(curve, "grey").line(steps, "orange thin").dots(steps, "orange", 3).dots(steps.slice(-1), "blue ring", 6);
    const at = (/** @type {number} */ x) => SALES_SCALE.middle + SALES_SCALE.spread * (last.weight * (x - PRICE_SCALE.middle) / PRICE_SCALE.spread + last.bias);
    line.clear().dots(PRICES.map((x, index) => [x, SALES[index]]), "text-colour").line([[6, at(6)], [27, at(27)]], "blue");
    nSteps.show(path.length - 1);
    weight.show(last.weight);
    loss.show(error);
    slope.show(gradient.weight);
    said.className = error >= EXPLODED ? "status alert" : "status";
    said.textContent = tell(error >= EXPLODED ? "exploded" : path.length === 1 ? "descentStart" : rate.value > 1 ? "descentFar" : rate.value > 0.5 ? "descentZigzag" : Math.abs(gradient.weight) < 0.01 ? "descentDone" : "descentGoes");
  }

  const clock = new Clock(advance, 120);
  const run = runButton(clock, [tell("run"), tell("pause")]);
  context.closers.push(() => clock.stop());
  place.append(controls(rate, batch), make("div", { class: "pair" }, hill.element, line.element), figures(nSteps, weight, loss, slope), said,
    actions(run, button(tell("step"), advance), button(tell("restart"), reset)));
  show();
}
