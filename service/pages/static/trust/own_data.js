// A person's own labelled rows or images: dropped here, judged by the service, and kept nowhere but in this page.

import { ask } from "../api.js";
import { joinColumns } from "../columns.js";
import { button, make } from "../dom.js";
import { readNames } from "../lines.js";
import { loadCard } from "../models.js";
import { nameTask } from "../names.js";
import { number } from "../words.js";
import { say } from "./words.js";

const HEAD_BYTES = 100_000;
const IMAGE = /\.(jpe?g|png|webp|bmp|gif)$/i;
const TRUTHS = ["label", "labels", "target", "class", "y", "truth", "clase", "etiqueta"];

/**
 * @typedef {object} OwnData
 * @property {string} task
 * @property {string} name
 * @property {File | null} table
 * @property {string | null} label the column of a table
 * @property {{file: File, label: string}[]} images
 * @property {Map<string, File>} pictures by the place that the evidence has of each
 */
/** @typedef {{file: File, folder: string}} Dropped */

/**
 * Makes the place where data is dropped or chosen.
 * @param {(dropped: Dropped[]) => void} take
 * @param {boolean} areImages
 */
export function makeZone(take, areImages) {
  const input = make("input", { type: "file", id: "own", class: "unseen", multiple: areImages, webkitdirectory: areImages,
    accept: areImages ? "image/*" : ".csv,.tsv,.txt,text/csv", change: () => {
      take([...input.files].map((file) => ({ file, folder: (file.webkitRelativePath ?? "").split("/").at(-2) ?? "" })));
      input.value = "";
    } });
  return make("div", { class: "own" }, make("div", {}, make("b", {}, say("own")), " ", make("span", { class: "quiet" }, say(areImages ? "ownImages" : "ownTable"))),
    input, make("label", { for: "own", class: "button" }, say(areImages ? "chooseFolder" : "chooseTable")));
}

/**
 * Takes what is dropped anywhere on the page; folders are walked.
 * @param {HTMLElement} page
 * @param {(dropped: Dropped[]) => void} take
 */
export function watchDrops(page, take) {
  page.addEventListener("dragover", (event) => {
    event.preventDefault();
    page.classList.add("over");
  });
  page.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) page.classList.remove("over");
  });
  page.addEventListener("drop", async (event) => {
    event.preventDefault();
    page.classList.remove("over");
    const items = [...(event.dataTransfer?.items ?? [])];
    const entries = items.map((each) => each.webkitGetAsEntry?.()).filter((each) => each != null);
    const files = [...(event.dataTransfer?.files ?? [])].map((file) => ({ file, folder: "" }));
    take(entries.some((each) => each.isDirectory) ? (await Promise.all(entries.map((each) => walk(each, "")))).flat() : files);
  });
}

/** @param {any} entry @param {string} folder @returns {Promise<Dropped[]>} */
async function walk(entry, folder) {
  if (entry.isFile) return [{ file: await new Promise((done, fail) => entry.file(done, fail)), folder }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map((each) => walk(each, entry.name)))).flat();
}

/**
 * Returns the data of what was dropped, once it is known for which task and which column has the truth.
 * @param {Dropped[]} dropped
 * @param {import("../models.js").Tab} tab the task that is open
 * @param {import("../models.js").Tab[]} tabs
 * @param {(choices: string[], guess: string) => Promise<string>} askForLabel
 * @returns {Promise<OwnData>}
 */
export async function readOwnData(dropped, tab, tabs, askForLabel) {
  const images = dropped.filter(({ file }) => IMAGE.test(file.name));
  if (images.length) return readImages(images, tab);
  const [first] = dropped;
  if (!first || dropped.length > 1) throw new Error(say("oneTable"));

  const columns = readNames(new Uint8Array(await first.file.slice(0, HEAD_BYTES).arrayBuffer()));
  const found = await findTask(columns, tab, tabs);
  const extra = columns.filter((each) => !found.features.includes(each));
  // A column without a name is the number of the row, which data frames write: no one can choose it.
  const others = extra.filter((each) => each);
  const guess = others.find((each) => TRUTHS.includes(each.toLowerCase())) ?? others.at(-1) ?? "";
  const label = others.length > 1 ? await askForLabel(others, guess) : extra.length > 1 ? guess : null;
  return { task: found.task, name: first.file.name, table: first.file, label, images: [], pictures: new Map() };
}

/** @param {Dropped[]} images @param {import("../models.js").Tab} tab @returns {OwnData} */
function readImages(images, tab) {
  if (images.some(({ folder }) => !folder)) throw new Error(say("needFolders", nameTask(tab.task)));
  const labelled = images.map(({ file, folder }) => ({ file, label: folder }));
  return { task: tab.task, name: say("nImages", number(images.length, {})), table: null, label: null, images: labelled,
    pictures: new Map(labelled.map(({ file, label }) => [`${label}/${file.name}`, file])) };
}

/**
 * Returns the task whose features the columns have, the open one first; where none fits it is the open one.
 * @param {string[]} columns
 * @param {import("../models.js").Tab} tab
 * @param {import("../models.js").Tab[]} tabs
 */
async function findTask(columns, tab, tabs) {
  for (const each of [tab, ...tabs]) {
    const card = await loadCard(each.members[0].name);
    const features = joinColumns(card.input.features ?? []).map(({ name }) => name);
    if (features.length && features.every((name) => columns.includes(name))) return { task: each.task, features };
  }
  return { task: tab.task, features: columns.slice(0, -1) };
}

/** Asks the service to judge the data. @param {OwnData} own @param {string} by @returns {Promise<any>} */
export function judge(own, by) {
  const form = new FormData();
  form.append("task", own.task);
  form.append("by", by);
  if (own.table) form.append("data", own.table, own.table.name);
  if (own.label) form.append("label", own.label);
  for (const { file, label } of own.images) {
    form.append("label", label);
    form.append("image", file, file.name);
  }
  return ask("judge", { method: "POST", body: form });
}

/**
 * Asks which column has the truth.
 * @param {HTMLElement} place
 * @param {string[]} choices
 * @param {string} guess
 * @returns {Promise<string>}
 */
export function askForLabel(place, choices, guess) {
  return new Promise((done) => {
    const group = make("div", { class: "choices", role: "group", "aria-label": say("whichLabel") },
      ...choices.map((each) => button(each, () => { place.replaceChildren(); done(each); }, { class: each === guess ? "hard" : "" })));
    place.replaceChildren(make("div", { class: "notice" }, make("b", {}, say("whichLabel")), group));
    group.querySelector("button")?.focus();
  });
}

/** Gives a person a file. @param {string} name @param {string} text @param {string} type */
export function download(name, text, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
