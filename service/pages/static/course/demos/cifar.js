// Ten classes and nothing else: whatever the photograph shows, the probabilities are divided among them.

import { post } from "../../api.js";
import { latestOnly, make } from "../../dom.js";
import { nameClass } from "../../names.js";
import { number, percent } from "../../words.js";
import { bar, choice, controls, figure, figures, status } from "../kit.js";
import { Photograph } from "../photograph.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

const SURE = 0.6;

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  const model = choice(tell("network"), [["cifar10-mlp", "MLP"], ["cifar10-cnn", "CNN"]], "cifar10-cnn", () => photograph.tell());
  const bars = make("ul", { class: "bars" });
  const [sum, best, entropy] = [figure(tell("sumOfAll"), "sum"), figure(tell("mostProbable"), "best"), figure(tell("bitsOfDoubt"), "bits")];
  const said = status();
  const ask = latestOnly(async (/** @type {string} */ b64) => {
    try {
      await requireModels(model.value);
      const { classes, probabilities: [shares] } = await post("predict_proba", { model: model.value, inputs: [{ b64 }] });
      const top = Math.max(...shares);
      bars.replaceChildren(...classes.map((/** @type {string} */ each, /** @type {number} */ index) => bar(nameClass(each), shares[index], percent(shares[index]), shares[index] === top ? "best" : "")));
      const total = shares.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
      const bits = shares.reduce((/** @type {number} */ total, /** @type {number} */ share) => total - (share > 0 ? share * Math.log2(share) : 0), 0);
      sum.show(total, percent(total));
      best.show(nameClass(classes[shares.indexOf(top)]));
      entropy.show(bits, number(bits, { maximumFractionDigits: 2 }));
      said.textContent = tell(top > SURE ? "cifarSure" : "cifarUnsure");
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });
  const photograph = new Photograph((b64) => ask(b64), context);
  place.append(controls(model), make("div", { class: "pair" }, photograph.element, bars), figures(sum, best, entropy), said);
  photograph.open();
}
