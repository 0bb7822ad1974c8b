// A walk through the generator's noise: sixteen numbers in, a digit out, and neighbours look alike.

import { post } from "../../api.js";
import { button, latestOnly, make } from "../../dom.js";
import { percent } from "../../words.js";
import { actions, controls, drawPicture, figure, figures, picture, slider, status } from "../kit.js";
import { drawNormal, makeRandom } from "../maths/random.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

const SIZE = 16;
const N_STEPS = 11;

/** Returns the noise of a seed. @param {number} seed */
export function makeNoise(seed) {
  const random = makeRandom(seed);
  return Array.from({ length: SIZE }, () => drawNormal(random));
}

/** Returns a place on the way between two, which stays as far from the middle as they are. @param {number[]} a @param {number[]} b @param {number} share */
export function walk(a, b, share) {
  const norm = (/** @type {number[]} */ v) => Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));
  const cosine = a.reduce((sum, value, index) => sum + value * b[index], 0) / norm(a) / norm(b);
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  if (angle < 1e-9) return a;
  const [x, y] = [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
  return a.map((value, index) => x * value + y * b[index]);
}

/** @param {HTMLElement} place */
export function mount(place) {
  const [from, to] = [slider(tell("fromSeed"), { min: 1, max: 500, value: 3 }, () => send(null)), slider(tell("toSeed"), { min: 1, max: 500, value: 12 }, () => send(null))];
  const at = slider(tell("onTheWay"), { min: 0, max: 1, step: 0.1, value: 0, write: percent }, () => show());
  const large = picture(tell("madeUp"), 8);
  const strip = Array.from({ length: N_STEPS }, (_, n) => picture(tell("stepNumber", n + 1), 8));
  const film = make("img", { class: "picture", alt: tell("otherSamples") });
  const [opinion, darkness] = [figure(tell("takenForReal"), "real"), figure(tell("ink"), "ink")];
  const said = status();
  /** @type {number[][]} */
  let rows = [];
  /** @type {number[]} */
  let shares = [];

  function show() {
    if (!rows.length) return;
    const n = Math.round(at.value * (N_STEPS - 1));
    drawPicture(large, rows[n], 16);
    darkness.show(rows[n].reduce((sum, value) => sum + value, 0) / 64 / 16, percent(rows[n].reduce((sum, value) => sum + value, 0) / 64 / 16));
    if (shares.length) opinion.show(shares[n], percent(shares[n]));
    for (const [index, canvas] of strip.entries()) canvas.classList.toggle("ring-box", index === n);
  }

  const send = latestOnly(async () => {
    const [a, b] = [makeNoise(from.value), makeNoise(to.value)];
    const noise = Array.from({ length: N_STEPS }, (_, n) => walk(a, b, n / (N_STEPS - 1)));
    try {
      await requireModels("digits-gan", "digits_origin-discriminator");
      const { outputs: [{ data }] } = await post("v2/models/digits-gan/infer", { inputs: [{ name: "noise", shape: [N_STEPS, SIZE], datatype: "FP32", data: noise.flat() }] });
      rows = noise.map((_, n) => Array.from({ length: 64 }, (__, pixel) => data[(n * 64 + pixel) * 3] / 255 * 16));
      for (const [n, canvas] of strip.entries()) drawPicture(canvas, rows[n], 16);
      said.textContent = tell("ganSaid");
      show();
      const { images: [{ b64 }] } = await post("generate", { model: "digits-gan", count: 1, seed: from.value });
      film.src = `data:image/png;base64,${b64}`;
      const answer = await post("predict_proba", { model: "digits_origin-discriminator", inputs: rows });
      shares = answer.probabilities.map((/** @type {number[]} */ each) => each[answer.classes.indexOf("real")]);
      show();
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });

  const shown = (/** @type {Node} */ canvas, /** @type {any} */ word) => make("figure", {}, canvas, make("figcaption", {}, tell(word)));
  place.append(controls(from, to, at), make("div", { class: "pictures large few" }, shown(large, "madeUp"), shown(film, "otherSamples")),
    make("div", { class: "strip" }, ...strip), figures(opinion, darkness), said, actions(button(tell("goOn"), () => {
      from.value = to.value;
      to.value = to.value % 500 + 7;
      send(null);
    })));
  send(null);
}
