// Forty days of the course's tacos: the price in pesos, and how many were sold.

import { deviation, mean } from "./maths/line.js";

export const PRICES = [18.8, 12.6, 8.7, 8.3, 21.8, 23.5, 18.3, 20.4, 17.2, 23.9, 21.9, 8.0, 22.6, 8.6, 20.4, 11.0, 22.7, 17.2, 13.1,
  15.2, 8.5, 10.1, 19.4, 19.0, 18.5, 14.5, 25.0, 24.7, 19.7, 19.1, 19.7, 14.6, 10.3, 20.3, 16.9, 13.3, 16.3, 23.1, 23.9, 14.1];
export const SALES = [182, 260, 327, 307, 146, 106, 215, 191, 204, 137, 132, 314, 177, 320, 221, 272, 160, 210, 274, 238, 307, 281,
  249, 190, 158, 233, 134, 114, 211, 211, 181, 233, 276, 163, 187, 285, 257, 117, 110, 216];

const scaleOf = (/** @type {number[]} */ values) => ({ middle: mean(values), spread: deviation(values) });
export const PRICE_SCALE = scaleOf(PRICES);
export const SALES_SCALE = scaleOf(SALES);

/** @param {number[]} values @param {{middle: number, spread: number}} scale */
export function normalise(values, { middle, spread }) {
  return values.map((value) => (value - middle) / spread);
}
