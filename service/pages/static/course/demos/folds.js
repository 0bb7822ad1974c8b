// Each row is held out once: k folds, k figures, their mean and their spread.

import { button, make } from "../../dom.js";
import { number, percent } from "../../words.js";
import { actions, bar, controls, figure, figures, slider, status } from "../kit.js";
import { deviation, mean } from "../maths/line.js";
import { makePoints, makeRandom } from "../maths/random.js";
import { dealFolds } from "../maths/splits.js";
import { findPath, growTree } from "../maths/tree.js";
import { tell } from "../words.js";

const { points: POINTS, labels: LABELS } = makePoints("moons", 120, 0.55, 31);
const KINDS = ["blue", "orange", "green", "violet", "grey"];

/** @param {HTMLElement} place */
export function mount(place) {
  let seed = 1;
  const k = slider(tell("folds"), { min: 2, max: 10, value: 5 }, show);
  const depth = slider(tell("depth"), { min: 1, max: 10, value: 3 }, show);
  const piles = make("div", { class: "piles", role: "img", "aria-label": tell("foldsLabel") });
  const bars = make("ul", { class: "bars" });
  const [middle, spread, train, single] = [figure(tell("meanOfFolds"), "mean"), figure(tell("deviationOfFolds"), "deviation"), figure(tell("trainingRight"), "train"), figure(tell("rowsAFold"), "rows")];
  const said = status();

  function show() {
    const folds = dealFolds(POINTS.length, k.value, makeRandom(seed));
    const results = folds.map((fold) => {
      const others = folds.filter((each) => each !== fold).flat();
      const tree = growTree(others.map((index) => POINTS[index]), others.map((index) => LABELS[index]), { maxDepth: depth.value });
      const right = (/** @type {number[]} */ rows) => rows.filter((index) => (/** @type {any} */ (findPath(tree, POINTS[index]).at(-1)).share > 0.5 ? 1 : 0) === LABELS[index]).length / rows.length;
      return { held: right(fold), known: right(others) };
    });
    piles.replaceChildren(...folds.flatMap((fold, index) => fold.map(() => make("span", { class: `${KINDS[index % KINDS.length]}${index >= KINDS.length ? " faint" : ""}` }))));
    bars.replaceChildren(...results.map(({ held }, index) => bar(tell("foldNumber", index + 1), held, percent(held))));
    for (const [index, { held }] of results.entries()) /** @type {HTMLElement} */ (bars.children[index]).dataset.value = String(held);
    const held = results.map((each) => each.held);
    const known = mean(results.map((each) => each.known));
    middle.show(mean(held), percent(mean(held)));
    spread.show(deviation(held), `± ${number(100 * deviation(held), { maximumFractionDigits: 1 })}`);
    train.show(known, percent(known));
    single.show(folds[0].length);
    said.textContent = tell(known - mean(held) > 0.1 ? "foldsOverfit" : "foldsSaid");
  }

  place.append(controls(k, depth), piles, bars, figures(middle, spread, train, single), said, actions(button(tell("dealAgain"), () => {
    seed += 1;
    show();
  })));
  show();
}
