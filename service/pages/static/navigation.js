// The frame of every page: where one can go, in which language, and light or dark.

import { ROOT } from "./api.js";
import { at, button, make } from "./dom.js";
import { LANGUAGES, changeLanguage, currentLanguage } from "./words.js";

/** @typedef {{path: string, es_path?: string, en: string, es: string}} Entry */

/**
 * The pages of the service, in the order of the links; a page whose address has a Spanish form names that too.
 * @type {Entry[]}
 */
export const NAVIGATION = [
  { path: "", en: "Try", es: "Probar" },
  { path: "trust", en: "Trust", es: "Confiar" },
  { path: "models", en: "Models", es: "Modelos" },
  { path: "course", es_path: "curso", en: "Course", es: "Curso" },
  { path: "live", en: "Live", es: "En vivo" },
  { path: "docs", en: "API", es: "API" },
];
const WORDS = {
  en: { language: "Language", dark: "Dark theme", light: "Light theme" },
  es: { language: "Idioma", dark: "Tema oscuro", light: "Tema claro" },
};
const KEPT = "veredicto.theme";
const DARK = matchMedia("(prefers-color-scheme: dark)");

/**
 * Writes links, languages and theme into the head of the page; `redraw` is called where the language changes.
 * @param {string} current the path of this page among NAVIGATION
 * @param {() => void} redraw
 */
export function writeNavigation(current, redraw) {
  const language = currentLanguage();
  const words = WORDS[language];
  at("nav").replaceChildren(...NAVIGATION.map(({ path, es_path, ...names }) => make("a", {
    href: new URL((language === "es" && es_path) || path, ROOT).href, "aria-current": path === current ? "page" : null,
  }, names[language])));
  at("languages").setAttribute("aria-label", words.language);
  at("languages").replaceChildren(...Object.entries(LANGUAGES).map(([code, name]) => button(code.toUpperCase(), () => {
    changeLanguage(/** @type {"en" | "es"} */ (code));
    writeNavigation(current, redraw);
    redraw();
  }, { "aria-pressed": code === language, title: name, "aria-label": name, lang: code })));
  writeTheme();
}

function writeTheme() {
  const isDark = isDarkNow();
  const words = WORDS[currentLanguage()];
  const name = isDark ? words.light : words.dark;
  at("theme")?.remove();
  at("languages").after(button(isDark ? "☀" : "☾", () => {
    keepTheme(isDark ? "light" : "dark");
    writeTheme();
    at("theme").focus();
  }, { id: "theme", class: "theme", title: name, "aria-label": name }));
}

function isDarkNow() {
  return (document.documentElement.dataset.theme ?? (DARK.matches ? "dark" : "light")) === "dark";
}

/** @param {"light" | "dark"} theme */
function keepTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEPT, theme);
  } catch {
    // A browser that keeps nothing has the theme until the page is left.
  }
}

DARK.addEventListener("change", () => at("theme") && writeTheme());
