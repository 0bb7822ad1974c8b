// The map of families by what they learn from; two questions light those that fit.

import { ROOT } from "../../api.js";
import { make } from "../../dom.js";
import { nameFamily } from "../../names.js";
import { choice, controls, figure, figures, status } from "../kit.js";
import { listServed } from "../served.js";
import { tell } from "../words.js";

/** @type {{kind: string, wants: string, families: string[]}[]} */
const MAP = [
  { kind: "classification", wants: "class", families: ["logistic", "perceptron", "naive_bayes", "knn", "decision_tree", "random_forest", "gradient_boosting", "mlp", "cnn", "pretrained"] },
  { kind: "regression", wants: "number", families: ["linear", "decision_tree", "random_forest", "gradient_boosting", "knn", "mlp"] },
  { kind: "clustering", wants: "groups", families: ["kmeans"] },
  { kind: "reduction", wants: "fewer", families: ["pca", "autoencoder"] },
  { kind: "generation", wants: "new", families: ["gan"] },
];
const SUPERVISED = ["class", "number"];

/** @param {HTMLElement} place */
export async function mount(place) {
  const labels = choice(tell("haveLabels"), [["yes", tell("yes")], ["no", tell("no")], ["reward", tell("onlyRewards")]], "yes", (value) => {
    wanted.value = value === "yes" ? "class" : "groups";
    show();
  });
  const wanted = choice(tell("wantToKnow"), ["class", "number", "groups", "fewer", "new"].map((each) => [each, tell(/** @type {any} */ (`want_${each}`))]), "class", (value) => {
    labels.value = SUPERVISED.includes(value) ? "yes" : "no";
    show();
  });
  const map = make("div", { class: "families" });
  const [fitting, served] = [figure(tell("familiesFitting"), "fitting"), figure(tell("modelsServed"), "served")];
  const said = status();
  const models = await listServed().catch(() => []);

  function show() {
    const isReward = labels.value === "reward";
    const found = MAP.find((each) => each.wants === wanted.value);
    map.replaceChildren(...MAP.map((each) => make("section", { class: !isReward && each === found ? "fits" : "" }, make("h3", {}, tell(/** @type {any} */ (`kind_${each.kind}`))),
      make("ul", {}, ...each.families.map((family) => make("li", {}, door(family, each.kind)))))));
    const names = isReward || !found ? [] : found.families;
    fitting.show(names.length);
    served.show(found && !isReward ? countServed(names, found.kind) : 0);
    said.textContent = isReward ? tell("rewardFamilies") : tell(/** @type {any} */ (`fits_${wanted.value}`));
  }

  /** @param {string} kind */
  const kindOf = (kind) => ({ classification: "classifier", regression: "regressor", clustering: "clusterer", reduction: "transformer", generation: "generator" })[kind];
  const countServed = (/** @type {string[]} */ names, /** @type {string} */ kind) => models.filter((each) => each.kind === kindOf(kind) && (kind !== "classification" || names.includes(each.family))).length;

  /** @param {string} family @param {string} kind */
  function door(family, kind) {
    const model = models.find((each) => each.family === family && each.kind === kindOf(kind));
    return model ? make("a", { href: new URL(`models/${model.name}`, ROOT).href }, nameFamily(family)) : make("span", { class: "absent" }, nameFamily(family));
  }

  place.append(controls(labels, wanted), figures(fitting, served), said, map);
  show();
}
