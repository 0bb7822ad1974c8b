// The page of a file without a card: what its graph takes and answers, a place to try it, and the way to a card.

import { ask, post } from "./api.js";
import { Code } from "./code.js";
import { at, button, make } from "./dom.js";
import { writeNavigation } from "./navigation.js";
import { findLanguage, say } from "./words.js";

const MAX_VALUES = 4096;
/** A dimension that is free has this length in the metadata. */
const FREE = -1;

/**
 * @typedef {{name: string, datatype: string, shape: number[]}} Tensor
 * @typedef {{name: string, versions: string[], inputs: Tensor[], outputs: Tensor[]}} Graph
 */

/** @type {Graph | null} */
let graph = null;
/** What was typed stays where the language changes. @type {string | null} */
let typed = null;

async function start() {
  findLanguage();
  writeFrame();
  try {
    const name = location.pathname.split("/").pop() ?? "";
    graph = await ask(`v2/models/${name}`);
    show();
  } catch (error) {
    at("card").replaceChildren(make("h1", {}, "Veredicto"), make("p", { class: "problem", role: "alert" }, /** @type {Error} */ (error).message));
  }
}

function writeFrame() {
  writeNavigation("models", show);
}

function show() {
  if (!graph) return;
  const { name, versions, inputs, outputs } = graph;
  document.title = `${name} · Veredicto`;
  at("card").replaceChildren(
    make("h1", {}, name),
    make("p", { class: "lead" }, say("graphLead")),
    make("section", {}, make("h2", {}, say("takes")), list(inputs, say("takes"))),
    make("section", {}, make("h2", {}, say("answers")), list(outputs, say("answers"))),
    makeTrial(name, inputs),
    make("section", {}, make("h2", {}, say("giveCard")), make("p", {}, say("giveCardLead")),
      make("pre", { tabindex: 0 }, writeCommand(name)), make("p", { class: "quiet" }, say("withTraining"))),
    make("section", {}, make("h2", {}, say("runs")), make("dl", {}, make("dt", {}, say("version")), make("dd", {}, versions.join(", ")))));
}

/** @param {Tensor[]} tensors @param {string} title */
function list(tensors, title) {
  const heads = [say("tensor"), say("datatype"), say("shape")];
  const lines = tensors.map(({ name, datatype, shape }) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, datatype),
    make("td", {}, shape.map((length) => length === FREE ? say("anyLength") : length).join(" × ") || "1")));
  return make("div", { class: "scrolled", tabindex: 0, role: "group", "aria-label": title }, make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each)))), make("tbody", {}, ...lines)));
}

/** @param {string} name @param {Tensor[]} inputs */
function makeTrial(name, inputs) {
  const path = `v2/models/${encodeURIComponent(name)}/infer`;
  const text = make("textarea", { id: "tensors", rows: 8, spellcheck: "false" });
  const answer = make("pre", { tabindex: 0, role: "status", hidden: true });
  const problem = make("p", { class: "problem", role: "alert" });
  const code = new Code();
  text.value = typed ?? writeTensors(inputs);

  function tell() {
    const body = read(text.value);
    problem.textContent = body === undefined ? say("notJson") : "";
    if (body !== undefined) code.show({ path: `../${path}`, body });
    return body;
  }
  text.addEventListener("input", () => {
    typed = text.value;
    tell();
  });
  async function run() {
    const body = tell();
    answer.hidden = true;
    if (body === undefined) return;
    try {
      const { outputs } = await post(path, body);
      answer.textContent = outputs.map((/** @type {any} */ each) => `${each.name} ${each.datatype} [${each.shape.join(", ")}]\n${JSON.stringify(each.data)}`).join("\n\n");
      answer.hidden = false;
    } catch (error) {
      problem.replaceChildren(say("serverSays"), make("span", { lang: "en" }, /** @type {Error} */ (error).message));
    }
  }
  tell();
  return make("section", { class: "trial" }, make("h2", {}, say("tryIt")), make("p", { class: "quiet" }, say("tryItLead")),
    make("label", { for: "tensors", class: "unseen" }, say("tensors")), text,
    make("div", { class: "buttons" }, button(say("run"), run, { class: "hard" })), problem, answer, code.element);
}

/** Returns tensors of zeros, as the protocol takes them. @param {Tensor[]} inputs */
function writeTensors(inputs) {
  const tensors = inputs.map(({ name, datatype, shape }) => {
    const lengths = shape.map((length) => length === FREE ? 1 : length);
    const n = lengths.reduce((product, length) => product * length, 1);
    const value = datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0;
    return { name, datatype, shape: lengths, data: new Array(Math.min(n, MAX_VALUES)).fill(value) };
  });
  return `{"inputs": [\n${tensors.map((each) => `  ${JSON.stringify(each)}`).join(",\n")}\n]}`;
}

/** @param {string} text @returns {any} the JSON, undefined where it is none */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the command that gives a file its card, as the service names it. @param {string} name */
function writeCommand(name) {
  const task = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "") || "my_task";
  const file = `${name}.onnx`;
  const quoted = /^[\w@%+=:,./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\"'\"'")}'`;
  return `veredicto adopt ${quoted} --task ${task} --data test.csv --target COLUMN`;
}

start();
