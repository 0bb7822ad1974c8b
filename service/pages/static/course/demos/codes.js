// Eight sliders over the autoencoder's code: each place among them is a picture, though nobody has drawn it.

import { post } from "../../api.js";
import { button, latestOnly, make } from "../../dom.js";
import { nameClass } from "../../names.js";
import { number, percent } from "../../words.js";
import { actions, controls, drawPicture, figure, figures, picture, slider, status } from "../kit.js";
import { loadDigits } from "../digits.js";
import { readDecoder } from "../maths/decoder.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

const MODEL = "digits-autoencoder";
const READER = "digits-cnn";
const N_ROWS = 300;

/** @param {HTMLElement} place */
export async function mount(place) {
  await requireModels(MODEL, READER);
  const [{ rows }, response] = await Promise.all([loadDigits(), fetch(new URL("../decoder.bin", import.meta.url))]);
  const { version, decode } = readDecoder(await response.arrayBuffer());
  const answer = await post("transform", { model: MODEL, inputs: rows.slice(0, N_ROWS) });
  if (answer.version !== version) throw new Error(tell("decoderOther"));
  /** @type {number[][]} */
  const codes = answer.outputs;
  let chosen = 0;

  const sliders = codes[0].map((_, index) => {
    const values = codes.map((code) => code[index]);
    const [min, max] = [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
    return slider(tell("codeNumber", index + 1), { min, max, step: (max - min) / 200, value: codes[0][index], write: (value) => number(value, { maximumFractionDigits: 1 }) }, () => draw());
  });
  const given = picture(tell("code_given"), 8);
  const made = picture(tell("codeMade"), 8);
  const [reading, sure, ink] = [figure(tell("readAs"), "reading"), figure(tell("probability"), "probability"), figure(tell("ink"), "ink")];
  const said = status();

  const read = latestOnly(async (/** @type {number[]} */ row) => {
    try {
      const { classes, probabilities: [shares] } = await post("predict_proba", { model: READER, inputs: [row] });
      const best = Math.max(...shares);
      reading.show(nameClass(classes[shares.indexOf(best)]));
      sure.show(best, percent(best));
      said.textContent = tell(best < 0.6 ? "codeDoubt" : "codeSlide");
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });

  function draw() {
    const row = decode(sliders.map(({ value }) => value)).map((value) => Math.max(0, Math.min(16, value)));
    drawPicture(made, row, 16);
    ink.show(row.reduce((sum, value) => sum + value, 0) / 64 / 16, percent(row.reduce((sum, value) => sum + value, 0) / 64 / 16));
    read(row);
  }

  /** @param {number} next */
  function choose(next) {
    chosen = next % codes.length;
    drawPicture(given, rows[chosen], 16);
    for (const [index, each] of sliders.entries()) each.value = codes[chosen][index];
    draw();
  }

  const shown = (/** @type {Node} */ canvas, /** @type {any} */ word) => make("figure", {}, canvas, make("figcaption", {}, tell(word)));
  place.append(make("div", { class: "pictures large few" }, shown(given, "code_given"), shown(made, "codeMade")), figures(reading, sure, ink), controls(...sliders), said,
    actions(button(tell("anotherDigit"), () => choose(chosen + 1)), button(tell("codeBack"), () => choose(chosen))));
  choose(0);
}
