// What is counted of answers: four kinds, the figures made of them, the curve of all thresholds, and the test of a pair.

/** @param {number[]} scores @param {number[]} labels @param {number} threshold */
export function countAnswers(scores, labels, threshold) {
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  scores.forEach((score, index) => {
    const isPositive = score >= threshold;
    if (labels[index]) counts[isPositive ? "tp" : "fn"] += 1;
    else counts[isPositive ? "fp" : "tn"] += 1;
  });
  return counts;
}

/** @param {{tp: number, fp: number, fn: number, tn: number}} counts */
export function measure({ tp, fp, fn, tn }) {
  return {
    accuracy: (tp + tn) / (tp + fp + fn + tn),
    precision: tp + fp ? tp / (tp + fp) : 0,
    recall: tp + fn ? tp / (tp + fn) : 0,
    f1: tp ? 2 * tp / (2 * tp + fp + fn) : 0,
  };
}

/** Returns false and true positive rates of all thresholds, and the area. @param {number[]} scores @param {number[]} labels */
export function traceRoc(scores, labels) {
  const limits = [Infinity, ...[...new Set(scores)].sort((a, b) => b - a)];
  /** @type {[number, number][]} */
  const curve = limits.map((limit) => {
    const { tp, fp, fn, tn } = countAnswers(scores, labels, limit);
    return [fp / (fp + tn), tp / (tp + fn)];
  });
  const area = curve.slice(1).reduce((sum, [x, y], index) => sum + (x - curve[index][0]) * (y + curve[index][1]) / 2, 0);
  return { curve, area };
}

/** Returns McNemar's exact two-sided p-value. @param {number} onlyA @param {number} onlyB */
export function testPair(onlyA, onlyB) {
  const n = onlyA + onlyB;
  let term = 0.5 ** n;
  let sum = 0;
  for (let k = 0; k <= Math.min(onlyA, onlyB); k++) {
    sum += term;
    term *= (n - k) / (k + 1);
  }
  return Math.min(1, 2 * sum);
}
