// What was seen of each test, kept by the browser, so that the curve goes on where the page is opened again.

const KEPT = "veredicto.live.";
const MAX_POINTS = 400;

/** @typedef {import("./curve.js").Point} Point */

export class History {
  constructor() {
    /** @type {Map<string, Point[]>} */
    this.seen = new Map();
  }

  /** Returns the points of a test. @param {string} key */
  read(key) {
    const known = this.seen.get(key);
    if (known) return known;
    const kept = recall(key);
    this.seen.set(key, kept);
    return kept;
  }

  /** Adds what a test has come to; with fewer rows than before it is another test, which begins anew. @param {string} key @param {Point} point */
  add(key, point) {
    let points = this.read(key);
    const last = points.at(-1);
    if (last?.rows === point.rows) return;
    if (last && last.rows > point.rows) points = [];
    points.push(point);
    // Every second one is let go where they are many: the curve keeps its course.
    if (points.length > MAX_POINTS) points = points.filter((_, index) => index % 2 === 0 || index === points.length - 1);
    this.seen.set(key, points);
    try {
      localStorage.setItem(KEPT + key, JSON.stringify(points));
    } catch {
      // A browser that keeps nothing has the curve until the page is left.
    }
  }
}

/** @param {string} key @returns {Point[]} */
function recall(key) {
  try {
    const points = JSON.parse(localStorage.getItem(KEPT + key) ?? "[]");
    return Array.isArray(points) ? points.filter((each) => Number.isFinite(each?.rows) && Number.isFinite(each.value) && each.interval?.length === 2) : [];
  } catch {
    return [];
  }
}
