// Policies that choose an arm by what its answers have brought so far.

import { drawBeta } from "./random.js";

/** @typedef {{wins: number, losses: number}} Record */

/** @type {{[name: string]: (records: Record[], random: () => number) => number}} */
export const POLICIES = {
  thompson: (records, random) => indexOfMax(records.map(({ wins, losses }) => drawBeta(wins + 1, losses + 1, random))),
  epsilon_greedy: (records, random) => random() < 0.1 ? Math.floor(random() * records.length)
    : indexOfMax(records.map(({ wins, losses }) => (wins + 1) / (wins + losses + 2))),
};

/** @param {number[]} values */
function indexOfMax(values) {
  return values.indexOf(Math.max(...values));
}

/** Returns what choosing these arms is expected to have cost. @param {number[]} chosen @param {number[]} rates */
export function measureRegret(chosen, rates) {
  const best = Math.max(...rates);
  return chosen.reduce((sum, arm) => sum + best - rates[arm], 0);
}
