// Cat or automobile: one probability, and where a network without convolution looked for it.

import { post } from "../../api.js";
import { latestOnly, make } from "../../dom.js";
import { nameClass } from "../../names.js";
import { percent } from "../../words.js";
import { bar, choice, controls, figure, figures, slider, status } from "../kit.js";
import { Photograph } from "../photograph.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

const TASK = "cat_or_automobile";

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  const model = choice(tell("network"), [["logistic", tell("logisticShort")], ["mlp", "MLP"], ["cnn", "CNN"]], "mlp", () => photograph.tell());
  const limit = slider(tell("threshold"), { min: 0.05, max: 0.95, step: 0.05, value: 0.5, write: percent }, () => decide());
  const bars = make("ul", { class: "bars" });
  const heat = make("img", { class: "picture", alt: "" });
  const caption = make("figcaption");
  const [car, answer] = [figure(tell("probabilityOfCar"), "car"), figure(tell("answer"), "answer")];
  const said = status();
  let share = 0;

  function decide() {
    answer.show(nameClass(share >= limit.value ? "automobile" : "cat"));
  }

  const ask = latestOnly(async (/** @type {string} */ b64) => {
    const name = `${TASK}-${model.value}`;
    try {
      await requireModels(name);
      const { classes, probabilities: [shares] } = await post("predict_proba", { model: name, inputs: [{ b64 }] });
      bars.replaceChildren(...classes.map((/** @type {string} */ each, /** @type {number} */ index) => bar(nameClass(each), shares[index], percent(shares[index]))));
      share = shares[classes.indexOf("automobile")];
      car.show(share, percent(share));
      decide();
      const { explanations: [found] } = await post("explain", { model: name, inputs: [{ b64 }] });
      heat.src = `data:image/png;base64,${found.heat_map.b64}`;
      heat.alt = caption.textContent = tell("heatMapOf", nameClass(found.class));
      said.textContent = tell("binarySaid");
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });
  const photograph = new Photograph((b64) => ask(b64), context);
  place.append(controls(model, limit), make("div", { class: "pair" }, photograph.element, make("div", { class: "side" }, make("figure", {}, heat, caption), bars)), figures(car, answer), said);
  photograph.open();
}
