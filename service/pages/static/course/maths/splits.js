// Rows are dealt to piles: for training, validation and testing, or to folds that are each held out once.

import { shuffle } from "./random.js";

/** @param {number} n @param {{validation: number, test: number}} shares @param {() => number} random */
export function dealPiles(n, { validation, test }, random) {
  const order = shuffle(n, random);
  const [nTest, nValidation] = [Math.round(n * test), Math.round(n * validation)];
  return { test: order.slice(0, nTest), validation: order.slice(nTest, nTest + nValidation), train: order.slice(nTest + nValidation) };
}

/** @param {number} n @param {number} k @param {() => number} random @returns {number[][]} */
export function dealFolds(n, k, random) {
  /** @type {number[][]} */
  const folds = Array.from({ length: k }, () => []);
  for (const [index, row] of shuffle(n, random).entries()) folds[index % k].push(row);
  return folds;
}
