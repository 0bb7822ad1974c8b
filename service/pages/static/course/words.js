// Every word of the course's pages in both languages, side by side; the classes' own texts are beside their classes.

import { currentLanguage } from "../words.js";
import { NAMES } from "./words_names.js";
import { SENTENCES } from "./words_sentences.js";

export const WORDS = { ...NAMES, ...SENTENCES };

/** @typedef {keyof typeof WORDS} Word */

/**
 * Returns a text in the page's language; `{0}` and so on stand for the values.
 * @param {Word} word
 * @param {...any} values
 * @returns {string}
 */
export function tell(word, ...values) {
  const [english, spanish] = WORDS[word];
  const text = currentLanguage() === "es" ? spanish : english;
  return text.replace(/\{(\d)\}/g, (_, index) => String(values[Number(index)]));
}
