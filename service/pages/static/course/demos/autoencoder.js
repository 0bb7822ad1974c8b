// A digit becomes eight numbers and a digit again; between two digits lie pictures that are neither.

import { post } from "../../api.js";
import { button, latestOnly, make } from "../../dom.js";
import { number, percent } from "../../words.js";
import { actions, bar, controls, drawPicture, figure, figures, picture, slider, status } from "../kit.js";
import { loadDigits } from "../digits.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

/** @param {HTMLElement} place */
export async function mount(place) {
  await requireModels("digits-autoencoder", "digits-pca");
  const { rows } = await loadDigits();
  let [first, second] = [1, 3];
  const mix = slider(tell("mixOfTwo"), { min: 0, max: 1, step: 0.05, value: 0, write: percent }, () => send(null));
  const noise = slider(tell("noise"), { min: 0, max: 8, step: 0.5, value: 0 }, () => send(null));
  const canvases = Object.fromEntries(["given", "autoencoder", "pca"].map((name) => [name, picture(tell(/** @type {any} */ (`code_${name}`)), 8)]));
  const codes = make("ul", { class: "bars" });
  const [auto, linear] = [figure(tell("errorAutoencoder"), "autoencoder"), figure(tell("errorPca"), "pca")];
  const said = status();

  function read() {
    return rows[first].map((value, index) => {
      const mixed = (1 - mix.value) * value + mix.value * rows[second][index];
      // The noise is the same for each picture: a pattern, not chance, so that a figure can be had again.
      return Math.max(0, Math.min(16, mixed + noise.value * Math.sin(12.9898 * index + 78.233)));
    });
  }

  const send = latestOnly(async () => {
    const row = read();
    drawPicture(canvases.given, row, 16);
    try {
      const [a, p] = await Promise.all(["digits-autoencoder", "digits-pca"].map((model) => post("transform", { model, inputs: [row] })));
      drawPicture(canvases.autoencoder, a.reconstructions[0], 16);
      drawPicture(canvases.pca, p.reconstructions[0], 16);
      const [code] = a.outputs;
      const widest = Math.max(12, ...code.map(Math.abs));
      codes.replaceChildren(...code.map((/** @type {number} */ value, /** @type {number} */ n) => bar(tell("codeNumber", n + 1), Math.abs(value) / widest, number(value, { maximumFractionDigits: 2 }), value < 0 ? "orange" : "")));
      const error = (/** @type {number[]} */ restored) => restored.reduce((sum, value, index) => sum + (value - row[index]) ** 2, 0) / 64;
      auto.show(error(a.reconstructions[0]), number(error(a.reconstructions[0]), { maximumFractionDigits: 2 }));
      linear.show(error(p.reconstructions[0]), number(error(p.reconstructions[0]), { maximumFractionDigits: 2 }));
      said.textContent = tell(noise.value > 2 ? "codeNoise" : mix.value > 0.2 && mix.value < 0.8 ? "codeBetween" : "codeSaid");
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });

  const shown = (/** @type {string} */ name) => make("figure", {}, canvases[name], make("figcaption", {}, tell(/** @type {any} */ (`code_${name}`))));
  place.append(controls(mix, noise), make("div", { class: "pictures large" }, ...Object.keys(canvases).map(shown)), figures(auto, linear), codes, said,
    actions(button(tell("anotherPair"), () => {
      [first, second] = [second, (second + 5) % rows.length];
      send(null);
    })));
  send(null);
}
