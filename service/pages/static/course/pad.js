// A small picture that is drawn on, cell by cell, with the pointer or the keyboard.

import { make } from "../dom.js";
import { drawPicture } from "./kit.js";

const MOVES = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });

export class Pad {
  /** @param {string} label @param {number} side @param {(pixels: number[]) => void} change */
  constructor(label, side, change) {
    this.side = side;
    this.change = change;
    this.pixels = new Array(side * side).fill(0);
    this.at = [Math.floor(side / 2), Math.floor(side / 2)];
    this.canvas = make("canvas", { class: "picture drawing-pad", tabindex: 0, role: "application", "aria-label": label });
    this.canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.press(event);
    });
    this.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (this.canvas.hasPointerCapture(event.pointerId)) this.press(event);
    });
    this.canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.type(event));
  }

  /** @param {number[]} pixels Numbers from 0 to 1. */
  show(pixels) {
    this.pixels = [...pixels];
    drawPicture(this.canvas, this.pixels, 1);
    this.change(this.pixels);
  }

  clear() {
    this.show(new Array(this.side * this.side).fill(0));
  }

  /** @param {PointerEvent} event */
  press(event) {
    const box = this.canvas.getBoundingClientRect();
    this.ink((event.clientX - box.left) / box.width * this.side, (event.clientY - box.top) / box.height * this.side);
  }

  /** Puts ink around a place, less where it is farther. @param {number} x @param {number} y */
  ink(x, y) {
    this.show(this.pixels.map((value, index) => {
      const far = Math.hypot(index % this.side + 0.5 - x, Math.floor(index / this.side) + 0.5 - y);
      return Math.max(value, Math.min(1, Math.max(0, 1.5 - far)));
    }));
  }

  /** @param {KeyboardEvent} event */
  type(event) {
    const move = MOVES[event.key];
    if (!move && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (move) this.at = this.at.map((value, axis) => Math.max(0, Math.min(this.side - 1, value + move[axis])));
    if (!move || event.shiftKey) this.ink(this.at[0] + 0.5, this.at[1] + 0.5);
  }
}
