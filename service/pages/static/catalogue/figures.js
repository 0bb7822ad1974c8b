// Figures of a card: the one that says most of a model's kind, and each as it is written.

import { number } from "../words.js";

const SHARES = ["accuracy", "balanced_accuracy", "macro_f1"];
const FIRST = ["accuracy", "r2", "silhouette", "explained_variance", "confidence"];

/** @typedef {{value: number | null, interval: [number, number] | null}} Figure */

/** Returns the name of the metric that stands for a model. @param {Record<string, Figure>} metrics */
export function chooseMetric(metrics) {
  const known = Object.keys(metrics).filter((name) => metrics[name].value !== null);
  return FIRST.find((name) => known.includes(name)) ?? known[0] ?? null;
}

/** @param {string} metric @param {number} value */
export function writeValue(metric, value) {
  if (!SHARES.includes(metric)) return number(value, { maximumSignificantDigits: 3 });
  return `${number(100 * value, { maximumFractionDigits: 1, minimumFractionDigits: 1 })}\u00a0%`;
}

/** @param {string} metric @param {Figure | undefined} figure */
export function writeFigure(metric, figure) {
  if (figure?.value == null) return "–";
  return `${writeValue(metric, figure.value)} ${writeInterval(metric, figure)}`.trim();
}

/** @param {string} metric @param {Figure} figure */
export function writeInterval(metric, { interval }) {
  return interval ? `(${interval.map((each) => writeValue(metric, each)).join(" – ")})` : "";
}

/** @param {string} metric */
export function nameMetric(metric) {
  return metric.replaceAll("_", " ").replace("r2", "R²");
}
