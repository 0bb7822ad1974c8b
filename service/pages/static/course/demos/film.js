// The film of the generator's epochs: the same noise, again and again, while the generator learns what a digit is.

import { make } from "../../dom.js";
import { number } from "../../words.js";
import { Clock, actions, controls, figure, figures, runButton, slider, status } from "../kit.js";
import { tell } from "../words.js";

/** The frames were taken after so many epochs. */
export const EPOCHS = [0, 2, 4, 6, 9, 12, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300];
const FRAME_MS = 350;
/** A frame has so many digits in each direction, each of so many pixels, which are drawn so large with a gap between. */
const [N_ACROSS, SIDE, LARGE_PX, GAP_PX] = [6, 8, 64, 8];

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export async function mount(place, context) {
  const film = new Image();
  film.src = String(new URL("../film.png", import.meta.url));
  await film.decode();
  const size = N_ACROSS * (LARGE_PX + GAP_PX) - GAP_PX;
  const canvas = make("canvas", { class: "picture film", width: size, height: size, role: "img" });
  const plain = make("canvas", { width: film.naturalWidth, height: film.naturalWidth });
  const [epoch, contrast] = [figure(tell("epoch"), "epoch"), figure(tell("contrast"), "contrast")];
  const said = status();
  const at = slider(tell("filmAt"), { min: 0, max: EPOCHS.length - 1, value: 0, write: (n) => tell("filmEpoch", EPOCHS[n]) }, (n) => show(n));
  const clock = new Clock(() => {
    at.value += 1;
    show(at.value);
    return at.value < EPOCHS.length - 1;
  }, FRAME_MS);
  const run = runButton(clock, [tell("run"), tell("pause")]);
  run.addEventListener("click", () => {
    if (clock.isRunning && at.value === EPOCHS.length - 1) at.value = 0;
  });
  context.closers.push(() => clock.stop());

  /** @param {number} n */
  function show(n) {
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingEnabled = false;
    for (let place = 0; place < N_ACROSS ** 2; place += 1) {
      const [x, y] = [place % N_ACROSS, Math.floor(place / N_ACROSS)];
      pen.drawImage(film, x * SIDE, (n * N_ACROSS + y) * SIDE, SIDE, SIDE, x * (LARGE_PX + GAP_PX), y * (LARGE_PX + GAP_PX), LARGE_PX, LARGE_PX);
    }
    canvas.setAttribute("aria-label", tell("filmOf", EPOCHS[n]));
    epoch.show(EPOCHS[n], number(EPOCHS[n], {}));
    const small = plain.getContext("2d", { willReadFrequently: true });
    small.drawImage(film, 0, n * plain.height, plain.width, plain.height, 0, 0, plain.width, plain.height);
    const greys = small.getImageData(0, 0, plain.width, plain.height).data.filter((/** @type {number} */ _, /** @type {number} */ index) => index % 4 === 0);
    const mean = greys.reduce((/** @type {number} */ sum, /** @type {number} */ value) => sum + value, 0) / greys.length;
    contrast.show(Math.sqrt(greys.reduce((/** @type {number} */ sum, /** @type {number} */ value) => sum + (value - mean) ** 2, 0) / greys.length) / 128);
    said.textContent = tell(EPOCHS[n] < 12 ? "filmBegins" : EPOCHS[n] < 80 ? "filmStrokes" : "filmDigits");
  }

  place.append(canvas, controls(at), figures(epoch, contrast), said, actions(run));
  show(0);
}
