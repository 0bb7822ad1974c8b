// The page of a model: what it is for, how it was measured, on what, and how it was made, as its card says.

import { ask } from "./api.js";
import { OF_PROBABILITIES, isVote, nameMetric } from "./catalogue/figures.js";
import { say as sayOfModels } from "./catalogue/words.js";
import { at, make } from "./dom.js";
import { nameClass, nameFamily, nameTask } from "./names.js";
import { writeNavigation } from "./navigation.js";
import { findLanguage, number, say } from "./words.js";

const SHARES = ["accuracy", "balanced_accuracy", "macro_f1"];
const MAX_CLASSES = 30;
/** @type {any} */
let card = null;

async function start() {
  findLanguage();
  writeFrame();
  try {
    const name = location.pathname.split("/").pop() ?? "";
    card = await ask(`models/${name}`, { headers: { Accept: "application/json" } });
    show();
  } catch (error) {
    at("card").replaceChildren(make("h1", {}, "Veredicto"), make("p", { class: "problem", role: "alert" }, /** @type {Error} */ (error).message));
  }
}

function writeFrame() {
  writeNavigation("models", show);
}

function show() {
  if (!card) return;
  const { name, task, family, summary, metrics, train_metrics: learnt = {}, provenance, licence, runtime, version } = card;
  document.title = `${name} · Veredicto`;
  at("card").replaceChildren(
    make("p", { class: "quiet" }, make("a", { href: `../?task=${encodeURIComponent(task)}` }, nameTask(task))),
    make("h1", {}, nameFamily(family)),
    make("p", { class: "lead", lang: "en" }, summary),
    part("measured", showMetrics(metrics, learnt)),
    part("madeFrom", list([
      [say("dataSet"), provenance.data_set],
      [say("rows"), Object.entries(provenance.split).map(([each, n]) => `${sayOfModels("parts", each)} ${number(/** @type {number} */ (n), {})}`).join(", ")],
      [say("classes"), card.classes ? listClasses(card.classes) : null],
      [say("seed").toLowerCase(), provenance.seed],
      [say("licence"), licence],
    ])),
    part("runs", list([
      [say("file"), `${name}.onnx`],
      [say("version"), version],
      [say("runsOn"), runtime?.providers?.join(", ")],
    ])),
    part("again", make("pre", { tabindex: 0 }, provenance.command)),
    make("details", {}, make("summary", {}, say("wholeCard")),
      make("pre", { tabindex: 0, class: "whole" }, JSON.stringify(card, null, 2))));
}

/** @param {"measured" | "madeFrom" | "runs" | "again"} title @param {Node} content */
function part(title, content) {
  return make("section", {}, make("h2", {}, say(title)), content);
}

/** @param {[string, any][]} entries */
function list(entries) {
  return make("dl", {}, ...entries.filter(([, value]) => value != null && value !== "").flatMap(([name, value]) =>
    [make("dt", {}, name), make("dd", {}, String(value))]));
}

/**
 * Shows each metric on held-out rows with its interval, beside that on the rows it learnt from.
 * @param {Record<string, {value: number | null, interval: [number, number] | null}>} metrics
 * @param {Record<string, {value: number | null}>} learnt
 */
function showMetrics(metrics, learnt) {
  const shown = isVote(metrics) ? Object.entries(metrics).filter(([name]) => !OF_PROBABILITIES.includes(name)) : Object.entries(metrics);
  const lines = shown.filter(([, { value }]) => value != null).map(([name, { value, interval }]) => {
    const write = (/** @type {number} */ each) => SHARES.includes(name)
      ? `${number(100 * each, { maximumFractionDigits: 1, minimumFractionDigits: 1 })}\u00a0%` : number(each, { maximumSignificantDigits: 3 });
    const own = learnt[name]?.value;
    return make("tr", {}, make("th", { scope: "row" }, nameMetric(name)),
      make("td", {}, write(/** @type {number} */ (value))),
      make("td", {}, interval ? interval.map(write).join(" – ") : ""),
      make("td", {}, own == null ? "" : write(own)));
  });
  const heads = [say("metric"), say("heldOut"), say("interval"), say("learntRows")];
  const table = make("div", { class: "scrolled", tabindex: 0, role: "group", "aria-label": say("measured") }, make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each)))), make("tbody", {}, ...lines)));
  return isVote(metrics) ? make("div", {}, table, make("p", { class: "quiet" }, `${say("voteTitle")}.`)) : table;
}

/** @param {string[]} classes */
function listClasses(classes) {
  return classes.slice(0, MAX_CLASSES).map(nameClass).join(", ") + (classes.length > MAX_CLASSES ? `… (${classes.length})` : "");
}

start();
