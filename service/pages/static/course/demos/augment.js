// A photograph becomes 32 by 32 pixels of three numbers, and training shows it mirrored, moved and partly hidden.

import { make } from "../../dom.js";
import { number } from "../../words.js";
import { choice, controls, figure, figures, picture, slider, status } from "../kit.js";
import { cutOut, measureColours, mirror, shift } from "../maths/pixels.js";
import { Photograph } from "../photograph.js";
import { tell } from "../words.js";

const SIDE = 32;

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  /** @type {import("../maths/pixels.js").Pixels} */
  let pixels = { side: SIDE, values: new Float64Array(3 * SIDE * SIDE) };
  const small = picture(tell("smallPicture"), SIDE);
  const changed = picture(tell("asTrained"), SIDE);
  const mirrored = choice(tell("mirrored"), [["no", tell("no")], ["yes", tell("yes")]], "no", show);
  const [right, down] = [slider(tell("movedRight"), { min: -8, max: 8, value: 3 }, show), slider(tell("movedDown"), { min: -8, max: 8, value: 0 }, show)];
  const hidden = slider(tell("hiddenSquare"), { min: 0, max: 16, value: 8 }, show);
  const [shape, bytes, red, spread] = [figure(tell("shape"), "shape"), figure(tell("numbers"), "numbers"), figure(tell("meanRed"), "red"), figure(tell("spreadRed"), "spread")];
  const said = status();

  /** @param {HTMLCanvasElement} canvas */
  function read(canvas) {
    const shrunk = make("canvas", { width: SIDE, height: SIDE });
    const context2d = shrunk.getContext("2d", { willReadFrequently: true });
    context2d.drawImage(canvas, 0, 0, SIDE, SIDE);
    const { data } = context2d.getImageData(0, 0, SIDE, SIDE);
    const values = new Float64Array(3 * SIDE * SIDE);
    for (let n = 0; n < SIDE * SIDE; n++) for (let channel = 0; channel < 3; channel++) values[3 * n + channel] = data[4 * n + channel] / 255;
    pixels = { side: SIDE, values };
    paint(small, pixels);
    show();
  }

  function show() {
    let result = mirrored.value === "yes" ? mirror(pixels) : pixels;
    result = shift(result, right.value, down.value);
    result = cutOut(result, hidden.value, 10, 12);
    paint(changed, result);
    const [first] = measureColours(result);
    shape.show("(3, 32, 32)");
    bytes.show(3 * SIDE * SIDE, number(3 * SIDE * SIDE, {}));
    red.show(first.mean, number(first.mean, { maximumFractionDigits: 3 }));
    spread.show(first.deviation, number(first.deviation, { maximumFractionDigits: 3 }));
    said.textContent = tell("augmentSaid");
  }

  const photograph = new Photograph((_, canvas) => read(canvas), context);
  const shown = (/** @type {Node} */ canvas, /** @type {any} */ word) => make("figure", {}, canvas, make("figcaption", {}, tell(word)));
  place.append(make("div", { class: "pair" }, photograph.element, make("div", { class: "pictures large" }, shown(small, "smallPicture"), shown(changed, "asTrained"))),
    controls(mirrored, right, down, hidden), figures(shape, bytes, red, spread), said);
  photograph.open();
}

/** @param {HTMLCanvasElement} canvas @param {import("../maths/pixels.js").Pixels} pixels */
function paint(canvas, { side, values }) {
  const data = new Uint8ClampedArray(4 * side * side);
  for (let n = 0; n < side * side; n++) data.set([255 * values[3 * n], 255 * values[3 * n + 1], 255 * values[3 * n + 2], 255], 4 * n);
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(new ImageData(data, side), 0, 0);
}
