// What each layer of a convolutional network gives of a picture: first edges and colours, then parts, at last the class.

import { ask, post } from "../../api.js";
import { latestOnly, make } from "../../dom.js";
import { nameClass } from "../../names.js";
import { number, percent } from "../../words.js";
import { choice, controls, figure, figures, status } from "../kit.js";
import { Photograph } from "../photograph.js";
import { requireModels } from "../served.js";
import { tell } from "../words.js";

const MODEL = "cifar10-cnn";

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export async function mount(place, context) {
  await requireModels(MODEL);
  const { layers } = await ask(`models/${MODEL}/layers`, { headers: { Accept: "application/json" } });
  const names = layers.map((/** @type {any} */ each) => each.name);
  const layer = choice(tell("layer"), [...names.map((/** @type {string} */ each) => [each, each]), ["seen", tell("whereItLooks")]], names[0], () => photograph.tell());
  const maps = make("img", { class: "picture", alt: "" });
  const [channels, size, answer, sure] = [figure(tell("channels"), "channels"), figure(tell("size"), "size"), figure(tell("answer"), "answer"), figure(tell("probability"), "probability")];
  const said = status();
  const send = latestOnly(async (/** @type {string} */ b64) => {
    const isMap = layer.value === "seen";
    try {
      const { explanations: [found] } = await post("explain", { model: MODEL, inputs: [{ b64 }], ...(isMap ? {} : { layer: layer.value }) });
      maps.src = `data:image/png;base64,${(isMap ? found.heat_map : found.maps).b64}`;
      const told = layers.find((/** @type {any} */ each) => each.name === layer.value);
      channels.show(told ? told.channels : null);
      size.show(told ? `${told.height} × ${told.width}` : null);
      answer.show(nameClass(found.prediction));
      sure.show(found.probability, percent(found.probability));
      maps.alt = isMap ? tell("heatMapOf", nameClass(found.class)) : tell("mapsOf", layer.value);
      said.textContent = isMap ? tell("heatMapOf", nameClass(found.class)) : tell("layersSaid", number(told.channels), layer.value);
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });
  const photograph = new Photograph((b64) => send(b64), context);
  place.append(controls(layer), make("div", { class: "pair" }, photograph.element, maps), figures(channels, size, answer, sure), said);
  photograph.open();
}
