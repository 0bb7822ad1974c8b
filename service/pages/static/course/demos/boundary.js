// Points are placed by hand, and the boundary of a logistic regression moves as it learns them.

import { button } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { Clock, actions, beside, choice, controls, figure, figures, legend, runButton, slider, status } from "../kit.js";
import { predictLogistic, stepLogistic } from "../maths/logistic.js";
import { makePoints } from "../maths/random.js";
import { tell } from "../words.js";

const REACH = 4;

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  let model = { weights: [0, 0], bias: 0 };
  let { points, labels } = makePoints("clouds", 40, 0.6, 2);
  let nSteps = 0;
  const colour = choice(tell("clickAdds"), [["0", tell("blueClass")], ["1", tell("orangeClass")]], "1", () => {});
  const rate = slider(tell("rate"), { min: 0.05, max: 2, step: 0.05, value: 0.3 }, () => {});
  const plane = new Chart({ x: [-REACH, REACH], y: [-REACH, REACH], xLabel: "x₁", yLabel: "x₂", label: tell("boundaryPlane"), isMap: true, width: 380, height: 370 });
  const [steps, loss, right] = [figure(tell("steps"), "steps"), figure(tell("logLoss"), "loss"), figure(tell("trainingRight"), "right")];
  const said = status();

  function advance() {
    for (let n = 0; n < 5; n++) model = stepLogistic(model, points, labels, rate.value).model;
    nSteps += 5;
    show();
    return nSteps < 2000;
  }

  function show() {
    const { loss: cost } = stepLogistic(model, points, labels, 0);
    const share = points.filter((point, index) => (predictLogistic(model, point) > 0.5 ? 1 : 0) === labels[index]).length / points.length;
    plane.clear().paint((x, y) => predictLogistic(model, [x, y]), 48);
    const [a, b] = model.weights;
    if (Math.abs(b) > 1e-6) plane.line([[-REACH, (REACH * a - model.bias) / b], [REACH, (-REACH * a - model.bias) / b]], "text-colour dashed");
    plane.dots(points, (index) => labels[index] ? "orange" : "blue", 5);
    steps.show(nSteps);
    loss.show(cost, number(cost, { maximumFractionDigits: 4 }));
    right.show(share, percent(share));
    said.textContent = tell(nSteps === 0 ? "boundaryStart" : share === 1 ? "boundaryParted" : "boundaryMixed");
  }

  plane.onChoose(tell("boundaryPlane"), (x, y) => {
    points = [...points, [x, y]];
    labels = [...labels, Number(colour.value)];
    show();
  });
  const clock = new Clock(advance, 60);
  const run = runButton(clock, [tell("run"), tell("pause")]);
  context.closers.push(() => clock.stop());
  place.append(beside(plane, controls(colour, rate), legend(["blue", tell("blueClass")], ["orange", tell("orangeClass")]), figures(steps, loss, right), said,
    actions(run, button(tell("step"), advance), button(tell("restart"), () => {
      clock.stop();
      run.show();
      model = { weights: [0, 0], bias: 0 };
      ({ points, labels } = makePoints("clouds", 40, 0.6, 2));
      nSteps = 0;
      show();
    }))));
  show();
}
