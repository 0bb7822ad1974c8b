// The page on whom to trust: a task, a metric, two models; held-out rows, or a person's own.

import { Refusal, Unreachable, ask } from "../api.js";
import { notice, waitForServer } from "../notices.js";
import { at, button, make } from "../dom.js";
import { listTabs, loadCard, loadModels } from "../models.js";
import { nameTask } from "../names.js";
import { writeNavigation } from "../navigation.js";
import { readState, writeState } from "../state.js";
import { writeTabs } from "../tabs.js";
import { findLanguage } from "../words.js";
import { makePrices, showCosts } from "./costs.js";
import { showDisagreements } from "./disagreements.js";
import { showIntervals } from "./intervals.js";
import { askForLabel, download, judge, makeZone, readOwnData, watchDrops } from "./own_data.js";
import { showPair } from "./pair.js";
import { showProbabilities } from "./probabilities.js";
import { makeReport } from "./report.js";
import { writeSummary } from "./sentence.js";
import { METRICS, rank, readView } from "./view.js";
import { say } from "./words.js";

/** @type {import("../models.js").Tab[]} */
let tabs = [];
/** @type {import("../models.js").Card | null} */
let card = null;
/** @type {import("./own_data.js").OwnData | null} */
let own = null;
/** @type {import("./view.js").View | null} */
let view = null;
/** @type {number[][]} */
let prices = [];
let threshold = 0.9;
let turn = 0;

async function start() {
  findLanguage();
  writeFrame();
  try {
    const { models } = await loadModels();
    tabs = listTabs(models).filter(({ kind }) => kind === "classifier");
    if (!tabs.length) {
      at("tabs").hidden = true;
      at("verdict").replaceChildren(make("p", { class: "empty" }, say("nothing")));
      return;
    }
    notice();
    show();
  } catch (error) {
    await tell(error, start);
  }
}

function writeFrame() {
  document.title = `${say("title")} · Veredicto`;
  at("title").textContent = say("title");
  at("lead").textContent = say("lead");
  at("skip").textContent = say("skip");
  writeNavigation("trust", () => {
    writeFrame();
    if (tabs.length) redraw();
    else at("verdict").replaceChildren(make("p", { class: "empty" }, say("nothing")));
  });
}

/** Tells what went wrong, and goes on once the server is there again. @param {any} error @param {() => void} again */
async function tell(error, again) {
  const mine = turn;
  if (error instanceof Unreachable) {
    notice(error.message);
    await waitForServer(() => mine === turn);
    if (mine === turn) again();
    return;
  }
  const said = error?.constructor === Error ? [error.message] : [say("serverSays"), make("span", { lang: "en" }, error.message)];
  notice(...said);
}

function chosenTab() {
  return tabs.find(({ id }) => id === readState().get("task")) ?? tabs[0];
}

function chosenMetric() {
  return METRICS.find((each) => each === readState().get("by")) ?? METRICS[0];
}

/** Fetches the verdict that the address asks for, and shows it. */
async function show() {
  const mine = ++turn;
  const tab = chosenTab();
  writeHead(tab);
  try {
    card = await loadCard(tab.members[0].name);
    const answer = own ? await judge(own, chosenMetric()) : await fetchVerdict(tab, card);
    if (mine !== turn) return;
    const wasOf = view?.task;
    view = readView(answer, chosenMetric());
    if (wasOf !== view.task || prices.length !== view.classes.length) prices = makePrices(view.classes);
    notice();
    redraw();
  } catch (error) {
    if (mine !== turn) return;
    if (own) {
      own = null;
      await tell(error, show);
      if (view) redraw();
      return;
    }
    view = null;
    at("verdict").classList.remove("waiting");
    at("verdict").replaceChildren(make("p", { class: "empty" }, say("noVerdict"), " ", make("span", { lang: error instanceof Refusal ? "en" : null }, /** @type {any} */ (error).message)));
    if (error instanceof Unreachable) await tell(error, show);
    else at("verdict").append(makeZone(takeDropped, isOfImages(tab)));
  }
}

/**
 * Asks for the verdict on held-out rows; a lone model that was not judged on any here has none, which needs no question.
 * @param {import("../models.js").Tab} tab
 * @param {import("../models.js").Card} of
 */
function fetchVerdict({ task, members }, of) {
  if (members.length === 1 && !of.provenance?.split.train) throw new Error(say("noRows"));
  return ask(`tasks/${encodeURIComponent(task)}/verdict?by=${chosenMetric()}&curves=1`);
}

/** @param {import("../models.js").Tab} tab */
function writeHead(tab) {
  writeTabs(tabs, tab, nameTabShortly, (chosen) => {
    own = null;
    writeState({ task: chosen.id, a: null, b: null }, { step: true });
    show();
  }, "verdict", say("tasks"));
  at("verdict").setAttribute("aria-label", nameTask(tab.task));
  at("verdict").classList.add("waiting");
}

/** @param {import("../models.js").Tab} tab */
function nameTabShortly(tab) {
  return nameTask(tab.task);
}

/** Shows the view anew, after a choice that needs no new numbers. */
async function redraw() {
  const tab = chosenTab();
  writeHead(tab);
  at("verdict").classList.toggle("waiting", false);
  if (!view) return;

  const mine = turn;
  const shown = view;
  const pair = choosePair(shown);
  const focused = describeFocus();
  at("verdict").replaceChildren(...[
    writeSentence(shown, tab), writeMetrics(),
    make("div", { class: "columns" },
      showIntervals(shown, pair, (model) => pick(shown, model)),
      shown.models.length > 1 ? showPair(shown, pair, ([a, b]) => keepPair(a, b)) : null),
    own ? null : makeZone(takeDropped, isOfImages(tab)),
    make("div", { class: "parts" }, writeProbabilities(shown), showCosts(shown, prices, (kept) => { prices = kept; })),
    make("div", { id: "disagreements" }), writeWords(shown),
  ].filter((each) => each !== null));
  focused?.();

  const found = await showDisagreements(shown, own).catch(() => null);
  if (mine === turn && view === shown && found) at("disagreements")?.replaceChildren(found);
}

/** Returns what gives the focus back to the control that had it. */
function describeFocus() {
  const held = document.activeElement;
  if (!(held instanceof HTMLElement) || !at("verdict").contains(held)) return null;
  const all = [...at("verdict").querySelectorAll(held.tagName)];
  const place = all.indexOf(held);
  const { tagName } = held;
  return () => at("verdict").querySelectorAll(tagName)[place]?.focus({ preventScroll: true });
}

/** @param {import("./view.js").View} shown @returns {[string, string]} */
function choosePair(shown) {
  const names = shown.models.map(({ model }) => model);
  const state = readState();
  const [a, b] = [state.get("a"), state.get("b")];
  const ranked = rank(shown);
  const first = a && names.includes(a) ? a : shown.leader;
  const second = b && names.includes(b) && b !== first ? b : ranked.find((each) => each !== first) ?? first;
  return [first, second];
}

/** @param {string} a @param {string} b */
function keepPair(a, b) {
  writeState({ a, b });
  redraw();
}

/** Puts a model beside the first of the pair, or swaps the two where it is the first. @param {import("./view.js").View} shown @param {string} model */
function pick(shown, model) {
  const [a, b] = choosePair(shown);
  keepPair(model === a ? b : a, model === a ? a : model);
}

/** @param {import("./view.js").View} shown @param {import("../models.js").Tab} tab */
function writeSentence(shown, tab) {
  return make("div", { class: "sentences" }, writeSummary(shown, own ? "onOwn" : "onHeldOut"), own ? writeOwn(shown, tab) : null);
}

/** @param {import("./view.js").View} shown @param {import("../models.js").Tab} tab */
function writeOwn(shown, tab) {
  const { evidence, rows } = shown;
  const { name: file } = /** @type {import("./own_data.js").OwnData} */ (own);
  return make("div", { class: "downloads" }, make("p", {}, [say("ofYours", file, rows), ...tellLearnt(shown)].join(" ")),
    make("p", { class: "quiet", lang: "en" }, (evidence.notes ?? []).join("; ")),
    make("div", { class: "buttons" },
      button(say("evidence"), () => download(`${tab.task}-evidence.json`, JSON.stringify(evidence), "application/json")),
      button(say("report"), () => {
        const title = say("reportTitle", nameTask(tab.task), file);
        download(`${tab.task}-report.html`, makeReport(title, at("verdict")), "text/html");
      }),
      button(say("back"), () => { own = null; show(); })));
}

/** Says which of a person's rows models were learnt from, as far as their files tell. @param {import("./view.js").View} shown */
function tellLearnt({ evidence, models, name }) {
  const { n_learnt, learnt_by, learnt_rows, learnt_unknown } = evidence.data;
  const learners = Object.keys(learnt_rows);
  const unknown = learnt_unknown.filter((/** @type {string} */ each) => !learnt_by.includes(each));
  const told = [];
  if (n_learnt) told.push(say("learnt", n_learnt, learners.map(name), learners.length === models.length));
  else if (!learnt_unknown.length && !learnt_by.length) told.push(say("notLearnt"));
  if (learnt_by.length) told.push(say("learntBy", learnt_by.map(name)));
  if (unknown.length) told.push(say("learntUnknown", unknown.map(name), unknown.length === models.length));
  return told;
}

function writeMetrics() {
  const chosen = chosenMetric();
  return make("div", { class: "metrics choices", role: "group", "aria-label": say("metrics") }, ...METRICS.map((metric) =>
    button(say(metric), () => {
      writeState({ by: metric === METRICS[0] ? null : metric });
      show();
    }, { "aria-pressed": metric === chosen })));
}

/** @param {import("./view.js").View} shown */
function writeProbabilities(shown) {
  const wished = readState().get("m");
  const model = shown.models.some((each) => each.model === wished) ? wished : shown.leader;
  return showProbabilities(shown, /** @type {string} */ (model), threshold, (chosen, value) => {
    threshold = value;
    writeState({ m: chosen });
    if (chosen !== model) redraw();
  });
}

/** @param {import("./view.js").View} shown */
function writeWords({ headline, findings, leftOut, name }) {
  const left = Object.entries(leftOut).map(([model, why]) => make("li", {}, say("leftOut"), name(model), ": ", make("span", { lang: "en" }, why)));
  return make("details", { class: "words" }, make("summary", {}, say("words")),
    make("div", { lang: "en" }, make("p", {}, make("b", {}, headline)), make("ul", {}, ...findings.map((each) => make("li", {}, each)))),
    left.length ? make("ul", {}, ...left) : null);
}

/** @param {import("../models.js").Tab} tab */
function isOfImages(tab) {
  return card?.task === tab.task && card.input.type === "image";
}

/** @param {import("./own_data.js").Dropped[]} dropped */
async function takeDropped(dropped) {
  const mine = ++turn;
  try {
    const found = await readOwnData(dropped, chosenTab(), tabs, (choices, guess) => askForLabel(at("notices"), choices, guess));
    if (mine !== turn) return;
    own = found;
    notice(say("judging"));
    if (found.task !== chosenTab().task) writeState({ task: found.task, a: null, b: null }, { step: true });
    await show();
    if (own) at("verdict").scrollIntoView({ block: "start" });
  } catch (error) {
    await tell(error, () => takeDropped(dropped));
  }
}

watchDrops(document.body, (dropped) => tabs.length && takeDropped(dropped));
addEventListener("popstate", () => {
  own = null;
  if (tabs.length) show();
});
start();
