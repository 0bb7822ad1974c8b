// A network of layers that learns two classes: forward, backward, and a step on a mini-batch.

import { sigmoid } from "./logistic.js";
import { drawNormal, shuffle } from "./random.js";

/**
 * @typedef {{weights: number[][], biases: number[]}} Layer
 * @typedef {{layers: Layer[], activation: string}} Network
 * @typedef {{rate: number, batch: number, l1: number, l2: number}} Options
 */

/** @type {Record<string, {f: (z: number) => number, slope: (z: number, a: number) => number}>} */
export const ACTIVATIONS = {
  relu: { f: (z) => Math.max(0, z), slope: (z) => z > 0 ? 1 : 0 },
  leaky_relu: { f: (z) => z > 0 ? z : 0.01 * z, slope: (z) => z > 0 ? 1 : 0.01 },
  tanh: { f: Math.tanh, slope: (_, a) => 1 - a * a },
  sigmoid: { f: sigmoid, slope: (_, a) => a * (1 - a) },
  step: { f: (z) => z >= 0 ? 1 : 0, slope: () => 0 },
  linear: { f: (z) => z, slope: () => 1 },
};

/** @param {number[]} sizes @param {string} activation @param {() => number} random @returns {Network} */
export function makeNetwork(sizes, activation, random) {
  const layers = sizes.slice(1).map((n, index) => {
    const scale = Math.sqrt((activation.includes("relu") ? 2 : 1) / sizes[index]);
    return {
      weights: Array.from({ length: n }, () => Array.from({ length: sizes[index] }, () => scale * drawNormal(random))),
      biases: new Array(n).fill(0),
    };
  });
  return { layers, activation };
}

/** Returns the values of all layers, the probability last. @param {Network} network @param {number[]} row */
export function forward({ layers, activation }, row) {
  /** @type {number[][]} */
  const sums = [];
  const values = [row];
  layers.forEach(({ weights, biases }, depth) => {
    const before = values[depth];
    const own = weights.map((line, n) => {
      let sum = biases[n];
      for (let index = 0; index < line.length; index++) sum += line[index] * before[index];
      return sum;
    });
    const f = depth === layers.length - 1 ? sigmoid : ACTIVATIONS[activation].f;
    sums.push(own);
    values.push(own.map(f));
  });
  return { sums, values };
}

/** @param {Network} network @param {number[]} row */
export function predict(network, row) {
  return forward(network, row).values[network.layers.length][0];
}

/**
 * Returns the gradient of the mean log loss on rows, with a penalty on weights.
 * @param {Network} network @param {number[][]} rows @param {number[]} labels @param {{l1: number, l2: number}} penalty
 * @returns {Layer[]}
 */
export function findGradients(network, rows, labels, { l1, l2 }) {
  const { layers, activation } = network;
  const found = layers.map(({ weights, biases }) => ({
    weights: weights.map((line) => line.map((weight) => l1 * Math.sign(weight) + 2 * l2 * weight)),
    biases: biases.map(() => 0),
  }));
  rows.forEach((row, index) => {
    const { sums, values } = forward(network, row);
    let errors = [(values[layers.length][0] - labels[index]) / rows.length];
    for (let depth = layers.length - 1; depth >= 0; depth--) {
      const before = values[depth];
      errors.forEach((error, n) => {
        found[depth].biases[n] += error;
        for (let k = 0; k < before.length; k++) found[depth].weights[n][k] += error * before[k];
      });
      if (!depth) break;
      const { slope } = ACTIVATIONS[activation];
      const next = before.map((value, k) =>
        errors.reduce((sum, error, n) => sum + error * layers[depth].weights[n][k], 0) * slope(sums[depth - 1][k], value));
      errors = next;
    }
  });
  return found;
}

/** Changes the network by one pass through all rows in an order of chance. @param {Network} network @param {number[][]} rows @param {number[]} labels @param {Options} options @param {() => number} random */
export function trainEpoch(network, rows, labels, options, random) {
  const order = shuffle(rows.length, random);
  for (let start = 0; start < rows.length; start += options.batch) {
    const chosen = order.slice(start, start + options.batch);
    const gradients = findGradients(network, chosen.map((n) => rows[n]), chosen.map((n) => labels[n]), options);
    network.layers.forEach((layer, depth) => {
      const { weights, biases } = gradients[depth];
      for (const [n, line] of layer.weights.entries()) {
        for (let k = 0; k < line.length; k++) line[k] = shrink(line[k], options.rate * weights[n][k], options.rate * options.l1);
      }
      for (let n = 0; n < biases.length; n++) layer.biases[n] -= options.rate * biases[n];
    });
  }
}

/** Returns a weight after a step; one that L1 would push beyond zero stops there. @param {number} weight @param {number} change @param {number} pull */
function shrink(weight, change, pull) {
  const next = weight - change;
  return pull && Math.sign(next) !== Math.sign(weight) && Math.abs(next) <= pull ? 0 : next;
}

/** Returns the mean log loss. @param {Network} network @param {number[][]} rows @param {number[]} labels */
export function measureLoss(network, rows, labels) {
  return rows.reduce((sum, row, index) => {
    const probability = predict(network, row);
    return sum - Math.log(Math.max(1e-12, labels[index] ? probability : 1 - probability));
  }, 0) / rows.length;
}
