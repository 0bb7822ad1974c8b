// The tabs of tasks, which arrow keys move along.

import { at, button } from "./dom.js";

/** @typedef {import("./models.js").Tab} Tab */

/**
 * Writes the tabs; the panel that they are for has the id `panel`.
 * @param {Tab[]} tabs
 * @param {Tab} chosen
 * @param {(tab: Tab) => string} name
 * @param {(tab: Tab) => void} choose
 * @param {string} panel
 * @param {string} label
 */
export function writeTabs(tabs, chosen, name, choose, panel, label) {
  const place = at("tabs");
  const hadFocus = place.contains(document.activeElement);
  place.hidden = false;
  place.setAttribute("aria-label", label);
  place.replaceChildren(...tabs.map((tab) => button(name(tab), () => choose(tab), {
    role: "tab", "aria-selected": tab === chosen, "aria-controls": panel, tabindex: tab === chosen ? 0 : -1,
  })));
  place.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(tabs[(tabs.indexOf(chosen) + step + tabs.length) % tabs.length]);
    place.querySelector("[aria-selected=true]").focus();
  };
  const selected = place.querySelector("[aria-selected=true]");
  // On a phone the tabs are wider than the page.
  place.scrollLeft = selected.offsetLeft - place.offsetLeft - (place.clientWidth - selected.offsetWidth) / 2;
  if (hadFocus) selected.focus();
}
