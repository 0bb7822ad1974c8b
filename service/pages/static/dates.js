// Features that are parts of a date, as "born_year" and "born_days", stand on the page as the date that they come from.

const DAY_MS = 86_400_000;
const PARTS = ["year", "month", "weekday", "days"];

/**
 * @typedef {import("./models.js").Feature} Feature
 * @typedef {{name: string, type: "date", days: Feature, index: number, indices: number[]}} DateColumn
 *   `index` is where the days since 1970 stand in a row of all features.
 */

/** Returns the dates that features are parts of, as the server finds them. @param {Feature[]} features @returns {DateColumn[]} */
export function findDates(features) {
  const names = new Set(features.map(({ name }) => name));
  /** @type {Map<string, Map<string, number>>} */
  const found = new Map();
  for (const [index, { name, type }] of features.entries()) {
    const at = name.lastIndexOf("_");
    const [column, part] = [name.slice(0, at), name.slice(at + 1)];
    if (at < 1 || type !== "number" || !PARTS.includes(part)) continue;
    found.set(column, (found.get(column) ?? new Map()).set(part, index));
  }

  return [...found].flatMap(([name, parts]) => {
    const index = parts.get("days");
    if (index === undefined || parts.size < 2 || names.has(name)) return [];
    if (!fits(features[index].range, (part) => features[parts.get(part) ?? -1])) return [];
    return [{ name, type: "date", days: features[index], index, indices: [...parts.values()] }];
  });
}

/**
 * Tells whether the ranges of the parts are such as those of a date's days; a part that is missing is one for all days.
 * @param {[number, number] | undefined} days
 * @param {(part: string) => Feature | undefined} find
 */
function fits(days, find) {
  if (!days) return true;
  const [first, last] = days.map((each) => new Date(each * DAY_MS));
  if (Number.isNaN(first.valueOf()) || Number.isNaN(last.valueOf())) return false;

  const isOneYear = first.getUTCFullYear() === last.getUTCFullYear();
  const weekday = (/** @type {Date} */ date) => (date.getUTCDay() + 6) % 7 + 1;
  return [
    { part: "year", ends: [first.getUTCFullYear(), last.getUTCFullYear()], isExact: true, high: 0 },
    { part: "month", ends: [first.getUTCMonth() + 1, last.getUTCMonth() + 1], isExact: isOneYear, high: 12 },
    { part: "weekday", ends: [weekday(first), weekday(last)], isExact: false, high: 7 },
  ].every(({ part, ends, isExact, high }) => {
    const feature = find(part);
    if (!feature) return ends[0] === ends[1];
    if (!feature.range) return true;
    const [from, to] = feature.range;
    return isExact ? from === ends[0] && to === ends[1] : from >= 1 && to <= high;
  });
}

/** Returns a date as a form has it, 2024-12-31, of its days since 1970. @param {number} days */
export function writeDate(days) {
  return new Date(Math.round(days) * DAY_MS).toISOString().slice(0, 10);
}

/** Returns the days since 1970 of such a date. @param {string} date */
export function countDays(date) {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

/** Returns a text of a table as such a date, nothing where its day and month may be either. @param {string} text */
export function parseDate(text) {
  const [, year, ...rest] = /^(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})(?!\d)/.exec(text) ?? [];
  if (year) return check(year, rest[0], rest[1]);
  const [, first, mark, second, last] = /^(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4})(?!\d)/.exec(text) ?? [];
  if (!last) return "";
  const found = new Set([check(last, second, first), mark === "." ? "" : check(last, first, second)].filter(Boolean));
  return found.size === 1 ? [...found][0] : "";
}

/** @param {string} year @param {string} month @param {string} day */
function check(year, month, day) {
  const date = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  return Number.isNaN(countDays(date)) || writeDate(countDays(date)) !== date ? "" : date;
}
