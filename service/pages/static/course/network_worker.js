// The playground's network learns here, beside the page, which stays free to answer.

import { makeNetwork, measureLoss, predict, trainEpoch } from "./maths/network.js";
import { makePoints, makeRandom } from "./maths/random.js";

const CELLS = 36;
const REACH = 3.2;
const N_ROWS = 200;
const PATIENCE = 40;

/**
 * @typedef {{shape: "clouds" | "rings" | "xor" | "moons", noise: number, share: number, hidden: number[], activation: string, rate: number, batch: number,
 *   l1: number, l2: number, stopEarly: boolean}} Wish
 */

let state = begin(/** @type {Wish} */ ({ shape: "clouds", noise: 0.3, share: 0.5, hidden: [4], activation: "tanh", rate: 0.1, batch: 10, l1: 0, l2: 0, stopEarly: false }));

/** @param {Wish} wish */
function begin(wish) {
  const { points, labels } = makePoints(wish.shape, N_ROWS, wish.noise, 5);
  const nTrain = Math.round(N_ROWS * wish.share);
  const random = makeRandom(11);
  return {
    wish, random, epoch: 0, best: Infinity, bestEpoch: 0,
    train: { rows: points.slice(0, nTrain), labels: labels.slice(0, nTrain) },
    validation: { rows: points.slice(nTrain), labels: labels.slice(nTrain) },
    network: makeNetwork([2, ...wish.hidden, 1], wish.activation, random),
  };
}

/** @param {number} n */
function learn(n) {
  const { network, train, validation, wish, random } = state;
  let isStopped = false;
  for (let done = 0; done < n && !isStopped; done++) {
    trainEpoch(network, train.rows, train.labels, wish, random);
    state.epoch += 1;
    const loss = measureLoss(network, validation.rows, validation.labels);
    if (loss < state.best - 1e-4) [state.best, state.bestEpoch] = [loss, state.epoch];
    isStopped = !Number.isFinite(loss) || (wish.stopEarly && state.epoch - state.bestEpoch >= PATIENCE);
  }
  return isStopped;
}

/** @param {boolean} isStopped */
function report(isStopped) {
  const { network, train, validation, epoch, bestEpoch } = state;
  const map = new Float32Array(CELLS * CELLS);
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      map[row * CELLS + column] = predict(network, [(column + 0.5) / CELLS * 2 * REACH - REACH, REACH - (row + 0.5) / CELLS * 2 * REACH]);
    }
  }
  const share = (/** @type {{rows: number[][], labels: number[]}} */ { rows, labels }) =>
    rows.filter((row, index) => (predict(network, row) > 0.5 ? 1 : 0) === labels[index]).length / rows.length;
  postMessage({
    map, cells: CELLS, epoch, bestEpoch, isStopped, train, validation, layers: network.layers,
    trainLoss: measureLoss(network, train.rows, train.labels), validationLoss: measureLoss(network, validation.rows, validation.labels),
    trainShare: share(train), validationShare: share(validation),
  });
}

addEventListener("message", ({ data }) => {
  if (data.begin) state = begin(data.begin);
  if (data.change) Object.assign(state.wish, data.change);
  report(data.epochs ? learn(data.epochs) : false);
});
