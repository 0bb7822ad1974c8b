// A filter that is moved over a picture: at each place it weighs what is under it, and adds that up.

/**
 * @param {number[]} pixels Row by row, of a square picture.
 * @param {number[]} kernel Nine numbers, row by row.
 * @param {{stride?: number, padding?: number}} [options]
 * @returns {{values: number[], side: number}}
 */
export function convolve(pixels, kernel, { stride = 1, padding = 0 } = {}) {
  const width = Math.sqrt(pixels.length);
  const side = Math.floor((width + 2 * padding - 3) / stride) + 1;
  const read = (/** @type {number} */ row, /** @type {number} */ column) =>
    row < 0 || column < 0 || row >= width || column >= width ? 0 : pixels[row * width + column];
  const values = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [top, left] = [row * stride - padding, column * stride - padding];
      values.push(kernel.reduce((sum, weight, n) => sum + weight * read(top + Math.floor(n / 3), left + n % 3), 0));
    }
  }
  return { values, side };
}

/** Returns the largest of each two by two values. @param {number[]} values */
export function pool(values) {
  const width = Math.sqrt(values.length);
  const side = Math.floor(width / 2);
  const pooled = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const at = 2 * row * width + 2 * column;
      pooled.push(Math.max(values[at], values[at + 1], values[at + width], values[at + width + 1]));
    }
  }
  return { values: pooled, side };
}
