// Inside a model of photographs: a heat map for each class, and what each channel of each layer gives of the photograph.

import { Refusal, ask, post } from "../api.js";
import { button, latestOnly, make } from "../dom.js";
import { nameClass, nameFamily } from "../names.js";
import { readState, writeState } from "../state.js";
import { number, say } from "../words.js";
import { drawOver, readChannels } from "./channels.js";

const MAX_CLASSES = 10;
const TILE_PX = 48;

/** @typedef {{name: string, channels: number, height: number, width: number}} Layer */

export class Inside {
  /**
   * @param {import("../bench.js").Bench} bench
   * @param {(address: string, text: string) => void} showImage
   */
  constructor(bench, showImage) {
    this.bench = bench;
    this.showImage = showImage;
    this.models = bench.tab.members;
    /** @type {import("../models.js").Model | null} */
    this.model = this.models.find(({ name }) => name === readState().get("look")) ?? null;
    /** @type {string | null} the class that is spoken for, the model's own where it is null */
    this.chosen = null;
    /** @type {{file: Blob, address: string, text: string} | null} */
    this.given = null;
    /** @type {{model: import("../models.js").Model, given: any} | null} whose layers are drawn */
    this.drawn = null;
    /** @type {Map<string, Promise<{layers: Layer[]}>>} */
    this.known = new Map();
    this.plain = button(say("plainly"), () => this.choose(null));
    this.buttons = this.models.map((model) => button(nameFamily(model.family), () => this.choose(model)));
    this.told = make("p", { class: "quiet", role: "status" });
    this.classes = make("div", { class: "choices", role: "group", "aria-label": say("speaksFor"), hidden: true }, make("span", { class: "quiet" }, say("speaksFor")));
    this.layers = make("div", { class: "layers" });
    this.element = make("section", { class: "inside", hidden: true }, make("h2", {}, say("lookInside")),
      make("div", { class: "choices", role: "group", "aria-label": say("lookInside") }, this.plain, ...this.buttons),
      this.classes, this.told, this.layers);
    this.look = latestOnly(() => this.show());
  }

  /** Takes a photograph, and looks at it as at the last one. @param {Blob} file @param {string} address @param {string} text */
  take(file, address, text) {
    this.given = { file, address, text };
    this.chosen = null;
    this.element.hidden = false;
    this.showPlain();
    this.look(undefined);
  }

  /** @param {import("../models.js").Model | null} model */
  choose(model) {
    this.model = model;
    this.chosen = null;
    writeState({ look: model?.name ?? null });
    if (!model) this.showPlain();
    this.look(undefined);
  }

  showPlain() {
    if (this.given) this.showImage(this.given.address, this.given.text);
  }

  async show() {
    const { model, given } = this;
    this.plain.setAttribute("aria-pressed", String(!model));
    this.bench.element.classList.toggle("looking", model !== null);
    for (const [index, each] of this.buttons.entries()) each.setAttribute("aria-pressed", String(this.models[index] === model));
    if (!model || !given) {
      this.classes.hidden = true;
      this.told.textContent = "";
      this.layers.replaceChildren();
      this.drawn = null;
      return;
    }

    const isLatest = () => this.model === model && this.given === given && this.bench.isOpen;
    try {
      const input = { b64: await encode(given.file) };
      await this.showHeat(model, input, isLatest);
      await this.showLayers(model, input, isLatest);
    } catch (error) {
      if (isLatest()) this.showProblem(/** @type {Error} */ (error));
    }
  }

  /** @param {import("../models.js").Model} model @param {{b64: string}} input @param {() => boolean} isLatest */
  async showHeat(model, input, isLatest) {
    const { chosen } = this;
    const wish = { model: model.name, inputs: [input], ...(chosen === null ? {} : { class: chosen }) };
    const [{ heat_map: map, class: label }] = (await post("explain", wish)).explanations;
    if (!isLatest() || chosen !== this.chosen) return;
    const text = say("looksAt", nameFamily(model.family), nameClass(label));
    this.showImage(`data:image/png;base64,${map.b64}`, text);
    this.told.textContent = text;
    this.offerClasses(label);
  }

  /** Says here what went wrong: that of the bench is gone with its next answer. @param {Error} error */
  showProblem(error) {
    const isTheirs = error instanceof Refusal;
    this.told.replaceChildren(isTheirs ? say("serverSays") : "", make("span", { lang: isTheirs ? "en" : null }, error.message));
    this.layers.replaceChildren();
    this.drawn = null;
  }

  /** @param {string} label */
  offerClasses(label) {
    const { classes } = this.bench;
    this.classes.hidden = classes.length > MAX_CLASSES;
    if (this.classes.hidden) return;
    if (this.classes.childElementCount === 1) {
      this.classes.append(...classes.map((each) => button(nameClass(each), () => {
        this.chosen = each;
        this.look(undefined);
      }, { "data-class": each })));
    }
    this.pressClass(label);
  }

  /** @param {string | null} label */
  pressClass(label) {
    for (const each of this.classes.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each.dataset.class === label));
  }

  /** @param {import("../models.js").Model} model @param {{b64: string}} input @param {() => boolean} isLatest */
  async showLayers(model, input, isLatest) {
    const { given } = this;
    if (this.drawn?.model === model && this.drawn.given === given) return;
    const { layers } = await this.describe(model.name);
    if (!isLatest()) return;
    this.drawn = null;
    const strips = layers.map((layer) => makeStrip(layer, (canvas, index) => this.open(layer, canvas, index)));
    this.layers.replaceChildren(...(strips.length ? [make("h2", {}, say("layersTitle")), make("p", { class: "quiet" }, say("layersLead"))] : []),
      ...strips.map(({ element }) => element));
    for (const [n, layer] of layers.entries()) {
      const { explanations: [{ maps }] } = await post("explain", { model: model.name, inputs: [input], layer: layer.name });
      const channels = await readChannels(maps.b64, layer.channels);
      if (!isLatest()) return;
      strips[n].fill(channels);
    }
    this.drawn = { model, given };
  }

  /** @param {string} name @returns {Promise<{layers: Layer[]}>} */
  describe(name) {
    const kept = this.known.get(name) ?? ask(`models/${encodeURIComponent(name)}/layers`, { headers: { Accept: "application/json" } });
    this.known.set(name, kept);
    kept.catch(() => this.known.delete(name));
    return kept;
  }

  /** Lays one channel over the photograph. @param {Layer} layer @param {HTMLCanvasElement} canvas @param {number} index */
  async open(layer, canvas, index) {
    if (!this.given) return;
    const text = say("channelSeen", number(index + 1), layer.name);
    this.showImage(await drawOver(this.given.file, canvas), text);
    this.told.textContent = text;
    this.pressClass(null);
    for (const each of this.layers.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each.contains(canvas)));
  }
}

/**
 * Makes the strip of a layer, which is one stop of the Tab key; arrows go from channel to channel.
 * @param {Layer} layer
 * @param {(canvas: HTMLCanvasElement, index: number) => void} open
 */
function makeStrip({ name, channels, height, width }, open) {
  const title = say("layerTitle", name, number(channels, {}), `${height} × ${width}`);
  const strip = make("div", { class: "strip", role: "group", "aria-label": title, keydown: (/** @type {KeyboardEvent} */ event) => move(event, strip) });
  /** @param {{canvas: HTMLCanvasElement, index: number}[]} canvases */
  function fill(canvases) {
    strip.replaceChildren(...canvases.map(({ canvas, index }, place) => {
      const tile = button("", () => open(canvas, index), { "aria-label": say("channel", number(index + 1), name), "aria-pressed": "false", tabindex: place ? -1 : 0 });
      canvas.className = "tile";
      tile.append(canvas);
      return tile;
    }));
    if (canvases.length < channels) more.textContent = say("firstChannels", canvases.length);
  }
  const more = make("span", {});
  strip.append(...Array.from({ length: Math.min(channels, 16) }, () => make("canvas", { class: "tile", width: TILE_PX, height: TILE_PX, "aria-hidden": "true" })));
  return { element: make("div", { class: "layer" }, make("p", { class: "quiet" }, title, more), strip), fill };
}

/** @param {KeyboardEvent} event @param {HTMLElement} strip */
function move(event, strip) {
  const step = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1 })[event.key];
  const tiles = /** @type {HTMLElement[]} */ ([...strip.querySelectorAll("button")]);
  const next = tiles[tiles.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + (step ?? 0)];
  if (!step || !next) return;
  event.preventDefault();
  for (const each of tiles) each.tabIndex = each === next ? 0 : -1;
  next.focus();
}

/** @param {Blob} file @returns {Promise<string>} */
async function encode(file) {
  const address = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(file);
  });
  return String(address).split(",")[1];
}
