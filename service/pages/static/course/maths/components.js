// Principal components: the directions in which rows differ most, from the eigenvectors of their covariance.

/** Jacobi's rotations end where what is beside the diagonal has no larger share of all squares. */
const NEGLIGIBLE = 1e-24;
const MAX_SWEEPS = 30;

/**
 * @param {number[][]} rows
 * @param {number} n
 * @returns {{mean: number[], components: number[][], variances: number[], total: number}}
 *   The largest value of each component is positive, as in scikit-learn.
 */
export function findComponents(rows, n) {
  const width = rows[0].length;
  const mean = Array.from({ length: width }, (_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);
  const covariance = Array.from({ length: width }, () => new Array(width).fill(0));
  for (const row of rows) {
    for (let a = 0; a < width; a++) {
      const da = row[a] - mean[a];
      for (let b = a; b < width; b++) covariance[a][b] += da * (row[b] - mean[b]) / (rows.length - 1);
    }
  }
  for (let a = 0; a < width; a++) for (let b = 0; b < a; b++) covariance[a][b] = covariance[b][a];

  const { values, vectors } = diagonalise(covariance);
  const order = values.map((_, index) => index).sort((a, b) => values[b] - values[a]);
  const total = values.reduce((a, b) => a + b, 0);
  const components = order.slice(0, n).map((index) => fixSign(vectors.map((line) => line[index])));
  return { mean, components, variances: order.slice(0, n).map((index) => values[index]), total };
}

/** @param {number[]} vector */
function fixSign(vector) {
  const largest = vector.reduce((a, b) => Math.abs(b) > Math.abs(a) ? b : a);
  return largest < 0 ? vector.map((value) => -value) : vector;
}

/** Returns the coordinates of a row on the components. @param {number[]} row @param {number[]} mean @param {number[][]} components */
export function project(row, mean, components) {
  return components.map((component) => component.reduce((sum, value, index) => sum + value * (row[index] - mean[index]), 0));
}

/** Returns the row that coordinates stand for. @param {number[]} codes @param {number[]} mean @param {number[][]} components */
export function restore(codes, mean, components) {
  return mean.map((value, index) => codes.reduce((sum, code, n) => sum + code * components[n][index], value));
}

/**
 * Returns eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations.
 * @param {number[][]} matrix
 */
function diagonalise(matrix) {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((__, j) => i === j ? 1 : 0));
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    const beside = a.flatMap((row, index) => row.filter((_, column) => column !== index));
    if (sumSquares(beside) <= NEGLIGIBLE * sumSquares(a.flat())) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, p, q);
  }
  return { values: a.map((row, index) => row[index]), vectors };
}

/** @param {number[]} values */
function sumSquares(values) {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** @param {number[][]} a @param {number[][]} vectors @param {number} p @param {number} q */
function rotate(a, vectors, p, q) {
  if (a[p][q] === 0) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[k][p], a[k][q]];
    a[k][p] = c * x - s * y;
    a[k][q] = s * x + c * y;
  }
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[p][k], a[q][k]];
    a[p][k] = c * x - s * y;
    a[q][k] = s * x + c * y;
    const [v, w] = [vectors[k][p], vectors[k][q]];
    vectors[k][p] = c * v - s * w;
    vectors[k][q] = s * v + c * w;
  }
}
