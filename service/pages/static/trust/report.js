// What is shown becomes one HTML file that needs nothing else: no script, no picture from elsewhere.

import { make } from "../dom.js";

const PICTURE_PX = 96;

/**
 * Returns the view as an HTML file, with what was chosen as text.
 * @param {string} title
 * @param {HTMLElement} view
 */
export function makeReport(title, view) {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText));
  const copy = /** @type {HTMLElement} */ (view.cloneNode(true));
  keepChoices(view, copy);
  keepPictures(view, copy);
  for (const each of copy.querySelectorAll("button.model")) each.replaceWith(make("div", { class: each.className }, ...each.childNodes));
  for (const each of copy.querySelectorAll(".own, .metrics, .downloads .buttons, input")) each.remove();
  for (const each of copy.querySelectorAll("details")) each.setAttribute("open", "");
  const page = make("html", { lang: document.documentElement.lang },
    make("head", {}, make("meta", { charset: "utf-8" }), make("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      make("title", {}, title), make("style", {}, rules.join("\n"))),
    make("body", {}, make("main", {}, make("h1", { class: "intro" }, title), copy)));
  return `<!DOCTYPE html>\n${page.outerHTML}\n`;
}

/** Writes what a person chose or wrote where it was chosen. @param {HTMLElement} view @param {HTMLElement} copy */
function keepChoices(view, copy) {
  const [shown, copied] = [view, copy].map((each) => [...each.querySelectorAll("select, input[type=number]")]);
  copied.forEach((each, place) => {
    const control = /** @type {any} */ (shown[place]);
    each.replaceWith(make("span", {}, control.selectedOptions ? control.selectedOptions[0].textContent : control.value));
  });
}

/** Puts small pictures into the file itself. @param {HTMLElement} view @param {HTMLElement} copy */
function keepPictures(view, copy) {
  const [shown, copied] = [view, copy].map((each) => [...each.querySelectorAll("canvas, img")]);
  copied.forEach((each, place) => {
    const canvas = make("canvas", { width: PICTURE_PX, height: PICTURE_PX });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = shown[place].tagName === "IMG";
    context.drawImage(shown[place], 0, 0, PICTURE_PX, PICTURE_PX);
    each.replaceWith(make("img", { src: canvas.toDataURL("image/png"), alt: "" }));
  });
}
