// Photographs to begin with: held-out ones of the task where the server has some, and a few that come with the page.

import { Unreachable } from "../api.js";
import { button, make } from "../dom.js";
import { currentLanguage, say } from "../words.js";

const N_HELD_OUT = 40;
const UNKNOWN = "unknown";

/**
 * The page's own photographs, and the classes that are true of each.
 * @type {Record<string, {file: string, en: string, es: string, classes: string[]}>}
 */
const OWN = {
  cat: { file: "cat.jpg", en: "A cat", es: "Un gato", classes: ["cat", "tabby", "tiger cat", "Egyptian cat"] },
  car: { file: "car.png", en: "A car, drawn", es: "Un auto dibujado", classes: ["automobile", "sports car", "passenger car"] },
  coffee: { file: "coffee.jpg", en: "A cup of coffee", es: "Una taza de café", classes: ["espresso", "cup", "coffee mug"] },
  rocket: { file: "rocket.jpg", en: "A rocket", es: "Un cohete", classes: ["missile", "projectile"] },
};

/** Returns the class that faces give to strangers; null of other families. @param {import("../bench.js").Bench} bench */
export function findStrangers({ tab, classes }) {
  return tab.members.some(({ family }) => family === "faces") && classes.includes(UNKNOWN) ? UNKNOWN : null;
}

/** @typedef {{key: string | null, text: string, truth: string | null}} Example */

export class PhotographExamples {
  /**
   * @param {import("../bench.js").Bench} bench
   * @param {(file: Blob, example: Example) => void} show
   */
  constructor(bench, show) {
    this.bench = bench;
    this.show = show;
    this.told = make("p", { class: "quiet", role: "status" });
    this.tiles = Object.entries(OWN).map(([key, own]) => {
      const name = own[currentLanguage()];
      const picture = make("img", { src: addressOf(own.file), alt: "", width: 40, height: 40 });
      const tile = button("", () => this.choose(key), { class: "example", title: name, "aria-label": name, "aria-pressed": "false", "data-key": key });
      tile.append(picture);
      return tile;
    });
    const { examples } = bench;
    examples.n = N_HELD_OUT;
    bench.onExample = ({ row, truth }) => {
      this.mark(null);
      this.told.textContent = "";
      this.show(decode(/** @type {any} */ (row).b64), { key: null, text: say("heldOutOne"), truth });
    };
    this.element = make("div", { class: "examples", role: "group", "aria-label": say("examples") }, ...examples.buttons, ...this.tiles);
    this.quiz = make("div", { class: "told-of" }, this.told, examples.element);
    for (const each of examples.buttons) each.hidden = true;
  }

  /** Shows the one that the address names, or else the first. @param {string | null} shared */
  async open(shared) {
    await this.choose(shared !== null && shared in OWN ? shared : "cat");
    await this.bench.examples.load();
  }

  /** @param {string} key */
  async choose(key) {
    const own = OWN[key];
    const response = await fetch(addressOf(own.file)).catch(() => {
      throw new Unreachable();
    });
    const file = await response.blob();
    if (!this.bench.isOpen) return;
    const text = own[currentLanguage()];
    this.bench.examples.forget();
    this.mark(key);
    const isKnown = findStrangers(this.bench) !== null || own.classes.some((each) => this.bench.classes.includes(each));
    this.told.textContent = isKnown ? `${text}.` : say("noneIsRight", text);
    this.show(file, { key, text, truth: null });
  }

  /** Says nothing of an example any more. */
  forget() {
    this.bench.examples.forget();
    this.mark(null);
    this.told.textContent = "";
  }

  /** @param {string | null} key */
  mark(key) {
    for (const each of this.tiles) each.setAttribute("aria-pressed", String(each.dataset.key === key));
  }
}

/** @param {string} name */
function addressOf(name) {
  return String(new URL(`../photographs/${name}`, import.meta.url));
}

/** @param {string} b64 */
function decode(b64) {
  return new Blob([Uint8Array.from(atob(b64), (each) => each.charCodeAt(0))], { type: "image/png" });
}
