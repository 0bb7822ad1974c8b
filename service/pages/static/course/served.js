// Which models this server has; a demonstration asks first, so that nothing is asked for that is not there.

import { ask } from "../api.js";
import { tell } from "./words.js";

/** @type {Promise<{name: string, task: string, family: string, kind: string}[]> | null} */
let kept = null;

export function listServed() {
  kept ??= ask("models").then(({ models }) => models);
  kept.catch(() => { kept = null; });
  return kept;
}

/** Throws a sentence where a model is not served. @param {...string} names */
export async function requireModels(...names) {
  const served = new Set((await listServed()).map(({ name }) => name));
  const missing = names.find((name) => !served.has(name));
  if (missing) throw new Error(tell("modelMissing", missing));
}

/** Throws a sentence where no model of a task is served. @param {string} task */
export async function requireTask(task) {
  const served = await listServed();
  if (!served.some((model) => model.task === task)) throw new Error(tell("noRows"));
}
