// 64 pixels become a few numbers, and the picture comes back from them, the better the more there are.

import { button, make } from "../../dom.js";
import { percent } from "../../words.js";
import { Chart } from "../chart.js";
import { actions, beside, controls, drawPicture, figure, figures, picture, slider, status } from "../kit.js";
import { loadDigits } from "../digits.js";
import { findComponents, project, restore } from "../maths/components.js";
import { tell } from "../words.js";

const MAX_COMPONENTS = 32;
/** One digit of so many has its name on the plane. */
const EACH_NAMED = 6;
const KINDS = ["blue", "orange", "green", "violet", "grey"];

/** @param {HTMLElement} place */
export async function mount(place) {
  const { rows, truth } = await loadDigits();
  const found = findComponents(rows, MAX_COMPONENTS);
  const codes = rows.map((row) => project(row, found.mean, found.components));
  const plane = codes.map((code) => code.slice(0, 2));
  let chosen = 0;
  const n = slider(tell("components"), { min: 0, max: MAX_COMPONENTS, value: 8 }, show);
  const reach = Math.max(...plane.flat().map(Math.abs)) * 1.05;
  const chart = new Chart({ x: [-reach, reach], y: [-reach, reach], xLabel: tell("component", 1), yLabel: tell("component", 2), label: tell("componentPlane"), width: 380, height: 350 });
  const [before, after] = [picture(tell("theDigit"), 8), picture(tell("restored"), 8)];
  const parts = Array.from({ length: 4 }, (_, index) => picture(tell("component", index + 1), 8));
  const [kept, error] = [figure(tell("varianceKept"), "kept"), figure(tell("meanSquaredError"), "error")];
  const said = status();

  function show() {
    const restored = restore(codes[chosen].slice(0, n.value), found.mean, found.components);
    drawPicture(before, rows[chosen], 16);
    drawPicture(after, restored, 16);
    chart.clear().dots(plane, (index) => KINDS[Number(truth[index]) % KINDS.length] + (Number(truth[index]) >= KINDS.length ? " faint" : ""), 3);
    for (let index = 0; index < plane.length; index += EACH_NAMED) chart.text(plane[index], truth[index], "middle");
    chart.mark(plane[chosen], "text-colour");
    const share = found.variances.slice(0, n.value).reduce((a, b) => a + b, 0) / found.total;
    kept.show(share, percent(share));
    error.show(restored.reduce((sum, value, index) => sum + (value - rows[chosen][index]) ** 2, 0) / 64);
    said.textContent = tell(n.value === 0 ? "componentsNone" : n.value < 6 ? "componentsFew" : "componentsMany", n.value);
  }

  for (const [index, canvas] of parts.entries()) drawPicture(canvas, found.components[index], 0.3, { isSigned: true });
  const shown = (/** @type {Node} */ canvas, /** @type {string} */ text) => make("figure", {}, canvas, make("figcaption", {}, text));
  place.append(beside(chart, controls(n), make("div", { class: "pictures" },
    shown(before, tell("theDigit")), shown(after, tell("restored")), ...parts.map((canvas, index) => shown(canvas, tell("component", index + 1)))),
  figures(kept, error), said, actions(button(tell("anotherDigit"), () => {
    chosen = (chosen + 1) % rows.length;
    show();
  }))));
  chart.onChoose(tell("componentPlane"), (x, y) => {
    const far = plane.map((point) => (point[0] - x) ** 2 + (point[1] - y) ** 2);
    chosen = far.indexOf(Math.min(...far));
    show();
  });
  show();
}
