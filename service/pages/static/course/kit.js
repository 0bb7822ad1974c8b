// Controls and figures that demonstrations are made of.

import { button, make } from "../dom.js";
import { number } from "../words.js";

/** What is nearer to zero is written as zero. */
const MIN_SHOWN = 1e-6;

let nControls = 0;

/**
 * A slider with its name and its value.
 * @param {string} label
 * @param {{min: number, max: number, step?: number, value: number, write?: (value: number) => string, read?: (value: number) => number}} options
 *   `read` makes the value of the position, for scales that are not even.
 * @param {(value: number) => void} change
 */
export function slider(label, { min, max, step = 1, value, write = (each) => number(each), read = (each) => each }, change) {
  const id = `control-${++nControls}`;
  const told = make("output", { for: id });
  const input = make("input", { type: "range", id, min, max, step, value, input: () => {
    show();
    change(read(input.valueAsNumber));
  } });
  const show = () => {
    told.textContent = write(read(input.valueAsNumber));
    input.setAttribute("aria-valuetext", told.textContent);
  };
  show();
  return {
    element: make("div", { class: "slider" }, make("label", { for: id }, label), told, input),
    get value() {
      return read(input.valueAsNumber);
    },
    set value(/** @type {number} */ position) {
      input.value = String(position);
      show();
    },
  };
}

/**
 * Buttons of which one is pressed.
 * @param {string} label @param {[string, string][]} options @param {string} value @param {(value: string) => void} change
 */
export function choice(label, options, value, change) {
  const id = `control-${++nControls}`;
  const state = { value };
  const buttons = options.map(([key, text]) => button(text, () => {
    press(key);
    change(key);
  }, { "data-value": key }));
  const press = (/** @type {string} */ key) => {
    state.value = key;
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.value === key));
  };
  press(value);
  return {
    element: make("div", { class: "choice" }, make("span", { id }, label), make("div", { class: "choices", role: "group", "aria-labelledby": id }, ...buttons)),
    get value() {
      return state.value;
    },
    set value(/** @type {string} */ key) {
      press(key);
    },
  };
}

/** A named figure; its exact value stands beside what is written. @param {string} label @param {string} name */
export function figure(label, name) {
  const told = make("dd", { id: `figure-${name}` }, "–");
  return {
    element: make("div", { class: "figure" }, make("dt", {}, label), told),
    /** @param {number | string | null} value @param {string} [text] */
    show(value, text) {
      told.dataset.value = value === null ? "" : String(value);
      told.textContent = text ?? (typeof value === "number" ? writeShort(value) : value ?? "–");
    },
  };
}

/** @param {number} value */
function writeShort(value) {
  return number(Math.abs(value) < MIN_SHOWN ? 0 : value);
}

/** A chart with its controls and figures on its right, or below it where there is no room. @param {{element: Node}} chart @param {...Node} others */
export function beside(chart, ...others) {
  return make("div", { class: "beside" }, chart.element, make("div", { class: "side" }, ...others));
}

/** @param {...{element: Node}} each */
export function figures(...each) {
  return make("dl", { class: "figures" }, ...each.map(({ element }) => element));
}

/** @param {...{element: Node} | Node} each */
export function controls(...each) {
  return make("div", { class: "controls" }, ...each.map((one) => "element" in one ? one.element : one));
}

/** @param {...Node} each */
export function actions(...each) {
  return make("div", { class: "buttons" }, ...each);
}

/** What is happening, in a sentence that a screen reader hears. */
export function status() {
  return make("p", { class: "status", role: "status" });
}

/** Names what colours mean. @param {...[string, string]} entries */
export function legend(...entries) {
  return make("ul", { class: "legend" }, ...entries.map(([kind, text]) => make("li", {}, make("span", { class: `key ${kind}`, "aria-hidden": "true" }), text)));
}

/** @param {string} label @param {number} side */
export function picture(label, side) {
  return make("canvas", { class: "picture", width: side, height: side, role: "img", "aria-label": label });
}

/**
 * Draws numbers as greys; those below zero are blue and those above orange where `isSigned`.
 * @param {HTMLCanvasElement} canvas @param {number[]} values @param {number} max @param {{isSigned?: boolean}} options
 */
export function drawPicture(canvas, values, max, { isSigned = false } = {}) {
  const side = Math.round(Math.sqrt(values.length));
  canvas.width = canvas.height = side;
  const pixels = new Uint8ClampedArray(4 * values.length);
  values.forEach((value, index) => {
    const share = Math.max(-1, Math.min(1, value / (max || 1)));
    const grey = 16 + 239 * Math.max(0, share);
    const colour = !isSigned ? [grey, grey, grey] : share < 0 ? [16, 16 + 130 * -share, 16 + 239 * -share] : [16 + 239 * share, 16 + 150 * share, 16];
    pixels.set([...colour, 255], 4 * index);
  });
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(new ImageData(pixels, side), 0, 0);
}

/** A bar with its name and its share. @param {string} text @param {number} share @param {string} told @param {string} kind */
export function bar(text, share, told, kind = "") {
  const filled = make("span", { class: "bar" });
  filled.style.inlineSize = `${100 * Math.max(0, Math.min(1, share))}%`;
  return make("li", { class: kind }, make("span", { class: "name" }, text), make("span", { class: "track" }, filled), make("span", { class: "share" }, told));
}

/** Does something again and again until it is told to stop; less often where motion is not wanted. */
export class Clock {
  /** @param {() => boolean | void} tick Returns false to stop. @param {number} ms */
  constructor(tick, ms) {
    this.tick = tick;
    this.ms = matchMedia("(prefers-reduced-motion: reduce)").matches ? Math.max(ms, 200) : ms;
    this.timer = 0;
  }

  get isRunning() {
    return this.timer !== 0;
  }

  start() {
    if (this.timer) return;
    this.timer = window.setInterval(() => {
      if (this.tick() === false) this.stop();
    }, this.ms);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }
}

/** A button that starts a clock and stops it. @param {Clock} clock @param {[string, string]} texts */
export function runButton(clock, [start, stop]) {
  const pressed = button(start, () => {
    if (clock.isRunning) clock.stop();
    else clock.start();
    show();
  }, { class: "hard" });
  const show = () => { pressed.textContent = clock.isRunning ? stop : start; };
  const { tick } = clock;
  clock.tick = () => {
    const goesOn = tick();
    if (goesOn === false) {
      clock.stop();
      show();
    }
    return goesOn;
  };
  return Object.assign(pressed, { show });
}
