// The k nearest neighbours decide; k and the distance change whom that means.

import { percent } from "../../words.js";
import { Chart } from "../chart.js";
import { beside, choice, controls, figure, figures, legend, slider, status } from "../kit.js";
import { findNearest, voteNearest } from "../maths/neighbours.js";
import { makePoints } from "../maths/random.js";
import { tell } from "../words.js";

const REACH = 3.2;
/** Whole numbers, so that Hamming's distance, which counts where rows differ, has something to count. */
const { points: POINTS, labels: LABELS } = makePoints("moons", 90, 0.42, 4);
const ROUNDED = POINTS.map((point) => point.map((value) => Math.round(2 * value) / 2));

/** @param {HTMLElement} place */
export function mount(place) {
  /** @type {[number, number]} */
  let at = [0.4, 0.3];
  const k = slider("k", { min: 1, max: 30, value: 5 }, () => show());
  const distance = choice(tell("distance"), [["euclidean", tell("euclidean")], ["manhattan", "Manhattan"], ["hamming", "Hamming"]], "euclidean", () => show());
  const plane = new Chart({ x: [-REACH, REACH], y: [-REACH, REACH], xLabel: "x₁", yLabel: "x₂", label: tell("neighbourPlane"), isMap: true, width: 380, height: 370 });
  const vote = figure(tell("orangeVotes"), "vote");
  const known = figure(tell("trainingRight"), "known");
  const left = figure(tell("leaveOneOut"), "left");
  const said = status();

  function show() {
    const rows = distance.value === "hamming" ? ROUNDED : POINTS;
    const round = (/** @type {number[]} */ row) => distance.value === "hamming" ? row.map((value) => Math.round(2 * value) / 2) : row;
    const nearest = new Set(findNearest(rows, round(at), k.value, distance.value));
    const share = voteNearest(rows, LABELS, round(at), k.value, distance.value);
    plane.clear().paint((x, y) => voteNearest(rows, LABELS, round([x, y]), k.value, distance.value), 44);
    for (const index of nearest) plane.line([at, POINTS[index]], "text-colour thin");
    plane.dots(POINTS, (index) => `${LABELS[index] ? "orange" : "blue"}${nearest.has(index) ? " ring" : ""}`, 4.5).mark(at, share > 0.5 ? "orange" : "blue");
    const count = (/** @type {(index: number) => number} */ vote) => rows.filter((_, index) => (vote(index) > 0.5 ? 1 : 0) === LABELS[index]).length / rows.length;
    vote.show(share, `${Math.round(share * k.value)} / ${k.value}`);
    const train = count((index) => voteNearest(rows, LABELS, rows[index], k.value, distance.value));
    known.show(train, percent(train));
    const others = rows.map((_, index) => index);
    const out = count((index) => {
      const kept = others.filter((other) => other !== index);
      return voteNearest(kept.map((other) => rows[other]), kept.map((other) => LABELS[other]), rows[index], k.value, distance.value);
    });
    left.show(out, percent(out));
    said.textContent = tell(distance.value === "hamming" ? "hammingSaid" : k.value <= 2 ? "kSmall" : k.value >= 24 ? "kLarge" : "kMiddle");
  }

  plane.onChoose(tell("neighbourPlane"), (x, y) => {
    at = [x, y];
    show();
  }, { drag: true, at });
  place.append(beside(plane, controls(k, distance), legend(["blue", tell("blueClass")], ["orange", tell("orangeClass")]), figures(vote, known, left), said));
  show();
}
