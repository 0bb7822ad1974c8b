// Blocks of code that follow each other, one in each language, become tabs; the language that was chosen holds for all.
"use strict";

const NAMES = { "highlight-console": "curl", "highlight-python": "Python", "highlight-javascript": "JavaScript" };
const KEY = "veredicto-language";

function nameOf(block) {
  const found = Object.keys(NAMES).find((each) => block.classList.contains(each));
  return found === undefined ? undefined : NAMES[found];
}

/** Returns runs of three neighbouring blocks, one in each language. */
function findRuns() {
  const runs = [];
  for (const first of document.querySelectorAll(".highlight-console")) {
    const second = first.nextElementSibling;
    const third = second === null ? null : second.nextElementSibling;
    if (second !== null && third !== null && nameOf(second) === "Python" && nameOf(third) === "JavaScript") {
      runs.push([first, second, third]);
    }
  }
  return runs;
}

function choose(name) {
  for (const tab of document.querySelectorAll('.languages [role="tab"]')) {
    const isChosen = tab.textContent === name;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
}

function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Pages from a folder may have no storage.
  }
}

function recall() {
  try {
    return localStorage.getItem(KEY) ?? "curl";
  } catch {
    return "curl";
  }
}

function moveFocus(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const tabs = [...event.currentTarget.children];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

function makeTabs(blocks, number) {
  const box = document.createElement("div");
  const list = document.createElement("div");
  box.className = "languages";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Language");
  list.addEventListener("keydown", moveFocus);
  blocks[0].before(box);
  box.append(list);

  for (const block of blocks) {
    const name = nameOf(block);
    const tab = document.createElement("button");
    const panel = document.createElement("div");
    tab.type = "button";
    tab.id = `tab-${number}-${name}`;
    tab.textContent = name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `panel-${number}-${name}`);
    tab.addEventListener("click", () => { choose(name); remember(name); });
    panel.id = `panel-${number}-${name}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.append(block);
    list.append(tab);
    box.append(panel);
  }
}

findRuns().forEach(makeTabs);
choose(recall());
// What scrolls can be reached by the keyboard.
for (const block of document.querySelectorAll(".highlight pre")) block.tabIndex = 0;

// The theme's captions are headings without a level, and its two side bars have no names.
for (const caption of document.querySelectorAll('.caption[role="heading"]')) caption.setAttribute("aria-level", "2");
document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Pages");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
