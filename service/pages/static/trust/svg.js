// Drawings are made of SVG by hand: lines and points at shares of the width, so that text keeps its size.

const NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Makes an element of SVG with attributes and children.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** @param {number} share */
export const at = (share) => `${(100 * share).toFixed(3)}%`;

/**
 * Draws an interval with its value on a scale from 0 to 1, and lines at the ticks.
 * @param {{value: number, interval: [number, number] | null}} figure in shares of the scale
 * @param {number[]} ticks
 * @param {string} kind a class
 */
export function drawInterval({ value, interval }, ticks, kind) {
  const parts = ticks.map((each) => draw("line", { class: "tick", x1: at(each), x2: at(each), y1: 0, y2: "100%" }));
  if (interval) {
    parts.push(draw("line", { class: "interval", x1: at(interval[0]), x2: at(interval[1]), y1: "50%", y2: "50%" }));
  }
  parts.push(draw("circle", { class: "point", cx: at(value), cy: "50%", r: 5 }));
  return draw("svg", { class: `drawn ${kind}`, "aria-hidden": "true" }, ...parts);
}

/**
 * Returns a scale that holds these values, with round ticks.
 * @param {number[]} values
 * @param {{most?: number, least?: number}} [bounds]
 */
export function makeScale(values, { most = Infinity, least = -Infinity } = {}) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.04;
  const [from, to] = [Math.max(low - room, Math.min(least, low)), Math.min(high + room, Math.max(most, high))];
  const step = roundStep((to - from) / 4);
  const ticks = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to + step * 1e-6; tick += step) ticks.push(Number(tick.toPrecision(12)));
  return { place: (/** @type {number} */ value) => (value - from) / (to - from || 1), ticks };
}

/** @param {number} wish */
function roundStep(wish) {
  const power = 10 ** Math.floor(Math.log10(wish));
  return power * ([1, 2, 5, 10].find((each) => each * power >= wish * 0.999) ?? 10);
}
