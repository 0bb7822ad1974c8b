// The half of the autoencoder that makes a digit of a code, in the page: three layers, one byte a weight.

const SIZES = [8, 128, 256, 64];
const N_VERSION = 12;

/**
 * Reads a decoder's file: the version that it is of, then numbers of four bytes, then weights of one.
 * @param {ArrayBuffer} content
 * @returns {{version: string, decode: (code: number[]) => number[]}}
 */
export function readDecoder(content) {
  const version = new TextDecoder().decode(content.slice(0, N_VERSION));
  let place = N_VERSION;
  /** @param {number} length */
  function take(length) {
    place += length;
    return content.slice(place - length, place);
  }
  const takeNumbers = (/** @type {number} */ n) => new Float32Array(take(4 * n));
  const takeBytes = (/** @type {number} */ n) => new Int8Array(take(n));

  const sizes = SIZES.slice(1);
  const scaled = sizes.map((n) => ({ scales: takeNumbers(n), biases: takeNumbers(n) }));
  const last = sizes[sizes.length - 1];
  const [mean, deviation] = [takeNumbers(last), takeNumbers(last)];
  const layers = scaled.map((each, depth) => ({ ...each, weights: takeBytes(SIZES[depth] * SIZES[depth + 1]) }));

  /** @param {number[]} code */
  function decode(code) {
    const sums = layers.reduce((values, layer, depth) => multiply(layer, depth ? values.map((value) => Math.max(0, value)) : values), code);
    return sums.map((value, index) => mean[index] + deviation[index] / (1 + Math.exp(-value)));
  }
  return { version, decode };
}

/**
 * Returns the sums of a layer.
 * @param {{scales: Float32Array, biases: Float32Array, weights: Int8Array}} layer
 * @param {number[]} values
 */
function multiply({ scales, biases, weights }, values) {
  return Array.from(biases, (bias, row) => {
    const start = row * values.length;
    return bias + scales[row] * values.reduce((sum, value, index) => sum + value * weights[start + index], 0);
  });
}
