// A network learns in a worker: its plane, its weights, and both curves, of which one turns when it overfits.

import { button, make } from "../../dom.js";
import { number, percent } from "../../words.js";
import { Chart, draw } from "../chart.js";
import { Clock, actions, choice, controls, figure, figures, legend, runButton, slider, status } from "../kit.js";
import { tell } from "../words.js";

const REACH = 3.2;
const EPOCHS_A_TICK = 3;
const POWERS = (/** @type {number} */ position) => position <= -4 ? 0 : 10 ** position;
const writePower = (/** @type {number} */ value) => value === 0 ? "0" : number(value, { maximumSignificantDigits: 2 });

/** @param {HTMLElement} place @param {import("../course.js").Context} context */
export function mount(place, context) {
  const playground = new Playground(place);
  context.closers.push(() => playground.close());
}

class Playground {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.worker = new Worker(new URL("../network_worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.show(data));
    this.isBusy = false;
    /** @type {[number, number][][]} */
    this.curves = [[], []];
    this.clock = new Clock(() => this.advance(EPOCHS_A_TICK), 40);
    this.run = runButton(this.clock, [tell("run"), tell("pause")]);
    this.controls = makeControls(() => this.begin(), () => this.worker.postMessage({ change: this.options }));
    this.plane = new Chart({ x: [-REACH, REACH], y: [-REACH, REACH], xLabel: "x₁", yLabel: "x₂", label: tell("playPlane"), isMap: true, width: 340, height: 330 });
    this.curve = new Chart({ x: [0, 100], y: [0, 0.8], xLabel: tell("epochs"), yLabel: tell("loss"), label: tell("playCurves"), width: 340, height: 200 });
    this.net = /** @type {any} */ (draw("svg", { viewBox: "0 0 360 130", class: "net", role: "img", "aria-label": tell("netPicture") }));
    this.epochs = figure(tell("epochs"), "epochs");
    this.train = figure(tell("trainLoss"), "train");
    this.validation = figure(tell("validationLoss"), "validation");
    this.right = figure(tell("validationRight"), "right");
    this.zeros = figure(tell("zeroWeights"), "zeros");
    this.said = status();
    const { shape, activation, layers, size, noise, share, rate, batch, l1, l2, stop } = this.controls;
    place.append(controls(actions(this.run, button(tell("oneEpoch"), () => this.advance(1)), button(tell("restart"), () => this.begin())), shape, activation, stop),
      make("div", { class: "pair" }, this.plane.element, make("div", {}, this.curve.element, this.net)),
      legend(["blue", tell("trainLoss")], ["orange", tell("validationLoss")], ["violet", tell("bestSoFar")]), this.said,
      figures(this.epochs, this.train, this.validation, this.right, this.zeros), controls(layers, size, noise, share), controls(rate, batch, l1, l2));
    this.begin();
  }

  get options() {
    const { rate, batch, l1, l2, stop } = this.controls;
    return { rate: rate.value, batch: batch.value, l1: l1.value, l2: l2.value, stopEarly: stop.value === "yes" };
  }

  begin() {
    this.clock.stop();
    this.run.show();
    this.curves = [[], []];
    const { layers, size, shape, noise, share, activation } = this.controls;
    const hidden = new Array(layers.value).fill(size.value);
    this.send({ begin: { ...this.options, shape: shape.value, noise: noise.value, share: share.value, hidden, activation: activation.value } });
  }

  /** @param {any} message */
  send(message) {
    this.isBusy = true;
    this.worker.postMessage(message);
  }

  /** @param {number} epochs */
  advance(epochs) {
    if (!this.isBusy) this.send({ epochs });
    return this.curves[0].length < 3000;
  }

  /** @param {any} told */
  show(told) {
    this.isBusy = false;
    const { map, cells, epoch, bestEpoch, train, validation, layers } = told;
    const last = this.curves[0].at(-1);
    if (!last || last[0] !== epoch) {
      this.curves[0].push([epoch, told.trainLoss]);
      this.curves[1].push([epoch, told.validationLoss]);
    }
    const colour = (/** @type {number[]} */ labels) => (/** @type {number} */ index) => labels[index] ? "orange" : "blue";
    this.plane.clear().paint((x, y) => map[Math.min(cells - 1, Math.floor((REACH - y) / 2 / REACH * cells)) * cells + Math.min(cells - 1, Math.floor((x + REACH) / 2 / REACH * cells))], cells)
      .dots(validation.rows, (index) => `${colour(validation.labels)(index)} faint`, 3).dots(train.rows, (index) => `${colour(train.labels)(index)} ring`, 4.5);
    this.drawCurves(epoch, bestEpoch);
    this.drawNet(layers);
    const weights = layers.flatMap((/** @type {any} */ layer) => layer.weights.flat());
    const nZero = weights.filter((/** @type {number} */ weight) => Math.abs(weight) < 1e-3).length;
    this.epochs.show(epoch);
    this.train.show(told.trainLoss, number(told.trainLoss, { maximumFractionDigits: 3 }));
    this.validation.show(told.validationLoss, number(told.validationLoss, { maximumFractionDigits: 3 }));
    this.right.show(told.validationShare, percent(told.validationShare));
    this.zeros.show(nZero, `${nZero} / ${weights.length}`);
    this.tellState(told);
  }

  /** @param {any} told */
  tellState({ epoch, bestEpoch, isStopped, trainLoss, validationLoss }) {
    if (isStopped) {
      this.clock.stop();
      this.run.show();
    }
    const isLost = !Number.isFinite(trainLoss);
    const best = Math.min(...this.curves[1].map(([, loss]) => loss));
    const word = isLost ? "exploded" : isStopped ? "stoppedEarly" : epoch === 0 ? "playStart" : validationLoss > best + 0.05 ? "overfits" : "playGoes";
    this.said.textContent = tell(word, bestEpoch);
    this.said.className = ["overfits", "exploded"].includes(word) ? "status alert" : "status";
  }

  /** @param {number} epoch @param {number} bestEpoch */
  drawCurves(epoch, bestEpoch) {
    const highest = Math.max(0.75, ...this.curves.flat().map(([, loss]) => Number.isFinite(loss) ? loss : 0));
    this.curve.rescale({ x: [0, Math.max(100, epoch)], y: [0, Math.min(3, highest * 1.05)] });
    this.curve.clear().line(this.curves[0], "blue").line(this.curves[1], "orange");
    if (bestEpoch) this.curve.line([[bestEpoch, 0], [bestEpoch, 3]], "violet thin dashed");
  }

  /** @param {{weights: number[][], biases: number[]}[]} layers */
  drawNet(layers) {
    const sizes = [2, ...layers.map(({ biases }) => biases.length)];
    const x = (/** @type {number} */ depth) => 20 + depth * 320 / (sizes.length - 1);
    const y = (/** @type {number} */ depth, /** @type {number} */ n) => 65 + (n - (sizes[depth] - 1) / 2) * Math.min(30, 120 / sizes[depth]);
    const lines = layers.flatMap(({ weights }, depth) => weights.flatMap((line, n) => line.map((weight, k) => draw("line", {
      x1: x(depth), y1: y(depth, k), x2: x(depth + 1), y2: y(depth + 1, n), class: `stroke ${weight < 0 ? "blue" : "orange"}`,
      "stroke-opacity": Math.min(1, 0.06 + Math.abs(weight)), "stroke-width": Math.min(5, 0.4 + 1.6 * Math.abs(weight)),
    }))));
    const dots = sizes.flatMap((size, depth) => Array.from({ length: size }, (_, n) => draw("circle", { cx: x(depth), cy: y(depth, n), r: 5.5, class: "dot grey" })));
    this.net.replaceChildren(...lines, ...dots);
  }

  close() {
    this.clock.stop();
    this.worker.terminate();
  }
}

/** @param {() => void} begin @param {() => void} change */
function makeControls(begin, change) {
  return {
    shape: choice(tell("data"), [["clouds", tell("clouds")], ["rings", tell("rings")], ["xor", "XOR"], ["moons", tell("moons")]], "rings", begin),
    activation: choice(tell("activation"), [["relu", "ReLU"], ["tanh", "tanh"], ["sigmoid", "sigmoid"]], "tanh", begin),
    layers: slider(tell("hiddenLayers"), { min: 0, max: 3, value: 2 }, begin),
    size: slider(tell("neurons"), { min: 1, max: 8, value: 6 }, begin),
    noise: slider(tell("noise"), { min: 0, max: 1, step: 0.05, value: 0.45 }, begin),
    share: slider(tell("trainShare"), { min: 0.1, max: 0.9, step: 0.1, value: 0.2, write: percent }, begin),
    rate: slider(tell("rate"), { min: -2.5, max: 0.5, step: 0.1, value: -0.5, read: (each) => 10 ** each, write: writePower }, change),
    batch: slider(tell("batch"), { min: 1, max: 40, value: 10 }, change),
    l1: slider("L1", { min: -4, max: -1, step: 0.1, value: -4, read: POWERS, write: writePower }, change),
    l2: slider("L2", { min: -4, max: -1, step: 0.1, value: -4, read: POWERS, write: writePower }, change),
    stop: choice(tell("stopEarly"), [["no", tell("no")], ["yes", tell("yes")]], "no", change),
  };
}
