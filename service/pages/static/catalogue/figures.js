// Figures of a card: the one that says most of a model's kind, and each as it is written.

import { currentLanguage, hundredths, number, writeApart } from "../words.js";

const SHARES = ["accuracy", "balanced_accuracy", "macro_f1"];
export const OF_PROBABILITIES = ["log_loss", "brier", "ece", "roc_auc"];
const VOTE_ROUNDING = 1e-6;
const FIRST = ["accuracy", "r2", "adjusted_rand", "silhouette", "explained_variance", "confidence"];
/** Metrics that are not called after their field, in both languages. @type {Record<string, Record<string, string>>} */
const NAMES = {
  en: {
    adjusted_rand: "adjusted Rand index", brier: "Brier score", ece: "calibration error", mae: "mean absolute error", macro_f1: "macro F1",
    r2: "R²", rmse: "root mean squared error", roc_auc: "area under ROC",
  },
  es: {
    accuracy: "exactitud", adjusted_rand: "índice de Rand ajustado", balanced_accuracy: "exactitud equilibrada", brier: "puntuación de Brier",
    confidence: "confianza", diversity: "diversidad", ece: "error de calibración", explained_variance: "varianza explicada",
    log_loss: "pérdida logarítmica", macro_f1: "F1 macro", mae: "error absoluto medio", mean_squared_distance: "distancia cuadrática media",
    mean_squared_error: "error cuadrático medio", r2: "R²", rarest_class: "clase más rara", rmse: "raíz del error cuadrático medio",
    roc_auc: "área bajo la ROC", silhouette: "silueta",
  },
};

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
  if (!interval) return "";
  const isShare = SHARES.includes(metric);
  const ends = writeApart(interval, isShare ? 1 : 3, isShare ? hundredths : (each, digits) => number(each, { maximumSignificantDigits: digits }));
  return `(${ends.map((each) => isShare ? `${each}\u00a0%` : each).join(" – ")})`;
}

/**
 * Returns whether a classifier votes: its log loss is that of its wrong answers alone, each of which is as sure as can be.
 * @param {Record<string, {value: number | null}>} metrics
 */
export function isVote(metrics) {
  const [accuracy, loss] = [metrics.accuracy?.value, metrics.log_loss?.value];
  return accuracy != null && loss != null && Math.abs(loss + Math.log(Number.EPSILON) * (1 - accuracy)) < VOTE_ROUNDING;
}

/** @param {string} metric */
export function nameMetric(metric) {
  return NAMES[currentLanguage()][metric] ?? metric.replaceAll("_", " ");
}
