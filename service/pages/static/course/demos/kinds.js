// The same points, learnt in three ways: with labels, without, and by reward alone.

import { button } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { Clock, actions, beside, choice, controls, figure, figures, legend, runButton, status } from "../kit.js";
import { assign, moveCentres } from "../maths/kmeans.js";
import { predictLogistic, stepLogistic } from "../maths/logistic.js";
import { makePoints, makeRandom } from "../maths/random.js";
import { tell } from "../words.js";

const REACH = 3.5;
const RECENT = 40;
const { points: POINTS, labels: LABELS } = makePoints("clouds", 100, 0.55, 3);

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  let model = { weights: [0, 0], bias: 0 };
  let centres = [[-0.4, 2.2], [0.4, 2.6]];
  let groups = assign(POINTS, centres);
  /** @type {number[]} */
  let rewards = [];
  let random = makeRandom(8);
  const kind = choice(tell("kindOfLearning"), [["supervised", tell("supervised")], ["unsupervised", tell("unsupervised")], ["reinforcement", tell("reinforcement")]], "supervised", reset);
  const plane = new Chart({ x: [-REACH, REACH], y: [-REACH, REACH], xLabel: "x₁", yLabel: "x₂", label: tell("kindsPlane"), isMap: true, width: 380, height: 370 });
  const [steps, right] = [figure(tell("steps"), "steps"), figure(tell("agreesWithTruth"), "right")];
  const said = status();
  let nSteps = 0;

  function advance() {
    if (kind.value === "supervised") model = stepLogistic(model, POINTS, LABELS, 0.5).model;
    else if (kind.value === "unsupervised") {
      centres = moveCentres(POINTS, groups, centres);
      groups = assign(POINTS, centres);
    } else for (let n = 0; n < 5; n++) tryOne();
    nSteps += kind.value === "reinforcement" ? 5 : 1;
    show();
    return nSteps < (kind.value === "reinforcement" ? 400 : 30);
  }

  /** Answers one point as chance and the model wish; the reward alone says which way to change. */
  function tryOne() {
    const index = Math.floor(random() * POINTS.length);
    const share = predictLogistic(model, POINTS[index]);
    const answer = random() < share ? 1 : 0;
    const reward = answer === LABELS[index] ? 1 : -1;
    const push = 0.3 * reward * (answer - share);
    model = { weights: model.weights.map((weight, axis) => weight + push * POINTS[index][axis]), bias: model.bias + push };
    rewards.push(reward);
  }

  function reset() {
    clock.stop();
    run.show();
    model = { weights: [0, 0], bias: 0 };
    centres = [[-0.4, 2.2], [0.4, 2.6]];
    groups = assign(POINTS, centres);
    rewards = [];
    random = makeRandom(8);
    nSteps = 0;
    show();
  }

  function show() {
    const isGrouping = kind.value === "unsupervised";
    const hasLabels = kind.value === "supervised";
    plane.clear().paint((x, y) => isGrouping ? assign([[x, y]], centres)[0] : predictLogistic(model, [x, y]), 36);
    plane.dots(POINTS, (index) => hasLabels ? (LABELS[index] ? "orange" : "blue") : "grey", 4.5);
    if (isGrouping) for (const centre of centres) plane.mark(centre, "text-colour");
    const answers = POINTS.map((point, index) => isGrouping ? groups[index] : predictLogistic(model, point) > 0.5 ? 1 : 0);
    const agree = answers.filter((answer, index) => answer === LABELS[index]).length / POINTS.length;
    const share = isGrouping ? Math.max(agree, 1 - agree) : agree;
    steps.show(nSteps);
    right.show(share, percent(share));
    const recent = rewards.slice(-RECENT);
    said.textContent = kind.value === "reinforcement" && recent.length
      ? tell("rewardSaid", number(recent.filter((each) => each > 0).length), recent.length) : tell(/** @type {any} */ (`${kind.value}Said`));
  }

  const clock = new Clock(advance, 100);
  const run = runButton(clock, [tell("run"), tell("pause")]);
  context.closers.push(() => clock.stop());
  place.append(controls(kind), beside(plane, legend(["blue", tell("blueClass")], ["orange", tell("orangeClass")], ["grey", tell("noLabel")]), figures(steps, right), said,
    actions(run, button(tell("step"), advance), button(tell("restart"), reset))));
  show();
}
