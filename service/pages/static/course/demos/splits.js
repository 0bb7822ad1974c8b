// Rows are dealt to three piles; where rows of the test pile leak into training, its figure is too good to be true.

import { button, make } from "../../dom.js";
import { percent } from "../../words.js";
import { Chart } from "../chart.js";
import { actions, controls, figure, figures, legend, slider, status } from "../kit.js";
import { voteNearest } from "../maths/neighbours.js";
import { makePoints, makeRandom } from "../maths/random.js";
import { dealPiles } from "../maths/splits.js";
import { tell } from "../words.js";

const N_ROWS = 150;
/** With it the test is as hard as fresh rows; others are luckier or less so, which the button shows. */
const FIRST_DEAL = 7;
const KINDS = /** @type {const} */ ({ train: "blue", validation: "violet", test: "orange" });
const { points: POINTS, labels: LABELS } = makePoints("moons", N_ROWS, 0.6, 21);
const { points: FRESH, labels: FRESH_LABELS } = makePoints("moons", 800, 0.6, 22);

/** @param {HTMLElement} place */
export function mount(place) {
  let seed = FIRST_DEAL;
  const test = slider(tell("testShare"), { min: 0.1, max: 0.5, step: 0.05, value: 0.2, write: percent }, show);
  const validation = slider(tell("validationShare"), { min: 0, max: 0.4, step: 0.05, value: 0.2, write: percent }, show);
  const leak = slider(tell("leakShare"), { min: 0, max: 1, step: 0.1, value: 0, write: percent }, show);
  const k = slider("k", { min: 1, max: 15, step: 2, value: 1 }, show);
  const piles = make("div", { class: "piles", role: "img", "aria-label": tell("pilesLabel") });
  const chart = new Chart({ x: [0, 1], y: [0.5, 1], xLabel: tell("leakShare"), yLabel: tell("accuracy"), label: tell("leakChart"), width: 560, height: 220 });
  const [trained, tested, truly, over] = [figure(tell("trainRows"), "trained"), figure(tell("testAccuracy"), "tested"), figure(tell("freshAccuracy"), "fresh"), figure(tell("overOptimistic"), "over")];
  const said = status();

  /** @param {number} share */
  function judge(share) {
    const dealt = dealPiles(N_ROWS, { validation: validation.value, test: test.value }, makeRandom(seed));
    const leaked = dealt.test.slice(0, Math.round(share * dealt.test.length));
    const known = [...dealt.train, ...leaked];
    const rows = known.map((index) => POINTS[index]);
    const labels = known.map((index) => LABELS[index]);
    const right = (/** @type {number[][]} */ asked, /** @type {number[]} */ truth) =>
      asked.filter((row, index) => (voteNearest(rows, labels, row, k.value, "euclidean") > 0.5 ? 1 : 0) === truth[index]).length / asked.length;
    return { dealt, leaked: new Set(leaked), known, tested: right(dealt.test.map((index) => POINTS[index]), dealt.test.map((index) => LABELS[index])), right };
  }

  function show() {
    const { dealt, leaked, known, tested: share, right } = judge(leak.value);
    const fresh = right(FRESH, FRESH_LABELS);
    piles.replaceChildren(...(/** @type {const} */ (["train", "validation", "test"])).flatMap((pile) =>
      dealt[pile].map((index) => make("span", { class: `${KINDS[pile]}${leaked.has(index) ? " leaked" : ""}` }))));
    const curve = [0, 0.2, 0.4, 0.6, 0.8, 1].map((each) => /** @type {[number, number]} */ ([each, judge(each).tested]));
    chart.clear().line([[0, fresh], [1, fresh]], "green dashed").line(curve, "orange").dots([[leak.value, share]], "orange ring", 7);
    trained.show(known.length);
    tested.show(share, percent(share));
    truly.show(fresh, percent(fresh));
    over.show(share - fresh, percent(Math.max(0, share - fresh)));
    said.className = leak.value > 0 ? "status alert" : "status";
    said.textContent = tell(leak.value === 0 ? "splitSaid" : leak.value === 1 && k.value === 1 ? "leakAll" : "leakSaid");
  }

  place.append(controls(test, validation, leak, k), piles, legend(["blue", tell("trainPile")], ["violet", tell("validationPile")], ["orange", tell("testPile")]),
    chart.element, legend(["orange", tell("testAccuracy")], ["green", tell("freshAccuracy")]), figures(trained, tested, truly, over), said,
    actions(button(tell("dealAgain"), () => {
      seed += 1;
      show();
    })));
  show();
}
