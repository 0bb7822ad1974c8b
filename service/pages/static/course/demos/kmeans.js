// k-means on the plane of two principal components of real digits, half a step at a time.

import { button } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { actions, beside, controls, figure, figures, slider, status } from "../kit.js";
import { loadDigits } from "../digits.js";
import { findComponents, project } from "../maths/components.js";
import { assign, measureInertia, moveCentres } from "../maths/kmeans.js";
import { makePoints, makeRandom, shuffle } from "../maths/random.js";
import { tell } from "../words.js";

const KINDS = ["blue", "orange", "green", "violet", "grey"];

/** @param {HTMLElement} place */
export async function mount(place) {
  const { points, truth } = await loadPlane();
  const reach = Math.max(...points.flat().map(Math.abs)) * 1.05;
  /** @type {number[][]} */
  let centres = [];
  /** @type {number[]} */
  let groups = [];
  let nSteps = 0;
  let seed = 1;
  const k = slider(tell("clusters"), { min: 2, max: 10, value: 4 }, () => restart());
  const plane = new Chart({ x: [-reach, reach], y: [-reach, reach], xLabel: tell("component", 1), yLabel: tell("component", 2), label: tell("kmeansPlane"), width: 380, height: 370 });
  const [steps, inertia, purity] = [figure(tell("steps"), "steps"), figure(tell("inertia"), "inertia"), figure(tell("purity"), "purity")];
  const said = status();

  function restart() {
    const order = shuffle(points.length, makeRandom(seed));
    centres = order.slice(0, k.value).map((index) => points[index]);
    groups = assign(points, centres);
    nSteps = 0;
    show("kmeansStart");
  }

  function advance() {
    const moved = moveCentres(points, groups, centres);
    const next = assign(points, moved);
    const isDone = next.every((group, index) => group === groups[index]) && moved.every((centre, n) => centre.every((value, axis) => Math.abs(value - centres[n][axis]) < 1e-9));
    [centres, groups] = [moved, next];
    if (!isDone) nSteps += 1;
    show(isDone ? "kmeansDone" : "kmeansGoes");
    return !isDone;
  }

  /** @param {"kmeansStart" | "kmeansGoes" | "kmeansDone"} word */
  function show(word) {
    const kind = (/** @type {number} */ group) => KINDS[group % KINDS.length] + (group >= KINDS.length ? " faint" : "");
    plane.clear().dots(points, (index) => kind(groups[index]), 3.5);
    for (const [group, centre] of centres.entries()) plane.mark(centre, KINDS[group % KINDS.length]);
    steps.show(nSteps);
    const spread = measureInertia(points, groups, centres);
    inertia.show(spread, number(spread, { maximumFractionDigits: 0 }));
    const share = measurePurity(groups, truth, centres.length);
    purity.show(share, percent(share));
    said.textContent = tell(word);
  }

  place.append(beside(plane, controls(k), figures(steps, inertia, purity), said, actions(
    button(tell("step"), advance, { class: "hard" }),
    button(tell("toTheEnd"), () => { for (let n = 0; n < 200 && advance(); n++); }),
    button(tell("otherStart"), () => {
      seed += 1;
      restart();
    }))));
  restart();
}

/** Returns digits on two components; without a service with digits, points that were made up. */
async function loadPlane() {
  try {
    const { rows, truth } = await loadDigits();
    const { mean, components } = findComponents(rows, 2);
    return { points: rows.map((row) => project(row, mean, components)), truth };
  } catch {
    const { points, labels } = makePoints("xor", 300, 0.2, 1);
    return { points, truth: labels.map(String) };
  }
}

/** Returns the share of points whose truth is the most common of their group. @param {number[]} groups @param {string[]} truth @param {number} k */
function measurePurity(groups, truth, k) {
  let sum = 0;
  for (let group = 0; group < k; group++) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const name of truth.filter((_, index) => groups[index] === group)) counts.set(name, (counts.get(name) ?? 0) + 1);
    sum += Math.max(0, ...counts.values());
  }
  return sum / groups.length;
}
