// What is served, as benches: a task with all that answer it, or a generator.

import { ask } from "./api.js";
import { nameTask, sortTasks } from "./names.js";
import { say } from "./words.js";

/**
 * @typedef {{name: string, version: string, task: string, family: string, kind: string, summary: string}} Model
 * @typedef {{name: string, type: "number" | "category", range?: [number, number], values?: string[],
 *   imputed?: number | string | null, distribution?: {edges?: number[], counts: number[]}}} Feature
 * @typedef {{name: string, task: string, family: string, kind: string, classes?: string[], target?: string,
 *   provenance?: {split: Record<string, number>},
 *   input: {type: "features" | "image" | "noise", features?: Feature[], example?: any[]}}} Card
 * @typedef {{id: string, task: string, kind: string, members: Model[]}} Tab
 */

/** @returns {Promise<{models: Model[], refused: {file: string, reason: string}[], cardless: string[]}>} */
export async function loadModels() {
  const [list, index] = await Promise.all([
    ask("models"),
    ask("v2/repository/index", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }),
  ]);
  const known = new Set(list.models.map((/** @type {Model} */ model) => model.name));
  const names = index.filter((/** @type {any} */ each) => each.state === "READY").map((/** @type {any} */ each) => each.name);
  const cardless = [...new Set(names)].filter((name) => !known.has(name));
  return { models: list.models, refused: list.refused ?? [], cardless: /** @type {string[]} */ (cardless) };
}

/** @type {Map<string, Promise<Card>>} */
const cards = new Map();

/** @param {string} name @returns {Promise<Card>} */
export function loadCard(name) {
  const kept = cards.get(name);
  if (kept) return kept;
  const card = ask(`models/${encodeURIComponent(name)}`);
  cards.set(name, card);
  card.catch(() => cards.delete(name));
  return card;
}

/**
 * Returns a tab for each task that has answers to an input, and one for each generator.
 * @param {Model[]} models
 * @returns {Tab[]}
 */
export function listTabs(models) {
  const tabs = [];
  for (const task of sortTasks([...new Set(models.map((model) => model.task))])) {
    const own = models.filter((model) => model.task === task);
    const kind = ["classifier", "regressor", "clusterer"].find((each) => own.some((model) => model.kind === each));
    if (kind) tabs.push({ id: task, task, kind, members: own.filter((model) => model.kind === kind) });
  }
  for (const model of models.filter(({ kind }) => kind === "generator")) {
    tabs.push({ id: model.name, task: model.task, kind: "generator", members: [model] });
  }
  return tabs;
}

/** @param {Tab} tab */
export function nameTab(tab) {
  return tab.kind === "generator" ? `${nameTask(tab.task)}: ${tab.members[0].family.toUpperCase()}` : nameTask(tab.task);
}

/**
 * Returns the module of a bench by what its models take.
 * @param {Tab} tab
 * @param {Card} card
 * @returns {"drawing" | "form" | "generate" | "photographs" | "plane"}
 */
export function chooseBench(tab, card) {
  const features = card.input.features ?? [];
  const areNumbers = features.every(({ type }) => type === "number");
  if (tab.kind === "generator") return "generate";
  if (card.input.type === "image") return "photographs";
  if (features.length === 64 && features.every(({ name }) => name.startsWith("pixel"))) return "drawing";
  if (features.length === 2 && areNumbers && tab.kind === "classifier") return "plane";
  return "form";
}

/** Returns what the page says above a bench. @param {string} bench @param {Tab} tab */
export function leadOf(bench, tab) {
  /** @type {Record<string, any>} */
  const words = { drawing: "leadDrawing", form: "leadRows", generate: "leadGenerate", photographs: "leadPhotographs", plane: "leadPlane" };
  return say(words[bench], tab.members.length);
}

/**
 * Returns the models that do not differ from the leader on these rows, but for rounding.
 * @param {any[]} pairs
 * @param {string} leader
 * @returns {string[]}
 */
export function listEqual(pairs, leader) {
  return pairs.filter(({ models, gain, difference }) => models.includes(leader) && Math.abs((gain ?? difference).value) <= 1e-9)
    .map(({ models }) => models[models[0] === leader ? 1 : 0]);
}
