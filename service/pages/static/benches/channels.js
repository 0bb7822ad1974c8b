// A layer's maps come as one picture, a grid of channels; here it is cut, and a channel is laid over the photograph.

import { make } from "../dom.js";

/** The service draws at most so many channels, with a gap around each. */
const MAX_CHANNELS = 64;
const GAP_PX = 2;
const TILE_PX = 48;
const SIDE_PX = 300;

/**
 * Returns each channel as a canvas with its place in the layer; those that find nothing anywhere come last.
 * @param {string} b64
 * @param {number} channels
 * @returns {Promise<{canvas: HTMLCanvasElement, index: number}[]>}
 */
export async function readChannels(b64, channels) {
  const grid = new Image();
  grid.src = `data:image/png;base64,${b64}`;
  await grid.decode();
  const n = Math.min(channels, MAX_CHANNELS);
  const nColumns = Math.ceil(Math.sqrt(n));
  const width = (grid.naturalWidth - GAP_PX) / nColumns;
  const height = (grid.naturalHeight - GAP_PX) / Math.ceil(n / nColumns);
  const found = Array.from({ length: n }, (_, index) => {
    const canvas = make("canvas", { width: TILE_PX, height: TILE_PX });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingEnabled = false;
    context.drawImage(grid, GAP_PX + (index % nColumns) * width, GAP_PX + Math.floor(index / nColumns) * height,
      width - GAP_PX, height - GAP_PX, 0, 0, TILE_PX, TILE_PX);
    const isDark = context.getImageData(0, 0, TILE_PX, TILE_PX).data.every((/** @type {number} */ value, /** @type {number} */ place) => place % 4 === 3 || value === 0);
    return { canvas, index, isDark };
  });
  return [...found.filter(({ isDark }) => !isDark), ...found.filter(({ isDark }) => isDark)];
}

/**
 * Lays a channel over the middle square of a photograph, which is what a network takes, and returns the picture's address.
 * @param {Blob} file
 * @param {HTMLCanvasElement} channel
 */
export async function drawOver(file, channel) {
  const photograph = await createImageBitmap(file);
  const side = Math.min(photograph.width, photograph.height);
  const canvas = make("canvas", { width: SIDE_PX, height: SIDE_PX });
  const context = canvas.getContext("2d");
  context.filter = "grayscale(1) brightness(0.75)";
  context.drawImage(photograph, (photograph.width - side) / 2, (photograph.height - side) / 2, side, side, 0, 0, SIDE_PX, SIDE_PX);
  context.filter = "none";
  context.drawImage(paint(channel), 0, 0, SIDE_PX, SIDE_PX);
  return canvas.toDataURL("image/png");
}

/** Paints a channel's whites orange and leaves its blacks clear. @param {HTMLCanvasElement} channel */
function paint(channel) {
  const painted = make("canvas", { width: channel.width, height: channel.height });
  const context = painted.getContext("2d");
  const pixels = channel.getContext("2d")?.getImageData(0, 0, channel.width, channel.height);
  if (!pixels) return painted;
  for (let place = 0; place < pixels.data.length; place += 4) {
    const white = pixels.data[place];
    pixels.data.set([255, 90 + 110 * white / 255, 20, 0.85 * white], place);
  }
  context.putImageData(pixels, 0, 0);
  return painted;
}
