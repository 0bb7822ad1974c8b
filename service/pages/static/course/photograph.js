// A photograph of the visitor's, or a picture that the page draws until there is one.

import { make } from "../dom.js";
import { choice } from "./kit.js";
import { tell } from "./words.js";

const TYPES = ["image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif"];
const SIDE_PX = 192;

export class Photograph {
  /** @param {(b64: string, canvas: HTMLCanvasElement) => void} change @param {{closers: (() => void)[]}} context */
  constructor(change, context) {
    this.change = change;
    this.canvas = make("canvas", { class: "picture", width: SIDE_PX, height: SIDE_PX, role: "img", "aria-label": tell("yourPhotograph") });
    this.picker = make("input", { type: "file", accept: TYPES.join(), id: "photograph", class: "unseen", change: () => this.take(this.picker.files[0]) });
    this.problem = make("p", { class: "problem", role: "alert" });
    this.drawn = choice(tell("drawnExample"), [["automobile", tell("aCar")], ["cat", tell("aCat")]], "automobile", (which) => this.show(which));
    this.element = make("div", { class: "photograph",
      dragover: (/** @type {DragEvent} */ event) => event.preventDefault(),
      drop: (/** @type {DragEvent} */ event) => {
        event.preventDefault();
        this.take(event.dataTransfer?.files[0]);
      } }, this.canvas, this.drawn.element,
    make("div", { class: "buttons" }, this.picker, make("label", { for: "photograph", class: "button" }, tell("ownPhotograph"))), this.problem);
    const paste = (/** @type {ClipboardEvent} */ event) => this.take(event.clipboardData?.files[0]);
    addEventListener("paste", paste);
    context.closers.push(() => removeEventListener("paste", paste));
  }

  open() {
    this.show(this.drawn.value);
  }

  /** @param {string} which */
  show(which) {
    const context = this.canvas.getContext("2d");
    (which === "cat" ? drawCat : drawCar)(context);
    this.tell();
  }

  /** @param {Blob | undefined} file */
  async take(file) {
    if (!file) return;
    try {
      if (!TYPES.includes(file.type)) throw new TypeError();
      const image = await createImageBitmap(file);
      const side = Math.min(image.width, image.height);
      this.canvas.getContext("2d").drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, SIDE_PX, SIDE_PX);
      this.problem.textContent = "";
      this.drawn.value = "";
      this.tell();
    } catch {
      this.problem.textContent = tell("notImage");
    }
  }

  tell() {
    this.change(this.canvas.toDataURL("image/png").split(",")[1], this.canvas);
  }
}

/** @param {CanvasRenderingContext2D} context */
function drawCar(context) {
  fill(context, "#9fc4e8", [[0, 0], [192, 0], [192, 110], [0, 110]]);
  fill(context, "#7d8a6a", [[0, 92], [192, 84], [192, 120], [0, 120]]);
  fill(context, "#5d5f63", [[0, 116], [192, 116], [192, 192], [0, 192]]);
  fill(context, "#b3202b", [[14, 134], [18, 104], [52, 98], [72, 66], [130, 66], [152, 98], [178, 106], [180, 136]]);
  fill(context, "#2c3a47", [[62, 97], [77, 72], [98, 72], [98, 97]]);
  fill(context, "#2c3a47", [[104, 97], [104, 72], [127, 72], [143, 97]]);
  fill(context, "#f3e6a1", [[168, 108], [178, 110], [178, 118], [168, 117]]);
  for (const x of [54, 146]) {
    round(context, "#17181a", x, 136, 19);
    round(context, "#a7abb0", x, 136, 9);
  }
}

/** @param {CanvasRenderingContext2D} context */
function drawCat(context) {
  fill(context, "#b9a48c", [[0, 0], [192, 0], [192, 192], [0, 192]]);
  fill(context, "#8a7561", [[0, 150], [192, 140], [192, 192], [0, 192]]);
  fill(context, "#6b5846", [[46, 92], [44, 26], [86, 62]]);
  fill(context, "#6b5846", [[146, 92], [148, 26], [106, 62]]);
  fill(context, "#c98f86", [[54, 74], [52, 44], [72, 62]]);
  fill(context, "#c98f86", [[138, 74], [140, 44], [120, 62]]);
  round(context, "#6b5846", 96, 104, 56);
  round(context, "#7d6854", 96, 124, 32);
  for (const x of [73, 119]) {
    round(context, "#c8d36b", x, 96, 12);
    fill(context, "#14120f", [[x, 85], [x + 4, 96], [x, 107], [x - 4, 96]]);
  }
  fill(context, "#c98f86", [[88, 116], [104, 116], [96, 125]]);
  Object.assign(context, { strokeStyle: "#efe6da", lineWidth: 2 });
  for (const [x, y, dx, dy] of [[84, 126, -46, -8], [84, 130, -46, 6], [108, 126, 46, -8], [108, 130, 46, 6]]) {
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {string} colour @param {number[][]} corners */
function fill(context, colour, corners) {
  context.fillStyle = colour;
  context.beginPath();
  for (const [x, y] of corners) context.lineTo(x, y);
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {string} colour @param {number} x @param {number} y @param {number} radius */
function round(context, colour, x, y, radius) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
