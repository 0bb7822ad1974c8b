// Strokes become the 8 x 8 pixels that the digits were learnt from: those were scanned as 32 x 32 black or white points,
// moved and stretched to fill the height, and counted in blocks of 4 x 4.

const SIDE = 8;
const POINTS = 32;
const BLOCK = POINTS / SIDE;

/** A pen is so wide, as a share of the height. */
export const PEN = 0.16;
/** A digit is at most so wide, as a share of the height. */
export const MAX_WIDTH = 0.62;
/** What is smaller, as a share of the canvas, is a dot, and not stretched. */
const MIN_EXTENT = 0.05;

/**
 * @typedef {{x: number, y: number}} Point
 * @typedef {Point[]} Stroke
 */

/**
 * Returns 64 whole numbers from 0 to 16, row by row, all 0 without strokes.
 * @param {Stroke[]} strokes
 * @param {{pen?: number, maxWidth?: number}} [options]
 * @returns {number[]}
 */
export function fitStrokes(strokes, { pen = PEN, maxWidth = MAX_WIDTH } = {}) {
  const pixels = new Array(SIDE * SIDE).fill(0);
  if (!strokes.some((stroke) => stroke.length)) return pixels;

  const segments = listSegments(fitBox(strokes, pen, maxWidth));
  for (let row = 0; row < POINTS; row++) {
    for (let column = 0; column < POINTS; column++) {
      const point = { x: (column + 0.5) / POINTS, y: (row + 0.5) / POINTS };
      const isInk = segments.some(([a, b]) => isNear(point, a, b, pen / 2));
      if (isInk) pixels[Math.floor(row / BLOCK) * SIDE + Math.floor(column / BLOCK)] += 1;
    }
  }
  return pixels;
}

/**
 * Moves and stretches strokes so that they fill the height of a square of side 1, in its middle; wide ones are made narrow.
 * @param {Stroke[]} strokes
 * @param {number} pen
 * @param {number} maxWidth
 * @returns {Stroke[]}
 */
function fitBox(strokes, pen, maxWidth) {
  const xs = strokes.flat().map(({ x }) => x);
  const ys = strokes.flat().map(({ y }) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const tall = (1 - pen) / Math.max(bottom - top, MIN_EXTENT);
  const wide = Math.min(tall, (maxWidth - pen) / Math.max(right - left, MIN_EXTENT));

  return strokes.map((stroke) => stroke.map(({ x, y }) => ({
    x: 0.5 + (x - (left + right) / 2) * wide,
    y: 0.5 + (y - (top + bottom) / 2) * tall,
  })));
}

/**
 * @param {Stroke[]} strokes
 * @returns {[Point, Point][]}
 */
function listSegments(strokes) {
  return strokes.flatMap((stroke) => stroke.map((point, index) =>
    /** @type {[Point, Point]} */ ([stroke[Math.max(index - 1, 0)], point])));
}

/**
 * @param {Point} point
 * @param {Point} a
 * @param {Point} b
 * @param {number} distance
 */
function isNear(point, a, b, distance) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const along = length && ((point.x - a.x) * dx + (point.y - a.y) * dy) / length;
  const share = Math.max(0, Math.min(1, along));
  const [px, py] = [a.x + share * dx - point.x, a.y + share * dy - point.y];
  return px * px + py * py <= distance * distance;
}
