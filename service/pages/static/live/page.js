// The live page: champion and challengers of a task, the verdict so far, and the labels that would say most.

import { Unreachable, ask, post } from "../api.js";
import { at, button, make } from "../dom.js";
import { drawDigit } from "../digit.js";
import { nameFeature } from "../feature_names.js";
import { listTabs, loadModels } from "../models.js";
import { nameClass, nameFamily, nameTask } from "../names.js";
import { writeNavigation } from "../navigation.js";
import { notice, waitForServer } from "../notices.js";
import { readState, writeState } from "../state.js";
import { writeTabs } from "../tabs.js";
import { at as share, draw, drawInterval, makeScale } from "../trust/svg.js";
import { writeFigure } from "../trust/view.js";
import { findLanguage, number, percent, writeValue } from "../words.js";
import { drawCurve } from "./curve.js";
import { say } from "./words.js";

const LOOK_AGAIN_MS = 3000;
const N_WANTED = 6;
const N_PIXELS = 64;
const MAX_VALUES = 4;
const NOT_YET = "not shown yet";
const ACCURACY = "accuracy";
const SHARES = [ACCURACY, "balanced_accuracy"];

/** @type {import("../models.js").Tab[]} */
let tabs = [];
/** @type {Set<string>} rows whose truth was told here */
const told = new Set();
/** @type {{comparison: any, wanted: any} | null} */
let latest = null;
let turn = 0;

async function start() {
  findLanguage();
  writeFrame();
  try {
    const { models } = await loadModels();
    tabs = listTabs(models).filter(({ kind }) => kind === "classifier");
    notice();
    if (tabs.length) watch();
    else showNothing();
  } catch (error) {
    await tell(error, start);
  }
}

function showNothing() {
  at("tabs").hidden = true;
  at("live").replaceChildren(make("p", { class: "empty" }, say("nothing")));
}

function writeFrame() {
  document.title = `${say("title")} · Veredicto`;
  at("title").textContent = say("title");
  at("lead").textContent = say("lead");
  at("skip").textContent = say("skip");
  writeNavigation("live", () => {
    writeFrame();
    if (!tabs.length) showNothing();
    else if (latest) show(chosenTab());
  });
}

/** @param {any} error @param {() => void} again */
async function tell(error, again) {
  const mine = turn;
  if (!(error instanceof Unreachable)) {
    notice(say("serverSays"), make("span", { lang: "en" }, error.message));
    return;
  }
  notice(error.message);
  await waitForServer(() => mine === turn);
  if (mine === turn) again();
}

function chosenTab() {
  return tabs.find(({ id }) => id === readState().get("task")) ?? tabs[0];
}

/** Looks at the task that is chosen again and again, as long as it is and the page is looked at. */
async function watch() {
  const mine = ++turn;
  const tab = chosenTab();
  latest = null;
  writeHead(tab);
  try {
    while (mine === turn) {
      if (!document.hidden) await look(tab, () => mine === turn);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  } catch (error) {
    if (mine === turn) await tell(error, watch);
  }
}

/** @param {import("../models.js").Tab} tab @param {() => boolean} isWanted */
async function look(tab, isWanted) {
  const task = encodeURIComponent(tab.task);
  const comparison = await ask(`tasks/${task}/comparison${await findQuery(task)}`);
  const wanted = comparison.window.rows && comparison.champion ? await ask(`tasks/${task}/to-label?n=${N_WANTED}`) : null;
  if (!isWanted()) return;
  const before = JSON.stringify(latest);
  latest = { comparison, wanted };
  notice();
  if (JSON.stringify(latest) !== before) show(tab);
}

/** Returns the query of the metric that the address names, of accuracy where the server has no test by it. @param {string} task */
async function findQuery(task) {
  const by = readState().get("by") ?? ACCURACY;
  if (by === ACCURACY) return "?curves=1";
  const { metrics } = latest?.comparison ?? await ask(`tasks/${task}/comparison`);
  return metrics.includes(by) ? `?by=${by}&curves=1` : "?curves=1";
}

/** @param {import("../models.js").Tab} tab */
function writeHead(tab) {
  writeTabs(tabs, tab, ({ task }) => nameTask(task), (chosen) => {
    writeState({ task: chosen.id }, { step: true });
    watch();
  }, "live", say("tasks"));
  at("live").setAttribute("aria-label", nameTask(tab.task));
}

/** @param {import("../models.js").Tab} tab */
function show(tab) {
  writeHead(tab);
  if (!latest) return;
  const { comparison, wanted } = latest;
  const families = new Map(tab.members.map(({ name, family }) => [name, nameFamily(family)]));
  const name = (/** @type {string} */ model) => families.get(model) ?? model;
  if (!comparison.window.rows) {
    at("live").replaceChildren(showOff(tab));
    return;
  }

  const focused = document.activeElement?.getAttribute("data-key");
  at("live").replaceChildren(...[
    make("p", { class: "sentence" }, say("counts", number(comparison.window.rows, {}), number(comparison.window.labelled, {}))),
    comparison.tests.length ? showMetrics(comparison) : null,
    showTests(tab, comparison.tests, name),
    make("div", { class: "parts" }, showModels(comparison, name), showDrift(comparison.task, comparison.drift)),
    wanted ? showWanted(wanted, name) : null,
  ].filter((each) => each !== null));
  if (focused) /** @type {any} */ (at("live").querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
}

/** Shows what challengers may be tested by. @param {any} comparison */
function showMetrics({ metrics, by }) {
  return make("div", { class: "metrics choices", role: "group", "aria-label": say("metrics") }, ...metrics.map((/** @type {string} */ metric) =>
    button(nameMetric(metric), () => {
      writeState({ by: metric === ACCURACY ? null : metric });
      watch();
    }, { "aria-pressed": metric === by, "data-key": `by/${metric}` })));
}

/** @param {string} metric */
function nameMetric(metric) {
  return say(/** @type {any} */ (metric));
}

/** Says how to switch it on. @param {import("../models.js").Tab} tab */
function showOff(tab) {
  return make("div", { class: "empty" }, make("p", { class: "sentence" }, make("b", {}, say("off"))), make("p", {}, say("offMore")),
    make("pre", { tabindex: 0 }, `VEREDICTO_JOURNAL=journal.db VEREDICTO_SHADOW=${tab.task}:${tab.members[0].name} veredicto serve`),
    make("p", { class: "quiet" }, say("offWaiting")));
}

/** @param {any} comparison @param {(model: string) => string} name */
function showModels({ models, champion }, name) {
  const known = models.filter((/** @type {any} */ each) => each.accuracy.value !== null);
  const scale = makeScale(known.length ? known.flatMap((/** @type {any} */ { accuracy }) => [accuracy.value, ...(accuracy.interval ?? [])]) : [0, 1], { most: 1 });
  const ticks = scale.ticks.map(scale.place);
  const lines = models.map((/** @type {any} */ { model, accuracy, rows, accuracy_without_labels: guess, alarm }) => {
    const figure = accuracy.value === null ? make("span", { class: "quiet" }, say("noLabel"))
      : drawInterval({ value: scale.place(accuracy.value), interval: accuracy.interval?.map(scale.place) ?? null }, ticks, model === champion ? "best" : "");
    const notes = [alarm?.raised ? make("span", { class: "wrongly" }, say("alarm")) : null,
      guess?.value != null ? make("span", { class: "quiet" }, say("without", percent(guess.value))) : null].filter((each) => each !== null);
    return make("li", {}, make("div", { class: model === champion ? "model champion" : "model" }, make("span", { class: "family" }, name(model)), figure,
      make("span", { class: "figure" }, accuracy.value === null ? say("answered", rows) : writeFigure("accuracy", accuracy))),
      notes.length ? make("p", { class: "notes" }, ...notes) : null);
  });
  const axis = draw("svg", { class: "axis", "aria-hidden": "true" }, ...scale.ticks.map((tick) =>
    draw("text", { x: share(scale.place(tick)), y: 12, "text-anchor": "middle" }, `${number(100 * tick, { maximumFractionDigits: 1 })}\u00a0%`)));
  return make("section", { class: "part" }, make("h2", {}, say("accuracies")),
    champion ? make("p", { class: "quiet" }, make("span", { class: "key" }), `${say("champion")}: ${name(champion)}`) : null,
    make("div", {}, make("ol", { class: "lines" }, ...lines), known.length ? make("div", { class: "axes" }, axis) : null));
}

/**
 * Shows each challenger's difference from the champion on one scale, and beside them the curve of the one that is chosen.
 * @param {import("../models.js").Tab} tab
 * @param {any[]} tests
 * @param {(model: string) => string} name
 */
function showTests(tab, tests, name) {
  if (!tests.length) return null;
  const { by } = tests[0];
  const wished = readState().get("c");
  const chosen = tests.find(({ challenger }) => challenger === wished) ?? tests.find(({ verdict }) => verdict !== NOT_YET) ?? tests[0];
  const scale = makeScale([0, ...tests.flatMap(({ interval, difference }) => difference === null ? [] : interval)]);
  const ticks = scale.ticks.map(scale.place);
  const lines = tests.map(({ challenger, difference, interval, verdict, reason }) => {
    const line = button("", () => {
      writeState({ c: challenger });
      show(tab);
    }, { class: "model", "aria-pressed": challenger === chosen.challenger, "data-key": challenger });
    const shown = verdict === NOT_YET ? "" : "best";
    line.append(make("span", { class: "family" }, name(challenger)), difference === null ? make("span", { class: "quiet" }, reason ? "–" : say("noLabel"))
      : drawInterval({ value: scale.place(difference), interval: interval.map(scale.place) }, ticks, shown),
    make("span", { class: "figure" }, difference === null ? "" : writeDifference(difference, by)));
    return make("li", {}, line);
  });
  const axis = draw("svg", { class: "axis", "aria-hidden": "true" }, ...scale.ticks.map((tick) =>
    draw("text", { x: share(scale.place(tick)), y: 12, "text-anchor": "middle" }, writeDifference(tick, by))));
  return make("div", { class: "parts" }, make("section", { class: "part" },
    make("h2", {}, say(SHARES.includes(by) ? "against" : "lessThan", nameMetric(by), name(chosen.champion))), make("p", { class: "quiet" }, make("span", { class: "key" }), say("anyTime")),
    make("div", {}, make("ol", { class: "lines" }, ...lines), make("div", { class: "axes" }, axis))), showTest(chosen, name));
}

/** @param {any} test @param {(model: string) => string} name */
function showTest(test, name) {
  const { champion, challenger, verdict, rows, only_challenger, only_champion, by, reason, curve } = test;
  /** @type {Record<string, any>} */
  const words = { "challenger better": "betterChallenger", "champion better": "betterChampion" };
  return make("section", { class: "part" }, make("h2", {}, say(words[verdict] ?? "notYet", name(challenger), name(champion), nameMetric(by))),
    make("p", { class: "quiet" }, say("test", number(rows, {}), only_challenger, only_champion)),
    reason ? make("p", { class: "quiet", lang: "en" }, `${reason}.`) : null,
    curve.length ? drawCurve(curve, say("curve", name(challenger), nameMetric(by)), (value) => writeDifference(value, by)) : null);
}

/** Writes a difference in points, or in the unit of a loss. @param {number} share @param {string} by */
function writeDifference(share, by) {
  if (!SHARES.includes(by)) return number(share, { maximumSignificantDigits: 3, signDisplay: "exceptZero" });
  return `${number(100 * share, { maximumFractionDigits: 1, signDisplay: "exceptZero" })}\u00a0%`;
}

/** @param {string} task @param {any} drift */
function showDrift(task, drift) {
  if (!drift) return null;
  return make("section", { class: "part" }, make("h2", {}, say("drift")),
    make("p", {}, drift.drifted.length ? say("drifted", drift.drifted.map((/** @type {string} */ each) => nameFeature(task, each)).join(", ")) : say("noDrift")));
}

/** Shows the rows that wait for their truth, which can be told here. @param {any} wanted @param {(model: string) => string} name */
function showWanted({ to_label: rows, classes }, name) {
  const left = rows.filter((/** @type {any} */ { id }) => !told.has(id));
  return make("section", { class: "part" }, make("h2", {}, say("wanted")), left.length
    ? make("p", { class: "quiet" }, say("wantedLead")) : make("p", { class: "quiet" }, say("noneWanted")),
    make("ul", { class: "rows" }, ...left.map((/** @type {any} */ row) => make("li", {}, make("div", {}, showInputs(row.inputs),
      make("span", { class: "row-told" }, showSaid(row.predictions, name), make("span", { class: "choices" }, ...classes.map((/** @type {string} */ label) =>
        button(nameClass(label), () => tellTruth(row.id, label), { "data-key": `${row.id}/${label}` })))))))));
}

/** @param {Record<string, string>} predictions @param {(model: string) => string} name */
function showSaid(predictions, name) {
  /** @type {Map<string, string[]>} */
  const by = new Map();
  for (const [model, label] of Object.entries(predictions)) by.set(label, [...(by.get(label) ?? []), name(model)]);
  return make("span", {}, [...by].map(([label, names]) => say("says", nameClass(label), names.join(", "))).join("; "));
}

/** @param {any} inputs */
function showInputs(inputs) {
  const values = inputs && !Array.isArray(inputs) ? Object.values(inputs) : inputs;
  if (!values) return make("span", { class: "quiet" }, say("image"));
  if (values.length === N_PIXELS) return drawDigit(values);
  return make("span", { class: "values quiet" }, values.slice(0, MAX_VALUES).map(writeValue).join(" · "), values.length > MAX_VALUES ? " …" : "");
}

/** Tells the truth of a row. @param {string} id @param {string} label */
async function tellTruth(id, label) {
  try {
    await post("feedback", { id, label });
    told.add(id);
    notice(say("thanks"));
    show(chosenTab());
  } catch (error) {
    await tell(error, watch);
  }
}

addEventListener("popstate", () => tabs.length && watch());
start();
