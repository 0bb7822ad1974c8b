// The sigmoid, the softmax, the log loss, and a logistic regression that learns by gradient descent.

/** @param {number} z */
export function sigmoid(z) {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

/** @param {number[]} scores */
export function softmax(scores) {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Returns what a probability of the true class costs. @param {number} probability */
export function logLoss(probability) {
  return -Math.log(probability);
}

/** @typedef {{weights: number[], bias: number}} Logistic */

/** @param {Logistic} model @param {number[]} row */
export function predictLogistic({ weights, bias }, row) {
  return sigmoid(row.reduce((sum, value, index) => sum + value * weights[index], bias));
}

/**
 * Returns the model after one step on all rows, and the mean log loss before it.
 * @param {Logistic} model @param {number[][]} rows @param {number[]} labels @param {number} rate @param {number} l2
 * @returns {{model: Logistic, loss: number}}
 */
export function stepLogistic(model, rows, labels, rate, l2 = 0) {
  const gradient = model.weights.map((weight) => 2 * l2 * weight);
  let [slope, loss] = [0, 0];
  rows.forEach((row, index) => {
    const probability = predictLogistic(model, row);
    const error = (probability - labels[index]) / rows.length;
    row.forEach((value, column) => { gradient[column] += error * value; });
    slope += error;
    loss += logLoss(Math.max(1e-12, labels[index] ? probability : 1 - probability)) / rows.length;
  });
  return {
    model: { weights: model.weights.map((weight, column) => weight - rate * gradient[column]), bias: model.bias - rate * slope },
    loss,
  };
}
