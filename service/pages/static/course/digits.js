// Held-out digits with their truth come from the service, once.

import { ask } from "../api.js";
import { requireTask } from "./served.js";
import { tell } from "./words.js";

/** @typedef {{rows: number[][], truth: string[]}} Digits */

/** @type {Promise<Digits> | null} */
let kept = null;

/** Returns the held-out rows of a task; throws where there are none. @param {string} task @returns {Promise<Digits>} */
export async function loadRows(task) {
  await requireTask(task);
  const answer = await ask(`tasks/${task}/examples?n=1000`);
  const { inputs, labels } = answer;
  if (!inputs?.length) throw new Error(tell("noRows"));
  return { rows: inputs, truth: labels };
}

/** @returns {Promise<Digits>} */
export function loadDigits() {
  kept ??= loadRows("digits");
  kept.catch(() => { kept = null; });
  return kept;
}
