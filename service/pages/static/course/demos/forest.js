// A tree asks one question after the other; a forest lets many trees vote.

import { make } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { beside, controls, figure, figures, legend, slider, status } from "../kit.js";
import { makePoints, makeRandom } from "../maths/random.js";
import { countLeaves, findPath, growForest, growTree } from "../maths/tree.js";
import { tell } from "../words.js";

const REACH = 3.2;
const { points: POINTS, labels: LABELS } = makePoints("moons", 120, 0.42, 9);
const { points: FRESH, labels: FRESH_LABELS } = makePoints("moons", 400, 0.42, 10);
const MAX_TREES = 40;

/** @param {HTMLElement} place */
export function mount(place) {
  /** @type {[number, number]} */
  let at = [0.6, -0.4];
  const depth = slider(tell("depth"), { min: 1, max: 10, value: 3 }, grow);
  const trees = slider(tell("trees"), { min: 1, max: MAX_TREES, value: 1, write: (each) => each === 1 ? tell("oneTree") : String(each) }, grow);
  const plane = new Chart({ x: [-REACH, REACH], y: [-REACH, REACH], xLabel: "x₁", yLabel: "x₂", label: tell("forestPlane"), isMap: true, width: 380, height: 370 });
  const path = make("ol", { class: "tree-lines" });
  const [known, fresh, leaves, vote] = [figure(tell("trainingRight"), "known"), figure(tell("freshRight"), "fresh"), figure(tell("leaves"), "leaves"), figure(tell("orangeVotes"), "vote")];
  const said = status();
  /** @type {import("../maths/tree.js").Node[]} */
  let forest = [];

  const leafOf = (/** @type {import("../maths/tree.js").Node} */ tree, /** @type {number[]} */ row) => /** @type {import("../maths/tree.js").Node} */ (findPath(tree, row).at(-1));
  const share = (/** @type {number[]} */ row) => forest.reduce((sum, tree) => sum + leafOf(tree, row).share, 0) / forest.length;
  const right = (/** @type {number[][]} */ rows, /** @type {number[]} */ labels) => rows.filter((row, index) => (share(row) > 0.5 ? 1 : 0) === labels[index]).length / rows.length;

  function grow() {
    forest = trees.value === 1 ? [growTree(POINTS, LABELS, { maxDepth: depth.value })] : growForest(POINTS, LABELS, trees.value, depth.value, makeRandom(2));
    const [own, others] = [right(POINTS, LABELS), right(FRESH, FRESH_LABELS)];
    known.show(own, percent(own));
    fresh.show(others, percent(others));
    const nLeaves = forest.reduce((sum, tree) => sum + countLeaves(tree), 0);
    leaves.show(nLeaves);
    said.textContent = tell(trees.value > 1 ? "forestSaid" : own - others > 0.08 ? "treeOverfits" : depth.value < 2 ? "treeShallow" : "treeSaid");
    show();
  }

  function show() {
    plane.clear().paint((x, y) => share([x, y]), 44).dots(POINTS, (index) => LABELS[index] ? "orange" : "blue", 4).mark(at, share(at) > 0.5 ? "orange" : "blue");
    const nVotes = forest.filter((tree) => leafOf(tree, at).share > 0.5).length;
    vote.show(nVotes, `${nVotes} / ${forest.length}`);
    path.replaceChildren(...(forest.length === 1 ? listPath(findPath(forest[0], at), at) : listVotes(nVotes, forest.length)));
  }

  plane.onChoose(tell("forestPlane"), (x, y) => {
    at = [x, y];
    show();
  }, { drag: true, at });
  place.append(beside(plane, controls(depth, trees), path, legend(["blue", tell("blueClass")], ["orange", tell("orangeClass")]), said),
    figures(vote, known, fresh, leaves));
  grow();
}

/** @param {import("../maths/tree.js").Node[]} path @param {number[]} row */
function listPath(path, row) {
  return path.map(({ feature, limit, share, n }) => make("li", { class: share > 0.5 ? "orange" : "blue" }, make("span", {}, feature === undefined
    ? tell("leafSays", tell(share > 0.5 ? "orangeClass" : "blueClass"), Math.round(n * Math.max(share, 1 - share)), n)
    : tell(row[feature] <= /** @type {number} */ (limit) ? "askYes" : "askNo", `x${feature + 1}`, number(/** @type {number} */ (limit), { maximumFractionDigits: 2 })))));
}

/** @param {number} nVotes @param {number} n */
function listVotes(nVotes, n) {
  return [["orange", nVotes, "orangeClass"], ["blue", n - nVotes, "blueClass"]].map(([kind, count, word]) =>
    make("li", { class: kind }, make("span", {}, tell("treesSay", count, tell(/** @type {any} */ (word))))));
}
