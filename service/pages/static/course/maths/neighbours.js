// The k nearest neighbours, by three distances.

/** @type {Record<string, (a: number[], b: number[]) => number>} */
export const DISTANCES = {
  euclidean: (a, b) => Math.sqrt(a.reduce((sum, value, index) => sum + (value - b[index]) ** 2, 0)),
  manhattan: (a, b) => a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0),
  hamming: (a, b) => a.reduce((sum, value, index) => sum + (value === b[index] ? 0 : 1), 0) / a.length,
};

/**
 * Returns the numbers of the k rows that are nearest, the first row first where two are as near.
 * @param {number[][]} rows @param {number[]} row @param {number} k @param {string} distance
 */
export function findNearest(rows, row, k, distance) {
  const far = rows.map((each) => DISTANCES[distance](each, row));
  return far.map((_, index) => index).sort((a, b) => far[a] - far[b] || a - b).slice(0, k);
}

/**
 * Returns the share of the k nearest rows that are of class 1.
 * @param {number[][]} rows @param {number[]} labels @param {number[]} row @param {number} k @param {string} distance
 */
export function voteNearest(rows, labels, row, k, distance) {
  return findNearest(rows, row, k, distance).reduce((sum, index) => sum + labels[index], 0) / k;
}
