// A form made from the card: a slider over the histogram of each number, a choice for each category.

import { joinColumns, joinRow } from "../columns.js";
import { Contributions } from "../contributions.js";
import { countDays, parseDate, writeDate } from "../dates.js";
import { button, make } from "../dom.js";
import { nameFeature } from "../feature_names.js";
import { nameClass } from "../names.js";
import { readPastedRow } from "../pasted.js";
import { number, say, writeDay } from "../words.js";

/** A slider reaches beyond the range of training by this share of it on each side. */
const MARGIN = 0.2;
const DIGITS = 4;
/** A server reads no more of a text. */
const MAX_CHARS = 20_000;
const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {import("../bench.js").Bench} bench
 * @param {string | null} shared
 */
export function mount(bench, shared) {
  new Form(bench).open(shared);
}

class Form {
  /** @param {import("../bench.js").Bench} bench */
  constructor(bench) {
    this.bench = bench;
    this.features = bench.card.input.features ?? [];
    this.columns = joinColumns(this.features);
    this.fields = this.columns.map((column, index) =>
      makeField(column, nameFeature(bench.tab.task, column.name), index, () => this.change()));
    this.warning = make("p", { class: "far", role: "status" });
    this.adds = new Contributions(bench, (flips) => this.markFlips(flips));
    const isExplained = bench.isClassifier || bench.tab.kind === "regressor";
    if (isExplained) bench.verdicts.element.after(this.adds.element);
    bench.onExample = ({ row, truth }) => this.show(row, truth);
    bench.input.append(
      make("div", { class: "buttons" }, ...bench.examples.buttons,
        button(say("reset"), () => this.showExample()), make("span", { class: "quiet paste" }, say("pasteRow"))),
      bench.examples.element, this.warning,
      make("div", { class: "fields", role: "group", "aria-label": say("features"), tabindex: this.fields.length > 8 ? 0 : null },
        ...this.fields.map((field) => field.element)));
    const paste = (/** @type {ClipboardEvent} */ event) => this.paste(event);
    addEventListener("paste", paste);
    bench.closers.push(() => removeEventListener("paste", paste));
  }

  /** Takes a row of a table that is pasted anywhere on the page. @param {ClipboardEvent} event */
  paste(event) {
    if (event.target instanceof HTMLTextAreaElement) return;
    const names = this.columns.map(({ name }) => name);
    const row = readPastedRow(event.clipboardData?.getData("text") ?? "", names);
    if (!row) return;
    event.preventDefault();
    this.show(row.map((text, index) => this.fields[index].parse(text)), null);
  }

  /** @param {string | null} shared */
  async open(shared) {
    const { bench } = this;
    const row = shared === null ? null : this.read(shared);
    for (const each of bench.examples.buttons) each.hidden = true;
    if (row) this.show(row, null);
    try {
      const has = bench.isClassifier && await bench.examples.load();
      if (!row && has) await bench.examples.show(!bench.examples.buttons[0].hidden);
      else if (!row) this.showExample();
    } catch (error) {
      bench.showProblem(/** @type {Error} */ (error));
    }
    bench.open();
  }

  showExample() {
    this.show(this.bench.card.input.example ?? this.fields.map((field) => field.middle()), null);
  }

  /** Returns the row of an address, none where it is not one. @param {string} shared */
  read(shared) {
    const texts = shared.split(",");
    if (texts.length !== this.fields.length) return null;
    return texts.map((text, index) => this.fields[index].parse(decodeURIComponent(text)));
  }

  /** @param {any[]} row @param {string | null} truth */
  show(row, truth) {
    if (truth === null) this.bench.examples.forget();
    for (const [index, value] of joinRow(row, this.columns, this.features).entries()) this.fields[index].write(value);
    this.ask(truth);
  }

  change() {
    this.bench.examples.forget();
    this.ask(null);
  }

  /** @param {Map<string, import("../contributions.js").Flip>} flips */
  markFlips(flips) {
    for (const field of this.fields) field.markFlip(flips.get(field.feature) ?? null);
  }

  /** @param {string | null} truth */
  ask(truth) {
    const row = this.fields.map((field) => field.value());
    const wrong = this.fields.find((field) => Number.isNaN(field.value()));
    const n = this.fields.filter((field) => field.mark()).length;
    this.warning.textContent = n ? say("farOff", n) : "";
    this.adds.show(wrong ? null : row);
    if (wrong) {
      this.bench.clear(say(wrong instanceof DateField ? "notDate" : "notNumber", wrong.name));
      return;
    }
    this.bench.ask({ row, shared: row.map((value) => encodeURIComponent(String(value ?? ""))).join(","), truth });
  }
}

/**
 * @param {import("../columns.js").Column} column
 * @param {string} name what people call it
 * @param {number} index
 * @param {() => void} change
 */
function makeField(column, name, index, change) {
  if ("terms" in column) return new TextField(column, name, index, change);
  if ("days" in column) return new DateField(column, name, index, change);
  return column.type === "number" ? new NumberField(column, name, index, change) : new CategoryField(column, name, index, change);
}

class NumberField {
  /**
   * @param {import("../models.js").Feature} feature
   * @param {string} name
   * @param {number} index
   * @param {() => void} change
   */
  constructor(feature, name, index, change) {
    this.feature = feature.name;
    this.name = name;
    this.range = feature.range ?? null;
    this.isOptional = feature.imputed != null;
    const [low, high] = feature.range ?? [0, 1];
    const margin = (high - low || 1) * MARGIN;
    const id = `feature-${index}`;
    const limits = { min: low - margin, max: high + margin, step: "any" };
    this.slider = make("input", { type: "range", ...limits, "aria-label": this.name, input: () => {
      this.box.value = round(this.slider.valueAsNumber);
      change();
    } });
    this.box = make("input", { type: "text", inputmode: "decimal", id, autocomplete: "off", spellcheck: "false",
      "aria-describedby": `${id}-note`, input: () => {
        if (Number.isFinite(this.value())) this.slider.valueAsNumber = this.value();
        change();
      } });
    this.note = make("span", { class: "note", id: `${id}-note` });
    this.flip = make("span", { class: "flip", hidden: true, "aria-hidden": "true" });
    this.element = make("div", { class: "field" }, make("label", { for: id }, this.name), this.box,
      make("div", { class: "sliding" }, drawHistogram(feature, low - margin, high + margin), this.flip, this.slider), this.note);
  }

  middle() {
    return this.range ? (this.range[0] + this.range[1]) / 2 : 0;
  }

  /** @param {string} text */
  parse(text) {
    return text === "" ? null : Number(text);
  }

  /** @param {number | null} value */
  write(value) {
    this.box.value = value === null ? "" : String(value);
    this.slider.value = String(value ?? this.middle());
  }

  /** @returns {number | null} NaN for what is no number. */
  value() {
    const text = this.box.value.trim().replace(",", ".");
    if (text === "") return this.isOptional ? null : NaN;
    return Number(text);
  }

  /** Shows over the slider where the class flips. @param {import("../contributions.js").Flip | null} flip */
  markFlip(flip) {
    const at = flip?.flips_at ?? null;
    this.flip.hidden = at === null;
    if (at === null) return;
    const [from, to] = [Number(this.slider.min), Number(this.slider.max)];
    this.flip.style.setProperty("inset-inline-start", `calc(8px + (100% - 16px) * ${(at - from) / (to - from)})`);
    this.flip.title = say("flips", round(at), nameClass(flip?.class ?? ""));
  }

  /** Says whether the value is beyond the range of training, and shows it. */
  mark() {
    const value = this.value();
    const isFar = Boolean(this.range && value !== null && (value < this.range[0] || value > this.range[1]));
    this.element.classList.toggle("far-off", isFar);
    const [low, high] = (this.range ?? []).map((end) => number(end));
    this.note.textContent = this.range ? say(isFar ? "beyond" : "range", low, high) : "";
    return isFar;
  }
}

class DateField {
  /**
   * @param {import("../dates.js").DateColumn} column
   * @param {string} name
   * @param {number} index
   * @param {() => void} change
   */
  constructor(column, name, index, change) {
    this.feature = column.name;
    this.name = name;
    this.range = column.days.range ?? null;
    this.isOptional = column.days.imputed != null;
    const [low, high] = column.days.range ?? [0, 1];
    const margin = Math.ceil((high - low || 1) * MARGIN);
    const id = `feature-${index}`;
    this.slider = make("input", { type: "range", min: low - margin, max: high + margin, step: 1, "aria-label": this.name, input: () => {
      this.box.value = writeDate(this.slider.valueAsNumber);
      change();
    } });
    this.box = make("input", { type: "date", id, "aria-describedby": `${id}-note`, input: () => {
      if (this.box.value) this.slider.valueAsNumber = countDays(this.box.value);
      change();
    } });
    this.note = make("span", { class: "note", id: `${id}-note` });
    this.element = make("div", { class: "field date" }, make("label", { for: id }, this.name), this.box,
      make("div", { class: "sliding" }, drawHistogram(column.days, low - margin, high + margin), this.slider), this.note);
  }

  middle() {
    return this.range ? writeDate((this.range[0] + this.range[1]) / 2) : "";
  }

  /** @param {string} text */
  parse(text) {
    return parseDate(text) || null;
  }

  /** @param {string | null} value */
  write(value) {
    this.box.value = value ?? "";
    this.slider.valueAsNumber = countDays(value || this.middle() || writeDate(0));
  }

  /** @returns {any} NaN for what is no date. */
  value() {
    return this.box.value || (this.isOptional ? null : NaN);
  }

  /** Says whether the date is beyond those of training, and shows it. */
  mark() {
    const days = this.box.value ? countDays(this.box.value) : null;
    const isFar = Boolean(this.range && days !== null && (days < this.range[0] || days > this.range[1]));
    this.element.classList.toggle("far-off", isFar);
    const [low, high] = (this.range ?? []).map((end) => writeDay(end));
    this.note.textContent = this.range ? say(isFar ? "beyond" : "range", low, high) : "";
    return isFar;
  }

  markFlip() {}
}

class CategoryField {
  /**
   * @param {import("../models.js").Feature} feature
   * @param {string} name
   * @param {number} index
   * @param {() => void} change
   */
  constructor(feature, name, index, change) {
    this.feature = feature.name;
    this.name = name;
    this.values = feature.values ?? [];
    const id = `feature-${index}`;
    const empty = feature.imputed != null ? [make("option", { value: "" }, say("missing"))] : [];
    this.box = make("select", { id, change }, ...empty, ...this.values.map((value) => make("option", { value }, value)));
    this.element = make("div", { class: "field choice" }, make("label", { for: id }, this.name), this.box);
  }

  middle() {
    return this.values[0];
  }

  /** @param {string} text */
  parse(text) {
    return text || null;
  }

  /** @param {string | null} value */
  write(value) {
    this.box.value = value ?? "";
  }

  /** @returns {any} */
  value() {
    return this.box.value || null;
  }

  mark() {
    return false;
  }

  markFlip() {}
}

class TextField {
  /**
   * @param {import("../columns.js").TextColumn} column
   * @param {string} name
   * @param {number} index
   * @param {() => void} change
   */
  constructor(column, name, index, change) {
    this.feature = column.name;
    this.name = name;
    const id = `feature-${index}`;
    this.box = make("textarea", { id, rows: 4, maxlength: MAX_CHARS, spellcheck: "false", input: change });
    this.element = make("div", { class: "field text" }, make("label", { for: id }, this.name), this.box);
  }

  middle() {
    return "";
  }

  /** @param {string} text */
  parse(text) {
    return text;
  }

  /** @param {string | null} value */
  write(value) {
    this.box.value = value ?? "";
  }

  /** @returns {any} */
  value() {
    return this.box.value;
  }

  mark() {
    return false;
  }

  markFlip() {}
}

/**
 * Draws how densely the rows of training lie, from the bins of the card.
 * @param {import("../models.js").Feature} feature
 * @param {number} from
 * @param {number} to
 */
function drawHistogram({ range, distribution }, from, to) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  if (!range || !distribution?.edges) return svg;

  const ends = [range[0], ...distribution.edges, range[1]];
  const bins = distribution.counts.map((n, index) => ({ low: ends[index], high: ends[index + 1], n }));
  const wide = bins.filter(({ low, high }) => high > low);
  const densest = Math.max(...wide.map(({ low, high, n }) => n / (high - low)));
  for (const { low, high, n } of wide) {
    const rect = document.createElementNS(SVG, "rect");
    const height = 20 * Math.sqrt(n / (high - low) / densest);
    const place = { x: 100 * (low - from) / (to - from), y: 20 - height, width: 100 * (high - low) / (to - from), height };
    for (const [name, value] of Object.entries(place)) rect.setAttribute(name, String(value));
    svg.append(rect);
  }
  return svg;
}

/** @param {number} value */
function round(value) {
  return String(Number(value.toPrecision(DIGITS)));
}
