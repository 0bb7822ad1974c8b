// The verdict so far as a curve: the difference of two models and its interval, over the labelled rows.

import { make } from "../dom.js";
import { number } from "../words.js";
import { draw, makeScale } from "../trust/svg.js";
import { say } from "./words.js";

const [WIDTH, HEIGHT] = [560, 180];
/** The scale is that of the points after this part of the rows: of a few rows nearly anything may be, which would flatten the rest. */
const UNSURE_PART = 0.1;
const MARGIN = { left: 52, right: 12, top: 10, bottom: 26 };

/** @typedef {{rows: number, difference: number, interval: [number, number]}} Point */

/**
 * Draws the points, of which there may be one; the line at zero is where both are as good.
 * @param {Point[]} points
 * @param {string} title
 * @param {(value: number) => string} write
 */
export function drawCurve(points, title, write) {
  const [first, last] = [points[0].rows, points[points.length - 1].rows];
  const scale = makeScale([0, ...points.filter(({ rows }) => rows >= UNSURE_PART * last).flatMap(({ difference, interval }) => [difference, ...interval])]);
  const across = (/** @type {number} */ rows) => MARGIN.left + (WIDTH - MARGIN.left - MARGIN.right) * (last > first ? (rows - first) / (last - first) : 0.5);
  const up = (/** @type {number} */ value) => MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - Math.min(1, Math.max(0, scale.place(value))));
  const parts = scale.ticks.flatMap((tick) => [
    draw("line", { class: Math.abs(tick) < 1e-9 ? "diagonal" : "tick", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: up(tick), y2: up(tick) }),
    draw("text", { x: MARGIN.left - 8, y: up(tick) + 4, "text-anchor": "end" }, write(tick)),
  ]);
  if (points.length > 1) {
    const line = (/** @type {(point: Point) => number} */ read, /** @type {Point[]} */ of) => of.map((point) => `${across(point.rows).toFixed(1)},${up(read(point)).toFixed(1)}`);
    parts.push(draw("polygon", { class: "band", points: [...line(({ interval }) => interval[1], points), ...line(({ interval }) => interval[0], [...points].reverse())].join(" ") }),
      draw("polyline", { class: "path", points: line(({ difference }) => difference, points).join(" ") }));
  }
  const { rows, difference, interval } = points[points.length - 1];
  parts.push(draw("line", { class: "interval", x1: across(rows), x2: across(rows), y1: up(interval[0]), y2: up(interval[1]) }),
    draw("circle", { class: "point", cx: across(rows), cy: up(difference), r: 5 }),
    draw("text", { x: across(rows), y: HEIGHT - 6, "text-anchor": points.length > 1 ? "end" : "middle" }, `${number(rows, {})} ${say("moreLabels")}`));
  if (points.length > 1 && last > first) parts.push(draw("text", { x: across(first), y: HEIGHT - 6, "text-anchor": "start" }, number(first, {})));
  return make("figure", {}, draw("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title }, ...parts),
    make("figcaption", {}, `${title}. `, say("curveHolds")));
}
