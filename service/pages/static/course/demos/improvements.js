// The same photograph through four networks, and how sure their figures are.

import { ask, post } from "../../api.js";
import { latestOnly, make } from "../../dom.js";
import { nameClass, nameFamily } from "../../names.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { bar, figure, figures, slider, controls, status } from "../kit.js";
import { Photograph } from "../photograph.js";
import { listServed, requireTask } from "../served.js";
import { tell } from "../words.js";

const TASK = "cat_or_automobile";
const FAMILIES = ["logistic", "mlp", "cnn", "pretrained"];

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export async function mount(place, context) {
  const bars = make("ul", { class: "bars long" });
  const chart = new Chart({ x: [0.75, 1], y: [-0.4, 3.8], xLabel: tell("accuracyHeldOut"), label: tell("intervalsChart"), hasY: false, width: 560, height: 200 });
  const rows = slider(tell("ifMeasuredOn"), { min: 2, max: 5, step: 0.1, value: 3.3, read: (each) => Math.round(10 ** each), write: (each) => tell("rowsOf", number(each, {})) }, () => drawIntervals());
  const [best, width] = [figure(tell("bestOfFour"), "best"), figure(tell("intervalWidth"), "width")];
  const said = status();
  /** @type {{family: string, value: number, interval: [number, number]}[]} */
  let found = [];
  const send = latestOnly(async (/** @type {string} */ b64) => {
    try {
      await requireTask(TASK);
      const { models } = await post("compare", { task: TASK, inputs: [{ b64 }] });
      const shares = models.map((/** @type {any} */ each) => ({ family: each.model.split("-")[1], label: each.predictions[0], share: Math.max(...each.probabilities[0]) }));
      shares.sort((/** @type {any} */ a, /** @type {any} */ b) => FAMILIES.indexOf(a.family) - FAMILIES.indexOf(b.family));
      bars.replaceChildren(...shares.map((/** @type {any} */ { family, label, share }) => bar(nameFamily(family), share, `${nameClass(label)} ${percent(share)}`, label === "cat" ? "orange" : "")));
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });

  /** Draws the intervals that these accuracies would have on so many photographs, by Wilson's formula. */
  function drawIntervals() {
    chart.clear();
    found.forEach(({ family, value }, index) => {
      const [low, high] = wilson(value, rows.value);
      const y = FAMILIES.length - 1 - index;
      chart.line([[low, y], [high, y]], "blue").dots([[value, y]], "blue", 5).text([Math.max(0.76, low - 0.005), y + 0.25], nameFamily(family), low > 0.85 ? "end" : "start");
    });
    const top = found.find(({ value }) => value === Math.max(...found.map((each) => each.value)));
    if (!top) return;
    best.show(top.value, `${nameFamily(top.family)} ${percent(top.value)}`);
    const [low, high] = wilson(top.value, rows.value);
    width.show(high - low, percent(high - low));
    const second = found.filter((each) => each !== top).sort((a, b) => b.value - a.value)[0];
    said.textContent = tell(second && wilson(second.value, rows.value)[1] >= low ? "intervalsMeet" : "intervalsApart");
  }

  const photograph = new Photograph((b64) => send(b64), context);
  place.append(make("div", { class: "pair" }, photograph.element, bars), controls(rows), chart.element, figures(best, width), said);
  photograph.open();
  const served = await listServed().catch(() => []);
  const wanted = FAMILIES.filter((family) => served.some(({ name }) => name === `${TASK}-${family}`));
  const cards = await Promise.all(wanted.map((family) => ask(`models/${TASK}-${family}`, { headers: { Accept: "application/json" } }).catch(() => null)));
  found = cards.filter((card) => card).map((card) => ({ family: card.family, ...card.metrics.accuracy }));
  drawIntervals();
}

/** Returns the 95 % interval of a share. @param {number} share @param {number} n @returns {[number, number]} */
export function wilson(share, n) {
  const z = 1.959963984540054;
  const middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const half = z / (1 + z * z / n) * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return [middle - half, middle + half];
}
