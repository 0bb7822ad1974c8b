// The course: an index of its classes, or one of them with its demonstration, which is loaded when it is opened.

import { ROOT } from "../api.js";
import { at, button, make } from "../dom.js";
import { nameFamily, nameTask } from "../names.js";
import { writeNavigation } from "../navigation.js";
import { currentLanguage, say, useLanguage } from "../words.js";
import { CLASSES } from "./classes.js";
import { listServed } from "./served.js";
import { tell } from "./words.js";

const NAMES = /** @type {const} */ ({ en: "course", es: "curso" });
/** @type {(() => void)[]} */
let closers = [];

/** @typedef {{closers: (() => void)[]}} Context What a demonstration leaves to be done when it is closed. */

function readPath() {
  const found = /\/(course|curso)\/?(\d*)$/.exec(location.pathname);
  return { language: /** @type {"en" | "es"} */ (found?.[1] === "curso" ? "es" : "en"), number: Number(found?.[2] || 0) };
}

/** @param {"en" | "es"} language @param {number} number */
function addressOf(language, number) {
  return new URL(NAMES[language] + (number ? `/${number}` : ""), ROOT).href;
}

function start() {
  const { language, number } = readPath();
  useLanguage(language);
  writeFrame(number);
  const found = CLASSES[number - 1];
  if (found) showClass(found, number);
  else showIndex();
}

/** @param {number} number */
function writeFrame(number) {
  at("skip").textContent = tell("skip");
  writeNavigation("course", () => {
    history.replaceState(null, "", addressOf(currentLanguage(), number));
    close();
    start();
  });
}

function close() {
  for (const each of closers) each();
  closers = [];
}

function showIndex() {
  const language = currentLanguage();
  document.title = `${tell("course")} · Veredicto`;
  at("classes").hidden = true;
  at("lesson").className = "lesson index";
  at("lesson").replaceChildren(
    make("h1", {}, tell("course")), make("p", { class: "lead" }, tell("courseLead")),
    make("ol", { class: "cards" }, ...CLASSES.map((each, index) => make("li", {},
      make("a", { href: addressOf(language, index + 1) },
        make("span", { class: "ordinal", "aria-hidden": "true" }, String(index + 1)),
        make("span", { class: "title" }, make("span", { class: "unseen" }, `${tell("classNumber", index + 1)}: `), each[language].title)),
      make("p", {}, each[language].lead),
      make("p", { class: "quiet" }, each.models.length ? listFamilies(each.models) : tell("noModel"))))));
}

/** @param {string[]} models */
function listFamilies(models) {
  return [...new Set(models.map((name) => nameFamily(name.slice(name.lastIndexOf("-") + 1))))].join(", ");
}

/** @param {import("./classes.js").Class} found @param {number} number */
async function showClass(found, number) {
  const language = currentLanguage();
  const text = found[language];
  document.title = `${number}. ${text.title} · Veredicto`;
  writeStrip(number);
  const stage = make("section", { class: "stage", "aria-label": tell("demonstration") });
  const models = make("ul", { class: "shown" });
  const [before, after] = [CLASSES[number - 2], CLASSES[number]];
  at("lesson").className = "lesson";
  at("lesson").replaceChildren(
    make("article", { class: "text" },
      make("p", { class: "quiet" }, tell("classOf", number, CLASSES.length)),
      make("h1", {}, text.title),
      ...text.text.map((paragraph) => make("p", {}, paragraph)),
      make("h2", {}, tell("trainIt")), make("pre", { tabindex: 0, class: "command", "aria-label": tell("trainIt"), role: "group" },
        ...found.command.split(/( |\n)/).map((word) => word.trim() ? make("span", {}, word) : word)),
      make("h2", {}, tell("shownBy")), models),
    stage,
    make("p", { class: "turns" },
      before ? make("a", { href: addressOf(language, number - 1), rel: "prev" }, `← ${number - 1}. ${before[language].title}`) : "",
      after ? make("a", { href: addressOf(language, number + 1), rel: "next", class: "next" }, `${number + 1}. ${after[language].title} →`) : ""));
  showModels(models, found.models);
  await showDemonstrations(stage, found.demos);
}

/** @param {number} number */
function writeStrip(number) {
  const language = currentLanguage();
  at("classes").hidden = false;
  at("classes").setAttribute("aria-label", tell("classesOf"));
  at("classes").replaceChildren(make("ol", {}, ...CLASSES.map((each, index) => make("li", {}, make("a", {
    href: addressOf(language, index + 1), title: each[language].title, "aria-label": `${index + 1}. ${each[language].title}`,
    "aria-current": index + 1 === number ? "page" : null,
  }, String(index + 1))))));
  const strip = at("classes");
  const current = strip.querySelector("[aria-current]");
  strip.scrollLeft = current.offsetLeft - strip.clientWidth / 2;
}

/** Names the models of a class, with doors to their cards and to their bench where they are served. @param {HTMLElement} place @param {string[]} names */
async function showModels(place, names) {
  const nameOf = (/** @type {string} */ name) => {
    const [task, family] = name.split("-");
    return `${nameTask(task)}: ${nameFamily(family)}`;
  };
  place.replaceChildren(...(names.length ? names.map((name) => make("li", {}, nameOf(name))) : [make("li", {}, tell("noModel"))]));
  if (!names.length) return;
  const served = await listServed().then((models) => new Set(models.map(({ name }) => name)), () => null);
  if (!served) return;
  place.replaceChildren(...names.map((name) => {
    if (!served.has(name)) return make("li", { class: "quiet" }, `${nameOf(name)}: ${tell("notServed")}`);
    const [task, family] = name.split("-");
    const bench = family === "gan" ? name : task;
    const isTried = !["pca", "autoencoder", "kmeans"].includes(family);
    return make("li", {}, make("a", { href: new URL(`models/${name}`, ROOT).href }, nameOf(name)),
      isTried ? " · " : null, isTried ? make("a", { href: new URL(`?task=${bench}`, ROOT).href, "aria-label": tell("tryName", nameOf(name)) }, tell("navTry")) : null);
  }));
}

/** @param {HTMLElement} stage @param {string[]} demos */
async function showDemonstrations(stage, demos) {
  const place = make("div", { class: "demo" });
  let turn = 0;
  const open = async (/** @type {string} */ demo) => {
    const mine = ++turn;
    close();
    try {
      const module = await import(`./demos/${demo}.js`);
      if (mine !== turn) return;
      place.replaceChildren();
      /** @type {Context} */
      const context = { closers };
      await module.mount(place, context);
      place.dataset.demo = demo;
    } catch (error) {
      if (mine === turn) place.replaceChildren(make("p", { class: "problem", role: "alert" }, error instanceof TypeError ? say("renewed") : /** @type {Error} */ (error).message));
    }
  };
  if (demos.length > 1) {
    const buttons = demos.map((demo) => button(tell(/** @type {any} */ (`demo_${demo}`)), () => {
      for (const [index, each] of buttons.entries()) each.setAttribute("aria-pressed", String(demos[index] === demo));
      open(demo);
    }, { "aria-pressed": demo === demos[0], "data-demo": demo }));
    stage.append(make("div", { class: "choices demos", role: "group", "aria-label": tell("demonstration") }, ...buttons));
  }
  stage.append(place);
  await open(demos[0]);
}

start();
