// Two numbers are a plane: a click places the point, and a map of each model shows where it changes its mind.

import { post } from "../api.js";
import { button, make } from "../dom.js";
import { nameFamily } from "../names.js";
import { number, say } from "../words.js";

const SIZE_PX = 560;
const CELLS = 40;
const MARGIN = 0.25;
const STEP = 1 / 50;
const COLOURS = [[77, 155, 220], [235, 158, 66], [98, 172, 98], [190, 110, 190], [200, 90, 90], [130, 130, 130]];
const MOVES = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
});

/**
 * @param {import("../bench.js").Bench} bench
 * @param {string | null} shared
 */
export function mount(bench, shared) {
  new Plane(bench).open(shared);
}

class Plane {
  /** @param {import("../bench.js").Bench} bench */
  constructor(bench) {
    this.bench = bench;
    const features = bench.card.input.features ?? [];
    this.names = features.map(({ name }) => name);
    this.axes = features.map(({ range }) => {
      const [low, high] = range ?? [0, 1];
      const margin = (high - low || 1) * MARGIN;
      return { low: low - margin, high: high + margin };
    });
    this.point = [0, 0];
    this.canvas = make("canvas", {
      class: "pad", width: SIZE_PX, height: SIZE_PX, tabindex: 0, role: "application", "aria-label": say("planeTitle"),
      pointerdown: (/** @type {PointerEvent} */ event) => this.drag(event, true),
      pointermove: (/** @type {PointerEvent} */ event) => this.drag(event, false),
      keydown: (/** @type {KeyboardEvent} */ event) => this.press(event),
    });
    this.where = make("p", { class: "where quiet" });
    this.maps = make("div", { class: "maps" });
    /** @type {HTMLCanvasElement | null} */
    this.background = null;
    bench.onExample = ({ row, truth }) => this.show(row, truth);
    bench.input.append(make("div", { class: "paper" }, this.canvas), this.where,
      make("div", { class: "buttons" }, ...bench.examples.buttons,
        button(say("reset"), () => this.show(bench.card.input.example ?? [0, 0], null))),
      bench.examples.element);
    bench.element.append(this.maps);
  }

  /** @param {string | null} shared */
  async open(shared) {
    const { bench } = this;
    const row = shared?.split(",").map(Number) ?? [];
    const isRow = row.length === 2 && row.every(Number.isFinite);
    for (const each of bench.examples.buttons) each.hidden = true;
    if (isRow) this.show(row, null);
    try {
      const has = await bench.examples.load();
      if (!isRow && has) await bench.examples.show(!bench.examples.buttons[0].hidden);
      else if (!isRow) this.show(bench.card.input.example ?? [0, 0], null);
      await this.drawMaps();
    } catch (error) {
      bench.showProblem(/** @type {Error} */ (error));
    }
    bench.open();
  }

  /** @param {number[]} point @param {string | null} truth */
  show(point, truth) {
    this.point = point;
    if (truth === null) this.bench.examples.forget();
    this.draw();
    this.bench.ask({ row: point, shared: point.join(","), truth });
  }

  /** @param {PointerEvent} event @param {boolean} isFirst */
  drag(event, isFirst) {
    if (isFirst) this.canvas.setPointerCapture(event.pointerId);
    else if (!this.canvas.hasPointerCapture(event.pointerId)) return;
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = this.axes;
    const [across, up] = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    this.show([round(x.low + across * (x.high - x.low)), round(y.low + up * (y.high - y.low))], null);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    this.show(this.point.map((value, axis) => round(value + move[axis] * STEP * (this.axes[axis].high - this.axes[axis].low))), null);
  }

  /** Asks all models of a grid of points at once, and draws what each says. */
  async drawMaps() {
    const { bench } = this;
    const [x, y] = this.axes;
    const at = (/** @type {{low: number, high: number}} */ axis, /** @type {number} */ cell) =>
      axis.low + (cell + 0.5) / CELLS * (axis.high - axis.low);
    const inputs = [];
    for (let row = CELLS - 1; row >= 0; row--) {
      for (let column = 0; column < CELLS; column++) inputs.push([at(x, column), at(y, row)]);
    }
    const answer = await post("compare", { task: bench.tab.task, inputs });
    const families = new Map(bench.tab.members.map(({ name, family }) => [name, family]));
    this.background = paint(answer.consensus.probabilities);
    this.maps.replaceChildren(...answer.models.map((/** @type {any} */ { model, probabilities }) => {
      const name = nameFamily(families.get(model) ?? model);
      const map = paint(probabilities);
      map.setAttribute("role", "img");
      map.setAttribute("aria-label", say("mapOf", name));
      return make("figure", {}, map, make("figcaption", { "aria-hidden": "true" }, name));
    }));
    this.draw();
  }

  draw() {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#101317";
    context.fillRect(0, 0, SIZE_PX, SIZE_PX);
    if (this.background) {
      context.imageSmoothingEnabled = true;
      context.drawImage(this.background, 0, 0, SIZE_PX, SIZE_PX);
    }
    const [x, y] = this.axes;
    const across = (this.point[0] - x.low) / (x.high - x.low) * SIZE_PX;
    const down = (1 - (this.point[1] - y.low) / (y.high - y.low)) * SIZE_PX;
    context.beginPath();
    context.arc(across, down, 13, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: "#101317", strokeStyle: "#fff", lineWidth: 5 });
    context.fill();
    context.stroke();
    this.where.textContent = this.names.map((name, axis) => `${name} = ${number(this.point[axis])}`).join("   ");
  }
}

/** @param {number[][]} probabilities @returns {HTMLCanvasElement} */
function paint(probabilities) {
  const canvas = make("canvas", { width: CELLS, height: CELLS });
  const pixels = probabilities.flatMap((row) => [0, 1, 2].map((channel) =>
    row.reduce((sum, share, index) => sum + share * COLOURS[index % COLOURS.length][channel], 0)).concat(255));
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels), CELLS), 0, 0);
  return canvas;
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(4));
}
