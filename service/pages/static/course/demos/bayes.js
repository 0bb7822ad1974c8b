// Naive Bayes multiplies: how common a class is, and how usual each value is in it.

import { make } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart } from "../chart.js";
import { bar, controls, figure, figures, legend, slider, status } from "../kit.js";
import { density, learnBayes, weigh } from "../maths/bayes.js";
import { makePoints } from "../maths/random.js";
import { tell } from "../words.js";

const { points: POINTS, labels: LABELS } = makePoints("clouds", 80, 0.9, 6);
const CLASSES = learnBayes(POINTS, LABELS, 2);
const COLOURS = ["blue", "orange"];

/** @param {HTMLElement} place */
export function mount(place) {
  const values = [1, 2].map((n) => slider(`x${n}`, { min: -3.5, max: 3.5, step: 0.1, value: 0.5 }, show));
  const prior = slider(tell("prior"), { min: 0.05, max: 0.95, step: 0.05, value: 0.5, write: percent }, show);
  const charts = [0, 1].map((feature) => new Chart({ x: [-4, 4], y: [0, 0.6], xLabel: `x${feature + 1}`, yLabel: tell("density"), label: tell("bellChart", feature + 1), width: 340, height: 200 }));
  const bars = make("ul", { class: "bars" });
  const posterior = figure(tell("posterior"), "posterior");
  const said = status();

  function show() {
    const row = values.map((each) => each.value);
    const classes = CLASSES.map((each, label) => ({ ...each, prior: label ? prior.value : 1 - prior.value }));
    const found = weigh(classes, row);
    charts.forEach((chart, feature) => {
      chart.clear();
      CLASSES.forEach(({ means, variances }, label) => {
        const bell = Array.from({ length: 81 }, (_, n) => (n - 40) / 10).map((x) => /** @type {[number, number]} */ ([x, density(x, means[feature], variances[feature])]));
        chart.line(bell, COLOURS[label]).dots([[row[feature], found[label].densities[feature]]], `${COLOURS[label]} ring`, 6);
      });
      chart.line([[row[feature], 0], [row[feature], 0.6]], "grey thin dashed");
    });
    bars.replaceChildren(...found.flatMap(({ prior: share, densities, posterior: after }, label) => [
      bar(tell("priorOf", tell(label ? "orangeClass" : "blueClass")), share, number(share, { maximumFractionDigits: 3 }), COLOURS[label]),
      ...densities.map((each, feature) => bar(`× p(x${feature + 1})`, each / 0.6, number(each, { maximumFractionDigits: 3 }), COLOURS[label])),
      bar(tell("posteriorOf"), after, percent(after), `${COLOURS[label]} best`),
    ]));
    posterior.show(found[1].posterior, percent(found[1].posterior));
    said.textContent = tell("bayesSaid", percent(Math.max(...found.map((each) => each.posterior))), tell(found[1].posterior > 0.5 ? "orangeClass" : "blueClass"));
  }

  place.append(controls(...values, prior), make("div", { class: "pair" }, ...charts.map(({ element }) => element)),
    legend(["blue", tell("blueClass")], ["orange", tell("orangeClass")]), bars, figures(posterior), said);
  show();
}
