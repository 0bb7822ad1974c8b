// A filter of nine numbers is moved over your own drawing; one place shows what it adds up.

import { button, make } from "../../dom.js";
import { number } from "../../words.js";
import { actions, choice, controls, drawPicture, figure, figures, picture, slider, status } from "../kit.js";
import { convolve, pool } from "../maths/convolution.js";
import { Pad } from "../pad.js";
import { tell } from "../words.js";

const SIDE = 20;
/** @type {Record<string, number[]>} */
const KERNELS = {
  vertical: [-1, 0, 1, -2, 0, 2, -1, 0, 1],
  horizontal: [-1, -2, -1, 0, 0, 0, 1, 2, 1],
  outline: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  blur: [1, 1, 1, 1, 1, 1, 1, 1, 1].map((value) => value / 9),
  identity: [0, 0, 0, 0, 1, 0, 0, 0, 0],
};
const FOUR = [[12, 2, 4, 12], [4, 12, 16, 12], [12, 7, 12, 18]];

/** @param {HTMLElement} place */
export function mount(place) {
  const filtered = picture(tell("filtered"), SIDE);
  const positive = picture(tell("afterRelu"), SIDE);
  const pooled = picture(tell("afterPool"), SIDE / 2);
  const inputs = KERNELS.vertical.map((_, n) => make("input", { type: "text", inputmode: "decimal", "aria-label": tell("kernelCell", Math.floor(n / 3) + 1, n % 3 + 1), change: () => show(pad.pixels) }));
  const kernel = choice(tell("filter"), Object.keys(KERNELS).map((name) => [name, tell(/** @type {any} */ (`kernel_${name}`))]), "vertical", () => {
    write();
    show(pad.pixels);
  });
  const row = slider(tell("row"), { min: 0, max: SIDE - 1, value: 12 }, () => show(pad.pixels));
  const column = slider(tell("column"), { min: 0, max: SIDE - 1, value: 11 }, () => show(pad.pixels));
  const sum = figure(tell("atPlace"), "sum");
  const said = status();
  const pad = new Pad(tell("padLabel"), SIDE, (pixels) => show(pixels));

  function write() {
    inputs.forEach((input, n) => { input.value = number(KERNELS[kernel.value][n], { maximumFractionDigits: 2 }); });
  }

  /** @param {number[]} pixels */
  function show(pixels) {
    const chosen = KERNELS[kernel.value];
    const isWritten = inputs.every((input, n) => input.value === number(chosen[n], { maximumFractionDigits: 2 }));
    const weights = isWritten ? chosen : inputs.map((input) => Number(input.value.replace(",", ".")) || 0);
    const { values } = convolve(pixels, weights, { padding: 1 });
    const max = Math.max(1, ...values.map(Math.abs));
    drawPicture(filtered, values, max, { isSigned: true });
    const kept = values.map((value) => Math.max(0, value));
    drawPicture(positive, kept, max);
    drawPicture(pooled, pool(kept).values, max);
    const at = row.value * SIDE + column.value;
    sum.show(values[at]);
    const terms = weights.map((weight, n) => {
      const [r, c] = [row.value + Math.floor(n / 3) - 1, column.value + n % 3 - 1];
      const pixel = r < 0 || c < 0 || r >= SIDE || c >= SIDE ? 0 : pixels[r * SIDE + c];
      return `${number(weight, { maximumFractionDigits: 2 })}·${number(pixel, { maximumFractionDigits: 2 })}`;
    });
    said.textContent = `${terms.join(" + ").replaceAll("+ -", "− ")} = ${number(values[at])}`;
  }

  const shown = (/** @type {Node} */ canvas, /** @type {any} */ word) => make("figure", {}, canvas, make("figcaption", {}, tell(word)));
  place.append(controls(kernel), make("div", { class: "pictures large" }, shown(pad.canvas, "yourDrawing"), shown(filtered, "filtered"), shown(positive, "afterRelu"), shown(pooled, "afterPool")),
    actions(button(tell("clear"), () => pad.clear()), button(tell("aFour"), () => drawFour(pad))),
    make("div", { class: "pair" }, make("div", { class: "kernel", role: "group", "aria-label": tell("kernelLabel") }, ...inputs), make("div", {}, controls(row, column), figures(sum))), said);
  write();
  drawFour(pad);
}

/** @param {Pad} pad */
function drawFour(pad) {
  pad.pixels.fill(0);
  for (const [x1, y1, x2, y2] of FOUR) {
    for (let n = 0; n <= 24; n++) pad.ink(x1 + (x2 - x1) * n / 24, y1 + (y2 - y1) * n / 24);
  }
}
