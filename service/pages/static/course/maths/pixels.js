// Pictures of three colours as numbers, pixel by pixel, and what training does to them so that they teach more.

/** @typedef {{side: number, values: Float64Array}} Pixels `values` has red, green and blue of each pixel, from 0 to 1. */

/** @param {Pixels} pixels @param {(row: number, column: number) => [number, number] | null} from @returns {Pixels} */
function take({ side, values }, from) {
  const taken = new Float64Array(values.length);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const source = from(row, column);
      if (!source || source.some((each) => each < 0 || each >= side)) continue;
      for (let channel = 0; channel < 3; channel++) taken[3 * (row * side + column) + channel] = values[3 * (source[0] * side + source[1]) + channel];
    }
  }
  return { side, values: taken };
}

/** @param {Pixels} pixels */
export function mirror(pixels) {
  return take(pixels, (row, column) => [row, pixels.side - 1 - column]);
}

/** Moves a picture; what comes in is black. @param {Pixels} pixels @param {number} right @param {number} down */
export function shift(pixels, right, down) {
  return take(pixels, (row, column) => [row - down, column - right]);
}

/** Hides a square. @param {Pixels} pixels @param {number} size @param {number} top @param {number} left */
export function cutOut(pixels, size, top, left) {
  return take(pixels, (row, column) => row >= top && row < top + size && column >= left && column < left + size ? null : [row, column]);
}

/** Returns mean and standard deviation of each colour. @param {Pixels} pixels */
export function measureColours({ values }) {
  return [0, 1, 2].map((channel) => {
    const own = [...values].filter((_, index) => index % 3 === channel);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    return { mean, deviation: Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length) };
  });
}
