// The digits: a canvas for strokes, the 8 x 8 pixels that the models see, and held-out digits.

import { button, make } from "../dom.js";
import { fitStrokes } from "../strokes.js";
import { say } from "../words.js";

const SIDE = 8;
const MAX_PIXEL = 16;
const SIZE_PX = 600;
const PEN_PX = 52;
const KEY_STEP = 1 / 24;
const MOVES = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

/**
 * @param {import("../bench.js").Bench} bench
 * @param {string | null} shared
 */
export function mount(bench, shared) {
  new Pad(bench).open(shared);
}

class Pad {
  /** @param {import("../bench.js").Bench} bench */
  constructor(bench) {
    this.bench = bench;
    /** @type {import("../strokes.js").Stroke[]} */
    this.strokes = [];
    /** @type {number[] | null} */
    this.pixels = null;
    /** The pen of the keyboard. */
    this.pen = { x: 0.5, y: 0.5, isDown: false };
    this.canvas = make("canvas", {
      class: "pad", width: SIZE_PX, height: SIZE_PX, tabindex: 0, role: "application", "aria-label": say("canvas"),
      pointerdown: (/** @type {PointerEvent} */ event) => this.begin(event),
      pointermove: (/** @type {PointerEvent} */ event) => this.go(event),
      keydown: (/** @type {KeyboardEvent} */ event) => this.press(event),
    });
    this.small = make("canvas", { class: "seen", width: SIDE, height: SIDE, role: "img", "aria-label": say("seen", "8 × 8") });
    this.seeing = make("figure", { class: "seeing" }, this.small,
      make("figcaption", { "aria-hidden": "true" }, say("seen", "8 × 8")));
    this.undo = button(say("undo"), () => this.takeBack());
    const { examples, input } = bench;
    bench.onExample = ({ row, truth }) => this.showPixels(row, truth);
    input.append(
      make("div", { class: "paper" }, this.canvas),
      make("div", { class: "buttons" }, ...examples.buttons, this.undo, button(say("clear"), () => this.clear())),
      make("div", { class: "below" }, this.seeing, examples.element));
  }

  /** @param {string | null} shared */
  async open(shared) {
    const { bench } = this;
    const row = shared?.split(",").map(Number) ?? [];
    const isRow = row.length === SIDE * SIDE && row.every((value) => value >= 0 && value <= MAX_PIXEL);
    if (isRow) this.showPixels(row, null);
    try {
      const has = await bench.examples.load();
      if (!isRow && has) await bench.examples.show(!bench.examples.buttons[0].hidden);
      else if (!isRow) this.showPixels(bench.card.input.example ?? new Array(SIDE * SIDE).fill(0), null);
    } catch (error) {
      bench.showProblem(/** @type {Error} */ (error));
    }
    bench.open();
  }

  /** @param {number[]} pixels @param {string | null} truth */
  showPixels(pixels, truth) {
    this.strokes = [];
    this.pixels = pixels;
    if (truth === null) this.bench.examples.forget();
    this.draw();
    this.bench.ask({ row: pixels, shared: pixels.join(","), truth });
  }

  clear() {
    this.strokes = [];
    this.pixels = null;
    this.change();
  }

  takeBack() {
    this.strokes.pop();
    this.change();
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pixels = null;
    this.strokes.push([this.place(event)]);
    this.change();
  }

  /** @param {PointerEvent} event */
  go(event) {
    if (!this.canvas.hasPointerCapture(event.pointerId)) return;
    const stroke = this.strokes.at(-1);
    const events = event.getCoalescedEvents?.() ?? [];
    stroke?.push(...(events.length ? events : [event]).map((each) => this.place(each)));
    this.change();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const { pen } = this;
    const move = MOVES[event.key];
    if (event.key === " ") pen.isDown = !pen.isDown;
    else if (!move) return;
    event.preventDefault();
    if (move) {
      pen.x = Math.max(0, Math.min(1, pen.x + move[0] * KEY_STEP));
      pen.y = Math.max(0, Math.min(1, pen.y + move[1] * KEY_STEP));
    }
    if (!pen.isDown) {
      this.draw();
      return;
    }
    this.pixels = null;
    if (!move) this.strokes.push([]);
    this.strokes.at(-1)?.push({ x: pen.x, y: pen.y });
    this.change();
  }

  /** @param {PointerEvent} event @returns {import("../strokes.js").Point} */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  /** Asks what the strokes are. */
  change() {
    this.bench.examples.forget();
    this.draw();
    if (!this.strokes.length) {
      this.bench.shown = null;
      this.bench.verdicts.clear(say("empty"));
      return;
    }
    const row = fitStrokes(this.strokes);
    this.bench.ask({ row, shared: row.join(",") });
  }

  draw() {
    const seen = this.pixels ?? fitStrokes(this.strokes);
    this.small.getContext("2d").putImageData(paint(seen), 0, 0);
    this.undo.disabled = !this.strokes.length;
    this.seeing.hidden = this.pixels !== null || !this.strokes.length;

    const context = this.canvas.getContext("2d");
    context.fillStyle = "#101317";
    context.fillRect(0, 0, SIZE_PX, SIZE_PX);
    if (this.pixels) this.drawPixels(context);
    else this.drawStrokes(context);
    if (this.canvas.matches(":focus-visible")) this.drawPen(context);
  }

  /** @param {CanvasRenderingContext2D} context */
  drawPixels(context) {
    const cell = SIZE_PX / SIDE;
    this.pixels?.forEach((value, index) => {
      if (!value) return;
      const shade = Math.round(16 + 239 * value / MAX_PIXEL);
      context.fillStyle = `rgb(${shade} ${shade} ${shade})`;
      context.fillRect((index % SIDE) * cell + 1, Math.floor(index / SIDE) * cell + 1, cell - 2, cell - 2);
    });
  }

  /** @param {CanvasRenderingContext2D} context */
  drawStrokes(context) {
    Object.assign(context, { strokeStyle: "#fff", lineWidth: PEN_PX, lineCap: "round", lineJoin: "round" });
    for (const stroke of this.strokes) {
      context.beginPath();
      for (const { x, y } of stroke) context.lineTo(x * SIZE_PX, y * SIZE_PX);
      if (stroke.length === 1) context.lineTo(stroke[0].x * SIZE_PX + 0.1, stroke[0].y * SIZE_PX);
      context.stroke();
    }
  }

  /** @param {CanvasRenderingContext2D} context */
  drawPen(context) {
    const { x, y, isDown } = this.pen;
    context.beginPath();
    context.arc(x * SIZE_PX, y * SIZE_PX, PEN_PX / 2, 0, 2 * Math.PI);
    Object.assign(context, { strokeStyle: isDown ? "#ffb454" : "#7ab3f5", lineWidth: 5 });
    context.stroke();
  }
}

/** @param {number[]} pixels */
function paint(pixels) {
  const colours = pixels.flatMap((value) => {
    const shade = 16 + 239 * value / MAX_PIXEL;
    return [shade, shade, shade, 255];
  });
  return new ImageData(new Uint8ClampedArray(colours), SIDE);
}
