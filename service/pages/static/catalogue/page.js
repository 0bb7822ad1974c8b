// The page of all models: a table to sort and to search, and two of its lines side by side.

import { ROOT, Unreachable } from "../api.js";
import { at, button, make } from "../dom.js";
import { loadCard, loadModels } from "../models.js";
import { nameFamily, nameTask, sortTasks } from "../names.js";
import { writeNavigation } from "../navigation.js";
import { notice, waitForServer } from "../notices.js";
import { readState, writeState } from "../state.js";
import { findLanguage, number } from "../words.js";
import { chooseMetric, nameMetric, writeFigure, writeInterval } from "./figures.js";
import { showPair } from "./pair.js";
import { say } from "./words.js";

const N_AT_ONCE = 4;
const COLUMNS = /** @type {const} */ (["model", "task", "kind", "figure", "rows"]);

/** @typedef {{name: string, task: string, family: string, kind: string}} Line A file without a card has no task. */

/** @type {Line[]} */
let lines = [];
/** @type {Map<string, any>} */
const cards = new Map();

async function start() {
  findLanguage();
  writeFrame();
  try {
    const { models, cardless } = await loadModels();
    lines = [...models, ...cardless.map((name) => ({ name, task: "", family: "", kind: "" }))];
    notice();
    show();
    await loadCards();
  } catch (error) {
    notice(/** @type {Error} */ (error).message);
    if (!(error instanceof Unreachable)) return;
    await waitForServer(() => true);
    start();
  }
}

function writeFrame() {
  document.title = `${say("title")} · Veredicto`;
  at("title").textContent = say("title");
  at("lead").textContent = say("lead");
  at("skip").textContent = say("skip");
  writeNavigation("models", () => {
    writeFrame();
    show();
  });
}

/** Asks for the cards, a few at a time, and fills their figures in as they come. */
async function loadCards() {
  const waiting = lines.filter(({ task }) => task).map(({ name }) => name);
  async function work() {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      cards.set(name, await loadCard(name));
      fill(name);
    }
  }
  await Promise.all(Array.from({ length: N_AT_ONCE }, work));
  showTable();
  showChosen();
}

function show() {
  if (!lines.length) {
    at("models").replaceChildren(make("p", { class: "empty" }, say("nothing")));
    return;
  }
  const search = make("input", { type: "search", id: "filter", placeholder: say("filterHint"), value: readState().get("q") ?? "", input: () => {
    writeState({ q: search.value || null });
    showTable();
  } });
  at("models").replaceChildren(make("div", { class: "search" }, make("label", { for: "filter" }, say("filter")), search,
    make("span", { id: "count", class: "quiet", role: "status" })), make("div", { id: "pair" }), make("div", { id: "table" }));
  showTable();
  showChosen();
}

function showTable() {
  const wish = readState().get("sort") ?? "";
  const isDown = wish.startsWith("-");
  const by = COLUMNS.find((each) => each === wish.replace("-", "")) ?? "task";
  const found = sortLines(findLines(readState().get("q") ?? ""), by, isDown);
  at("count").textContent = say("shown", found.length, lines.length);
  const focused = document.activeElement?.getAttribute("data-key");
  const heads = COLUMNS.map((column) => make("th", { scope: "col", "aria-sort": column === by ? (isDown ? "descending" : "ascending") : null },
    button(say(column), () => {
      // The best figure is looked for first.
      const isFirst = column !== by;
      writeState({ sort: (isFirst ? column === "figure" : !isDown) ? `-${column}` : column });
      showTable();
    }, { class: "sort", "data-key": column })));
  at("table").replaceChildren(found.length ? make("div", { class: "scrolled", tabindex: 0, role: "group", "aria-label": say("title") },
    make("table", {}, make("thead", {}, make("tr", {}, make("td", {}), ...heads)), make("tbody", {}, ...found.map(makeLine))))
    : make("p", { class: "empty" }, say("none")));
  if (focused) /** @type {any} */ (at("table").querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
}

/** @param {Line} line */
function makeLine({ name, task, family, kind }) {
  const chosen = [readState().get("a"), readState().get("b")];
  const box = make("input", { type: "checkbox", checked: chosen.includes(name), disabled: !task, "aria-label": say("choose", name), "data-key": `box-${name}`,
    change: () => choose(name) });
  return make("tr", { "data-model": name }, make("td", {}, box),
    make("th", { scope: "row" }, make("a", { href: new URL(`models/${encodeURIComponent(name)}`, ROOT).href }, family ? nameFamily(family) : name)),
    make("td", {}, task ? make("a", { href: new URL(`?task=${encodeURIComponent(task)}`, ROOT).href }, nameTask(task)) : say("noCard")),
    make("td", {}, kind ? say("kinds", kind) : "–"), make("td", { class: "figure-cell" }, tellFigure(name)), make("td", { class: "rows-cell" }, tellRows(name)));
}

/** @param {string} name */
function fill(name) {
  const line = at("table")?.querySelector(`[data-model="${CSS.escape(name)}"]`);
  if (!line) return;
  line.querySelector(".figure-cell").replaceChildren(tellFigure(name));
  line.querySelector(".rows-cell").replaceChildren(tellRows(name));
}

/** @param {string} name */
function tellFigure(name) {
  const { metrics } = cards.get(name) ?? { metrics: {} };
  const metric = chooseMetric(metrics);
  if (metric === null) return "–";
  return make("span", {}, make("span", { class: "quiet" }, `${nameMetric(metric)} `), writeFigure(metric, { ...metrics[metric], interval: null }),
    make("span", { class: "told-interval" }, ` ${writeInterval(metric, metrics[metric])}`));
}

/** @param {string} name */
function tellRows(name) {
  const n = cards.get(name)?.provenance.split.held_out;
  return n === undefined ? "–" : number(n, {});
}

/** Returns the lines that have each of the words. @param {string} text */
function findLines(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return lines.filter((line) => {
    const told = [line.name, line.family, line.kind, nameFamily(line.family), nameTask(line.task), line.kind && say("kinds", line.kind)].join(" ").toLowerCase();
    return words.every((word) => told.includes(word));
  });
}

/** @param {Line[]} found @param {typeof COLUMNS[number]} by @param {boolean} isDown */
function sortLines(found, by, isDown) {
  const tasks = sortTasks([...new Set(lines.map(({ task }) => task))]);
  /** @type {Record<string, (line: Line) => string | number>} */
  const keys = {
    model: ({ name, family }) => family ? nameFamily(family) : name,
    task: ({ task }) => tasks.indexOf(task),
    kind: ({ kind }) => say("kinds", kind),
    figure: ({ name }) => {
      const { metrics } = cards.get(name) ?? { metrics: {} };
      return metrics[chooseMetric(metrics) ?? ""]?.value ?? Number.NEGATIVE_INFINITY;
    },
    rows: ({ name }) => cards.get(name)?.provenance.split.held_out ?? -1,
  };
  const compare = (/** @type {string | number} */ a, /** @type {string | number} */ b) => typeof a === "string" ? a.localeCompare(String(b)) : a === b ? 0 : a - Number(b);
  const order = (/** @type {Line} */ a, /** @type {Line} */ b) => compare(keys[by](a), keys[by](b)) * (isDown ? -1 : 1);
  return [...found].sort((a, b) => order(a, b) || compare(keys.task(a), keys.task(b)) || compare(keys.model(a), keys.model(b)));
}

/** Chooses a model or lets it go; a third one takes the place of the first. @param {string} name */
function choose(name) {
  const chosen = [readState().get("a"), readState().get("b")].filter((each) => each !== null);
  const next = chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name].slice(-2);
  writeState({ a: next[0] ?? null, b: next[1] ?? null });
  showTable();
  showChosen();
}

function showChosen() {
  const chosen = [readState().get("a"), readState().get("b")].filter((name) => name !== null && lines.some((line) => line.name === name && line.task));
  const found = chosen.map((name) => cards.get(/** @type {string} */ (name))).filter((card) => card !== undefined);
  if (found.length === 2) {
    at("pair").replaceChildren(showPair([found[0], found[1]], () => {
      writeState({ a: null, b: null });
      showTable();
      showChosen();
    }));
    return;
  }
  at("pair").replaceChildren(...(chosen.length === 1 ? [make("p", { class: "quiet", role: "status" }, say("chooseTwo"))] : []));
}

addEventListener("popstate", () => lines.length && show());
start();
