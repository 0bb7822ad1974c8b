// A view is a verdict that can be drawn: of held-out rows or of a person's own, by the metric that was chosen.

import { listEqual } from "../models.js";
import { nameFamily } from "../names.js";
import { hundredths, number, percent, writeApart } from "../words.js";

/** @typedef {"accuracy" | "balanced_accuracy" | "brier" | "log_loss"} Metric */
/** @typedef {{value: number, interval: [number, number] | null}} Figure */
/**
 * @typedef {object} Pair
 * @property {[string, string]} models
 * @property {Figure} gain how much better the first is, above zero where it is
 * @property {number | null} p
 * @property {"a" | "b" | null} better
 * @property {number | null} needed how many rows would show such a difference
 * @property {{both: number, onlyA: number, onlyB: number, none: number}} counts
 */
/**
 * @typedef {object} View
 * @property {string} task
 * @property {string[]} classes
 * @property {Metric} by
 * @property {number} rows
 * @property {string} leader
 * @property {string[]} equal those that are level with the leader in front
 * @property {Figure} leaderFigure its value, of accuracy with an interval that knows that it was chosen on these rows
 * @property {string[]} best those that may be the best
 * @property {any[]} models with all of their numbers
 * @property {(model: string) => Figure} figure
 * @property {(a: string, b: string) => Pair | null} pair
 * @property {(model: string) => string} name
 * @property {string} headline
 * @property {string[]} findings
 * @property {Record<string, string>} leftOut
 * @property {any} evidence null where the rows are the held-out ones
 */

/** @type {Metric[]} */
export const METRICS = ["accuracy", "balanced_accuracy", "brier", "log_loss"];
export const SHARES = ["accuracy", "balanced_accuracy"];

/**
 * Returns the view of what `/tasks/TASK/verdict` answers, or of evidence that `/judge` answers.
 * @param {any} answer
 * @param {Metric} by
 * @returns {View}
 */
export function readView(answer, by) {
  const { numbers, task, classes } = answer;
  const own = answer.by?.numbers ?? answer.numbers_by ?? null;
  const verdict = answer.by?.verdict ?? answer.verdict ?? answer;
  const judged = own ?? numbers;
  const figure = own ? (/** @type {string} */ model) => own.models.find((/** @type {any} */ each) => each.model === model)
    : (/** @type {string} */ model) => numbers.models.find((/** @type {any} */ each) => each.model === model).metrics.accuracy;
  return {
    equal: listEqual(judged.pairs, judged.leader), leaderFigure: own ? figure(judged.leader) : numbers.leader_accuracy,
    task, classes, by, rows: numbers.rows, leader: judged.leader, best: judged.may_be_best,
    // A model that votes has no place by a metric of probabilities.
    models: numbers.models.filter((/** @type {any} */ { model }) => figure(model)),
    figure,
    pair: (a, b) => readPair(judged.pairs, numbers.pairs, a, b),
    name: nameModel(task), headline: verdict.headline, findings: verdict.findings, leftOut: { ...answer.left_out, ...judged.left_out },
    evidence: answer.format ? answer : null,
  };
}

/** @param {string} task */
function nameModel(task) {
  return (/** @type {string} */ model) => nameFamily(model.startsWith(`${task}-`) ? model.slice(task.length + 1) : model);
}

/**
 * @param {any[]} judged pairs by the metric
 * @param {any[]} counted pairs with their counts
 * @param {string} a
 * @param {string} b
 * @returns {Pair | null}
 */
function readPair(judged, counted, a, b) {
  const has = (/** @type {any} */ { models }) => models.includes(a) && models.includes(b);
  const [found, counts] = [judged.find(has), counted.find(has)];
  if (!found || !counts || a === b) return null;

  const turned = found.models[0] !== a;
  const { value, interval } = found.gain ?? found.difference;
  const better = found.verdict === "a" || found.verdict === "b" ? found.verdict : null;
  const other = { a: "b", b: "a" };
  return {
    models: [a, b],
    gain: turned ? { value: -value, interval: interval && [-interval[1], -interval[0]] } : { value, interval },
    p: found.p_value_holm ?? found.p_value_together ?? null,
    better: /** @type {"a" | "b" | null} */ (better && turned ? other[/** @type {"a"} */ (better)] : better),
    needed: found.rows_needed?.rows ?? null,
    counts: {
      both: counts.both_right, none: counts.both_wrong,
      onlyA: turned ? counts.only_b : counts.only_a, onlyB: turned ? counts.only_a : counts.only_b,
    },
  };
}

/**
 * Returns a figure of a metric as the language writes it.
 * @param {Metric} by
 * @param {number} value
 */
export function writeValue(by, value) {
  return SHARES.includes(by) ? percent(value) : significant(value, 3);
}

/** @param {number} value @param {number} digits */
function significant(value, digits) {
  return number(value, { maximumSignificantDigits: digits, minimumSignificantDigits: digits });
}

/** @param {Metric} by @param {Figure} figure @param {string} condition of the interval, where it has one */
export function writeFigure(by, { value, interval }, condition = "") {
  if (!interval) return writeValue(by, value);
  const [written, low, high] = SHARES.includes(by) ? writeApart([value, ...interval], 1, hundredths) : writeApart([value, ...interval], 3, significant);
  const shown = SHARES.includes(by) ? (written === hundredths(value, 1) ? percent(value) : `${written}\u00a0%`) : written;
  return `${shown} (${low}–${high}${condition && `, ${condition}`})`;
}

/** Returns the models, best first. @param {View} view */
export function rank({ models, figure, by, leader }) {
  const sign = SHARES.includes(by) ? -1 : 1;
  return models.map(({ model }) => model).sort((a, b) => sign * (figure(a).value - figure(b).value) || Number(b === leader) - Number(a === leader) || a.localeCompare(b));
}
