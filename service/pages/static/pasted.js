// A row of a table that a person pastes: a line of values, or a line of names and one of values.

import { splitLine } from "./lines.js";

/**
 * Returns the values of a pasted row in the order of the features, null where it is no such row.
 * @param {string} text
 * @param {string[]} names those of the features
 */
export function readPastedRow(text, names) {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
  const separator = ["\t", ";", ","].find((each) => lines.some((line) => line.includes(each)));
  if (!separator || !lines.length) return null;

  const [first, second] = lines.map((line) => splitLine(line, separator));
  const values = second && names.every((name) => first.includes(name)) ? names.map((name) => second[first.indexOf(name)]) : first;
  if (values.length < names.length || values.length > names.length + 1) return null;
  return values.slice(0, names.length).map((value) => separator === "," ? value : value.replace(/^([+-]?\d*),(\d+)$/, "$1.$2"));
}
