// Naive Bayes for numbers: each feature of a class has a normal distribution, and features are taken as independent.

/** @typedef {{prior: number, means: number[], variances: number[]}} ClassOfRows */

/** @param {number[][]} rows @param {number[]} labels @param {number} nClasses @returns {ClassOfRows[]} */
export function learnBayes(rows, labels, nClasses) {
  return Array.from({ length: nClasses }, (_, label) => {
    const own = rows.filter((__, index) => labels[index] === label);
    const means = rows[0].map((__, column) => own.reduce((sum, row) => sum + row[column], 0) / own.length);
    const variances = means.map((mean, column) => own.reduce((sum, row) => sum + (row[column] - mean) ** 2, 0) / own.length);
    return { prior: own.length / rows.length, means, variances };
  });
}

/** @param {number} value @param {number} mean @param {number} variance */
export function density(value, mean, variance) {
  return Math.exp(-((value - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);
}

/** Returns prior, density of each feature, and posterior of each class. @param {ClassOfRows[]} classes @param {number[]} row */
export function weigh(classes, row) {
  const parts = classes.map(({ prior, means, variances }) => ({
    prior, densities: row.map((value, column) => density(value, means[column], variances[column])),
  }));
  const joint = parts.map(({ prior, densities }) => densities.reduce((product, each) => product * each, prior));
  const sum = joint.reduce((a, b) => a + b, 0);
  return parts.map((part, label) => ({ ...part, joint: joint[label], posterior: joint[label] / sum }));
}
