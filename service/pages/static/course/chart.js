// A chart of our own: axes, lines, points and areas as SVG, over a canvas where a map of the plane is painted.

import { make } from "../dom.js";
import { number } from "../words.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46;
const BOTTOM = 34;
const TOP = 10;
const RIGHT = 12;
const N_TICKS = 5;
/** A chart is no higher, so that it stands on the first screen with its controls. */
const MAX_HEIGHT_REM = 22;
/** On a phone a chart has fewer points across, so that its letters are not small. */
const NARROW = "(max-width: 47.99rem)";
const NARROW_WIDTH = 340;
const NARROW_HEIGHT = 330;
const MOVES = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
});
/** Colours of the two classes in maps: red, green and blue of class 0, then of class 1. */
const SHADES = [[77, 145, 220], [236, 150, 58]];

/**
 * @typedef {{x: [number, number], y: [number, number], xLabel?: string, yLabel?: string, width?: number, height?: number,
 *   label: string, isMap?: boolean, maxHeight?: number, xTicks?: string[], hasY?: boolean}} Options
 *   `xTicks` are written at 0, 1 and so on in place of numbers.
 */

/** @param {string} tag @param {Record<string, any>} attributes @param {...(Node | string)} children */
export function draw(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

export class Chart {
  /** @param {Options} options */
  constructor(options) {
    const isNarrow = matchMedia(NARROW).matches;
    this.width = Math.min(options.width ?? 480, isNarrow ? NARROW_WIDTH : Infinity);
    this.height = Math.min(options.height ?? 320, isNarrow ? NARROW_HEIGHT : Infinity);
    this.ranges = { x: options.x, y: options.y };
    this.labels = { x: options.xLabel ?? "", y: options.yLabel ?? "" };
    this.xTicks = options.xTicks;
    this.hasY = options.hasY ?? true;
    this.frame = draw("g", { class: "axes", "aria-hidden": "true" });
    this.body = draw("g", { class: "marks" });
    this.cursor = draw("g", { class: "cursor" });
    const clip = `clip-${Math.random().toString(36).slice(2)}`;
    this.svg = /** @type {any} */ (draw("svg", { viewBox: `0 0 ${this.width} ${this.height}`, role: "img", "aria-label": options.label },
      draw("clipPath", { id: clip }, draw("rect", { x: LEFT, y: TOP, width: this.innerWidth, height: this.innerHeight })),
      this.frame, draw("g", { "clip-path": `url(#${clip})` }, this.body, this.cursor)));
    this.canvas = options.isMap ? make("canvas", { class: "map", "aria-hidden": "true" }) : null;
    if (this.canvas) Object.assign(this.canvas.style, {
      left: `${100 * LEFT / this.width}%`, top: `${100 * TOP / this.height}%`,
      width: `${100 * this.innerWidth / this.width}%`, height: `${100 * this.innerHeight / this.height}%`,
    });
    this.element = make("div", { class: options.isMap ? "chart mapped" : "chart" }, this.canvas, this.svg);
    this.element.style.maxInlineSize = `${(options.maxHeight ?? MAX_HEIGHT_REM) * this.width / this.height}rem`;
    this.drawAxes();
  }

  get innerWidth() {
    return this.width - LEFT - RIGHT;
  }

  get innerHeight() {
    return this.height - TOP - BOTTOM;
  }

  /** @param {number} value */
  x(value) {
    const [low, high] = this.ranges.x;
    return LEFT + (value - low) / (high - low) * this.innerWidth;
  }

  /** @param {number} value */
  y(value) {
    const [low, high] = this.ranges.y;
    return TOP + (1 - (value - low) / (high - low)) * this.innerHeight;
  }

  /** @param {{x?: [number, number], y?: [number, number]}} ranges */
  rescale(ranges) {
    this.ranges = { ...this.ranges, ...ranges };
    this.drawAxes();
  }

  drawAxes() {
    const { x, y } = this.ranges;
    const marks = [];
    for (const value of this.xTicks?.map((_, index) => index) ?? listTicks(x)) {
      marks.push(draw("line", { x1: this.x(value), x2: this.x(value), y1: TOP, y2: TOP + this.innerHeight, class: "gridline" }),
        draw("text", { x: this.x(value), y: this.height - BOTTOM + 15, "text-anchor": "middle" }, this.xTicks?.[value] ?? write(value)));
    }
    for (const value of this.hasY ? listTicks(y) : []) {
      marks.push(draw("line", { x1: LEFT, x2: this.width - RIGHT, y1: this.y(value), y2: this.y(value), class: "gridline" }),
        draw("text", { x: LEFT - 6, y: this.y(value) + 4, "text-anchor": "end" }, write(value)));
    }
    marks.push(draw("text", { x: LEFT + this.innerWidth / 2, y: this.height - 4, "text-anchor": "middle", class: "axis" }, this.labels.x),
      draw("text", { x: -TOP - this.innerHeight / 2, y: 11, transform: "rotate(-90)", "text-anchor": "middle", class: "axis" }, this.labels.y));
    this.frame.replaceChildren(...marks);
  }

  clear() {
    this.body.replaceChildren();
    return this;
  }

  /** @param {[number, number][]} points @param {string} kind */
  line(points, kind) {
    const path = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)).map(([x, y]) =>
      `${clamp(this.x(x)).toFixed(1)},${clamp(this.y(y)).toFixed(1)}`).join(" ");
    this.body.append(draw("polyline", { points: path, class: `stroke ${kind}` }));
    return this;
  }

  /** @param {number[][]} points @param {string | ((index: number) => string)} kind @param {number} radius */
  dots(points, kind, radius = 4) {
    this.body.append(...points.map(([x, y], index) => draw("circle", {
      cx: clamp(this.x(x)).toFixed(1), cy: clamp(this.y(y)).toFixed(1), r: radius, class: `dot ${typeof kind === "string" ? kind : kind(index)}`,
    })));
    return this;
  }

  /** @param {[number, number]} from @param {[number, number]} to @param {string} kind */
  box(from, to, kind) {
    const [x1, x2] = [this.x(from[0]), this.x(to[0])].sort((a, b) => a - b);
    const [y1, y2] = [this.y(from[1]), this.y(to[1])].sort((a, b) => a - b);
    this.body.append(draw("rect", { x: x1, y: y1, width: Math.max(0, x2 - x1), height: Math.max(0, y2 - y1), class: `area ${kind}` }));
    return this;
  }

  /** Draws a cross in a circle, which stands for a centre or a chosen place. @param {number[]} point @param {string} kind */
  mark([x, y], kind) {
    const [cx, cy] = [this.x(x), this.y(y)];
    this.body.append(draw("g", { class: `mark ${kind}` }, draw("circle", { cx, cy, r: 9 }),
      draw("path", { d: `M${cx - 5} ${cy}h10M${cx} ${cy - 5}v10` })));
    return this;
  }

  /** @param {number[]} point @param {string} text @param {string} anchor */
  text([x, y], text, anchor = "start") {
    this.body.append(draw("text", { x: this.x(x), y: this.y(y), "text-anchor": anchor }, text));
    return this;
  }

  /** Paints the plane by the share of class 1 at each place. @param {(x: number, y: number) => number} share @param {number} cells */
  paint(share, cells = 40) {
    if (!this.canvas) return this;
    const { x, y } = this.ranges;
    this.canvas.width = this.canvas.height = cells;
    const pixels = new Uint8ClampedArray(4 * cells * cells);
    for (let row = 0; row < cells; row++) {
      for (let column = 0; column < cells; column++) {
        const value = share(x[0] + (column + 0.5) / cells * (x[1] - x[0]), y[1] - (row + 0.5) / cells * (y[1] - y[0]));
        const strength = Math.round(200 * Math.abs(2 * Math.max(0, Math.min(1, value)) - 1));
        pixels.set([...SHADES[value > 0.5 ? 1 : 0], strength], 4 * (row * cells + column));
      }
    }
    this.canvas.getContext("2d").putImageData(new ImageData(pixels, cells), 0, 0);
    return this;
  }

  /**
   * Lets a person choose places, by the pointer or by the arrow keys and Enter.
   * @param {string} label @param {(x: number, y: number, isFirst: boolean) => void} choose @param {{drag?: boolean, at?: [number, number]}} options
   */
  onChoose(label, choose, { drag = false, at } = {}) {
    const { x, y } = this.ranges;
    let place = at ?? /** @type {[number, number]} */ ([(x[0] + x[1]) / 2, (y[0] + y[1]) / 2]);
    this.svg.setAttribute("tabindex", "0");
    this.svg.setAttribute("role", "application");
    this.svg.setAttribute("aria-label", label);
    this.svg.classList.add("chosen");
    const read = (/** @type {PointerEvent} */ event) => {
      const box = this.svg.getBoundingClientRect();
      const across = ((event.clientX - box.left) / box.width * this.width - LEFT) / this.innerWidth;
      const up = 1 - ((event.clientY - box.top) / box.height * this.height - TOP) / this.innerHeight;
      const share = (/** @type {number} */ value) => Math.max(0, Math.min(1, value));
      const { x: xs, y: ys } = this.ranges;
      place = [xs[0] + share(across) * (xs[1] - xs[0]), ys[0] + share(up) * (ys[1] - ys[0])];
    };
    this.svg.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (drag) this.svg.setPointerCapture(event.pointerId);
      read(event);
      choose(...place, true);
    });
    this.svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!drag || !this.svg.hasPointerCapture(event.pointerId)) return;
      read(event);
      choose(...place, false);
    });
    this.svg.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const move = MOVES[event.key];
      if (!move && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      const { x: xs, y: ys } = this.ranges;
      if (move) place = [place[0] + move[0] * (xs[1] - xs[0]) / 40, place[1] + move[1] * (ys[1] - ys[0]) / 40];
      const [cx, cy] = [this.x(place[0]), this.y(place[1])];
      this.cursor.replaceChildren(draw("circle", { cx, cy, r: 11 }));
      if (drag || !move) choose(...place, true);
    });
    this.svg.addEventListener("blur", () => this.cursor.replaceChildren());
    return this;
  }
}

/** @param {number} value */
function clamp(value) {
  return Math.max(-2000, Math.min(2000, value));
}

/** @param {[number, number]} range */
function listTicks([low, high]) {
  const rough = (high - low) / N_TICKS;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 5].find((each) => each * size >= rough * 0.999) ?? 10);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-6; tick += step) ticks.push(Math.abs(tick) < step * 1e-6 ? 0 : tick);
  return ticks;
}

/** @param {number} value */
function write(value) {
  return Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3) ? value.toExponential(0) : number(value, { maximumSignificantDigits: 4 });
}
