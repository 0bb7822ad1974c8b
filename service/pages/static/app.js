// The page: its words, its tabs, and the bench that is open.

import { Unreachable } from "./api.js";
import { Bench } from "./bench.js";
import * as drawing from "./benches/drawing.js";
import { at, make } from "./dom.js";
import { chooseBench, leadOf, listTabs, loadCard, loadModels, nameTab } from "./models.js";
import { nameFamily, nameTask, sortTasks } from "./names.js";
import { writeNavigation } from "./navigation.js";
import { notice, waitForServer } from "./notices.js";
import { readState, writeState } from "./state.js";
import { writeTabs } from "./tabs.js";
import { findLanguage, say } from "./words.js";

/** @type {Bench | null} */
let open = null;
/** @type {{models: import("./models.js").Model[], refused: {file: string, reason: string}[], cardless: string[]}} */
let served = { models: [], refused: [], cardless: [] };
let turn = 0;

async function start() {
  findLanguage();
  writeFrame();
  try {
    served = await loadModels();
  } catch (error) {
    notice(/** @type {Error} */ (error).message);
    if (!(error instanceof Unreachable)) return;
    await waitForServer(() => true);
    start();
    return;
  }
  notice();
  show();
  if (location.hash === "#models") at("models").scrollIntoView();
}

/** Writes what stands around the benches in the page's language. */
function writeFrame() {
  at("title").textContent = say("title");
  at("skip").textContent = say("skip");
  writeNavigation("", () => {
    writeFrame();
    show();
  });
}

function show() {
  const { models, refused, cardless } = served;
  const tabs = listTabs(models);
  at("ready").textContent = say("ready", models.length + cardless.length);
  showModels();
  if (refused.length) {
    notice(make("b", {}, say("refused")), make("ul", {}, ...refused.map(({ file, reason }) =>
      make("li", {}, make("code", {}, file), ": ", make("span", { lang: "en" }, reason)))));
  }
  if (!tabs.length) {
    showNothing();
    return;
  }

  const wished = readState().get("task");
  const found = tabs.find(({ id }) => id === wished);
  if (wished && !found) notice(say("unknownTask", wished));
  showTab(tabs, found ?? tabs[0]);
}

function showNothing() {
  const isEmpty = !served.models.length && !served.cardless.length;
  at("tabs").hidden = true;
  at("lead").textContent = "";
  at("bench").replaceChildren(isEmpty
    ? make("div", { class: "empty" }, make("p", {}, say("nothing")),
      make("pre", { tabindex: 0 }, "python -m training all\nVEREDICTO_MODELS=my_models make serve"))
    : make("div", { class: "empty" }, make("p", {}, say("nothingHere"))));
}

/**
 * @param {import("./models.js").Tab[]} tabs
 * @param {import("./models.js").Tab} chosen
 */
async function showTab(tabs, chosen) {
  const mine = ++turn;
  const choose = (/** @type {import("./models.js").Tab} */ tab) => {
    writeState({ task: tab.id, x: null, look: null }, { step: true });
    showTab(tabs, tab);
    document.querySelector("[role=tab][aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "center" });
  };
  writeTabs(tabs, chosen, nameTab, choose, "bench", say("tasks"));
  open?.close();
  open = null;

  try {
    const card = await loadCard(chosen.members[0].name);
    const name = chooseBench(chosen, card);
    const module = name === "drawing" ? drawing : await import(`./benches/${name}.js`);
    if (mine !== turn) return;
    at("lead").textContent = leadOf(name, chosen);
    open = new Bench(chosen, card);
    open.element.classList.add(name);
    at("bench").setAttribute("aria-label", nameTab(chosen));
    at("bench").replaceChildren(open.element);
    module.mount(open, readState().get("x"));
  } catch (error) {
    if (mine !== turn) return;
    notice(error instanceof TypeError ? say("renewed") : /** @type {Error} */ (error).message);
    if (!(error instanceof Unreachable)) return;
    await waitForServer(() => mine === turn);
    notice();
    if (mine === turn) showTab(tabs, chosen);
  }
}

function showModels() {
  const { models, cardless } = served;
  const groups = sortTasks([...new Set(models.map(({ task }) => task))]).map((task) => make("div", { class: "group" },
    make("h3", {}, nameTask(task)),
    make("ul", {}, ...models.filter((model) => model.task === task).map(({ name, family, summary }) => make("li", {},
      make("a", { href: `models/${encodeURIComponent(name)}`, title: summary }, nameFamily(family)))))));
  if (cardless.length) {
    groups.push(make("div", { class: "group" }, make("h3", {}, say("noCard")), make("p", { class: "quiet" }, say("noCardLead")),
      make("ul", {}, ...cardless.map((name) => make("li", {},
        make("a", { href: `models/${encodeURIComponent(name)}` }, name))))));
  }
  at("models").hidden = !groups.length;
  at("models").replaceChildren(make("h2", {}, say("models")), make("p", { class: "quiet" }, say("modelsLead")),
    make("div", { class: "groups" }, ...groups));
}

addEventListener("popstate", () => {
  if (served.models.length) show();
});
start();
