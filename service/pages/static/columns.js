// Features that are terms of a text, as "review: good", stand on the page as the text that they come from, and those
// that are parts of a date as that date.

import { findDates, writeDate } from "./dates.js";

/** A text has so many terms at least. */
const FEWEST = 5;
const SEPARATOR = ": ";

/**
 * @typedef {import("./models.js").Feature} Feature
 * @typedef {{name: string, type: "text", terms: {term: string, index: number}[]}} TextColumn
 * @typedef {Feature | TextColumn | import("./dates.js").DateColumn} Column
 */

/** Returns the columns of a row as people have it: a text in the place of its first term, a date of its first part. @param {Feature[]} features */
export function joinColumns(features) {
  /** @type {Map<string, TextColumn>} */
  const texts = new Map();
  for (const [index, { name, type, range }] of features.entries()) {
    const at = name.lastIndexOf(SEPARATOR);
    // The training rows may all lack a term, or all have it.
    if (at < 1 || type !== "number" || range?.some((each) => each !== 0 && each !== 1)) continue;
    const column = name.slice(0, at);
    const text = texts.get(column) ?? { name: column, type: "text", terms: [] };
    text.terms.push({ term: name.slice(at + SEPARATOR.length), index });
    texts.set(column, text);
  }

  const names = new Set(features.map(({ name }) => name));
  const found = [...texts.values()].filter(({ name, terms }) => terms.length >= FEWEST && !names.has(name));
  /** @type {Map<number, Column>} */
  const columnOf = new Map([
    ...found.flatMap((text) => text.terms.map(({ index }) => /** @type {[number, Column]} */ ([index, text]))),
    ...findDates(features).flatMap((date) => date.indices.map((index) => /** @type {[number, Column]} */ ([index, date]))),
  ]);
  /** @type {Set<Column>} */
  const columns = new Set(features.map((feature, index) => columnOf.get(index) ?? feature));
  return [...columns];
}

/**
 * Returns a row of values of these columns from one of all features: of a text the words that it has, of a date its day.
 * @param {any[]} row
 * @param {Column[]} columns
 * @param {Feature[]} features
 */
export function joinRow(row, columns, features) {
  if (row.length !== features.length) return row;
  const values = new Map(features.map(({ name }, index) => [name, row[index]]));
  return columns.map((column) => {
    if ("days" in column) return typeof row[column.index] === "number" ? writeDate(row[column.index]) : null;
    if (!("terms" in column)) return values.get(column.name);
    return column.terms.filter(({ term, index }) => row[index] && !term.includes(" ")).map(({ term }) => term).join(" ");
  });
}
