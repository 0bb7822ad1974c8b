// A digit of 8 by 8 greys, as a picture.

import { make } from "./dom.js";

const SIDE = 8;
const MAX_GREY = 16;

/** @param {number[]} values */
export function drawDigit(values) {
  const canvas = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  values.forEach((value, place) => {
    const grey = 255 * value / MAX_GREY;
    image.data.set([grey, grey, grey, 255], 4 * place);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
