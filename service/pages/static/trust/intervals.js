// All models with their intervals on one scale; each line is a button that puts the model into the pair.

import { button, make } from "../dom.js";
import { SHARES, rank, writeFigure, writeValue } from "./view.js";
import { draw, drawInterval, makeScale, at as place } from "./svg.js";
import { say } from "./words.js";

/**
 * @param {import("./view.js").View} view
 * @param {string[]} pair
 * @param {(model: string) => void} choose
 */
export function showIntervals(view, pair, choose) {
  const figures = view.models.map(({ model }) => view.figure(model));
  const scale = makeScale(figures.flatMap(({ value, interval }) => interval ? [value, ...interval] : [value]),
    SHARES.includes(view.by) ? { most: 1, least: 0 } : { least: 0 });
  const ticks = scale.ticks.map(scale.place);
  const lines = rank(view).map((model) => {
    const { value, interval } = view.figure(model);
    const isBest = view.best.includes(model);
    const figure = { value: scale.place(value), interval: /** @type {any} */ (interval?.map(scale.place) ?? null) };
    const line = button("", () => choose(model), { "aria-pressed": pair.includes(model), class: "model" });
    line.append(make("span", { class: "family" }, view.name(model)), drawInterval(figure, ticks, isBest ? "best" : ""),
      make("span", { class: "figure" }, writeFigure(view.by, view.figure(model))),
      make("span", { class: "unseen" }, isBest ? say("mayBeBest") : ""));
    return make("li", {}, line);
  });
  const axis = draw("svg", { class: "axis", "aria-hidden": "true" }, ...scale.ticks.map((tick) =>
    draw("text", { x: place(scale.place(tick)), y: 12, "text-anchor": anchor(scale.place(tick)) }, writeTick(view.by, tick))));
  return make("section", { class: "intervals-part" },
    make("h2", {}, say("intervals", say(view.by))),
    make("p", { class: "quiet" }, make("span", { class: "key" }), say("mayBeBest"), ". ", say("pickTwo")),
    make("ol", { class: "lines" }, ...lines), make("div", { class: "axes" }, axis));
}

/** @param {number} share */
function anchor(share) {
  if (share < 0.06) return "start";
  return share > 0.94 ? "end" : "middle";
}

/** @param {import("./view.js").Metric} by @param {number} tick */
function writeTick(by, tick) {
  return SHARES.includes(by) ? `${Number((100 * tick).toFixed(2))}\u00a0%` : writeValue(by, tick).replace(/([.,]\d*?)0+$/, "$1").replace(/[.,]$/, "");
}
