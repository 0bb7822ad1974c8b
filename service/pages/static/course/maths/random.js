// Chance with a seed: the same seed gives the same numbers on every machine.

/**
 * Returns a function that gives numbers from 0 to 1, as mulberry32 does.
 * @param {number} seed
 * @returns {() => number}
 */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Returns a number of the normal distribution, by Box and Muller. @param {() => number} random */
export function drawNormal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Returns the whole numbers below n in an order of chance. @param {number} n @param {() => number} random */
export function shuffle(n, random) {
  const order = Array.from({ length: n }, (_, index) => index);
  for (let last = n - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** Returns a number of the gamma distribution of a shape of at least 1, by Marsaglia and Tsang. @param {number} shape @param {() => number} random */
function drawGamma(shape, random) {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = drawNormal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Returns a number of the beta distribution. @param {number} a @param {number} b @param {() => number} random */
export function drawBeta(a, b, random) {
  const x = drawGamma(a, random);
  return x / (x + drawGamma(b, random));
}

/**
 * Returns two clouds of points, or what no line parts: rings, or four clouds crosswise.
 * @param {"clouds" | "rings" | "xor" | "moons"} shape
 * @param {number} n
 * @param {number} noise
 * @param {number} seed
 * @returns {{points: [number, number][], labels: number[]}}
 */
export function makePoints(shape, n, noise, seed) {
  const random = makeRandom(seed);
  /** @type {[number, number][]} */
  const points = [];
  const labels = [];
  for (let index = 0; index < n; index++) {
    const label = index % 2;
    const turn = random();
    const [x, y] = place(shape, label, turn, random);
    points.push([x + noise * drawNormal(random), y + noise * drawNormal(random)]);
    labels.push(label);
  }
  return { points, labels };
}

/** @param {string} shape @param {number} label @param {number} turn @param {() => number} random @returns {[number, number]} */
function place(shape, label, turn, random) {
  if (shape === "rings") {
    const radius = label ? 2.3 : 0.8;
    return [radius * Math.cos(2 * Math.PI * turn), radius * Math.sin(2 * Math.PI * turn)];
  }
  if (shape === "xor") {
    const side = turn < 0.5 ? -1 : 1;
    return [side * (0.4 + 1.8 * random()), side * (label ? -1 : 1) * (0.4 + 1.8 * random())];
  }
  if (shape === "moons") {
    const [x, y] = [Math.cos(Math.PI * turn), Math.sin(Math.PI * turn)];
    return label ? [1.6 * (1 - x) - 0.8, 0.4 - 1.6 * y + 0.3] : [1.6 * x - 0.8, 1.6 * y - 0.4];
  }
  return label ? [1.2, 0.9] : [-1.2, -0.9];
}
