// A line through points: its mean squared error, the gradient of that, and steps down along it.

/** @typedef {{weight: number, bias: number}} Line */

/** @param {Line} line @param {number[]} xs @param {number[]} ys */
export function measureError({ weight, bias }, xs, ys) {
  return xs.reduce((sum, x, index) => sum + (weight * x + bias - ys[index]) ** 2, 0) / xs.length;
}

/** Returns the derivatives of the mean squared error. @param {Line} line @param {number[]} xs @param {number[]} ys @returns {Line} */
export function findGradient({ weight, bias }, xs, ys) {
  const gradient = { weight: 0, bias: 0 };
  xs.forEach((x, index) => {
    const residual = weight * x + bias - ys[index];
    gradient.weight += 2 * residual * x / xs.length;
    gradient.bias += 2 * residual / xs.length;
  });
  return gradient;
}

/** Returns the line one step down. @param {Line} line @param {Line} gradient @param {number} rate @returns {Line} */
export function step(line, gradient, rate) {
  return { weight: line.weight - rate * gradient.weight, bias: line.bias - rate * gradient.bias };
}

/**
 * Returns the line before, and after each of so many steps on all points.
 * @param {Line} start @param {number[]} xs @param {number[]} ys @param {number} rate @param {number} nSteps
 */
export function descend(start, xs, ys, rate, nSteps) {
  const path = [start];
  for (let n = 0; n < nSteps; n++) path.push(step(path[n], findGradient(path[n], xs, ys), rate));
  return path;
}

/** Returns the line of least squares. @param {number[]} xs @param {number[]} ys @returns {Line} */
export function fitLine(xs, ys) {
  const [mx, my] = [mean(xs), mean(ys)];
  const above = xs.reduce((sum, x, index) => sum + (x - mx) * (ys[index] - my), 0);
  const weight = above / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
  return { weight, bias: my - weight * mx };
}

/** @param {number[]} values */
export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Returns the standard deviation of all values there are, as numpy's `std` does. @param {number[]} values */
export function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
