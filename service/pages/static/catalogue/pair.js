// Two models side by side, line by line, as their cards say.

import { ROOT } from "../api.js";
import { button, make } from "../dom.js";
import { nameClass, nameFamily, nameTask } from "../names.js";
import { number } from "../words.js";
import { OF_PROBABILITIES, isVote, nameMetric, writeFigure } from "./figures.js";
import { say } from "./words.js";

const MAX_CLASSES = 10;

/** @param {[any, any]} cards @param {() => void} close */
export function showPair(cards, close) {
  const heads = cards.map(({ name, family }) => make("th", { scope: "col" },
    make("a", { href: new URL(`models/${encodeURIComponent(name)}`, ROOT).href }, nameFamily(family))));
  const lines = listLines(cards).map(([name, values]) => make("tr", {}, make("th", { scope: "row" }, name),
    ...values.map((value) => make("td", {}, value ?? "–"))));
  const [a, b] = cards;
  const isContest = a.task === b.task && a.kind === "classifier" && b.kind === "classifier";
  const query = new URLSearchParams({ task: a.task, a: a.name, b: b.name });
  return make("section", { class: "beside-models" },
    make("div", { class: "titled" }, make("h2", {}, say("beside")),
      isContest ? make("a", { href: new URL(`trust?${query}`, ROOT).href }, say("real")) : null, button(say("close"), close)),
    make("div", { class: "scrolled", tabindex: 0, role: "group", "aria-label": say("beside") }, make("table", {},
      make("thead", {}, make("tr", {}, make("td", {}), ...heads)), make("tbody", {}, ...lines))));
}

/** Returns the lines: a name, and what each of the two says. @param {any[]} cards @returns {[string, any[]][]} */
function listLines(cards) {
  const metrics = [...new Set(cards.flatMap((card) => Object.keys(card.metrics)))];
  /** @type {[string, (card: any) => any][]} */
  const lines = [
    [say("task"), ({ task }) => nameTask(task)],
    [say("kind"), ({ kind }) => say("kinds", kind)],
    [say("summary"), ({ summary }) => make("span", { lang: "en" }, summary)],
    ...metrics.map((name) => /** @type {[string, (card: any) => any]} */ ([nameMetric(name), (card) => writeFigure(name, isVote(card.metrics) && OF_PROBABILITIES.includes(name) ? undefined : card.metrics[name])])),
    [say("classes"), ({ classes }) => classes && writeClasses(classes)],
    [say("data"), ({ provenance }) => make("span", { lang: "en" }, provenance.data_set)],
    [say("split"), ({ provenance }) => Object.entries(provenance.split).map(([part, n]) => `${say("parts", part)} ${number(/** @type {number} */ (n), {})}`).join(", ")],
    [say("loads"), ({ runtime }) => runtime && `${number(runtime.load_ms, { maximumSignificantDigits: 2 })}\u00a0ms`],
    [say("version"), ({ version }) => version],
  ];
  return lines.map(([name, read]) => [name, cards.map(read)]);
}

/** @param {string[]} classes */
function writeClasses(classes) {
  return classes.slice(0, MAX_CLASSES).map(nameClass).join(", ") + (classes.length > MAX_CLASSES ? `… (${classes.length})` : "");
}
