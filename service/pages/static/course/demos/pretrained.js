// A network that has learnt a thousand kinds of things reads a photograph; and what such learning saves of new images.

import { post } from "../../api.js";
import { latestOnly, make } from "../../dom.js";
import { nameClass } from "../../names.js";
import { percent } from "../../words.js";
import { Chart } from "../chart.js";
import { bar, choice, controls, figure, figures, legend, status } from "../kit.js";
import { Photograph } from "../photograph.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

const MODEL = "imagenet-efficientnet_lite0";
/** Accuracy on held-out photographs of cat or automobile by images of each class: fine-tuned, and from scratch. */
const MEASURED = /** @type {Record<string, [number, number]>} */ ({ 50: [0.977, 0.889], 500: [0.988, 0.971], 3250: [0.99, 0.987] });

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  const bars = make("ul", { class: "bars" });
  const said = status();
  const ask = latestOnly(async (/** @type {string} */ b64) => {
    try {
      await requireModels(MODEL);
      const { top: [found] } = await post("predict_proba", { model: MODEL, inputs: [{ b64 }], top: 5 });
      bars.replaceChildren(...found.map((/** @type {any} */ each, /** @type {number} */ index) => bar(nameClass(each.class), each.probability, percent(each.probability), index ? "" : "best")));
      said.textContent = tell("pretrainedSaid");
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });
  const photograph = new Photograph((b64) => ask(b64), context);
  const chart = new Chart({ x: [-0.2, 2.2], y: [0.86, 1], xTicks: Object.keys(MEASURED), xLabel: tell("imagesPerClass"), yLabel: tell("accuracy"), label: tell("fewImagesChart"), width: 340, height: 190 });
  const [tuned, scratch, gain] = [figure(tell("fineTuned"), "tuned"), figure(tell("fromScratch"), "scratch"), figure(tell("saved"), "gain")];
  const images = choice(tell("imagesPerClass"), Object.keys(MEASURED).map((each) => [each, each]), "50", show);

  function show() {
    const [a, b] = MEASURED[images.value];
    const entries = Object.values(MEASURED);
    const at = Object.keys(MEASURED).indexOf(images.value);
    const line = (/** @type {number} */ which) => entries.map((each, index) => /** @type {[number, number]} */ ([index, each[which]]));
    chart.clear().line(line(0), "blue").line(line(1), "orange").dots([[at, a]], "blue ring", 6).dots([[at, b]], "orange ring", 6);
    tuned.show(a, percent(a));
    scratch.show(b, percent(b));
    gain.show((1 - b) / (1 - a), tell("timesFewer", Math.round(10 * (1 - b) / (1 - a)) / 10));
  }

  place.append(make("div", { class: "pair" }, photograph.element, make("div", { class: "side" }, bars, said)),
    controls(images), make("div", { class: "pair" }, make("div", {}, chart.element, legend(["blue", tell("fineTuned")], ["orange", tell("fromScratch")])), figures(tuned, scratch, gain)));
  photograph.open();
  show();
}
